package stircert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// Object identifiers of RFC 8226 sections 8, 9 and 10.1, RFC 9118 section 3, RFC 6962
// section 3, RFC 5280 and, for the policies, ATIS-1000080.
var (
	oidTNAuthList     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 26}
	oidConstraints    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 27}
	oidEnhanced       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 33}
	oidAIA            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidSCTList        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	oidSubjectKeyID   = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage       = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSAN            = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasic          = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidCRLNumber      = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidReason         = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidityDate = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidDeltaCRL       = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIDP            = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidEntryIssuer    = asn1.ObjectIdentifier{2, 5, 29, 29}
	oidCRLPoints      = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidPolicies       = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}

	// oidPolicyArc is the arc of the SHAKEN certificate policies.
	oidPolicyArc = asn1.ObjectIdentifier{2, 16, 840, 1, 114569, 1, 1}
)

// listByReference is id-ad-stirTNList, 1.3.6.1.5.5.7.48.14, as DER content (RFC 8226
// section 10.1).
var listByReference = "\x2b\x06\x01\x05\x05\x07\x30\x0e"

// ours are the extensions that are read here though crypto/x509 does not know them,
// so that one marked critical is no reason to refuse the path.
var ours = []asn1.ObjectIdentifier{oidTNAuthList, oidConstraints, oidEnhanced}

func isOurs(id asn1.ObjectIdentifier) bool {
	for _, o := range ours {
		if o.Equal(id) {
			return true
		}
	}
	return false
}

// extension returns the extension of a certificate, or nil. crypto/x509 refuses a
// certificate with two of one kind.
func extension(cert *x509.Certificate, id asn1.ObjectIdentifier) *pkix.Extension {
	for i := range cert.Extensions {
		if cert.Extensions[i].Id.Equal(id) {
			return &cert.Extensions[i]
		}
	}
	return nil
}

// listURLs returns the URLs of TN Authorization Lists kept elsewhere, from the
// authority information access extension.
func listURLs(cert *x509.Certificate) []string {
	ext := extension(cert, oidAIA)
	if ext == nil {
		return nil
	}
	descriptions, ok := only(ext.Value, tagSequence)
	var urls []string
	for ok && len(descriptions) > 0 {
		var d, method, place reader
		if d, ok = descriptions.read(tagSequence); !ok {
			break
		}
		if method, ok = d.read(tagOID); !ok || string(method) != listByReference {
			continue
		}
		// GeneralName: uniformResourceIdentifier [6] IA5String.
		if place, ok = d.read(implicit(6)); ok {
			urls = append(urls, string(place))
		}
	}
	return urls
}

// policyKnown reports whether a certificate names a SHAKEN certificate policy.
func policyKnown(cert *x509.Certificate) bool {
	for _, id := range cert.PolicyIdentifiers {
		if len(id) == len(oidPolicyArc)+1 && id[:len(oidPolicyArc)].Equal(oidPolicyArc) {
			return true
		}
	}
	return false
}
