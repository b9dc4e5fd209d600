package sipcore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	// ErrClosed says that the endpoint has ended.
	ErrClosed = errors.New("sipcore: endpoint closed")
	// ErrTimeout says that nobody answered in time: Timer B, C or F of RFC 3261
	// section 17.1 fired, or no ACK came (section 13.3.1.4).
	ErrTimeout = errors.New("sipcore: no answer in time")
	// ErrCancelled says that the caller sent CANCEL. It is also the cause with
	// which the context of a handler ends ([context.Cause]).
	ErrCancelled = errors.New("sipcore: cancelled by the caller")
	// ErrAnswered says that a request already has its final response.
	ErrAnswered = errors.New("sipcore: already answered")
	// ErrTooLarge says that a message is longer than UDP carries.
	ErrTooLarge = errors.New("sipcore: message too large for UDP")
)

const (
	// readBuffer is asked of the kernel for our sockets: with its default of
	// 208 KiB a burst of calls is lost and comes again as retransmissions. The
	// kernel gives no more than net.core.rmem_max.
	readBuffer = 4 << 20

	// maxDatagram is the most that UDP over IPv4 carries.
	maxDatagram = 65507

	// readFailures in a row, and the socket is taken for broken.
	readFailures = 100
)

// Config is what [Open] needs to know. The zero value of every field but Addr is
// a good one.
type Config struct {
	// Addr is the address to listen on, "127.0.0.1:5060" or "[::1]:0". Port 0
	// lets the system choose.
	Addr string

	// Conn is a socket to use instead of opening one at Addr. The endpoint owns
	// it from then on.
	Conn *net.UDPConn

	// SentBy is the host and port that others reach this endpoint at, as it
	// stands in our Via. The default is the address of the socket; it must be
	// given if that is unspecified (0.0.0.0 or ::).
	SentBy string

	// Timers are those of RFC 3261 section 17.
	Timers Timers

	// Grace is how long Run finishes requests in hand after its context ended.
	// The default is five seconds.
	Grace time.Duration

	// RetryAfter is what callers are told when they are refused with 503. The
	// default is ten seconds.
	RetryAfter time.Duration

	// MaxInHand is how many requests may be with the handler at once; INVITEs
	// beyond it are refused with 503. The default is 20,000.
	MaxInHand int

	// MaxTransactions is how many server transactions may be remembered at once,
	// about 32 seconds' worth; requests beyond it are refused with 503. The
	// default is 500,000.
	MaxTransactions int

	// Logger receives what an operator may need, never what a message says. The
	// default discards it.
	Logger *slog.Logger
}

// Handler is given a request that is new: not a retransmission, not a CANCEL
// (which ends ctx instead), not the ACK of a refusal. An ACK of a 2xx is given
// like any other request; it cannot be answered.
//
// Each request has its handler running in a goroutine of its own, but requests
// of one call that belong to a dialog come one at a time, in order: the next
// comes when this one has been sent on by [Endpoint.Forward], has been answered
// finally, or when its handler has returned. A handler that returns without a
// final response answers 500, or 487 if the request was cancelled.
//
// ctx ends when the request is cancelled, when the handler returns, and when
// the endpoint closes; a handler must then return.
type Handler func(ctx context.Context, tx *ServerTx)

// socket is what is used of *net.UDPConn.
type socket interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (n int, err error)
	LocalAddr() net.Addr
	Close() error
}

// Endpoint is one SIP element on one UDP socket. All its methods may be called
// from many goroutines at once, Handle excepted.
type Endpoint struct {
	socket     socket
	sentBy     string
	timers     Timers
	grace      time.Duration
	retryAfter string
	maxInHand  int
	maxServers int
	logger     *slog.Logger
	handler    Handler
	seed       maphash.Seed
	order      order

	// refusalTag is the To tag of everything answered without a transaction, by
	// which the ACK of such a refusal is known and dropped.
	refusalTag string

	// mu guards what follows. It is never held while calling out, and no other
	// lock is taken under it; it is itself taken under that of a transaction.
	mu       sync.Mutex
	phase    phase
	servers  map[serverKey]*ServerTx
	clients  map[clientKey]*ClientTx
	accepted map[ackKey]*acceptance
	inHand   int
	idle     chan struct{} // closed when nothing is in hand any more; a new one when closing
	base     context.Context
	stop     context.CancelCauseFunc
}

// phase is how far an endpoint has come; it only goes forward.
type phase int

const (
	opened   phase = iota
	running        // Run has been called
	draining       // new calls are refused
	closing        // nothing begins any more
)

// Open opens the socket and starts nothing; the caller runs [Endpoint.Run], or
// closes the endpoint with [Endpoint.Close].
func Open(c Config) (*Endpoint, error) {
	conn := c.Conn
	if conn == nil {
		addr, err := net.ResolveUDPAddr("udp", c.Addr)
		if err != nil {
			return nil, fmt.Errorf("reading SIP address %s: %w", c.Addr, err)
		}
		if conn, err = net.ListenUDP("udp", addr); err != nil {
			return nil, fmt.Errorf("listening for SIP: %w", err)
		}
	}
	logger := c.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = logger
	if err := conn.SetReadBuffer(readBuffer); err != nil {
		logger.Warn("SIP socket keeps its small read buffer", "addr", conn.LocalAddr().String(), "error", err)
	}
	e, err := newEndpoint(c, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return e, nil
}

func newEndpoint(c Config, s socket) (*Endpoint, error) {
	e := &Endpoint{
		socket:     s,
		sentBy:     strings.ToLower(c.SentBy),
		timers:     c.Timers.withDefaults(),
		grace:      orDefault(c.Grace, 5*time.Second),
		retryAfter: seconds(orDefault(c.RetryAfter, 10*time.Second)),
		maxInHand:  orDefault(c.MaxInHand, 20_000),
		maxServers: orDefault(c.MaxTransactions, 500_000),
		logger:     c.Logger,
		handler:    notImplemented,
		seed:       maphash.MakeSeed(),
		refusalTag: random(),
		servers:    make(map[serverKey]*ServerTx),
		clients:    make(map[clientKey]*ClientTx),
		accepted:   make(map[ackKey]*acceptance),
		idle:       make(chan struct{}),
	}
	e.base, e.stop = context.WithCancelCause(context.Background())
	if e.sentBy == "" {
		local := e.Addr()
		if local.Addr().IsUnspecified() {
			return nil, fmt.Errorf("SIP on %s: SentBy must say how others reach it", local)
		}
		e.sentBy = local.String()
	}
	if !validHostPort(e.sentBy) {
		return nil, fmt.Errorf("SIP: %q is not a host and port", e.sentBy)
	}
	return e, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

func notImplemented(_ context.Context, tx *ServerTx) { tx.Reply(501, "") }

// Handle sets the handler; before [Endpoint.Run]. Without one, every request is
// answered 501.
func (e *Endpoint) Handle(h Handler) { e.handler = h }

// Addr returns the address of the socket.
func (e *Endpoint) Addr() netip.AddrPort {
	a, err := netip.ParseAddrPort(e.socket.LocalAddr().String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// SentBy returns the host and port that stand in our Via and belong into our
// Record-Route and Contact URIs.
func (e *Endpoint) SentBy() string { return e.sentBy }

// Run serves until ctx is done. Then it refuses new calls with 503 and
// Retry-After, finishes the requests in hand within the grace period, ends the
// contexts of those that are left, waits for their handlers, and returns nil. It
// returns an error only if the socket breaks. It can be called once.
func (e *Endpoint) Run(ctx context.Context) error {
	if !e.advance(running) {
		return errors.New("sipcore: Run called twice, or after Close")
	}
	reader := make(chan error, 1)
	go func() { reader <- e.read() }()

	var broken error
	read := false
	select {
	case <-ctx.Done():
		e.advance(draining)
		grace := time.NewTimer(e.grace)
		select {
		case <-e.idle:
		case <-grace.C:
			e.logger.Warn("SIP requests still in hand after the grace period")
		case broken = <-reader:
			read = true
		}
		grace.Stop()
	case broken = <-reader:
		read = true
	}

	e.end()
	e.socket.Close()
	if !read {
		<-reader
	}
	return broken
}

// Close closes an endpoint that was never run; Run closes its own.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	ran := e.phase != opened
	e.phase = closing
	e.mu.Unlock()
	if ran {
		return errors.New("sipcore: Close of an endpoint that runs")
	}
	e.stop(ErrClosed)
	return e.socket.Close()
}

// advance moves on to phase p and reports whether the endpoint was not there
// yet.
func (e *Endpoint) advance(p phase) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.phase >= p {
		return false
	}
	e.phase = p
	if p == closing {
		// Calls that were up may have sent something since the first was closed.
		e.idle = make(chan struct{})
	}
	e.checkIdle()
	return true
}

// end stops everything that is under way: contexts, client transactions, timers.
func (e *Endpoint) end() {
	for _, tx := range e.clientTxs() {
		tx.Cancel() // nobody's phone rings on because we ended
	}
	e.advance(closing)
	e.stop(ErrClosed)
	for _, tx := range e.clientTxs() {
		tx.fail(ErrClosed)
	}
	// Handlers answer what they still have; only then do server transactions go.
	<-e.idle
	e.mu.Lock()
	servers := slices.Collect(maps.Values(e.servers))
	e.mu.Unlock()
	for _, tx := range servers {
		tx.terminate()
	}
}

func (e *Endpoint) clientTxs() []*ClientTx {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.clients))
}

// checkIdle is called with mu held, whenever phase or inHand has changed.
func (e *Endpoint) checkIdle() {
	if e.phase >= draining && e.inHand == 0 {
		select {
		case <-e.idle:
		default:
			close(e.idle)
		}
	}
}

// read reads datagrams until the socket is closed. Everything that decides the
// order of messages happens here, in the one goroutine that sees them arrive.
func (e *Endpoint) read() error {
	b := make([]byte, maxMessage)
	for failures := 0; ; {
		n, src, err := e.socket.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failures = 0
			e.receive(b[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()))
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			// A single failure is about one datagram, not about the socket.
			if failures++; failures == readFailures {
				return fmt.Errorf("reading SIP from %s: %w", e.socket.LocalAddr(), err)
			}
		}
	}
}

// write sends one datagram.
func (e *Endpoint) write(b []byte, to netip.AddrPort) error {
	if len(b) > maxDatagram {
		return ErrTooLarge
	}
	_, err := e.socket.WriteToUDPAddrPort(b, to)
	return err
}
