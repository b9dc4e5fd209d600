package sipcore

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// at is times in seconds, as RFC 3261 writes them.
func at(seconds ...float64) []time.Duration {
	var d []time.Duration
	for _, s := range seconds {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func newCall(method string) *Message {
	m := NewRequest(method, "sip:+12155551212@192.0.2.20")
	m.Add("From", "<sip:+12155551213@192.0.2.1>;tag=ours")
	m.Add("To", "<sip:+12155551212@192.0.2.20>")
	m.Add("Call-ID", "call-2@192.0.2.1")
	m.Add("CSeq", "1 "+method)
	return m
}

func TestTimersAAndBRepeatAnInviteAndGiveItUp(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx, err := b.e.Send(newCall(MethodInvite), callee)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Next(b.Context())
		if !errors.Is(err, ErrTimeout) || time.Since(b.begun) != 32*time.Second {
			t.Errorf("Next() = %v after %v, want ErrTimeout after 32s", err, time.Since(b.begun))
		}
		if got, want := times(b.take(), MethodInvite), at(0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5); !slices.Equal(got, want) {
			t.Errorf("INVITE was sent at %v, want %v", got, want)
		}
	})
}

func TestTimersEAndFRepeatOtherRequestsAndGiveThemUp(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		_, err := b.e.Do(b.Context(), newCall("OPTIONS"), callee)
		if !errors.Is(err, ErrTimeout) || time.Since(b.begun) != 32*time.Second {
			t.Errorf("Do() = %v after %v, want ErrTimeout after 32s", err, time.Since(b.begun))
		}
		want := at(0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
		if got := times(b.take(), "OPTIONS"); !slices.Equal(got, want) {
			t.Errorf("OPTIONS was sent at %v, want %v", got, want)
		}
	})
}

func TestTimerEIsT2AfterAProvisionalResponse(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		if _, err := b.e.Send(newCall("OPTIONS"), callee); err != nil {
			t.Fatal(err)
		}
		req := b.one(b.take())
		b.deliver(callee, answer(req, 100))
		got := times(b.pass(14*time.Second), "OPTIONS")
		// RFC 3261 section 17.1.2.2: the running timer is kept, later ones are T2.
		if want := at(0.5, 4.5, 8.5, 12.5); !slices.Equal(got, want) {
			t.Errorf("OPTIONS was repeated at %v, want %v", got, want)
		}
	})
}

func TestAProvisionalResponseEndsTimersAAndB(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx, err := b.e.Send(newCall(MethodInvite), callee)
		if err != nil {
			t.Fatal(err)
		}
		req := b.one(b.take())
		b.deliver(callee, answer(req, 180))
		if sent := b.pass(time.Hour); len(sent) != 0 {
			t.Errorf("sent after 180: %s", starts(sent))
		}
		b.deliver(callee, answer(req, 200))
		for _, want := range []int{180, 200} {
			m, err := tx.Next(b.Context())
			if err != nil || m.Status() != want {
				t.Fatalf("Next() = %v, %v, want %d", m, err, want)
			}
		}
	})
}

func TestTimerDAcknowledgesRepeatedRefusalsFor32Seconds(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx, err := b.e.Send(newCall(MethodInvite), callee)
		if err != nil {
			t.Fatal(err)
		}
		req := b.one(b.take())
		for range 3 {
			ack := b.one(b.deliver(callee, answer(req, 486)))
			if ack.Method() != MethodAck || ack.ToTag() != "callee" || ack.Get("Via") != req.Get("Via") {
				t.Fatalf("486 was answered with %v, To tag %q, Via %q", ack, ack.ToTag(), ack.Get("Via"))
			}
			if number, method := ack.CSeq(); number != 1 || method != MethodAck {
				t.Fatalf("CSeq of the ACK = %d %s", number, method)
			}
		}
		b.pass(32*time.Second - 1)
		if isClosed(tx.Done()) {
			t.Error("the transaction ended before Timer D")
		}
		b.pass(1)
		if !isClosed(tx.Done()) {
			t.Error("the transaction did not end with Timer D")
		}
		if sent := b.deliver(callee, answer(req, 486)); len(sent) != 0 {
			t.Errorf("a stray 486 was answered: %s", starts(sent))
		}
	})
}

func TestTimerKAbsorbsRepeatedResponsesFor5Seconds(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx, err := b.e.Send(newCall("OPTIONS"), callee)
		if err != nil {
			t.Fatal(err)
		}
		b.deliver(callee, answer(b.one(b.take()), 200))
		b.pass(5*time.Second - 1)
		if isClosed(tx.Done()) {
			t.Error("the transaction ended before Timer K")
		}
		b.pass(1)
		if !isClosed(tx.Done()) {
			t.Error("the transaction did not end with Timer K")
		}
	})
}

func TestTimersGAndHRepeatARefusalUntilItIsGivenUp(t *testing.T) {
	var tx *ServerTx
	handler := func(_ context.Context, got *ServerTx) { tx = got; tx.Reply(486, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		sent := b.deliver(caller, request(MethodInvite, "a"))
		sent = append(sent, b.pass(32*time.Second-1)...)
		want := at(0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
		if got := times(sent, "SIP/2.0 486"); !slices.Equal(got, want) {
			t.Errorf("486 was sent at %v, want %v", got, want)
		}
		if isClosed(tx.Done()) {
			t.Error("the transaction ended before Timer H")
		}
		b.pass(1)
		if !isClosed(tx.Done()) {
			t.Error("the transaction did not end with Timer H")
		}
	})
}

func TestAnAckEndsTimerGAndTimerIAbsorbsFurtherOnes(t *testing.T) {
	handled := 0
	handler := func(_ context.Context, tx *ServerTx) { handled++; tx.Reply(486, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		refusal := b.one(b.deliver(caller, request(MethodInvite, "a")))
		ack := request(MethodAck, "a")
		for range 3 {
			if sent := b.deliver(caller, ack); len(sent) != 0 {
				t.Fatalf("an ACK was answered: %s", starts(sent))
			}
		}
		if sent := b.pass(5*time.Second - 1); len(sent) != 0 {
			t.Errorf("%d was repeated after its ACK: %s", refusal.Status(), starts(sent))
		}
		if sent := b.deliver(caller, request(MethodInvite, "a")); len(sent) != 0 {
			t.Errorf("a late INVITE was answered: %s", starts(sent))
		}
		if handled != 1 {
			t.Errorf("the handler ran %d times, want 1", handled)
		}
		b.pass(1)
		b.deliver(caller, request(MethodInvite, "a"))
		if handled != 2 {
			t.Errorf("after Timer I the handler ran %d times, want 2: the transaction is over", handled)
		}
	})
}

func TestTimerJAnswersRepeatedRequestsFor32Seconds(t *testing.T) {
	handled := 0
	handler := func(_ context.Context, tx *ServerTx) { handled++; tx.Reply(200, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		first := b.deliver(caller, request("OPTIONS", "a"))
		b.pass(32*time.Second - 1)
		again := b.deliver(caller, request("OPTIONS", "a"))
		if len(first) != 1 || len(again) != 1 || first[0].text != again[0].text {
			t.Errorf("a repeated request was answered differently:\n%s\n%s", starts(first), starts(again))
		}
		b.pass(1)
		b.deliver(caller, request("OPTIONS", "a"))
		if handled != 2 {
			t.Errorf("the handler ran %d times, want 2: once before and once after Timer J", handled)
		}
	})
}

func TestTimerLAbsorbsRepeatedInvitesAfterA2xx(t *testing.T) {
	handled := 0
	handler := func(_ context.Context, tx *ServerTx) {
		if handled++; tx.isInvite() {
			tx.Reply(200, "")
		}
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		b.deliver(caller, request(MethodInvite, "a"))
		b.pass(32*time.Second - 1)
		if sent := b.deliver(caller, request(MethodInvite, "a")); len(sent) != 0 || handled != 1 {
			t.Errorf("a repeated INVITE was answered %s and handled %d times", starts(sent), handled)
		}
		b.pass(1)
		b.deliver(caller, request(MethodInvite, "a"))
		if handled != 2 {
			t.Errorf("the handler ran %d times, want 2: once before and once after Timer L", handled)
		}
	})
}

func TestTryingIsSentOnceAfter200Milliseconds(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler func(tx *ServerTx)
		want    []time.Duration
	}{
		{"nothing is said", func(tx *ServerTx) {}, at(0.2)},
		{"the handler says it itself", func(tx *ServerTx) { tx.Reply(100, ""); tx.Reply(100, "") }, at(0)},
		{"the phone rings at once", func(tx *ServerTx) { tx.Reply(180, ""); tx.Reply(100, "") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			handler := func(ctx context.Context, tx *ServerTx) {
				c.handler(tx)
				<-ctx.Done()
			}
			inBubble(t, Config{Grace: 1}, handler, func(b *bubble) {
				sent := b.deliver(caller, request(MethodInvite, "a"))
				sent = append(sent, b.pass(time.Minute)...)
				if got := times(sent, "SIP/2.0 100"); !slices.Equal(got, c.want) {
					t.Errorf("100 was sent at %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestARepeatedInviteIsAnsweredWithTheLastProvisionalResponse(t *testing.T) {
	handled := 0
	handler := func(ctx context.Context, tx *ServerTx) {
		handled++
		tx.Reply(180, "")
		tx.Reply(183, "")
		<-ctx.Done()
	}
	inBubble(t, Config{Grace: 1}, handler, func(b *bubble) {
		b.deliver(caller, request(MethodInvite, "a"))
		m := b.one(b.deliver(caller, request(MethodInvite, "a")))
		if m.Status() != 183 || handled != 1 {
			t.Errorf("a repeated INVITE was answered %v and handled %d times, want 183 and once", m, handled)
		}
	})
}

func TestAcceptRepeatsA2xxUntilItIsAcknowledged(t *testing.T) {
	var acks chan *Message
	handler := func(ctx context.Context, tx *ServerTx) {
		ack, err := tx.Accept(ctx, NewResponse(tx.Request(), 200, ""))
		if err != nil {
			t.Errorf("Accept() = %v", err)
		}
		acks <- ack
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		acks = make(chan *Message, 1)
		sent := b.deliver(caller, request(MethodInvite, "a"))
		ok := b.one(sent)
		sent = append(sent, b.pass(8*time.Second)...)
		if got, want := times(sent, "SIP/2.0 200"), at(0, 0.5, 1.5, 3.5, 7.5); !slices.Equal(got, want) {
			t.Errorf("200 was sent at %v, want %v", got, want)
		}
		ack := newCallACK(ok)
		b.deliver(caller, ack)
		if m := <-acks; m == nil || m.Method() != MethodAck {
			t.Errorf("Accept() = %v, want the ACK", m)
		}
		if sent := b.pass(time.Minute); len(sent) != 0 {
			t.Errorf("sent after the ACK: %s", starts(sent))
		}
	})
}

// newCallACK is the ACK that the caller sends for a 2xx.
func newCallACK(ok *Message) string {
	m := hopRequest(MethodAck, &Message{method: MethodInvite, uri: "sip:callee@192.0.2.1", fields: ok.fields})
	m.Set("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKack")
	return string(m.Bytes())
}

func TestAcceptGivesUpWithoutAnAck(t *testing.T) {
	var result chan error
	handler := func(ctx context.Context, tx *ServerTx) {
		_, err := tx.Accept(ctx, NewResponse(tx.Request(), 200, ""))
		result <- err
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		result = make(chan error, 1)
		b.deliver(caller, request(MethodInvite, "a"))
		b.pass(32 * time.Second)
		if err := <-result; !errors.Is(err, ErrTimeout) {
			t.Errorf("Accept() = %v, want ErrTimeout", err)
		}
	})
}

func TestAnAlarmThatWasSetAnewDoesNotRingForTheOldTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a alarm
		defer a.stop()
		ignore := func() {}
		a.set(ignore, 0, 0, time.Second)
		time.Sleep(time.Second)
		a.set(ignore, time.Second, 0, time.Minute)
		if repeat, over := a.rang(ignore); repeat || over {
			t.Errorf("rang() = %v, %v, want neither", repeat, over)
		}
	})
}

func TestUnreadResponsesAreBounded(t *testing.T) {
	u := &unread{wake: make(chan struct{}, 1)}
	ok := &Message{status: 200, fields: []Field{{"CSeq", "1 INVITE"}}}
	for range 2 * maxUnread {
		u.response(&Message{status: 180}, false)
	}
	u.response(ok, false)
	for range 2 * maxUnread {
		u.response(ok, true)
	}
	if n := len(u.queue); n != maxUnread+1 || u.queue[maxUnread].status != 200 {
		t.Errorf("%d responses wait, want %d, the last of them the 200", n, maxUnread+1)
	}
}
