package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// impatient is short, and long enough for a server that answers.
const impatient = 400 * time.Millisecond

func opened(t *testing.T, url string, patience time.Duration) *store.Store {
	t.Helper()
	s, err := open(t.Context(), url, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAServerThatStopsIsNamedAndComesBack(t *testing.T) {
	server := storetest.OwnPostgres(t)
	s := opened(t, server.Place(t), impatient)
	record := func(n int) error { return s.RecordCall(context.Background(), storetest.Record(n)) }
	eventually(t, func() error { return record(1) })
	server.Stop(t)
	for range 3 {
		// Nothing is written, and that is known: no commit was on its way.
		if err := record(2); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) {
			t.Errorf("RecordCall on a stopped server = %v, want that it does not answer", err)
		}
	}
	if _, err := s.Calls(t.Context(), store.Filter{}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Calls on a stopped server = %v, want that it does not answer", err)
	}
	server.Start(t)
	eventually(t, func() error { return record(3) })
	recs, err := s.Calls(t.Context(), store.Filter{})
	if err != nil || len(recs) != 2 {
		t.Errorf("Calls = %d records, %v, want those that were acknowledged", len(recs), err)
	}
}

// A restart that is quicker than the store's patience costs nobody a record.
func TestAServerThatRestartsMeanwhileIsWaitedFor(t *testing.T) {
	server := storetest.OwnPostgres(t)
	s := opened(t, server.Place(t), patient)
	stop := make(chan struct{})
	acknowledged := map[int]string{}
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := w; ; n += 4 {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.RecordCall(context.Background(), storetest.Record(n)); err != nil {
					t.Errorf("RecordCall(%d) = %v", n, err)
				}
				mu.Lock()
				acknowledged[n] = "settled"
				mu.Unlock()
			}
		})
	}
	for range 2 {
		server.Stop(t)
		server.Start(t)
	}
	close(stop)
	writers.Wait()
	for n := range acknowledged {
		if rec, err := s.Call(t.Context(), storetest.Record(n).Call.ID); err != nil || rec.State != call.Settled {
			t.Errorf("call %d is %s, %v", n, rec.State, err)
		}
	}
	t.Logf("%d calls", len(acknowledged))
}

func TestAServerThatHangsHoldsNobody(t *testing.T) {
	server := storetest.OwnPostgres(t)
	s := opened(t, server.Place(t), impatient)
	eventually(t, func() error { return s.RecordCall(context.Background(), storetest.Record(1)) })
	thaw := server.Freeze(t)
	var writers sync.WaitGroup
	for n := range 10 {
		writers.Go(func() {
			err := s.RecordCall(context.Background(), storetest.Record(n+2))
			if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknownOutcome) {
				t.Errorf("RecordCall on a server that hangs = %v", err)
			}
		})
	}
	writers.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), impatient)
	defer cancel()
	if _, err := s.Call(ctx, storetest.Record(1).Call.ID); err == nil {
		t.Error("Call on a server that hangs found something")
	}
	thaw()
	for n := range 11 {
		eventually(t, func() error { return s.RecordCall(context.Background(), storetest.Record(n+1)) })
	}
}

// eventually tries until it succeeds: a machine may be too busy for the impatient.
func eventually(t *testing.T, do func() error) {
	t.Helper()
	for {
		err := do()
		if err == nil {
			return
		}
		if t.Context().Err() != nil || !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknownOutcome) {
			t.Fatal(err)
		}
	}
}

func TestAServerThatCanNotBeReachedIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://someone:s3cret@/nothing?host=/nowhere",
		"postgres://someone:s3cret@localhost:port/nothing",
		"postgres://someone:s3cret@127.0.0.1:1/nothing",
	} {
		_, err := Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Open = %v, want an error without the password", err)
		}
		if _, err := Pending(t.Context(), url); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Pending = %v, want an error without the password", err)
		}
	}
	_, err := Open(t.Context(), "postgres://someone:s3cret@/nothing?host=/nowhere")
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "nothing at /nowhere") {
		t.Errorf("Open = %v, want that it does not answer, and where", err)
	}
}

func TestAServerThatForgetsIsRefused(t *testing.T) {
	server := storetest.OwnPostgres(t)
	url := server.Place(t)
	server.Stop(t)
	server.Start(t, "-c fsync=off")
	if s, err := Open(t.Context(), url); !errors.Is(err, ErrNotDurable) {
		t.Errorf("Open = %v, %v, want that it is not durable", s, err)
	}
	server.Stop(t)
	server.Start(t, "-c synchronous_commit=off")
	s := opened(t, url, patient)
	if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
		t.Fatal(err)
	}
	server.Stop(t)
	server.Start(t)
	s = opened(t, url, patient)
	if _, err := s.Call(t.Context(), storetest.Record(1).Call.ID); err != nil {
		t.Errorf("a server that would rather not flush lost a call: %v", err)
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	url := storetest.Postgres(t).Place(t)
	var servers sync.WaitGroup
	for range 4 {
		servers.Go(func() {
			s, err := open(t.Context(), url, patient)
			if err != nil {
				t.Errorf("Open = %v", err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	servers.Wait()
	if pending, err := Pending(t.Context(), url); err != nil || len(pending) > 0 {
		t.Errorf("Pending = %v, %v", pending, err)
	}
}
