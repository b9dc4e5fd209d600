package store

import (
	"encoding/base64"
	"strings"

	"countersign.example/tn"
)

// mentions reports whether the text contains the number: as digits, also with the
// separators that people and RFC 3966 section 5.1.1 put between them, or inside base64,
// as in a PASSporT and in one that is nested in it. Part of a longer number is no
// mention, except after a prefix for calls abroad.
func mentions(text string, number tn.Number, depth int) bool {
	return digitsOf(text, string(number)) || depth < maxNesting && insideBase64(text, number, depth)
}

// maxNesting is how deeply base64 is read inside base64: a PASSporT, one nested in its
// opt claim, and one more.
const maxNesting = 3

// separators may stand between the digits of one number.
const separators = "-. ()/"

// digitsOf reports whether the digits stand in text as a number of their own.
func digitsOf(text, digits string) bool {
	for i := 0; i < len(text); i++ {
		next := strings.IndexByte(text[i:], digits[0])
		if next < 0 {
			return false
		}
		i += next
		if begins(text[:i]) && follows(text[i:], digits) {
			return true
		}
	}
	return false
}

// begins reports whether a number can begin after what stands before it.
func begins(before string) bool {
	switch before[len(strings.TrimRight(before, "0123456789")):] {
	case "", "0", "00", "000", "011", "0011":
		return true
	}
	// The digits may be those of a character that is escaped, in a URI (RFC 3986 section
	// 2.1) or in JSON (RFC 8259 section 7).
	return escape(before, "%", 2) || escape(before, `\u`, 4)
}

// escape reports whether text ends in an escaped character.
func escape(text, mark string, digits int) bool {
	at := len(text) - digits
	return at >= 0 && strings.HasSuffix(text[:at], mark) && strings.Trim(text[at:], "0123456789abcdefABCDEF") == ""
}

// follows reports whether the digits stand at the start of text, and no other after
// them.
func follows(text, digits string) bool {
	at := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case at == len(digits):
			return c < '0' || c > '9'
		case c == digits[at]:
			at++
		case !strings.ContainsRune(separators, rune(c)):
			return false
		}
	}
	return at == len(digits)
}

// insideBase64 reports whether text of the alphabets of RFC 4648 sections 4 and 5
// contains the number once it is decoded, wherever the encoding began.
func insideBase64(text string, number tn.Number, depth int) bool {
	// Shorter text can not hold the number.
	least := base64.RawURLEncoding.EncodedLen(len(number))
	for i := 0; i < len(text); i++ {
		if !base64Byte[text[i]] {
			continue
		}
		end := i
		for end < len(text) && base64Byte[text[end]] {
			end++
		}
		if end-i >= least && decodes(text[i:end], number, depth) {
			return true
		}
		i = end
	}
	return false
}

// decodes reports whether one of the four readings of a run of base64 contains the
// number.
func decodes(run string, number tn.Number, depth int) bool {
	url := strings.NewReplacer("+", "-", "/", "_").Replace(run)
	for start := range min(4, len(url)) {
		part := url[start:]
		if len(part)%4 == 1 {
			part = part[:len(part)-1]
		}
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			continue
		}
		if mentions(string(decoded), number, depth+1) {
			return true
		}
	}
	return false
}

var base64Byte = func() (is [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/" {
		is[c] = true
	}
	return is
}()
