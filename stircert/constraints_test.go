package stircert

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign.example/passport"
)

// claims are canonical JSON texts by name.
type claims map[string]json.RawMessage

func (c claims) Claim(name string) (string, bool) {
	v, ok := c[name]
	return string(v), ok
}

func TestClaimsKeepToTheConstraintsOrNot(t *testing.T) {
	for _, r := range readRows(t, "constraints", "enhanced", "extension") {
		t.Run(r.name, func(t *testing.T) {
			c, err := ParseConstraints(unhex(t, r.fields["extension"]), r.fields["enhanced"] == "yes")
			if r.fields["expect"] == "constraints-malformed" {
				if !errors.Is(err, passport.ConstraintsMalformed) {
					t.Fatalf("ParseConstraints = %+v, %v, want %v", c, err, passport.ConstraintsMalformed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var in claims
			if err := json.Unmarshal([]byte(r.body), &in); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.Check(in) {
				got = append(got, f.Code.String()+" "+f.Claim)
			}
			if s := strings.Join(got, ", "); s != r.fields["expect"] && (s != "" || r.fields["expect"] != "ok") {
				t.Errorf("Check = %q, want %q", s, r.fields["expect"])
			}
		})
	}
}

func TestRow75ThePublishedExtensionHasThreeConstraints(t *testing.T) {
	want := Constraints{
		MustInclude: []string{"confidence"},
		Permitted:   []Permitted{{"confidence", []string{"high", "medium"}}},
		MustExclude: []string{"priority"},
		Enhanced:    true,
	}
	found := false
	for _, v := range readVectors(t).DER {
		if v.Name != "EnhancedJWTClaimConstraints" {
			continue
		}
		found = true
		der := unhex(t, v.DERHex)
		got, err := ParseConstraints(der, true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseConstraints = %+v, %v, want %+v", got, err, want)
		}
		if out, err := want.Marshal(); err != nil || !bytes.Equal(out, der) {
			t.Errorf("Marshal = %x, %v, want %x", out, err, der)
		}
	}
	if !found {
		t.Error("the vector is missing")
	}
}

func TestConstraintsThatCouldNotBeReadBackAreNotWritten(t *testing.T) {
	for name, c := range map[string]Constraints{
		"nothing":             {Enhanced: true},
		"exclusion in 8226":   {MustExclude: []string{"a"}},
		"claim without value": {Permitted: []Permitted{{Claim: "a"}}},
		"foreign name":        {MustInclude: []string{"ä"}},
		"no name":             {MustInclude: []string{""}},
	} {
		if der, err := c.Marshal(); err == nil {
			t.Errorf("%s: Marshal = %x, want an error", name, der)
		}
	}
}

func TestConstraintsParseAndMarshalAreInverse(t *testing.T) {
	names := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,8}`), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		c := Constraints{MustInclude: names.Draw(t, "include"), Enhanced: rapid.Bool().Draw(t, "enhanced")}
		for range rapid.IntRange(0, 3).Draw(t, "permitted") {
			c.Permitted = append(c.Permitted, Permitted{
				rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "claim"),
				rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "values"),
			})
		}
		if c.Enhanced {
			c.MustExclude = names.Draw(t, "exclude")
		}
		if len(c.MustInclude)+len(c.Permitted)+len(c.MustExclude) == 0 {
			return
		}
		der, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseConstraints(der, c.Enhanced)
		again, err2 := back.Marshal()
		if err != nil || err2 != nil || !bytes.Equal(der, again) || len(back.Permitted) != len(c.Permitted) {
			t.Fatalf("ParseConstraints(%x) = %+v, %v, want %+v", der, back, err, c)
		}
	})
}

func FuzzConstraints(f *testing.F) {
	for _, v := range readVectors(f).DER {
		f.Add(unhex(f, v.DERHex), true)
		f.Add(unhex(f, v.DERHex), false)
	}
	f.Fuzz(func(t *testing.T, der []byte, enhanced bool) {
		c, err := ParseConstraints(der, enhanced)
		if err != nil {
			if !errors.Is(err, passport.ConstraintsMalformed) {
				t.Fatalf("ParseConstraints = %v, which is no such finding", err)
			}
			return
		}
		out, err := c.Marshal()
		if err != nil || !bytes.Equal(out, der) {
			t.Fatalf("Marshal = %x, %v, of %x", out, err, der)
		}
		c.Check(claims{"confidence": json.RawMessage(`"high"`)})
	})
}
