// Package authentication is not about people signing in: it is the authentication
// service of RFC 8224, which vouches for the caller of a call that leaves us by
// adding Identity header fields to it.
//
// [Service.Sign] turns an assertion, which policy has allowed, into header field
// values. Each is verified by our own verification service before it is returned, so
// that we never send what we would not accept.
//
// A Service is read-only and may be used by many goroutines. It does not decide what
// may be asserted (package policy) and does not keep keys (package credential).
package authentication

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"countersign.example/internal/call"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// ErrSelfCheck is wrapped by the error of [Service.Sign] when what was signed does not
// pass our own verification: the key, the certificate or the clock is wrong.
var ErrSelfCheck = errors.New("authentication: what was signed does not verify")

// Credential is what one call is signed with.
type Credential struct {
	// Key signs, and X5U is where its certificate chain is fetched.
	Key crypto.Signer
	X5U string
	// Chain is that chain, judged against our trust anchors, for the self-check.
	Chain *stircert.Chain
}

// Service signs for calls that leave us.
type Service struct {
	// Key, X5U and Chain are the [Credential] of every call, unless Current is set.
	Key   crypto.Signer
	X5U   string
	Chain *stircert.Chain
	// Current, if set, returns the credential to sign with. It is asked once for each
	// call, so that a new one is taken up between two calls and never within one. It
	// may be asked by many goroutines.
	Current func() Credential
	// Profile is the profile of the self-check, nil for RFC8224.
	Profile *sipidentity.Profile
}

// Sign returns the values of the Identity header fields for an assertion: one shaken
// PASSporT in full form (RFC 8588). An assertion without an attestation is nothing to
// sign, and yields none.
func (s *Service) Sign(ctx context.Context, _ *call.Call, a call.Assertion) ([]string, error) {
	if a.Attest == "" {
		return nil, nil
	}
	with := Credential{s.Key, s.X5U, s.Chain}
	if s.Current != nil {
		with = s.Current()
	}
	header := passport.Header{Ppt: passport.Shaken, X5U: with.X5U}
	text, err := passport.Sign(with.Key, header, passport.Claims{
		Attest: a.Attest, Origid: a.Origid, Orig: a.Orig, Dest: a.Dest, IssuedAt: a.IssuedAt.Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", a.Orig, err)
	}
	value := sipidentity.Header{Passport: text, Info: with.X5U, Alg: "ES256", Ppt: passport.Shaken}.String()
	if err := s.check(ctx, with, value, a); err != nil {
		return nil, err
	}
	return []string{value}, nil
}

// check verifies what was signed as the called side will.
func (s *Service) check(ctx context.Context, with Credential, value string, a call.Assertion) error {
	facts := verification.Facts{Calling: a.Orig, Date: a.IssuedAt}
	if len(a.Dest.TN) > 0 {
		facts.Called.TN = a.Dest.TN[0]
	} else if len(a.Dest.URI) > 0 {
		facts.Called.URI = a.Dest.URI[0]
	}
	service := verification.Service{Certificates: own{with}}
	r, err := service.VerifyAt(ctx, []string{value}, facts, a.IssuedAt, s.Profile)
	if err != nil {
		return err
	}
	if r.Result != verification.Valid {
		if _, _, f := r.Response(); f != nil {
			return fmt.Errorf("%w: %w", ErrSelfCheck, f)
		}
		return ErrSelfCheck
	}
	return nil
}

// own is the repository that holds our chain and no other.
type own struct{ credential Credential }

// Chain returns our chain for our URL.
func (o own) Chain(_ context.Context, url string, _ time.Time) (*stircert.Chain, error) {
	if o.credential.Chain == nil || url != o.credential.X5U {
		return nil, passport.Found(passport.CertificateUnavailable, "x5u", "it is not our certificate")
	}
	return o.credential.Chain, nil
}
