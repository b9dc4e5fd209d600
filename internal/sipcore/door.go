package sipcore

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Listen is one address that an endpoint is reached at. Transport and either Addr
// or a socket must be given.
type Listen struct {
	Transport Transport

	// Addr is the address to listen on, "192.0.2.1:5061" or "[::1]:0".
	Addr string

	// Conn (for UDP) or Listener (for all others) is a socket to use instead of
	// opening one. The endpoint owns it from then on. A Listener hands out bare
	// TCP connections, for TLS too.
	Conn     *net.UDPConn
	Listener net.Listener

	// SentBy is the host and port that others reach this address at, as it stands
	// in our Via. The default is the address itself; it must be given if that is
	// unspecified.
	SentBy string

	// TLS is needed for TLS and WSS. Its GetCertificate or GetConfigForClient may
	// change the certificate at any time. TLS 1.2 is the least that is spoken.
	TLS *tls.Config

	// Origins are the values of Origin that a WebSocket client may come with, if
	// it says any. Empty, all may: what SIP says is believed for other reasons
	// than the page it came from.
	Origins []string
}

// door is an open Listen.
type door struct {
	Listen
	socket socket // UDP
	sentBy string
	addr   netip.AddrPort
}

// openDoor opens what l asks for.
func openDoor(l Listen, logger *slog.Logger) (*door, error) {
	if l.Transport == UDP {
		conn, err := listenUDP(l.Conn, l.Addr, logger)
		if err != nil {
			return nil, err
		}
		d, err := newDoor(l, conn, conn.LocalAddr())
		if err != nil {
			conn.Close()
		}
		return d, err
	}
	if l.Transport.Secure() {
		if l.TLS == nil {
			return nil, fmt.Errorf("listening for SIP over %s: no certificate is configured", l.Transport)
		}
		l.TLS = tlsConfig(l.TLS)
	}
	if l.Listener == nil {
		ln, err := net.Listen("tcp", l.Addr)
		if err != nil {
			return nil, fmt.Errorf("listening for SIP: %w", err)
		}
		l.Listener = ln
	}
	d, err := newDoor(l, nil, l.Listener.Addr())
	if err != nil {
		l.Listener.Close()
	}
	return d, err
}

// tlsConfig is c with the least version that is spoken.
func tlsConfig(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func listenUDP(conn *net.UDPConn, at string, logger *slog.Logger) (*net.UDPConn, error) {
	if conn == nil {
		addr, err := net.ResolveUDPAddr("udp", at)
		if err != nil {
			return nil, fmt.Errorf("reading SIP address %s: %w", at, err)
		}
		if conn, err = net.ListenUDP("udp", addr); err != nil {
			return nil, fmt.Errorf("listening for SIP: %w", err)
		}
	}
	if err := conn.SetReadBuffer(readBuffer); err != nil {
		logger.Warn("SIP socket keeps its small read buffer", "addr", conn.LocalAddr().String(), "error", err)
	}
	return conn, nil
}

func newDoor(l Listen, s socket, at net.Addr) (*door, error) {
	d := &door{Listen: l, socket: s, sentBy: strings.ToLower(l.SentBy)}
	if a, err := netip.ParseAddrPort(at.String()); err == nil {
		d.addr = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if d.sentBy == "" {
		if d.addr.Addr().IsUnspecified() {
			return nil, fmt.Errorf("SIP on %s: SentBy must say how others reach it", d.addr)
		}
		d.sentBy = d.addr.String()
	}
	if !validHostPort(d.sentBy) {
		return nil, fmt.Errorf("SIP: %q is not a host and port", d.sentBy)
	}
	return d, nil
}

// close closes the socket or listener.
func (d *door) close() {
	if d.socket != nil {
		d.socket.Close()
		return
	}
	d.Listener.Close()
}

// serves reports whether messages to addr can leave by d.
func (d *door) serves(addr netip.Addr) bool {
	own := d.addr.Addr()
	return own.Is4() == addr.Is4() || own.Is6() && own.IsUnspecified()
}

// doorFor returns the door by which a request to a target is answered, and, over
// UDP, leaves. It is nil if there is none.
func (e *Endpoint) doorFor(t Target) *door {
	var other *door
	for _, d := range e.doors {
		switch {
		case d.Transport != t.Transport:
		case d.serves(t.Addr.Addr()):
			return d
		case other == nil:
			other = d
		}
	}
	return other
}

// sentByFor is what our Via says to a target: where we listen for its transport,
// or, if we only call out over it, where we listen at all (responses come back
// on the same connection).
func (e *Endpoint) sentByFor(t Target) string {
	if d := e.doorFor(t); d != nil {
		return d.sentBy
	}
	return e.doors[0].sentBy
}

// isSentBy reports whether the sent-by of a Via is ours.
func (e *Endpoint) isSentBy(sentBy string) bool {
	for _, d := range e.doors {
		if strings.EqualFold(d.sentBy, sentBy) {
			return true
		}
	}
	return false
}

// SentByOver returns the host and port that stand in our Via over a transport
// towards an address, and belong into Record-Route and Contact URIs. The address
// may be the zero value if it does not matter.
func (e *Endpoint) SentByOver(t Transport, to netip.Addr) string {
	return e.sentByFor(Target{Transport: t, Addr: netip.AddrPortFrom(to, 0)})
}

// Listens reports whether the endpoint is reached over a transport.
func (e *Endpoint) Listens(t Transport) bool {
	for _, d := range e.doors {
		if d.Transport == t {
			return true
		}
	}
	return false
}

// AddrOf returns the address of the first socket with a transport, and the zero
// value if there is none.
func (e *Endpoint) AddrOf(t Transport) netip.AddrPort {
	for _, d := range e.doors {
		if d.Transport == t {
			return d.addr
		}
	}
	return netip.AddrPort{}
}

// serveDoor takes what arrives at d until it is closed.
func (e *Endpoint) serveDoor(d *door) error {
	if d.socket != nil {
		return e.read(d)
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for failures := 0; ; {
		nc, err := d.Listener.Accept()
		switch {
		case err == nil:
			failures = 0
			e.conns.accept(d, nc)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			// Too many open files, most likely: it passes.
			if failures++; failures == readFailures {
				return fmt.Errorf("accepting SIP connections at %s: %w", d.addr, err)
			}
			pause.Reset(time.Duration(failures) * 10 * time.Millisecond)
			<-pause.C
		}
	}
}
