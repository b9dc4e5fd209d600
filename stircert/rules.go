package stircert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// Sources of the rules.
const (
	shaken   = "ATIS-1000080"
	policyUS = "US certificate policy"
	stir     = "RFC 8226 section 9"
	delegate = "RFC 9060 section 4"
)

// Groups of roles.
var (
	everyone   = []Role{RoleAnchor, RoleIntermediate, RoleProvider, RoleDelegateCA, RoleDelegate, RoleCRLSigner}
	notAnchor  = everyone[1:]
	issuers    = []Role{RoleAnchor, RoleIntermediate, RoleDelegateCA}
	signers    = []Role{RoleProvider, RoleDelegate}
	belowCA    = []Role{RoleIntermediate, RoleProvider, RoleDelegateCA, RoleDelegate}
	classic    = []Role{RoleIntermediate, RoleProvider}
	delegates  = []Role{RoleDelegateCA, RoleDelegate}
	withoutTNs = []Role{RoleAnchor, RoleIntermediate, RoleCRLSigner}
)

// rules are the certificate profile, one row each, in the order in which a
// certificate is read.
var rules = []rule{
	{"version", "the version is 3", shaken, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return fmt.Sprintf("version %d", c.Version), c.Version == 3
	}},
	{"serial number", "the serial number is positive and has at least 64 bits", policyUS, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return fmt.Sprintf("%d bits", c.SerialNumber.BitLen()), c.SerialNumber.Sign() > 0 && c.SerialNumber.BitLen() >= 64
	}},
	{"signature algorithm", "it is signed with ecdsa-with-SHA256 (a CA certificate may have SHA-384)", shaken, everyone, signatureRule},
	{"public key", "the key is on P-256 (a CA's may be on P-384)", shaken, everyone, keyRule},
	{"subject country", "the subject has exactly one country", shaken, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return fmt.Sprintf("%d", len(c.Subject.Country)), len(c.Subject.Country) == 1
	}},
	{"subject country value", "the country is US under a policy of the United States", policyUS, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return "another", !policyKnown(c) || len(c.Subject.Country) != 1 || c.Subject.Country[0] == "US"
	}},
	{"subject organization", "the subject has an organization", shaken, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return "none", len(c.Subject.Organization) > 0 && c.Subject.Organization[0] != ""
	}},
	{"subject common name", "the common name says the role: ROOT, SHAKEN, or SHAKEN and the provider's code", shaken, everyone, commonNameRule},
	{"subject serialNumber", "the subject has a serialNumber", policyUS, everyone, func(c *x509.Certificate, _ Role) (string, bool) {
		return "none", c.Subject.SerialNumber != ""
	}},
	{"basic constraints", "basic constraints are present and critical, with cA true on a CA and only there", shaken, everyone, basicRule},
	{"key usage", "key usage is present and critical, and fits the role", shaken, everyone, usageRule},
	{"subject key identifier", "the subject key identifier is the 20 bytes of SHA-1 over the key", shaken, everyone, subjectKeyRule},
	{"authority key identifier", "an authority key identifier is present", shaken, notAnchor, func(c *x509.Certificate, _ Role) (string, bool) {
		return "none", len(c.AuthorityKeyId) > 0
	}},
	{"certificate policies", "exactly one policy is named, not critical: 2.16.840.1.114569.1.1.3 or .4", policyUS, belowCA, policiesRule},
	{"certificate policies", "a trust anchor names no policy", policyUS, []Role{RoleAnchor}, absent(oidPolicies)},
	{"CRL distribution points", "there is one distribution point, with an http or https URL and the CRL issuer", shaken, classic, pointsRule},
	{"CRL distribution points", "a trust anchor has no distribution point", shaken, []Role{RoleAnchor}, absent(oidCRLPoints)},
	{"TNAuthList", "there is a TN Authorization List with exactly one service provider code, of upper-case letters and digits", shaken, []Role{RoleProvider}, providerListRule},
	{"TNAuthList", "there is a TN Authorization List that can be read", delegate, delegates, func(c *x509.Certificate, _ Role) (string, bool) {
		if len(listURLs(c)) > 0 {
			return "", true
		}
		_, detail := ownList(c)
		return detail, detail == ""
	}},
	{"TNAuthList", "only a signer's certificate and a delegate CA's have a TN Authorization List", shaken, withoutTNs, absent(oidTNAuthList)},
	{"TNAuthList criticality", "the TN Authorization List is not critical", stir, slices.Concat(signers, []Role{RoleDelegateCA}), func(c *x509.Certificate, _ Role) (string, bool) {
		ext := extension(c, oidTNAuthList)
		return "it critical", ext == nil || !ext.Critical
	}},
	{"other extensions", "there is no extension that the profile does not list", shaken, everyone, othersRule},
}

func absent(id asn1.ObjectIdentifier) func(*x509.Certificate, Role) (string, bool) {
	return func(c *x509.Certificate, _ Role) (string, bool) { return "one", extension(c, id) == nil }
}

func signatureRule(c *x509.Certificate, role Role) (string, bool) {
	ok := c.SignatureAlgorithm == x509.ECDSAWithSHA256 ||
		c.SignatureAlgorithm == x509.ECDSAWithSHA384 && slices.Contains(issuers, role)
	return c.SignatureAlgorithm.String(), ok
}

func keyRule(c *x509.Certificate, role Role) (string, bool) {
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	ok = ok && (key.Curve == elliptic.P256() || key.Curve == elliptic.P384() && slices.Contains(issuers, role))
	return "one " + keyName(c), ok
}

// commonNameRule: a provider's name holds "SHAKEN", one space and its code; an
// intermediate's "SHAKEN", a root's "ROOT". RFC 9060 sets no rule for delegates, but
// there must be a name.
func commonNameRule(c *x509.Certificate, role Role) (string, bool) {
	name := c.Subject.CommonName
	switch role {
	case RoleAnchor:
		return "another", strings.Contains(strings.ToUpper(name), "ROOT")
	case RoleIntermediate:
		return "another", strings.Contains(name, "SHAKEN")
	case RoleProvider:
		list, _ := ownList(c)
		if len(list.SPCs) != 1 {
			return "a name without a code to compare with", strings.Contains(name, "SHAKEN ")
		}
		return "another", wholeWord(name, "SHAKEN "+list.SPCs[0])
	}
	return "none", name != ""
}

// wholeWord reports whether word stands in s and no letter or digit touches it.
func wholeWord(s, word string) bool {
	before, after, ok := strings.Cut(s, word)
	alnum := func(b byte) bool {
		return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
	}
	return ok && (before == "" || !alnum(before[len(before)-1])) && (after == "" || !alnum(after[0]))
}

func basicRule(c *x509.Certificate, role Role) (string, bool) {
	ext := extension(c, oidBasic)
	ca := slices.Contains(issuers, role)
	switch {
	case ext == nil:
		return "none", false
	case !ext.Critical:
		return "them not critical", false
	case c.IsCA != ca:
		return fmt.Sprintf("cA %t", c.IsCA), false
	}
	return "", true
}

func usageRule(c *x509.Certificate, role Role) (string, bool) {
	ext := extension(c, oidKeyUsage)
	if ext == nil {
		return "none", false
	}
	if !ext.Critical {
		return "it not critical", false
	}
	need, may := x509.KeyUsageDigitalSignature, x509.KeyUsageDigitalSignature
	switch {
	case slices.Contains(issuers, role):
		need = x509.KeyUsageCertSign
		may = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	case role == RoleCRLSigner:
		need = x509.KeyUsageCRLSign
		may = x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	}
	return fmt.Sprintf("%09b", c.KeyUsage), c.KeyUsage&need == need && c.KeyUsage&^may == 0
}

func subjectKeyRule(c *x509.Certificate, _ Role) (string, bool) {
	id, ok := keyIdentifier(c.RawSubjectPublicKeyInfo)
	if len(c.SubjectKeyId) != sha1.Size {
		return fmt.Sprintf("%d bytes", len(c.SubjectKeyId)), false
	}
	return "another hash", ok && bytes.Equal(id, c.SubjectKeyId)
}

// keyIdentifier is method 1 of RFC 5280 section 4.2.1.2: SHA-1 over the bits of the
// key. It names a key and secures nothing.
func keyIdentifier(spki []byte) ([]byte, bool) {
	r, ok := only(spki, tagSequence)
	if !ok {
		return nil, false
	}
	if _, ok = r.read(tagSequence); !ok {
		return nil, false
	}
	bits, ok := r.read(tagBitString)
	if !ok || len(bits) == 0 {
		return nil, false
	}
	sum := sha1.Sum(bits[1:])
	return sum[:], true
}

func policiesRule(c *x509.Certificate, _ Role) (string, bool) {
	ext := extension(c, oidPolicies)
	switch {
	case ext == nil:
		return "none", false
	case ext.Critical:
		return "them critical", false
	case len(c.PolicyIdentifiers) != 1:
		return fmt.Sprintf("%d", len(c.PolicyIdentifiers)), false
	}
	last := c.PolicyIdentifiers[0][len(c.PolicyIdentifiers[0])-1]
	return c.PolicyIdentifiers[0].String(), policyKnown(c) && (last == 3 || last == 4)
}

func pointsRule(c *x509.Certificate, _ Role) (string, bool) {
	ext := extension(c, oidCRLPoints)
	if ext == nil {
		return "none", false
	}
	d := readDistribution(ext)
	web := len(d.uris) > 0
	for _, u := range d.uris {
		u = strings.ToLower(u)
		web = web && (strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://"))
	}
	switch {
	case !d.ok || d.points != 1:
		return fmt.Sprintf("%d", d.points), false
	case !web:
		return "one without such a URL", false
	}
	return "one without a CRL issuer", len(d.crlIssuer) > 0
}

// ownList reads the list of a certificate by value, or says what it has instead.
func ownList(c *x509.Certificate) (l TNAuthList, detail string) {
	ext := extension(c, oidTNAuthList)
	if ext == nil {
		return l, "none"
	}
	l, err := ParseTNAuthList(ext.Value)
	if err != nil {
		return l, "one that cannot be read"
	}
	return l, ""
}

func providerListRule(c *x509.Certificate, _ Role) (string, bool) {
	l, detail := ownList(c)
	switch {
	case detail != "":
		return detail, false
	case len(l.SPCs) != 1 || len(l.Ranges)+len(l.Numbers)+len(l.AtEdge) > 0:
		return fmt.Sprintf("%d codes and %d other entries", len(l.SPCs), len(l.Ranges)+len(l.Numbers)+len(l.AtEdge)), false
	}
	return "a code with other characters", strings.Trim(l.SPCs[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// othersRule: RFC 9060 delegates and bound certificates have more than the profile of
// providers lists.
func othersRule(c *x509.Certificate, role Role) (string, bool) {
	listed := []asn1.ObjectIdentifier{oidBasic, oidKeyUsage, oidSubjectKeyID, oidAuthorityKeyID, oidPolicies, oidCRLPoints, oidTNAuthList}
	switch role {
	case RoleDelegate:
		listed = append(listed, oidConstraints, oidEnhanced, oidAIA, oidSAN, oidSCTList)
	case RoleDelegateCA:
		listed = append(listed, oidAIA)
	}
	for _, e := range c.Extensions {
		if !slices.ContainsFunc(listed, e.Id.Equal) {
			return e.Id.String(), false
		}
	}
	return "", true
}
