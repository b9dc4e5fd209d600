package passport_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
)

// FuzzExamine holds the laws of reading against any text.
func FuzzExamine(f *testing.F) {
	v := readVectors(f)
	for _, p := range append(v.Passport, v.KnownBad...) {
		f.Add(p.Token)
		f.Add(p.CompactForm)
	}
	for _, r := range mintedRows(f) {
		f.Add(r.text)
	}
	key := rfc8946Key(f)
	f.Fuzz(func(t *testing.T, text string) { lawsOfReading(t, key, text) })
}

// FuzzSigned holds the same laws against any header and claims that are signed as they
// stand, which base64 hides from the other target.
func FuzzSigned(f *testing.F) {
	v := readVectors(f)
	for _, p := range append(v.Passport, v.KnownBad...) {
		f.Add(p.CanonicalHeaderJSON, p.CanonicalClaimsJSON)
	}
	for _, r := range mintedRows(f) {
		if token, _ := passport.Examine(r.text); token != nil {
			f.Add(token.HeaderJSON(), token.ClaimsJSON())
		}
	}
	key := rfc8946Key(f)
	f.Fuzz(func(t *testing.T, header, claims string) {
		lawsOfReading(t, key, minter{t, key}.sign(header, claims))
	})
}

// lawsOfReading: nothing panics; what Parse accepts can be signed again with the same
// meaning, and, if it was in the one deterministic form, with the same bytes.
func lawsOfReading(t *testing.T, key *ecdsa.PrivateKey, text string) {
	token, findings := passport.Examine(text)
	if token == nil && len(findings) == 0 {
		t.Fatalf("Examine(%q) says nothing", text)
	}
	if token != nil && token.String() != text {
		t.Fatalf("String() = %q, want %q", token.String(), text)
	}
	parsed, err := passport.Parse(text)
	if err != nil {
		if _, ok := errors.AsType[*passport.Finding](err); !ok || parsed != nil {
			t.Fatalf("Parse(%q) = %v, %v", text, parsed, err)
		}
		return
	}
	signed, err := passport.Sign(key, parsed.Header, parsed.Claims)
	if err != nil {
		t.Fatalf("Parse accepts %q, Sign refuses it: %v", text, err)
	}
	again, err := passport.Parse(signed)
	if err != nil || again.Verify(&key.PublicKey) != nil {
		t.Fatalf("%q was signed as %q, which is refused: %v", text, signed, err)
	}
	if !reflect.DeepEqual(meaning(again), meaning(parsed)) {
		t.Fatalf("%q means %v\nsigned as %q it means %v", text, meaning(parsed), signed, meaning(again))
	}
	if _, notes := passport.Examine(signed); slices.ContainsFunc(notes, isNotCanonical) {
		t.Fatalf("%q was signed as %q, which is not in the deterministic form", text, signed)
	}
	if !slices.ContainsFunc(findings, isNotCanonical) && bare(parsed) && again.SigningInput() != parsed.SigningInput() {
		t.Fatalf("%q was signed as %q, with other bytes", text, signed)
	}
}

func isNotCanonical(f passport.Finding) bool { return f.Code == passport.NotCanonicalJSON }

// meaning returns header and claims with what was not read in the deterministic form and
// in order.
func meaning(t *passport.Token) any {
	h, c := t.Header, t.Claims
	for _, more := range []*[]passport.Claim{&h.More, &c.More} {
		list := slices.Clone(*more)
		for i := range list {
			var d strictjson.Doc
			if err := d.Parse(list[i].JSON, strictjson.Limits{}); err != nil {
				panic(err)
			}
			list[i].JSON = d.Root().Canonical()
		}
		slices.SortFunc(list, func(x, y passport.Claim) int { return strings.Compare(x.Name, y.Name) })
		*more = list
	}
	return fmt.Sprintf("%#v %#v", h, c)
}

// bare reports whether the objects that are read hold nothing but what is read, and no
// value is there that says nothing: the rest is not written again.
func bare(t *passport.Token) bool {
	only := func(v any, names ...string) bool {
		m, ok := v.(map[string]any)
		for name, w := range m {
			ok = ok && slices.Contains(names, name) && w != "" && !reflect.DeepEqual(w, []any{})
			_, text := w.(string)
			ok = ok && (name != "hi" || text)
		}
		return ok
	}
	var h, c map[string]any
	if json.Unmarshal([]byte(t.HeaderJSON()), &h) != nil || json.Unmarshal([]byte(t.ClaimsJSON()), &c) != nil {
		return false
	}
	ok := h["ppt"] != ""
	for name, w := range c {
		switch name {
		case "orig":
			ok = ok && only(w, "tn", "uri")
		case "dest":
			ok = ok && only(w, "tn", "uri")
		case "div":
			ok = ok && only(w, "tn", "uri", "hi")
		case "rph":
			ok = ok && only(w, "auth")
		case "attest", "origid", "opt", "sph", "msgi":
			ok = ok && w != ""
		case "mky":
			for _, e := range w.([]any) {
				m := e.(map[string]any)
				ok = ok && len(m) == 2
			}
		}
	}
	return ok
}
