package authentication

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

const x5u = "https://cert.example.org/chain.pem"

var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func newService(t *testing.T, numbers ...tn.Number) *Service {
	t.Helper()
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from, to := now.Add(-time.Hour), now.Add(time.Hour)
	certificate := func(der []byte, err error) *x509.Certificate {
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	anchor := certificate(stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: from, NotAfter: to}))
	leaf := certificate(stircert.Issue(anchor, anchorKey, stircert.Template{Role: stircert.RoleProvider, Key: &key.PublicKey,
		NotBefore: from, NotAfter: to, TNs: stircert.TNAuthList{Numbers: numbers}}))
	chain := stircert.Build(context.Background(), []*x509.Certificate{leaf},
		stircert.Options{Anchors: stircert.NewAnchors(anchor), At: now})
	return &Service{Key: key, X5U: x5u, Chain: chain}
}

func assertion(orig tn.Number) call.Assertion {
	return call.Assertion{Attest: passport.AttestFull, Orig: passport.Party{TN: orig}, IssuedAt: now,
		Dest: passport.Parties{TN: []tn.Number{"12025550199"}}, Origid: "123e4567-e89b-12d3-a456-426655440000"}
}

func TestWhatIsSignedVerifies(t *testing.T) {
	s := newService(t, "12025550100")
	fields, err := s.Sign(context.Background(), &call.Call{}, assertion("12025550100"))
	if err != nil || len(fields) != 1 {
		t.Fatalf("Sign = %q, %v, want one field", fields, err)
	}
	h, err := sipidentity.Parse(fields[0])
	if err != nil || h.Ppt != passport.Shaken || h.Info != x5u || h.Compact() {
		t.Errorf("the field reads %+v, %v, want a shaken PASSporT in full form", h, err)
	}
	r, err := (&verification.Service{Certificates: own{Credential{s.Key, s.X5U, s.Chain}}}).VerifyAt(context.Background(), fields,
		verification.Facts{Calling: passport.Party{TN: "12025550100"}, Called: passport.Party{TN: "12025550199"}}, now, nil)
	if err != nil || r.Result != verification.Valid {
		t.Errorf("verification = %v, %v, want valid", r.Result, err)
	}
}

func TestNothingLeavesThatWeWouldNotAccept(t *testing.T) {
	s := newService(t, "12025550100")
	another := newService(t, "12025550100")
	cases := []struct {
		name    string
		service *Service
		a       call.Assertion
		want    error
	}{
		{"a number that the certificate does not cover", s, assertion("12025550101"), passport.NotCovered},
		{"a key that is not the certificate's", &Service{Key: another.Key, X5U: x5u, Chain: s.Chain}, assertion("12025550100"), passport.SignatureInvalid},
		{"no certificate", &Service{Key: s.Key, X5U: x5u}, assertion("12025550100"), passport.CertificateUnavailable},
		{"a certificate that has expired", s, func() call.Assertion {
			a := assertion("12025550100")
			a.IssuedAt = now.Add(2 * time.Hour)
			return a
		}(), passport.CertificateExpired},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fields, err := c.service.Sign(context.Background(), &call.Call{}, c.a)
			if fields != nil || !errors.Is(err, ErrSelfCheck) || !errors.Is(err, c.want) {
				t.Errorf("Sign = %q, %v, want %v", fields, err, c.want)
			}
		})
	}
}

func TestWithoutAnAttestationNothingIsSigned(t *testing.T) {
	fields, err := newService(t, "12025550100").Sign(context.Background(), &call.Call{}, call.Assertion{Why: "not one of our numbers"})
	if fields != nil || err != nil {
		t.Errorf("Sign = %q, %v, want nothing", fields, err)
	}
}

func TestANewCredentialIsTakenUpBetweenTwoCalls(t *testing.T) {
	first, second := newService(t, "12025550100"), newService(t, "12025550100")
	current := []Credential{{first.Key, x5u, first.Chain}, {second.Key, x5u + "?2", second.Chain}}
	asked := 0
	s := &Service{Current: func() Credential { asked++; return current[asked-1] }}
	for i, c := range current {
		fields, err := s.Sign(context.Background(), &call.Call{}, assertion("12025550100"))
		if err != nil || asked != i+1 {
			t.Fatalf("Sign = %v after asking %d times, want one question for each call", err, asked)
		}
		if h, err := sipidentity.Parse(fields[0]); err != nil || h.Info != c.X5U {
			t.Errorf("call %d names %q, %v, want %q", i, h.Info, err, c.X5U)
		}
	}
}
