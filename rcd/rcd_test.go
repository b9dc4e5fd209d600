package rcd_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"image"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"

	"countersign.example/passport"
	"countersign.example/rcd"
	"countersign.example/tn"
)

type vectorFile struct {
	Digests  []struct{ Name, Expected, InputUTF8 string }
	Passport []struct{ Name, Token, PrivateKeyPEM string }
}

func vectors(t testing.TB) vectorFile {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectorFile
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// key is the published key of RFC 8946 appendix A.
func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	for _, p := range vectors(t).Passport {
		if p.Name != "derived-shaken-A" {
			continue
		}
		block, _ := pem.Decode([]byte(p.PrivateKeyPEM))
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return key.(*ecdsa.PrivateKey)
	}
	t.Fatal("no key in the vectors")
	return nil
}

func digest(t testing.TB, name string) (input, expected string) {
	t.Helper()
	for _, d := range vectors(t).Digests {
		if d.Name == name {
			return d.InputUTF8, d.Expected
		}
	}
	t.Fatalf("no digest %q in the vectors", name)
	return "", ""
}

// claims are JSON texts by name.
type claims map[string]string

// minted signs a PASSporT of type rcd with more claims and reads it back.
func minted(t testing.TB, more claims) *passport.Token {
	t.Helper()
	return mintedAs(t, passport.Rcd, more)
}

func mintedAs(t testing.TB, ppt string, more claims) *passport.Token {
	t.Helper()
	c := passport.Claims{
		IssuedAt: 1443208345,
		Orig:     passport.Party{TN: "12025551000"},
		Dest:     passport.Parties{TN: []tn.Number{"12025551001"}},
	}
	if ppt == passport.Shaken {
		c.Attest, c.Origid = passport.AttestFull, "123e4567-e89b-12d3-a456-426655440000"
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		c.More = append(c.More, passport.Claim{Name: name, JSON: more[name]})
	}
	key := key(t)
	text, err := passport.Sign(key, passport.Header{Ppt: ppt, X5U: "https://cert.example.org/passport.cer"}, c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := passport.Parse(text)
	if err != nil {
		t.Fatalf("the PASSporT is not valid beside its rich call data: %v", err)
	}
	if err := token.Verify(&key.PublicKey); err != nil {
		t.Fatal(err)
	}
	return token
}

// site serves bodies by URI and counts what is asked for.
type site struct {
	bodies map[string]string
	asked  []string
}

var errNotThere = errors.New("404")

func (s *site) fetch(_ context.Context, uri string) ([]byte, error) {
	s.asked = append(s.asked, uri)
	body, ok := s.bodies[uri]
	if !ok {
		return nil, errNotThere
	}
	return []byte(body), nil
}

// picture returns a PNG image of that width, so that images differ.
func picture(width int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, 1))); err != nil {
		panic(err)
	}
	return b.String()
}

func object(members claims) string {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(members)) {
		b = append(append(append(append(b, ',', '"'), name...), '"', ':'), members[name]...)
	}
	if b == nil {
		return "{}"
	}
	b[0] = '{'
	return string(append(b, '}'))
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// of returns the digest of content as a member of rcdi.
func of(content string) string { return quote(rcd.DigestOf(rcd.SHA256, []byte(content))) }

// codes returns the codes of findings and the places they are about.
func codes(findings []passport.Finding) []string {
	list := []string{}
	for _, f := range findings {
		list = append(list, f.Code.String()+" "+f.Claim)
	}
	return list
}

func wantCodes(t *testing.T, findings []passport.Finding, want ...string) {
	t.Helper()
	if got := codes(findings); !slices.Equal(got, want) {
		t.Errorf("findings = %q, want %q", got, want)
	}
	for _, f := range findings {
		if f.Code.Gravity() != passport.Note {
			t.Errorf("%v is not a note: the call would suffer", f.Code)
		}
	}
}
