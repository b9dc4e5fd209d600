package sipcore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// echo answers every request 200, with what the handler saw.
func echo(*Endpoint) Handler {
	return func(_ context.Context, tx *ServerTx) {
		tx.Reply(200, "", Field{"X-Saw-Via", tx.Request().Get("Via")})
	}
}

func TestRequestsWithTwoOfAFieldAreRefusedWith400(t *testing.T) {
	for _, extra := range []string{"From: <sip:x@example.com>;tag=2", "f: <sip:x@example.com>;tag=2", "Content-Length: 0", "To: <sip:x@example.com>", "CSeq: 1 OPTIONS"} {
		t.Run(extra, func(t *testing.T) {
			p := newPhone(t, "127.0.0.1")
			e := runEndpoint(t, Config{}, echo)
			p.send(e.Addr(), p.request("OPTIONS", "twice", "1", e.Addr(), extra))
			if m := p.status(400); len(m.Values("From")) != 1 || len(m.Values("CSeq")) != 1 || m.ToTag() == "" {
				t.Errorf("the 400 has From %q, CSeq %q, To %q", m.Values("From"), m.Values("CSeq"), m.Values("To"))
			}
		})
	}
}

func TestAVersionThatWeDoNotSpeakIs505(t *testing.T) {
	p := newPhone(t, "127.0.0.1")
	e := runEndpoint(t, Config{}, echo)
	p.send(e.Addr(), strings.Replace(p.request("OPTIONS", "old", "1", e.Addr()), "SIP/2.0\n", "SIP/7.0\n", 1))
	p.status(505)
}

func TestReceivedIsAddedWheneverTheSourceDiffers(t *testing.T) {
	for _, c := range []struct{ name, listen, host, params, want string }{
		{"the same address", "127.0.0.1", "127.0.0.1", "", ""},
		{"another address", "127.0.0.1", "192.0.2.77", "", ";received=127.0.0.1"},
		{"a name", "127.0.0.1", "phone.example", "", ";received=127.0.0.1"},
		{"the same address with rport", "127.0.0.1", "127.0.0.1", ";rport", ";rport=PORT;received=127.0.0.1"},
		{"another address with rport", "127.0.0.1", "192.0.2.77:1", ";rport", ";rport=PORT;received=127.0.0.1"},
		{"a received that is not true", "127.0.0.1", "127.0.0.1", ";received=192.0.2.66", ""},
		{"the same IPv6 address", "::1", "[::1]", "", ""},
		{"another IPv6 address", "::1", "[2001:db8::1]", "", ";received=::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhone(t, c.listen)
			e := runEndpoint(t, Config{Addr: netip.AddrPortFrom(p.addr().Addr(), 0).String()}, echo)
			port := fmt.Sprint(p.addr().Port())
			host := c.host
			if !strings.HasSuffix(host, ":1") {
				host += ":" + port
			}
			text := strings.Replace(p.request("OPTIONS", "received", "1", e.Addr()),
				fmt.Sprintf("UDP %s;branch=z9hG4bK1", p.addr()), "UDP "+host+";branch=z9hG4bK1"+c.params, 1)
			p.send(e.Addr(), text)
			m := p.status(200)
			want := "SIP/2.0/UDP " + host + ";branch=z9hG4bK1" + strings.Replace(c.want, "PORT", port, 1)
			if m.Get("Via") != want || m.Get("X-Saw-Via") != want {
				t.Errorf("Via = %q, the handler saw %q, want %q", m.Get("Via"), m.Get("X-Saw-Via"), want)
			}
		})
	}
}

func TestJunkIsDroppedAndTheEndpointLivesOn(t *testing.T) {
	p := newPhone(t, "127.0.0.1")
	e := runEndpoint(t, Config{}, echo)
	rnd := rand.New(rand.NewPCG(1, 2))
	good := crlf(p.request("OPTIONS", "junk", "junk", e.Addr()))
	for i := range 500 {
		junk := []byte(good)[:rnd.IntN(len(good))]
		for range i % 5 {
			if len(junk) > 0 {
				junk[rnd.IntN(len(junk))] = byte(rnd.Uint32())
			}
		}
		p.conn.WriteToUDPAddrPort(junk, e.Addr())
	}
	p.conn.WriteToUDPAddrPort([]byte("\r\n\r\n"), e.Addr())
	p.conn.WriteToUDPAddrPort(make([]byte, 60000), e.Addr())
	p.send(e.Addr(), p.request("OPTIONS", "after-junk", "after", e.Addr()))
	for p.receive().CallID() != "after-junk" {
	}
}

func TestACancelOfNothingIs481(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		if m := b.one(b.deliver(caller, request(MethodCancel, "none"))); m.Status() != 481 {
			t.Errorf("answered %v, want 481", m)
		}
	})
}

func TestOldClientsWithoutAMagicCookieAreServed(t *testing.T) {
	handled := 0
	handler := func(_ context.Context, tx *ServerTx) { handled++; tx.Reply(486, "") }
	old := func(method, call string) string {
		text := strings.Replace(request(method, ""), ";branch=z9hG4bK", "", 1)
		return strings.Replace(text, "call-1@", call+"@", 1)
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		b.deliver(caller, old(MethodInvite, "one"))
		b.deliver(caller, old(MethodInvite, "one"))
		b.deliver(caller, old(MethodInvite, "two"))
		if handled != 2 {
			t.Errorf("the handler ran %d times, want 2: once for each call", handled)
		}
		b.deliver(caller, old(MethodAck, "one"))
		b.deliver(caller, old(MethodAck, "two"))
		if sent := b.pass(time.Minute); len(sent) != 0 || handled != 2 {
			t.Errorf("after the ACKs: %s, handled %d", starts(sent), handled)
		}
	})
}

func TestResponsesThatAreNotOursAreDropped(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx, err := b.e.Send(newCall("OPTIONS"), callee)
		if err != nil {
			t.Fatal(err)
		}
		req := b.one(b.take())
		for _, change := range [][2]string{{"192.0.2.1:5060;branch", "192.0.2.9:5060;branch"}, {"z9hG4bK", "z9hG4bKx"}, {"1 OPTIONS", "1 INVITE"}} {
			b.deliver(callee, strings.Replace(answer(req, 200), change[0], change[1], 1))
		}
		b.deliver(callee, answer(req, 404))
		if m, err := tx.Next(b.Context()); err != nil || m.Status() != 404 {
			t.Errorf("Next() = %v, %v, want the 404", m, err)
		}
		if m, err := tx.Next(b.Context()); !errors.Is(err, ErrOver) {
			t.Errorf("Next() = %v, %v, want ErrOver", m, err)
		}
	})
}

func TestDoCancelsAnInviteWhenItsContextEnds(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		ctx, stop := context.WithCancel(b.Context())
		final := make(chan *Message, 1)
		go func() {
			m, err := b.e.Do(ctx, newCall(MethodInvite), callee)
			if err != nil {
				t.Errorf("Do() = %v", err)
			}
			final <- m
		}()
		req := b.one(b.pass(0))
		b.deliver(callee, answer(req, 180))
		stop()
		cancel := b.one(b.pass(0))
		if cancel.Method() != MethodCancel || cancel.Get("Via") != req.Get("Via") {
			t.Fatalf("sent %v, want a CANCEL", cancel)
		}
		b.deliver(callee, answer(cancel, 200))
		b.deliver(callee, answer(req, 487))
		if m := <-final; m.Status() != 487 {
			t.Errorf("Do() = %v, want 487", m)
		}
	})
}

func TestDoReturnsWhenItsContextEndsForOtherRequests(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		ctx, stop := context.WithTimeout(b.Context(), time.Second)
		defer stop()
		if _, err := b.e.Do(ctx, newCall("OPTIONS"), callee); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do() = %v, want the error of its context", err)
		}
	})
}

func TestANewCallIsRefusedWhenTooManyAreInHand(t *testing.T) {
	handler := func(ctx context.Context, tx *ServerTx) {
		if tx.isAck() {
			t.Error("the ACK of a refusal reached the handler")
		}
		<-ctx.Done()
	}
	inBubble(t, Config{MaxInHand: 2, Grace: 1, RetryAfter: 90 * time.Second}, handler, func(b *bubble) {
		for _, branch := range []string{"a", "b"} {
			if sent := b.deliver(caller, request(MethodInvite, branch)); len(sent) != 0 {
				t.Fatalf("sent %s", starts(sent))
			}
		}
		m := b.one(b.deliver(caller, request(MethodInvite, "c")))
		if m.Status() != 503 || m.Get("Retry-After") != "90" {
			t.Fatalf("answered %v with Retry-After %q, want 503 and 90", m, m.Get("Retry-After"))
		}
		ack := strings.Replace(request(MethodAck, "c"), "12@example.com>", "12@example.com>;tag="+m.ToTag(), 1)
		if sent := b.deliver(caller, ack); len(sent) != 0 {
			t.Errorf("an ACK led to %s", starts(sent))
		}
		// A call that is up may end all the same.
		b.deliver(caller, inDialog(request(MethodBye, "d")))
		if got := b.e.inHand; got != 3 {
			t.Errorf("%d in hand, want 3 with the BYE", got)
		}
	})
}

func TestMoreTransactionsThanWeRememberAreRefused(t *testing.T) {
	inBubble(t, Config{MaxTransactions: 2}, echo(nil), func(b *bubble) {
		for branch, want := range map[string]int{"a": 200, "b": 200} {
			if m := b.one(b.deliver(caller, request("OPTIONS", branch))); m.Status() != want {
				t.Fatalf("answered %v, want %d", m, want)
			}
		}
		if m := b.one(b.deliver(caller, request("OPTIONS", "c"))); m.Status() != 503 {
			t.Errorf("answered %v, want 503", m)
		}
		b.pass(32 * time.Second)
		if m := b.one(b.deliver(caller, request("OPTIONS", "d"))); m.Status() != 200 {
			t.Errorf("after Timer J answered %v, want 200", m)
		}
	})
}

func TestTheEndRefusesNewCallsAndFinishesThoseInHand(t *testing.T) {
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee})
	}
	inBubble(t, Config{Grace: time.Minute}, handler, func(b *bubble) {
		e = b.e
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.stop()
		synctest.Wait()
		m := b.one(b.deliver(caller, request(MethodInvite, "b")))
		if m.Status() != 503 || m.Get("Retry-After") != "10" {
			t.Errorf("a new call was answered %v with Retry-After %q", m, m.Get("Retry-After"))
		}
		bye := b.one(b.deliver(caller, inDialog(request(MethodBye, "c"))))
		if bye.Method() != MethodBye {
			t.Errorf("the BYE of a call that is up led to %v", bye)
		}
		b.deliver(callee, answer(bye, 200))
		if m := b.one(b.deliver(callee, answer(down, 486))[1:]); m.Status() != 486 {
			t.Errorf("the call in hand was answered %v, want 486", m)
		}
		err := <-b.ran
		b.ran <- err
		if took := time.Since(b.begun); took != 0 {
			t.Errorf("Run returned after %v, want at once when nothing was in hand", took)
		}
	})
}

func TestAfterTheGracePeriodWhatIsLeftIsCancelled(t *testing.T) {
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		if _, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee}); !errors.Is(err, ErrClosed) {
			t.Errorf("Forward() = %v, want ErrClosed", err)
		}
	}
	inBubble(t, Config{Grace: time.Minute}, handler, func(b *bubble) {
		e = b.e
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.deliver(callee, answer(down, 180))
		b.stop()
		sent := b.pass(time.Minute)
		if got := times(sent, "CANCEL"); !slices.Equal(got, at(60)) {
			t.Errorf("CANCEL was sent at %v, want after the grace period", got)
		}
		if got := times(sent, "SIP/2.0 503"); !slices.Equal(got, at(60)) {
			t.Errorf("503 was sent at %v, want after the grace period", got)
		}
	})
}

func TestACallThatIsUpIsWaitedForEvenIfItSpeaksWhileWeEnd(t *testing.T) {
	e, err := newEndpoint(Config{}, &wire{})
	if err != nil {
		t.Fatal(err)
	}
	e.advance(running)
	e.advance(draining)
	if !isClosed(e.idle) {
		t.Fatal("nothing is in hand, but the endpoint is not idle")
	}
	e.mu.Lock()
	admitted := e.admit(parsed(t, crlf(inDialog(request(MethodBye, "a")))))
	e.mu.Unlock()
	e.advance(closing)
	if !admitted || isClosed(e.idle) {
		t.Fatalf("a BYE was admitted: %v, and the endpoint does not wait for it", admitted)
	}
	e.dismiss()
	if !isClosed(e.idle) {
		t.Error("the BYE is done, but the endpoint is not idle")
	}
}

func TestRunEndsWithAnErrorWhenTheSocketBreaks(t *testing.T) {
	w := &brokenWire{}
	e, err := newEndpoint(Config{SentBy: "a.example"}, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); !errors.Is(err, errBroken) || !w.closed {
		t.Errorf("Run() = %v, closed %v, want the socket's error and the socket closed", err, w.closed)
	}
	if err := e.Run(t.Context()); err == nil {
		t.Error("a second Run() = nil, want an error")
	}
}

var errBroken = errors.New("broken")

type brokenWire struct{ closed bool }

func (w *brokenWire) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, errBroken
}
func (w *brokenWire) WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error) { return 0, errBroken }
func (w *brokenWire) LocalAddr() net.Addr                                    { return net.UDPAddrFromAddrPort(here) }
func (w *brokenWire) Close() error                                           { w.closed = true; return nil }

func TestAnErrorOfSendingIsAnswered503(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		b.mu.Lock()
		b.unreachable = callee
		b.mu.Unlock()
		if m := b.one(b.deliver(caller, request(MethodInvite, "a"))); m.Status() != 503 {
			t.Errorf("answered %v, want 503", m)
		}
		if err := <-result; !errors.Is(err, errBroken) {
			t.Errorf("Forward() = %v, want the socket's error", err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	taken := newPhone(t, "127.0.0.1").addr().String()
	for _, c := range []struct {
		name string
		c    Config
		want string
	}{
		{"not an address", Config{Addr: "nowhere"}, "nowhere"},
		{"a port that is taken", Config{Addr: taken}, "in use"},
		{"every address, and no name", Config{Addr: "0.0.0.0:0"}, "SentBy"},
		{"a name that is none", Config{Addr: "127.0.0.1:0", SentBy: "a b"}, "host and port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if e, err := Open(c.c); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open() = %v, %v, want an error with %q", e, err, c.want)
			}
		})
	}
	e, err := Open(Config{Addr: "0.0.0.0:0", SentBy: "sip.example:5070"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Run(t.Context()); err == nil {
		t.Error("Run() after Close() = nil, want an error")
	}
}

func TestOwnsKnowsOurNamesAndPorts(t *testing.T) {
	for _, c := range []struct {
		sentBy, uri string
		want        bool
	}{
		{"sip.example", "sip:token@SIP.example;lr", true},
		{"sip.example", "sip:sip.example:5060", true},
		{"sip.example", "sip:sip.example:5061", false},
		{"sip.example:5061", "sip:sip.example:5061", true},
		{"sip.example:5061", "sip:sip.example", false},
		{"sip.example", "sip:192.0.2.1", true},
		{"sip.example", "sip:192.0.2.2", false},
		{"[2001:db8::1]:5061", "sip:[2001:DB8::1]:5061", true},
		{"sip.example", "tel:+12155551212", false},
	} {
		e, err := newEndpoint(Config{SentBy: c.sentBy}, &wire{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := ParseURI(c.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Owns(u); got != c.want {
			t.Errorf("%s owns %s: %v, want %v", c.sentBy, c.uri, got, c.want)
		}
	}
}

func TestResolve(t *testing.T) {
	e, err := newEndpoint(Config{}, &wire{})
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"sip:a@192.0.2.7":                    "192.0.2.7:5060",
		"sip:a@192.0.2.7:5070;transport=UDP": "192.0.2.7:5070",
		"sip:[2001:db8::7]":                  "[2001:db8::7]:5060",
		"sip:localhost:5080":                 "127.0.0.1:5080",
		"sip:a@192.0.2.7;transport=tcp":      "",
		"sips:a@192.0.2.7":                   "",
		"tel:+12155551212":                   "",
	} {
		u, err := ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Resolve(t.Context(), u)
		if want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("Resolve(%s) = %v, %v, want %q", uri, got, err, want)
		}
	}
}

func TestBothEndsOfADialogSendWhereTheyShould(t *testing.T) {
	req := newCall(MethodInvite)
	req.Add("Contact", "<sip:caller@192.0.2.10>")
	req.Add("Record-Route", "<sip:p2;lr>, <sip:p1;lr>")
	resp := NewResponse(req, 200, "")
	resp.tagTo("callee")
	resp.Add("Contact", `"X" <sip:callee@192.0.2.20;x=y>;q=1`)

	from, err := DialogFromResponse(req, resp)
	if err != nil {
		t.Fatal(err)
	}
	to, err := DialogFromRequest(req, resp)
	if err != nil {
		t.Fatal(err)
	}
	ack, bye := from.NewRequest(MethodAck), from.NewRequest(MethodBye)
	back := to.NewRequest(MethodBye)
	for _, c := range []struct{ what, got, want string }{
		{"ACK to", ack.RequestURI(), "sip:callee@192.0.2.20;x=y"},
		{"ACK number", ack.Get("CSeq"), "1 ACK"},
		{"BYE number", bye.Get("CSeq"), "2 BYE"},
		{"BYE From", bye.FromTag(), "ours"},
		{"BYE To", bye.ToTag(), "callee"},
		{"BYE routes", strings.Join(bye.Values("Route"), " "), "<sip:p1;lr> <sip:p2;lr>"},
		{"BYE back to", back.RequestURI(), "sip:caller@192.0.2.10"},
		{"BYE back routes", strings.Join(back.Values("Route"), " "), "<sip:p2;lr> <sip:p1;lr>"},
		{"BYE back From", back.FromTag(), "callee"},
		{"BYE back To", back.ToTag(), "ours"},
		{"BYE back call", back.CallID(), req.CallID()},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if hop, err := from.NextHop(); err != nil || hop.Host() != "p1" {
		t.Errorf("NextHop() = %v, %v, want p1", hop, err)
	}
	if _, err := DialogFromResponse(req, NewResponse(req, 200, "")); err == nil {
		t.Error("a dialog was made from a response without Contact")
	}
}
