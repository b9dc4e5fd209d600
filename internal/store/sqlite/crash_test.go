package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// writeInto names the file into which a child of this test writes until it is killed,
// writeFrom the number of its first call.
const (
	writeInto = "COUNTERSIGN_STORETEST_FILE"
	writeFrom = "COUNTERSIGN_STORETEST_FROM"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writeInto); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path, os.Getenv(writeFrom), os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes calls, held and then settled, from several goroutines, and
// acknowledges each on out only after RecordCall did.
func writeUntilKilled(path, from string, out io.Writer) error {
	var first int
	if _, err := fmt.Sscan(from, &first); err != nil {
		return err
	}
	s, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	const writers = 6
	failed := make(chan error, writers)
	var mu sync.Mutex
	acknowledge := func(rec call.Record, n int) error {
		if err := s.RecordCall(context.Background(), rec); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := fmt.Fprintln(out, rec.State, n)
		return err
	}
	for w := range writers {
		go func() {
			for n := first + w; ; n += writers {
				if err := acknowledge(held(n), n); err != nil {
					failed <- err
					return
				}
				if err := acknowledge(storetest.Record(n), n); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

func held(n int) call.Record {
	rec := storetest.Record(n)
	rec.State, rec.Action = call.Open, call.Action{Kind: call.Hold}
	return rec
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	const rounds, apart = 4, 1_000_000
	acknowledged := map[int]call.State{}
	for round := range rounds {
		// The kill comes after a random acknowledgment, while other writes are under way.
		writeAndKill(t, path, round*apart, rand.IntN(40), acknowledged)
		s := opened(t, path)
		if round == rounds-1 {
			interrupted, err := s.InterruptOpen(t.Context())
			t.Logf("%d acknowledged in %d rounds, %d calls interrupted", len(acknowledged), rounds, interrupted)
			if err != nil {
				t.Error(err)
			}
		}
		for n, state := range acknowledged {
			checkSurvivor(t, s, n, state)
		}
		checkAllWhole(t, s, round*apart)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// writeAndKill runs a child until it has acknowledged some records, kills it, and notes
// everything it acknowledged, also between the two.
func writeAndKill(t *testing.T, path string, first, kill int, acknowledged map[int]call.State) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), writeInto+"="+path, fmt.Sprintf("%s=%d", writeFrom, first))
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines, heard := bufio.NewReader(out), 0
	for {
		// A line that was cut off by the kill was no acknowledgment.
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		var state call.State
		var n int
		if _, err := fmt.Sscan(line, &state, &n); err != nil {
			t.Errorf("the child said %q: %v", line, err)
		}
		acknowledged[n] = state
		if heard++; heard == kill+1 {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	child.Wait()
	if heard <= kill || complaint.Len() > 0 {
		t.Fatalf("the child ended by itself after %d records: %s", heard, complaint.String())
	}
}

func checkSurvivor(t *testing.T, s *store.Store, n int, state call.State) {
	t.Helper()
	rec, err := s.Call(t.Context(), storetest.Record(n).Call.ID)
	if err != nil {
		t.Errorf("call %d was acknowledged as %s: %v", n, state, err)
		return
	}
	if state == call.Settled && rec.State != call.Settled {
		t.Errorf("call %d was acknowledged as settled and is %s", n, rec.State)
	}
	checkWhole(t, rec, n)
}

// checkAllWhole checks what was written from the first call on, acknowledged or not.
func checkAllWhole(t *testing.T, s *store.Store, first int) {
	t.Helper()
	recs, err := s.Calls(t.Context(), store.Filter{Limit: store.MaxLimit, From: storetest.Record(first).Call.ArrivedAt})
	if err != nil || len(recs) == 0 {
		t.Errorf("Calls = %d records, %v", len(recs), err)
	}
	for _, rec := range recs {
		checkWhole(t, rec, int(rec.Call.ArrivedAt.Sub(storetest.Arrived).Seconds()))
	}
}

func checkWhole(t *testing.T, rec call.Record, n int) {
	t.Helper()
	want := storetest.Record(n)
	if rec.State != call.Settled {
		want = held(n)
		want.State = rec.State
	}
	if err := storetest.Same(rec, want); err != nil {
		t.Errorf("call %d: %v", n, err)
	}
}
