package sipcore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
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

	// Listen are further addresses, of any transport. If there are some, Addr may
	// be empty. The first address of all is that of [Endpoint.Addr] and
	// [Endpoint.SentBy].
	Listen []Listen

	// TLS is how other servers are judged that we connect to, and what we show
	// them. ServerName is set for each. The zero value trusts the system's roots.
	TLS *tls.Config

	// Connections bounds what connections may cost.
	Connections Connections

	// SwitchAbove is the size in bytes above which a request to a UDP address is
	// tried over TCP first, at the same address and port (RFC 3261 section
	// 18.1.1); who takes no connection gets it over UDP, and is remembered for ten
	// minutes. Zero means 1,300 if we listen on TCP ourselves, and never if we do
	// not; negative is never.
	SwitchAbove int

	// FailoverAfter is how long a target may leave a request without any response
	// before the next target of its hop is tried: 4 s.
	FailoverAfter time.Duration

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

// Endpoint is one SIP element on any number of sockets. All its methods may be called
// from many goroutines at once, Handle excepted.
type Endpoint struct {
	doors      []*door // at least one; the first is the one that has no other name
	conns      *connTable
	failover   time.Duration
	largest    int // a request to UDP, before TCP is tried; 0 for any
	timers     Timers
	grace      time.Duration
	retryAfter string
	maxInHand  int
	maxServers int
	logger     *slog.Logger
	handler    Handler
	seed       maphash.Seed
	order      order

	// arrival is held while a message that came in is matched and what follows from
	// it at once is done, so that sockets and connections take turns.
	arrival sync.Mutex

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

// Open opens the sockets and starts nothing; the caller runs [Endpoint.Run], or
// closes the endpoint with [Endpoint.Close].
func Open(c Config) (*Endpoint, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	listen := c.Listen
	if c.Addr != "" || c.Conn != nil || len(listen) == 0 {
		first := Listen{Addr: c.Addr, Conn: c.Conn, SentBy: c.SentBy}
		listen = append([]Listen{first}, listen...)
	}
	var doors []*door
	for _, l := range listen {
		d, err := openDoor(l, c.Logger)
		if err != nil {
			for _, d := range doors {
				d.close()
			}
			return nil, err
		}
		doors = append(doors, d)
	}
	return newEndpointAt(c, doors), nil
}

// newEndpoint is an endpoint with one UDP socket.
func newEndpoint(c Config, s socket) (*Endpoint, error) {
	d, err := newDoor(Listen{SentBy: c.SentBy}, s, s.LocalAddr())
	if err != nil {
		return nil, err
	}
	return newEndpointAt(c, []*door{d}), nil
}

func newEndpointAt(c Config, doors []*door) *Endpoint {
	e := &Endpoint{
		doors:      doors,
		timers:     c.Timers.withDefaults(),
		failover:   orDefault(c.FailoverAfter, 4*time.Second),
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
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	e.conns = newConnTable(e, c)
	e.base, e.stop = context.WithCancelCause(context.Background())
	if e.largest = max(c.SwitchAbove, 0); c.SwitchAbove == 0 && e.Listens(TCP) {
		e.largest = switchAbove
	}
	return e
}

// switchAbove is RFC 3261 section 18.1.1, for a path whose MTU nobody knows.
const switchAbove = 1300

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

// Addr returns the address of the first socket.
func (e *Endpoint) Addr() netip.AddrPort { return e.doors[0].addr }

// SentBy returns the host and port that stand in our Via at the first socket, and
// belong into our Record-Route and Contact URIs.
func (e *Endpoint) SentBy() string { return e.doors[0].sentBy }

// Run serves until ctx is done. Then it refuses new calls with 503 and
// Retry-After, finishes the requests in hand within the grace period, ends the
// contexts of those that are left, waits for their handlers, and returns nil. It
// returns an error only if a socket breaks. It can be called once.
func (e *Endpoint) Run(ctx context.Context) error {
	if !e.advance(running) {
		return errors.New("sipcore: Run called twice, or after Close")
	}
	reader := make(chan error, len(e.doors))
	for _, d := range e.doors {
		go func() { reader <- e.serveDoor(d) }()
	}

	var broken error
	left := len(e.doors)
	select {
	case <-ctx.Done():
		e.advance(draining)
		grace := time.NewTimer(e.grace)
		select {
		case <-e.idle:
		case <-grace.C:
			e.logger.Warn("SIP requests still in hand after the grace period")
		case broken = <-reader:
			left--
		}
		grace.Stop()
	case broken = <-reader:
		left--
	}

	e.end()
	for _, d := range e.doors {
		d.close()
	}
	for range left {
		<-reader
	}
	e.conns.close()
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
	for _, d := range e.doors {
		d.close()
	}
	e.conns.close()
	return nil
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
// order of messages happens here, in the goroutine that sees them arrive.
func (e *Endpoint) read(d *door) error {
	b := make([]byte, maxMessage)
	for failures := 0; ; {
		n, src, err := d.socket.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failures = 0
			e.receive(b[:n], path{Target: udp(netip.AddrPortFrom(src.Addr().Unmap(), src.Port())), door: d})
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			// A single failure is about one datagram, not about the socket.
			if failures++; failures == readFailures {
				return fmt.Errorf("reading SIP from %s: %w", d.socket.LocalAddr(), err)
			}
		}
	}
}
