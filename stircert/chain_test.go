package stircert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/tn"
)

func TestAConformingChainIsTrustedAndClean(t *testing.T) {
	n := newNetwork(t)
	for name, c := range map[string]*Chain{
		"without the anchor": n.build(n.provider, n.ca),
		"with the anchor":    n.build(n.provider, n.ca, n.anchor),
		"straight from the anchor": n.build(
			n.issue(n.anchor, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}})),
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, c, "")
			if c.Anchor == nil || !c.Anchor.Equal(n.anchor.Certificate) {
				t.Errorf("Anchor = %v", c.Anchor)
			}
			if c.Key == nil || c.Delegate || c.Domain != "" || c.Lab {
				t.Errorf("Key %v, Delegate %t, Domain %q, Lab %t", c.Key, c.Delegate, c.Domain, c.Lab)
			}
			if got := c.Covers("12155551212"); got != CoverSPC {
				t.Errorf("Covers = %v, want %v", got, CoverSPC)
			}
			if f := c.At(noon, noon); f != nil {
				t.Errorf("At = %v", f)
			}
		})
	}
}

func TestRow80ThePublishedCertificateIsRead(t *testing.T) {
	v := readVectors(t).Certificates[0]
	certs, err := ParsePEM([]byte(v.PEM))
	if err != nil {
		t.Fatal(err)
	}
	c := Build(t.Context(), certs, Options{At: noon})
	if got := hex.EncodeToString(c.Fingerprint[:]); got != v.SHA256 {
		t.Errorf("Fingerprint = %s, want %s", got, v.SHA256)
	}
	if describe(c.TNs) != "spc 1234" || len(c.Constraints) != 1 || c.Constraints[0].MustExclude[0] != "priority" {
		t.Errorf("TNs %s, Constraints %+v", describe(c.TNs), c.Constraints)
	}
	expect(t, c, "certificate-untrusted, policy-missing 1, profile-violated 1")
	if got := codes(c.At(noon, time.Time{})); got != "certificate-expired 1" {
		t.Errorf("At = %s", got)
	}
}

func TestRow85ACACertificateDoesNotSign(t *testing.T) {
	n := newNetwork(t)
	expect(t, n.build(n.ca), "key-usage-wrong 1, signed-by-ca 1, tnauthlist-missing 1")
	expect(t, n.build(n.delegate, n.ca), "key-usage-wrong 1, signed-by-ca 1")
	expect(t, n.build(n.anchor), "key-usage-wrong 1, policy-missing 1, signed-by-ca 1, tnauthlist-missing 1")
}

func TestRow86TheOrderIsFromTheSignerUp(t *testing.T) {
	n := newNetwork(t)
	end := n.issue(n.delegate, Template{Role: RoleDelegate, TNs: numbers("12125551824")})
	expect(t, n.build(end, n.delegate, n.ca, n.anchor), "")
	for name, list := range map[string][]party{
		"CAs swapped":      {end, n.ca, n.delegate},
		"anchor too early": {end, n.delegate, n.anchor, n.ca},
		"signer last":      {n.delegate, n.ca, end},
		"all turned round": {n.anchor, n.ca, n.delegate, end},
		"signer twice":     {end, end, n.delegate, n.ca},
	} {
		t.Run(name, func(t *testing.T) {
			c := n.build(list...)
			if !c.Has(passport.ChainOrder) || c.Has(passport.SignedByCA) {
				t.Errorf("findings = %s, want chain-order", codes(c.Findings))
			}
		})
	}
	// A reader who bends the order must still know that the path is good.
	if c := n.build(end, n.ca, n.delegate); c.Anchor == nil || !c.Delegate {
		t.Errorf("Anchor = %v, Delegate %t", c.Anchor, c.Delegate)
	}
}

func TestAStrangerAmongTheCertificatesBreaksTheChain(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	stranger := other.issue(other.anchor, Template{Role: RoleIntermediate, CommonName: "Other SHAKEN CA"})
	expect(t, n.build(n.provider, stranger, n.ca), "chain-broken 2, chain-order 1")
	direct := n.issue(n.anchor, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}})
	expect(t, n.build(direct, stranger), "chain-broken 1")
}

func TestRow87EachCertificateNamesTheKeyAboveIt(t *testing.T) {
	n := newNetwork(t)
	altered := pkix.Extension{Id: oidAuthorityKeyID, Value: element(tagSequence, element(implicit(0), make([]byte, 20)))}
	cert := n.issue(n.ca, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}, Extra: []pkix.Extension{altered}})
	expect(t, n.build(cert, n.ca), "chain-broken 1")
	ca := n.issue(n.anchor, Template{Role: RoleIntermediate, Extra: []pkix.Extension{altered}})
	leaf := n.issue(ca, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}})
	expect(t, n.build(leaf, ca), "chain-broken 2")
}

func TestADelegateMustNameTheKeyAboveItAProviderOnlyShould(t *testing.T) {
	n := newNetwork(t)
	nameless := func(p party) party {
		anonymous := *p.Certificate
		anonymous.SubjectKeyId = nil
		return party{&anonymous, p.key}
	}
	none := func(*x509.Certificate) {}
	leaf := n.forge(nameless(n.ca), Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}}, none)
	expect(t, n.build(leaf, n.ca), "profile-violated 1")
	end := n.forge(nameless(n.delegate), Template{Role: RoleDelegate, TNs: numbers("12125551824")}, none)
	expect(t, n.build(end, n.delegate, n.ca), "chain-broken 1, profile-violated 1")
}

func TestRow88AnUnknownAnchorIsNotTrusted(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	for name, tc := range map[string]struct {
		chain  *Chain
		detail string
	}{
		"another anchor of the same name": {n.build(other.provider, other.ca), "the trust anchor of its issuer's name did not sign it: the signature does not fit"},
		"with its anchor":                 {n.build(other.provider, other.ca, other.anchor), ""},
		"no CA certificate":               {n.build(n.provider), "no configured trust anchor issued it"},
		"no anchor at all":                {n.served(Options{At: noon}, n.provider, n.ca), "no trust anchor is configured"},
		"no anchor in the set":            {n.served(Options{At: noon, Anchors: NewAnchors()}, n.provider, n.ca), "no trust anchor is configured"},
		"a CA that did not sign":          {n.build(n.provider, other.ca), "certificate 2 did not sign it: the signature does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.chain.Anchor != nil || !tc.chain.Has(passport.CertificateUntrusted) {
				t.Fatalf("findings = %s, want certificate-untrusted", codes(tc.chain.Findings))
			}
			for _, f := range tc.chain.Findings {
				if f.Code == passport.CertificateUntrusted && !strings.Contains(f.Detail, tc.detail) {
					t.Errorf("detail = %q, want %q", f.Detail, tc.detail)
				}
			}
		})
	}
}

func TestPathValidationHoldsTheCertificatesToRFC5280(t *testing.T) {
	n := newNetwork(t)
	leaf := Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}}
	noSign := n.forge(n.anchor, Template{Role: RoleIntermediate}, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	short := n.forge(n.anchor, Template{Role: RoleIntermediate, CommonName: "SHAKEN short"}, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := n.issue(short, Template{Role: RoleIntermediate, CommonName: "SHAKEN below"})
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}
	odd := leaf
	odd.Extra = []pkix.Extension{unknown}
	fake := n.forge(n.ca, leaf, func(c *x509.Certificate) {})
	fakeCA := *fake.Certificate
	fakeCA.IsCA, fakeCA.KeyUsage = true, x509.KeyUsageCertSign
	for name, tc := range map[string]struct {
		chain  *Chain
		detail string
	}{
		"a CA that may not sign certificates": {n.build(n.issue(noSign, leaf), noSign), "its key is not for signing certificates"},
		"a path that is too long":             {n.build(n.issue(below, leaf), below, short), "a CA above it allows fewer certificates below"},
		"a critical extension nobody knows":   {n.build(n.issue(n.ca, odd), n.ca), "marked critical that is not known here (1.2.3)"},
		"a signer as CA":                      {n.build(n.issue(party{&fakeCA, fake.key}, leaf), fake, n.ca), "it is no CA certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.chain.Anchor != nil {
				t.Fatal("the path is trusted")
			}
			for _, f := range tc.chain.Findings {
				if f.Code == passport.CertificateUntrusted && strings.Contains(f.Detail, tc.detail) {
					return
				}
			}
			t.Errorf("findings = %v, want %q", tc.chain.Findings, tc.detail)
		})
	}
}

func TestNameConstraintsHold(t *testing.T) {
	n := newNetwork(t)
	ca := n.forge(n.anchor, Template{Role: RoleDelegateCA, TNs: block(1000)}, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"office.example"}, true
	})
	bound := func(domain string) *Chain {
		return n.build(n.issue(ca, Template{Role: RoleDelegate, TNs: block(10), Domain: domain, Log: n.log}), ca)
	}
	if c := bound("calls.office.example"); c.Anchor == nil || c.Domain != "calls.office.example" {
		t.Errorf("inside: %v", c.Findings)
	}
	if c := bound("office.test"); c.Anchor != nil || c.Domain != "" {
		t.Errorf("outside: Domain %q, %v", c.Domain, c.Findings)
	}
}

func TestTimeIsJudgedForEachCall(t *testing.T) {
	n := newNetwork(t)
	c := n.build(n.provider, n.ca)
	begin, end := noon.Add(-time.Hour), noon.Add(time.Hour)
	if !c.NotBefore.Equal(begin) || !c.NotAfter.Equal(end) {
		t.Errorf("window %v to %v", c.NotBefore, c.NotAfter)
	}
	second := time.Second
	for name, tc := range map[string]struct {
		now, iat time.Time
		want     string
	}{
		"at the beginning":            {begin, begin, ""},
		"at the end":                  {end, end, ""},
		"after the end":               {end.Add(second), end, "certificate-expired 1"},
		"before the beginning":        {begin.Add(-second), begin, "certificate-not-yet-valid 1"},
		"signed before the beginning": {begin, begin.Add(-second), "certificate-invalid-at-iat 1"},
		"signed after the end":        {end, end.Add(second), "certificate-invalid-at-iat 1"},
		"iat not given":               {noon, time.Time{}, ""},
		"long after all have expired": {noon.AddDate(10, 0, 0), noon, "certificate-expired 1, certificate-expired 2, certificate-expired trust anchor"},
	} {
		if got := codes(c.At(tc.now, tc.iat)); got != tc.want {
			t.Errorf("%s: At = %q, want %q", name, got, tc.want)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { c.At(noon, noon); c.Covers("12155551212") }); allocs != 0 {
		t.Errorf("a clean chain costs %v allocations for each call", allocs)
	}
}

func TestCertificatesThatAreNeverValidTogetherAreStillValidatedAsAPath(t *testing.T) {
	n := newNetwork(t)
	old := n.issue(n.anchor, Template{Role: RoleIntermediate, NotBefore: noon.AddDate(-2, 0, 0), NotAfter: noon.AddDate(-1, 0, 0)})
	c := n.build(n.issue(old, Template{Role: RoleProvider, TNs: TNAuthList{SPCs: []string{"1234"}}}), old)
	expect(t, c, "")
	if c.Anchor == nil || !c.NotAfter.Before(c.NotBefore) {
		t.Errorf("Anchor %v, window %v to %v", c.Anchor, c.NotBefore, c.NotAfter)
	}
	if got := codes(c.At(noon, noon)); got != "certificate-expired 2, certificate-invalid-at-iat 2" {
		t.Errorf("At = %q", got)
	}
}

func TestTheSignersCertificateIsForSigning(t *testing.T) {
	n := newNetwork(t)
	spc := TNAuthList{SPCs: []string{"1234"}}
	leaf := Template{Role: RoleProvider, TNs: spc}
	critical := Template{Role: RoleProvider, Extra: []pkix.Extension{n.listing(spc, true)}, CommonName: "SHAKEN 1234"}
	for name, tc := range map[string]struct {
		signer party
		want   string
	}{
		"no digitalSignature":    {n.forge(n.ca, leaf, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }), "key-usage-wrong 1, profile-violated 1"},
		"no key usage":           {n.forge(n.ca, leaf, func(c *x509.Certificate) { c.KeyUsage = 0 }), "profile-violated 1"},
		"no policy":              {n.forge(n.ca, leaf, without(oidPolicies)), "policy-missing 1, profile-violated 1"},
		"no list":                {n.forge(n.ca, leaf, without(oidTNAuthList)), "profile-violated 1, tnauthlist-missing 1"},
		"critical list":          {n.issue(n.ca, critical), "critical-extension 1, profile-violated 1"},
		"a list that is no list": {n.issue(n.ca, Template{Role: RoleProvider, Extra: []pkix.Extension{{Id: oidTNAuthList, Value: []byte{0x30, 0}}}}), "profile-violated 1, tnauthlist-malformed 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := n.build(tc.signer, n.ca)
			expect(t, c, tc.want)
			if c.Anchor == nil {
				t.Error("the path is not trusted")
			}
		})
	}
}

func TestOnlyP256KeysSign(t *testing.T) {
	n := newNetwork(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := Issue(n.ca.Certificate, n.ca.key, Template{Role: RoleProvider, Key: &p384.PublicKey,
		TNs: TNAuthList{SPCs: []string{"1234"}}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour)})
	c := n.build(n.party(der, err, nil), n.ca)
	expect(t, c, "key-unsupported 1, profile-violated 1")
	if c.Key != nil {
		t.Errorf("Key = %v", c.Key)
	}
}

func TestAHugeRSAKeyIsNotCheckedWith(t *testing.T) {
	n := newNetwork(t)
	fat := &rsa.PublicKey{N: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 65536), big.NewInt(1)), E: 1<<31 - 1}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SHAKEN"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: noon, NotAfter: noon.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, n.anchor.Certificate, fat, n.anchor.key)
	c := n.build(n.provider, n.party(der, err, nil))
	if c.Anchor != nil || !strings.Contains(codes(c.Findings), "certificate-untrusted 2") {
		t.Errorf("findings = %v", c.Findings)
	}
}

func TestRow77LimitsThatExcludeWhatEveryPASSporTHasAreIgnored(t *testing.T) {
	n := newNetwork(t)
	for _, claim := range []string{"iat", "orig", "dest"} {
		cert := n.issue(n.delegate, Template{Role: RoleDelegate, TNs: block(10), Constraints: []Constraints{
			{MustExclude: []string{"priority", claim}, MustInclude: []string{"confidence"}, Enhanced: true}}})
		c := n.build(cert, n.delegate, n.ca)
		expect(t, c, "constraints-ignored 1")
		if len(c.Constraints) != 0 {
			t.Errorf("Constraints = %+v", c.Constraints)
		}
	}
}

func TestRow78BothFormsOfLimitsAreEnforcedAndNamed(t *testing.T) {
	n := newNetwork(t)
	cert := n.issue(n.delegate, Template{Role: RoleDelegate, TNs: block(10), Constraints: []Constraints{
		{MustInclude: []string{"confidence"}},
		{MustExclude: []string{"priority"}, Enhanced: true}}})
	c := n.build(cert, n.delegate, n.ca)
	expect(t, c, "constraints-both 1")
	if len(c.Constraints) != 2 || c.Constraints[0].Enhanced || !c.Constraints[1].Enhanced {
		t.Errorf("Constraints = %+v", c.Constraints)
	}
}

func TestMalformedLimitsAreAFault(t *testing.T) {
	n := newNetwork(t)
	bad := pkix.Extension{Id: oidEnhanced, Value: []byte{0x30, 0}}
	cert := n.issue(n.delegate, Template{Role: RoleDelegate, TNs: block(10), Extra: []pkix.Extension{bad}})
	expect(t, n.build(cert, n.delegate, n.ca), "constraints-malformed 1")
}

func TestRow79AListKeptElsewhereIsFetchedByHTTPSOnly(t *testing.T) {
	n := newNetwork(t)
	der, err := numbers("12125551824").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	o := n.options()
	o.FetchList = func(_ context.Context, url string) ([]byte, error) {
		asked = append(asked, url)
		switch {
		case strings.HasSuffix(url, "/list"):
			return der, nil
		case strings.HasSuffix(url, "/html"):
			return []byte("<html>"), nil
		}
		return nil, errors.New("unexpected status: 404 for 12125551824")
	}
	signer := func(url string, l TNAuthList) *Chain {
		asked = nil
		return n.served(o, n.issue(n.delegate, Template{Role: RoleDelegate, ListURL: url, TNs: l}), n.delegate, n.ca)
	}
	c := signer("https://lists.example/list", TNAuthList{})
	expect(t, c, "")
	if c.Covers("12125551824") != CoverNumber || len(asked) != 1 {
		t.Errorf("Covers = %v, asked %q", c.Covers("12125551824"), asked)
	}
	if c := signer("https://lists.example/list", numbers("12125551000")); describe(c.TNs) != "number 12125551000, number 12125551824" {
		t.Errorf("both lists count: %s", describe(c.TNs))
	}
	for url, want := range map[string]string{
		"http://lists.example/list":  "tnauthlist-unavailable 1",
		"https://lists.example/gone": "tnauthlist-unavailable 1",
		"https://lists.example/html": "tnauthlist-malformed 1",
		"ftp://l":                    "tnauthlist-unavailable 1",
		"":                           "",
	} {
		if url == "" {
			continue
		}
		c := signer(url, TNAuthList{})
		expect(t, c, want)
		if c.Covers("12125551824") != CoverNone || strings.HasPrefix(url, "http:") && len(asked) > 0 {
			t.Errorf("%s: Covers = %v, asked %q", url, c.Covers("12125551824"), asked)
		}
		if strings.Contains(c.Findings[0].Detail, "12125551824") {
			t.Errorf("the detail shows a whole number: %s", c.Findings[0].Detail)
		}
	}
	o.Anchors = nil
	if c := signer("https://lists.example/list", TNAuthList{}); len(asked) > 0 || !c.Has(passport.TNAuthListUnavailable) {
		t.Errorf("untrusted: asked %q, %s", asked, codes(c.Findings))
	}
}

func TestOneChainFetchesAFewListsAtMost(t *testing.T) {
	n := newNetwork(t)
	var places [][]byte
	for range 50 {
		places = append(places, element(tagSequence, element(tagOID, []byte(listByReference)), element(implicit(6), []byte("https://lists.example/list"))))
	}
	many := pkix.Extension{Id: oidAIA, Value: element(tagSequence, places...)}
	cert := n.issue(n.delegate, Template{Role: RoleDelegate, TNs: block(10), Extra: []pkix.Extension{many}})
	asked := 0
	o := n.options()
	o.FetchList = func(context.Context, string) ([]byte, error) { asked++; return nil, errors.New("gone") }
	expect(t, n.served(o, cert, n.delegate, n.ca), "tnauthlist-unavailable 1")
	if asked != maxListFetches {
		t.Errorf("asked %d times, want %d", asked, maxListFetches)
	}
}

func TestARangeAtTheEdgeIsNamedAndCovers(t *testing.T) {
	n := newNetwork(t)
	edge := TNAuthList{AtEdge: []tn.Range{{Start: "10", Count: 90}}}
	cert := n.issue(n.ca, Template{Role: RoleDelegate, Extra: []pkix.Extension{n.listing(edge, false)}})
	c := n.build(cert, n.ca)
	expect(t, c, "range-at-edge 1")
	if c.Covers("99") != CoverNumber {
		t.Errorf("Covers = %v", c.Covers("99"))
	}
}

func TestNoCertificatesOrTooManyIsAFinding(t *testing.T) {
	n := newNetwork(t)
	expect(t, Build(t.Context(), nil, n.options()), "certificate-malformed")
	expect(t, Build(t.Context(), make([]*x509.Certificate, 3), n.options()), "certificate-malformed")
	var many []*x509.Certificate
	for range MaxCertificates + 1 {
		many = append(many, n.ca.Certificate)
	}
	c := Build(t.Context(), many, n.options())
	expect(t, c, "certificate-malformed")
	if c.Covers("12155551212") != CoverNone || c.At(noon, noon) != nil || (&Chain{}).Covers("1") != CoverNone {
		t.Error("a chain that was not read covers something")
	}
}

func TestTheFingerprintsAreThoseOfTheSigner(t *testing.T) {
	n := newNetwork(t)
	c := n.build(n.provider, n.ca)
	if c.Fingerprint != sha256.Sum256(n.provider.Raw) || c.SPKI != sha256.Sum256(n.provider.RawSubjectPublicKeyInfo) {
		t.Error("they are not")
	}
}

// without takes an extension out of a certificate that is being forged.
func without(id asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for i, e := range c.ExtraExtensions {
			if e.Id.Equal(id) {
				c.ExtraExtensions = append(c.ExtraExtensions[:i:i], c.ExtraExtensions[i+1:]...)
				return
			}
		}
	}
}
