package verification_test

import (
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// An Identity header field of 1.5 kB, read into checked claims.
func BenchmarkParse(b *testing.B) {
	token, err := passport.Parse(vectorNamed("derived-shaken-A").Token)
	if err != nil {
		b.Fatal(err)
	}
	claims := token.Claims
	claims.More = []passport.Claim{{Name: "rcd", JSON: `{"nam":"` + strings.Repeat("The Press Office ", 46) + `"}`}}
	text, err := passport.Sign(publishedKey(), token.Header, claims)
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
