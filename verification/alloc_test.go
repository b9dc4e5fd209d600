package verification_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// cached is a repository with one chain, which it does not make anew.
type cached struct{ chain *stircert.Chain }

func (c cached) Chain(context.Context, string, time.Time) (*stircert.Chain, error) {
	return c.chain, nil
}

// A whole check, with the certificate cached, may cost ten allocations more than the bare
// check of the signature.
func TestACleanCheckAllocatesLittleBeyondItsSignature(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	chain, err := everything().Chain(t.Context(), urlOf("caller"), noon)
	if err != nil {
		t.Fatal(err)
	}
	token, err := passport.Parse(signed().token())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(token.SigningInput()))
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(token.Signature[:32]), new(big.Int).SetBytes(token.Signature[32:])})
	if err != nil {
		t.Fatal(err)
	}
	bare := testing.AllocsPerRun(200, func() {
		if !ecdsa.VerifyASN1(chain.Key, sum[:], der) {
			t.Fatal("the signature does not fit")
		}
	})
	s := &verification.Service{Certificates: cached{chain}}
	fields := []string{signed().String()}
	whole := testing.AllocsPerRun(200, func() {
		r, err := s.VerifyAt(context.Background(), fields, fromCaller, noon, nil)
		if err != nil || r.Result != verification.Valid {
			t.Fatal(r.Result, err)
		}
	})
	if more := whole - bare; more > 10 {
		t.Errorf("the whole check makes %v allocations, the bare one %v: %v more, 10 are allowed", whole, bare, more)
	} else {
		t.Logf("the whole check makes %v allocations, the bare one %v", whole, bare)
	}
}
