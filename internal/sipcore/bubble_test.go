package sipcore

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	here   = netip.MustParseAddrPort("192.0.2.1:5060")
	caller = netip.MustParseAddrPort("192.0.2.10:5060")
	callee = netip.MustParseAddrPort("192.0.2.20:5060")
)

// wire is a socket without a network: a test says what arrives, and reads what
// was sent and when.
type wire struct {
	arriving chan datagram
	begun    time.Time

	mu          sync.Mutex
	sent        []datagram
	unreachable netip.AddrPort // sending there fails
	closed      chan struct{}
}

type datagram struct {
	peer netip.AddrPort
	text string
	at   time.Duration // since the test began
}

func (d datagram) parse(t *testing.T) *Message {
	t.Helper()
	m, err := parseWire([]byte(d.text))
	if err != nil {
		t.Fatalf("the endpoint sent what it would refuse: %v\n%s", err, d.text)
	}
	return m
}

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-w.arriving:
		return copy(b, d.text), d.peer, nil
	case <-w.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if to == w.unreachable {
		return 0, errBroken
	}
	w.sent = append(w.sent, datagram{to, string(b), time.Since(w.begun)})
	return len(b), nil
}

func (w *wire) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(here) }

func (w *wire) Close() error {
	close(w.closed)
	return nil
}

// bubble is an endpoint in a bubble of virtual time.
type bubble struct {
	*testing.T
	*wire
	e    *Endpoint
	stop context.CancelFunc
	ran  chan error
}

// inBubble runs a test against an endpoint with this handler. When the test
// returns the endpoint is ended, and the bubble waits for every goroutine.
func inBubble(t *testing.T, c Config, h Handler, test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{arriving: make(chan datagram), begun: time.Now(), closed: make(chan struct{})}
		c.Logger = slog.New(slog.DiscardHandler)
		e, err := newEndpoint(c, w)
		if err != nil {
			t.Fatal(err)
		}
		if h != nil {
			e.Handle(h)
		}
		ctx, stop := context.WithCancel(t.Context())
		b := &bubble{T: t, wire: w, e: e, stop: stop, ran: make(chan error, 1)}
		go func() { b.ran <- e.Run(ctx) }()
		defer func() {
			stop()
			if err := <-b.ran; err != nil {
				t.Errorf("Run() = %v, want nil", err)
			}
		}()
		synctest.Wait()
		test(b)
	})
}

// deliver lets a datagram arrive and waits until all that follows from it at once
// has happened. It returns what was sent meanwhile.
func (b *bubble) deliver(from netip.AddrPort, text string) []datagram {
	b.Helper()
	b.arriving <- datagram{peer: from, text: crlf(text)}
	synctest.Wait()
	return b.take()
}

// pass lets virtual time pass and returns what was sent meanwhile.
func (b *bubble) pass(d time.Duration) []datagram {
	time.Sleep(d)
	synctest.Wait()
	return b.take()
}

func (b *bubble) take() []datagram {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := b.sent
	b.sent = nil
	return sent
}

// one is the message of the only datagram in sent.
func (b *bubble) one(sent []datagram) *Message {
	b.Helper()
	if len(sent) != 1 {
		b.Fatalf("%d datagrams were sent, want 1: %s", len(sent), starts(sent))
	}
	return sent[0].parse(b.T)
}

// starts shows the start lines of what was sent, with the time.
func starts(sent []datagram) string {
	var lines []string
	for _, d := range sent {
		line, _, _ := strings.Cut(d.text, "\r\n")
		lines = append(lines, fmt.Sprintf("%v to %v: %s", d.at, d.peer, line))
	}
	return "[" + strings.Join(lines, "; ") + "]"
}

// times are when the datagrams with this start were sent.
func times(sent []datagram, start string) []time.Duration {
	var at []time.Duration
	for _, d := range sent {
		if strings.HasPrefix(d.text, start) {
			at = append(at, d.at)
		}
	}
	return at
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// request is the text of a request of the caller; more are header lines.
func request(method, branch string, more ...string) string {
	lines := append([]string{
		method + " sip:+12155551212@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK" + branch,
		"From: <sip:+12155551213@example.com>;tag=caller",
		"To: <sip:+12155551212@example.com>",
		"Call-ID: call-1@192.0.2.10",
		"CSeq: 1 " + method,
		"Max-Forwards: 70",
		"Content-Length: 0",
	}, more...)
	return strings.Join(lines, "\n") + "\n\n"
}

// inDialog gives a request a To tag.
func inDialog(text string) string {
	return strings.Replace(text, "To: <sip:+12155551212@example.com>", "To: <sip:+12155551212@example.com>;tag=callee", 1)
}

// answer is the text of a response to a request, with the To tag of the callee.
func answer(req *Message, status int, more ...Field) string {
	r := NewResponse(req, status, "")
	if status > 100 {
		r.tagTo("callee")
	}
	for _, f := range more {
		r.Add(f.Name, f.Value)
	}
	return string(r.Bytes())
}

// forwarding is a handler that sends everything to the callee.
func forwarding(e **Endpoint, result *chan error) Handler {
	return func(ctx context.Context, tx *ServerTx) {
		next := callee
		if tx.Request().Source() == callee {
			next = caller
		}
		_, err := (*e).Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: next})
		*result <- err
	}
}
