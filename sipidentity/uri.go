package sipidentity

import (
	"strings"

	"countersign.example/passport"
	"countersign.example/tn"
)

// Numbering is the local policy of RFC 8224 section 8.1 and 8.3: which user parts are
// telephone numbers, and how they become international. The zero Numbering takes a
// user part for a number only if the URI says so or if it begins with "+".
type Numbering struct {
	// Plan makes national numbers international.
	Plan tn.Plan
	// Dialable says of a user part made of digits alone that it is a telephone number.
	// Nil means that it is not.
	Dialable func(user string) bool
}

// PartyOf says whom a URI names, in canonical form: a telephone number if it is a tel
// URI or says user=phone (both decisive), if its user part begins with "+", or if the
// numbering calls it dialable; otherwise the URI, which may be of another scheme, such
// as urn:service:sos. The error is of type *passport.Finding.
func (n Numbering) PartyOf(uri string) (passport.Party, error) {
	u, ok := splitURI(uri)
	if !ok {
		canonical, err := CanonicalURI(uri)
		return passport.Party{URI: canonical}, err
	}
	// RFC 8224 section 8.3: parameters are cut before percent-encoding is undone, once.
	number, _, _ := strings.Cut(u.user, ";")
	user := unescapeUser(number)
	phone := u.scheme == "tel" || u.phone()
	if phone || strings.HasPrefix(user, "+") || n.Dialable != nil && n.Dialable(user) {
		num, err := n.Plan.Parse(number)
		if err == nil {
			return passport.Party{TN: num}, nil
		}
		if phone {
			return passport.Party{}, passport.Found(passport.ClaimValue, "uri", "not a telephone number, though it says so")
		}
	}
	canonical, err := CanonicalURI(uri)
	return passport.Party{URI: canonical}, err
}

// PartyOf is the PartyOf of the zero [Numbering].
func PartyOf(uri string) (passport.Party, error) { return Numbering{}.PartyOf(uri) }

// CanonicalURI returns the canonical form of a SIP or SIPS URI (RFC 8224 section 8.5):
// password, port, parameters and headers removed; scheme, user and host in lower case;
// percent-encoded unreserved characters decoded. Where "all lower case" and RFC 3986
// disagree about the hexadecimal digits that stay encoded, they are upper case. A
// URI of another scheme, such as urn:service:sos, is returned as it is. The error is
// of type *passport.Finding: a SIP URI without a user part has no canonical form.
func CanonicalURI(uri string) (string, error) {
	u, ok := splitURI(uri)
	switch {
	case !ok && absolute(uri) && !isSIP(uri):
		return uri, nil
	case !ok || u.scheme == "tel":
		return "", passport.Found(passport.ClaimValue, "uri", "not a SIP URI with a user part")
	}
	var b strings.Builder
	b.Grow(len(uri))
	b.WriteString(u.scheme)
	b.WriteByte(':')
	user, ok := canonicalUser(u.user)
	if !ok {
		return "", passport.Found(passport.ClaimValue, "uri", "a percent sign without two hexadecimal digits")
	}
	b.WriteString(user)
	b.WriteByte('@')
	b.WriteString(strings.ToLower(u.host))
	return b.String(), nil
}

// parts are the pieces of a SIP or tel URI that matter here.
type parts struct {
	scheme, user, host, params string
}

func (u parts) phone() bool {
	for p := range strings.SplitSeq(u.params, ";") {
		if strings.EqualFold(p, "user=phone") {
			return true
		}
	}
	return false
}

func isSIP(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	return strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")
}

func splitURI(uri string) (parts, bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || len(uri) > 2048 {
		return parts{}, false
	}
	u := parts{scheme: strings.ToLower(scheme)}
	switch u.scheme {
	case "tel":
		u.user = rest
		return u, rest != ""
	case "sip", "sips":
	default:
		return parts{}, false
	}
	// The user part may hold ";" and "?", so "@" is looked for first. RFC 3261 section
	// 25.1 has it once: of two, one reader would take the first and another the last.
	user, rest, one := strings.Cut(rest, "@")
	if !one || strings.IndexByte(rest, '@') >= 0 {
		return parts{}, false
	}
	u.user, _, _ = strings.Cut(user, ":")
	rest, _, _ = strings.Cut(rest, "?")
	host, params, _ := strings.Cut(rest, ";")
	if u.host, ok = withoutPort(host); !ok || strings.ContainsFunc(u.user, notInURI) {
		return parts{}, false
	}
	u.params = params
	return u, u.user != ""
}

// notInURI reports whether a character ends a URI, or a line, wherever it is written.
func notInURI(r rune) bool { return r <= ' ' || r == '<' || r == '>' || r == '"' || r == 0x7f }

// withoutPort returns the host of hostport (RFC 3261 section 25.1), and whether it is
// a name or an address.
func withoutPort(hostport string) (string, bool) {
	host, port := hostport, ""
	if end := strings.IndexByte(hostport, ']'); strings.HasPrefix(hostport, "[") {
		if end < 0 {
			return "", false
		}
		host, port = hostport[:end+1], hostport[end+1:]
		if strings.Trim(host[1:end], "0123456789abcdefABCDEF:.") != "" || end == 1 {
			return "", false
		}
	} else {
		if i := strings.IndexByte(hostport, ':'); i >= 0 {
			host, port = hostport[:i], hostport[i:]
		}
		if host == "" || strings.ContainsFunc(host, func(r rune) bool { return !nameChar(r) }) {
			return "", false
		}
	}
	digits, has := strings.CutPrefix(port, ":")
	return host, (has || port == "") && strings.Trim(digits, "0123456789") == ""
}

// nameChar is a character of a host name. The underscore is no character of one, but
// names with it are in use.
func nameChar(r rune) bool {
	return r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
}

func hexPair(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	const digits = "0123456789abcdef"
	hi := strings.IndexByte(digits, s[1]|lowerBit(s[1]))
	lo := strings.IndexByte(digits, s[2]|lowerBit(s[2]))
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// lowerBit makes a letter lower case and leaves everything else alone.
func lowerBit(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return 0x20
	}
	return 0
}

func unreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// unescapeUser undoes percent-encoding, for reading a number. What is not an encoding
// stays.
func unescapeUser(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := hexPair(s[i:]); ok {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func canonicalUser(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' {
			b.WriteByte(c | lowerBit(c))
			continue
		}
		d, ok := hexPair(s[i:])
		if !ok {
			return "", false
		}
		if unreserved(d) {
			b.WriteByte(d | lowerBit(d))
		} else {
			b.WriteString(strings.ToUpper(s[i : i+3]))
		}
		i += 2
	}
	return b.String(), true
}
