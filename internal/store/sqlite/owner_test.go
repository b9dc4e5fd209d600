package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

func TestASecondOwnerIsRefusedAndToldWho(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	first := opened(t, path)
	s, err := Open(t.Context(), path)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("Open = %v, want that it is in use by process %d", err, os.Getpid())
	}
	// The attempt took nothing from the first.
	if err := first.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, path).RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Error(err)
	}
}

func TestAnotherProgramIsRefusedUntilTheFirstIsKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	child := child(path, 0)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(child.Process.Pid)) {
		t.Errorf("Open = %v, want that it is in use by process %d", err, child.Process.Pid)
	}
	beside, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatalf("OpenReadOnly beside the owner = %v", err)
	}
	if recs, err := beside.Calls(t.Context(), store.Filter{}); err != nil || len(recs) == 0 {
		t.Errorf("Calls beside the owner = %d records, %v", len(recs), err)
	}
	if err := beside.Close(); err != nil {
		t.Error(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	opened(t, path)
}

func TestWhatIsOnlyReadChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	if _, err := OpenReadOnly(t.Context(), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OpenReadOnly = %v, want that it does not exist", err)
	}
	pending, err := Pending(t.Context(), path)
	if err != nil || len(pending) != 2 || !strings.Contains(pending[0].SQL, "CREATE TABLE calls") || strings.Contains(pending[0].SQL, "DROP") {
		t.Errorf("Pending for a new file = %+v, %v", pending, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) > 0 {
		t.Errorf("looking left %v behind, %v", files, err)
	}
	s := opened(t, path)
	if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if pending, err := Pending(t.Context(), path); err != nil || len(pending) != 0 {
		t.Errorf("Pending = %v, %v, want none", pending, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err = OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(t.Context(), storetest.Record(1).Call.ID); err != nil {
		t.Error(err)
	}
	_, interrupted := s.InterruptOpen(t.Context())
	_, pruned := s.Prune(t.Context(), storetest.Arrived)
	_, erased := s.Erase(t.Context(), storetest.Erasable, call.Act{})
	for name, err := range map[string]error{
		"RecordCall": s.RecordCall(t.Context(), storetest.Record(2)), "InterruptOpen": interrupted, "Prune": pruned, "Erase": erased,
	} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s = %v, want that it may not be written to", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed, %v", err)
	}
}

// An earlier build wrote this file: the records in it must be found by the searches of
// today.
func TestAFileOfAnEarlierBuildIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	s := opened(t, path)
	if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	pending, err := Pending(t.Context(), filepath.Join(t.TempDir(), "none.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := reach(t, path)
	run(t, db, "DROP TABLE acts", "DROP INDEX calls_by_office", "DROP INDEX calls_by_standing", "DROP INDEX calls_by_called",
		"DROP INDEX calls_by_calling", "DROP INDEX calls_by_arrival",
		"CREATE INDEX calls_by_arrival ON calls (arrived_at)", "CREATE INDEX calls_by_calling ON calls (calling, id)",
		"CREATE INDEX calls_by_called ON calls (called, id)", "CREATE INDEX calls_by_office ON calls (office, id)",
		"CREATE INDEX calls_by_standing ON calls (standing, id)",
		"ALTER TABLE calls DROP COLUMN ended_at", "ALTER TABLE calls DROP COLUMN answered_at",
		"DELETE FROM goose_db_version WHERE version_id = 2")
	db.Close()
	now, err := Pending(t.Context(), path)
	if err != nil || len(now) != 1 || now[0] != pending[1] {
		t.Errorf("Pending = %+v, %v, want the second", now, err)
	}
	if _, err := OpenReadOnly(t.Context(), path); !errors.Is(err, store.ErrOlder) {
		t.Errorf("OpenReadOnly = %v, want that it is older", err)
	}
	s = opened(t, path)
	recs, err := s.Calls(t.Context(), store.Filter{Number: "12155550100"})
	if err != nil || len(recs) != 1 {
		t.Fatalf("Calls = %d records, %v", len(recs), err)
	}
	if err := storetest.Same(recs[0], storetest.Record(1)); err != nil {
		t.Error(err)
	}
}
