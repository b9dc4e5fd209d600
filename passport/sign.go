package passport

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/tn"
)

// ErrKey is returned by [Sign] for a key that is not on P-256.
var ErrKey = errors.New("passport: the key is not a P-256 key")

// Sign makes a PASSporT in full form. The header's Alg and Typ may be empty, since
// there is one value for each. The signature of an [*ecdsa.PrivateKey] is
// deterministic (RFC 6979, as RFC 8225 section 6 recommends); another signer is used
// as it is.
//
// Sign refuses, with a [*Finding], claims that it would itself not accept from a
// stranger. Other errors are the signer's, or [ErrKey].
func Sign(key crypto.Signer, h Header, c Claims) (string, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || pub.Curve.Params().Name != "P-256" {
		return "", ErrKey
	}
	if err := h.refuse(); err != nil {
		return "", err
	}
	if err := c.refuse(h.Ppt); err != nil {
		return "", err
	}
	input, err := signingInput(h, c)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(input)
	// With a nil source of randomness the nonce follows RFC 6979.
	der, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("signing the PASSporT: %w", err)
	}
	var sig [signatureLen]byte
	if err := readDER(&sig, der); err != nil {
		return "", err
	}
	return string(appendEncoded(append(input, '.'), sig[:])), nil
}

// Assemble returns the PASSporT in full form whose compact form is compact, given
// the header and claims that the signalling implies (RFC 8224 section 4.1). Whether
// they are the right ones only the signature can tell.
func Assemble(compact string, h Header, c Claims) (string, error) {
	sig, ok := strings.CutPrefix(compact, "..")
	if !ok {
		return "", Found(DigestMalformed, "", "not in compact form")
	}
	input, err := signingInput(h, c)
	return string(input) + "." + sig, err
}

// refuse returns what would be wrong with the header of a PASSporT.
func (h *Header) refuse() error {
	crit := func(c Claim) bool { return c.Name == "crit" }
	switch {
	case h.X5U == "":
		return Found(MemberMissing, "x5u", "")
	case h.Typ != "" && h.Typ != "passport":
		return Found(TypWrong, "typ", "")
	case h.Alg != "" && h.Alg != "ES256":
		return Found(AlgUnsupported, "alg", "only ES256 is signed")
	case slices.ContainsFunc(h.More, crit):
		return Found(CritUnsupported, "crit", "")
	}
	return nil
}

// refuse returns what would be wrong with the claims in a PASSporT of that ppt.
func (c *Claims) refuse(ppt string) error {
	if c.IssuedAt <= 0 || c.IssuedAt > lastIat {
		return Found(ClaimMissing, "iat", "")
	}
	if err := c.Orig.refuse(OrigNotOne, "orig"); err != nil {
		return err
	}
	switch {
	case c.Dest.IsZero():
		return Found(DestEmpty, "dest", "")
	case slices.ContainsFunc(c.Dest.TN, func(n tn.Number) bool { return !n.Canonical() }):
		return Found(NumberNotCanonical, "dest.tn", "")
	case slices.ContainsFunc(c.Dest.URI, func(uri string) bool { return !isURI(uri) }):
		return Found(ClaimValue, "dest.uri", "not a URI")
	}
	if !c.Div.IsZero() {
		if err := c.Div.refuse(ClaimValue, "div"); err != nil {
			return err
		}
	}
	return c.refuseOf(ppt)
}

// refuseOf returns what would be wrong with the claims that belong to that ppt.
func (c *Claims) refuseOf(ppt string) error {
	_, rcd := c.Raw("rcd")
	_, crn := c.Raw("crn")
	switch {
	case ppt == Shaken && !c.Attest.Valid():
		return Found(AttestWrong, "attest", "")
	case ppt == Shaken && c.Origid == "":
		return Found(ClaimMissing, "origid", "")
	case (ppt == Div || ppt == DivO) && c.Div.IsZero():
		return Found(ClaimMissing, "div", "")
	case ppt == Div && c.Opt != "":
		return Found(DivHoldsOpt, "opt", "")
	case ppt == DivO && !isFullForm(c.Opt):
		return Found(OptInvalid, "opt", "")
	case ppt == Rph && len(c.Rph) == 0:
		return Found(ClaimMissing, "rph", "")
	case ppt == Rph && c.Sph != "" && !c.sphAllowed():
		return Found(SphWrong, "sph", "")
	case ppt == Rcd && !rcd && !crn:
		return Found(ClaimMissing, "rcd", "")
	}
	return nil
}

// refuse returns what would be wrong with a party.
func (p Party) refuse(code Code, name string) error {
	switch {
	case (p.TN == "") == (p.URI == ""):
		return Found(code, name, "")
	case p.TN != "" && !p.TN.Canonical():
		return Found(NumberNotCanonical, name+".tn", "")
	case p.URI != "" && !isURI(p.URI):
		return Found(ClaimValue, name+".uri", "not a URI")
	}
	return nil
}

// signingInput writes header and claims in the deterministic form of RFC 8225
// section 9, in base64url, with a dot between them.
func signingInput(h Header, c Claims) ([]byte, error) {
	var room [2 << 10]byte
	w := object{b: room[:0]}
	w.header(h)
	if w.err != nil {
		return nil, w.err
	}
	n := len(w.b)
	w.members = w.members[:0]
	w.claims(&c)
	if w.err != nil {
		return nil, w.err
	}
	// Room for the signature too, so that the whole PASSporT grows in one place.
	input := make([]byte, 0, len(w.b)*4/3+8+signatureLen*4/3+8)
	input = append(appendEncoded(input, w.b[:n]), '.')
	return appendEncoded(input, w.b[n:]), nil
}

// member is one member of an object being written; write appends its value.
type member struct {
	name  string
	write func(b []byte) []byte
}

// object writes one flat object after another, members in order of code points.
type object struct {
	b       []byte
	members []member
	room    [16]member
	err     error
}

func (w *object) add(name string, write func(b []byte) []byte) {
	if w.members == nil {
		w.members = w.room[:0]
	}
	w.members = append(w.members, member{name, write})
}

func (w *object) text(name, value string) {
	w.add(name, func(b []byte) []byte { return strictjson.AppendQuote(b, value) })
}

// more adds members given as JSON text, which is written in the deterministic form.
func (w *object) more(claims []Claim) {
	for _, c := range claims {
		doc := new(strictjson.Doc)
		if err := doc.Parse(c.JSON, strictjson.Limits{Bytes: MaxLen}); err != nil {
			w.err = fmt.Errorf("claim %s: %w", c.Name, err)
			return
		}
		w.add(c.Name, func(b []byte) []byte { return append(b, doc.Root().Canonical()...) })
	}
}

// flush writes the members added so far.
func (w *object) flush() {
	slices.SortFunc(w.members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	w.b = append(w.b, '{')
	for i, m := range w.members {
		if i > 0 {
			if m.name == w.members[i-1].name {
				w.err = Found(MemberRepeated, m.name, "")
				return
			}
			w.b = append(w.b, ',')
		}
		w.b = append(strictjson.AppendQuote(w.b, m.name), ':')
		w.b = m.write(w.b)
	}
	w.b = append(w.b, '}')
}

func (w *object) header(h Header) {
	w.text("alg", cmp.Or(h.Alg, "ES256"))
	w.text("typ", cmp.Or(h.Typ, "passport"))
	w.text("x5u", h.X5U)
	if h.Ppt != "" {
		w.text("ppt", h.Ppt)
	}
	w.more(h.More)
	w.flush()
}

func (w *object) claims(c *Claims) {
	w.add("iat", func(b []byte) []byte { return strconv.AppendInt(b, c.IssuedAt, 10) })
	w.add("orig", func(b []byte) []byte { return appendParty(b, c.Orig, "") })
	w.add("dest", func(b []byte) []byte { return appendParties(b, c.Dest) })
	if c.Mky != nil {
		w.add("mky", func(b []byte) []byte { return appendFingerprints(b, c.Mky) })
	}
	for _, t := range [...]struct{ name, value string }{
		{"attest", string(c.Attest)}, {"origid", c.Origid}, {"opt", c.Opt}, {"sph", c.Sph}, {"msgi", c.Msgi},
	} {
		if t.value != "" {
			w.text(t.name, t.value)
		}
	}
	if !c.Div.IsZero() {
		w.add("div", func(b []byte) []byte { return appendParty(b, c.Div.Party, c.Div.HI) })
	}
	if len(c.Rph) > 0 {
		w.add("rph", func(b []byte) []byte { return append(appendTexts(append(b, `{"auth":`...), c.Rph), '}') })
	}
	w.more(c.More)
	w.flush()
}

func appendParty(b []byte, p Party, hi string) []byte {
	b = append(b, '{')
	if hi != "" {
		b = append(strictjson.AppendQuote(append(b, `"hi":`...), hi), ',')
	}
	if p.TN != "" {
		b = strictjson.AppendQuote(append(b, `"tn":`...), string(p.TN))
	} else {
		b = strictjson.AppendQuote(append(b, `"uri":`...), p.URI)
	}
	return append(b, '}')
}

func appendParties(b []byte, p Parties) []byte {
	b = append(b, '{')
	if len(p.TN) > 0 {
		b = appendTexts(append(b, `"tn":`...), p.TN)
	}
	if len(p.URI) > 0 {
		if len(p.TN) > 0 {
			b = append(b, ',')
		}
		b = appendTexts(append(b, `"uri":`...), p.URI)
	}
	return append(b, '}')
}

func appendTexts[S ~string](b []byte, texts []S) []byte {
	b = append(b, '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = strictjson.AppendQuote(b, string(s))
	}
	return append(b, ']')
}

func appendFingerprints(b []byte, fps []Fingerprint) []byte {
	b = append(b, '[')
	for i, f := range fps {
		if i > 0 {
			b = append(b, ',')
		}
		b = strictjson.AppendQuote(append(b, `{"alg":`...), f.Alg)
		b = strictjson.AppendQuote(append(b, `,"dig":`...), f.Dig)
		b = append(b, '}')
	}
	return append(b, ']')
}

// readDER turns the signature of a crypto.Signer into r and s.
func readDER(sig *[signatureLen]byte, der []byte) error {
	var rs struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &rs)
	if err != nil || len(rest) > 0 || rs.R.Sign() <= 0 || rs.S.Sign() <= 0 ||
		rs.R.BitLen() > 256 || rs.S.BitLen() > 256 {
		return errors.New("passport: the signer returned no ECDSA signature on P-256")
	}
	rs.R.FillBytes(sig[:signatureLen/2])
	rs.S.FillBytes(sig[signatureLen/2:])
	return nil
}

// ReadClaims reads a JSON object of claims to be signed, which need not be complete.
// The error is a *[Finding].
func ReadClaims(text string) (Claims, error) {
	t := new(Token)
	r := reader{t: t}
	if r.document(&t.claims, []byte(text), "claims") {
		r.readClaims()
	}
	for i := range r.findings {
		if r.findings[i].Code != ClaimMissing {
			return Claims{}, &r.findings[i]
		}
	}
	return t.Claims, nil
}
