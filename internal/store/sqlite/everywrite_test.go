package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign.example/internal/store/storetest"
)

// writing are the system calls by which SQLite changes anything.
const writing = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,fallocate"

// A program that traces another kills it just before its n-th system call that writes,
// for every n until there are no more: while the file is made, while it is migrated,
// between the pages of a record, before and after each flush.
func TestAKillAtAnyWriteLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	strace := tracer(t)
	step := 1
	if testing.Short() {
		step = 7
	}
	points := 0
	for n := 1; ; n += step {
		path := filepath.Join(t.TempDir(), "calls.db")
		acknowledged, killed := killAt(t, strace, path, n)
		if _, err := os.Stat(path); err == nil && len(acknowledged) > 0 {
			audit(t, path, acknowledged)
		}
		// What runs after a crash opens it, and is content.
		s := opened(t, path)
		if _, err := s.InterruptOpen(t.Context()); err != nil {
			t.Errorf("write %d: InterruptOpen = %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("write %d: Close = %v", n, err)
		}
		audit(t, path, acknowledged)
		if t.Failed() {
			t.Fatalf("after a kill at write %d", n)
		}
		if !killed {
			break
		}
		points++
	}
	t.Logf("killed at %d writes", points)
	if points < 20/step {
		t.Errorf("only %d writes were found", points)
	}
}

func TestADiskThatIsFullAtAnyWriteLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	strace := tracer(t)
	for _, n := range []int{1, 8, 20, 25, 28, 31, 34, 37, 40} {
		path := filepath.Join(t.TempDir(), "calls.db")
		// The file is made while there is room.
		if err := opened(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		acknowledged, complaint, err := traced(t, strace, path, fmt.Sprintf("pwrite64:error=ENOSPC:when=%d+", n))
		if err != nil && (!strings.Contains(complaint, "the disk is full") || !strings.Contains(complaint, path)) {
			t.Errorf("full at write %d: the child says %q, want that the disk is full, and the file's name", n, complaint)
		}
		if n == 1 && err == nil {
			t.Error("full from the first write on, and nobody noticed")
		}
		if len(acknowledged) > 0 {
			audit(t, path, acknowledged)
		}
		s := opened(t, path)
		if err := s.RecordCall(t.Context(), storetest.Record(9)); err != nil {
			t.Errorf("full at write %d: RecordCall with room again = %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		audit(t, path, acknowledged)
	}
}

// killAt runs a child that writes two calls, until its n-th write.
func killAt(t *testing.T, strace, path string, n int) (acknowledged map[int]string, killed bool) {
	t.Helper()
	acknowledged, complaint, err := traced(t, strace, path, fmt.Sprintf("%s:signal=SIGKILL:when=%d", writing, n))
	if complaint != "" {
		t.Fatalf("the child was not killed at write %d, but says: %s", n, complaint)
	}
	return acknowledged, err != nil
}

// traced runs a child that writes two calls while strace injects something, and returns
// what it acknowledged, what it complained of, and how it ended.
func traced(t *testing.T, strace, path, inject string) (map[int]string, string, error) {
	t.Helper()
	run := child(path, 0, writeUntil+"=1", "GOMAXPROCS=1")
	cmd := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+writing, "-e", "inject="+inject, run.Path)
	cmd.Env = run.Env
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[int]string{}
	storetest.Hear(bufio.NewReader(out), acknowledged, func(int) {})
	err = cmd.Wait()
	return acknowledged, complaint.String(), err
}

// tracer returns where strace is, if it may be used here.
func tracer(t *testing.T) string {
	t.Helper()
	strace := storetest.Peer(t, "strace")
	if out, err := exec.Command(strace, "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: strace may not trace here: %s", out)
	}
	return strace
}
