package sipcore

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var desks = []netip.AddrPort{
	netip.MustParseAddrPort("192.0.2.21:5060"),
	netip.MustParseAddrPort("192.0.2.22:5060"),
	netip.MustParseAddrPort("192.0.2.23:5060"),
}

// forked runs a test against an endpoint that forks every request that begins a
// call to the desks; each desk is a hop, or all are the targets of one.
func forked(t *testing.T, parallel bool, test func(b *bubble, down map[netip.AddrPort]*Message, result <-chan error)) {
	t.Helper()
	var result chan error
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		var hops []Hop
		all := Hop{Request: tx.Request().Clone()}
		for _, desk := range desks {
			hops = append(hops, Hop{Request: tx.Request().Clone(), Next: desk})
			all.Targets = append(all.Targets, udp(desk))
		}
		var err error
		if parallel {
			_, err = e.Fork(ctx, tx, hops)
		} else {
			_, err = e.Forward(ctx, tx, all)
		}
		result <- err
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e, result = b.e, make(chan error, 4)
		down := make(map[netip.AddrPort]*Message)
		for _, d := range b.deliver(caller, request(MethodInvite, "a")) {
			down[d.peer] = d.parse(t)
		}
		test(b, down, result)
	})
}

// to are the start lines of what was sent to one address.
func to(sent []datagram, addr netip.AddrPort) string {
	var lines []string
	for _, d := range sent {
		if d.peer == addr {
			line, _, _ := strings.Cut(d.text, " sip:")
			line, _, _ = strings.Cut(line, "\r\n")
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ", ")
}

// tagged is an answer of one of several callees.
func taggedAnswer(req *Message, status int, tag string, more ...Field) string {
	return strings.Replace(answer(req, status, more...), "tag=callee", "tag="+tag, 1)
}

func TestAForkRelaysWhatRingsAndCancelsTheRestWhenOneAnswers(t *testing.T) {
	forked(t, true, func(b *bubble, down map[netip.AddrPort]*Message, result <-chan error) {
		if len(down) != 3 {
			t.Fatalf("sent to %d desks, want 3", len(down))
		}
		branches := make(map[string]bool)
		for i, desk := range desks {
			branches[down[desk].Get("Via")] = true
			if got := to(b.deliver(desk, taggedAnswer(down[desk], 180, string(rune('a'+i)))), caller); got != "SIP/2.0 180 Ringing" {
				t.Errorf("a 180 led to %q", got)
			}
		}
		if len(branches) != 3 {
			t.Errorf("%d different branches, want 3", len(branches))
		}
		sent := b.deliver(desks[1], taggedAnswer(down[desks[1]], 200, "b"))
		for i, want := range []string{"CANCEL", "", "CANCEL"} {
			if got := to(sent, desks[i]); got != want {
				t.Errorf("desk %d was sent %q, want %q", i, got, want)
			}
		}
		if got := to(sent, caller); got != "SIP/2.0 200 OK" {
			t.Errorf("the caller was sent %q", got)
		}
		if err := <-result; err != nil {
			t.Errorf("Fork() = %v", err)
		}
		// One crosses its CANCEL: RFC 3261 section 16.7 step 5, every 2xx is relayed.
		if got := to(b.deliver(desks[0], taggedAnswer(down[desks[0]], 200, "a")), caller); got != "SIP/2.0 200 OK" {
			t.Errorf("a second 200 led to %q", got)
		}
		sent = b.deliver(desks[2], taggedAnswer(down[desks[2]], 487, "c"))
		if to(sent, caller) != "" || to(sent, desks[2]) != "ACK" {
			t.Errorf("the 487 of a cancelled branch led to %s", starts(sent))
		}
	})
}

func TestTheBestRefusalIsRelayed(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses [3]int
		want     string
	}{
		{"6xx before anything", [3]int{404, 603, 302}, "603"},
		{"the lowest class", [3]int{500, 486, 302}, "302"},
		{"one the caller can mend", [3]int{404, 486, 407}, "407"},
		{"not a 503 if there is another", [3]int{503, 500, 503}, "500"},
		{"a 503 if there is nothing else", [3]int{503, 503, 503}, "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			forked(t, true, func(b *bubble, down map[netip.AddrPort]*Message, _ <-chan error) {
				var up []datagram
				for i, desk := range desks {
					if up != nil {
						t.Errorf("relayed before all had answered: %s", starts(up))
					}
					for _, d := range b.deliver(desk, taggedAnswer(down[desk], c.statuses[i], "x")) {
						if d.peer == caller {
							up = append(up, d)
						}
					}
				}
				if got := to(up, caller); !strings.HasPrefix(got, "SIP/2.0 "+c.want) {
					t.Errorf("the caller was sent %q, want %s", got, c.want)
				}
			})
		})
	}
}

func TestA6xxCancelsTheRestAndWaitsForThem(t *testing.T) {
	forked(t, true, func(b *bubble, down map[netip.AddrPort]*Message, _ <-chan error) {
		b.deliver(desks[0], taggedAnswer(down[desks[0]], 180, "a"))
		b.deliver(desks[1], taggedAnswer(down[desks[1]], 404, "b"))
		sent := b.deliver(desks[2], taggedAnswer(down[desks[2]], 603, "c"))
		if to(sent, desks[0]) != "CANCEL" || to(sent, caller) != "" {
			t.Errorf("a 603 led to %s", starts(sent))
		}
		if got := to(b.deliver(desks[0], taggedAnswer(down[desks[0]], 487, "a")), caller); got != "SIP/2.0 603 Decline" {
			t.Errorf("the caller was sent %q, want the 603", got)
		}
	})
}

func TestChallengesOfAllBranchesComeTogether(t *testing.T) {
	forked(t, true, func(b *bubble, down map[netip.AddrPort]*Message, _ <-chan error) {
		var up *Message
		for i, desk := range desks {
			name := []string{"WWW-Authenticate", "Proxy-Authenticate", "WWW-Authenticate"}[i]
			for _, d := range b.deliver(desk, taggedAnswer(down[desk], []int{401, 407, 401}[i], "x", Field{name, "Digest realm=" + desk.String()})) {
				if d.peer == caller {
					up = d.parse(t)
				}
			}
		}
		if up == nil || len(up.Values("WWW-Authenticate")) != 2 || len(up.Values("Proxy-Authenticate")) != 1 {
			t.Errorf("relayed %v, want a 401 with three challenges", up)
		}
	})
}

func TestACancelOfAForkReachesEveryBranch(t *testing.T) {
	forked(t, true, func(b *bubble, down map[netip.AddrPort]*Message, result <-chan error) {
		b.deliver(desks[0], taggedAnswer(down[desks[0]], 180, "a"))
		sent := b.deliver(caller, request(MethodCancel, "a", "Reason: SIP;cause=1"))
		if to(sent, desks[0]) != "CANCEL" || to(sent, desks[1]) != "" {
			t.Errorf("a CANCEL led to %s", starts(sent))
		}
		b.deliver(desks[0], taggedAnswer(down[desks[0]], 487, "a"))
		sent = b.deliver(desks[1], taggedAnswer(down[desks[1]], 100, "b"))
		if got := to(sent, desks[1]); got != "CANCEL" {
			t.Errorf("a 100 led to %q, want the CANCEL that was waiting", got)
		}
		b.deliver(desks[1], taggedAnswer(down[desks[1]], 487, "b"))
		sent = b.pass(32 * time.Second) // the third never says anything
		if got := to(sent, caller); !strings.HasPrefix(got, "SIP/2.0 487") && !strings.HasPrefix(got, "SIP/2.0 408") {
			t.Errorf("the caller was sent %q, want an end", got)
		}
		<-result
	})
}

func TestTheNextTargetIsTriedAfterA503SilenceOrAFailure(t *testing.T) {
	forked(t, false, func(b *bubble, down map[netip.AddrPort]*Message, result <-chan error) {
		if len(down) != 1 || down[desks[0]] == nil {
			t.Fatalf("sent to %d targets, want the first", len(down))
		}
		sent := b.deliver(desks[0], answer(down[desks[0]], 503))
		if to(sent, desks[1]) != "INVITE" || to(sent, caller) != "" {
			t.Fatalf("a 503 led to %s", starts(sent))
		}
		sent = b.pass(4 * time.Second)
		if got := to(sent, desks[2]); got != "INVITE" {
			t.Fatalf("silence led to %q, want the third target", got)
		}
		var third *Message
		for _, d := range sent {
			if d.peer == desks[2] {
				third = d.parse(t)
			}
		}
		if got := third.Get("Max-Forwards"); got != "69" || len(third.Values("Via")) != 2 {
			t.Errorf("the third was sent Max-Forwards %s and Via %q", got, third.Values("Via"))
		}
		if got := to(b.deliver(desks[2], answer(third, 200)), caller); got != "SIP/2.0 200 OK" {
			t.Errorf("the caller was sent %q", got)
		}
		if err := <-result; err != nil {
			t.Errorf("Forward() = %v", err)
		}
	})
}

func TestATargetThatRingsIsNotLeft(t *testing.T) {
	forked(t, false, func(b *bubble, down map[netip.AddrPort]*Message, _ <-chan error) {
		b.deliver(desks[0], answer(down[desks[0]], 100))
		if sent := b.pass(time.Minute); to(sent, desks[1]) != "" {
			t.Errorf("sent %s", starts(sent))
		}
	})
}

func TestNoTargetIsTriedAfterACancel(t *testing.T) {
	forked(t, false, func(b *bubble, down map[netip.AddrPort]*Message, result <-chan error) {
		b.deliver(caller, request(MethodCancel, "a"))
		b.deliver(desks[0], answer(down[desks[0]], 100))
		sent := b.deliver(desks[0], answer(down[desks[0]], 503))
		if to(sent, desks[1]) != "" || !strings.HasPrefix(to(sent, caller), "SIP/2.0 503") {
			t.Errorf("a 503 after a CANCEL led to %s", starts(sent))
		}
		if err := <-result; err != nil {
			t.Errorf("Forward() = %v", err)
		}
	})
}

func TestWhenNoTargetCanBeReachedTheCallerIsTold(t *testing.T) {
	var e *Endpoint
	var result chan error
	handler := func(ctx context.Context, tx *ServerTx) {
		targets := []Target{{Transport: TCP, Addr: desks[0]}, {Transport: TLS, Addr: desks[1]}}
		_, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: targets})
		result <- err
	}
	inBubble(t, Config{}, handler, func(b *bubble) {
		e, result = b.e, make(chan error, 1)
		b.refusesConnections()
		if m := b.one(b.deliver(caller, request(MethodInvite, "a"))); m.Status() != 503 {
			t.Errorf("answered %v, want 503", m)
		}
		if err := <-result; !errors.Is(err, errRefused) {
			t.Errorf("Forward() = %v, want the reason", err)
		}
	})
}

func TestALargeRequestPrefersATargetOverTCP(t *testing.T) {
	var e *Endpoint
	handler := func(ctx context.Context, tx *ServerTx) {
		targets := []Target{udp(desks[0]), {Transport: TCP, Addr: desks[1]}}
		e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: targets})
	}
	inBubble(t, Config{SwitchAbove: 1300}, handler, func(b *bubble) {
		e = b.e
		dialed := b.dials()
		b.deliver(caller, request(MethodInvite, "a", "Identity: "+strings.Repeat("x", 1300)))
		p := <-dialed
		m := p.message()
		if got := m.Values("Via"); !strings.HasPrefix(got[0], "SIP/2.0/TCP") {
			t.Errorf("Via = %q", got)
		}
		go p.ended()
		p.write(answer(m, 486))
		b.settled()
		if sent := b.take(); !slices.ContainsFunc(sent, func(d datagram) bool { return d.peer == caller && strings.HasPrefix(d.text, "SIP/2.0 486") }) {
			t.Errorf("sent %s, want the 486", starts(sent))
		}
	})
}
