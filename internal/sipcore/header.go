package sipcore

import "strings"

// Field is one header field of a message, as it was written.
type Field struct {
	// Name is the name as written, long or compact, in any case.
	Name string
	// Value is everything behind the colon without the white space at its
	// ends; folded lines are joined by one space (RFC 3261 section 7.3.1).
	Value string
}

// compactNames maps the compact names of the IANA registry of SIP header fields
// to the long ones. The "y" of Identity is RFC 8224 section 13.1.
var compactNames = [128]string{
	'a': "Accept-Contact",
	'b': "Referred-By",
	'c': "Content-Type",
	'd': "Request-Disposition",
	'e': "Content-Encoding",
	'f': "From",
	'i': "Call-ID",
	'j': "Reject-Contact",
	'k': "Supported",
	'l': "Content-Length",
	'm': "Contact",
	'n': "Identity-Info",
	'o': "Event",
	'r': "Refer-To",
	's': "Subject",
	't': "To",
	'u': "Allow-Events",
	'v': "Via",
	'x': "Session-Expires",
	'y': "Identity",
}

// longName returns the long form of a header field name.
func longName(name string) string {
	if len(name) != 1 {
		return name
	}
	if c := name[0] | 0x20; c < 128 && compactNames[c] != "" {
		return compactNames[c]
	}
	return name
}

// is reports whether f is called long, which must be a long name.
func (f *Field) is(long string) bool {
	name := f.Name
	if len(name) == 1 {
		name = longName(name)
	}
	return len(name) == len(long) && (name == long || strings.EqualFold(name, long))
}

// tokenBytes are the characters of a token (RFC 3261 section 25.1).
var tokenBytes = byteSet("-.!%*_+`'~")

// hostBytes are the characters of a host name or IPv4 address, and the low line
// that people use all the same.
var hostBytes = byteSet("-._")

// byteSet returns a table of the letters, the digits and the characters of more.
func byteSet(more string) (set [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + more {
		set[c] = true
	}
	return set
}

// made reports whether s is not empty and has no character outside set.
func made(s string, set *[256]bool) bool {
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return s != ""
}

// isToken reports whether s is a token.
func isToken(s string) bool { return made(s, &tokenBytes) }

// oneLine keeps a value that we were given from ending its header field: a line
// break in it would let whoever chose the value write fields of his own.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		s = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", " ").Replace(s)
	}
	return strings.TrimSpace(s)
}
