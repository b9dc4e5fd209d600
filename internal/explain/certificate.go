package explain

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"countersign.example/stircert"
	"countersign.example/tn"
)

// The extensions that matter to STIR.
var (
	oidTNAuthList  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 26}
	oidConstraints = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 27}
	oidEnhanced    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 33}
	oidTimestamps  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
)

// listed is how many numbers or ranges of a certificate are printed.
const listed = 12

// Certificates explains a chain, the signer's certificate first, without judging it.
// Where one departs from the SHAKEN certificate profile, that is listed as unusual.
func Certificates(certs []*x509.Certificate, now time.Time) Page {
	p := Page{Kind: "certificate", Title: "A certificate."}
	if len(certs) > 1 {
		p.Title = fmt.Sprintf("A chain of %d certificates, the signer's first.", len(certs))
	}
	for i, c := range certs {
		role := stircert.RoleOf(c)
		name := "Certificate: " + role.String()
		if len(certs) > 1 {
			name = fmt.Sprintf("Certificate %d: %s", i+1, role)
		}
		s := Section{Name: name}
		describe(&s, c, now)
		p.Sections = append(p.Sections, s)
		for _, f := range stircert.Lint(c, role) {
			sentence := f.Field + ": the profile asks that " + f.Sentence
			if len(certs) > 1 {
				sentence = fmt.Sprintf("certificate %d, %s", i+1, sentence)
			}
			p.Unusual = append(p.Unusual, Unusual{"profile-violated", f.Section, sentence})
		}
	}
	return p
}

func describe(s *Section, c *x509.Certificate, now time.Time) {
	s.add("subject", c.Subject.String(), "whom it names")
	s.add("issuer", c.Issuer.String(), "who issued it")
	s.add("serial", c.SerialNumber.Text(16), "")
	s.add("valid from", c.NotBefore.UTC().Format(time.RFC3339), ago(now.Sub(c.NotBefore)))
	s.add("valid to", c.NotAfter.UTC().Format(time.RFC3339), ago(now.Sub(c.NotAfter)))
	s.add("key", keyOf(c), keyMeans(c))
	if c.IsCA {
		s.add("issues", "yes", "it is for issuing certificates, not for signing calls")
	}
	for _, name := range c.DNSNames {
		s.add("domain", name, "a domain it is for")
	}
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oidTNAuthList):
			addList(s, e.Value)
		case e.Id.Equal(oidConstraints), e.Id.Equal(oidEnhanced):
			addConstraints(s, e.Value, e.Id.Equal(oidEnhanced))
		case e.Id.Equal(oidTimestamps):
			s.add("logged", "yes", "it carries timestamps of certificate transparency logs")
		}
	}
	sum := sha256.Sum256(c.Raw)
	s.add("SHA-256", hex.EncodeToString(sum[:]), "")
}

func addList(s *Section, der []byte) {
	list, err := stircert.ParseTNAuthList(der)
	if err != nil {
		s.add("numbers", "can not be read", err.Error())
		return
	}
	for _, spc := range list.SPCs {
		s.add("SPC", spc, "the numbers of this provider, whichever they are")
	}
	ranges := append(append([]tn.Range(nil), list.Ranges...), list.AtEdge...)
	for _, r := range ranges[:min(listed, len(ranges))] {
		s.add("numbers", r.String(), fmt.Sprintf("%d numbers", r.Count))
	}
	for _, n := range list.Numbers[:min(listed, len(list.Numbers))] {
		s.add("number", number(string(n)), "this number")
	}
	if more := max(0, len(ranges)-listed) + max(0, len(list.Numbers)-listed); more > 0 {
		s.add("numbers", fmt.Sprintf("and %d more entries", more), "")
	}
}

func addConstraints(s *Section, der []byte, enhanced bool) {
	c, err := stircert.ParseConstraints(der, enhanced)
	if err != nil {
		s.add("limits", "can not be read", err.Error())
		return
	}
	if len(c.MustInclude) > 0 {
		s.add("must include", strings.Join(c.MustInclude, ", "), "claims that every PASSporT signed with it must have")
	}
	for _, p := range c.Permitted {
		s.add("permitted "+p.Claim, strings.Join(p.Values, ", "), "the values that the claim may have")
	}
	if len(c.MustExclude) > 0 {
		s.add("must exclude", strings.Join(c.MustExclude, ", "), "claims that no PASSporT signed with it may have")
	}
}

func keyOf(c *x509.Certificate) string {
	if k, ok := c.PublicKey.(*ecdsa.PublicKey); ok {
		return k.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

func keyMeans(c *x509.Certificate) string {
	if k, ok := c.PublicKey.(*ecdsa.PublicKey); ok && k.Curve.Params().Name == "P-256" {
		return ""
	}
	return "not a key that can sign a PASSporT"
}
