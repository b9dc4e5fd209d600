package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// patient is as long as a busy machine may take.
const patient = 2 * time.Minute

func TestItKeepsThePromisesOfEveryStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "calls.db")
		return func() (*store.Store, error) { return open(context.Background(), path, patient) }
	})
}

// reach returns a plain connection to the file, past the store.
func reach(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func opened(t *testing.T, path string, pragmas ...string) *store.Store {
	t.Helper()
	s, err := open(t.Context(), path, patient, pragmas...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestANewFileIsForItsOwnerAloneAndSoIsItsFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data", "records")
	path := filepath.Join(folder, "calls.db")
	s := opened(t, path)
	if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(folder): 0o700, folder: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
}

func TestAPathIsTakenAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "what?.db", "50%25.db", "no#1.db", "ü&=.db"} {
		path := filepath.Join(t.TempDir(), name)
		opened(t, path)
		if _, err := os.Stat(path + "-wal"); err != nil {
			t.Errorf("%q was opened under another name: %v", name, err)
		}
	}
}

func TestCommitsAreFlushed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	db, err := connect(path, durably...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode, synchronous string
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode %q, %v, want wal", mode, err)
	}
	if err := db.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil || synchronous != "2" {
		t.Errorf("synchronous %q, %v, want 2 (full)", synchronous, err)
	}
}

func TestWhatIsNotOursIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		make  func(t *testing.T, path string)
		is    error
		wants string
	}{
		{"text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ErrNotOurs, "not a file of call records"},
		{"a database of some other program", func(t *testing.T, path string) {
			db := reach(t, path)
			run(t, db, "CREATE TABLE bookmarks (url TEXT)")
			db.Close()
		}, ErrNotOurs, "some other program"},
		{"a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, ErrNotOurs, "no regular file"},
		{"a newer schema", func(t *testing.T, path string) {
			opened(t, path).Close()
			db := reach(t, path)
			run(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
			db.Close()
		}, store.ErrNewer, "version 9999"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "calls.db")
			tc.make(t, path)
			before, _ := os.ReadFile(path)
			s, err := Open(t.Context(), path)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.wants) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open = %v, want %q about %s", err, tc.wants, path)
			}
			if tc.is == ErrNotOurs {
				if after, _ := os.ReadFile(path); string(after) != string(before) {
					t.Error("the file was changed")
				}
			}
		})
	}
}

func TestAFolderThatCannotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "calls.db")
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open = %v, want an error that names %s", err, path)
	}
}

// large returns a record that needs several pages.
func large(n int) call.Record {
	rec := storetest.Record(n)
	rec.Call.DisplayName = strings.Repeat("x", 20_000)
	return rec
}

func TestADiskThatIsFullIsNamedAndLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	s := opened(t, path, "max_page_count(60)")
	written := 0
	var err error
	for ; written < 100; written++ {
		if err = s.RecordCall(t.Context(), large(written)); err != nil {
			break
		}
	}
	if written < 2 || !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), path) {
		t.Fatalf("after %d records RecordCall = %v, want that the disk is full, and the file's name", written, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = opened(t, path)
	for n := range written {
		if got, err := s.Call(t.Context(), large(n).Call.ID); err != nil || storetest.Same(got, large(n)) != nil {
			t.Fatalf("record %d of %d: %v", n, written, err)
		}
	}
	if err := s.RecordCall(t.Context(), large(written)); err != nil {
		t.Errorf("with room again, RecordCall = %v", err)
	}
}

func TestAFileThatMayNotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	opened(t, path).Close()
	s := opened(t, path, "query_only(1)")
	err := s.RecordCall(t.Context(), storetest.Record(1))
	if !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), path) {
		t.Errorf("RecordCall = %v, want that it may not be written, and the file's name", err)
	}
}

func BenchmarkStore(b *testing.B) {
	path := filepath.Join(b.TempDir(), "calls.db")
	storetest.Bench(b, func() (*store.Store, error) { return open(b.Context(), path, patient) }, func() int64 {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		var pages, free, size int64
		for pragma, to := range map[string]*int64{"page_count": &pages, "freelist_count": &free, "page_size": &size} {
			if err := db.QueryRow("PRAGMA " + pragma).Scan(to); err != nil {
				b.Fatal(err)
			}
		}
		return (pages - free) * size
	})
}
