package stircert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"time"

	"countersign.example/passport"
)

// SCTSkew is how far in the future the timestamp of a log may lie, since clocks
// differ.
const SCTSkew = time.Minute

// maxSCTs is the most signed certificate timestamps of one certificate that are
// read.
const maxSCTs = 16

// Log is a certificate transparency log whose timestamps count (RFC 6962,
// draft-ietf-stir-certificate-transparency).
type Log struct {
	// ID is the SHA-256 of the log's SubjectPublicKeyInfo (RFC 6962 section 3.2).
	ID [32]byte
	// Key verifies the log's signatures. It is on P-256.
	Key *ecdsa.PublicKey
}

// NewLog returns the log with the key, which must be on P-256.
func NewLog(key *ecdsa.PublicKey) (Log, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return Log{}, errors.New("the key of a certificate transparency log must be on P-256")
	}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Log{}, fmt.Errorf("writing the key of a certificate transparency log: %w", err)
	}
	return Log{ID: sha256.Sum256(spki), Key: key}, nil
}

// ParseLog reads the public key of a log, a SubjectPublicKeyInfo as PEM or DER.
func ParseLog(b []byte) (Log, error) {
	if block, _ := pem.Decode(b); block != nil {
		if block.Type != "PUBLIC KEY" {
			return Log{}, fmt.Errorf("reading the key of a certificate transparency log: a PEM block of type %q, not PUBLIC KEY", block.Type)
		}
		b = block.Bytes
	}
	key, err := x509.ParsePKIXPublicKey(b)
	if err != nil {
		return Log{}, fmt.Errorf("reading the key of a certificate transparency log: %w", err)
	}
	ec, _ := key.(*ecdsa.PublicKey)
	return NewLog(ec)
}

// timestamp is one signed certificate timestamp, version 1 (RFC 6962 section 3.2).
type timestamp struct {
	log        [32]byte
	millis     uint64
	extensions []byte
	signature  []byte
}

// parseSCTList reads the value of the SCT list extension (RFC 6962 section 3.3): an
// OCTET STRING that holds a list in the language of TLS. Timestamps of other
// versions, and those not signed with ECDSA and SHA-256, are passed over.
func parseSCTList(der []byte) (list []timestamp, ok bool) {
	b, ok := only(der, tagOctetString)
	if !ok {
		return nil, false
	}
	all, rest, ok := vector(b)
	if !ok || len(rest) > 0 || len(all) == 0 {
		return nil, false
	}
	for n := 0; len(all) > 0; n++ {
		var one []byte
		if one, all, ok = vector(all); !ok || n == maxSCTs {
			return nil, false
		}
		if len(one) > 0 && one[0] != 0 {
			continue
		}
		t, known, ok := parseSCT(one)
		switch {
		case !ok:
			return nil, false
		case known:
			list = append(list, t)
		}
	}
	return list, true
}

func parseSCT(b []byte) (t timestamp, known, ok bool) {
	const head = 1 + 32 + 8
	if len(b) < head {
		return t, false, false
	}
	copy(t.log[:], b[1:])
	t.millis = binary.BigEndian.Uint64(b[33:])
	rest := b[head:]
	if t.extensions, rest, ok = vector(rest); !ok || len(rest) < 2 {
		return t, false, false
	}
	// SignatureAndHashAlgorithm of RFC 5246 section 7.4.1.4.1: sha256(4), ecdsa(3).
	known = rest[0] == 4 && rest[1] == 3
	t.signature, rest, ok = vector(rest[2:])
	return t, known, ok && len(rest) == 0
}

// vector reads bytes after their length in two octets.
func vector(b []byte) (content, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b)-2 < n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// signed returns the bytes that the log signed (RFC 6962 section 3.2): for an
// embedded timestamp the certificate as it was before the timestamp was in it.
func (t *timestamp) signed(issuer *x509.Certificate, tbs []byte) []byte {
	key := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
	out := []byte{0, 0} // v1, certificate_timestamp
	out = binary.BigEndian.AppendUint64(out, t.millis)
	out = append(out, 0, 1) // precert_entry
	out = append(out, key[:]...)
	out = append(out, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	out = append(out, tbs...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(t.extensions)))
	return append(out, t.extensions...)
}

// withoutSCTs returns a TBSCertificate without the SCT list extension. All other
// bytes stay as they are, only the lengths around them change.
func withoutSCTs(raw []byte) ([]byte, bool) {
	tbs, ok := only(raw, tagSequence)
	if !ok {
		return nil, false
	}
	want, err := asn1.Marshal(oidSCTList)
	if err != nil {
		return nil, false
	}
	var kept [][]byte
	for len(tbs) > 0 {
		tag, content, whole, ok := tbs.next()
		if !ok {
			return nil, false
		}
		if tag == explicit(3) {
			if whole, ok = dropExtension(content, want); !ok {
				return nil, false
			}
		}
		kept = append(kept, whole)
	}
	return element(tagSequence, kept...), true
}

func dropExtension(extensions reader, id []byte) ([]byte, bool) {
	list, ok := only(extensions, tagSequence)
	if !ok {
		return nil, false
	}
	var kept [][]byte
	for len(list) > 0 {
		_, content, whole, ok := list.next()
		if !ok {
			return nil, false
		}
		if !bytes.HasPrefix(content, id) {
			kept = append(kept, whole)
		}
	}
	if len(kept) == 0 {
		// The extensions are OPTIONAL and not empty where they are present.
		return nil, true
	}
	return element(explicit(3), element(tagSequence, kept...)), true
}

// logged looks for one timestamp that holds, and says what is wrong with the others
// if there is none. It needs no network: draft-ietf-stir-certificate-transparency
// forbids it while a call waits.
func logged(cert, issuer *x509.Certificate, logs []Log, at time.Time) (passport.Code, string) {
	ext := extension(cert, oidSCTList)
	if ext == nil {
		return passport.SCTMissing, ""
	}
	list, ok := parseSCTList(ext.Value)
	if !ok {
		return passport.SCTInvalid, "the list of timestamps cannot be read"
	}
	tbs, ok := withoutSCTs(cert.RawTBSCertificate)
	if !ok || len(tbs) >= 1<<24 {
		return passport.SCTInvalid, "the certificate cannot be taken apart"
	}
	code, detail := passport.SCTLogUnknown, ""
	for _, t := range list {
		for _, l := range logs {
			if l.ID != t.log || l.Key == nil {
				continue
			}
			digest := sha256.Sum256(t.signed(issuer, tbs))
			switch {
			case !ecdsa.VerifyASN1(l.Key, digest[:], t.signature):
				code, detail = passport.SCTInvalid, "the signature of the log does not fit"
			case t.millis > math.MaxInt64 || int64(t.millis) > at.Add(SCTSkew).UnixMilli():
				code, detail = passport.SCTFromFuture, ""
			default:
				return passport.NoCode, ""
			}
		}
	}
	return code, detail
}
