package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign.example/internal/store/storetest"
)

// writeInto names the file into which a child of this test writes until it is killed,
// writeFrom the number of its first call, and writeUntil that of its last, if there is
// one.
const (
	writeInto  = "COUNTERSIGN_STORETEST_FILE"
	writeFrom  = "COUNTERSIGN_STORETEST_FROM"
	writeUntil = "COUNTERSIGN_STORETEST_UNTIL"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writeInto); path != "" {
		if err := write(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func write(path string, out io.Writer) error {
	first, last, writers := 0, 1<<30, 6
	if _, err := fmt.Sscan(os.Getenv(writeFrom), &first); err != nil {
		return err
	}
	if text := os.Getenv(writeUntil); text != "" {
		// One writer does the same things in the same order every time.
		writers = 1
		if _, err := fmt.Sscan(text, &last); err != nil {
			return err
		}
	}
	s, err := open(context.Background(), path, patient)
	if err != nil {
		return err
	}
	if err := storetest.WriteCalls(s, first, last, writers, out); err != nil {
		return err
	}
	return s.Close()
}

// child returns this program as one that writes calls.
func child(path string, first int, more ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writeInto+"="+path, fmt.Sprintf("%s=%d", writeFrom, first))
	cmd.Env = append(cmd.Env, more...)
	return cmd
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	const rounds, apart = 4, 1_000_000
	acknowledged := map[int]string{}
	for round := range rounds {
		// The kill comes after a random acknowledgment, while other writes are under way.
		writeAndKill(t, path, round*apart, rand.IntN(40), acknowledged)
		audit(t, path, acknowledged)
		s := opened(t, path)
		if n, err := s.InterruptOpen(t.Context()); err != nil {
			t.Errorf("InterruptOpen = %d, %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		audit(t, path, acknowledged)
	}
	t.Logf("%d calls were acknowledged", len(acknowledged))
}

// audit has everything in the file checked by a program that shares no code with the
// store, which is the first that opens it after the crash.
func audit(t *testing.T, path string, acknowledged map[int]string) {
	t.Helper()
	for _, complaint := range storetest.Check(auditor(t, path), acknowledged) {
		t.Error(complaint)
	}
}

// auditor returns the rows of the table of calls, as SQLite's own program reads them if
// it is there. A copy is read, so that what recovers the file is the store.
func auditor(t *testing.T, path string) []storetest.Row {
	t.Helper()
	folder := t.TempDir()
	copied := filepath.Join(folder, "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(copied+suffix, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var rows []storetest.Row
	if program, err := exec.LookPath("sqlite3"); err == nil {
		out, err := exec.Command(program, "-readonly", "-json", copied, "PRAGMA integrity_check").Output()
		if err != nil || !strings.Contains(string(out), `"ok"`) {
			t.Errorf("the file is damaged: %s, %v", out, err)
		}
		out, err = exec.Command(program, "-readonly", "-json", copied, storetest.RowsQuery).Output()
		if err == nil && len(out) > 0 {
			err = json.Unmarshal(out, &rows)
		}
		if err != nil {
			t.Fatalf("sqlite3: %v\n%s", err, out)
		}
		return rows
	}
	if os.Getenv("COUNTERSIGN_REQUIRE_PEERS") == "1" {
		t.Fatal("sqlite3 is not installed")
	}
	t.Log("sqlite3 is not installed: the driver reads the file")
	db := reach(t, copied)
	found, err := db.Query(storetest.RowsQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var r storetest.Row
		if err := found.Scan(&r.ID, &r.State, &r.Calling, &r.Called, &r.Standing, &r.Record); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// writeAndKill runs a child until it has acknowledged some records, kills it, and notes
// everything it acknowledged, also between the two.
func writeAndKill(t *testing.T, path string, first, kill int, acknowledged map[int]string) {
	t.Helper()
	cmd := child(path, first)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := storetest.Hear(bufio.NewReader(out), acknowledged, func(heard int) {
		if heard == kill+1 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	})
	cmd.Wait()
	if heard <= kill || complaint.Len() > 0 {
		t.Fatalf("the child ended by itself after %d records: %s", heard, complaint.String())
	}
}
