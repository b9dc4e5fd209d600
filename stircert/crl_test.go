package stircert

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/passport"
)

// list makes a revocation list that counts from an hour before noon to an hour after.
func (n *network) list(signer party, t CRLTemplate) *CRL {
	n.t.Helper()
	if t.ThisUpdate.IsZero() {
		t.ThisUpdate = noon.Add(-time.Hour)
	}
	if t.NextUpdate.IsZero() {
		t.NextUpdate = noon.Add(time.Hour)
	}
	t.Number = 1
	der, err := NewCRL(signer.Certificate, signer.key, t)
	if err != nil {
		n.t.Fatal(err)
	}
	c, err := ParseCRL(der)
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *network) revoked(parties ...party) []Revoked {
	var out []Revoked
	for _, p := range parties {
		issuer := n.ca
		if p.Equal(n.ca.Certificate) {
			issuer = n.anchor
		}
		out = append(out, Revoked{Issuer: issuer.Certificate, Serial: p.SerialNumber, At: noon.Add(-2 * time.Hour)})
	}
	return out
}

// judged builds the provider's chain with revocation lists.
func (n *network) judged(lists []*CRL, signers ...party) *Chain {
	n.t.Helper()
	var certs []*x509.Certificate
	for _, s := range signers {
		certs = append(certs, s.Certificate)
	}
	o := n.options()
	o.CRLs = NewCRLSet(lists, certs)
	return n.served(o, n.provider, n.ca)
}

func TestRevocationByTheIssuersOwnList(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	mine := n.revoked(n.provider)
	stale := CRLTemplate{ThisUpdate: noon.AddDate(0, 0, -2), NextUpdate: noon.AddDate(0, 0, -1)}
	staleAndRevoked := stale
	staleAndRevoked.Revoked = mine
	odd := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}
	delta := pkix.Extension{Id: oidDeltaCRL, Critical: true, Value: []byte{2, 1, 1}}
	idp := func(der ...byte) []pkix.Extension {
		return []pkix.Extension{{Id: oidIDP, Critical: true, Value: element(tagSequence, der)}}
	}
	for name, tc := range map[string]struct {
		lists []*CRL
		want  string
	}{
		"none":                             {nil, ""},
		"an empty list":                    {[]*CRL{n.list(n.ca, CRLTemplate{})}, ""},
		"the provider is listed":           {[]*CRL{n.list(n.ca, CRLTemplate{Revoked: mine})}, "certificate-revoked 1"},
		"the CA is listed by the anchor":   {[]*CRL{n.list(n.anchor, CRLTemplate{Revoked: n.revoked(n.ca)})}, "certificate-revoked 2"},
		"another serial number":            {[]*CRL{n.list(n.ca, CRLTemplate{Revoked: n.revoked(n.delegate)})}, ""},
		"out of date":                      {[]*CRL{n.list(n.ca, stale)}, "crl-refused 1, revocation-unchecked 1"},
		"out of date, another is not":      {[]*CRL{n.list(n.ca, stale), n.list(n.ca, CRLTemplate{})}, "crl-refused 1"},
		"out of date, but lists it":        {[]*CRL{n.list(n.ca, staleAndRevoked)}, "certificate-revoked 1"},
		"not yet valid":                    {[]*CRL{n.list(n.ca, CRLTemplate{ThisUpdate: noon.Add(time.Minute)})}, "crl-refused 1, revocation-unchecked 1"},
		"signed by an impostor":            {[]*CRL{n.list(other.ca, CRLTemplate{})}, "crl-refused 1, revocation-unchecked 1"},
		"an impostor lists it":             {[]*CRL{n.list(other.ca, CRLTemplate{Revoked: mine})}, "crl-refused 1, revocation-unchecked 1"},
		"a critical extension":             {[]*CRL{n.list(n.ca, CRLTemplate{Extra: []pkix.Extension{odd}})}, "crl-refused 1, revocation-unchecked 1"},
		"only what is new":                 {[]*CRL{n.list(n.ca, CRLTemplate{Extra: []pkix.Extension{delta}})}, "crl-refused 1, revocation-unchecked 1"},
		"only CA certificates":             {[]*CRL{n.list(n.ca, CRLTemplate{Extra: idp(0x82, 1, 0xff)})}, "crl-refused 1, revocation-unchecked 1"},
		"only user certificates":           {[]*CRL{n.list(n.ca, CRLTemplate{Extra: idp(0x81, 1, 0xff)})}, ""},
		"only attribute certificates":      {[]*CRL{n.list(n.ca, CRLTemplate{Extra: idp(0x85, 1, 0xff)})}, "crl-refused 1, revocation-unchecked 1"},
		"only some reasons":                {[]*CRL{n.list(n.ca, CRLTemplate{Extra: idp(0x83, 2, 1, 0x40)})}, "crl-refused 1, revocation-unchecked 1"},
		"a scope that cannot be read":      {[]*CRL{n.list(n.ca, CRLTemplate{Extra: idp(0x82, 1, 0x01)})}, "crl-refused 1, revocation-unchecked 1"},
		"this distribution point":          {[]*CRL{n.list(n.ca, CRLTemplate{DistributionPoint: TestCRLURL})}, ""},
		"another distribution point":       {[]*CRL{n.list(n.ca, CRLTemplate{DistributionPoint: "https://other.example/crl"})}, "crl-refused 1, revocation-unchecked 1"},
		"a list about somebody else's":     {[]*CRL{n.list(other.issue(other.anchor, Template{Role: RoleIntermediate}), CRLTemplate{})}, ""},
		"somebody else's and the issuer's": {[]*CRL{n.list(n.anchor, CRLTemplate{}), n.list(n.ca, CRLTemplate{Revoked: mine})}, "certificate-revoked 1"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, n.judged(tc.lists), tc.want) })
	}
}

func TestRevocationByAConfiguredSigner(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	indirect := func(r ...Revoked) CRLTemplate { return CRLTemplate{Indirect: true, Revoked: r} }
	mine := n.revoked(n.provider)[0]
	elsewhere := mine
	elsewhere.Issuer = n.delegate.Certificate
	expired := n.issue(n.anchor, Template{Role: RoleCRLSigner, NotBefore: noon.AddDate(-2, 0, 0), NotAfter: noon.AddDate(-1, 0, 0)})
	wrong := n.forge(n.anchor, Template{Role: RoleCRLSigner}, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDigitalSignature })
	unfit := *wrong.Certificate
	unfit.KeyUsage = x509.KeyUsageDigitalSignature
	direct := n.list(n.crlSigner, CRLTemplate{})
	for name, tc := range map[string]struct {
		list   *CRL
		signer party
		want   string
	}{
		"nothing is listed":                            {n.list(n.crlSigner, indirect()), n.crlSigner, ""},
		"the provider is listed":                       {n.list(n.crlSigner, indirect(mine)), n.crlSigner, "certificate-revoked 1"},
		"the CA is listed":                             {n.list(n.crlSigner, indirect(n.revoked(n.ca)...)), n.crlSigner, "certificate-revoked 2"},
		"both, one after the other":                    {n.list(n.crlSigner, indirect(n.revoked(n.ca, n.provider)...)), n.crlSigner, "certificate-revoked 1, certificate-revoked 2"},
		"the serial number of another issuer":          {n.list(n.crlSigner, indirect(elsewhere)), n.crlSigner, ""},
		"signed by an impostor":                        {n.list(other.crlSigner, indirect()), n.crlSigner, "crl-refused 1, crl-refused 2, revocation-unchecked 1, revocation-unchecked 2"},
		"the signer has expired":                       {n.list(expired, indirect()), expired, "crl-refused 1, crl-refused 2, revocation-unchecked 1, revocation-unchecked 2"},
		"the signer is for something else":             {n.list(wrong, indirect()), party{&unfit, wrong.key}, "crl-refused 1, crl-refused 2, revocation-unchecked 1, revocation-unchecked 2"},
		"not marked as indirect":                       {direct, n.crlSigner, "crl-refused 1, crl-refused 2, revocation-unchecked 1, revocation-unchecked 2"},
		"a signer that nobody has configured":          {n.list(n.crlSigner, indirect(mine)), n.anchor, ""},
		"an anchor that the certificate does not name": {n.list(n.anchor, indirect(mine)), n.anchor, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, n.judged([]*CRL{tc.list}, tc.signer), tc.want) })
	}
}

func TestIssuersAreComparedByMeaningNotByBytes(t *testing.T) {
	n := newNetwork(t)
	// The CRL writes the name of the CA in other string types and letter case.
	name := n.ca.Subject
	var other pkix.RDNSequence
	for _, rdn := range name.ToRDNSequence() {
		for _, a := range rdn {
			value := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(" " + strings.ToLower(a.Value.(string)) + "  ")}
			other = append(other, pkix.RelativeDistinguishedNameSET{{Type: a.Type, Value: value}})
		}
	}
	raw, err := asn1.Marshal(other)
	if err != nil || bytes.Equal(raw, n.ca.RawSubject) {
		t.Fatal(err)
	}
	r := n.revoked(n.provider)[0]
	r.Issuer = &x509.Certificate{RawSubject: raw}
	expect(t, n.judged([]*CRL{n.list(n.crlSigner, CRLTemplate{Indirect: true, Revoked: []Revoked{r}})}, n.crlSigner), "certificate-revoked 1")
}

func TestCRLsWithEntriesThatAreNotUnderstoodAreRefused(t *testing.T) {
	n := newNetwork(t)
	entry := func(e pkix.Extension) *CRL {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: noon, ExtraExtensions: []pkix.Extension{e}}},
		}, n.ca.Certificate, n.ca.key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCRL(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const refused = "crl-refused 1, revocation-unchecked 1"
	expect(t, n.judged([]*CRL{entry(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})}), refused)
	expect(t, n.judged([]*CRL{entry(pkix.Extension{Id: oidEntryIssuer, Critical: true, Value: element(tagSequence, element(explicit(4), n.ca.RawSubject))})}), refused)
	expect(t, n.judged([]*CRL{entry(pkix.Extension{Id: oidInvalidityDate, Value: element(0x18, []byte("20260101000000Z"))})}), "")
}

func TestAPastCallIsJudgedByItsOwnTime(t *testing.T) {
	n := newNetwork(t)
	later := Revoked{Serial: n.provider.SerialNumber, At: noon.Add(time.Minute)}
	list := n.list(n.ca, CRLTemplate{Revoked: []Revoked{later}, ThisUpdate: noon.Add(2 * time.Minute)})
	expect(t, n.judged([]*CRL{list}), "crl-refused 1, revocation-unchecked 1")
	later.At = noon.Add(-time.Minute)
	list = n.list(n.ca, CRLTemplate{Revoked: []Revoked{later}, ThisUpdate: noon.Add(2 * time.Minute)})
	expect(t, n.judged([]*CRL{list}), "certificate-revoked 1")
}

func TestWhatIsNoCRLIsRefused(t *testing.T) {
	n := newNetwork(t)
	for name, body := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "a certificate": n.ca.Raw,
		"a certificate as PEM": EncodePEM(n.ca.Certificate), "too long": make([]byte, MaxCRL+1),
	} {
		if c, err := ParseCRL(body); !errors.Is(err, passport.CRLRefused) {
			t.Errorf("%s: ParseCRL = %v, %v", name, c, err)
		}
	}
	der, err := NewCRL(n.ca.Certificate, n.ca.key, CRLTemplate{ThisUpdate: noon, NextUpdate: noon.Add(time.Hour), Revoked: n.revoked(n.provider)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCRL(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
	if err != nil || c.Entries != 1 || c.Issuer.CommonName != n.ca.Subject.CommonName || !c.NextUpdate.Equal(noon.Add(time.Hour)) {
		t.Errorf("ParseCRL = %+v, %v", c, err)
	}
}

func TestASetSaysWhenItsAnswersRunOut(t *testing.T) {
	n := newNetwork(t)
	var none *CRLSet
	if next := none.NextUpdate(noon); !next.IsZero() || none.Len() != 0 {
		t.Errorf("NextUpdate of none = %v", next)
	}
	s := NewCRLSet([]*CRL{
		n.list(n.ca, CRLTemplate{NextUpdate: noon.Add(3 * time.Hour)}),
		n.list(n.ca, CRLTemplate{ThisUpdate: noon.Add(2 * time.Hour), NextUpdate: noon.Add(4 * time.Hour)}),
	}, nil)
	for at, want := range map[time.Duration]time.Duration{0: 2, 2 * time.Hour: 3, 3 * time.Hour: 4} {
		if got := s.NextUpdate(noon.Add(at)); !got.Equal(noon.Add(want * time.Hour)) {
			t.Errorf("NextUpdate(noon+%v) = %v, want noon+%dh", at, got, want)
		}
	}
}

func TestASetGrowsWithItsSignersKept(t *testing.T) {
	n := newNetwork(t)
	list := n.list(n.crlSigner, CRLTemplate{Indirect: true})
	set := NewCRLSet(nil, []*x509.Certificate{n.crlSigner.Certificate})
	if grown := set.With(list); grown.Len() != 1 || len(grown.Signers()) != 1 || set.Len() != 0 {
		t.Errorf("With = %d lists of %d signers, and %d lists before", grown.Len(), len(grown.Signers()), set.Len())
	}
	var none *CRLSet
	if none.With(list).Len() != 1 || none.Signers() != nil {
		t.Error("a nil set does not grow")
	}
}

func TestASetMayBeAskedByMany(t *testing.T) {
	n := newNetwork(t)
	set := NewCRLSet([]*CRL{n.list(n.ca, CRLTemplate{Revoked: n.revoked(n.provider)})}, nil)
	o := n.options()
	o.CRLs = set
	var wg sync.WaitGroup
	chains := make([]*Chain, 8)
	for i := range chains {
		wg.Go(func() { chains[i] = n.served(o, n.provider, n.ca) })
	}
	wg.Wait()
	for _, c := range chains {
		expect(t, c, "certificate-revoked 1")
	}
}

func TestAListSaysWhoSignedItAndWhetherItIsOfAnyUse(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	list := n.list(n.ca, CRLTemplate{})
	for name, tc := range map[string]struct {
		signer party
		want   bool
	}{
		"its issuer":                 {n.ca, true},
		"another of the same name":   {other.ca, false},
		"the issuer's own issuer":    {n.anchor, false},
		"a certificate for no lists": {n.provider, false},
	} {
		if got := list.SignedBy(tc.signer.Certificate); got != tc.want {
			t.Errorf("SignedBy %s = %v, want %v", name, got, tc.want)
		}
	}
	if why := list.Unusable(); why != "" {
		t.Errorf("Unusable = %q, want nothing", why)
	}
	again := n.list(n.ca, CRLTemplate{})
	if !list.Same(again) || list.Same(n.list(n.ca, CRLTemplate{Revoked: n.revoked(n.provider)})) || list.Same(nil) {
		t.Error("Same does not tell lists apart by what they say")
	}
	delta := n.list(n.ca, CRLTemplate{Extra: []pkix.Extension{{Id: oidDeltaCRL, Critical: true, Value: []byte{2, 1, 1}}}})
	if delta.Unusable() == "" {
		t.Error("Unusable of a delta list is empty, want the reason")
	}
}

func FuzzCRL(f *testing.F) {
	n := newNetwork(f)
	for _, t := range []CRLTemplate{
		{}, {Revoked: n.revoked(n.provider)}, {Indirect: true, Revoked: n.revoked(n.provider, n.ca), DistributionPoint: TestCRLURL},
	} {
		t.ThisUpdate, t.NextUpdate = noon, noon.Add(time.Hour)
		der, err := NewCRL(n.ca.Certificate, n.ca.key, t)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCRL(b)
		if err != nil {
			if !errors.Is(err, passport.CRLRefused) {
				t.Fatalf("ParseCRL = %v, which is no such finding", err)
			}
			return
		}
		// Nothing that a fuzzer changes is signed by the issuer any more, unless it
		// changed nothing.
		q := question{cert: n.provider.Certificate, issuer: n.ca.Certificate, name: foldedName(n.ca.RawSubject), at: noon}
		NewCRLSet([]*CRL{c}, []*x509.Certificate{n.crlSigner.Certificate}).ask(&q)
		known := slices.ContainsFunc([]*x509.Certificate{n.ca.Certificate, n.crlSigner.Certificate}, func(s *x509.Certificate) bool {
			return s.CheckSignature(c.algorithm, c.tbs, c.signature) == nil
		})
		if q.answered && !known {
			t.Fatal("a list that nobody signed was believed")
		}
	})
}
