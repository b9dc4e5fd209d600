package passport_test

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign.example/passport"
)

var update = flag.Bool("update", false, "write testdata/rows anew from the table in this package")

// row is one file of testdata/rows: a PASSporT, and what becomes of it. The files are
// for other implementers as well; they are written by -update and never by hand.
type row struct {
	// number is that of the row in the conformance checklist.
	number int
	// name says which case of the row it is, in words joined by hyphens.
	name string
	// expect is "valid", or the name of the code that the PASSporT is refused with.
	expect string
	// note is the name of a code that is noted and changes nothing, if any.
	note string
	// key names the public key, if it is not that of RFC 8946 appendix A.
	key string
	// comment says what the case is about, and rfc where it is ruled.
	comment, rfc string
	// text is the PASSporT.
	text string
}

func (r row) file() string { return fmt.Sprintf("testdata/rows/%03d-%s.txt", r.number, r.name) }

func (r row) bytes() []byte {
	var b bytes.Buffer
	for _, h := range [...][2]string{
		{"row", strconv.Itoa(r.number)}, {"expect", r.expect}, {"note", r.note}, {"key", r.key}, {"comment", r.comment}, {"rfc", r.rfc},
	} {
		if h[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.text)
	return b.Bytes()
}

// readRow reads a file of testdata/rows. A header it does not know is an error, since a
// case that is not understood proves nothing.
func readRow(path string) (row, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return row{}, err
	}
	head, text, ok := strings.Cut(string(data), "\n\n")
	if !ok || !strings.HasSuffix(text, "\n") {
		return row{}, errors.New("no blank line before the PASSporT, or no line break after it")
	}
	r := row{text: strings.TrimSuffix(text, "\n")}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		into, known := map[string]*string{
			"expect": &r.expect, "note": &r.note, "key": &r.key, "comment": &r.comment, "rfc": &r.rfc, "row": new(string),
		}[name]
		if !ok || !known || *into != "" {
			return row{}, fmt.Errorf("header %q is not known, is empty or is there twice", line)
		}
		*into = value
		if name == "row" {
			if r.number, err = strconv.Atoi(value); err != nil {
				return row{}, err
			}
		}
	}
	number, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".txt"), "-")
	r.name = name
	if n, err := strconv.Atoi(number); err != nil || n != r.number || r.expect == "" || r.comment == "" || r.rfc == "" {
		return row{}, fmt.Errorf("row %d is in file %s, or lacks expect, comment or rfc", r.number, path)
	}
	return r, nil
}

// The rows of the conformance checklist that are about the PASSporT alone and are data.
func TestRows(t *testing.T) {
	paths, err := filepath.Glob("testdata/rows/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	keys := rowKeys(t)
	for _, path := range paths {
		r, err := readRow(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		t.Run(fmt.Sprintf("row %d/%s", r.number, r.name), func(t *testing.T) {
			key := keys[r.key]
			if key == nil {
				t.Fatalf("no key %q", r.key)
			}
			judgeRow(t, r, key)
		})
	}
}

func judgeRow(t *testing.T, r row, key *ecdsa.PublicKey) {
	token, err := passport.Parse(r.text)
	if err == nil {
		err = token.Verify(key)
	}
	want, known := passport.CodeNamed(r.expect)
	switch {
	case r.expect == "valid":
		if err != nil {
			t.Errorf("refused: %v, want it valid", err)
		}
	case !known:
		t.Fatalf("no code %q", r.expect)
	case !errors.Is(err, want):
		t.Errorf("refused for %v, want %s", err, r.expect)
	}
	examined, findings := passport.Examine(r.text)
	if got := slices.ContainsFunc(findings, func(f passport.Finding) bool { return f.Code.String() == r.note }); got != (r.note != "") {
		t.Errorf("Examine found %v, want the note %q", findings, r.note)
	}
	// What is refused for what it says is refused for that alone: its signature holds.
	if examined != nil && want.Step() < passport.StepSignature && examined.Header.Alg == "ES256" &&
		!slices.ContainsFunc(findings, func(f passport.Finding) bool {
			return f.Claim == "signature" || f.Code.Step() == passport.StepSignature
		}) {
		if err := examined.Verify(key); err != nil {
			t.Errorf("the signature does not hold: %v", err)
		}
	}
}

// rowKeys are the public keys that rows may name.
func rowKeys(t testing.TB) map[string]*ecdsa.PublicKey {
	t.Helper()
	keys := map[string]*ecdsa.PublicKey{"": &rfc8946Key(t).PublicKey}
	for _, v := range readVectors(t).KnownBad {
		switch v.Name {
		case "rfc8225-appA-with-A2-key":
			keys["rfc8225-a2"] = publicKey(t, v.PublicKeyPEM)
		case "rfc8225-appA-with-A1-derived-key":
			keys["rfc8225-a1"] = publicKey(t, v.PublicKeyPEM)
		}
	}
	return keys
}

// rfc8946Key is the published key of RFC 8946 appendix A.
func rfc8946Key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return privateKey(t, vectorNamed(t, "derived-shaken-A").PrivateKeyPEM)
}

func vectorNamed(t testing.TB, name string) vector {
	t.Helper()
	v := readVectors(t)
	for _, p := range append(v.Passport, v.KnownBad...) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no vector %s", name)
	return vector{}
}

// The files are those of the table, no more and no less: with -update they are written.
func TestRowsAreAsMinted(t *testing.T) {
	want := map[string][]byte{}
	for _, r := range mintedRows(t) {
		if want[r.file()] != nil {
			t.Fatalf("two rows for %s", r.file())
		}
		want[r.file()] = r.bytes()
	}
	paths, err := filepath.Glob("testdata/rows/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		for _, path := range paths {
			if want[path] == nil {
				os.Remove(path)
			}
		}
		if err := os.MkdirAll("testdata/rows", 0o755); err != nil {
			t.Fatal(err)
		}
		for path, data := range want {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if !slices.Equal(paths, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the files are not those of the table; run go test -run Rows -update")
	}
	for _, path := range paths {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want[path]) {
			t.Errorf("%s is not as minted (%v); run go test -run Rows -update", path, err)
		}
	}
}
