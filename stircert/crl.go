package stircert

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"countersign.example/passport"
)

// MaxCRL is the longest revocation list that is read, in bytes.
const MaxCRL = 32 << 20

// CRL is a certificate revocation list (RFC 5280 section 5), its serial numbers
// indexed by issuer. Neither its signature nor its dates have been checked; see
// [NewCRLSet].
type CRL struct {
	// Issuer is the name of who signed the list.
	Issuer pkix.Name
	// ThisUpdate and NextUpdate bound the time in which the list counts.
	// NextUpdate is zero if the list does not say.
	ThisUpdate, NextUpdate time.Time
	// Entries is the number of certificates revoked.
	Entries int

	issuer     string // folded
	authority  []byte // authority key identifier
	algorithm  x509.SignatureAlgorithm
	tbs        []byte
	signature  []byte
	scope      scope
	unusable   string
	revocation map[string]map[string]time.Time // by folded issuer, then serial
}

// scope is the issuing distribution point of a list (RFC 5280 section 5.2.5).
type scope struct {
	points     []string
	usersOnly  bool
	casOnly    bool
	otherOnly  bool // attribute certificates only
	someOnly   bool // some reasons only
	indirect   bool
	restricted bool // the extension is present
}

// ParseCRL reads a revocation list, PEM ("X509 CRL") or DER. The error is a
// *passport.Finding of CRLRefused.
func ParseCRL(b []byte) (*CRL, error) {
	if len(b) > MaxCRL {
		return nil, badCRL("it is longer than %d bytes", MaxCRL)
	}
	if block, _ := pem.Decode(b); block != nil {
		if block.Type != "X509 CRL" {
			return nil, badCRL("it is a PEM block of type %q", plain(block.Type))
		}
		b = block.Bytes
	}
	list, err := x509.ParseRevocationList(b)
	if err != nil {
		return nil, badCRL("crypto/x509 refused it: %s", plain(strings.TrimPrefix(err.Error(), "x509: ")))
	}
	c := &CRL{
		Issuer:     list.Issuer,
		ThisUpdate: list.ThisUpdate,
		NextUpdate: list.NextUpdate,
		Entries:    len(list.RevokedCertificateEntries),
		issuer:     foldedName(list.RawIssuer),
		authority:  list.AuthorityKeyId,
		algorithm:  list.SignatureAlgorithm,
		tbs:        bytes.Clone(list.RawTBSRevocationList),
		signature:  bytes.Clone(list.Signature),
		revocation: make(map[string]map[string]time.Time),
	}
	c.readExtensions(list.Extensions)
	c.readEntries(list.RevokedCertificateEntries)
	return c, nil
}

// Unusable says why the list can be used for no certificate at all, or is empty if
// there is no such reason: it holds only changes to another list, or something marked
// critical that is not known here (RFC 5280 section 5.2).
func (c *CRL) Unusable() string { return c.unusable }

// Same reports whether both lists say the same, to the byte, whatever their signatures.
func (c *CRL) Same(other *CRL) bool {
	return c != nil && other != nil && bytes.Equal(c.tbs, other.tbs)
}

// SignedBy reports whether the certificate bears the name of the list's issuer, may
// sign revocation lists, and did sign this one (RFC 5280 section 6.3.3 step f). Dates
// are not looked at, nor whether the certificate is to be believed.
func (c *CRL) SignedBy(signer *x509.Certificate) bool {
	return foldedName(signer.RawSubject) == c.issuer && maySignCRLs(signer) &&
		signer.CheckSignature(c.algorithm, c.tbs, c.signature) == nil
}

// maySignCRLs reports whether the key usage of a certificate, if it has one, allows
// it to sign revocation lists.
func maySignCRLs(c *x509.Certificate) bool {
	return extension(c, oidKeyUsage) == nil || c.KeyUsage&x509.KeyUsageCRLSign != 0
}

func badCRL(format string, args ...any) error {
	return passport.Found(passport.CRLRefused, "CRL", fmt.Sprintf(format, args...))
}

// readExtensions reads what the list is about. A list with a critical extension that
// is not understood cannot be used (RFC 5280 section 5.2).
func (c *CRL) readExtensions(extensions []pkix.Extension) {
	for _, e := range extensions {
		switch {
		case e.Id.Equal(oidIDP):
			if !c.scope.read(e.Value) {
				c.refuse("its issuing distribution point cannot be read")
			}
		case e.Id.Equal(oidDeltaCRL):
			c.refuse("it holds only what is new since another list")
		case e.Id.Equal(oidAuthorityKeyID), e.Id.Equal(oidCRLNumber):
		case e.Critical:
			c.refuse("it has an extension marked critical that is not known here (" + e.Id.String() + ")")
		}
	}
}

func (c *CRL) refuse(why string) {
	if c.unusable == "" {
		c.unusable = why
	}
}

// readEntries indexes the entries. In an indirect list an entry belongs to the
// issuer named last (RFC 5280 section 5.3.3).
func (c *CRL) readEntries(entries []x509.RevocationListEntry) {
	issuer, lastRaw := c.issuer, []byte(nil)
	for i := range entries {
		for _, e := range entries[i].Extensions {
			switch {
			case e.Id.Equal(oidEntryIssuer):
				if bytes.Equal(e.Value, lastRaw) {
					break
				}
				name, ok := directoryName(e.Value)
				if !ok || !c.scope.indirect {
					c.refuse("it names issuers in its entries, which only an indirect list may, by their distinguished names")
					break
				}
				issuer, lastRaw = name, e.Value
			case e.Id.Equal(oidReason), e.Id.Equal(oidInvalidityDate):
			case e.Critical:
				c.refuse("an entry has an extension marked critical that is not known here (" + e.Id.String() + ")")
			}
		}
		serials := c.revocation[issuer]
		if serials == nil {
			serials = make(map[string]time.Time)
			c.revocation[issuer] = serials
		}
		serials[string(entries[i].SerialNumber.Bytes())] = entries[i].RevocationTime
	}
}

// directoryName returns the folded directoryName among GeneralNames.
func directoryName(der []byte) (string, bool) {
	names, ok := only(der, tagSequence)
	for ok && len(names) > 0 {
		var tag byte
		var content reader
		if tag, content, _, ok = names.next(); ok && tag == explicit(4) {
			return foldedName(content), true
		}
	}
	return "", false
}

// read reads an IssuingDistributionPoint.
func (s *scope) read(der []byte) bool {
	r, ok := only(der, tagSequence)
	if !ok {
		return false
	}
	s.restricted = true
	point, present, ok := r.optional(explicit(0))
	if !ok {
		return false
	}
	if present {
		if s.points, ok = fullNames(point); !ok {
			return false
		}
	}
	for len(r) > 0 {
		tag, content, _, ok := r.next()
		if !ok {
			return false
		}
		if tag == implicit(3) {
			s.someOnly = true
			continue
		}
		// X.690 section 11.1: TRUE is FF in DER. FALSE is the default, and is left out.
		if len(content) != 1 || content[0] != 0xff {
			return false
		}
		switch tag {
		case implicit(1):
			s.usersOnly = true
		case implicit(2):
			s.casOnly = true
		case implicit(4):
			s.indirect = true
		case implicit(5):
			s.otherOnly = true
		default:
			return false
		}
	}
	return true
}

// fullNames returns the URIs of a DistributionPointName. One relative to the issuer
// cannot be compared and is not accepted.
func fullNames(point reader) (uris []string, ok bool) {
	names, ok := only(point, explicit(0))
	for ok && len(names) > 0 {
		var tag byte
		var content reader
		if tag, content, _, ok = names.next(); ok && tag == implicit(6) {
			uris = append(uris, string(content))
		}
	}
	return uris, ok
}

// distribution is what a certificate says about where its revocation is told (RFC
// 5280 section 4.2.1.13).
type distribution struct {
	points    int
	uris      []string
	crlIssuer []string // folded names
	ok        bool
}

func readDistribution(ext *pkix.Extension) (d distribution) {
	list, ok := only(ext.Value, tagSequence)
	for ok && len(list) > 0 {
		var point reader
		if point, ok = list.read(tagSequence); !ok {
			break
		}
		d.points++
		ok = d.readPoint(point)
	}
	d.ok = ok && d.points > 0
	return d
}

func (d *distribution) readPoint(point reader) bool {
	for len(point) > 0 {
		tag, content, _, ok := point.next()
		if !ok {
			return false
		}
		switch tag {
		case explicit(0):
			// A name relative to the issuer's stays unread: it has no URI.
			uris, _ := fullNames(content)
			d.uris = append(d.uris, uris...)
		case explicit(2):
			if name, ok := directoryName(element(tagSequence, content)); ok {
				d.crlIssuer = append(d.crlIssuer, name)
			}
		}
	}
	return true
}
