package passport_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"testing"

	"countersign.example/passport"
)

type vector struct {
	Name                string
	Source              string
	Token               string
	CompactForm         string
	CanonicalHeaderJSON string
	CanonicalClaimsJSON string
	PublicKeyPEM        string
	PrivateKeyPEM       string
	IdentityHeader      string
	Verified            bool
	StrictSchemaValid   bool
	Origin              string
}

type vectorFile struct {
	Passport []vector
	KnownBad []vector
}

func readVectors(t testing.TB) vectorFile {
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

func publicKey(t testing.TB, text string) *ecdsa.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM block in %q", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PublicKey)
}

func privateKey(t testing.TB, text string) *ecdsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM block in %q", text)
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey)
}

// The signature of every published and derived PASSporT holds, over the text as it
// stands, whatever is wrong with its claims (rows 1, 4, 18, 94 of the checklist).
func TestSignaturesOfTheVectorsHold(t *testing.T) {
	for _, v := range readVectors(t).Passport {
		t.Run(v.Name, func(t *testing.T) {
			token, findings := passport.Examine(v.Token)
			if token == nil {
				t.Fatalf("Examine: nothing read: %v", findings)
			}
			if err := token.Verify(publicKey(t, v.PublicKeyPEM)); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
			if v.CompactForm != "" && token.Compact() != v.CompactForm {
				t.Errorf("Compact() = %q, want %q", token.Compact(), v.CompactForm)
			}
			if token.String() != v.Token {
				t.Errorf("String() is not the text received")
			}
			_, err := passport.Parse(v.Token)
			if (err == nil) != v.StrictSchemaValid {
				t.Errorf("Parse error = %v, want schema valid: %v", err, v.StrictSchemaValid)
			}
		})
	}
}

// A PASSporT made again from its claims and key is the same, byte for byte (row 7).
func TestSigningTheVectorsAgainGivesTheSameText(t *testing.T) {
	n := 0
	for _, v := range readVectors(t).Passport {
		if v.PrivateKeyPEM == "" || !v.StrictSchemaValid || v.Origin != "derived" {
			continue
		}
		n++
		t.Run(v.Name, func(t *testing.T) {
			token, err := passport.Parse(v.Token)
			if err != nil {
				t.Fatal(err)
			}
			got, err := passport.Sign(privateKey(t, v.PrivateKeyPEM), token.Header, token.Claims)
			if err != nil {
				t.Fatal(err)
			}
			if got != v.Token {
				t.Errorf("Sign = %s\nwant   %s", got, v.Token)
			}
			if token.ClaimsJSON() != v.CanonicalClaimsJSON || token.HeaderJSON() != v.CanonicalHeaderJSON {
				t.Errorf("JSON = %s %s\nwant   %s %s", token.HeaderJSON(), token.ClaimsJSON(), v.CanonicalHeaderJSON, v.CanonicalClaimsJSON)
			}
			full, err := passport.Assemble(v.CompactForm, token.Header, token.Claims)
			if err != nil || full != v.Token {
				t.Errorf("Assemble = %s, %v\nwant       %s", full, err, v.Token)
			}
		})
	}
	if n == 0 {
		t.Error("no vector was signed again")
	}
}
