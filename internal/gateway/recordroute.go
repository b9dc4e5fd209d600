package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
)

const (
	// minKey is how long the key must be at least, in bytes.
	minKey = 16
	// macLen is how much of the HMAC is kept, in bytes.
	macLen = 16
	// digestLen is how much is kept of the digest of a URI, in bytes.
	digestLen = 8
	// maxName bounds the display names that travel in a Record-Route, since some user
	// agents do not carry long URIs. A longer one is not given back in later requests.
	maxName = 96
	// maxSeal bounds what is looked at, in characters.
	maxSeal = 600
	// sealVersion begins what is sealed, so that its form can change while calls are up.
	sealVersion = 1
)

// passage is what must be known of a call to route the later requests of its dialog,
// and to change in them what was changed in the first.
type passage struct {
	direction call.Direction
	// caller and callee are where requests to each of them go.
	caller, callee netip.AddrPort
	// shown is set if the phone was shown another display name than the caller sent:
	// name in place of sent, which is what stood before the angle bracket, byte for
	// byte. verstat is what was added to the caller's URI, of which uri is a digest:
	// what was judged is that one and no other.
	shown      bool
	sent, name string
	verstat    uint8
	uri        [digestLen]byte
}

// seals makes and opens the user parts of our Record-Route URIs: a passage, signed with
// HMAC for one dialog, and encrypted with the signature as initialisation vector (the
// construction of RFC 5297). It is encrypted because the caller can read his
// Record-Route, and neither the verdict nor our name for him is for him to read.
type seals struct {
	mac    []byte
	cipher cipher.Block
}

func newSeals(key []byte) (*seals, error) {
	if len(key) < minKey {
		return nil, errors.New("the key that signs Record-Route is shorter than 16 bytes")
	}
	mac, err := hkdf.Key(sha256.New, key, nil, "countersign record-route signature", sha256.Size)
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, key, nil, "countersign record-route encryption", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return &seals{mac, block}, nil
}

// sign returns the signature of a passage in the dialog that the caller with this tag
// began.
func (s *seals) sign(plain []byte, callID, callerTag string) []byte {
	h := hmac.New(sha256.New, s.mac)
	var n [8]byte
	for _, part := range []string{callID, callerTag} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	h.Write(plain)
	return h.Sum(nil)[:macLen]
}

// seal returns the passage as the user part of a SIP URI.
func (s *seals) seal(p passage, callID, callerTag string) string {
	plain := p.append(nil)
	out := append(s.sign(plain, callID, callerTag), plain...)
	cipher.NewCTR(s.cipher, out[:macLen]).XORKeyStream(out[macLen:], plain)
	return base64.RawURLEncoding.EncodeToString(out)
}

// open returns the passage in a user part, and whether the request it came with is the
// caller's. ok is false unless we made it, for the dialog of this request.
func (s *seals) open(user string, req *sipcore.Message) (p passage, fromCaller, ok bool) {
	if len(user) > maxSeal {
		return p, false, false
	}
	in, err := base64.RawURLEncoding.Strict().DecodeString(user)
	if err != nil || len(in) < macLen {
		return p, false, false
	}
	plain := make([]byte, len(in)-macLen)
	cipher.NewCTR(s.cipher, in[:macLen]).XORKeyStream(plain, in[macLen:])
	callID := req.CallID()
	switch {
	case hmac.Equal(in[:macLen], s.sign(plain, callID, req.FromTag())):
		fromCaller = true
	case !hmac.Equal(in[:macLen], s.sign(plain, callID, req.ToTag())):
		return p, false, false
	}
	// What we signed we can read, unless another version of us did.
	p, ok = parsePassage(plain)
	return p, fromCaller, ok
}

// append appends p to b: version, direction, two addresses, and if something was shown
// the verstat, the digest and the two names.
func (p *passage) append(b []byte) []byte {
	b = append(b, sealVersion)
	if p.direction == call.Outbound {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, a := range []netip.AddrPort{p.caller, p.callee} {
		// It fails for zones that are too long only, and there are none.
		raw, _ := a.MarshalBinary()
		b = append(append(b, byte(len(raw))), raw...)
	}
	if !p.shown {
		return b
	}
	b = append(append(b, p.verstat), p.uri[:]...)
	for _, s := range []string{p.sent, p.name} {
		b = append(append(b, byte(len(s))), s...)
	}
	return b
}

func parsePassage(b []byte) (p passage, ok bool) {
	if len(b) < 2 || b[0] != sealVersion || b[1] > 1 {
		return p, false
	}
	p.direction = call.Inbound
	if b[1] == 1 {
		p.direction = call.Outbound
	}
	b = b[2:]
	for _, a := range []*netip.AddrPort{&p.caller, &p.callee} {
		raw, rest, ok := prefixed(b)
		if !ok || a.UnmarshalBinary(raw) != nil || !a.IsValid() {
			return p, false
		}
		b = rest
	}
	if len(b) == 0 {
		return p, true
	}
	if len(b) < 1+digestLen {
		return p, false
	}
	p.shown, p.verstat, p.uri, b = true, b[0], [digestLen]byte(b[1:1+digestLen]), b[1+digestLen:]
	for _, s := range []*string{&p.sent, &p.name} {
		raw, rest, ok := prefixed(b)
		if !ok {
			return p, false
		}
		*s, b = string(raw), rest
	}
	return p, len(b) == 0
}

// prefixed splits off what its first byte gives the length of.
func prefixed(b []byte) (content, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}

// digestOf returns the digest of a URI that a passage holds.
func digestOf(u sipcore.URI) [digestLen]byte {
	sum := sha256.Sum256([]byte(u.String()))
	return [digestLen]byte(sum[:digestLen])
}
