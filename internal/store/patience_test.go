package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"modernc.org/sqlite"
)

// hooked returns a store that runs the hook in every commit. The commit fails if the hook
// returns other than zero.
func hooked(t *testing.T, path string, hook func() int32) *Store {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	run(t, db, "PRAGMA journal_mode = WAL")
	s, err := Open(t.Context(), Database{
		Name: "calls.db", Dialect: DialectSQLite, Writer: db, Reader: reader,
		Explain: func(err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err == nil {
		err = c.Raw(func(driver any) error {
			driver.(sqlite.HookRegisterer).RegisterCommitHook(hook)
			return nil
		})
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// hanging returns a store on a disk that hangs from the first flush on, until the
// function returned is called.
func hanging(t *testing.T, path string) (s *Store, goOn func()) {
	open := make(chan struct{})
	s = hooked(t, path, func() int32 { <-open; return 0 })
	return s, sync.OnceFunc(func() { close(open) })
}

func TestNobodyWaitsForADiskThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, goOn := hanging(t, path)
		defer s.Close()
		began := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() {
			if err := s.RecordCall(context.Background(), settled(1)); !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("RecordCall = %v, want that the outcome is unknown", err)
			}
		})
		synctest.Wait()
		calls.Go(func() {
			// It only queues, so it is known that it is not written.
			if err := s.RecordCall(context.Background(), settled(2)); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("RecordCall behind it = %v, want that the database does not answer", err)
			}
		})
		calls.Wait()
		if waited := time.Since(began); waited != DefaultPatience {
			t.Errorf("they waited %v, want %v", waited, DefaultPatience)
		}
		time.Sleep(time.Nanosecond)
		began = time.Now()
		if err := s.RecordCall(context.Background(), settled(3)); !errors.Is(err, ErrUnavailable) || time.Since(began) != 0 {
			t.Errorf("RecordCall afterwards = %v after %v, want at once that the database does not answer", err, time.Since(began))
		}
		goOn()
		synctest.Wait()
		for _, n := range []int{4, 1, 2} {
			if err := s.RecordCall(context.Background(), settled(n)); err != nil {
				t.Errorf("RecordCall(%d) once the disk is back = %v", n, err)
			}
		}
		recs, err := s.Calls(t.Context(), Filter{})
		if err != nil || len(recs) != 3 {
			t.Errorf("Calls = %d records, %v, want 3", len(recs), err)
		}
	})
}

func TestACallerWhoGivesUpWhileItIsWrittenIsToldThatNobodyKnows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, goOn := hanging(t, path)
		defer s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), DefaultPatience/4)
		defer cancel()
		err := s.RecordCall(ctx, settled(1))
		if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RecordCall = %v, want that the outcome is unknown, and the deadline", err)
		}
		goOn()
		synctest.Wait()
		if _, err := s.Call(t.Context(), "1"); err != nil {
			t.Errorf("it was written after all, and Call = %v", err)
		}
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		s, goOn := hanging(t, path)
		var calls sync.WaitGroup
		calls.Go(func() { _ = s.RecordCall(context.Background(), settled(1)) })
		synctest.Wait()
		if err := s.Close(); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("Close = %v, want that the outcome is unknown", err)
		}
		goOn()
		calls.Wait()
		synctest.Wait()
		if err := errors.Join(s.db.Reader.Close(), s.db.Writer.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseThatWentAwayIsTriedAgain(t *testing.T) {
	errElse := errors.New("no such table")
	cases := []struct {
		name string
		// failures is how many commits fail, as what, and whether it is known that they
		// did; want is what RecordCall says.
		failures int
		as       error
		known    bool
		want     error
	}{
		{"a conflict", 1, ErrConflict, true, nil},
		{"a conflict for ever", 1 << 30, ErrConflict, true, ErrConflict},
		{"away for a moment", 3, ErrUnavailable, true, nil},
		{"away for ever", 1 << 30, ErrUnavailable, true, ErrUnavailable},
		{"away in the middle of a commit", 1, ErrUnavailable, false, nil},
		{"away in the middle of a commit and for ever", 1 << 30, ErrUnavailable, false, ErrUnknownOutcome},
		{"full", 1, ErrFull, true, ErrFull},
		{"something else", 1, errElse, true, errElse},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "calls.db")
			synctest.Test(t, func(t *testing.T) {
				left := tc.failures
				s := hooked(t, path, func() int32 {
					left--
					return int32(min(1, max(0, left+1)))
				})
				defer s.Close()
				s.db.Explain = func(err error) error { return errors.Join(tc.as, err) }
				s.db.Refused = func(error) bool { return tc.known }
				began := time.Now()
				err := s.RecordCall(t.Context(), settled(1))
				if !errors.Is(err, tc.want) {
					t.Errorf("RecordCall = %v, want %v", err, tc.want)
				}
				for _, other := range []error{ErrConflict, ErrFull, ErrUnavailable, ErrUnknownOutcome, errElse} {
					if other != tc.want && errors.Is(err, other) && tc.known {
						t.Errorf("RecordCall = %v, which is also %v", err, other)
					}
				}
				if waited := time.Since(began); waited > DefaultPatience {
					t.Errorf("it took %v", waited)
				}
				left = 0
				s.db.Explain = func(err error) error { return err }
				if err := s.RecordCall(t.Context(), settled(1)); err != nil {
					t.Errorf("RecordCall once it is back = %v", err)
				}
			})
		})
	}
}

// While the database is away, calls must not queue up behind each other's patience.
func TestWhileItIsAwayOneAtATimeAsksAndTheOthersAreToldAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	synctest.Test(t, func(t *testing.T) {
		away := true
		s := hooked(t, path, func() int32 {
			if away {
				time.Sleep(DefaultPatience / 16) // never in a commit when time is up
				return 1
			}
			return 0
		})
		defer s.Close()
		s.db.Refused = func(error) bool { return true }
		s.db.Explain = func(err error) error { return errors.Join(ErrUnavailable, err) }
		if err := s.RecordCall(t.Context(), settled(0)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("RecordCall = %v, want that the database does not answer", err)
		}
		var calls sync.WaitGroup
		began := time.Now()
		waited := make([]time.Duration, 5)
		for n := range waited {
			calls.Go(func() {
				if err := s.RecordCall(t.Context(), settled(n)); !errors.Is(err, ErrUnavailable) {
					t.Errorf("RecordCall(%d) = %v, want that the database does not answer", n, err)
				}
				waited[n] = time.Since(began)
			})
			synctest.Wait()
		}
		calls.Wait()
		slices.Sort(waited)
		if waited[3] != 0 || waited[4] != DefaultPatience/16 {
			t.Errorf("they waited %v, want only one to wait for the answer", waited)
		}
		away = false
		if err := s.RecordCall(t.Context(), settled(0)); err != nil {
			t.Errorf("RecordCall once it is back = %v", err)
		}
	})
}
