package sipcore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file are named for the faults of the SIP library that this
// package exists to remedy (see the package comment); each fails without its
// remedy.

func TestFault1RequestsAndResponsesLongerThan1300BytesPass(t *testing.T) {
	for _, size := range []int{4 << 10, 40 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
			proxy := runProxy(t, caller, callee, Config{})
			identity := strings.Repeat("x", size) + ";info=<https://cert.example/a>;ppt=shaken"
			caller.send(proxy.Addr(), caller.request(MethodInvite, "large", "1", callee.addr(), "Identity: "+identity))
			down := callee.receive()
			if got := down.Values("y"); !slices.Equal(got, []string{identity}) {
				t.Fatalf("the callee received %d Identity fields", len(got))
			}
			callee.send(proxy.Addr(), answer(down, 200, Field{"X-Large", identity}))
			if m := caller.status(200); m.Get("X-Large") != identity {
				t.Error("the 200 did not come back whole")
			}
		})
	}
}

func TestFault1ARequestThatOurViaMakesTooLargeIsAnswered513(t *testing.T) {
	caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
	proxy := runProxy(t, caller, callee, Config{})
	text := crlf(caller.request(MethodInvite, "huge", "1", callee.addr()))
	body := strings.Repeat("x", maxDatagram-len(text)-10)
	caller.send(proxy.Addr(), strings.Replace(text, "Content-Length: 0", fmt.Sprintf("Content-Length: %d", len(body)), 1)+body)
	caller.status(513)
}

func TestFault2ACancelRightBehindItsInviteFindsIt(t *testing.T) {
	const calls = 300
	caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
	proxy := runProxy(t, caller, callee, Config{})

	ringing := ringer(callee, proxy)
	for i := range calls {
		call := fmt.Sprintf("cancelled-%d", i)
		caller.send(proxy.Addr(), caller.request(MethodInvite, call, call, callee.addr()))
		caller.send(proxy.Addr(), caller.request(MethodCancel, call, call, callee.addr()))
	}
	ended := make(map[string]bool)
	for len(ended) < calls {
		m := caller.receive()
		switch {
		case m.Status() == 481:
			t.Fatalf("the CANCEL of %s was answered 481", m.CallID())
		case m.Method() != MethodInvite || m.Status() < 200:
		case m.Status() != 487:
			t.Fatalf("the INVITE of %s was answered %v, want 487", m.CallID(), m)
		case !ended[m.CallID()]:
			ended[m.CallID()] = true
			caller.send(proxy.Addr(), caller.request(MethodAck, m.CallID(), m.CallID(), callee.addr()))
		}
	}
	if left := ringing(); len(left) != 0 {
		t.Errorf("%d phones were left ringing", len(left))
	}
}

// ringer lets a phone ring for every INVITE and end it when it is cancelled. The
// returned function stops it and tells which calls still ring.
func ringer(p *phone, proxy *Endpoint) (stop func() []string) {
	rings := make(map[string]*Message)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			m := p.receive()
			switch m.Method() {
			case MethodInvite:
				rings[m.CallID()] = m
				p.send(proxy.Addr(), answer(m, 180))
			case MethodCancel:
				p.send(proxy.Addr(), answer(m, 200))
				if invite := rings[m.CallID()]; invite != nil {
					p.send(proxy.Addr(), answer(invite, 487))
					delete(rings, m.CallID())
				}
			case "STOP":
				return
			}
		}
	})
	return func() []string {
		p.send(p.addr(), p.request("STOP", "stop", "stop", p.addr()))
		done.Wait()
		var left []string
		for call := range rings {
			left = append(left, call)
		}
		return left
	}
}

func TestFault2AnAckAndAByeSentBackToBackKeepTheirOrder(t *testing.T) {
	const calls = 500
	caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
	proxy := runProxy(t, caller, callee, Config{})

	for i := range calls {
		call := fmt.Sprintf("ended-%d", i)
		caller.send(proxy.Addr(), caller.request(MethodAck, call, "ack"+call, callee.addr()))
		caller.send(proxy.Addr(), caller.request(MethodBye, call, "bye"+call, callee.addr()))
	}
	acked, ended := make(map[string]bool), make(map[string]bool)
	for len(ended) < calls {
		switch m := callee.receive(); m.Method() {
		case MethodAck:
			acked[m.CallID()] = true
		case MethodBye:
			if !acked[m.CallID()] {
				t.Fatalf("the BYE of %s was forwarded before its ACK", m.CallID())
			}
			ended[m.CallID()] = true
			callee.send(proxy.Addr(), answer(m, 200))
		}
	}
}

func TestFault4Repeated2xxResponsesAreForwarded(t *testing.T) {
	caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
	returned := make(chan struct{})
	proxy := runEndpoint(t, Config{}, func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee.addr(), Response: func(m *Message) *Message {
				m.Add("X-Rewritten", "yes")
				return m
			}})
			close(returned)
		}
	})
	caller.send(proxy.Addr(), caller.request(MethodInvite, "repeated", "1", callee.addr()))
	down := callee.receive()
	callee.send(proxy.Addr(), answer(down, 200))
	first := caller.status(200)
	<-returned // the transactions must outlive the handler
	for range 3 {
		callee.send(proxy.Addr(), answer(down, 200))
		if again := caller.status(200); string(again.Bytes()) != string(first.Bytes()) {
			t.Errorf("a repeated 200 came as\n%s\nwant\n%s", again.Bytes(), first.Bytes())
		}
	}
}

func TestFault4TheCallerAcknowledgesEachRepeated2xx(t *testing.T) {
	callee := newPhone(t, "127.0.0.1")
	e := runEndpoint(t, Config{}, nil)
	tx, err := e.Send(newCall(MethodInvite), callee.addr())
	if err != nil {
		t.Fatal(err)
	}
	ok := answer(callee.receive(), 200, Field{"Contact", "<sip:callee@127.0.0.1>"})
	callee.send(e.Addr(), ok)
	m, err := tx.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := DialogFromResponse(newCall(MethodInvite), m)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Ack(d.NewRequest(MethodAck), callee.addr()); err != nil {
		t.Fatal(err)
	}
	first := callee.receive()
	for range 3 {
		callee.send(e.Addr(), ok)
		if again := callee.receive(); string(again.Bytes()) != string(first.Bytes()) {
			t.Errorf("a repeated 200 was acknowledged with\n%s\nwant\n%s", again.Bytes(), first.Bytes())
		}
	}
}

func TestFault6ACallMayRingAsOftenAsItLikes(t *testing.T) {
	const rings = 60
	caller, callee := newPhone(t, "127.0.0.1"), newPhone(t, "127.0.0.1")
	proxy := runProxy(t, caller, callee, Config{})
	e := runEndpoint(t, Config{}, nil)
	answered := make(chan int, 1)
	go func() {
		m, err := e.Do(context.Background(), newCall(MethodInvite), proxy.Addr())
		if err != nil {
			t.Errorf("Do() = %v", err)
		}
		answered <- m.Status()
	}()
	down := callee.receive()
	for range rings {
		callee.send(proxy.Addr(), answer(down, 183))
	}
	callee.send(proxy.Addr(), answer(down, 486))
	if status := <-answered; status != 486 {
		t.Errorf("Do() = %d, want 486", status)
	}
}

func TestFault7TimersBelongToOneEndpoint(t *testing.T) {
	callee := newPhone(t, "127.0.0.1")
	quick := runEndpoint(t, Config{Timers: Timers{T1: time.Millisecond}}, nil)
	runEndpoint(t, Config{Timers: Timers{T1: time.Hour}}, nil)
	if _, err := quick.Do(t.Context(), newCall("OPTIONS"), callee.addr()); err != ErrTimeout {
		t.Errorf("Do() = %v, want ErrTimeout", err)
	}
}
