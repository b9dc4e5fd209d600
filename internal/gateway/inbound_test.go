package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// judgement stands in for a verification report.
type judgement sipidentity.Verstat

func (j judgement) Verstat() sipidentity.Verstat { return sipidentity.Verstat(j) }

// genuine makes every call one whose number is genuine and that of an office.
func (n *network) genuine() {
	office := call.Office{Domain: "president.example", Name: "President's Office", Level: call.LevelVerified}
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		c.Office = office
		rec := call.Record{
			Call: *c, State: call.Settled, Action: call.Action{Kind: call.Connect},
			Verdict:  call.Verdict{Standing: call.PartlyVerified},
			Evidence: []call.Evidence{{Kind: call.InBand, Reason: call.AttestedFull, Report: judgement(sipidentity.Passed)}},
		}
		return rec, n.gateway.Act(ctx, rec)
	})
}

const shown = `"◐ President's Office (partly verified)" <sip:+12025550101@carrier.example;user=phone;verstat=TN-Validation-Passed>`

func TestAnInboundCallReachesThePhoneWithItsVerdictAndNothingElseChanged(t *testing.T) {
	n := newNetwork(t, nil)
	n.genuine()
	invite := n.trunk.invite("in-1",
		"P-Asserted-Identity: <sip:+12025550101@carrier.example;user=phone>",
		"Identity: eyJ.one;info=<https://a.example/1>", "y: eyJ.two;info=<https://a.example/2>", "Identity: eyJ.three;info=<https://a.example/3>",
		"X-Odd: kept,  as it is")
	d := n.connect(n.trunk, n.phone, invite)

	if got, want := d.arrived.Get("From"), shown+";tag=caller-in-1"; got != want {
		t.Errorf("From towards the phone = %s\nwant %s", got, want)
	}
	if got := d.arrived.Get("P-Asserted-Identity"); got != shown {
		t.Errorf("P-Asserted-Identity towards the phone = %s\nwant %s", got, shown)
	}
	for _, name := range []string{"To", "Call-ID", "CSeq", "Contact", "X-Odd", "Content-Type"} {
		if got, want := d.arrived.Get(name), invite.Get(name); got != want {
			t.Errorf("%s towards the phone = %q, want %q", name, got, want)
		}
	}
	if got, want := d.arrived.Values("Identity"), invite.Values("Identity"); len(got) != 3 || !slices.Equal(got, want) {
		t.Errorf("Identity towards the phone = %q, want %q in this order", got, want)
	}
	if string(d.arrived.Body()) != string(invite.Body()) {
		t.Errorf("SDP towards the phone = %q", d.arrived.Body())
	}
	if got, want := d.arrived.RequestURI(), "sip:+12025550142@"+n.phone.addr().String()+";user=phone"; got != want {
		t.Errorf("Request-URI towards the phone = %q, want %q", got, want)
	}
	for _, name := range []string{"From", "Call-ID", "CSeq"} {
		if got, want := d.connected.Get(name), invite.Get(name); got != want {
			t.Errorf("%s back to the caller = %q, want it as he sent it, %q", name, got, want)
		}
	}
	if got, want := d.connected.Get("Contact"), d.answered.Get("Contact"); got != want {
		t.Errorf("Contact back to the caller = %q, want that of the phone, %q", got, want)
	}
	c := <-n.judged
	if c.Direction != call.Inbound || c.Calling.TN != "12025550101" || c.Called.TN != "12025550142" || c.DisplayName != "Caller of his own" {
		t.Errorf("judged %+v", c)
	}
}

func TestARejectedCallIsAnsweredAndNeverReachesThePhone(t *testing.T) {
	n := newNetwork(t, nil)
	n.decide(call.Record{Action: call.Action{Kind: call.Reject, Status: 603, Phrase: "Not him"}})
	n.trunk.send(n.trunk.invite("reject-1"))
	if r := n.trunk.response(603); r.Reason() != "Not him" || r.ToTag() == "" || r.Has("Record-Route") {
		t.Errorf("answered %q with To %q and Record-Route %q", r.Reason(), r.Get("To"), r.Get("Record-Route"))
	}
	n.phone.idle()
}

func TestAHeldCallerHearsRingingUntilItIsDecided(t *testing.T) {
	n := newNetwork(t, nil)
	decide := make(chan call.Action)
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		rec := call.Record{Call: *c, Action: call.Action{Kind: call.Hold}}
		if err := n.gateway.Act(ctx, rec); err != nil {
			return rec, err
		}
		rec.Action = <-decide
		return rec, n.gateway.Act(ctx, rec)
	})
	n.trunk.send(n.trunk.invite("hold-1"))
	n.trunk.response(180)
	n.phone.idle()
	decide <- call.Action{Kind: call.Connect}
	n.phone.send(n.phone.answer(n.phone.request("INVITE"), 200))
	n.trunk.response(200)
}

// cancel makes the CANCEL of an INVITE of the peer's own.
func cancel(invite *sipcore.Message) *sipcore.Message {
	m := sipcore.NewRequest("CANCEL", invite.RequestURI())
	for _, name := range []string{"Via", "From", "To", "Call-ID"} {
		m.Add(name, invite.Get(name))
	}
	m.Add("CSeq", "1 CANCEL")
	return m
}

func TestACallerWhoHangsUpWhileItIsDecidedEndsItsContextAndIsNotActedOn(t *testing.T) {
	n := newNetwork(t, nil)
	acted := make(chan error, 1)
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), sipcore.ErrCancelled) {
			t.Errorf("the call's context ended with %v", context.Cause(ctx))
		}
		rec := call.Record{Call: *c, Action: call.Action{Kind: call.Connect}}
		acted <- n.gateway.Act(ctx, rec)
		return rec, nil
	})
	invite := n.trunk.invite("cancel-1")
	n.trunk.send(invite)
	<-n.judged
	n.trunk.send(cancel(invite))
	n.trunk.response(200)
	n.trunk.response(487)
	if err := <-acted; err != nil {
		t.Errorf("Act() of a call whose caller has hung up = %v, want nil", err)
	}
	n.phone.idle()
}

func TestACancelWhileThePhoneRingsStopsItsRinging(t *testing.T) {
	n := newNetwork(t, nil)
	invite := n.trunk.invite("cancel-2")
	n.trunk.send(invite)
	arrived := n.phone.request("INVITE")
	n.phone.send(n.phone.answer(arrived, 180))
	n.trunk.response(180)
	n.trunk.send(cancel(invite))
	n.trunk.response(200)
	n.phone.send(sipcore.NewResponse(n.phone.request("CANCEL"), 200, ""))
	n.phone.send(n.phone.answer(arrived, 487))
	n.phone.request("ACK")
	if r := n.trunk.response(487); r.Get("From") != invite.Get("From") {
		t.Errorf("From of the 487 = %q", r.Get("From"))
	}
}

func TestA200ThatCrossesACancelIsAcknowledgedAndItsLegEnded(t *testing.T) {
	n := newNetwork(t, nil)
	invite := n.trunk.invite("crossing-1", "Record-Route: <sip:carrier@192.0.2.7;lr>")
	n.trunk.send(invite)
	arrived := n.phone.request("INVITE")
	n.phone.send(n.phone.answer(arrived, 180))
	n.trunk.response(180)
	n.trunk.send(cancel(invite))
	n.trunk.response(200)
	n.phone.send(sipcore.NewResponse(n.phone.request("CANCEL"), 200, ""))

	answered := n.phone.answer(arrived, 200)
	answered.Prepend("Record-Route", "<sip:pbx@192.0.2.8;lr>")
	n.phone.send(answered)
	n.trunk.response(487)
	for _, method := range []string{"ACK", "BYE"} {
		m := n.phone.request(method)
		if got := m.List("Route"); !slices.Equal(got, []string{"<sip:pbx@192.0.2.8;lr>"}) {
			t.Errorf("the %s goes by Route %q, want the phone side's alone", method, got)
		}
		if m.RequestURI() != "sip:phone@"+n.phone.addr().String() || m.Get("To") != answered.Get("To") || m.Get("From") != arrived.Get("From") {
			t.Errorf("the %s is for %s, To %s, From %s", method, m.RequestURI(), m.Get("To"), m.Get("From"))
		}
		if method == "BYE" {
			n.phone.send(sipcore.NewResponse(m, 200, ""))
		}
	}
	// The phone did not hear the ACK.
	n.phone.send(answered)
	n.phone.request("ACK")
	n.trunk.idle()
}

func TestAFaultOfOursIsLoggedAndTheCallGoesOn(t *testing.T) {
	n := newNetwork(t, nil)
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		rec := call.Record{Call: *c, State: call.Open, Action: call.Action{Kind: call.Connect, Rule: "our own outage"}}
		return rec, errors.Join(errors.New("the disk is full"), n.gateway.Act(ctx, rec))
	})
	n.trunk.send(n.trunk.invite("fault-1"))
	n.phone.send(n.phone.answer(n.phone.request("INVITE"), 486))
	n.trunk.response(486)
	n.stop()
	if log := n.log.String(); !strings.Contains(log, `error="the disk is full"`) || !strings.Contains(log, "status=486") {
		t.Errorf("logged %s", log)
	}
}

func TestActionsThatCannotBeCarriedOutAreErrorsAndLeaveTheCallOpen(t *testing.T) {
	n := newNetwork(t, nil)
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		rec := call.Record{Call: *c}
		for _, kind := range []call.ActionKind{"", "applaud", call.Screen, call.Divert} {
			rec.Action = call.Action{Kind: kind}
			if err := n.gateway.Act(ctx, rec); err == nil {
				t.Errorf("Act(%q) = nil", kind)
			}
		}
		rec.Action.Kind = call.Connect
		err := n.gateway.Act(ctx, rec)
		if n.gateway.Act(ctx, rec) == nil {
			t.Error("a call was acted on twice")
		}
		return rec, err
	})
	n.trunk.send(n.trunk.invite("act-1"))
	n.phone.send(n.phone.answer(n.phone.request("INVITE"), 486))
	n.trunk.response(486)
	if n.gateway.Act(t.Context(), call.Record{}) == nil {
		t.Error("Act() of no call = nil")
	}
}

func TestACallThatTheFlowLeavesUndecidedIsConnected(t *testing.T) {
	n := newNetwork(t, nil)
	n.handles(func(ctx context.Context, c *call.Call) (call.Record, error) {
		rec := call.Record{Call: *c, Action: call.Action{Kind: call.Screen}, Verdict: call.Verdict{Standing: call.Unverified}}
		return rec, n.gateway.Act(ctx, rec)
	})
	n.trunk.send(n.trunk.invite("undecided-1"))
	n.phone.send(n.phone.answer(n.phone.request("INVITE"), 486))
	n.trunk.response(486)
	n.stop()
	if log := n.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "nowhere is configured") || !strings.Contains(log, "so it was connected") {
		t.Errorf("logged %s", log)
	}
}

func TestScreenedAndDivertedCallsGoElsewhere(t *testing.T) {
	screen := newPeer(t, "screen")
	n := newNetwork(t, func(c *gateway.Config) { c.Screen = screen.addr() })
	screen.gateway = n.gateway.Addr()
	n.decide(call.Record{Action: call.Action{Kind: call.Screen}})
	n.trunk.send(n.trunk.invite("screen-1"))
	screen.send(screen.answer(screen.request("INVITE"), 486))
	n.trunk.response(486)

	for target, want := range map[passport.Party]string{
		{TN: "12025550199"}:              "sip:+12025550199@" + n.phone.addr().String() + ";user=phone",
		{TN: "*67#"}:                     "sip:*67%23@" + n.phone.addr().String() + ";user=phone",
		{URI: "sip:desk@office.example"}: "sip:desk@office.example",
	} {
		n.decide(call.Record{Action: call.Action{Kind: call.Divert, Target: target}})
		n.trunk.send(n.trunk.invite(fmt.Sprint("divert-", len(want))))
		arrived := n.phone.request("INVITE")
		if got := arrived.RequestURI(); got != want {
			t.Errorf("diverted to %q, want %q", got, want)
		}
		n.phone.send(n.phone.answer(arrived, 486))
		n.trunk.response(486)
		n.phone.request("ACK")
	}
}

func TestALargeInviteIsForwardedWhole(t *testing.T) {
	n := newNetwork(t, nil)
	var fields []string
	for range 16 {
		fields = append(fields, "Identity: "+strings.Repeat("a", 1500)+";info=<https://a.example/1>")
	}
	invite := n.trunk.invite("large-1", fields...)
	n.trunk.send(invite)
	arrived := n.phone.request("INVITE")
	if !slices.Equal(arrived.Values("Identity"), invite.Values("Identity")) || string(arrived.Body()) != string(invite.Body()) {
		t.Error("a large INVITE was changed")
	}
	n.phone.send(n.phone.answer(arrived, 486))
	n.trunk.response(486)
}

func TestAlertInfoIsOursOnceItIsConfigured(t *testing.T) {
	n := newNetwork(t, func(c *gateway.Config) {
		c.AlertInfo = map[call.Standing]string{call.Refuted: "<http://127.0.0.1/alarm>"}
	})
	for standing, want := range map[call.Standing]string{call.Refuted: "<http://127.0.0.1/alarm>", call.Unverified: ""} {
		n.decide(call.Record{Action: call.Action{Kind: call.Connect}, Verdict: call.Verdict{Standing: standing}})
		n.trunk.send(n.trunk.invite("alert-"+standing.String()[:1], "Alert-Info: <http://evil.example/>"))
		arrived := n.phone.request("INVITE")
		if got := arrived.Get("Alert-Info"); got != want {
			t.Errorf("a call that is %v rings with %q, want %q", standing, got, want)
		}
		n.phone.send(n.phone.answer(arrived, 486))
		n.trunk.response(486)
		n.phone.request("ACK")
	}
}
