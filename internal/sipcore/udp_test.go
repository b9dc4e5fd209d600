package sipcore

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// phone is a socket on the loopback interface that sends and reads raw datagrams,
// as a load generator does.
type phone struct {
	*testing.T
	conn *net.UDPConn
}

func newPhone(t *testing.T, host string) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadBuffer(readBuffer)
	t.Cleanup(func() { conn.Close() })
	return &phone{t, conn}
}

func (p *phone) addr() netip.AddrPort {
	return p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (p *phone) send(to netip.AddrPort, text string) {
	p.Helper()
	if _, err := p.conn.WriteToUDPAddrPort([]byte(crlf(text)), to); err != nil {
		p.Fatal(err)
	}
}

// receive waits for the next datagram. The deadline only keeps a test that has
// failed from hanging.
func (p *phone) receive() *Message {
	p.Helper()
	b := make([]byte, maxMessage)
	p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, from, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		p.Fatalf("waiting for a datagram: %v", err)
	}
	m, err := parseWire(b[:n])
	if err != nil {
		p.Fatalf("received what cannot be parsed: %v", err)
	}
	m.source = from
	return m
}

// status waits for a response with this status, and fails at any other final one.
func (p *phone) status(want int) *Message {
	p.Helper()
	for {
		m := p.receive()
		switch {
		case m.Status() == want:
			return m
		case m.Status() != 100:
			p.Fatalf("received %v, want %d", m, want)
		}
	}
}

// request is a request of this phone to another.
func (p *phone) request(method, call, branch string, to netip.AddrPort, more ...string) string {
	toTag := ""
	if method == MethodAck || method == MethodBye {
		toTag = ";tag=callee"
	}
	lines := append([]string{
		fmt.Sprintf("%s sip:+12155551212@%s SIP/2.0", method, to),
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s", p.addr(), branch),
		"From: <sip:+12155551213@example.com>;tag=caller",
		"To: <sip:+12155551212@example.com>" + toTag,
		"Call-ID: " + call,
		"CSeq: 1 " + method,
		"Max-Forwards: 70",
	}, more...)
	return strings.Join(lines, "\n") + "\nContent-Length: 0\n\n"
}

// runEndpoint opens an endpoint on the loopback interface and runs it until the
// test is over.
func runEndpoint(t *testing.T, c Config, handler func(e *Endpoint) Handler) *Endpoint {
	t.Helper()
	if c.Addr == "" && len(c.Listen) == 0 {
		c.Addr = "127.0.0.1:0"
	}
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if handler != nil {
		e.Handle(handler(e))
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	})
	return e
}

// runProxy runs an endpoint that forwards everything from anybody else to the
// callee, and what comes from the callee to the caller.
func runProxy(t *testing.T, caller, callee *phone, c Config) *Endpoint {
	return runEndpoint(t, c, func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			next := callee.addr()
			if tx.Request().Source() == next {
				next = caller.addr()
			}
			e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: next})
		}
	})
}
