package verification_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// FuzzVerifyAt judges whatever stands on the lines of a text as the Identity header
// fields of one call, with a fixed key and with certificates, under every profile. What
// holds of every report holds, and the order of the lines does not matter.
func FuzzVerifyAt(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "rows", "*.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		r, err := readRow(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.Join(r.fields, "\n"), r.get("response") == "yes")
	}
	repo := everything()
	services := []*verification.Service{
		{Key: &publishedKey().PublicKey},
		{Certificates: repo, Memory: new(verification.RecentMemory)},
	}
	f.Fuzz(func(t *testing.T, text string, response bool) {
		fields := strings.Split(text, "\n")
		facts := fromCaller
		facts.Response = response
		for i, s := range services {
			for _, p := range sipidentity.Profiles() {
				r, err := s.VerifyAt(context.Background(), fields, facts, noon, p)
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, r, len(fields))
				// Beyond what is looked at the order decides what is.
				if len(r.Fields) == verification.MaxFields || i == 1 {
					continue
				}
				turned := slices.Clone(fields)
				slices.Reverse(turned)
				again, err := s.VerifyAt(context.Background(), turned, facts, noon, p)
				if err != nil {
					t.Fatal(err)
				}
				if gist(r) != gist(again) {
					t.Fatalf("%s in one order, %s in the other", gist(r), gist(again))
				}
			}
		}
	})
}

// FuzzSignedClaims signs whatever claims it is given, of two PASSporTs in one call, so
// that what comes after the signature is reached too.
func FuzzSignedClaims(f *testing.F) {
	opt := diverted(called, third).with("opt", quote(signed().token()))
	for _, c := range []struct {
		ppt   string
		first claims
		other string
		then  claims
	}{
		{"shaken", shaken, "div", diverted(called, third)},
		{"", plain, "div-o", opt},
		{"rcd", plain.with("iss", `"Names"`).with("rcd", `{"nam":"Q"}`), "shaken", shaken.with("rcd", `{"nam":"Q","icn":"https://x.example/"}`).with("rcdi", `{"/icn":"sha256-x"}`)},
		{"rph", plain.with("rph", `{"auth":["esnet.0"]}`).with("sph", `"psap-callback"`), "msg", plain.with("msgi", `"sha256-x"`)},
		{"rsp", plain, "div", diverted(third, called)},
	} {
		f.Add(c.ppt, c.first.String(), c.other, c.then.String())
	}
	repo := everything()
	f.Fuzz(func(t *testing.T, ppt, first, other, then string) {
		fields := situation{fields: []any{
			pass{by: "caller", ppt: ppt, raw: first, body: claims{}}, pass{by: "provider", ppt: other, raw: then, body: claims{}},
		}}.values()
		for _, facts := range []verification.Facts{fromCaller, reaching(fromCaller.Calling), answeredCall, {}} {
			for _, p := range sipidentity.Profiles() {
				s := &verification.Service{Certificates: repo}
				r, err := s.VerifyAt(context.Background(), fields, facts, noon, p)
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, r, len(fields))
				again, err := s.VerifyAt(context.Background(), []string{fields[1], fields[0]}, facts, noon, p)
				if err != nil {
					t.Fatal(err)
				}
				if gist(r) != gist(again) {
					t.Fatalf("%s in one order, %s in the other", gist(r), gist(again))
				}
			}
		}
	})
}
