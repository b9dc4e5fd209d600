package sipcore

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// TopRoute returns the first Route value of a request; ok is false if there is
// none that can be read.
func (m *Message) TopRoute() (a NameAddr, ok bool) {
	i := m.index("Route", 0)
	if i < 0 {
		return a, false
	}
	element, _ := cutElement(m.fields[i].Value)
	a, err := ParseNameAddr(element)
	return a, err == nil
}

// PopRoute removes the first Route value, and reports whether there was one (RFC
// 3261 section 16.4).
func (m *Message) PopRoute() bool { return m.popElement("Route") }

// NextHop returns the URI that a request is to be sent to: the first Route value,
// or else the Request-URI (RFC 3261 section 16.6 step 7). Routers of RFC 2543,
// which do not know lr, are not served.
func (m *Message) NextHop() (URI, error) {
	if m.Has("Route") {
		a, ok := m.TopRoute()
		if !ok {
			return URI{}, errNameAddr
		}
		return a.URI(), nil
	}
	return ParseURI(m.uri)
}

// Owns reports whether a URI names this endpoint: the sent-by or the address of
// one of its sockets. The default port is understood; transports are not compared.
func (e *Endpoint) Owns(u URI) bool {
	if !u.isSIP() {
		return false
	}
	transport := uriTransport(u)
	at := withPortOf(strings.ToLower(u.Host()), u.Port(), transport)
	for _, d := range e.doors {
		host, port, _ := cutHostPort(d.sentBy)
		if at == withPortOf(host, port, d.Transport) || at == d.addr.String() {
			return true
		}
	}
	return false
}

// uriTransport is the transport that a sip or sips URI names, or UDP.
func uriTransport(u URI) Transport {
	name, _ := u.Param("transport")
	t, _ := ParseTransport(name)
	if u.Scheme() == "sips" {
		return t.secured()
	}
	return t
}

// secured is t inside TLS (RFC 3261 section 26.2.2: sips with transport=tcp is
// TLS over TCP).
func (t Transport) secured() Transport {
	if t.webSocket() {
		return WSS
	}
	return TLS
}

func withPortOf(host string, port uint16, t Transport) string {
	if port == 0 {
		port = t.Port()
	}
	return withPort(host, port)
}

func withPort(host string, port uint16) string {
	if port == 0 {
		port = defaultPort
	}
	return host + ":" + strconv.Itoa(int(port))
}

// Resolve returns the address of a sip URI over UDP. A name is looked up for its
// addresses only, and the first of the socket's family is taken; NAPTR and SRV
// records (RFC 3263) are not followed.
func (e *Endpoint) Resolve(ctx context.Context, u URI) (netip.AddrPort, error) {
	if u.Scheme() != "sip" || !u.isSIP() {
		return netip.AddrPort{}, fmt.Errorf("sipcore: cannot send to a %s URI over UDP", u.Scheme())
	}
	if t, ok := u.Param("transport"); ok && !strings.EqualFold(t, "udp") {
		return netip.AddrPort{}, fmt.Errorf("sipcore: cannot send over %s", strings.ToUpper(t))
	}
	port := u.Port()
	if port == 0 {
		port = defaultPort
	}
	host := strings.Trim(u.Host(), "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port), nil
	}
	family := "ip6"
	if e.Addr().Addr().Is4() {
		family = "ip4"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up SIP host %s: %w", host, err)
	}
	return netip.AddrPortFrom(found[0].Unmap(), port), nil
}
