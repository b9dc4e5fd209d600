package credential

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/stircert"
	"countersign.example/tn"
)

var labNumbers = stircert.TNAuthList{
	Numbers: []tn.Number{"12025550142"}, Ranges: []tn.Range{{Start: "12025550100", Count: 20}},
}

func TestALaboratoryMakesItsOwnCredentialOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := Lab(dir, labNumbers, now)
	if err != nil {
		t.Fatal(err)
	}
	chain := stircert.Build(context.Background(), first.Chain, stircert.Options{Anchors: stircert.NewAnchors(first.Anchor), At: now})
	if !first.Credential.Lab || !first.Fresh || chain.Anchor == nil || len(chain.Findings) > 0 || len(chain.At(now, now)) > 0 {
		t.Errorf("Lab = %+v with %v, want a credential without findings, marked as a laboratory's", first, chain.Findings)
	}
	for number, want := range map[tn.Number]stircert.Coverage{"12025550142": stircert.CoverNumber, "12025550119": stircert.CoverNumber, "12025550120": stircert.CoverNone} {
		if got := chain.Covers(number); got != want {
			t.Errorf("Covers(%s) = %v, want %v", number, got, want)
		}
	}
	for _, c := range append(first.Chain, first.Anchor) {
		if !strings.Contains(c.Subject.String(), "LAB") {
			t.Errorf("the certificate of %s does not say that it is a laboratory's", c.Subject)
		}
	}
	again, err := Lab(dir, labNumbers, now.AddDate(0, 6, 0))
	if err != nil || again.Fresh || !again.Chain[0].Equal(first.Chain[0]) || !again.Anchor.Equal(first.Anchor) || !again.Credential.Lab {
		t.Errorf("a second start = %+v, %v, want what was made", again, err)
	}
	key, err := ReadKey(filepath.Join(dir, labCredential))
	if err != nil || !key.PublicKey.Equal(first.Key.Public()) {
		t.Errorf("ReadKey = %v, want the key that signs", err)
	}
	anchors, err := ReadChain(first.AnchorPath)
	if err != nil || !anchors[0].Equal(first.Anchor) {
		t.Errorf("ReadChain = %v, want the anchor", err)
	}
}

func TestALaboratorysFilesAreItsOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := Lab(dir, labNumbers, now); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, labAuthority: 0o600, labCredential: 0o600, labAnchor: 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if err := os.Chmod(filepath.Join(dir, labAuthority), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Lab(dir, labNumbers, now); !isFileError(err, "others may read") {
		t.Errorf("Lab with a key that others may read = %v, want it refused", err)
	}
}

func isFileError(err error, text string) bool {
	f, ok := errors.AsType[*FileError](err)
	return ok && strings.Contains(f.Error(), text) && f.Do != ""
}

func TestOtherNumbersOrTheEndMakeANewLaboratorySigner(t *testing.T) {
	dir := t.TempDir()
	first, err := Lab(dir, labNumbers, now)
	if err != nil {
		t.Fatal(err)
	}
	other := stircert.TNAuthList{Numbers: []tn.Number{"12025550199"}}
	for name, tc := range map[string]struct {
		numbers stircert.TNAuthList
		at      time.Time
	}{
		"other numbers":      {other, now},
		"near its end":       {labNumbers, now.AddDate(0, 11, 10)},
		"after its end":      {labNumbers, now.AddDate(3, 0, 0)},
		"years after, twice": {labNumbers, now.AddDate(8, 0, 0)},
	} {
		l, err := Lab(dir, tc.numbers, tc.at)
		if err != nil || !l.Fresh || l.Chain[0].Equal(first.Chain[0]) || !l.Anchor.Equal(first.Anchor) {
			t.Errorf("%s: Lab = %+v, %v, want another signer below the same anchor", name, l, err)
		}
	}
	if _, err := Lab(t.TempDir(), stircert.TNAuthList{}, now); err == nil {
		t.Error("Lab for no numbers = nil, want an error")
	}
}

func TestALaboratorysFilesThatAreSpoiledAreNamed(t *testing.T) {
	for name, body := range map[string]string{"empty": "", "junk": "junk", "no chain": "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"} {
		for _, file := range []string{labAuthority, labCredential} {
			dir := t.TempDir()
			if _, err := Lab(dir, labNumbers, now); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Lab(dir, labNumbers, now); !isFileError(err, file) {
				t.Errorf("%s, %s: Lab = %v, want it named", name, file, err)
			}
		}
	}
	// A credential below an anchor that is gone is made anew.
	dir := t.TempDir()
	if _, err := Lab(dir, labNumbers, now); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, labAuthority)); err != nil {
		t.Fatal(err)
	}
	if l, err := Lab(dir, labNumbers, now); err != nil || !l.Fresh {
		t.Errorf("Lab = %+v, %v, want a new credential below a new anchor", l, err)
	}
}

func TestThoseWhoStartTogetherShareOneLaboratory(t *testing.T) {
	dir := t.TempDir()
	made := make([]*LabCredential, 8)
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() {
			l, err := Lab(dir, labNumbers, now)
			if err != nil {
				t.Error(err)
				return
			}
			made[i] = l
		})
	}
	group.Wait()
	for _, l := range made {
		if l != nil && !l.Anchor.Equal(made[0].Anchor) {
			t.Error("two laboratories have two anchors in one folder")
		}
	}
}

// killed names the folder in which this test program, started again, makes laboratories
// until it is killed.
const killed = "CREDENTIAL_TEST_LAB"

func TestALaboratoryIsWholeWheneverItsMakerIsKilled(t *testing.T) {
	if folder := os.Getenv(killed); folder != "" {
		for i := 0; ; i++ {
			fmt.Println(i)
			if _, err := Lab(filepath.Join(folder, fmt.Sprint(i)), labNumbers, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 10 {
		folder := t.TempDir()
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), killed+"="+folder)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		last := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if last == round {
				child.Process.Kill()
			}
		}
		child.Wait()
		for i := range last + 1 {
			if _, err := Lab(filepath.Join(folder, fmt.Sprint(i)), labNumbers, now); err != nil {
				t.Errorf("after a kill: %v", err)
			}
		}
	}
}
