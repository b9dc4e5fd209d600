package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"countersign.example/sipidentity"
)

// Config is what [New] needs to know. Trunk, Phone, Key and one of Listen and Conn are
// required.
type Config struct {
	// Listen is the address of our socket, "192.0.2.1:5060". Port 0 lets the system
	// choose.
	Listen string
	// Conn is a socket to use instead of opening one at Listen. The gateway owns it.
	Conn *net.UDPConn
	// SentBy is the host and port that both sides reach us at. The default is the
	// address of the socket.
	SentBy string

	// Trunk is where calls that leave are sent.
	Trunk netip.AddrPort
	// Phone is where calls that come in are sent. What comes from exactly this address
	// is taken to come from the phone side, and everything else from the trunk side.
	Phone netip.AddrPort
	// Screen is where screened calls are sent. Without it no call can be screened.
	Screen netip.AddrPort

	// Key signs our Record-Route, at least 16 bytes. With the same key after a restart,
	// or on a second node, the calls in progress are routed on.
	Key []byte

	// Numbering says which user parts are telephone numbers, and how they become
	// international.
	Numbering sipidentity.Numbering
	// Emergency are the numbers of emergency services. Nil means [EmergencyNumbers].
	Emergency []string
	// ASCII keeps what the phone is shown to ASCII.
	ASCII bool
	// AlertInfo is the Alert-Info header field towards the phone, for a distinctive
	// ring, by standing. If it is not nil, what the caller sends of it is removed.
	AlertInfo map[call.Standing]string

	// Timers are those of SIP, and Grace is how long requests in hand may take when Run
	// ends; the zero values are sipcore's defaults.
	Timers sipcore.Timers
	Grace  time.Duration

	// Now tells the time at which calls arrive. The default is [time.Now].
	Now func() time.Time
	// Logger receives a line for each call. The default discards it.
	Logger *slog.Logger
}

// A Flow is the path of a call: it judges, decides and records.
type Flow interface {
	// Handle takes a call to its end, and has the gateway act on it, by [Gateway.Act] of
	// the call's ID, before it returns: at least once, unless ctx is done first, which
	// means that the caller has hung up. A call that was not acted on is connected. An
	// error is a fault of our own that was dealt with.
	Handle(ctx context.Context, c *call.Call) (call.Record, error)
}

// Gateway is one SIP gateway. Make it with [New]. Its methods may be called from many
// goroutines at once, except Use.
type Gateway struct {
	endpoint             *sipcore.Endpoint
	trunk, phone, screen netip.AddrPort
	seals                *seals
	numbering            sipidentity.Numbering
	emergency            []string
	ascii                bool
	alertInfo            map[call.Standing]string
	now                  func() time.Time
	logger               *slog.Logger

	inbound, outbound Flow
	// sessions holds a *session for each call that a flow has in hand, by ID.
	sessions sync.Map
}

// New opens the socket and starts nothing. Errors are about the configuration, or say
// why the socket cannot be had.
func New(c Config) (*Gateway, error) {
	if !usable(c.Trunk) || !usable(c.Phone) {
		return nil, errors.New("setting up the gateway: the trunk side and the phone side need an address and port each")
	}
	if c.Trunk == c.Phone {
		return nil, errors.New("setting up the gateway: the trunk side and the phone side are the same address, so no call has a direction")
	}
	seals, err := newSeals(c.Key)
	if err != nil {
		return nil, fmt.Errorf("setting up the gateway: %w", err)
	}
	g := &Gateway{
		trunk: unmapped(c.Trunk), phone: unmapped(c.Phone), screen: unmapped(c.Screen),
		seals:     seals,
		numbering: c.Numbering,
		emergency: c.Emergency,
		ascii:     c.ASCII,
		alertInfo: c.AlertInfo,
		now:       c.Now,
		logger:    c.Logger,
	}
	if g.emergency == nil {
		g.emergency = EmergencyNumbers()
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.logger == nil {
		g.logger = slog.New(slog.DiscardHandler)
	}
	g.endpoint, err = sipcore.Open(sipcore.Config{
		Addr: c.Listen, Conn: c.Conn, SentBy: c.SentBy, Timers: c.Timers, Grace: c.Grace, Logger: g.logger,
	})
	if err != nil {
		return nil, err
	}
	g.endpoint.Handle(g.serve)
	return g, nil
}

func usable(a netip.AddrPort) bool { return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified() }

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Use says who judges the calls that come in and those that leave; before Run.
func (g *Gateway) Use(inbound, outbound Flow) { g.inbound, g.outbound = inbound, outbound }

// Addr returns the address of our socket.
func (g *Gateway) Addr() netip.AddrPort { return g.endpoint.Addr() }

// Run serves until ctx is done. Then new calls are refused with 503 and Retry-After,
// those in hand are finished within the grace period, and it returns nil. It returns an
// error only if the socket breaks. It can be called once.
func (g *Gateway) Run(ctx context.Context) error {
	if g.inbound == nil || g.outbound == nil {
		return errors.New("gateway: Run before Use")
	}
	return g.endpoint.Run(ctx)
}

// Close closes a gateway that was never run.
func (g *Gateway) Close() error { return g.endpoint.Close() }

// allowed are the methods that begin something here; within a dialog any other is
// forwarded too.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS"

// known are methods that are refused outside a dialog because we are not the server for
// them, rather than because we have never heard of them.
var known = []string{"REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REFER", "INFO", "UPDATE", "PRACK"}

// serve is the handler of all requests.
func (g *Gateway) serve(ctx context.Context, tx *sipcore.ServerTx) {
	req := tx.Request()
	switch method := req.Method(); {
	case req.InDialog():
		g.within(ctx, tx)
	case method == sipcore.MethodInvite:
		g.invite(ctx, tx)
	case method == sipcore.MethodAck:
		// It acknowledges nothing of ours, and cannot be answered.
	case method == "OPTIONS":
		tx.Reply(200, "", sipcore.Field{Name: "Allow", Value: allowed}, sipcore.Field{Name: "Accept", Value: "application/sdp"})
	case method == sipcore.MethodBye:
		tx.Reply(481, "")
	case slices.Contains(known, method):
		tx.Reply(405, "", sipcore.Field{Name: "Allow", Value: allowed})
	default:
		tx.Reply(501, "", sipcore.Field{Name: "Allow", Value: allowed})
	}
}

// refused answers a new call that cannot be forwarded at all (RFC 3261 section 16.3).
func refused(tx *sipcore.ServerTx, req *sipcore.Message) bool {
	if n, ok := req.MaxForwards(); ok && n == 0 {
		tx.Reply(483, "")
		return true
	}
	if options := req.List("Proxy-Require"); len(options) > 0 {
		fields := make([]sipcore.Field, len(options))
		for i, o := range options {
			fields[i] = sipcore.Field{Name: "Unsupported", Value: o}
		}
		tx.Reply(420, "", fields...)
		return true
	}
	switch u, err := sipcore.ParseURI(req.RequestURI()); {
	case err != nil:
		tx.Reply(400, "")
	case u.Scheme() != "sip" && u.Scheme() != "tel" && u.Scheme() != "urn":
		tx.Reply(416, "") // sips too: there is no TLS here
	default:
		return false
	}
	return true
}
