package passport

import (
	"slices"
	"strings"

	"countersign.example/tn"
)

// The values of ppt that are known here. The empty string is the plain PASSporT of
// RFC 8225.
const (
	Shaken = "shaken" // RFC 8588
	Div    = "div"    // RFC 8946
	DivO   = "div-o"  // RFC 8946 section 5
	Rcd    = "rcd"    // RFC 9795
	Rph    = "rph"    // RFC 8443, RFC 9027
	Msg    = "msg"    // RFC 9475
	Rsp    = "rsp"    // RFC 9970
)

// Known reports whether PASSporTs of that ppt are understood here. One that is not
// is carried and ignored (RFC 8224 section 6.2 step 1).
func Known(ppt string) bool {
	switch ppt {
	case "", Shaken, Div, DivO, Rcd, Rph, Msg, Rsp:
		return true
	}
	return false
}

// Attestation is how far the signer of a shaken PASSporT vouches (RFC 8588
// section 4). It is about a number, never about a person.
type Attestation string

// The attestations.
const (
	// AttestFull, A: the signer knows its customer and that the customer may use the number.
	AttestFull Attestation = "A"
	// AttestPartial, B: the signer knows its customer, not that the number is his.
	AttestPartial Attestation = "B"
	// AttestGateway, C: the signer only knows where the call entered its network.
	AttestGateway Attestation = "C"
)

// Valid reports whether a is one of A, B and C, in upper case.
func (a Attestation) Valid() bool {
	return a == AttestFull || a == AttestPartial || a == AttestGateway
}

// Header is the protected header of a PASSporT (RFC 8225 section 4).
type Header struct {
	// Alg is the signature algorithm; only ES256 is allowed here.
	Alg string
	// Typ is "passport".
	Typ string
	// Ppt is the PASSporT type, empty for the plain one.
	Ppt string
	// X5U is the URI of the certificate chain.
	X5U string
	// More holds the other members, in the order received. None of them is acted on.
	More []Claim
}

// Party is one party to a call: a telephone number or a URI, never both
// (RFC 8225 section 5.2.1). The zero Party is nobody.
type Party struct {
	TN  tn.Number
	URI string
}

// IsZero reports whether p is nobody.
func (p Party) IsZero() bool { return p == Party{} }

// String returns the party for people: a number with its last digits hidden, or the
// URI.
func (p Party) String() string {
	if p.TN != "" {
		return p.TN.Masked()
	}
	return p.URI
}

// Parties are the called parties of a PASSporT.
type Parties struct {
	TN  []tn.Number
	URI []string
}

// IsZero reports whether there is no party.
func (p Parties) IsZero() bool { return len(p.TN) == 0 && len(p.URI) == 0 }

// Has reports whether q is one of the parties, compared exactly.
func (p Parties) Has(q Party) bool {
	if q.TN != "" {
		return slices.Contains(p.TN, q.TN)
	}
	return q.URI != "" && slices.Contains(p.URI, q.URI)
}

// Equal reports whether p and q name the same parties, in any order.
func (p Parties) Equal(q Parties) bool {
	return slices.Equal(slices.Sorted(slices.Values(p.TN)), slices.Sorted(slices.Values(q.TN))) &&
		slices.Equal(slices.Sorted(slices.Values(p.URI)), slices.Sorted(slices.Values(q.URI)))
}

// Diversion is the div claim: the party from which the call was diverted
// (RFC 8946 section 3).
type Diversion struct {
	Party
	// HI is the index in History-Info, if it was given.
	HI string
}

// Fingerprint is one element of the mky claim: a media key's digest from SDP
// (RFC 8225 section 5.2.2).
type Fingerprint struct {
	// Alg is the hash function as SDP names it, such as "sha-256".
	Alg string
	// Dig is the digest in upper-case hexadecimal, without colons.
	Dig string
}

// Fingerprints returns the mky claim for the values of an SDP's a=fingerprint
// lines ("sha-256 4A:AD:..."): colons removed, sorted, duplicates once. A line that
// is not of that form is left out.
func Fingerprints(lines []string) []Fingerprint {
	var fps []Fingerprint
	for _, line := range lines {
		alg, dig, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || alg == "" {
			continue
		}
		dig = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(dig), ":", ""))
		if dig == "" || strings.Trim(dig, "0123456789ABCDEF") != "" {
			continue
		}
		fps = append(fps, Fingerprint{alg, dig})
	}
	slices.SortFunc(fps, func(a, b Fingerprint) int { return strings.Compare(a.Alg+a.Dig, b.Alg+b.Dig) })
	return slices.Compact(fps)
}

// Claim is a claim or header member that this package does not read.
type Claim struct {
	Name string
	// JSON is its value, as received.
	JSON string
}

// Claims are the claims of a PASSporT.
type Claims struct {
	// IssuedAt is iat, in seconds since 1970 UTC.
	IssuedAt int64
	// Orig is the calling party, as signed. It is never shown in place of the caller
	// that signalling names (RFC 8224 section 6.2.4).
	Orig Party
	// Dest are the called parties.
	Dest Parties
	// Mky are the media key fingerprints, nil without the claim.
	Mky []Fingerprint
	// Attest and Origid belong to shaken.
	Attest Attestation
	Origid string
	// Div belongs to div and div-o, Opt to div-o: the PASSporT that was diverted, in
	// full form.
	Div Diversion
	Opt string
	// Rph is the list of r-values under "auth", and Sph the signed Priority; both
	// belong to rph.
	Rph []string
	Sph string
	// Msgi is the digest of a message body, with its algorithm, and belongs to msg.
	Msgi string
	// More holds the other claims, rcd, rcdi, crn and iss among them, in the order
	// received.
	More []Claim
}

// Raw returns the JSON text of a claim in More.
func (c *Claims) Raw(name string) (string, bool) {
	for i := range c.More {
		if c.More[i].Name == name {
			return c.More[i].JSON, true
		}
	}
	return "", false
}
