package sipcore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// proxied runs a test against an endpoint that forwards everything.
func proxied(t *testing.T, c Config, test func(b *bubble, result <-chan error)) {
	t.Helper()
	var result chan error
	var e *Endpoint
	inBubble(t, c, forwarding(&e, &result), func(b *bubble) {
		e, result = b.e, make(chan error, 16)
		test(b, result)
	})
}

func TestForwardKeepsTheDialogAndChangesOnlyViaAndMaxForwards(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		text := request(MethodInvite, "a", "Contact: <sip:caller@192.0.2.10>", "X-Odd:  kept  as it is",
			"Identity: eyJ.one;info=<https://a.example/1>", "Identity: eyJ.two;info=<https://a.example/2>")
		sent := b.deliver(caller, text)
		down := b.one(sent)
		if sent[0].peer != callee {
			t.Fatalf("sent to %v, want %v", sent[0].peer, callee)
		}
		if vias := down.Values("Via"); len(vias) != 2 || !strings.HasPrefix(vias[0], "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK") {
			t.Errorf("Via = %q, want ours on top of the caller's", vias)
		}
		down.Remove("Via")
		before, _ := parseWire([]byte(crlf(text)))
		before.Remove("Via")
		before.Set("Max-Forwards", "69")
		if got, want := string(down.Bytes()), string(before.Bytes()); got != want {
			t.Errorf("forwarded:\n%s\nwant:\n%s", got, want)
		}
	})
}

func TestForwardRelaysResponsesInOrderButNot100(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		if sent := b.deliver(callee, answer(down, 100)); len(sent) != 0 {
			t.Errorf("100 was relayed: %s", starts(sent))
		}
		for _, status := range []int{180, 183, 180, 200} {
			sent := b.deliver(callee, answer(down, status))
			m := b.one(sent)
			if m.Status() != status || sent[0].peer != caller || len(m.Values("Via")) != 1 || m.ToTag() != "callee" {
				t.Errorf("a %d was relayed as %v to %v with Via %q", status, m, sent[0].peer, m.Values("Via"))
			}
		}
		if err := <-result; err != nil {
			t.Errorf("Forward() = %v", err)
		}
	})
}

func TestForwardRelaysACancelAndTheResponseItLeadsTo(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		ringing := b.one(b.deliver(callee, answer(down, 180)))
		const reason = `SIP;cause=200;text="Call completed elsewhere"`
		sent := b.deliver(caller, request(MethodCancel, "a", "Reason: "+reason))
		if len(sent) != 2 {
			t.Fatalf("a CANCEL led to %s, want 200 upstream and CANCEL downstream", starts(sent))
		}
		ok, cancel := sent[0].parse(t), sent[1].parse(t)
		if ok.Status() != 200 || ok.Method() != MethodCancel || ok.ToTag() != ringing.ToTag() {
			t.Errorf("the CANCEL was answered %v with To tag %q, want that of the 180, %q", ok, ok.ToTag(), ringing.ToTag())
		}
		if cancel.Method() != MethodCancel || cancel.Get("Via") != down.Get("Via") || cancel.RequestURI() != down.RequestURI() {
			t.Errorf("downstream was sent %v with Via %q, want a CANCEL with %q", cancel, cancel.Get("Via"), down.Get("Via"))
		}
		if got := cancel.Get("Reason"); got != reason {
			t.Errorf("the CANCEL has Reason %q, want %q", got, reason)
		}
		b.deliver(callee, answer(cancel, 200))
		sent = b.deliver(callee, answer(down, 487))
		if len(sent) != 2 || sent[0].parse(t).Method() != MethodAck || sent[1].parse(t).Status() != 487 || sent[1].peer != caller {
			t.Errorf("the 487 led to %s, want an ACK downstream and the 487 upstream", starts(sent))
		}
		if err := <-result; err != nil {
			t.Errorf("Forward() = %v: the final response was the callee's", err)
		}
	})
}

func TestAnInviteThatIsCancelledBeforeItLeavesIsNotSent(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		tx := b.e.newClientTx(newCall(MethodInvite), "z9hG4bKx", udp(callee), nil)
		tx.Cancel()
		if err := tx.begin(); !errors.Is(err, ErrCancelled) {
			t.Errorf("begin() = %v, want ErrCancelled", err)
		}
		if sent := b.pass(time.Minute); len(sent) != 0 {
			t.Errorf("sent %s", starts(sent))
		}
	})
}

func TestA200ThatCrossesACancelIsRelayed(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.deliver(callee, answer(down, 180))
		b.deliver(caller, request(MethodCancel, "a"))
		if m := b.one(b.deliver(callee, answer(down, 200))); m.Status() != 200 || m.Method() != MethodInvite {
			t.Errorf("relayed %v, want the 200", m)
		}
	})
}

func TestACancelWaitsForAProvisionalResponse(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		if m := b.one(b.deliver(caller, request(MethodCancel, "a"))); m.Status() != 200 {
			t.Errorf("the CANCEL was answered %v", m)
		}
		if m := b.one(b.deliver(callee, answer(down, 100))); m.Method() != MethodCancel {
			t.Errorf("a 100 led to %v, want the CANCEL that was waiting", m)
		}
		b.deliver(caller, request(MethodCancel, "a"))
		if sent := b.deliver(callee, answer(down, 180)); len(times(sent, MethodCancel)) != 0 {
			t.Errorf("a second CANCEL was sent: %s", starts(sent))
		}
	})
}

func TestACancelledCallThatNobodyAnswersEndsWith487(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		b.deliver(caller, request(MethodInvite, "a"))
		b.deliver(caller, request(MethodCancel, "a"))
		if sent := b.pass(32 * time.Second); len(times(sent, "SIP/2.0 487")) == 0 {
			t.Errorf("sent %s, want a 487", starts(sent))
		}
		if err := <-result; !errors.Is(err, ErrCancelled) {
			t.Errorf("Forward() = %v, want ErrCancelled", err)
		}
	})
}

func TestTimerCEndsACallThatOnlyRings(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.deliver(callee, answer(down, 180))
		b.pass(100 * time.Second)
		b.deliver(callee, answer(down, 183)) // sets Timer C anew
		b.pass(100 * time.Second)
		b.deliver(callee, answer(down, 100)) // does not
		if sent := b.pass(90*time.Second - 1); len(sent) != 0 {
			t.Fatalf("before Timer C: %s", starts(sent))
		}
		if m := b.one(b.pass(1)); m.Method() != MethodCancel {
			t.Fatalf("Timer C led to %v, want a CANCEL", m)
		}
		sent := b.pass(32 * time.Second)
		if got, want := times(sent, "SIP/2.0 408"), at(290+32); !slices.Equal(got, want) {
			t.Errorf("408 was sent at %v, want %v", got, want)
		}
		if err := <-result; !errors.Is(err, ErrTimeout) {
			t.Errorf("Forward() = %v, want ErrTimeout", err)
		}
	})
}

func TestASilentNextHopIsAnswered408ForAnInviteAndNotAtAllForOthers(t *testing.T) {
	for method, want := range map[string][]time.Duration{MethodInvite: at(32), "OPTIONS": nil} {
		t.Run(method, func(t *testing.T) {
			proxied(t, Config{}, func(b *bubble, result <-chan error) {
				b.deliver(caller, request(method, "a"))
				sent := b.pass(32 * time.Second)
				if got := times(sent, "SIP/2.0 408"); !slices.Equal(got, want) {
					t.Errorf("408 was sent at %v, want %v", got, want)
				}
				if want == nil && len(times(sent, "SIP/2.0")) != 0 {
					t.Errorf("sent %s, want nothing to the caller", starts(sent))
				}
				if err := <-result; !errors.Is(err, ErrTimeout) {
					t.Errorf("Forward() = %v, want ErrTimeout", err)
				}
			})
		})
	}
}

func TestRepeatedInvitesAreAbsorbed(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		for range 3 {
			if sent := b.deliver(caller, request(MethodInvite, "a")); len(sent) != 0 {
				t.Errorf("a repeated INVITE led to %s", starts(sent))
			}
		}
		b.deliver(callee, answer(down, 180))
		if m := b.one(b.deliver(caller, request(MethodInvite, "a"))); m.Status() != 180 {
			t.Errorf("a repeated INVITE was answered %v, want the last 180", m)
		}
	})
}

func TestTheAckOfARefusalIsHopByHopAndThatOfA2xxEndToEnd(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.deliver(callee, answer(down, 486))
		if sent := b.deliver(caller, request(MethodAck, "a")); len(sent) != 0 {
			t.Errorf("the ACK of a refusal was forwarded: %s", starts(sent))
		}
		down = b.one(b.deliver(caller, request(MethodInvite, "b")))
		b.deliver(callee, answer(down, 200))
		sent := b.deliver(caller, inDialog(request(MethodAck, "c")))
		if m := b.one(sent); m.Method() != MethodAck || sent[0].peer != callee || len(m.Values("Via")) != 2 {
			t.Errorf("the ACK of a 2xx was forwarded as %v to %v", m, sent[0].peer)
		}
	})
}

func TestAnAckUnderTheBranchOfItsInviteIsForwarded(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, _ <-chan error) {
		down := b.one(b.deliver(caller, request(MethodInvite, "a")))
		b.deliver(callee, answer(down, 200))
		if m := b.one(b.deliver(caller, inDialog(request(MethodAck, "a")))); m.Method() != MethodAck {
			t.Errorf("forwarded %v, want the ACK", m)
		}
	})
}

func TestTooManyHopsAre483(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		m := b.one(b.deliver(caller, strings.Replace(request("OPTIONS", "a"), "Max-Forwards: 70", "Max-Forwards: 0", 1)))
		if m.Status() != 483 {
			t.Errorf("answered %v, want 483", m)
		}
		if err := <-result; !errors.Is(err, ErrHops) {
			t.Errorf("Forward() = %v, want ErrHops", err)
		}
	})
}

func TestARequestThatComesBackIs482UnlessItSpirals(t *testing.T) {
	proxied(t, Config{}, func(b *bubble, result <-chan error) {
		back := b.one(b.deliver(caller, request("OPTIONS", "a")))
		spiral := back.Clone()
		spiral.Add("Identity", "eyJ.new;info=<https://a.example/1>")
		spiral.Prepend("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKspiral")
		if m := b.one(b.deliver(caller, string(spiral.Bytes()))); !m.IsRequest() {
			t.Errorf("a spiral led to %v, want it forwarded", m)
		}
		back.Prepend("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKloop")
		if m := b.one(b.deliver(caller, string(back.Bytes()))); m.Status() != 482 {
			t.Errorf("a loop led to %v, want 482", m)
		}
		if err := <-result; !errors.Is(err, ErrLoop) {
			t.Errorf("Forward() = %v, want ErrLoop", err)
		}
	})
}

func TestForwardShowsEveryResponseAndMayKeepItBack(t *testing.T) {
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		final, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee, Response: func(m *Message) *Message {
			switch m.Status() {
			case 180:
				m.Add("X-Shown", "yes")
				return m
			default:
				return nil
			}
		}})
		if err != nil || final.Status() != 486 || tx.Cancelled() {
			t.Errorf("Forward() = %v, %v, want the 486 that was kept back", final, err)
		}
		// A second attempt, as after a 438 (RFC 8224 section 6.1.1).
		again := tx.Request().Clone()
		again.Add("Identity", "eyJ.new;info=<https://a.example/1>")
		if final, err = e.Forward(ctx, tx, Hop{Request: again, Next: callee}); err != nil || final.Status() != 200 {
			t.Errorf("second Forward() = %v, %v, want 200", final, err)
		}
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e = b.e
		first := b.one(b.deliver(caller, request(MethodInvite, "a")))
		if m := b.one(b.deliver(callee, answer(first, 180))); m.Get("X-Shown") != "yes" {
			t.Errorf("relayed %v without what was added", m)
		}
		if sent := b.deliver(callee, answer(first, 183)); len(sent) != 0 {
			t.Errorf("relayed what was kept back: %s", starts(sent))
		}
		sent := b.deliver(callee, answer(first, 486))
		if len(sent) != 2 || sent[0].parse(t).Method() != MethodAck || !sent[1].parse(t).Has("Identity") {
			t.Fatalf("a 486 that was kept back led to %s, want its ACK and a second INVITE", starts(sent))
		}
		if m := b.one(b.deliver(callee, answer(sent[1].parse(t), 200))); m.Status() != 200 {
			t.Errorf("relayed %v, want the 200", m)
		}
	})
}

func TestAHandlerIsToldOfACancelBeforeItForwards(t *testing.T) {
	var e *Endpoint
	var cause chan error
	handler := func(ctx context.Context, tx *ServerTx) {
		tx.Reply(180, "") // a hold
		<-ctx.Done()
		cause <- context.Cause(ctx)
		if _, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee}); !errors.Is(err, ErrCancelled) {
			t.Errorf("Forward() = %v, want ErrCancelled", err)
		}
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e, cause = b.e, make(chan error, 1)
		ringing := b.one(b.deliver(caller, request(MethodInvite, "a")))
		sent := b.deliver(caller, request(MethodCancel, "a"))
		if err := <-cause; !errors.Is(err, ErrCancelled) {
			t.Errorf("the cause was %v, want ErrCancelled", err)
		}
		if len(sent) != 2 || sent[0].parse(t).Status() != 200 || sent[1].parse(t).Status() != 487 {
			t.Fatalf("a CANCEL during a hold led to %s, want 200 and 487", starts(sent))
		}
		// RFC 3261 section 9.2: one To tag for all of them.
		for _, d := range sent {
			if tag := d.parse(t).ToTag(); tag != ringing.ToTag() {
				t.Errorf("To tag = %q, want that of the 180, %q", tag, ringing.ToTag())
			}
		}
	})
}

func TestAHandlerThatReturnsWithoutAnAnswerIsAnsweredFor(t *testing.T) {
	inBubble(t, Config{}, func(context.Context, *ServerTx) {}, func(b *bubble) {
		if m := b.one(b.deliver(caller, request("OPTIONS", "a"))); m.Status() != 500 || m.ToTag() == "" {
			t.Errorf("answered %v, want 500", m)
		}
	})
}

func TestRequestsOfADialogWaitUntilTheOneBeforeWasSentOn(t *testing.T) {
	var e *Endpoint
	var let chan struct{}
	handler := func(ctx context.Context, tx *ServerTx) {
		if tx.Request().Method() == "INFO" {
			<-let
		}
		e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Next: callee})
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e, let = b.e, make(chan struct{})
		if sent := b.deliver(caller, inDialog(request("INFO", "a"))); len(sent) != 0 {
			t.Fatalf("sent %s", starts(sent))
		}
		if sent := b.deliver(caller, inDialog(request(MethodBye, "b"))); len(sent) != 0 {
			t.Fatalf("a BYE overtook the INFO before it: %s", starts(sent))
		}
		close(let)
		sent := b.pass(0)
		if len(sent) != 2 || sent[0].parse(t).Method() != "INFO" || sent[1].parse(t).Method() != MethodBye {
			t.Errorf("sent %s, want INFO and BYE", starts(sent))
		}
	})
}

func TestTooManyRequestsOfOneCallAreRefused(t *testing.T) {
	var let chan struct{}
	handler := func(ctx context.Context, tx *ServerTx) { <-let; tx.Reply(200, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		let = make(chan struct{})
		for i := range maxWaiting + 1 {
			if sent := b.deliver(caller, inDialog(request("INFO", string(rune('A'+i))))); len(sent) != 0 {
				t.Fatalf("request %d led to %s", i, starts(sent))
			}
		}
		if m := b.one(b.deliver(caller, inDialog(request("INFO", "last")))); m.Status() != 503 || m.Get("Retry-After") == "" {
			t.Errorf("answered %v, want 503", m)
		}
		close(let)
		if sent := b.pass(0); len(times(sent, "SIP/2.0 200")) != maxWaiting+1 {
			t.Errorf("%d were answered, want %d", len(times(sent, "SIP/2.0 200")), maxWaiting+1)
		}
	})
}
