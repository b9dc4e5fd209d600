package passport

// base64url, strict: the standard library's strict decoder passes over line breaks,
// and it wants bytes where a header field is a string.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

var sextets = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

// appendDecoded appends what s encodes. It refuses padding, white space, other
// alphabets, impossible lengths and trailing bits that are not zero (RFC 7515
// section 2, RFC 4648 section 3.5).
func appendDecoded(b []byte, s string) ([]byte, bool) {
	for len(s) >= 4 {
		w, x, y, z := sextets[s[0]], sextets[s[1]], sextets[s[2]], sextets[s[3]]
		if w|x|y|z == 0xff {
			return b, false
		}
		b = append(b, w<<2|x>>4, x<<4|y>>2, y<<6|z)
		s = s[4:]
	}
	switch len(s) {
	case 1:
		return b, false
	case 2:
		w, x := sextets[s[0]], sextets[s[1]]
		if w|x == 0xff || x&0x0f != 0 {
			return b, false
		}
		b = append(b, w<<2|x>>4)
	case 3:
		w, x, y := sextets[s[0]], sextets[s[1]], sextets[s[2]]
		if w|x|y == 0xff || y&0x03 != 0 {
			return b, false
		}
		b = append(b, w<<2|x>>4, x<<4|y>>2)
	}
	return b, true
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
