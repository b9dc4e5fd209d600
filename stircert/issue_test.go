package stircert

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"countersign.example/tn"
)

func TestWhatWouldBeRefusedIsNotIssued(t *testing.T) {
	n, key := newNetwork(t), newKey(t)
	p384 := mustKey(t, elliptic.P384())
	from := func(role Role, change func(*Template)) Template {
		s := sample(role, key)
		change(s)
		return *s
	}
	for name, tc := range map[string]struct {
		parent   party
		template Template
		want     string
	}{
		"no key":                      {n.ca, from(RoleProvider, func(t *Template) { t.Key = nil }), "no public key"},
		"no validity":                 {n.ca, from(RoleProvider, func(t *Template) { t.NotBefore = time.Time{} }), "validity is not given"},
		"a validity that ends early":  {n.ca, from(RoleProvider, func(t *Template) { t.NotAfter = noon.Add(-1) }), "ends before it begins"},
		"no list":                     {n.ca, from(RoleProvider, func(t *Template) { t.TNs = TNAuthList{} }), "neither numbers nor"},
		"a list for a plain CA":       {n.anchor, from(RoleIntermediate, func(t *Template) { t.TNs = block(10) }), "has no TN Authorization List"},
		"a range at the edge":         {n.ca, from(RoleDelegate, func(t *Template) { t.TNs = TNAuthList{AtEdge: []tn.Range{{Start: "10", Count: 90}}} }), "one shorter"},
		"a range that is none":        {n.ca, from(RoleDelegate, func(t *Template) { t.TNs = TNAuthList{Ranges: []tn.Range{{Start: "10", Count: 91}}} }), "not a valid range"},
		"more than the CA lists":      {n.delegate, from(RoleDelegate, func(t *Template) { t.TNs = block(1001) }), "does not list"},
		"below a signer":              {n.provider, from(RoleDelegate, func(t *Template) {}), "no CA certificate"},
		"limits that limit nothing":   {n.ca, from(RoleDelegate, func(t *Template) { t.Constraints = []Constraints{{}} }), "constrain nothing"},
		"a domain that is none":       {n.ca, from(RoleDelegate, func(t *Template) { t.Domain = "*.example" }), "not the name of one domain"},
		"a log with another curve":    {n.ca, from(RoleDelegate, func(t *Template) { t.Log = p384 }), "must be on P-256"},
		"the key of another CA above": {party{n.ca.Certificate, n.anchor.key}, from(RoleProvider, func(t *Template) {}), "making a service provider certificate: x509"},
	} {
		der, err := Issue(tc.parent.Certificate, tc.parent.key, tc.template)
		if err == nil || der != nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "making a ") {
			t.Errorf("%s: Issue = %v, want %q", name, err, tc.want)
		}
	}
	fat, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewAnchor(fat, *sample(RoleAnchor, key)); err == nil {
		t.Error("an anchor with an RSA key was made")
	}
	if _, err := NewAnchor(key, Template{}); err == nil {
		t.Error("an anchor without validity was made")
	}
	if _, err := NewCRL(n.provider.Certificate, n.provider.key, CRLTemplate{ThisUpdate: noon, NextUpdate: noon}); err == nil {
		t.Error("a provider signed a revocation list")
	}
	if _, err := NewCRL(n.crlSigner.Certificate, n.crlSigner.key, CRLTemplate{ThisUpdate: noon, NextUpdate: noon.Add(1), Indirect: true,
		Revoked: []Revoked{{Serial: serial(1), At: noon}}}); err == nil {
		t.Error("an indirect list was made with an entry of nobody's")
	}
}

func TestSerialNumbersAreLongAndNeverTheSame(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		s := randomSerial()
		if s.Sign() <= 0 || s.BitLen() != 127 || len(s.Bytes()) > 20 || seen[s.String()] {
			t.Fatalf("serial number %v", s)
		}
		seen[s.String()] = true
	}
}

func TestALogKeyIsReadFromPEMOrDER(t *testing.T) {
	n := newNetwork(t)
	der := n.spki(&n.log.PublicKey)
	for _, b := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})} {
		if l, err := ParseLog(b); err != nil || l.ID != n.logs[0].ID || !l.Key.Equal(&n.log.PublicKey) {
			t.Errorf("ParseLog = %+v, %v", l, err)
		}
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "a certificate": EncodePEM(n.ca.Certificate), "text": []byte("key"),
		"P-384": n.spki(&mustKey(t, elliptic.P384()).PublicKey), "RSA": n.spki(&rsaKey.PublicKey),
	} {
		if l, err := ParseLog(b); err == nil {
			t.Errorf("%s: ParseLog = %+v", name, l)
		}
	}
}

func TestCertificatesAreServedFromTheSignerUp(t *testing.T) {
	n := newNetwork(t)
	certs, err := ParsePEM(EncodePEM(n.provider.Certificate, n.ca.Certificate, n.anchor.Certificate))
	if err != nil || len(certs) != 3 || !certs[0].Equal(n.provider.Certificate) || !certs[2].Equal(n.anchor.Certificate) {
		t.Errorf("ParsePEM(EncodePEM) = %d certificates, %v", len(certs), err)
	}
}

func TestNamesFoldOnlyWhatMeansTheSame(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	if foldedName(n.ca.RawSubject) != foldedName(other.ca.RawSubject) {
		t.Error("equal names differ")
	}
	if foldedName(n.ca.RawSubject) == foldedName(n.anchor.RawSubject) {
		t.Error("different names are equal")
	}
	if got := foldedName([]byte("no name")); got != "no name" {
		t.Errorf("foldedName = %q", got)
	}
}

func TestDERIsReadStrictly(t *testing.T) {
	for in, ok := range map[string]bool{
		"0500": true, "040101": true, "048101" + "00": false, "04820001" + "00": false, "0480": false, "04850000000001": false,
		"1f0100": false, "04": false, "0402ff": false, "0484ffffffff": false,
	} {
		r := reader(unhex(t, in))
		if _, _, _, got := r.next(); got != ok {
			t.Errorf("next of %s: %t, want %t", in, got, ok)
		}
	}
	for _, size := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 1<<24 - 1, 1 << 24} {
		whole := element(tagOctetString, make([]byte, size))
		if content, ok := only(whole, tagOctetString); !ok || len(content) != size {
			t.Errorf("an element of %d bytes is read as %d bytes, %t", size, len(content), ok)
		}
	}
	for _, v := range []uint64{0, 1, 127, 128, 255, 256, 1 << 31, 1<<63 - 1} {
		r := reader(integer(v))
		if got, ok := r.unsigned(); !ok || got != v {
			t.Errorf("integer %d is read as %d, %t", v, got, ok)
		}
	}
}

func TestTheTestNetworkNamesItsCRLSigner(t *testing.T) {
	n := newNetwork(t)
	if !bytes.Equal(n.crlSigner.RawSubject, TestCRLIssuer()) {
		t.Errorf("subject %x, CRL issuer %x", n.crlSigner.RawSubject, TestCRLIssuer())
	}
}

func BenchmarkBuild(b *testing.B) {
	n := newNetwork(b)
	end := n.issue(n.delegate, n.bound())
	o := n.options()
	certs := []*x509.Certificate{end.Certificate, n.delegate.Certificate, n.ca.Certificate}
	for b.Loop() {
		if c := Build(b.Context(), certs, o); c.Domain == "" {
			b.Fatal(c.Findings)
		}
	}
}

func BenchmarkChainForOneCall(b *testing.B) {
	n := newNetwork(b)
	c := n.build(n.issue(n.delegate, n.bound()), n.delegate, n.ca)
	b.ReportAllocs()
	for b.Loop() {
		if c.At(noon, noon) != nil || c.Covers("12125551005") != CoverNumber {
			b.Fatal("not covered")
		}
	}
}
