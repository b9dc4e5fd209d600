package sipcore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tcp is a request as it is over TCP.
func tcp(text string) string { return crlf(strings.ReplaceAll(text, "SIP/2.0/UDP", "SIP/2.0/TCP")) }

var theirs = Target{Transport: TCP, Addr: callee}

func TestAStreamIsCutIntoMessagesWhereverItBreaks(t *testing.T) {
	inBubble(t, Config{}, echo(nil), func(b *bubble) {
		p := b.connect(caller)
		one, two := tcp(request("OPTIONS", "a")), tcp(request("OPTIONS", "b"))
		for i := range one {
			p.write(one[i : i+1])
		}
		if m := p.message(); m.Status() != 200 {
			t.Errorf("a message in single bytes was answered %v", m)
		}
		p.write("\r\n" + two + strings.Replace(two, "bK", "bKx", 1))
		for range 2 {
			if m := p.message(); m.Status() != 200 {
				t.Errorf("two messages in one piece were answered %v", m)
			}
		}
	})
}

func TestAPingIsAnsweredWithAPong(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		p := b.connect(caller)
		p.write("\r\n\r\n")
		var pong [2]byte
		if _, err := p.Read(pong[:]); err != nil || string(pong[:]) != "\r\n" {
			t.Errorf("a ping was answered %q, %v", pong, err)
		}
	})
}

func TestAMessageWhoseEndCannotBeToldIsRefusedAndEndsItsConnection(t *testing.T) {
	text := tcp(request("OPTIONS", "a"))
	for _, c := range []struct {
		name, text string
		answered   bool
	}{
		{"no Content-Length", strings.Replace(text, "Content-Length: 0\r\n", "", 1), true},
		{"two lengths", strings.Replace(text, "Content-Length: 0", "Content-Length: 0\r\nl: 1", 1), true},
		{"a length that is none", strings.Replace(text, "Content-Length: 0", "Content-Length: x", 1), true},
		{"a message of a megabyte", strings.Replace(text, "Content-Length: 0", "Content-Length: 1000000", 1), true},
		{"a bare line feed", strings.Replace(text, "Max-Forwards: 70\r\n", "Max-Forwards: 70\n", 1), false},
		{"a header without end", "OPTIONS sip:a SIP/2.0\r\nX: " + strings.Repeat("x", maxMessage), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, Config{}, echo(nil), func(b *bubble) {
				p := b.connect(caller)
				go p.Write([]byte(c.text))
				if c.answered {
					if m := p.message(); m.Status() != 400 {
						t.Errorf("answered %v, want 400", m)
					}
				}
				p.ended()
			})
		})
	}
}

func TestSlowAndIdleConnectionsAreClosed(t *testing.T) {
	limits := Connections{First: 3 * time.Second, Message: 5 * time.Second, Idle: time.Minute}
	text := tcp(request("OPTIONS", "a"))
	for _, c := range []struct {
		name string
		play func(p *remote)
		want time.Duration
	}{
		{"says nothing", func(*remote) {}, 3 * time.Second},
		{"pings, but says nothing", func(p *remote) { time.Sleep(2 * time.Second); p.write("\r\n\r\n") }, 3 * time.Second},
		{"begins a message", func(p *remote) { time.Sleep(2 * time.Second); p.write("OPT") }, 7 * time.Second},
		{"sends a byte a second", func(p *remote) {
			for i := 0; ; i++ {
				if _, err := p.Write([]byte(text[i : i+1])); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, 5 * time.Second},
		{"is idle after a message", func(p *remote) { p.write(text) }, time.Minute},
		{"pings after a message", func(p *remote) { p.write(text); time.Sleep(30 * time.Second); p.write("\r\n\r\n") }, 90 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, Config{Connections: limits}, echo(nil), func(b *bubble) {
				p := b.connect(caller)
				var player sync.WaitGroup
				player.Go(func() { c.play(p) })
				p.ended()
				if got := time.Since(b.begun); got != c.want {
					t.Errorf("closed after %v, want %v", got, c.want)
				}
				player.Wait()
			})
		})
	}
}

func TestAPeerThatDoesNotReadIsGivenUpAndKeepsNobodyWaiting(t *testing.T) {
	limits := Connections{Queue: 64 << 10, Write: time.Hour, First: time.Hour, Message: time.Hour}
	big := strings.Repeat("x", 8<<10)
	handler := func(_ context.Context, tx *ServerTx) { tx.Reply(200, "", Field{"X-Big", big}) }
	inBubble(t, Config{Connections: limits}, handler, func(b *bubble) {
		deaf, good := b.connect(caller), b.connect(callee)
		for i := range 100 {
			if _, err := deaf.Write([]byte(tcp(request("OPTIONS", fmt.Sprint("deaf", i))))); err != nil {
				break
			}
			good.write(tcp(request("OPTIONS", fmt.Sprint("good", i))))
			if m := good.message(); m.Status() != 200 {
				t.Fatalf("the other was answered %v", m)
			}
		}
		b.settled()
		if _, err := deaf.Write([]byte("x")); err == nil {
			t.Error("the one that does not read is still connected")
		}
		if took := time.Since(b.begun); took != 0 {
			t.Errorf("it took %v, want no waiting", took)
		}
	})
}

func TestAWriteThatTakesTooLongEndsTheConnection(t *testing.T) {
	limits := Connections{Write: 4 * time.Second, First: time.Hour, Idle: time.Hour}
	inBubble(t, Config{Connections: limits}, echo(nil), func(b *bubble) {
		p := b.connect(caller)
		p.write(tcp(request("OPTIONS", "a")))
		b.pass(4 * time.Second)
		if _, err := p.Write([]byte("x")); err == nil {
			t.Error("the connection is still there")
		}
	})
}

func TestConnectionsAreBoundedInAllAndPerSource(t *testing.T) {
	inBubble(t, Config{Connections: Connections{Max: 3, MaxPerSource: 2}}, echo(nil), func(b *bubble) {
		other := netip.MustParseAddrPort("192.0.2.30:1000")
		var open []*remote
		for i, c := range []struct {
			from netip.AddrPort
			want bool
		}{{caller, true}, {netip.AddrPortFrom(caller.Addr(), 9), true}, {netip.AddrPortFrom(caller.Addr(), 10), false}, {callee, true}, {other, false}} {
			p := b.connect(c.from)
			b.settled()
			_, err := p.Write([]byte("\r\n"))
			if (err == nil) != c.want {
				t.Errorf("connection %d from %v was taken: %v, want %v", i, c.from, err == nil, c.want)
			}
			open = append(open, p)
		}
		open[0].Close()
		b.settled()
		if _, err := b.connect(other).Write([]byte("\r\n")); err != nil {
			t.Error("a place that became free was not given again")
		}
	})
}

func TestNothingIsSentTwiceOverAConnection(t *testing.T) {
	handler := func(_ context.Context, tx *ServerTx) { tx.Reply(486, "") }
	inBubble(t, Config{Connections: Connections{First: time.Hour, Idle: time.Hour}}, handler, func(b *bubble) {
		dialed := b.dials()
		tx, err := b.e.SendTo(newCall(MethodInvite), theirs)
		if err != nil {
			t.Fatal(err)
		}
		p := <-dialed
		if m := p.message(); !strings.HasPrefix(m.Get("Via"), "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK") {
			t.Errorf("Via = %q", m.Get("Via"))
		}
		if _, err := tx.Next(b.Context()); !errors.Is(err, ErrTimeout) || time.Since(b.begun) != 32*time.Second {
			t.Errorf("Next() = %v after %v, want ErrTimeout after Timer B", err, time.Since(b.begun))
		}
		up := b.connect(caller)
		up.write(tcp(request(MethodInvite, "a")))
		if m := up.message(); m.Status() != 486 {
			t.Fatalf("answered %v", m)
		}
		b.pass(31 * time.Second)
		if b.e.Load().Transactions != 1 {
			t.Error("the transaction did not wait for its ACK (Timer H)")
		}
		b.pass(time.Second)
		b.settled()
		if b.e.Load().Transactions != 0 {
			t.Error("the transaction outlived Timer H")
		}
		// Nobody reads either connection: what was sent again would still be queued.
		b.e.conns.mu.Lock()
		defer b.e.conns.mu.Unlock()
		for c := range b.e.conns.all {
			if len(c.out) != 0 {
				t.Errorf("to %v was sent again: %q", c.target, c.out)
			}
		}
	})
}

func TestTransactionsOverAConnectionEndAtOnce(t *testing.T) {
	inBubble(t, Config{}, echo(nil), func(b *bubble) {
		dialed := b.dials()
		tx, err := b.e.SendTo(newCall(MethodInvite), theirs)
		if err != nil {
			t.Fatal(err)
		}
		p := <-dialed
		p.write(answer(p.message(), 486))
		if m := p.message(); m.Method() != MethodAck {
			t.Errorf("sent %v, want the ACK", m)
		}
		<-tx.Done() // Timer D
		other, err := b.e.SendTo(newCall("OPTIONS"), theirs)
		if err != nil {
			t.Fatal(err)
		}
		p.write(answer(p.message(), 200))
		<-other.Done() // Timer K; and the connection was used again
		up := b.connect(caller)
		up.write(tcp(request("OPTIONS", "a")))
		up.message()
		b.settled()
		if n := b.e.Load().Transactions; n != 0 || time.Since(b.begun) != 0 { // Timer J
			t.Errorf("%d server transactions are left after %v", n, time.Since(b.begun))
		}
	})
}

func TestARequestIsSentOnceMoreWhenItsConnectionIsLost(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		dialed := b.dials()
		tx, err := b.e.SendTo(newCall(MethodInvite), theirs)
		if err != nil {
			t.Fatal(err)
		}
		first := <-dialed
		before := first.message()
		first.Close()
		second := <-dialed
		if again := second.message(); !slices.Equal(again.Bytes(), before.Bytes()) {
			t.Errorf("sent again:\n%s\nwant:\n%s", again.Bytes(), before.Bytes())
		}
		second.Close()
		if _, err := tx.Next(b.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("Next() = %v, want ErrLost", err)
		}
	})
}

func TestALostConnectionDoesNotEndACallThatRings(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		dialed := b.dials()
		tx, err := b.e.SendTo(newCall(MethodInvite), theirs)
		if err != nil {
			t.Fatal(err)
		}
		p := <-dialed
		invite := p.message()
		p.write(answer(invite, 180))
		p.Close()
		if m, err := tx.Next(b.Context()); err != nil || m.Status() != 180 {
			t.Fatalf("Next() = %v, %v", m, err)
		}
		b.connect(callee).write(answer(invite, 200))
		if m, err := tx.Next(b.Context()); err != nil || m.Status() != 200 {
			t.Errorf("Next() = %v, %v, want the 200 of another connection", m, err)
		}
	})
}

func TestAResponseWhoseConnectionIsGoneOpensOne(t *testing.T) {
	var answered chan struct{}
	handler := func(_ context.Context, tx *ServerTx) { <-answered; tx.Reply(200, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		answered = make(chan struct{})
		dialed := b.dials()
		p := b.connect(netip.AddrPortFrom(caller.Addr(), 40000))
		p.write(tcp(request("OPTIONS", "a")))
		p.Close()
		b.settled()
		close(answered)
		if m := (<-dialed).message(); m.Status() != 200 {
			t.Errorf("received %v, want the 200", m)
		}
		b.e.conns.mu.Lock()
		defer b.e.conns.mu.Unlock()
		for c := range b.e.conns.all {
			if c.target != (Target{Transport: TCP, Addr: caller}) {
				t.Errorf("connected to %v, want the port of the Via at the address of the caller", c.target)
			}
		}
	})
}

func TestNobodyToConnectToIs503(t *testing.T) {
	result := make(chan error, 1)
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		_, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: []Target{theirs}})
		result <- err
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e = b.e
		b.refusesConnections()
		if m := b.one(b.deliver(caller, request(MethodInvite, "a"))); m.Status() != 503 {
			t.Errorf("answered %v, want 503", m)
		}
		if err := <-result; !errors.Is(err, errRefused) {
			t.Errorf("Forward() = %v, want the reason", err)
		}
	})
}

func TestALargeRequestGoesOverTCPAndBackToUDPIfNobodyTakesIt(t *testing.T) {
	large := newCall(MethodInvite)
	large.Add("Identity", strings.Repeat("x", 1300))
	inBubble(t, Config{SwitchAbove: 1300}, nil, func(b *bubble) {
		b.refusesConnections()
		for range 2 {
			if _, err := b.e.Send(large, callee); err != nil {
				t.Fatal(err)
			}
			sent := b.pass(0)
			if m := b.one(sent); !strings.HasPrefix(m.Get("Via"), "SIP/2.0/UDP ") || len(m.Values("Via")) != 1 || sent[0].peer != callee {
				t.Errorf("sent to %v with Via %q, want UDP", sent[0].peer, m.Values("Via"))
			}
			// Who refused is remembered: the second time nobody is asked.
			b.e.conns.dial = func(context.Context, string, string) (_ net.Conn, err error) {
				t.Error("a connection was tried again")
				return nil, errRefused
			}
		}
	})
	inBubble(t, Config{SwitchAbove: 1300}, nil, func(b *bubble) {
		dialed := b.dials()
		tx, err := b.e.Send(large, callee)
		if err != nil {
			t.Fatal(err)
		}
		p := <-dialed
		m := p.message()
		if !strings.HasPrefix(m.Get("Via"), "SIP/2.0/TCP ") {
			t.Errorf("Via = %q, want TCP", m.Get("Via"))
		}
		p.write(answer(m, 180))
		if _, err := tx.Next(b.Context()); err != nil {
			t.Fatal(err)
		}
		tx.Cancel()
		if c := p.message(); c.Method() != MethodCancel || c.Get("Via") != m.Get("Via") {
			t.Errorf("sent %v with Via %q, want the CANCEL on the way of its INVITE", c, c.Get("Via"))
		}
		if sent := b.take(); len(sent) != 0 {
			t.Errorf("sent over UDP: %s", starts(sent))
		}
		if _, err := b.e.Send(newCall("OPTIONS"), callee); err != nil {
			t.Fatal(err)
		}
		b.one(b.pass(0)) // what is small goes over UDP
	})
}

func TestTheEndIsSaidOverConnectionsToo(t *testing.T) {
	handler := func(ctx context.Context, tx *ServerTx) { <-ctx.Done() }
	inBubble(t, Config{Grace: time.Second}, handler, func(b *bubble) {
		p := b.connect(caller)
		p.write(tcp(request(MethodInvite, "a")))
		b.settled()
		b.stop()
		b.settled()
		p.write(tcp(request(MethodInvite, "b")))
		for range 2 {
			m := p.message()
			if m.Status() == 100 {
				m = p.message()
			}
			if m.Status() != 503 {
				t.Errorf("answered %v, want 503", m)
			}
		}
		p.ended()
	})
}

func TestMoreCallsThanWeCarryAreRefusedOverConnectionsToo(t *testing.T) {
	handler := func(ctx context.Context, tx *ServerTx) { <-ctx.Done() }
	inBubble(t, Config{MaxInHand: 1, Grace: 1}, handler, func(b *bubble) {
		p := b.connect(caller)
		p.write(tcp(request(MethodInvite, "a")))
		p.write(tcp(request(MethodInvite, "b")))
		if m := p.message(); m.Status() != 503 || m.Get("Retry-After") != "10" {
			t.Errorf("answered %v with Retry-After %q, want 503 and 10", m, m.Get("Retry-After"))
		}
		go p.ended()
	})
}
