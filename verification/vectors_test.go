package verification_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

type vector struct {
	Name           string
	Token          string
	CompactForm    string
	PublicKeyPEM   string
	PrivateKeyPEM  string
	IdentityHeader string
	Verified       bool
}

func readVectors(t testing.TB) (good, bad map[string]vector) {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Passport, KnownBad []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	good, bad = map[string]vector{}, map[string]vector{}
	for _, v := range file.Passport {
		good[v.Name] = v
	}
	for _, v := range file.KnownBad {
		bad[v.Name] = v
	}
	return good, bad
}

func publicKey(t testing.TB, text string) *ecdsa.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PublicKey)
}

// The published and derived PASSporTs, judged at their time with the bare key.
func TestVectorsAgainstTheirKeys(t *testing.T) {
	good, bad := readVectors(t)
	cases := []struct {
		vector string
		result verification.Result
		code   passport.Code
	}{
		{"rfc8946-s5-opt-inner", verification.Valid, passport.NoCode},
		{"derived-shaken-A", verification.Valid, passport.NoCode},
		{"derived-shaken-rcd", verification.Valid, passport.NoCode},
		{"derived-escape", verification.Valid, passport.NoCode},
		{"derived-mky", verification.Valid, passport.NoCode},
		{"derived-msg-msgi", verification.Valid, passport.NoCode},
		{"derived-div-o-corrected", verification.Valid, passport.NoCode},
		{"rfc8225-s7.1-and-rfc8224-s4.1.1", verification.Invalid, passport.IatIsText},
		{"rfc8946-s3-div", verification.Invalid, passport.DivIncomplete},
		{"rfc8946-s5-div-o", verification.Invalid, passport.DestIsText},
		{"rfc8225-appA-with-A2-key", verification.Invalid, passport.SignatureInvalid},
		{"rfc8225-appA-with-A1-derived-key", verification.Invalid, passport.SignatureInvalid},
		{"rfc8816-s9", verification.Invalid, passport.IatIsText},
		{"rfc8443-s4.1-rph", verification.Invalid, passport.JSONMalformed},
	}
	for _, c := range cases {
		t.Run(c.vector, func(t *testing.T) {
			v, ok := good[c.vector]
			if !ok {
				v, ok = bad[c.vector]
			}
			if !ok {
				t.Fatal("no such vector")
			}
			at := time.Unix(1443208345, 0)
			header := sipidentity.Header{Passport: v.Token, Info: "https://unreadable.example/"}
			if token, _ := passport.Examine(v.Token); token != nil {
				at = token.IssuedAt()
				header.Info, header.Ppt = token.Header.X5U, token.Header.Ppt
			}
			s := &verification.Service{Key: publicKey(t, v.PublicKeyPEM)}
			r, err := s.VerifyAt(context.Background(), []string{header.String()}, verification.Facts{}, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Result != c.result {
				t.Errorf("result = %v, want %v; findings %v", r.Result, c.result, r.Fields[0].Findings)
			}
			if c.code != passport.NoCode && !r.Fields[0].Has(c.code) {
				t.Errorf("findings = %v, want %v among them", r.Fields[0].Findings, c.code)
			}
		})
	}
}
