package fetch

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds a URL, in bytes. An Identity header field of ordinary size has no
// room for a longer one.
const maxURL = 2048

// target is a URL that keeps the rules.
type target struct {
	url *url.URL
	// host is the name or address, lower-case, without brackets or final dot.
	host string
	// addr is the host as an address, or the zero Addr if it is a name.
	addr netip.Addr
	port uint16
	tls  bool
}

// aim applies the rules for URLs (protocol.md section 2.1.6, standards.md section
// 3.6) to raw, without asking the network anything.
func (f *Fetcher) aim(raw string, strict bool) (target, *Failure) {
	if err := plain(raw); err != nil {
		return target{}, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's own error repeats the URL, which a stranger chose.
		return target{}, failure(BadURL, "it cannot be parsed")
	}
	if err := f.inspect(u, strict); err != nil {
		return target{}, err
	}
	t := target{url: u, tls: u.Scheme == "https"}
	if err := t.locate(u); err != nil {
		return target{}, err
	}
	if !f.cfg.Lab && t.port != 443 && t.port != 8443 {
		return target{}, failure(BadURL, "port %d is neither 443 nor 8443", t.port)
	}
	if len(f.allow) > 0 && !f.allow[t.host] {
		return target{}, failure(NotAllowed, "%s is not on the list", t.host)
	}
	return t, nil
}

// plain refuses what must not get as far as the parser, because programs differ
// over what it means.
func plain(raw string) *Failure {
	if len(raw) > maxURL {
		return failure(BadURL, "it is %d bytes long, more than %d", len(raw), maxURL)
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case c <= ' ' || c >= 0x7f || c == '\\':
			return failure(BadURL, "byte 0x%02x has no place in it", c)
		case c == '#':
			// Not left to the parser, which does not see an empty one.
			return failure(BadURL, "it has a fragment")
		}
	}
	return nil
}

func (f *Fetcher) inspect(u *url.URL, strict bool) *Failure {
	switch {
	case u.Scheme != "https" && !(f.cfg.Lab && u.Scheme == "http"):
		return failure(BadURL, "its scheme is not https")
	case u.Opaque != "" || u.Host == "":
		return failure(BadURL, "it has no host")
	case u.User != nil:
		return failure(BadURL, "it has userinfo")
	case strict && (u.RawQuery != "" || u.ForceQuery):
		return failure(BadURL, "it has a query")
	}
	return nil
}

// locate takes host and port from u.
func (t *target) locate(u *url.URL) *Failure {
	t.port = 443
	if !t.tls {
		t.port = 80
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 || p[0] == '0' {
			return failure(BadURL, "its port is not a port number")
		}
		t.port = uint16(n)
	}
	t.host = sameHost(u.Hostname())
	if a, err := netip.ParseAddr(t.host); err == nil {
		// Brackets are for IPv6 alone (RFC 3986 section 3.2.2), and a zone
		// is never a stranger's to choose.
		if a.Zone() != "" || a.Is4() == strings.HasPrefix(u.Host, "[") {
			return failure(BadURL, "its host is not an address anybody else has")
		}
		t.addr = a
		return nil
	}
	if !isName(t.host) {
		return failure(BadURL, "its host is neither a name nor an address in its usual form")
	}
	return nil
}

// sameHost returns the form of host in which equal hosts are equal strings.
func sameHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isName reports whether host, in lower case, is a DNS name. A last label that
// begins with a digit is refused: no top-level domain does, while some
// resolvers read 2130706433, 0x7f.1 or 0177.0.0.1 as an IPv4 address.
func isName(host string) bool {
	if len(host) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return false
		}
		last = label
	}
	return last[0] < '0' || last[0] > '9'
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
