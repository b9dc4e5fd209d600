package postgres

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// writeInto names the place into which a child of this test writes until it is killed,
// writeFrom the number of its first call.
const (
	writeInto = "COUNTERSIGN_STORETEST_URL"
	writeFrom = "COUNTERSIGN_STORETEST_FROM"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(writeInto); url != "" {
		fmt.Fprintln(os.Stderr, write(url))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func write(url string) error {
	first := 0
	if _, err := fmt.Sscan(os.Getenv(writeFrom), &first); err != nil {
		return err
	}
	s, err := open(context.Background(), url, patient)
	if err != nil {
		return err
	}
	return storetest.WriteCalls(s, first, 1<<30, 6, os.Stdout)
}

func TestWhatWasAcknowledgedSurvivesAKillOfEitherSide(t *testing.T) {
	server := storetest.OwnPostgres(t)
	url := server.Place(t)
	opened(t, url, patient).Close()
	const rounds, apart = 6, 1_000_000
	acknowledged := map[int]string{}
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writeInto+"="+url, fmt.Sprintf("%s=%d", writeFrom, round*apart))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		kill, serverToo := 1+rand.IntN(40), round%2 == 1
		heard := storetest.Hear(bufio.NewReader(out), acknowledged, func(heard int) {
			if heard != kill {
				return
			}
			if serverToo {
				server.Stop(t)
			}
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		})
		child.Wait()
		if heard < kill {
			t.Fatalf("the child ended by itself after %d records", heard)
		}
		if serverToo {
			server.Start(t)
		}
		audit(t, url, acknowledged)
		s := opened(t, url, patient)
		if _, err := s.InterruptOpen(t.Context()); err != nil {
			t.Error(err)
		}
		s.Close()
		audit(t, url, acknowledged)
	}
	t.Logf("%d calls were acknowledged", len(acknowledged))
}

// audit has everything checked by a program that shares no code with the store, nor with
// the driver.
func audit(t *testing.T, url string, acknowledged map[int]string) {
	t.Helper()
	// This program does not know the parameter by which the driver sets the schema.
	base, schema, _ := strings.Cut(url, "search_path=")
	cmd := exec.Command(storetest.Peer(t, "psql"), "-X", "-q", "-t", "-A", "-d", strings.TrimRight(base, "&?"),
		"-c", "SET search_path = "+schema, "-c", "SELECT row_to_json(r) FROM ("+storetest.RowsQuery+") AS r")
	cmd.Env = append(os.Environ(), "PGCLIENTENCODING=UTF8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("psql: %v", err)
	}
	var rows []storetest.Row
	for line := range strings.Lines(string(out)) {
		var r storetest.Row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("psql says %q: %v", line, err)
		}
		rows = append(rows, r)
	}
	for _, complaint := range storetest.Check(rows, acknowledged) {
		t.Error(complaint)
	}
}

// Property P27, as far as a program can see that is not the server.
func TestAfterErasingNoDumpContainsTheNumber(t *testing.T) {
	server := storetest.OwnPostgres(t)
	s := opened(t, server.Place(t), patient)
	for n := range 2 * storetest.Ways {
		for _, rec := range []call.Record{storetest.Mentioning(n), storetest.Record(n + 100)} {
			if err := s.RecordCall(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if storetest.Find(server.Dump(t), storetest.Erasable) == "" {
		t.Fatal("the number is not in the dump before: the test finds nothing")
	}
	got, err := s.Erase(t.Context(), storetest.Erasable, call.Act{Who: "x", What: "erased", At: storetest.Arrived})
	if err != nil || got != (store.Erasure{Calls: 2 * storetest.Ways}) {
		t.Errorf("Erase = %+v, %v", got, err)
	}
	if at := storetest.Find(server.Dump(t), storetest.Erasable); at != "" {
		t.Errorf("the number is still there: %s", at)
	}
}
