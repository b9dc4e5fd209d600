package sipcore

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Connections bounds what connections may cost. The zero value of every field is
// a good one.
type Connections struct {
	// Max is how many may be accepted at once, 4,096; those beyond it are closed
	// at once. MaxPerSource is how many of them one address may have (one /64 of
	// IPv6), 256. MaxOut is how many we open, 1,024.
	Max, MaxPerSource, MaxOut int

	// Connect is how long opening one may take, handshakes included: 3 s.
	Connect time.Duration
	// First is how long after it was accepted the first message must have begun:
	// 10 s.
	First time.Duration
	// Message is how long a message may take from its first byte to its last:
	// 10 s.
	Message time.Duration
	// Idle is how long a connection lives on which nothing arrives: 15 minutes.
	Idle time.Duration
	// Write is how long a peer may take to read what we write: 5 s.
	Write time.Duration
	// Queue is how many bytes may wait to be written, 1 MiB; a peer that lets more
	// come together is given up.
	Queue int
}

func (c Connections) withDefaults() Connections {
	c.Max = orDefault(c.Max, 4096)
	c.MaxPerSource = orDefault(c.MaxPerSource, 256)
	c.MaxOut = orDefault(c.MaxOut, 1024)
	c.Connect = orDefault(c.Connect, 3*time.Second)
	c.First = orDefault(c.First, 10*time.Second)
	c.Message = orDefault(c.Message, 10*time.Second)
	c.Idle = orDefault(c.Idle, 15*time.Minute)
	c.Write = orDefault(c.Write, 5*time.Second)
	c.Queue = orDefault(c.Queue, 1<<20)
	return c
}

// connTable holds the connections of an endpoint.
type connTable struct {
	e         *Endpoint
	limits    Connections
	clientTLS *tls.Config
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	ctx       context.Context // ends when connections that are being opened must give up
	stop      context.CancelFunc
	running   sync.WaitGroup

	// mu guards what follows; no other lock is taken under it.
	mu       sync.Mutex
	closed   bool
	all      map[*conn]struct{}
	usable   map[Target]*conn // by whom they lead to
	sources  map[netip.Addr]int
	accepted int
	refusing map[netip.AddrPort]time.Time // who takes no connection, until when
}

func newConnTable(e *Endpoint, c Config) *connTable {
	t := &connTable{
		e:         e,
		limits:    c.Connections.withDefaults(),
		clientTLS: tlsConfig(c.TLS),
		dial:      (&net.Dialer{}).DialContext,
		all:       make(map[*conn]struct{}),
		usable:    make(map[Target]*conn),
		sources:   make(map[netip.Addr]int),
		refusing:  make(map[netip.AddrPort]time.Time),
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// source is what connections are counted by.
func source(a netip.Addr) netip.Addr {
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// accept takes a connection that came in, or closes it.
func (t *connTable) accept(d *door, nc net.Conn) {
	addr, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		nc.Close()
		return
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	c := t.newConn(Target{Transport: d.Transport, Addr: addr})
	c.door, c.nc = d, nc
	t.mu.Lock()
	from := source(addr.Addr())
	if t.closed || t.accepted >= t.limits.Max || t.sources[from] >= t.limits.MaxPerSource {
		t.mu.Unlock()
		nc.Close()
		t.e.logger.Debug("refused a SIP connection", "peer", c.target)
		return
	}
	t.accepted++
	t.sources[from]++
	// Requests to exactly where a connection came from may use it; a port that
	// somebody merely says he listens on is another matter (RFC 5923 section 5).
	t.put(c)
	t.mu.Unlock()
}

func (t *connTable) newConn(target Target) *conn {
	return &conn{t: t, target: target, begun: time.Now(), wake: make(chan struct{}, 1)}
}

// put runs a connection, with mu held.
func (t *connTable) put(c *conn) {
	t.all[c] = struct{}{}
	t.usable[c.target] = c
	t.running.Go(c.run)
}

// remove is called when a connection has ended.
func (t *connTable) remove(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, c)
	if t.usable[c.target] == c {
		delete(t.usable, c.target)
	}
	if c.door == nil {
		return
	}
	t.accepted--
	from := source(c.target.Addr.Addr())
	if t.sources[from]--; t.sources[from] <= 0 {
		delete(t.sources, from)
	}
}

// to returns a connection to a target, and begins one if there is none. It does
// not wait for it to be open.
func (t *connTable) to(target Target) (*conn, error) {
	if target.Transport == TCP {
		target.Name = "" // which only certificates and WebSockets look at
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.usable[target]; c != nil {
		return c, nil
	}
	switch {
	case t.closed:
		return nil, ErrClosed
	case len(t.all)-t.accepted >= t.limits.MaxOut:
		return nil, ErrBusy
	}
	c := t.newConn(target)
	t.put(c)
	return c, nil
}

// open reports whether connections may still begin.
func (t *connTable) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.closed
}

// maxRefusing bounds the memory of who takes no connection, and refusingFor is how
// long it lasts.
const (
	maxRefusing = 4096
	refusingFor = 10 * time.Minute
)

// refuses reports whether an address took no connection of late.
func (t *connTable) refuses(a netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.refusing[a]
	return ok && time.Now().Before(until)
}

func (t *connTable) refused(a netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.refusing) >= maxRefusing {
		clear(t.refusing)
	}
	t.refusing[a] = time.Now().Add(refusingFor)
}

// close ends all connections, as soon as what is queued is written, and waits for
// them.
func (t *connTable) close() {
	t.mu.Lock()
	t.closed = true
	all := make([]*conn, 0, len(t.all))
	for c := range t.all {
		all = append(all, c)
	}
	t.mu.Unlock()
	t.stop()
	for _, c := range all {
		c.shut(ErrClosed)
	}
	t.running.Wait()
}

// transmit sends a message. Over UDP it is sent when transmit returns; otherwise
// it is queued, and if tx is not nil it is told when the connection is lost.
func (e *Endpoint) transmit(b []byte, to path, tx *ClientTx) error {
	if to.Transport == UDP {
		return e.sendDatagram(b, to)
	}
	if to.conn != nil {
		err := to.conn.send(b, tx)
		// RFC 3261 section 18.2.2: a response whose connection is gone goes over a
		// new one. Nobody listens at the other end of a WebSocket.
		if err != ErrLost || to.Transport.webSocket() {
			return err
		}
	}
	for again := false; ; again = true {
		c, err := e.conns.to(to.Target)
		if err != nil {
			return err
		}
		if err = c.send(b, tx); err != ErrLost || again {
			if tx != nil {
				tx.on = c
			}
			return err
		}
	}
}

func (e *Endpoint) sendDatagram(b []byte, to path) error {
	if len(b) > maxDatagram {
		return ErrTooLarge
	}
	d := to.door
	if d == nil {
		if d = e.doorFor(to.Target); d == nil {
			return ErrNoTransport
		}
	}
	_, err := d.socket.WriteToUDPAddrPort(b, to.Addr)
	return err
}
