package stircert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Template describes a certificate to make. Fields left zero get what the profile
// asks for in the role.
type Template struct {
	// Role says which profile the certificate follows.
	Role Role
	// Organization and Country are parts of the subject. They default to "Test"
	// and "US".
	Organization, Country string
	// CommonName is a part of the subject. It defaults to one that the profile
	// accepts.
	CommonName string
	// Key is the subject's public key. [NewAnchor] takes it from the signing key.
	Key *ecdsa.PublicKey
	// NotBefore and NotAfter bound the validity. Both are required.
	NotBefore, NotAfter time.Time
	// Serial is the serial number, random if nil.
	Serial *big.Int
	// TNs is the TN Authorization List. Providers and delegates need it, or a
	// ListURL. Ranges that the standard's formula refuses are not issued.
	TNs TNAuthList
	// ListURL names a TN Authorization List kept elsewhere (RFC 8226 section
	// 10.1), beside or in place of TNs.
	ListURL string
	// Constraints limit the claims: at most one of each kind.
	Constraints []Constraints
	// Domain is the dNSName of a bound certificate. It counts only with Log.
	Domain string
	// Log is the signing key of a certificate transparency log, on P-256. If set, a
	// signed certificate timestamp is embedded.
	Log crypto.Signer
	// LoggedAt is the time in that timestamp; NotBefore if zero.
	LoggedAt time.Time
	// CRLURL is where revocation lists are found, and CRLIssuer the distinguished
	// name of who signs them, DER. They default to those of a test network
	// ([TestCRLURL], [TestCRLIssuer]).
	CRLURL    string
	CRLIssuer []byte
	// Extra are further extensions. One of a kind that the role has anyway takes its
	// place, so that faulty certificates can be made for tests.
	Extra []pkix.Extension
}

// TestCRLURL is where the certificates of a test network say that revocation lists
// are found, unless told otherwise.
const TestCRLURL = "https://sti-pa.example/crl"

// TestCRLIssuer returns the distinguished name, DER, of who signs the revocation lists
// of a test network: that of a [RoleCRLSigner] template that names nobody else.
func TestCRLIssuer() []byte {
	t := Template{Role: RoleCRLSigner}
	der, err := asn1.Marshal(t.subject(nil).ToRDNSequence())
	if err != nil {
		panic("stircert: the test network's name cannot be written: " + err.Error())
	}
	return der
}

// NewAnchor makes a self-signed trust anchor and returns its DER. The role of the
// template is taken to be [RoleAnchor].
func NewAnchor(key crypto.Signer, t Template) ([]byte, error) {
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("making a trust anchor: its key is not ECDSA")
	}
	t.Role, t.Key = RoleAnchor, public
	cert, err := t.certificate()
	if err != nil {
		return nil, fmt.Errorf("making a %s: %w", t.Role, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, public, key)
	if err != nil {
		return nil, fmt.Errorf("making a %s: %w", t.Role, err)
	}
	return der, nil
}

// Issue makes a certificate below parent, whose key is parentKey, and returns its
// DER. It does not issue a delegate certificate for more than parent lists (RFC 9060
// section 4).
func Issue(parent *x509.Certificate, parentKey crypto.Signer, t Template) ([]byte, error) {
	der, err := issue(parent, parentKey, t)
	if err != nil {
		return nil, fmt.Errorf("making a %s: %w", t.Role, err)
	}
	return der, nil
}

func issue(parent *x509.Certificate, parentKey crypto.Signer, t Template) ([]byte, error) {
	if t.Key == nil {
		return nil, errors.New("no public key was given for it")
	}
	if !parent.IsCA {
		return nil, errors.New("the certificate above it is no CA certificate, so it cannot issue others")
	}
	if limit, fault := ownList(parent); fault == "" && !t.TNs.Empty() {
		if ok, _ := limit.Encompasses(t.TNs); !ok {
			return nil, errors.New("it would cover numbers that the certificate above it does not list (RFC 9060 section 4)")
		}
	}
	cert, err := t.certificate()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, t.Key, parentKey)
	if err != nil || t.Log == nil {
		return der, err
	}
	// What the log signs is the certificate as it would be without the timestamp; so
	// it is made once without and once with it (RFC 6962 section 3.2).
	unlogged, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	ext, err := t.timestamp(parent, unlogged.RawTBSCertificate)
	if err != nil {
		return nil, err
	}
	cert.ExtraExtensions = append(cert.ExtraExtensions, ext)
	return x509.CreateCertificate(rand.Reader, cert, parent, t.Key, parentKey)
}

// certificate returns the template in the terms of crypto/x509.
func (t *Template) certificate() (*x509.Certificate, error) {
	switch {
	case t.NotBefore.IsZero() || t.NotAfter.IsZero():
		return nil, errors.New("its validity is not given")
	case t.NotAfter.Before(t.NotBefore):
		return nil, errors.New("its validity ends before it begins")
	case len(t.TNs.AtEdge) > 0:
		return nil, errors.New("a range ends at the last number of its length, which RFC 8226 section 9 refuses; make it one shorter and list the last number by itself")
	}
	serial := t.Serial
	if serial == nil {
		serial = randomSerial()
	}
	extensions, err := t.extensions()
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(t.Key)
	if err != nil {
		return nil, fmt.Errorf("its public key: %w", err)
	}
	id, _ := keyIdentifier(spki)
	cert := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               t.subject(serial),
		NotBefore:             t.NotBefore,
		NotAfter:              t.NotAfter,
		BasicConstraintsValid: true,
		IsCA:                  slices.Contains(issuers, t.Role),
		KeyUsage:              t.usage(),
		SubjectKeyId:          id,
		ExtraExtensions:       extensions,
	}
	if t.Domain != "" {
		name, ok := boundName(t.Domain)
		if !ok {
			return nil, fmt.Errorf("%q is not the name of one domain", t.Domain)
		}
		cert.DNSNames = []string{name}
	}
	return cert, nil
}

func (t *Template) usage() x509.KeyUsage {
	switch {
	case slices.Contains(issuers, t.Role):
		return x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	case t.Role == RoleCRLSigner:
		return x509.KeyUsageCRLSign
	}
	return x509.KeyUsageDigitalSignature
}

// randomSerial returns 127 random bits, the highest set: positive, and no shorter
// than the profile asks for.
func randomSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b)
}

func (t *Template) subject(serial *big.Int) pkix.Name {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	name := pkix.Name{
		Country:      []string{or(t.Country, "US")},
		Organization: []string{or(t.Organization, "Test")},
		CommonName:   t.CommonName,
	}
	if serial == nil {
		serial = big.NewInt(0)
	}
	name.SerialNumber = strings.ToUpper(serial.Text(16))
	code := "0000"
	if len(t.TNs.SPCs) > 0 {
		code = t.TNs.SPCs[0]
	}
	switch t.Role {
	case RoleAnchor:
		name.CommonName = or(t.CommonName, "Test SHAKEN ROOT")
	case RoleIntermediate:
		name.CommonName = or(t.CommonName, "Test SHAKEN Issuing CA")
	case RoleProvider:
		name.CommonName = or(t.CommonName, "SHAKEN "+code)
	case RoleDelegateCA:
		name.CommonName = or(t.CommonName, "Test SHAKEN Delegate CA")
	case RoleDelegate:
		name.CommonName = or(t.CommonName, "Test SHAKEN Delegate")
	case RoleCRLSigner:
		// Certificates name their CRL issuer before it has a serial number.
		name.CommonName, name.SerialNumber = or(t.CommonName, "Test STI-PA CRL"), "1"
	}
	return name
}

// extensions returns those that crypto/x509 does not make by itself, without those
// that Extra replaces.
func (t *Template) extensions() ([]pkix.Extension, error) {
	var out []pkix.Extension
	add := func(id asn1.ObjectIdentifier, der []byte) {
		if !slices.ContainsFunc(t.Extra, func(e pkix.Extension) bool { return e.Id.Equal(id) }) {
			out = append(out, pkix.Extension{Id: id, Value: der})
		}
	}
	if slices.Contains(belowCA, t.Role) {
		add(oidPolicies, element(tagSequence, element(tagSequence, policyOID())))
		add(oidCRLPoints, t.crlPoints())
	}
	if err := t.listExtensions(add); err != nil {
		return nil, err
	}
	for _, c := range t.Constraints {
		der, err := c.Marshal()
		if err != nil {
			return nil, err
		}
		id := oidConstraints
		if c.Enhanced {
			id = oidEnhanced
		}
		add(id, der)
	}
	return append(out, t.Extra...), nil
}

// listExtensions adds the TN Authorization List, by value and by reference.
func (t *Template) listExtensions(add func(asn1.ObjectIdentifier, []byte)) error {
	if !slices.Contains(signers, t.Role) && t.Role != RoleDelegateCA {
		if !t.TNs.Empty() || t.ListURL != "" {
			return errors.New("a certificate of this role has no TN Authorization List")
		}
		return nil
	}
	given := slices.ContainsFunc(t.Extra, func(e pkix.Extension) bool { return e.Id.Equal(oidTNAuthList) })
	if t.TNs.Empty() && t.ListURL == "" && !given {
		return errors.New("it lists neither numbers nor a service provider code")
	}
	if !t.TNs.Empty() {
		der, err := t.TNs.Marshal()
		if err != nil {
			return err
		}
		add(oidTNAuthList, der)
	}
	if t.ListURL != "" {
		add(oidAIA, element(tagSequence, element(tagSequence,
			element(tagOID, []byte(listByReference)), element(implicit(6), []byte(t.ListURL)))))
	}
	return nil
}

// policyOID is the SHAKEN certificate policy of ATIS-1000080, DER.
func policyOID() []byte {
	der, err := asn1.Marshal(append(slices.Clone(oidPolicyArc), 3))
	if err != nil {
		panic("stircert: the policy identifier cannot be written: " + err.Error())
	}
	return der
}

// crlPoints is one distribution point with a URL and the CRL issuer, which
// crypto/x509 cannot write.
func (t *Template) crlPoints() []byte {
	url, issuer := t.CRLURL, t.CRLIssuer
	if url == "" {
		url = TestCRLURL
	}
	if issuer == nil {
		issuer = TestCRLIssuer()
	}
	return element(tagSequence, element(tagSequence,
		distributionPoint(url), element(explicit(2), element(explicit(4), issuer))))
}

// distributionPoint is DistributionPointName [0] with one URI (RFC 5280 section
// 4.2.1.13).
func distributionPoint(url string) []byte {
	return element(explicit(0), element(explicit(0), element(implicit(6), []byte(url))))
}

// EncodePEM returns the certificates as a repository serves them: PEM, in the order
// given, which must be from the signer towards the trust anchor (RFC 9060 section 7).
func EncodePEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}
