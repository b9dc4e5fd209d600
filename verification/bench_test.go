package verification_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// An Identity header field of 1.5 kB, read into checked claims.
func BenchmarkParse(b *testing.B) {
	good, _ := readVectors(b)
	key := privateKey(b, good["derived-shaken-A"].PrivateKeyPEM)
	token, err := passport.Parse(good["derived-shaken-A"].Token)
	if err != nil {
		b.Fatal(err)
	}
	claims := token.Claims
	claims.More = []passport.Claim{{Name: "rcd", JSON: `{"nam":"` + strings.Repeat("The Press Office ", 46) + `"}`}}
	text, err := passport.Sign(key, token.Header, claims)
	if err != nil {
		b.Fatal(err)
	}
	field := sipidentity.Header{Passport: text, Info: token.Header.X5U, Alg: "ES256", Ppt: "shaken"}.String()
	b.SetBytes(int64(len(field)))
	b.ReportAllocs()
	for b.Loop() {
		h, err := sipidentity.Parse(field)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := passport.Parse(h.Passport); err != nil {
			b.Fatal(err)
		}
	}
}

func privateKey(t testing.TB, text string) *ecdsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
