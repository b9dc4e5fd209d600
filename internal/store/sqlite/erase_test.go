package sqlite

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// Property P27: after a person is erased, no byte that is stored contains the number.
func TestAfterErasingNoByteOfTheFilesContainsTheNumber(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	s := opened(t, path)
	// Enough, in a wild order, that pages are split, freed and used again.
	const many = 600
	order := rand.New(rand.NewPCG(3, 4)).Perm(many)
	want := 0
	var writers sync.WaitGroup
	for part := range slices.Chunk(order, many/8) {
		writers.Go(func() {
			for _, n := range part {
				rec := storetest.Record(n)
				if n%3 == 0 {
					rec = storetest.Mentioning(n)
				}
				rec.Call.DisplayName += strings.Repeat("x ", n%2000)
				held := rec
				held.State = call.Open
				if err := errors.Join(s.RecordCall(t.Context(), held), s.RecordCall(t.Context(), rec)); err != nil {
					t.Error(err)
				}
			}
		})
		for _, n := range part {
			if n%3 == 0 {
				want++
			}
		}
	}
	writers.Wait()
	if n, err := s.Prune(t.Context(), storetest.Record(many/5).Call.ArrivedAt); err != nil || n != many/5 {
		t.Errorf("Prune = %d, %v", n, err)
	}
	want -= many / 5 / 3
	if bytesOf(t, path) == "" {
		t.Fatal("the number is not in the files before: the test finds nothing")
	}
	got, err := s.Erase(t.Context(), storetest.Erasable, call.Act{Who: "x", What: "erased", At: storetest.Arrived})
	if err != nil || got.Calls != want {
		t.Fatalf("Erase = %+v, %v, want %d", got, err, want)
	}
	if at := bytesOf(t, path); at != "" {
		t.Errorf("the number is still there: %s", at)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if at := bytesOf(t, path); at != "" {
		t.Errorf("the number is there after closing: %s", at)
	}
}

// bytesOf returns the first place in all files of the folder where the number stands.
func bytesOf(t *testing.T, path string) string {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if at := storetest.Find(string(text), storetest.Erasable); at != "" {
			return f.Name() + ": " + at
		}
	}
	return ""
}

func TestAReaderIsNoReasonToKeepWhatWasErased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	s := opened(t, path)
	if err := s.RecordCall(t.Context(), storetest.Mentioning(0)); err != nil {
		t.Fatal(err)
	}
	beside, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for range beside.All(t.Context(), store.Filter{}) {
	}
	if _, err := s.Erase(t.Context(), storetest.Erasable, call.Act{}); err != nil {
		t.Errorf("Erase = %v", err)
	}
	if at := bytesOf(t, path); at != "" {
		t.Errorf("the number is still there: %s", at)
	}
}

// Copies may stand where no record is, as on a page that was split.
func TestCopiesThatNoRecordKnowsOfAreErasedToo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	s := opened(t, path)
	if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	run(t, reach(t, path), "PRAGMA secure_delete = OFF", "CREATE TABLE other (text TEXT)",
		"INSERT INTO other VALUES ('"+string(storetest.Erasable)+"')", "DROP TABLE other")
	if bytesOf(t, path) == "" {
		t.Fatal("there is no copy")
	}
	if _, err := s.Erase(t.Context(), storetest.Erasable, call.Act{}); err != nil {
		t.Errorf("Erase = %v", err)
	}
	if at := bytesOf(t, path); at != "" {
		t.Errorf("the number is still there: %s", at)
	}
	if _, err := s.Call(t.Context(), storetest.Record(1).Call.ID); err != nil {
		t.Error(err)
	}
}
