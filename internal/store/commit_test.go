package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"modernc.org/sqlite"

	"countersign.example/internal/call"
)

// counted returns a store in a file, and the number of commits so far.
func counted(t *testing.T, path string) (*Store, *atomic.Int32) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	s, err := Open(t.Context(), Database{
		Name: "calls.db", Dialect: "sqlite3", Writer: db, Reader: db, Explain: func(err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
	commits := new(atomic.Int32)
	c, err := db.Conn(t.Context())
	if err == nil {
		err = c.Raw(func(driver any) error {
			driver.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { commits.Add(1); return 0 })
			return nil
		})
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return s, commits
}

func settled(n int) call.Record {
	return call.Record{Call: call.Call{ID: fmt.Sprint(n)}, State: call.Settled}
}

func TestRecordsThatWaitTogetherShareOneCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, commits := counted(t, path)
		defer s.Close()
		s.turn <- struct{}{} // a flush is under way
		var writers sync.WaitGroup
		const together = maxBatch + 10
		for n := range together {
			writers.Go(func() {
				if err := s.RecordCall(t.Context(), settled(n)); err != nil {
					t.Errorf("RecordCall(%d) = %v", n, err)
				}
			})
		}
		synctest.Wait()
		<-s.turn
		writers.Wait()
		if got := commits.Load(); got != 2 {
			t.Errorf("%d records that waited took %d commits, want one for each %d", together, got, maxBatch)
		}
		recs, err := s.Calls(t.Context(), Filter{Limit: MaxLimit})
		if err != nil || len(recs) != together {
			t.Errorf("Calls = %d records, %v, want %d", len(recs), err, together)
		}
	})
}

func TestACallerWhoGivesUpWhileWaitingRecordsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, commits := counted(t, path)
		defer s.Close()
		s.turn <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		writers.Go(func() {
			if err := s.RecordCall(ctx, settled(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("RecordCall = %v, want canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		writers.Wait()
		writers.Go(func() {
			if err := s.RecordCall(t.Context(), settled(2)); err != nil {
				t.Errorf("RecordCall = %v", err)
			}
		})
		synctest.Wait()
		<-s.turn
		writers.Wait()
		if _, err := s.Call(t.Context(), "1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("Call = %v, want not found", err)
		}
		if _, err := s.Call(t.Context(), "2"); err != nil || commits.Load() != 1 {
			t.Errorf("Call = %v after %d commits, want one", err, commits.Load())
		}
	})
}

func TestABatchThatFailsAsAWholeIsTriedOneByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, _ := counted(t, path)
		defer s.Close()
		if _, err := s.db.Writer.Exec(`CREATE TRIGGER bad BEFORE INSERT ON calls WHEN NEW.id = '3'
			BEGIN SELECT RAISE(ABORT, 'no room for 3'); END`); err != nil {
			t.Fatal(err)
		}
		s.turn <- struct{}{}
		var writers sync.WaitGroup
		errs := make([]error, 6)
		for n := range errs {
			writers.Go(func() { errs[n] = s.RecordCall(t.Context(), settled(n)) })
		}
		synctest.Wait()
		<-s.turn
		writers.Wait()
		for n, err := range errs {
			if (err != nil) != (n == 3) {
				t.Errorf("RecordCall(%d) = %v", n, err)
			}
		}
		if recs, err := s.Calls(t.Context(), Filter{}); err != nil || len(recs) != len(errs)-1 {
			t.Errorf("Calls = %d records, %v, want %d", len(recs), err, len(errs)-1)
		}
	})
}
