package sipcore

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// conn is one connection: TCP, TLS or WebSocket, accepted or ours. It has one
// goroutine that reads (and opens it first), and one that writes. Nobody else
// touches the network, so a peer that does not read keeps nobody waiting.
type conn struct {
	t      *connTable
	target Target // the other end
	door   *door  // where it was accepted; nil if we opened it
	begun  time.Time
	wake   chan struct{} // has room for one: there is something to write, or an end

	// mu guards what follows. It is taken under the lock of a transaction, and no
	// other lock is taken under it.
	mu       sync.Mutex
	nc       net.Conn // nil while it is being opened
	raw      net.Conn // under TLS; closing it waits for nothing
	state    connState
	err      error // why it ends
	out      []byte
	clients  map[*ClientTx]struct{} // that wait for a first response
	security *tls.ConnectionState
}

type connState int

const (
	opening connState = iota
	open
	shutting // what is queued is still written
	gone
)

// send queues one message. tx, if not nil, is told if the connection is lost
// before it has heard anything; its mutex is held.
func (c *conn) send(b []byte, tx *ClientTx) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state >= shutting:
		return ErrLost
	case len(c.out)+len(b) > c.t.limits.Queue:
		c.breakOff(ErrBusy)
		return ErrBusy
	}
	if c.target.Transport.webSocket() {
		c.out = appendFrame(c.out, opText, b, c.door == nil)
	} else {
		c.out = append(c.out, b...)
	}
	if tx != nil {
		if c.clients == nil {
			c.clients = make(map[*ClientTx]struct{})
		}
		c.clients[tx] = struct{}{}
	}
	c.signal()
	return nil
}

// answer queues a keep-alive or control frame as it is.
func (c *conn) answer(raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= shutting {
		return
	}
	if c.out = append(c.out, raw...); len(c.out) > c.t.limits.Queue {
		c.breakOff(ErrBusy)
		return
	}
	c.signal()
}

// forget ends what send promised tx.
func (c *conn) forget(tx *ClientTx) {
	c.mu.Lock()
	delete(c.clients, tx)
	c.mu.Unlock()
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// breakOff ends the connection without writing what is queued; mu is held. The
// rest is the reader's, which notices.
func (c *conn) breakOff(err error) {
	if c.err == nil {
		c.err = err
	}
	c.state = max(c.state, shutting)
	c.out = nil
	if c.raw != nil {
		c.raw.Close()
	}
	c.signal()
}

// shut ends the connection when what is queued is written.
func (c *conn) shut(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.state = max(c.state, shutting)
	c.signal()
}

// run opens the connection and serves it to its end.
func (c *conn) run() {
	r, err := c.open()
	if err == nil {
		var writer sync.WaitGroup
		writer.Go(c.write)
		err = c.read(r)
		c.shut(err)
		writer.Wait()
	}
	c.end(err)
}

// end tells everybody who still waits.
func (c *conn) end(err error) {
	c.t.remove(c)
	c.mu.Lock()
	opened := c.state != opening && c.nc != nil
	if c.err == nil {
		c.err = err
	}
	err = c.err
	c.state, c.out = gone, nil
	if c.nc != nil {
		c.nc.Close()
	}
	waiting := c.clients
	c.clients = nil
	c.mu.Unlock()
	c.t.e.logger.Debug("SIP connection ended", "peer", c.target, "error", err)
	for tx := range waiting {
		tx.lost(c, opened, err)
	}
}

// open connects, if we begin, and shakes hands.
func (c *conn) open() (*bufio.Reader, error) {
	limits := &c.t.limits
	wait := limits.First
	if c.door == nil {
		wait = limits.Connect
	}
	ctx, stop := context.WithTimeout(c.t.ctx, wait)
	defer stop()
	nc := c.nc
	if c.door == nil {
		var err error
		if nc, err = c.t.dial(ctx, "tcp", c.target.Addr.String()); err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", c.target, err)
		}
	}
	c.mu.Lock()
	c.raw = nc
	c.mu.Unlock()
	nc.SetDeadline(time.Now().Add(wait))
	nc, r, err := c.handshake(ctx, nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("opening %s: %w", c.target, err)
	}
	nc.SetDeadline(time.Time{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc = nc
	if c.state >= shutting {
		nc.Close()
		return nil, c.err
	}
	c.state = open
	if s, ok := nc.(*tls.Conn); ok {
		state := s.ConnectionState()
		c.security = &state
	}
	return r, nil
}

func (c *conn) handshake(ctx context.Context, nc net.Conn) (net.Conn, *bufio.Reader, error) {
	host := c.target.Name
	if host == "" {
		host = c.target.Addr.Addr().WithZone("").String()
	}
	if c.target.Transport.Secure() {
		var s *tls.Conn
		if c.door != nil {
			s = tls.Server(nc, c.door.TLS)
		} else {
			config := c.t.clientTLS.Clone()
			config.ServerName = host
			s = tls.Client(nc, config)
		}
		if err := s.HandshakeContext(ctx); err != nil {
			return nc, nil, err
		}
		nc = s
	}
	switch {
	case !c.target.Transport.webSocket():
		return nc, bufio.NewReader(nc), nil
	case c.door != nil:
		r, err := acceptWebSocket(nc, c.door.Origins)
		return nc, r, err
	}
	if c.target.Addr.Addr().Is6() && c.target.Name == "" {
		host = "[" + host + "]"
	}
	r, err := askWebSocket(nc, withPort(host, c.target.Addr.Port()))
	return nc, r, err
}

// write writes what is queued until the connection ends.
func (c *conn) write() {
	var spare []byte
	for {
		c.mu.Lock()
		b := c.out
		c.out = spare[:0]
		last := c.state >= shutting
		c.mu.Unlock()
		if spare = nil; cap(b) <= maxMessage {
			spare = b
		}
		switch {
		case len(b) > 0:
			c.nc.SetWriteDeadline(time.Now().Add(c.t.limits.Write))
			if _, err := c.nc.Write(b); err != nil {
				c.mu.Lock()
				c.breakOff(fmt.Errorf("writing: %w", err))
				c.mu.Unlock()
				return
			}
		case last:
			c.nc.Close()
			return
		default:
			<-c.wake
		}
	}
}

// inflow cuts what a connection brings into messages.
type inflow interface {
	// next returns the next message, which is valid until the next call. With an
	// error it may return the header of a message that should be refused.
	next() ([]byte, error)
}

// read hands on messages until the connection ends.
func (c *conn) read(r *bufio.Reader) error {
	in := c.inflow(r)
	from := path{Target: c.target, conn: c}
	for {
		b, err := in.next()
		switch {
		case err == nil:
			c.t.e.receive(b, from)
		case errors.Is(err, errFrameLength), errors.Is(err, errFrameLong):
			c.t.e.refuseFrame(b, from)
			return err
		default:
			return err
		}
	}
}

// inflow reads under deadlines: the first message must come soon, a message that
// has begun must be there soon, and a connection must not be idle for long.
func (c *conn) inflow(r *bufio.Reader) inflow {
	limits := &c.t.limits
	seen := c.door == nil
	waits := func() {
		deadline := time.Now().Add(limits.Idle)
		if !seen {
			deadline = c.begun.Add(limits.First)
		}
		c.nc.SetReadDeadline(deadline)
	}
	begun := func() {
		seen = true
		c.nc.SetReadDeadline(time.Now().Add(limits.Message))
	}
	if c.target.Transport.webSocket() {
		control := func(opcode byte, payload []byte) {
			c.answer(appendFrame(nil, opcode, payload, c.door == nil))
		}
		return &wsReader{r: r, server: c.door != nil, waits: waits, begun: begun, control: control}
	}
	ping := func() {
		waits()
		if c.door != nil {
			c.answer(crlfBytes) // RFC 5626 section 4.4.1; from a server it is no ping
		}
	}
	return &framer{r: r, waits: waits, begun: begun, ping: ping}
}
