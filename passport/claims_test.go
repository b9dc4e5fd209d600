package passport_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/tn"
)

// extras are the parts of the vectors that no PASSporT is in.
type extras struct {
	Mky struct {
		Canonical       string
		SDPFingerprints []string
	}
	RFC9410PPI []struct {
		Value string
		Valid bool
		Why   string
	}
}

func readExtras(t testing.TB) (e extras) {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRow21FingerprintsAreOrderedAndPlain(t *testing.T) {
	e := readExtras(t).Mky
	lines := slices.Concat(e.SDPFingerprints, e.SDPFingerprints, []string{" " + strings.ToLower(e.SDPFingerprints[0]) + " "})
	fps := passport.Fingerprints(lines)
	claims := passport.Claims{IssuedAt: 1, Orig: passport.Party{TN: "1"}, Dest: passport.Parties{TN: []tn.Number{"1"}}, Mky: fps}
	text, err := passport.Sign(rfc8946Key(t), passport.Header{X5U: x5u}, claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := passport.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := token.Claim("mky"); got != e.Canonical {
		t.Errorf("mky = %s\nwant  %s", got, e.Canonical)
	}
	if !slices.Equal(token.Claims.Mky, fps) {
		t.Errorf("Mky = %v, want %v", token.Claims.Mky, fps)
	}
	if got := passport.Fingerprints([]string{"", "sha-256", "sha-256 ", " 4A:AD", "sha-256 xyz", "sha-256 4A:AG"}); len(got) != 0 {
		t.Errorf("Fingerprints of what is none = %v", got)
	}
	if got := passport.Fingerprints([]string{"sha-256 02", "sha-1 FF", "sha-256 01"}); !slices.Equal(got, []passport.Fingerprint{{"sha-1", "FF"}, {"sha-256", "01"}, {"sha-256", "02"}}) {
		t.Errorf("Fingerprints = %v, want them by algorithm and digest", got)
	}
}

// Row 22, as far as the PASSporT goes: with mky the compact form is allowed, since the
// claim can be made again from the signalling.
func TestRow22CompactFormWithMediaKeys(t *testing.T) {
	v := vectorNamed(t, "derived-mky")
	token, err := passport.Parse(v.Token)
	if err != nil {
		t.Fatal(err)
	}
	claims := passport.Claims{IssuedAt: token.Claims.IssuedAt, Orig: token.Claims.Orig, Dest: token.Claims.Dest}
	claims.Mky = passport.Fingerprints(readExtras(t).Mky.SDPFingerprints)
	full, err := passport.Assemble(v.CompactForm, token.Header, claims)
	if full != v.Token || err != nil {
		t.Errorf("Assemble = %s, %v\nwant       %s", full, err, v.Token)
	}
	claims.Mky = claims.Mky[:1]
	full, err = passport.Assemble(v.CompactForm, token.Header, claims)
	if err != nil {
		t.Fatal(err)
	}
	other, err := passport.Parse(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Verify(publicKey(t, v.PublicKeyPEM)); !errors.Is(err, passport.SignatureInvalid) {
		t.Errorf("Verify with a key missing = %v, want signature-invalid", err)
	}
}

// Row 127, as far as the PASSporT goes: a compact form that lost characters is none.
func TestRow127ShortCompactFormIsNoSignature(t *testing.T) {
	token, err := passport.Parse(vectorNamed(t, "derived-shaken-A").Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, ppi := range readExtras(t).RFC9410PPI {
		full, err := passport.Assemble(ppi.Value, token.Header, token.Claims)
		if err != nil {
			t.Fatal(err)
		}
		_, err = passport.Parse(full)
		if ppi.Valid && err != nil || !ppi.Valid && !errors.Is(err, passport.SignatureLength) {
			t.Errorf("%s: Parse = %v", ppi.Why, err)
		}
	}
	for _, text := range []string{"", ".", "x..sig", token.String()} {
		if _, err := passport.Assemble(text, token.Header, token.Claims); !errors.Is(err, passport.DigestMalformed) {
			t.Errorf("Assemble(%.10q) = %v, want digest-malformed", text, err)
		}
	}
}

func TestRow23TypesThatAreKnown(t *testing.T) {
	for _, ppt := range []string{"", "shaken", "div", "div-o", "rcd", "rph", "msg", "rsp"} {
		if !passport.Known(ppt) {
			t.Errorf("Known(%q) = false", ppt)
		}
	}
	for _, ppt := range []string{"foo", "SHAKEN", "div-x", "msgi", "msec", " "} {
		if passport.Known(ppt) {
			t.Errorf("Known(%q) = true", ppt)
		}
	}
}

func TestRow19CalledParties(t *testing.T) {
	p := passport.Parties{TN: []tn.Number{"1", "2"}, URI: []string{"sip:a@x"}}
	for q, want := range map[passport.Party]bool{
		{TN: "1"}: true, {TN: "2"}: true, {TN: "3"}: false, {URI: "sip:a@x"}: true, {URI: "SIP:a@x"}: false, {}: false,
	} {
		if p.Has(q) != want {
			t.Errorf("Has(%v) = %v, want %v", q, !want, want)
		}
	}
	for _, c := range []struct {
		q    passport.Parties
		want bool
	}{
		{passport.Parties{TN: []tn.Number{"2", "1"}, URI: []string{"sip:a@x"}}, true},
		{passport.Parties{TN: []tn.Number{"2", "1"}}, false},
		{passport.Parties{TN: []tn.Number{"1"}, URI: []string{"sip:a@x"}}, false},
		{passport.Parties{TN: []tn.Number{"1", "2", "2"}, URI: []string{"sip:a@x"}}, false},
		{passport.Parties{}, false},
	} {
		if p.Equal(c.q) != c.want || c.q.Equal(p) != c.want {
			t.Errorf("%v equal to %v: want %v", p, c.q, c.want)
		}
	}
	if p.IsZero() || !(passport.Parties{}).IsZero() || !(passport.Party{}).IsZero() || (passport.Party{TN: "1"}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestPartyHidesItsNumber(t *testing.T) {
	for p, want := range map[passport.Party]string{
		{TN: "12155550121"}: "+1215555••••", {URI: "sip:alice@example.com"}: "sip:alice@example.com", {}: "",
	} {
		if p.String() != want {
			t.Errorf("String() = %q, want %q", p.String(), want)
		}
	}
}

func TestRow89Attestations(t *testing.T) {
	for a, want := range map[passport.Attestation]bool{"A": true, "B": true, "C": true, "a": false, "D": false, "": false, "AA": false} {
		if a.Valid() != want {
			t.Errorf("Valid(%q) = %v, want %v", a, !want, want)
		}
	}
}
