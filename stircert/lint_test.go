package stircert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

func fields(findings []LintFinding) string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Field)
	}
	return strings.Join(slices.Compact(out), ", ")
}

func TestWhatIsIssuedKeepsToTheProfile(t *testing.T) {
	n := newNetwork(t)
	for role, p := range map[Role]party{
		RoleAnchor:       n.anchor,
		RoleIntermediate: n.ca,
		RoleProvider:     n.provider,
		RoleDelegateCA:   n.delegate,
		RoleDelegate: n.issue(n.delegate, Template{Role: RoleDelegate, TNs: block(10), Domain: "office.example", Log: n.log,
			Constraints: []Constraints{{MustInclude: []string{"rcd"}}}}),
		RoleCRLSigner: n.crlSigner,
	} {
		if got := Lint(p.Certificate, role); got != nil {
			t.Errorf("%v: Lint = %v", role, got)
		}
		if got := RoleOf(p.Certificate); got != role {
			t.Errorf("RoleOf = %v, want %v", got, role)
		}
	}
}

// sealed makes a certificate with exactly these fields and extensions, which is more
// freedom than forge gives.
func (n *network) sealed(parent party, public any, cert *x509.Certificate) *x509.Certificate {
	n.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent.Certificate, public, parent.key)
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

func unchanged(*x509.Certificate) {}

// replaced puts an extension in the place of the one that the role has.
func replaced(id asn1.ObjectIdentifier, critical bool, value []byte) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		without(id)(c)
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}

func named(s string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName = s }
}

func onePoint(parts ...[]byte) []byte { return element(tagSequence, element(tagSequence, parts...)) }

// listDER writes a list that can be written.
func listDER(l TNAuthList) []byte {
	der, err := l.Marshal()
	if err != nil {
		panic(err)
	}
	return der
}

var (
	crlIssuer = element(explicit(2), element(explicit(4), TestCRLIssuer()))
	caTrue    = element(tagSequence, element(tagBoolean, []byte{0xff}))
)

// departures are certificates that keep to the profile but for one change.
var departures = []struct {
	role   Role
	label  string
	change func(*x509.Certificate)
	want   string
}{
	{RoleProvider, "nothing", unchanged, ""},
	{RoleProvider, "serial number of 63 bits", func(c *x509.Certificate) { c.SerialNumber = big.NewInt(1 << 62) }, "serial number"},
	{RoleProvider, "no country", func(c *x509.Certificate) { c.Subject.Country = nil }, "subject country"},
	{RoleProvider, "two countries", func(c *x509.Certificate) { c.Subject.Country = []string{"US", "CA"} }, "subject country"},
	{RoleProvider, "another country", func(c *x509.Certificate) { c.Subject.Country = []string{"FR"} }, "subject country value"},
	{RoleProvider, "no organization", func(c *x509.Certificate) { c.Subject.Organization = nil }, "subject organization"},
	{RoleProvider, "no common name", named(""), "subject common name"},
	{RoleProvider, "a name without its code", named("SHAKEN"), "subject common name"},
	{RoleProvider, "a name with another code", named("SHAKEN 12345"), "subject common name"},
	{RoleProvider, "a name with two spaces", named("SHAKEN  1234"), "subject common name"},
	{RoleIntermediate, "no SHAKEN in the name", named("CA"), "subject common name"},
	{RoleAnchor, "no ROOT in the name", named("SHAKEN CA"), "subject common name"},
	{RoleDelegate, "no common name", named(""), "subject common name"},
	{RoleProvider, "no serialNumber", func(c *x509.Certificate) { c.Subject.SerialNumber = "" }, "subject serialNumber"},
	{RoleProvider, "no basic constraints", func(c *x509.Certificate) { c.BasicConstraintsValid = false }, "basic constraints"},
	{RoleProvider, "basic constraints not critical", replaced(oidBasic, false, element(tagSequence)), "basic constraints"},
	{RoleProvider, "cA true on a signer", replaced(oidBasic, true, caTrue), "basic constraints"},
	{RoleIntermediate, "cA false on a CA", replaced(oidBasic, true, element(tagSequence)), "basic constraints"},
	{RoleProvider, "no key usage", func(c *x509.Certificate) { c.KeyUsage = 0 }, "key usage"},
	{RoleProvider, "key usage not critical", replaced(oidKeyUsage, false, []byte{3, 2, 7, 0x80}), "key usage"},
	{RoleProvider, "a signer that issues", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }, "key usage"},
	{RoleIntermediate, "a CA that does not", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "key usage"},
	{RoleIntermediate, "a CA that encrypts", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment }, "key usage"},
	{RoleCRLSigner, "a CRL signer that issues", func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }, "key usage"},
	{RoleProvider, "no subject key identifier", func(c *x509.Certificate) { c.SubjectKeyId = nil }, "subject key identifier"},
	{RoleProvider, "another hash", func(c *x509.Certificate) { c.SubjectKeyId = make([]byte, 20) }, "subject key identifier"},
	{RoleProvider, "a longer hash", func(c *x509.Certificate) { c.SubjectKeyId = make([]byte, 32) }, "subject key identifier"},
	{RoleProvider, "no policies", without(oidPolicies), "certificate policies"},
	{RoleProvider, "critical policies", replaced(oidPolicies, true, onePoint(policyOID())), "certificate policies"},
	{RoleProvider, "another policy", replaced(oidPolicies, false, onePoint(element(tagOID, []byte{0x2a, 3}))), "certificate policies"},
	{RoleProvider, "a policy of old", replaced(oidPolicies, false, onePoint(append(slices.Clone(policyOID())[:len(policyOID())-1], 1))), "certificate policies"},
	{RoleProvider, "two policies", replaced(oidPolicies, false, element(tagSequence, element(tagSequence, policyOID()), element(tagSequence, element(tagOID, []byte{0x2a, 3})))), "certificate policies"},
	{RoleAnchor, "a policy in an anchor", replaced(oidPolicies, false, onePoint(policyOID())), "certificate policies"},
	{RoleProvider, "no distribution point", without(oidCRLPoints), "CRL distribution points"},
	{RoleIntermediate, "no distribution point", without(oidCRLPoints), "CRL distribution points"},
	{RoleProvider, "no CRL issuer", replaced(oidCRLPoints, false, onePoint(distributionPoint(TestCRLURL))), "CRL distribution points"},
	{RoleProvider, "no URL", replaced(oidCRLPoints, false, onePoint(crlIssuer)), "CRL distribution points"},
	{RoleProvider, "an ldap URL", replaced(oidCRLPoints, false, onePoint(distributionPoint("ldap://x"), crlIssuer)), "CRL distribution points"},
	{RoleProvider, "two points", replaced(oidCRLPoints, false, element(tagSequence, slices.Repeat(element(tagSequence, distributionPoint(TestCRLURL), crlIssuer), 2))), "CRL distribution points"},
	{RoleAnchor, "a distribution point in an anchor", replaced(oidCRLPoints, false, onePoint(distributionPoint(TestCRLURL), crlIssuer)), "CRL distribution points"},
	{RoleProvider, "no list", without(oidTNAuthList), "TNAuthList"},
	{RoleDelegate, "no list", without(oidTNAuthList), "TNAuthList"},
	{RoleDelegateCA, "no list", without(oidTNAuthList), "TNAuthList"},
	{RoleProvider, "two codes", replaced(oidTNAuthList, false, listDER(TNAuthList{SPCs: []string{"1234", "ABCD"}})), "TNAuthList"},
	{RoleProvider, "a number", replaced(oidTNAuthList, false, listDER(numbers("12155551212"))), "TNAuthList"},
	{RoleProvider, "a code in lower case", func(c *x509.Certificate) {
		replaced(oidTNAuthList, false, listDER(TNAuthList{SPCs: []string{"abcd"}}))(c)
		c.Subject.CommonName = "SHAKEN abcd"
	}, "TNAuthList"},
	{RoleProvider, "a list that cannot be read", replaced(oidTNAuthList, false, []byte{0x30, 0}), "TNAuthList"},
	{RoleIntermediate, "a list in a CA", replaced(oidTNAuthList, false, listDER(TNAuthList{SPCs: []string{"1234"}})), "TNAuthList"},
	{RoleProvider, "a critical list", replaced(oidTNAuthList, true, listDER(TNAuthList{SPCs: []string{"1234"}})), "TNAuthList criticality"},
	{RoleProvider, "a comment", replaced(asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 13}, false, element(tagIA5, []byte("x"))), "other extensions"},
	{RoleDelegateCA, "limits in a CA", replaced(oidConstraints, false, []byte{0x30, 0}), "other extensions"},
}

func TestRow152EachDepartureIsReported(t *testing.T) {
	n, key := newNetwork(t), newKey(t)
	for _, tc := range departures {
		t.Run(tc.role.String()+": "+tc.label, func(t *testing.T) {
			cert, err := sample(tc.role, key).certificate()
			if err != nil {
				t.Fatal(err)
			}
			tc.change(cert)
			found := Lint(n.sealed(n.anchor, &key.PublicKey, cert), tc.role)
			if got := fields(found); !strings.HasPrefix(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("Lint = %v, want %q", found, tc.want)
			}
			for _, f := range found {
				if f.Sentence == "" || f.Section == "" || !strings.Contains(f.String(), f.Section) {
					t.Errorf("a finding that says too little: %q", f)
				}
			}
		})
	}
}

// sample is a template that keeps to the profile.
func sample(role Role, key *ecdsa.PrivateKey) *Template {
	t := &Template{Role: role, Key: &key.PublicKey, NotBefore: noon, NotAfter: noon.Add(time.Hour)}
	switch role {
	case RoleProvider:
		t.TNs = TNAuthList{SPCs: []string{"1234"}}
	case RoleDelegate, RoleDelegateCA:
		t.TNs = block(10)
	}
	return t
}

func TestRow152KeysAndSignaturesAreOfTheRightKind(t *testing.T) {
	n, key, p384 := newNetwork(t), newKey(t), mustKey(t, elliptic.P384())
	fat, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := func() *x509.Certificate {
		cert, err := sample(RoleProvider, key).certificate()
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	check := func(cert *x509.Certificate, want string) {
		t.Helper()
		if got := fields(Lint(cert, RoleProvider)); got != want {
			t.Errorf("Lint = %q, want %q", got, want)
		}
	}
	for _, public := range []any{&p384.PublicKey, &fat.PublicKey} {
		cert := template()
		cert.SubjectKeyId, _ = keyIdentifier(n.spki(public))
		check(n.sealed(n.anchor, public, cert), "public key")
	}
	cert := template()
	cert.SignatureAlgorithm = x509.ECDSAWithSHA512
	check(n.sealed(n.anchor, &key.PublicKey, cert), "signature algorithm")
	parent := *n.anchor.Certificate
	parent.SubjectKeyId = nil
	check(n.sealed(party{&parent, n.anchor.key}, &key.PublicKey, template()), "authority key identifier")
	old := *n.provider.Certificate
	old.Version = 1
	check(&old, "version")
}

func mustKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (n *network) spki(public any) []byte {
	n.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		n.t.Fatal(err)
	}
	return der
}

func TestRow152EveryRuleCanBeBroken(t *testing.T) {
	// The cases above name a field each; this makes sure that none is forgotten.
	text := readSource(t, "lint_test.go")
	for _, r := range rules {
		if !strings.Contains(text, `"`+r.field) {
			t.Errorf("no case breaks the rule %q", r.field)
		}
	}
}

func TestALargerCurveIsForCAs(t *testing.T) {
	n := newNetwork(t)
	key := mustKey(t, elliptic.P384())
	cert, err := sample(RoleIntermediate, key).certificate()
	if err != nil {
		t.Fatal(err)
	}
	if got := Lint(n.sealed(n.anchor, &key.PublicKey, cert), RoleIntermediate); got != nil {
		t.Errorf("Lint = %v", got)
	}
}
