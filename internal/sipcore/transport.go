package sipcore

import (
	"errors"
	"net/netip"
	"strings"
)

// Transport is what carries SIP messages. The zero value is UDP.
type Transport uint8

// The transports of RFC 3261 section 18 and RFC 7118.
const (
	UDP Transport = iota
	TCP
	TLS
	WS
	WSS
)

var transportNames = [...]string{"UDP", "TCP", "TLS", "WS", "WSS"}

// String returns the name of t as it stands in a Via: UDP, TCP, TLS, WS or WSS.
func (t Transport) String() string {
	if int(t) < len(transportNames) {
		return transportNames[t]
	}
	return "?"
}

// ParseTransport reads the name of a transport in any case, as it stands in a Via
// or in the transport parameter of a URI.
func ParseTransport(name string) (t Transport, ok bool) {
	for i, known := range transportNames {
		if strings.EqualFold(name, known) {
			return Transport(i), true
		}
	}
	return 0, false
}

// Reliable reports whether t carries a stream: nothing is sent twice over it (RFC
// 3261 section 17).
func (t Transport) Reliable() bool { return t != UDP }

// Secure reports whether t is encrypted and its server authenticated.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// Port returns the port that is meant where none is given: 5060 or 5061 (RFC 3261
// section 19.1.2), and of WebSocket 80 or 443 (RFC 7118 section 5.2.3).
func (t Transport) Port() uint16 {
	switch t {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	}
	return defaultPort
}

// webSocket reports whether t is WebSocket.
func (t Transport) webSocket() bool { return t == WS || t == WSS }

// Target is where a request is sent: one address, and how to speak to it. It is
// comparable.
type Target struct {
	Transport Transport
	Addr      netip.AddrPort
	// Name is whom the certificate of the other end must name (TLS and WSS), and
	// the host asked for over WebSocket. If it is empty, that is the address.
	Name string
}

// String returns the target as "tcp:192.0.2.1:5060".
func (t Target) String() string {
	return strings.ToLower(t.Transport.String()) + ":" + t.Addr.String()
}

var (
	// ErrNoTransport says that an endpoint has no socket for what was asked of it.
	ErrNoTransport = errors.New("sipcore: no such transport here")
	// ErrBusy says that a connection was closed because its peer did not read, or
	// that there are too many connections.
	ErrBusy = errors.New("sipcore: connection congested")
	// ErrLost says that a connection ended before the request was answered.
	ErrLost = errors.New("sipcore: connection lost")
	// ErrInsecure says that a request to a sips URI had a target without TLS.
	ErrInsecure = errors.New("sipcore: sips needs TLS")
)

// udp is the target at an address over UDP.
func udp(addr netip.AddrPort) Target { return Target{Addr: addr} }

// path is where a message goes: a target, and if it is a response, the connection
// or the socket that the request came in by.
type path struct {
	Target
	conn *conn
	door *door
}
