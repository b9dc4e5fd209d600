package passport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign.example/passport"
)

// Whatever bit of a PASSporT is flipped, it is refused.
func TestAnyFlippedBitIsRefused(t *testing.T) {
	v := vectorNamed(t, "derived-shaken-A")
	key := publicKey(t, v.PublicKeyPEM)
	text := []byte(v.Token)
	for i := range text {
		for bit := range 8 {
			text[i] ^= 1 << bit
			if token, err := passport.Parse(string(text)); err == nil {
				if err = token.Verify(key); err == nil {
					t.Errorf("bit %d of byte %d may be flipped", bit, i)
				} else if !errors.Is(err, passport.SignatureInvalid) {
					t.Errorf("bit %d of byte %d: %v", bit, i, err)
				}
			}
			text[i] ^= 1 << bit
		}
	}
	if token, err := passport.Parse(string(text)); err != nil || token.Verify(key) != nil {
		t.Errorf("nothing flipped, and still refused: %v", err)
	}
}

func TestTokenTellsWhatWasReceived(t *testing.T) {
	v := vectorNamed(t, "derived-shaken-A")
	token, err := passport.Parse(v.Token)
	if err != nil {
		t.Fatal(err)
	}
	input := v.Token[:strings.LastIndex(v.Token, ".")]
	if token.SigningInput() != input || token.Digest() != sha256.Sum256([]byte(input)) {
		t.Error("the signing input, or its digest, is not that of the text")
	}
	if got := token.IssuedAt(); !got.Equal(time.Unix(1443208345, 0)) || got.Location() != time.UTC {
		t.Errorf("IssuedAt() = %v", got)
	}
	if token.HeaderJSON() != v.CanonicalHeaderJSON || token.ClaimsJSON() != v.CanonicalClaimsJSON {
		t.Errorf("JSON = %s %s", token.HeaderJSON(), token.ClaimsJSON())
	}
	for name, want := range map[string]string{"attest": `"A"`, "iat": "1443208345", "orig": `{"tn":"12155550121"}`, "zzz": "", "Attest": ""} {
		if got, ok := token.Claim(name); got != want || ok != (want != "") {
			t.Errorf("Claim(%s) = %q, %v, want %q", name, got, ok, want)
		}
	}
	if _, ok := token.Claims.Raw("attest"); ok {
		t.Error("attest is among the claims that were not read")
	}
}

func TestExtraClaimsAreKeptAsReceived(t *testing.T) {
	m := minter{t, rfc8946Key(t)}
	token, err := passport.Parse(m.sign(
		`{"alg":"ES256","kid":"1","typ":"passport",`+certificate+`}`,
		`{"zzz":{"b":1, "a":2},"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"crn":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []passport.Claim{{Name: "zzz", JSON: `{"b":1, "a":2}`}, {Name: "crn", JSON: `"x"`}}; !slices.Equal(token.Claims.More, want) {
		t.Errorf("More = %v, want %v", token.Claims.More, want)
	}
	if got, ok := token.Claims.Raw("zzz"); got != `{"b":1, "a":2}` || !ok {
		t.Errorf("Raw(zzz) = %q, %v", got, ok)
	}
	// Constraints in certificates compare the deterministic form.
	if got, _ := token.Claim("zzz"); got != `{"a":2,"b":1}` {
		t.Errorf("Claim(zzz) = %q", got)
	}
	if want := []passport.Claim{{Name: "kid", JSON: `"1"`}}; !slices.Equal(token.Header.More, want) {
		t.Errorf("More of the header = %v, want %v", token.Header.More, want)
	}
}

func TestPASSporTThatIsNoneIsRefusedBriefly(t *testing.T) {
	long := strings.Repeat("A", passport.MaxLen)
	for text, want := range map[string]passport.Code{
		"": passport.DigestMalformed, "a": passport.DigestMalformed, "a.b": passport.DigestMalformed, "...": passport.DigestMalformed,
		"a.b.c.d": passport.DigestMalformed, "..": passport.CompactNotAllowed, "..sig": passport.CompactNotAllowed,
		".a.b": passport.Base64Malformed, "e30..": passport.JSONMalformed, ".e30.": passport.JSONMalformed,
		long + ".e30.": passport.JSONTooLarge, "e30." + long[:passport.MaxLen-5] + ".": passport.JSONMalformed,
		"bnVsbA.e30.": passport.JSONMalformed, "IiI.e30.": passport.JSONMalformed,
	} {
		token, findings := passport.Examine(text)
		if token != nil || len(findings) != 1 || findings[0].Code != want {
			t.Errorf("Examine(%.20q) = %v, %v, want %v", text, token, findings, want)
		}
		if token, err := passport.Parse(text); token != nil || !errors.Is(err, want) {
			t.Errorf("Parse(%.20q) = %v, %v, want %v", text, token, err, want)
		}
	}
}

func TestVerifyNeedsAKeyOnP256(t *testing.T) {
	token, err := passport.Parse(vectorNamed(t, "derived-shaken-A").Token)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*ecdsa.PublicKey{nil, {}, &other.PublicKey} {
		if err := token.Verify(key); !errors.Is(err, passport.KeyUnsupported) {
			t.Errorf("Verify by %v = %v, want key-unsupported", key, err)
		}
	}
}

// Every ECDSA signature has a twin; it is legal, and the digest is the same, by which a
// replay is noticed.
func TestTwinOfASignatureHoldsAndHasTheSameDigest(t *testing.T) {
	token, err := passport.Parse(vectorNamed(t, "derived-shaken-A").Token)
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N
	var twin [64]byte
	copy(twin[:], token.Signature[:32])
	new(big.Int).Sub(n, new(big.Int).SetBytes(token.Signature[32:])).FillBytes(twin[32:])
	other, err := passport.Parse(token.SigningInput() + "." + encode(string(twin[:])))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Verify(&rfc8946Key(t).PublicKey); err != nil {
		t.Errorf("Verify of the twin = %v", err)
	}
	if other.Digest() != token.Digest() || other.String() == token.String() {
		t.Error("the twin is not the same PASSporT under another signature")
	}
}
