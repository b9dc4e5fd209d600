package atomicfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// killed names the file that this test program, started again, writes until it is
// killed.
const killed = "ATOMICFILE_TEST_WRITE"

func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// page is a content that says how it begins and ends.
func page(i int) []byte {
	return fmt.Appendf(nil, "begin %d %s end %d", i, bytes.Repeat([]byte{byte('a' + i%26)}, 100_000), i)
}

func writeForEver(path string) {
	for i := 0; ; i++ {
		if err := Write(path, page(i), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

func TestAFileIsWholeWheneverItsWriterIsKilled(t *testing.T) {
	for round := range 20 {
		path := filepath.Join(t.TempDir(), "file")
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), killed+"="+path)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatal(err)
			}
			if acknowledged == round {
				writer.Process.Kill()
			}
		}
		writer.Wait()
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if _, err := fmt.Sscanf(string(body), "begin %d", &got); err != nil || !bytes.Equal(body, page(got)) {
			t.Fatalf("the file is not whole: %d bytes, %v", len(body), err)
		}
		if got < acknowledged {
			t.Errorf("the file has page %d, but %d was acknowledged", got, acknowledged)
		}
	}
}

func TestWriteReplacesAndCreateDoesNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	read := func() string {
		t.Helper()
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if err := Create(path, []byte("one"), 0o600); err != nil || read() != "one" {
		t.Fatalf("Create = %v, want the file", err)
	}
	if err := Create(path, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) || read() != "one" {
		t.Errorf("Create of what is there = %v, want ErrExist", err)
	}
	if err := Write(path, []byte("three"), 0o640); err != nil || read() != "three" {
		t.Errorf("Write = %v, want the file replaced", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v, want 0640", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v, want the file alone", entries, err)
	}
}

func TestWhatCannotBeWrittenLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	// A folder in the place of the file cannot be replaced by one.
	path := filepath.Join(dir, "file")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x"), 0o600); err == nil {
		t.Error("Write over a folder = nil, want an error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v, want what was there alone", entries, err)
	}
	if err := Write(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write into no folder = %v, want ErrNotExist", err)
	}
}

func TestOnlyOldUnfinishedFilesAreSweptAway(t *testing.T) {
	dir := t.TempDir()
	for name, old := range map[string]bool{".a.1.unfinished": true, ".b.2.unfinished": false, "c": true, ".d": true} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if old {
			long := time.Now().Add(-2 * abandoned)
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 || entries[0].Name() == ".a.1.unfinished" {
		t.Errorf("Sweep left %v, %v, want all but the old unfinished one", entries, err)
	}
	if err := Sweep(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Sweep of no folder = %v, want ErrNotExist", err)
	}
}
