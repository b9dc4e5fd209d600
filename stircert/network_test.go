package stircert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/tn"
)

// noon is when everything happens that has no reason to happen at another time.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// party is a certificate with its key.
type party struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// network is a small public key infrastructure: anchor, CA, provider, and a delegate
// CA for 12125551000 to 12125551999.
type network struct {
	t                              testing.TB
	anchor, ca, provider, delegate party
	crlSigner                      party
	log                            *ecdsa.PrivateKey
	logs                           []Log
}

// serial makes serial numbers, and with them names, the same in every network, so that
// only the keys tell one from another.
func serial(n int64) *big.Int {
	return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 100), big.NewInt(n))
}

func newNetwork(t testing.TB) *network {
	t.Helper()
	n := &network{t: t, log: newKey(t)}
	n.anchor = n.newAnchor()
	n.ca = n.issue(n.anchor, Template{Role: RoleIntermediate, Serial: serial(2)})
	n.provider = n.issue(n.ca, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}})
	n.delegate = n.issue(n.ca, Template{Role: RoleDelegateCA, TNs: block(1000)})
	n.crlSigner = n.issue(n.anchor, Template{Role: RoleCRLSigner})
	l, err := NewLog(&n.log.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	n.logs = []Log{l}
	return n
}

// block is the list of count numbers from 12125551000.
func block(count uint64) TNAuthList {
	return TNAuthList{Ranges: []tn.Range{{Start: "12125551000", Count: count}}}
}

func numbers(list ...tn.Number) TNAuthList { return TNAuthList{Numbers: list} }

func (n *network) newAnchor() party {
	n.t.Helper()
	key := newKey(n.t)
	der, err := NewAnchor(key, Template{Serial: serial(1), NotBefore: noon.AddDate(-5, 0, 0), NotAfter: noon.AddDate(5, 0, 0)})
	return n.party(der, err, key)
}

func (n *network) party(der []byte, err error, key *ecdsa.PrivateKey) party {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		n.t.Fatal(err)
	}
	return party{cert, key}
}

// issue makes a certificate that is valid for an hour on either side of noon, or, if
// it is a CA's, for a year.
func (n *network) issue(parent party, t Template) party {
	n.t.Helper()
	key := newKey(n.t)
	t.Key = &key.PublicKey
	if t.NotBefore.IsZero() {
		span := time.Hour
		if slices.Contains(issuers, t.Role) || t.Role == RoleCRLSigner {
			span = 365 * 24 * time.Hour
		}
		t.NotBefore, t.NotAfter = noon.Add(-span), noon.Add(span)
	}
	der, err := Issue(parent.Certificate, parent.key, t)
	return n.party(der, err, key)
}

// forge makes a certificate from a template after a change that Issue would not make.
func (n *network) forge(parent party, t Template, change func(*x509.Certificate)) party {
	n.t.Helper()
	key := newKey(n.t)
	t.Key = &key.PublicKey
	t.NotBefore, t.NotAfter = noon.Add(-time.Hour), noon.Add(time.Hour)
	cert, err := t.certificate()
	if err != nil {
		n.t.Fatal(err)
	}
	change(cert)
	der, err := x509.CreateCertificate(rand.Reader, cert, parent.Certificate, &key.PublicKey, parent.key)
	return n.party(der, err, key)
}

// listing is a TN Authorization List extension, to be put where Issue would refuse it.
func (n *network) listing(l TNAuthList, critical bool) pkix.Extension {
	n.t.Helper()
	der, err := l.Marshal()
	if err != nil {
		n.t.Fatal(err)
	}
	return pkix.Extension{Id: oidTNAuthList, Critical: critical, Value: der}
}

func (n *network) options() Options {
	return Options{Anchors: NewAnchors(n.anchor.Certificate), Logs: n.logs, At: noon}
}

// served builds the chain as a repository would serve it.
func (n *network) served(o Options, parties ...party) *Chain {
	n.t.Helper()
	var certs []*x509.Certificate
	for _, p := range parties {
		certs = append(certs, p.Certificate)
	}
	read, err := ParsePEM(EncodePEM(certs...))
	if err != nil {
		n.t.Fatal(err)
	}
	return Build(context.Background(), read, o)
}

// build is served with the usual options.
func (n *network) build(parties ...party) *Chain {
	n.t.Helper()
	return n.served(n.options(), parties...)
}

// codes returns what was found, sorted, with the place of the certificate.
func codes(findings []passport.Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, strings.TrimSpace(f.Code.String()+" "+strings.TrimPrefix(f.Claim, "certificate ")))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// expect fails the test unless exactly these findings were made.
func expect(t *testing.T, c *Chain, want string) {
	t.Helper()
	if got := codes(c.Findings); got != want {
		t.Errorf("findings = %q, want %q\n%v", got, want, c.Findings)
	}
}
