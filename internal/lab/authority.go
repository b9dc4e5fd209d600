package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"countersign.example/internal/credential"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// authority is the trust anchor of the network and all certificates below it.
type authority struct {
	anchor *x509.Certificate
	// carrier signs as a provider, known by its code. hoaxer and own sign for the
	// numbers that their certificates list, and for no others: the numbers of a customer
	// who lies, and ours.
	carrier, hoaxer, own *credential.Credential
}

// providerCode is the service provider code of the carrier.
const providerCode = "709J"

// validity is how long the certificates hold, from now on: longer than anybody leaves a
// laboratory up.
const validity = 30 * 24 * time.Hour

// newAuthority makes the keys and certificates; site says where a certificate of a name
// is fetched.
func newAuthority(now time.Time, site func(name string) string) (*authority, error) {
	m := &maker{from: now.Add(-time.Hour).Truncate(time.Second), to: now.Add(validity).Truncate(time.Second)}
	anchor := m.anchor()
	issuing := m.below(anchor, stircert.Template{Role: stircert.RoleIntermediate, CommonName: "Lab SHAKEN Issuing CA"})
	delegating := m.below(issuing, stircert.Template{
		Role: stircert.RoleDelegateCA, CommonName: "Lab SHAKEN Carrier Delegate CA",
		TNs: stircert.TNAuthList{Ranges: []tn.Range{numbers}},
	})
	carrier := m.below(issuing, stircert.Template{Role: stircert.RoleProvider, TNs: stircert.TNAuthList{SPCs: []string{providerCode}}})
	hoaxer := m.below(delegating, stircert.Template{Role: stircert.RoleDelegate, CommonName: "Lab SHAKEN Somebody", TNs: stircert.TNAuthList{Numbers: []tn.Number{hoaxersNumber}}})
	own := m.below(delegating, stircert.Template{Role: stircert.RoleDelegate, CommonName: "Lab SHAKEN Artist Management", TNs: stircert.TNAuthList{Numbers: []tn.Number{ourNumber}}})
	if m.err != nil {
		return nil, fmt.Errorf("making the certificates of the laboratory: %w", m.err)
	}
	return &authority{
		anchor:  anchor.cert,
		carrier: &credential.Credential{Key: carrier.key, Chain: []*x509.Certificate{carrier.cert, issuing.cert}, X5U: site("carrier")},
		hoaxer:  &credential.Credential{Key: hoaxer.key, Chain: []*x509.Certificate{hoaxer.cert, delegating.cert, issuing.cert}, X5U: site("somebody")},
		own:     &credential.Credential{Key: own.key, Chain: []*x509.Certificate{own.cert, delegating.cert, issuing.cert}, X5U: site("artist-management")},
	}, nil
}

// holder is a certificate and its key.
type holder struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// maker makes certificates until the first error, which it keeps.
type maker struct {
	from, to time.Time
	err      error
}

func (m *maker) key() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.note(err)
	return key
}

func (m *maker) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *maker) parse(der []byte, err error) *x509.Certificate {
	m.note(err)
	if m.err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	m.note(err)
	return cert
}

func (m *maker) anchor() holder {
	h := holder{key: m.key()}
	if m.err == nil {
		h.cert = m.parse(stircert.NewAnchor(h.key, stircert.Template{CommonName: "Lab SHAKEN ROOT", NotBefore: m.from, NotAfter: m.to}))
	}
	return h
}

func (m *maker) below(parent holder, t stircert.Template) holder {
	h := holder{key: m.key()}
	if m.err == nil {
		t.Key, t.NotBefore, t.NotAfter = &h.key.PublicKey, m.from, m.to
		h.cert = m.parse(stircert.Issue(parent.cert, parent.key, t))
	}
	return h
}
