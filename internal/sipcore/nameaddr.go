package sipcore

import (
	"errors"
	"strings"
)

// NameAddr is the value of From, To, Contact, Route or P-Asserted-Identity: a
// URI with, perhaps, a display name and parameters (RFC 3261 section 20.10). It
// is a value: the methods that begin with With return a changed copy, in which
// everything else is as it was, byte for byte.
type NameAddr struct {
	display string // as written before the angle bracket, with the space between
	angle   bool   // name-addr, not addr-spec
	uri     URI
	params  string // with its semicolon
}

var (
	errNameAddr = errors.New("address without a closing angle bracket")
	errTrailer  = errors.New("address followed by something that is not a parameter")
	errQuote    = errors.New("address with a quote that does not end")
)

// ParseNameAddr parses one address. Fields that may hold several are split with
// [Message.List] first.
func ParseNameAddr(s string) (NameAddr, error) {
	var a NameAddr
	s = strings.TrimSpace(s)
	open := openingAngle(s)
	if open < 0 {
		// RFC 3261 section 20: without angle brackets all parameters are the
		// field's, not the URI's.
		spec, params := cutAt(s, ";")
		if !closed(params) {
			return a, errQuote
		}
		a.params = params
		var err error
		a.uri, err = ParseURI(strings.TrimSpace(spec))
		return a, err
	}
	end := strings.IndexByte(s[open:], '>')
	if end < 0 {
		return a, errNameAddr
	}
	uri, rest := s[open+1:open+end], s[open+end+1:]
	if t := strings.TrimLeft(rest, " \t"); t != "" && t[0] != ';' {
		return a, errTrailer
	} else if t != "" {
		rest = t
	}
	if !closed(rest) {
		return a, errQuote
	}
	a.display, a.angle, a.params = s[:open], true, rest
	var err error
	a.uri, err = ParseURI(uri)
	return a, err
}

// openingAngle finds the angle bracket that opens the URI, or -1 if there is
// none before the parameters begin.
func openingAngle(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			return i
		case c == ';':
			return -1
		}
	}
	return -1
}

// String returns the address as it is written in a message.
func (a NameAddr) String() string {
	if !a.angle {
		return a.uri.String() + a.params
	}
	return a.display + "<" + a.uri.String() + ">" + a.params
}

// DisplayName returns the display name without quotes and escapes, or "".
func (a NameAddr) DisplayName() string {
	name := strings.TrimSpace(a.display)
	if len(name) < 2 || name[0] != '"' || name[len(name)-1] != '"' {
		return name
	}
	var b strings.Builder
	for i := 1; i < len(name)-1; i++ {
		if name[i] == '\\' && i+1 < len(name)-1 {
			i++
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// WithDisplayName returns a with another display name, quoted and escaped as
// needed. An empty name removes it. Control characters become spaces.
func (a NameAddr) WithDisplayName(name string) NameAddr {
	a.angle = true
	if name == "" {
		a.display = ""
		return a
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(name, "?") {
		switch {
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
			continue
		case r == '"' || r == '\\':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteString(`" `)
	a.display = b.String()
	return a
}

// URI returns the URI of the address.
func (a NameAddr) URI() URI { return a.uri }

// WithURI returns a with another URI.
func (a NameAddr) WithURI(u URI) NameAddr {
	// RFC 3261 section 20: a URI with parameters needs the brackets.
	a.angle = a.angle || u.params != "" || u.headers != "" || strings.ContainsAny(u.userinfo, ",;?")
	a.uri = u
	return a
}

// Param returns a parameter of the field ("tag"); ok tells one without a value
// from none.
func (a NameAddr) Param(name string) (value string, ok bool) { return getParam(a.params, name) }

// WithParam returns a with a parameter of the field set; an empty value sets it
// bare.
func (a NameAddr) WithParam(name, value string) NameAddr {
	a.params = setParam(a.params, name, value)
	return a
}

// WithoutParam returns a without a parameter of the field.
func (a NameAddr) WithoutParam(name string) NameAddr {
	a.params = dropParam(a.params, name)
	return a
}

// tagOf returns the tag of a From or To value without parsing its URI.
func tagOf(value string) string {
	rest := value
	if open := openingAngle(value); open >= 0 {
		end := strings.IndexByte(value[open:], '>')
		if end < 0 {
			return ""
		}
		rest = value[open+end+1:]
	}
	_, params := cutAt(rest, ";")
	tag, _ := getParam(params, "tag")
	return tag
}
