package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
)

// patience is how long a test waits for what must come; it is never waited for in vain
// by a test that passes.
const patience = 20 * time.Second

// peer is a user agent of the test's own on a real socket: it does nothing by itself.
type peer struct {
	t        *testing.T
	name     string
	conn     *net.UDPConn
	gateway  netip.AddrPort
	received chan *sipcore.Message
	seen     map[string]bool
}

func newPeer(t *testing.T, name string) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, name: name, conn: conn, received: make(chan *sipcore.Message, 256), seen: make(map[string]bool)}
	var reading sync.WaitGroup
	reading.Go(p.read)
	t.Cleanup(func() { conn.Close(); reading.Wait() })
	return p
}

// read passes on what arrives, retransmissions left out.
func (p *peer) read() {
	b := make([]byte, 65536)
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return
		}
		if p.seen[string(b[:n])] {
			continue
		}
		p.seen[string(b[:n])] = true
		if m, err := sipcore.ParseMessage(b[:n]); err == nil {
			p.received <- m
		} else {
			p.t.Errorf("%s received what is no SIP message: %v", p.name, err)
		}
	}
}

func (p *peer) addr() netip.AddrPort {
	return p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (p *peer) send(m *sipcore.Message) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(m.Bytes(), p.gateway); err != nil {
		p.t.Fatal(err)
	}
}

// next returns the next message that is not a 100.
func (p *peer) next() *sipcore.Message {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case m := <-p.received:
			if m.Status() != 100 {
				return m
			}
		case <-late.C:
			p.t.Fatalf("%s received nothing", p.name)
		}
	}
}

// request returns the next message, which must be a request of that method.
func (p *peer) request(method string) *sipcore.Message {
	p.t.Helper()
	m := p.next()
	if !m.IsRequest() || m.Method() != method {
		p.t.Fatalf("%s received %v, want %s", p.name, m, method)
	}
	return m
}

// response returns the next message, which must be a response of that status.
func (p *peer) response(status int) *sipcore.Message {
	p.t.Helper()
	m := p.next()
	if m.Status() != status {
		p.t.Fatalf("%s received %v, want %d", p.name, m, status)
	}
	return m
}

// idle fails the test if anything is waiting. What could have been sent has been: the
// test has seen something that came later.
func (p *peer) idle() {
	p.t.Helper()
	for {
		select {
		case m := <-p.received:
			if m.Status() != 100 {
				p.t.Errorf("%s received %v, want nothing", p.name, m)
			}
		default:
			return
		}
	}
}

// via puts the peer's Via on a request.
func (p *peer) via(m *sipcore.Message, branch string) *sipcore.Message {
	m.Prepend("Via", "SIP/2.0/UDP "+p.addr().String()+";branch=z9hG4bK"+branch)
	return m
}

// answer returns a response as a user agent makes it.
func (p *peer) answer(req *sipcore.Message, status int) *sipcore.Message {
	r := sipcore.NewResponse(req, status, "")
	if req.ToTag() == "" {
		r.Set("To", req.Get("To")+";tag=callee-"+p.name)
	}
	r.Set("Contact", "<sip:"+p.name+"@"+p.addr().String()+">")
	return r
}

// invite is a call to or from the number of an office. Fields are added, or replace
// those of their name.
func (p *peer) invite(callID string, fields ...string) *sipcore.Message {
	m := sipcore.NewRequest("INVITE", "sip:+12025550142@"+p.gateway.String()+";user=phone")
	m.Add("From", `Caller of his own <sip:+12025550101@carrier.example;user=phone>;tag=caller-`+callID)
	m.Add("To", "<sip:+12025550142@office.example;user=phone>")
	m.Add("Call-ID", callID)
	m.Add("CSeq", "1 INVITE")
	m.Add("Contact", "<sip:"+p.name+"@"+p.addr().String()+">")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Identity" || name == "y" {
			m.Add(name, value)
		} else {
			m.Set(name, value)
		}
	}
	m.SetBody("application/sdp", []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"))
	return p.via(m, callID)
}

// flow is what the test lets decide.
type flow func(ctx context.Context, c *call.Call) (call.Record, error)

func (f flow) Handle(ctx context.Context, c *call.Call) (call.Record, error) { return f(ctx, c) }

// network is a gateway with a trunk peer and a phone peer.
type network struct {
	t            *testing.T
	trunk, phone *peer
	gateway      *gateway.Gateway
	config       gateway.Config
	log          *logged
	stop         func()

	// mu guards decided and handle: what the flows decide of every call, unless there is
	// a handle.
	mu      sync.Mutex
	decided call.Record
	handle  flow
	// judged receives every call.
	judged chan *call.Call
}

// logged is what was logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newNetwork(t *testing.T, change func(*gateway.Config)) *network {
	t.Helper()
	n := &network{
		t: t, trunk: newPeer(t, "trunk"), phone: newPeer(t, "phone"), log: new(logged),
		judged: make(chan *call.Call, 64),
	}
	n.decide(call.Record{Action: call.Action{Kind: call.Connect}, Verdict: call.Verdict{Standing: call.Unverified}})
	n.config = gateway.Config{
		Listen: "127.0.0.1:0", Trunk: n.trunk.addr(), Phone: n.phone.addr(), Key: []byte("a key of sixteen bytes and more"),
		Logger: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Grace:  time.Millisecond,
	}
	if change != nil {
		change(&n.config)
	}
	n.start()
	t.Cleanup(func() { n.stop() })
	return n
}

// start runs a gateway, on the address of the one before if there was one.
func (n *network) start() {
	n.t.Helper()
	g, err := gateway.New(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	n.gateway = g
	n.config.Listen = g.Addr().String()
	n.trunk.gateway, n.phone.gateway = g.Addr(), g.Addr()
	handle := flow(func(ctx context.Context, c *call.Call) (call.Record, error) {
		n.judged <- c
		n.mu.Lock()
		handle, rec := n.handle, n.decided
		n.mu.Unlock()
		if handle != nil {
			return handle(ctx, c)
		}
		rec.Call, rec.State = *c, call.Settled
		return rec, g.Act(ctx, rec)
	})
	g.Use(handle, handle)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("Run() = %v", err)
		}
	})
}

// decide says what becomes of every call from now on.
func (n *network) decide(rec call.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.decided = rec
}

// handles lets a flow of the test's own decide.
func (n *network) handles(f flow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handle = f
}

// restart ends the gateway and starts another with the same configuration.
func (n *network) restart() {
	n.t.Helper()
	n.stop()
	n.start()
}

// dialogue is a call that is up: the messages that made it.
type dialogue struct {
	invite, arrived, answered, connected *sipcore.Message
	caller, callee                       *peer
	callerEnd, calleeEnd                 *sipcore.Dialog
}

// connect sets a call up, up to its ACK.
func (n *network) connect(caller, callee *peer, invite *sipcore.Message) *dialogue {
	n.t.Helper()
	d := &dialogue{invite: invite, caller: caller, callee: callee}
	caller.send(invite)
	d.arrived = callee.request("INVITE")
	callee.send(callee.answer(d.arrived, 180))
	caller.response(180)
	d.answered = callee.answer(d.arrived, 200)
	callee.send(d.answered)
	d.connected = caller.response(200)
	var err error
	if d.callerEnd, err = sipcore.DialogFromResponse(invite, d.connected); err != nil {
		n.t.Fatal(err)
	}
	if d.calleeEnd, err = sipcore.DialogFromRequest(d.arrived, d.answered); err != nil {
		n.t.Fatal(err)
	}
	ack := d.callerEnd.NewRequest("ACK")
	for len(invite.List("Record-Route")) > 0 && len(ack.List("Route")) > 1 {
		ack.PopRoute() // what the proxy on the way would have taken off
	}
	caller.send(caller.via(ack, "ack-"+invite.CallID()))
	callee.request("ACK")
	return d
}
