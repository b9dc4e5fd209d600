package sipidentity

import (
	"strings"

	"countersign.example/passport"
)

// MaxLen is the longest Identity header field value that is read, in bytes.
const MaxLen = passport.MaxLen + 4<<10

// maxParams is how many parameters are read: four are defined.
const maxParams = 16

// Header is the value of one Identity header field.
type Header struct {
	// Passport is the PASSporT, in full or compact form.
	Passport string
	// Info is the URI of the certificate, without the angle brackets.
	Info string
	// Alg and Ppt are those parameters, unquoted; empty if absent.
	Alg string
	Ppt string
	// More holds the parameters that are not defined, in order. They are ignored.
	More []Param
}

// Param is a parameter of a header field.
type Param struct {
	Name, Value string
}

// Compact reports whether the PASSporT is in compact form.
func (h Header) Compact() bool { return strings.HasPrefix(h.Passport, "..") }

// String returns the value in the order that the grammar of RFC 8224 section 4 gives:
// the PASSporT, info, then alg and ppt if they are set, unquoted.
func (h Header) String() string {
	var b strings.Builder
	b.Grow(len(h.Passport) + len(h.Info) + 40)
	b.WriteString(h.Passport)
	b.WriteString(";info=<")
	b.WriteString(h.Info)
	b.WriteByte('>')
	if h.Alg != "" {
		b.WriteString(";alg=" + h.Alg)
	}
	if h.Ppt != "" {
		b.WriteString(";ppt=" + h.Ppt)
	}
	return b.String()
}

// Mismatches returns where the header field and the protected header of the PASSporT in
// it disagree, nil if nowhere. Both are compared as plain text (RFC 8224 section 4.1,
// RFC 3986 section 6.2.1). What the PASSporT lacks is not a disagreement.
func (h Header) Mismatches(p passport.Header) []passport.Finding {
	var found []passport.Finding
	if p.X5U != "" && h.Info != p.X5U {
		found = append(found, passport.Finding{Code: passport.X5uMismatch, Claim: "x5u"})
	}
	if h.Alg != "" && p.Alg != "" && h.Alg != p.Alg {
		found = append(found, passport.Finding{Code: passport.AlgMismatch, Claim: "alg"})
	}
	switch {
	case h.Ppt == "" && p.Ppt != "":
		omitted := passport.Finding{Code: passport.PptOmitted, Claim: "ppt"}
		if passport.Known(p.Ppt) {
			omitted.Detail = p.Ppt
		}
		found = append(found, omitted)
	case h.Ppt != p.Ppt:
		found = append(found, passport.Finding{Code: passport.PptMismatch, Claim: "ppt"})
	}
	return found
}

// Parse reads the value of an Identity header field, without its name. White space
// and line folding around ";" and "=" are passed over, parameters may come in any
// order, and their values may be quoted. The error is of type *passport.Finding; the
// Header then holds what was read before the fault, and the parameters too if the fault
// is in the PASSporT.
func Parse(value string) (Header, error) {
	var h Header
	if len(value) > MaxLen {
		return h, passport.Found(passport.FieldTooLong, "", "")
	}
	s := strings.Trim(value, spaces)
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	h.Passport, s = strings.TrimRight(s[:end], spaces), s[end:]
	fault := checkDigest(h.Passport)
	if bad := h.readParams(s); fault == nil {
		fault = bad
	}
	if fault != nil {
		return h, fault
	}
	return h, nil
}

// readParams reads what follows the digest.
func (h *Header) readParams(s string) *passport.Finding {
	var info param
	for n := 0; ; n++ {
		p, rest, bad := nextParam(s)
		if bad != nil {
			return bad
		}
		if p.name == "" {
			break
		}
		if n == maxParams {
			return passport.Found(passport.HeaderSyntax, "", "too many parameters")
		}
		if bad := h.take(p, &info); bad != nil {
			return bad
		}
		s = rest
	}
	if info.name == "" {
		return passport.Found(passport.InfoMissing, "info", "")
	}
	if !info.bracketed || !absolute(info.value) {
		return passport.Found(passport.InfoMalformed, "info", "")
	}
	h.Info = info.value
	return nil
}

const spaces = " \t\r\n"

// param is one parameter as it stands; how its value was enclosed matters for info.
type param struct {
	name, value string
	bracketed   bool
}

// token reports whether the value is a token, bare or quoted, as those of alg and ppt
// are. What passes can be printed without quotation marks.
func (p param) token() bool {
	for i := range len(p.value) {
		if !isToken(p.value[i]) {
			return false
		}
	}
	return p.value != "" && !p.bracketed
}

func (h *Header) take(p param, info *param) *passport.Finding {
	repeated := false
	switch {
	case strings.EqualFold(p.name, "info"):
		repeated = info.name != ""
		*info = p
	case strings.EqualFold(p.name, "alg"):
		repeated = h.Alg != ""
		if !p.token() {
			return passport.Found(passport.HeaderSyntax, "alg", "its value is no token")
		}
		h.Alg = p.value
	case strings.EqualFold(p.name, "ppt"):
		repeated = h.Ppt != ""
		if !p.token() {
			return passport.Found(passport.HeaderSyntax, "ppt", "its value is no token")
		}
		h.Ppt = p.value
	default:
		h.More = append(h.More, Param{p.name, p.value})
	}
	if repeated {
		return passport.Found(passport.ParameterRepeated, p.name, "")
	}
	return nil
}

// checkDigest holds the digest to two dots, to three parts or one, and to one line and
// one word: base64url is for package passport to undo.
func checkDigest(s string) *passport.Finding {
	bad := passport.Found
	for i := range len(spaces) {
		if strings.IndexByte(s, spaces[i]) >= 0 {
			return bad(passport.DigestMalformed, "", "it holds white space")
		}
	}
	first := strings.IndexByte(s, '.')
	if first < 0 {
		return bad(passport.DigestMalformed, "", "no dot in it")
	}
	second := strings.IndexByte(s[first+1:], '.')
	if second < 0 || strings.IndexByte(s[first+1+second+1:], '.') >= 0 {
		return bad(passport.DigestMalformed, "", "not three parts with two dots between them")
	}
	header, claims, signature := s[:first], s[first+1:first+1+second], s[first+second+2:]
	if signature == "" || (header == "") != (claims == "") {
		return bad(passport.DigestMalformed, "", "a part is empty")
	}
	return nil
}

// nextParam reads ";name=value" from the start of s. The name is empty at the end.
func nextParam(s string) (param, string, *passport.Finding) {
	malformed := func(why string) (param, string, *passport.Finding) {
		return param{}, "", passport.Found(passport.HeaderSyntax, "", why)
	}
	s = strings.TrimLeft(s, spaces)
	if s == "" {
		return param{}, "", nil
	}
	if s[0] != ';' {
		return malformed("a semicolon is expected before a parameter")
	}
	s = strings.TrimLeft(s[1:], spaces)
	n := 0
	for n < len(s) && isToken(s[n]) {
		n++
	}
	if n == 0 {
		return malformed("a parameter has no name")
	}
	p := param{name: s[:n]}
	s = strings.TrimLeft(s[n:], spaces)
	if s == "" || s[0] != '=' {
		return p, s, nil
	}
	s = strings.TrimLeft(s[1:], spaces)
	if s == "" {
		return malformed("a parameter has no value")
	}
	switch s[0] {
	case '<':
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return malformed("an angle bracket is not closed")
		}
		p.value, p.bracketed = s[1:end], true
		return p, s[end+1:], nil
	case '"':
		value, rest, ok := quoted(s)
		if !ok {
			return malformed("a quotation mark is not closed")
		}
		p.value = value
		return p, rest, nil
	}
	end := strings.IndexAny(s, ";"+spaces)
	if end < 0 {
		end = len(s)
	}
	p.value = s[:end]
	return p, s[end:], nil
}

// quoted reads a quoted-string of RFC 3261 section 25.1.
func quoted(s string) (value, rest string, ok bool) {
	plain := true
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			plain = false
			i++
		case '"':
			value = s[1:i]
			if !plain {
				value = unquote(value)
			}
			return value, s[i+1:], true
		}
	}
	return "", "", false
}

func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isToken is the token character of RFC 3261 section 25.1.
func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-.!%*_+`'~", c) >= 0
}

// absolute reports whether s can be an absolute URI: a scheme, a colon, something
// after it, and no character that no URI has.
func absolute(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || rest == "" {
		return false
	}
	for i := range len(scheme) {
		c := scheme[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '<' || s[i] == '"' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
