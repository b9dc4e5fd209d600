package passport

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"strings"
	"time"

	"countersign.example/internal/strictjson"
)

// MaxLen is the longest PASSporT that is read, in bytes of its text.
const MaxLen = 32 << 10

// signatureLen is the length of an ES256 signature: r and s, 32 bytes each
// (RFC 7518 section 3.4).
const signatureLen = 64

// Token is a PASSporT as it was received. It is read-only.
type Token struct {
	// Header is the protected header.
	Header Header
	// Claims are the claims.
	Claims Claims
	// Signature is r and s, big-endian, 32 bytes each.
	Signature [signatureLen]byte

	text string
	dots [2]int
	// The documents point into themselves, so a Token must not be copied.
	header, claims strictjson.Doc
}

// Parse reads a PASSporT in full form and refuses it if anything is wrong with it
// that can be known without a certificate or a call. The error is of type *[Finding],
// the first by step. A compact PASSporT is refused with [CompactNotAllowed]; see
// [Assemble].
func Parse(s string) (*Token, error) {
	t, findings := Examine(s)
	var worst *Finding
	for i, f := range findings {
		if g := f.Code.Gravity(); g == Note || g == Ignored {
			continue
		}
		if worst == nil || f.Code.Step() < worst.Code.Step() {
			worst = &findings[i]
		}
	}
	if worst != nil {
		return nil, worst
	}
	return t, nil
}

// Examine reads as much of a PASSporT in full form as can be read and lists what is
// wrong or unusual about it, in the order noticed. The Token is nil if there is too
// little to speak of: if it is not three parts of strict base64url, or if the header
// or the claims are not JSON objects.
func Examine(s string) (*Token, []Finding) {
	if len(s) > MaxLen {
		return nil, []Finding{{JSONTooLarge, "", "longer than 32 KiB"}}
	}
	first := strings.IndexByte(s, '.')
	last := strings.LastIndexByte(s, '.')
	if first < 0 || first == last || strings.IndexByte(s[first+1:last], '.') >= 0 {
		return nil, []Finding{{DigestMalformed, "", "not three parts with two dots between them"}}
	}
	if last == 1 {
		return nil, []Finding{{CompactNotAllowed, "", ""}}
	}
	t := &Token{text: s, dots: [2]int{first, last}}
	r := reader{t: t}
	if !r.decode() {
		return nil, r.findings
	}
	r.readHeader()
	r.readClaims()
	r.requireClaims()
	if !t.header.Deterministic() || !t.claims.Deterministic() {
		r.found(NotCanonicalJSON, "", "")
	}
	r.readSignature()
	return t, r.findings
}

// String returns the PASSporT in full form, as received.
func (t *Token) String() string { return t.text }

// Compact returns the compact form: two dots and the signature.
func (t *Token) Compact() string { return "." + t.text[t.dots[1]:] }

// SigningInput returns the text that is signed: header and claims in base64url with
// a dot between them, as received.
func (t *Token) SigningInput() string { return t.text[:t.dots[1]] }

// Digest returns the SHA-256 of the signing input. It names the PASSporT: the
// signature does not, since every ECDSA signature has a twin that fits as well.
func (t *Token) Digest() [sha256.Size]byte {
	var room [4 << 10]byte
	return sha256.Sum256(append(room[:0], t.SigningInput()...))
}

// IssuedAt returns iat.
func (t *Token) IssuedAt() time.Time { return time.Unix(t.Claims.IssuedAt, 0).UTC() }

// HeaderJSON returns the header's JSON text, as received.
func (t *Token) HeaderJSON() string { return t.header.Root().Raw() }

// ClaimsJSON returns the claims' JSON text, as received.
func (t *Token) ClaimsJSON() string { return t.claims.Root().Raw() }

// Claim returns the value of a claim in the deterministic form of RFC 8225
// section 9, as constraints in certificates compare it. A text value comes with its
// quotes.
func (t *Token) Claim(name string) (string, bool) {
	v := t.claims.Root().Member(name)
	return v.Canonical(), v.Kind() != strictjson.Invalid
}

// Verify checks the signature against a P-256 key, over the text that was received.
// The error is nil or a *[Finding] with [SignatureInvalid] or [KeyUnsupported].
func (t *Token) Verify(key *ecdsa.PublicKey) error {
	digest := t.Digest()
	return verifyDigest(key, &digest, &t.Signature)
}

func verifyDigest(key *ecdsa.PublicKey, digest *[sha256.Size]byte, signature *[signatureLen]byte) error {
	switch {
	case key == nil || key.Curve == nil || key.Curve.Params().Name != "P-256":
		return Found(KeyUnsupported, "alg", "")
	case !VerifySignature(key, digest, signature):
		return Found(SignatureInvalid, "", "")
	}
	return nil
}

// VerifySignature checks r and s against a SHA-256 digest and a P-256 key. It is the
// bare operation, for those who replace it by a faster one.
func VerifySignature(key *ecdsa.PublicKey, digest *[sha256.Size]byte, signature *[signatureLen]byte) bool {
	var room [2 * (signatureLen + 8)]byte
	der := appendDER(room[:0], signature)
	return ecdsa.VerifyASN1(key, digest[:], der)
}

// appendDER appends the ASN.1 form of a signature: SEQUENCE { r, s INTEGER }.
func appendDER(b []byte, sig *[signatureLen]byte) []byte {
	b = append(b, 0x30, 0)
	b = appendInteger(b, sig[:signatureLen/2])
	b = appendInteger(b, sig[signatureLen/2:])
	b[1] = byte(len(b) - 2)
	return b
}

func appendInteger(b, v []byte) []byte {
	for len(v) > 1 && v[0] == 0 {
		v = v[1:]
	}
	if v[0] >= 0x80 {
		b = append(b, 0x02, byte(len(v)+1), 0)
	} else {
		b = append(b, 0x02, byte(len(v)))
	}
	return append(b, v...)
}
