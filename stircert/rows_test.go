package stircert

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is one case kept as data: header fields, an empty line, a body. A case whose
// name begins with "row-N" is that row of the conformance checklist.
type row struct {
	name   string
	fields map[string]string
	body   string
}

// readRows reads the cases of a folder. Only the fields named may occur.
func readRows(t *testing.T, folder string, known ...string) []row {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", folder, err)
	}
	allowed := " row expect comment rfc " + strings.Join(known, " ") + " "
	var rows []row
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(text), "\n\n")
		r := row{strings.TrimSuffix(filepath.Base(path), ".txt"), map[string]string{}, strings.TrimSpace(body)}
		for line := range strings.SplitSeq(head, "\n") {
			key, value, found := strings.Cut(line, ": ")
			if !found || !ok || !strings.Contains(allowed, " "+key+" ") {
				t.Fatalf("%s: header line %q is not known", path, line)
			}
			r.fields[key] = value
		}
		if r.fields["expect"] == "" || r.fields["comment"] == "" {
			t.Fatalf("%s: expect and comment are required", path)
		}
		rows = append(rows, r)
	}
	return rows
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vectors are the published and derived vectors that concern certificates.
type vectors struct {
	DER []struct {
		Name, DERHex, ACMEBase64URL string
	}
	TNRange struct {
		Cases []struct {
			Start string
			Count uint64
			Valid bool
			Why   string
		}
	}
	Certificates []struct {
		Name, PEM, SHA256 string
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.DER) == 0 || len(v.TNRange.Cases) == 0 || len(v.Certificates) == 0 {
		t.Fatal("the vectors lack der, tnRange or certificates")
	}
	return v
}
