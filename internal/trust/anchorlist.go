package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
	"countersign.example/stircert"
)

// The ways in which a signed list of trust anchors is not to be used. What exactly is
// wrong stands in the text around them.
var (
	// ErrListMalformed: it is not such a list, or has nothing in it that can be read.
	ErrListMalformed = errors.New("the list of trust anchors cannot be read")
	// ErrListSigner: nobody who may sign the list has signed it.
	ErrListSigner = errors.New("the list of trust anchors is not signed by who may sign it")
	// ErrListExpired: it was too old when it came.
	ErrListExpired = errors.New("the list of trust anchors has expired")
	// ErrListRollback: it is older than the one in use, or another of the same number.
	ErrListRollback = errors.New("the list of trust anchors is not newer than the one in use")
)

// The limits of a signed list of trust anchors.
const (
	// MaxAnchorList is the longest list that is read, in bytes.
	MaxAnchorList = 8 << 20
	// MaxAnchors is how many certificates of a list are read.
	MaxAnchors = 1000
)

// Authority says who may sign the list of trust anchors: the STI-PA.
type Authority struct {
	// Certificates vouch for the signer. One that is a CA's vouches for the
	// certificate that the list's x5u names; one that is not signs itself.
	Certificates []*x509.Certificate
	// Name, unless empty, is the common name that the signer must have. Set it if
	// the CA above issues to others too.
	Name string
}

// AnchorList is the STI-PA's list of trust anchors (ATIS-1000080 and ATIS-1000084; its
// form is that of standards.md section 22), its signature verified.
type AnchorList struct {
	// Anchors are the trust anchors.
	Anchors []*x509.Certificate
	// Sequence is the number of the list, -1 if it has none.
	Sequence int64
	// IssuedAt and Expires are what it says of itself, zero if nothing.
	IssuedAt, Expires time.Time
	// Signer is the certificate whose key signed.
	Signer *x509.Certificate
	// Passed says which entries were passed over, and why.
	Passed []string
}

// signedList is a list whose signature has not been looked at.
type signedList struct {
	x5u       string
	input     string
	payload   string // base64url
	signature [64]byte
}

// ListSigner returns the URL (x5u) that a list names for the certificate of its
// signer. Nothing has been verified. The error wraps [ErrListMalformed].
func ListSigner(body []byte) (string, error) {
	l, err := splitList(body)
	if err != nil {
		return "", err
	}
	return l.x5u, nil
}

// OpenAnchorList verifies a signed list at a time and reads it: a JWS in compact form,
// alone or as the member caList of an object, signed with ES256 and nothing else. chain
// is what stands at the x5u, the signer's certificate first; it may be empty if the
// authority's own certificates have signed. The error wraps one of the ErrList errors.
//
// Entries that are not the certificate of a CA are passed over, and named: one odd
// entry must not keep the others from being renewed.
func OpenAnchorList(body []byte, who Authority, chain []*x509.Certificate, at time.Time) (*AnchorList, error) {
	l, err := splitList(body)
	if err != nil {
		return nil, err
	}
	signer, err := l.signer(who, chain, at)
	if err != nil {
		return nil, err
	}
	list, err := readList(l.payload)
	if err != nil {
		return nil, err
	}
	list.Signer = signer
	if !list.Expires.IsZero() && !at.Before(list.Expires) {
		return nil, fmt.Errorf("%w on %s", ErrListExpired, list.Expires.Format(time.RFC3339))
	}
	return list, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrListMalformed, fmt.Sprintf(format, args...))
}

// splitList takes the parts of the JWS out of a body.
func splitList(body []byte) (*signedList, error) {
	if len(body) > MaxAnchorList {
		return nil, malformed("it is longer than %d bytes", MaxAnchorList)
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "{") {
		doc := new(strictjson.Doc)
		if err := doc.Parse(text, strictjson.Limits{Bytes: MaxAnchorList, Depth: 4, Values: 64}); err != nil {
			return nil, malformed("%v", err)
		}
		var ok bool
		if text, ok = doc.Root().Member("caList").Text(); !ok {
			return nil, malformed("it has no caList")
		}
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, malformed("it is no JWS in compact form")
	}
	for _, p := range parts {
		if p == "" || !passport.IsBase64URL(p) {
			return nil, malformed("a part of the JWS is not base64url")
		}
	}
	l := &signedList{input: parts[0] + "." + parts[1], payload: parts[1]}
	signature := decode(parts[2])
	if len(signature) != len(l.signature) {
		return nil, malformed("its signature is %d bytes long, not those of ES256", len(signature))
	}
	copy(l.signature[:], signature)
	return l, l.readHeader(decode(parts[0]))
}

// decode decodes what has been found to be base64url.
func decode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic("trust: strict base64url that cannot be decoded: " + err.Error())
	}
	return b
}

// readHeader reads the header of the JWS. Its alg is compared, never followed, and of
// all the ways in which a JWS may name its key only x5u is known (RFC 8725).
func (l *signedList) readHeader(header []byte) error {
	doc := new(strictjson.Doc)
	if err := doc.Parse(string(header), strictjson.Limits{Bytes: 16 << 10, Depth: 4, Values: 64}); err != nil {
		return malformed("header: %v", err)
	}
	root := doc.Root()
	if root.Kind() != strictjson.Object {
		return malformed("its header is no object")
	}
	for name, v := range root.Members() {
		text, isText := v.Text()
		switch name {
		case "alg":
			if text != "ES256" {
				return malformed("its algorithm is not ES256")
			}
		case "x5u":
			if !isText {
				return malformed("its x5u is no text")
			}
			l.x5u = text
		case "crit", "jku", "jwk", "b64", "zip", "enc":
			return malformed("its header has a member %q, which is refused", name)
		}
	}
	if root.Member("alg").Kind() == strictjson.Invalid {
		return malformed("its header has no alg")
	}
	return nil
}

// oidTNAuthList marks the certificates of those who sign calls (RFC 8226 section 9).
var oidTNAuthList = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 26}

// signer returns the certificate whose key has signed.
func (l *signedList) signer(who Authority, chain []*x509.Certificate, at time.Time) (*x509.Certificate, error) {
	digest := sha256.Sum256([]byte(l.input))
	signed := func(c *x509.Certificate) bool {
		key, ok := c.PublicKey.(*ecdsa.PublicKey)
		return ok && key.Curve == elliptic.P256() && passport.VerifySignature(key, &digest, &l.signature)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range who.Certificates {
		if c.IsCA {
			roots.AddCert(c)
			continue
		}
		if !signed(c) {
			continue
		}
		if err := who.accepts(c, at); err != nil {
			return nil, err
		}
		return c, nil
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("%w: none of the authority's own certificates has, and what its x5u names is not at hand", ErrListSigner)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	if err := who.accepts(leaf, at); err != nil {
		return nil, err
	}
	if !signed(leaf) {
		return nil, fmt.Errorf("%w: the signature does not fit the certificate that its x5u names", ErrListSigner)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate that its x5u names: %w", ErrListSigner, err)
	}
	return leaf, nil
}

// accepts says why a certificate may not sign the list at a time, whoever issued it.
// Those who sign calls may be certified by the same root, and may not say whose
// certificates are believed.
func (who Authority) accepts(c *x509.Certificate, at time.Time) error {
	signsCalls := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidTNAuthList) })
	why := ""
	switch {
	case c.IsCA:
		why = "is for issuing certificates"
	case signsCalls:
		why = "is for signing calls"
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		why = "is not for signatures"
	case who.Name != "" && c.Subject.CommonName != who.Name:
		why = fmt.Sprintf("is not %q's", who.Name)
	case at.After(c.NotAfter) || at.Before(c.NotBefore):
		why = "is not valid at this time"
	default:
		return nil
	}
	return fmt.Errorf("%w: the signer's certificate %s", ErrListSigner, why)
}

// readList reads the payload of a list whose signature holds.
func readList(payload string) (*AnchorList, error) {
	doc := new(strictjson.Doc)
	if err := doc.Parse(string(decode(payload)), strictjson.Limits{Bytes: MaxAnchorList, Depth: 8, Values: 4 * MaxAnchors}); err != nil {
		return nil, malformed("payload: %v", err)
	}
	root := doc.Root()
	l := &AnchorList{Sequence: -1}
	if v := root.Member("sequence"); v.Kind() != strictjson.Invalid {
		n, ok := v.Int()
		if !ok || n < 0 {
			return nil, malformed("its sequence is no number")
		}
		l.Sequence = n
	}
	var err error
	if l.IssuedAt, err = numericDate(root, "iat"); err != nil {
		return nil, err
	}
	if l.Expires, err = numericDate(root, "exp"); err != nil {
		return nil, err
	}
	return l, l.readAnchors(root.Member("trustList"))
}

// numericDate reads a time as JWT writes it (RFC 7519 section 2).
func numericDate(root strictjson.Value, name string) (time.Time, error) {
	v := root.Member(name)
	if v.Kind() == strictjson.Invalid {
		return time.Time{}, nil
	}
	n, ok := v.Int()
	// The year 9999 is the last that other formats can write.
	if !ok || n < 0 || n > 253402300799 {
		return time.Time{}, malformed("its %s is no time", name)
	}
	return time.Unix(n, 0).UTC(), nil
}

func (l *AnchorList) readAnchors(list strictjson.Value) error {
	if list.Kind() != strictjson.Array {
		return malformed("it has no trustList")
	}
	known := make(map[string]bool)
	i := 0
	for v := range list.Elements() {
		i++
		if i > MaxAnchors {
			return malformed("it has more than %d entries", MaxAnchors)
		}
		text, _ := v.Text()
		certs, err := readEntry(text)
		if err != nil {
			l.Passed = append(l.Passed, fmt.Sprintf("entry %d: %v", i, err))
			continue
		}
		for _, c := range certs {
			if !c.BasicConstraintsValid || !c.IsCA {
				l.Passed = append(l.Passed, fmt.Sprintf("entry %d is not a CA's", i))
				continue
			}
			if !known[string(c.Raw)] {
				known[string(c.Raw)] = true
				l.Anchors = append(l.Anchors, c)
			}
		}
	}
	if len(l.Anchors) == 0 {
		return malformed("there is no trust anchor in it")
	}
	return nil
}

// readEntry reads one entry of a list: PEM, as the STI-PA writes, or the base64 of DER
// as JOSE does.
func readEntry(text string) ([]*x509.Certificate, error) {
	if !strings.Contains(text, "-----BEGIN ") {
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(der) == 0 {
			return nil, errors.New("it is neither PEM nor base64")
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{c}, nil
	}
	certs, err := stircert.ParsePEM([]byte(text))
	if err != nil {
		return nil, detail(err)
	}
	return certs, nil
}

// follows says why the list may not take the place of old, which was used before it.
func (l *AnchorList) follows(old *AnchorList) error {
	if old == nil {
		return nil
	}
	why := ""
	switch {
	case old.Sequence >= 0 && l.Sequence < 0:
		why = "it has no number"
	case old.Sequence >= 0 && l.Sequence < old.Sequence:
		why = fmt.Sprintf("its number is %d, after %d", l.Sequence, old.Sequence)
	case old.Sequence >= 0 && l.Sequence == old.Sequence && !l.same(old):
		why = fmt.Sprintf("its number is %d like that of another list", l.Sequence)
	case old.Sequence >= 0:
	case !old.IssuedAt.IsZero() && l.IssuedAt.Before(old.IssuedAt):
		why = "it was issued earlier"
	case !old.Expires.IsZero() && l.Expires.Before(old.Expires) && old.IssuedAt.IsZero():
		why = "it expires earlier, and nothing else tells which is newer"
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrListRollback, why)
}

// same reports whether both lists name the same trust anchors.
func (l *AnchorList) same(other *AnchorList) bool {
	if other == nil || len(l.Anchors) != len(other.Anchors) {
		return false
	}
	for _, c := range l.Anchors {
		if !slices.ContainsFunc(other.Anchors, c.Equal) {
			return false
		}
	}
	return true
}
