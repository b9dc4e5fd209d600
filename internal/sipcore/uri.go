package sipcore

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// URI is a sip, sips, tel or other URI, kept as it was written. It is a value:
// the methods that begin with With return a changed copy, in which everything
// else is as it was, byte for byte.
type URI struct {
	scheme   string // as written, without the colon
	userinfo string // of sip and sips, without the at sign; of others everything before the parameters
	at       bool
	hostport string
	params   string // with its semicolon
	headers  string // with its question mark
}

var (
	errURIScheme = errors.New("URI without a scheme")
	errURIHost   = errors.New("URI with a malformed host or port")
	errURIText   = errors.New("URI with a character that is not allowed")
)

// ParseURI parses a URI (RFC 3261 section 19.1.1). Schemes other than sip, sips
// and tel are kept without being understood.
func ParseURI(s string) (URI, error) {
	var u URI
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return u, errURIText
		}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isToken(scheme) {
		return u, errURIScheme
	}
	u.scheme = scheme
	switch u.Scheme() {
	case "sip", "sips":
	case "tel":
		u.userinfo, u.params = cutAt(rest, ";")
		if u.userinfo == "" {
			return u, errURIHost
		}
		return u, nil
	default:
		u.userinfo = rest
		return u, nil
	}
	if before, after, found := strings.Cut(rest, "@"); found {
		u.userinfo, u.at, rest = before, true, after
	}
	rest, u.headers = cutAt(rest, "?")
	u.hostport, u.params = cutAt(rest, ";")
	// A second at sign would let two readers see two hosts.
	if strings.Contains(u.hostport+u.params+u.headers, "@") || !validHostPort(u.hostport) {
		return u, errURIHost
	}
	return u, nil
}

// cutAt splits s before the first of the characters in cut.
func cutAt(s, cut string) (before, after string) {
	if i := strings.IndexAny(s, cut); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// cutHostPort splits host and port; an IPv6 host keeps its brackets.
func cutHostPort(s string) (host string, port uint16, ok bool) {
	host, digits := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, digits = s[:end+1], s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, digits = s[:i], s[i:]
	}
	if digits == "" {
		return host, 0, true
	}
	n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(digits, ":")), 10, 16)
	if err != nil || digits[0] != ':' || n == 0 {
		return "", 0, false
	}
	return host, uint16(n), true
}

func validHostPort(s string) bool {
	host, _, ok := cutHostPort(s)
	return ok && validHost(host)
}

func validHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && a.Is6()
	}
	return made(host, &hostBytes)
}

// String returns the URI as it is written in a message.
func (u URI) String() string {
	if u.scheme == "" {
		return ""
	}
	at := ""
	if u.at {
		at = "@"
	}
	return u.scheme + ":" + u.userinfo + at + u.hostport + u.params + u.headers
}

// Scheme returns the scheme in lower case: sip, sips, tel or another.
func (u URI) Scheme() string { return strings.ToLower(u.scheme) }

func (u URI) isSIP() bool { return u.hostport != "" }

func (u URI) isTel() bool { return u.Scheme() == "tel" }

// userParts splits the user part of a sip URI into user, telephone-subscriber
// parameters and password.
func (u URI) userParts() (user, params, password string) {
	user, password = cutAt(u.userinfo, ":")
	user, params = cutAt(user, ";")
	return user, params, password
}

// User returns the user part as written, without password and without the
// parameters of a telephone-subscriber; of a tel URI, the number.
func (u URI) User() string {
	user, _, _ := u.userParts()
	return user
}

// UserInfo returns everything before the at sign, as written.
func (u URI) UserInfo() string { return u.userinfo }

// Host returns the host of a sip or sips URI; an IPv6 address has its brackets.
func (u URI) Host() string {
	host, _, _ := cutHostPort(u.hostport)
	return host
}

// Port returns the port of a sip or sips URI, and 0 if it names none.
func (u URI) Port() uint16 {
	_, port, _ := cutHostPort(u.hostport)
	return port
}

// WithUser returns u with another user part (which is inserted as it is, so
// reserved characters must be escaped) and without a password; the parameters of
// a telephone-subscriber stay.
func (u URI) WithUser(user string) URI {
	_, params, _ := u.userParts()
	u.userinfo = user + params
	u.at = u.isSIP() && u.userinfo != ""
	return u
}

// WithHostPort returns u with another host and, behind a colon, port. A tel URI
// has none and is returned as it is.
func (u URI) WithHostPort(hostport string) URI {
	if u.isSIP() {
		u.hostport = hostport
	}
	return u
}

// Param returns a URI parameter ("transport", "lr", "user"); ok tells one
// without a value from none.
func (u URI) Param(name string) (value string, ok bool) { return getParam(u.params, name) }

// WithParam returns u with a URI parameter set; an empty value sets it bare. A URI
// that is neither sip, sips nor tel has no parameters and is returned as it is.
func (u URI) WithParam(name, value string) URI {
	if u.isSIP() || u.isTel() {
		u.params = setParam(u.params, name, value)
	}
	return u
}

// WithoutParam returns u without a URI parameter.
func (u URI) WithoutParam(name string) URI {
	u.params = dropParam(u.params, name)
	return u
}

// TelParam returns a parameter of the telephone number (RFC 3966 section 3),
// such as verstat. In a tel URI that is a URI parameter; in a sip URI it stands
// in the user part (RFC 3261 section 19.1.6).
func (u URI) TelParam(name string) (value string, ok bool) {
	if !u.isSIP() {
		return getParam(u.params, name)
	}
	_, params, _ := u.userParts()
	return getParam(params, name)
}

// WithTelParam returns u with a parameter of the telephone number set; a URI that
// is neither sip, sips nor tel is returned as it is.
func (u URI) WithTelParam(name, value string) URI {
	return u.changeTelParams(func(params string) string { return setParam(params, name, value) })
}

// WithoutTelParam returns u without a parameter of the telephone number.
func (u URI) WithoutTelParam(name string) URI {
	return u.changeTelParams(func(params string) string { return dropParam(params, name) })
}

func (u URI) changeTelParams(change func(string) string) URI {
	switch {
	case u.isTel():
		u.params = change(u.params)
		return u
	case !u.isSIP():
		return u
	}
	user, params, password := u.userParts()
	u.userinfo = user + change(params) + password
	u.at = u.at || u.userinfo != ""
	return u
}
