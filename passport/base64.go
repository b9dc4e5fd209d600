package passport

import (
	"encoding/binary"
	"slices"
)

// base64url, strict: the standard library's strict decoder passes over line breaks,
// and it wants bytes where a header field is a string.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// notSextet marks a character that is not of the alphabet, in a bit that no sextet has
// wherever it is shifted to.
const notSextet = 1 << 31

var sextets = func() (t [256]uint32) {
	for i := range t {
		t[i] = notSextet
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint32(i)
	}
	return t
}()

// appendDecoded appends what s encodes. It refuses padding, white space, other
// alphabets, impossible lengths and trailing bits that are not zero (RFC 7515
// section 2, RFC 4648 section 3.5).
func appendDecoded(b []byte, s string) ([]byte, bool) {
	b = slices.Grow(b, len(s)/4*3+8)
	out := b[len(b):cap(b)]
	bad, n := uint32(0), 0
	// Eight characters at a time, of which the last two bytes written are overwritten.
	for len(s) >= 8 && len(out) >= n+8 {
		c0, c1, c2, c3 := sextets[s[0]], sextets[s[1]], sextets[s[2]], sextets[s[3]]
		c4, c5, c6, c7 := sextets[s[4]], sextets[s[5]], sextets[s[6]], sextets[s[7]]
		bad |= c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7
		high, low := c0<<18|c1<<12|c2<<6|c3, c4<<18|c5<<12|c6<<6|c7
		binary.BigEndian.PutUint64(out[n:], uint64(high)<<40|uint64(low&0xffffff)<<16)
		n += 6
		s = s[8:]
	}
	for len(s) >= 4 && len(out) >= n+3 {
		w, x, y, z := sextets[s[0]], sextets[s[1]], sextets[s[2]], sextets[s[3]]
		bad |= w | x | y | z
		v := w<<18 | x<<12 | y<<6 | z
		out[n], out[n+1], out[n+2] = byte(v>>16), byte(v>>8), byte(v)
		n += 3
		s = s[4:]
	}
	switch len(s) {
	case 1:
		return b, false
	case 2:
		w, x := sextets[s[0]], sextets[s[1]]
		bad |= w | x
		if x&0x0f != 0 {
			return b, false
		}
		out[n] = byte(w<<2 | x>>4)
		n++
	case 3:
		w, x, y := sextets[s[0]], sextets[s[1]], sextets[s[2]]
		bad |= w | x | y
		if y&0x03 != 0 {
			return b, false
		}
		out[n], out[n+1] = byte(w<<2|x>>4), byte(x<<4|y>>2)
		n += 2
	}
	if bad&notSextet != 0 {
		return b, false
	}
	return b[:len(b)+n], true
}

func appendEncoded(b []byte, data []byte) []byte {
	for len(data) >= 3 {
		v := uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
		b = append(b, alphabet[v>>18], alphabet[v>>12&63], alphabet[v>>6&63], alphabet[v&63])
		data = data[3:]
	}
	switch len(data) {
	case 1:
		b = append(b, alphabet[data[0]>>2], alphabet[data[0]<<4&63])
	case 2:
		v := uint32(data[0])<<8 | uint32(data[1])
		b = append(b, alphabet[v>>10], alphabet[v>>4&63], alphabet[v<<2&63])
	}
	return b
}

// IsBase64URL reports whether s is strict base64url: RFC 7515 section 2.
func IsBase64URL(s string) bool {
	_, ok := appendDecoded(nil, s)
	return ok
}
