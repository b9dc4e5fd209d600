package passport_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/tn"
	"pgregory.net/rapid"
)

const x5u = "https://cert.example.org/passport.cer"

func shakenClaims() passport.Claims {
	return passport.Claims{
		IssuedAt: 1443208345,
		Orig:     passport.Party{TN: "12155550121"},
		Dest:     passport.Parties{TN: []tn.Number{"12155550131"}},
		Attest:   passport.AttestFull,
		Origid:   "123e4567-e89b-12d3-a456-426655440000",
	}
}

func TestRow7SigningIsDeterministic(t *testing.T) {
	v, key := vectorNamed(t, "derived-shaken-A"), rfc8946Key(t)
	for range 2 {
		got, err := passport.Sign(key, passport.Header{Ppt: passport.Shaken, X5U: x5u}, shakenClaims())
		if got != v.Token || err != nil {
			t.Errorf("Sign = %s, %v\nwant   %s", got, err, v.Token)
		}
	}
}

// signer signs a digest of its own choice, or returns what it is told to.
type signer struct {
	public crypto.PublicKey
	sign   func() ([]byte, error)
}

func (s signer) Public() crypto.PublicKey { return s.public }

func (s signer) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.sign() }

func TestRow8NonceOfRFC6979(t *testing.T) {
	var v struct {
		RFC6979 struct {
			D, Ux, Uy string
			Sample    string `json:"sample_r_s"`
			Test      string `json:"test_r_s"`
		}
	}
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	raw := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) == 0 {
			t.Fatalf("%q is not hexadecimal: %v", s, err)
		}
		return b
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw(v.RFC6979.D))
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil || hex.EncodeToString(public) != "04"+strings.ToLower(v.RFC6979.Ux+v.RFC6979.Uy) {
		t.Fatalf("the public key is %x, %v", public, err)
	}
	for message, want := range map[string]string{"sample": v.RFC6979.Sample, "test": v.RFC6979.Test} {
		digest := sha256.Sum256([]byte(message))
		text, err := passport.Sign(signer{key.Public(), func() ([]byte, error) { return key.Sign(nil, digest[:], crypto.SHA256) }},
			passport.Header{X5U: x5u}, passport.Claims{IssuedAt: 1, Orig: passport.Party{TN: "1"}, Dest: passport.Parties{TN: []tn.Number{"1"}}})
		if err != nil {
			t.Fatal(err)
		}
		sig, err := base64.RawURLEncoding.DecodeString(text[strings.LastIndex(text, ".")+1:])
		if err != nil || hex.EncodeToString(sig) != want {
			t.Errorf("signature of %q = %x, %v, want %s", message, sig, err, want)
		}
		if !passport.VerifySignature(&key.PublicKey, &digest, (*[64]byte)(sig)) {
			t.Errorf("the signature of %q does not hold", message)
		}
	}
}

// Any pair of numbers survives the way into a PASSporT and back into a check.
func TestSignatureConversionKeepsRAndS(t *testing.T) {
	key := rfc8946Key(t)
	for _, c := range []struct{ der, raw string }{
		{"3006020101020101", strings.Repeat("00", 31) + "01" + strings.Repeat("00", 31) + "01"},
		{"300702020080020101", strings.Repeat("00", 31) + "80" + strings.Repeat("00", 31) + "01"},
		{"3026022100" + strings.Repeat("ff", 32) + "020101", strings.Repeat("ff", 32) + strings.Repeat("00", 31) + "01"},
		{"3006020100020101", ""}, {"3006020101020100", ""}, {"30060201ff020101", ""}, {"300602010102010100", ""}, {"30", ""}, {"", ""},
		{"3027022200" + strings.Repeat("ff", 33) + "020101", ""},
		{"0c0141", ""},
	} {
		der, err := hex.DecodeString(c.der)
		if err != nil {
			t.Fatal(err)
		}
		text, err := passport.Sign(signer{key.Public(), func() ([]byte, error) { return der, nil }},
			passport.Header{Ppt: passport.Shaken, X5U: x5u}, shakenClaims())
		if c.raw == "" {
			if err == nil {
				t.Errorf("a signer's %s was taken for a signature", c.der)
			}
			continue
		}
		if err != nil {
			t.Fatalf("a signer's %s: %v", c.der, err)
		}
		token, err := passport.Parse(text)
		if err != nil || hex.EncodeToString(token.Signature[:]) != c.raw {
			t.Errorf("a signer's %s became %x, %v, want %s", c.der, token.Signature, err, c.raw)
		}
		if err := token.Verify(&key.PublicKey); !errors.Is(err, passport.SignatureInvalid) {
			t.Errorf("Verify of %s = %v", c.der, err)
		}
	}
}

func TestSignRefusesKeysOfOtherKinds(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{p384, ed} {
		if text, err := passport.Sign(key, passport.Header{X5U: x5u}, shakenClaims()); text != "" || !errors.Is(err, passport.ErrKey) {
			t.Errorf("Sign by a %T = %q, %v, want ErrKey", key, text, err)
		}
	}
	broken := errors.New("the token was pulled out")
	_, err = passport.Sign(signer{rfc8946Key(t).Public(), func() ([]byte, error) { return nil, broken }}, passport.Header{X5U: x5u}, shakenClaims())
	if !errors.Is(err, broken) {
		t.Errorf("Sign by a broken signer = %v, want its error", err)
	}
}

func TestSignRefusesWhatParseRefuses(t *testing.T) {
	for want, changes := range map[passport.Code][]func(*passport.Header, *passport.Claims){
		passport.MemberMissing:   {func(h *passport.Header, _ *passport.Claims) { h.X5U = "" }},
		passport.TypWrong:        {func(h *passport.Header, _ *passport.Claims) { h.Typ = "JWT" }},
		passport.AlgUnsupported:  {func(h *passport.Header, _ *passport.Claims) { h.Alg = "none" }},
		passport.CritUnsupported: {func(h *passport.Header, _ *passport.Claims) { h.More = []passport.Claim{{Name: "crit", JSON: `[]`}} }},
		passport.OrigNotOne: {
			func(_ *passport.Header, c *passport.Claims) { c.Orig = passport.Party{} },
			func(_ *passport.Header, c *passport.Claims) { c.Orig.URI = "sip:alice@example.com" },
		},
		passport.DestEmpty: {func(_ *passport.Header, c *passport.Claims) { c.Dest = passport.Parties{} }},
		passport.NumberNotCanonical: {
			func(_ *passport.Header, c *passport.Claims) { c.Orig.TN = "+12155550121" },
			func(_ *passport.Header, c *passport.Claims) { c.Dest.TN = append(c.Dest.TN, "+1") },
			func(_ *passport.Header, c *passport.Claims) { c.Div.TN = "+1" },
		},
		passport.ClaimValue: {
			func(_ *passport.Header, c *passport.Claims) { c.Orig = passport.Party{URI: "alice"} },
			func(_ *passport.Header, c *passport.Claims) { c.Dest.URI = []string{"sip:"} },
			func(_ *passport.Header, c *passport.Claims) {
				c.Div = passport.Diversion{Party: passport.Party{TN: "1", URI: "sip:x"}}
			},
		},
		passport.AttestWrong: {
			func(_ *passport.Header, c *passport.Claims) { c.Attest = "a" },
			func(_ *passport.Header, c *passport.Claims) { c.Attest = "" },
		},
		passport.ClaimMissing: {
			func(_ *passport.Header, c *passport.Claims) { c.Origid = "" },
			func(_ *passport.Header, c *passport.Claims) { c.IssuedAt = 0 },
			func(_ *passport.Header, c *passport.Claims) { c.IssuedAt = 253402300800 },
			func(h *passport.Header, _ *passport.Claims) { h.Ppt = passport.Div },
			func(h *passport.Header, _ *passport.Claims) { h.Ppt = passport.Rph },
			func(h *passport.Header, _ *passport.Claims) { h.Ppt = passport.Rcd },
		},
		passport.DivHoldsOpt: {func(h *passport.Header, c *passport.Claims) { h.Ppt, c.Div.TN, c.Opt = passport.Div, "1", "a.b.c" }},
		passport.OptInvalid: {
			func(h *passport.Header, c *passport.Claims) { h.Ppt, c.Div.TN, c.Opt = passport.DivO, "1", "..c" },
			func(h *passport.Header, c *passport.Claims) { h.Ppt, c.Div.TN = passport.DivO, "1" },
		},
		passport.SphWrong: {func(h *passport.Header, c *passport.Claims) {
			h.Ppt, c.Rph, c.Sph = passport.Rph, []string{"ets.0"}, "psap-callback"
		}},
		passport.MemberRepeated: {
			func(_ *passport.Header, c *passport.Claims) { c.More = []passport.Claim{{Name: "iat", JSON: "1"}} },
			func(h *passport.Header, _ *passport.Claims) {
				h.More = []passport.Claim{{Name: "kid", JSON: "1"}, {Name: "kid", JSON: "2"}}
			},
		},
	} {
		for i, change := range changes {
			h, c := passport.Header{Ppt: passport.Shaken, X5U: x5u}, shakenClaims()
			change(&h, &c)
			if text, err := passport.Sign(rfc8946Key(t), h, c); text != "" || !errors.Is(err, want) {
				t.Errorf("change %d: Sign = %q, %v, want %v", i, text, err, want)
			}
		}
	}
	c := shakenClaims()
	c.More = []passport.Claim{{Name: "zzz", JSON: `{"a":1,"a":2}`}}
	if text, err := passport.Sign(rfc8946Key(t), passport.Header{X5U: x5u}, c); text != "" || err == nil || !strings.Contains(err.Error(), "zzz") {
		t.Errorf("Sign with a faulty claim = %q, %v, want an error that names it", text, err)
	}
}

// Whatever Sign signs, Parse reads, with the same claims, in the deterministic form.
func TestSignAndParseAreInverse(t *testing.T) {
	key := rfc8946Key(t)
	rapid.Check(t, func(t *rapid.T) {
		h, c := anyHeader(t), anyClaims(t)
		text, err := passport.Sign(key, h, c)
		if err != nil {
			if _, ok := errors.AsType[*passport.Finding](err); !ok {
				t.Fatalf("Sign(%+v, %+v) = %v", h, c, err)
			}
			t.Skip("refused")
		}
		token, err := passport.Parse(text)
		if err != nil {
			t.Fatalf("Sign made %s, which Parse refuses: %v", text, err)
		}
		if err := token.Verify(&key.PublicKey); err != nil {
			t.Fatal(err)
		}
		h.Alg, h.Typ = "ES256", "passport"
		if !reflect.DeepEqual(token.Header, h) || !reflect.DeepEqual(token.Claims, c) {
			t.Fatalf("signed %+v %+v\nread   %+v %+v", h, c, token.Header, token.Claims)
		}
		if _, findings := passport.Examine(text); slices.ContainsFunc(findings, isNotCanonical) {
			t.Fatalf("%s is not in the deterministic form", text)
		}
		full, err := passport.Assemble(token.Compact(), h, c)
		if err != nil || full != text {
			t.Fatalf("Assemble = %s, %v, want %s", full, err, text)
		}
	})
}

func anyHeader(t *rapid.T) passport.Header {
	return passport.Header{
		Ppt: rapid.SampledFrom([]string{"", passport.Shaken, passport.Div, passport.DivO, passport.Rcd, passport.Rph, passport.Msg, passport.Rsp, "foo"}).Draw(t, "ppt"),
		X5U: "https://" + rapid.String().Draw(t, "x5u"),
	}
}

func anyClaims(t *rapid.T) passport.Claims {
	number := rapid.Map(rapid.StringMatching(`[0-9#*]{1,15}`), func(s string) tn.Number { return tn.Number(s) })
	uri := rapid.Map(rapid.String(), func(s string) string { return "sip:" + s })
	party := rapid.Custom(func(t *rapid.T) passport.Party {
		if rapid.Bool().Draw(t, "number") {
			return passport.Party{TN: number.Draw(t, "tn")}
		}
		return passport.Party{URI: uri.Draw(t, "uri")}
	})
	// A list that is not there is nil.
	list := func(n int) int { return rapid.IntRange(0, n).Draw(t, "length") }
	c := passport.Claims{
		IssuedAt: rapid.Int64Range(1, 253402300799).Draw(t, "iat"),
		Orig:     party.Draw(t, "orig"),
		Attest:   rapid.SampledFrom([]passport.Attestation{"", "A", "B", "C"}).Draw(t, "attest"),
		Origid:   rapid.String().Draw(t, "origid"),
		Opt:      rapid.SampledFrom([]string{"", "a.b.c", "..c"}).Draw(t, "opt"),
		Sph:      rapid.SampledFrom([]string{"", "psap-callback", "x"}).Draw(t, "sph"),
		Msgi:     rapid.String().Draw(t, "msgi"),
	}
	for range list(3) {
		c.Dest.TN = append(c.Dest.TN, number.Draw(t, "dest"))
	}
	for range list(2) {
		c.Dest.URI = append(c.Dest.URI, uri.Draw(t, "dest"))
	}
	for range list(2) {
		c.Mky = append(c.Mky, passport.Fingerprint{Alg: rapid.String().Draw(t, "alg"), Dig: rapid.String().Draw(t, "dig")})
	}
	for range list(2) {
		c.Rph = append(c.Rph, rapid.SampledFrom([]string{"esnet.1", "ets.0"}).Draw(t, "rph"))
	}
	if rapid.Bool().Draw(t, "diverted") {
		c.Div = passport.Diversion{Party: party.Draw(t, "div"), HI: rapid.String().Draw(t, "hi")}
	}
	for _, name := range []string{"crn", "rcd", "zzz"} {
		if rapid.Bool().Draw(t, name) {
			json := rapid.SampledFrom([]string{`1`, `"x"`, `{"a":1,"b":[true,null]}`, `{"nam":"Röhm & Söhne <x>"}`}).Draw(t, "json")
			c.More = append(c.More, passport.Claim{Name: name, JSON: json})
		}
	}
	return c
}

// Rows 12 and 13 of the conformance checklist, on the way out.
func TestRow12And13SignedFormIsDeterministic(t *testing.T) {
	key := rfc8946Key(t)
	c := passport.Claims{
		IssuedAt: 1443208345,
		Orig:     passport.Party{URI: "sip:bob@example.com"},
		Dest:     passport.Parties{URI: []string{"sip:alice@example.com"}},
		More:     []passport.Claim{{Name: "rcd", JSON: ` { "nam" : "R\u00f6hm \u0026 S\u00f6hne \u003cx\u003e" } `}},
	}
	v := vectorNamed(t, "derived-escape")
	got, err := passport.Sign(key, passport.Header{X5U: "https://cert.example.org/a?b=1&c=2;d=3"}, c)
	if got != v.Token || err != nil {
		t.Errorf("Sign = %s, %v\nwant   %s", got, err, v.Token)
	}
	c.More = []passport.Claim{{Name: "zzz", JSON: `{"😀":1,"` + "\ufb33" + `":[{"b":1,"a":2}]}`}, {Name: "aaa", JSON: "0"}}
	text, err := passport.Sign(key, passport.Header{X5U: x5u}, c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := passport.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"aaa":0,"dest":{"uri":["sip:alice@example.com"]},"iat":1443208345,"orig":{"uri":"sip:bob@example.com"},"zzz":{"` + "\ufb33" + `":[{"a":2,"b":1}],"😀":1}}`
	if token.ClaimsJSON() != want {
		t.Errorf("claims = %s\nwant     %s", token.ClaimsJSON(), want)
	}
}

func TestReadClaims(t *testing.T) {
	c, err := passport.ReadClaims(`{"attest":"A","zzz":1}`)
	if err != nil || c.Attest != passport.AttestFull || len(c.More) != 1 || c.IssuedAt != 0 {
		t.Errorf("ReadClaims = %+v, %v", c, err)
	}
	for text, want := range map[string]passport.Code{
		`[]`: passport.JSONMalformed, `{"iat":1,"iat":2}`: passport.MemberRepeated, `{"orig":{}}`: passport.OrigNotOne,
		`{"iat":"1"}`: passport.IatIsText, `{"attest":1}`: passport.AttestWrong,
	} {
		if _, err := passport.ReadClaims(text); !errors.Is(err, want) {
			t.Errorf("ReadClaims(%s) = %v, want %v", text, err, want)
		}
	}
}
