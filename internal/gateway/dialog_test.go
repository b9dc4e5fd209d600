package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
)

// TestNoCallInProgressIsLostByARestart sends every kind of request both ways through
// gateways that were not there when the call began.
func TestNoCallInProgressIsLostByARestart(t *testing.T) {
	for _, direction := range []string{"inbound", "outbound"} {
		t.Run(direction, func(t *testing.T) {
			n := newNetwork(t, nil)
			n.genuine()
			caller, callee := n.trunk, n.phone
			if direction == "outbound" {
				caller, callee = callee, caller
			}
			d := n.connect(caller, callee, caller.invite("restart-"+direction))
			for _, method := range []string{"INVITE", "UPDATE", "INFO", "BYE"} {
				for _, fromCaller := range []bool{true, false} {
					n.restart()
					exchange(t, d, method, fromCaller)
				}
			}
		})
	}
}

// exchange sends a request within a dialog, and its answer, and looks at both.
func exchange(t *testing.T, d *dialogue, method string, fromCaller bool) {
	t.Helper()
	from, to, end := d.caller, d.callee, d.callerEnd
	if !fromCaller {
		from, to, end = d.callee, d.caller, d.calleeEnd
	}
	req := from.via(end.NewRequest(method), method+from.name)
	req.Set("Contact", "<sip:"+from.name+"@"+from.addr().String()+">")
	req.SetBody("application/sdp", []byte("v=0\r\n"))
	from.send(req)
	got := to.request(method)

	// The phone knows the caller as it was shown him, the caller as he is.
	wantFrom, wantTo := d.arrived.Get("From"), d.answered.Get("To")
	if !fromCaller {
		wantFrom, wantTo = d.connected.Get("To"), d.invite.Get("From")
	}
	if got.Get("From") != wantFrom || got.Get("To") != wantTo {
		t.Errorf("%s of %s arrived with\nFrom: %s\nTo:   %s\nwant\nFrom: %s\nTo:   %s",
			method, from.name, got.Get("From"), got.Get("To"), wantFrom, wantTo)
	}
	for _, name := range []string{"Call-ID", "CSeq", "Contact"} {
		if got.Get(name) != req.Get(name) {
			t.Errorf("%s of a %s = %q, want %q", name, method, got.Get(name), req.Get(name))
		}
	}
	if got.Has("Route") || got.RequestURI() != req.RequestURI() || string(got.Body()) != "v=0\r\n" {
		t.Errorf("a %s arrived for %s with Route %q and body %q", method, got.RequestURI(), got.Get("Route"), got.Body())
	}
	to.send(to.answer(got, 200))
	r := from.response(200)
	if r.Get("From") != req.Get("From") || r.Get("To") != req.Get("To") || r.Get("CSeq") != req.Get("CSeq") {
		t.Errorf("the answer to a %s has\nFrom: %s\nTo:   %s\nwant them as sent\nFrom: %s\nTo:   %s",
			method, r.Get("From"), r.Get("To"), req.Get("From"), req.Get("To"))
	}
	if method == "INVITE" {
		ack := end.NewRequest("ACK")
		ack.Set("CSeq", strings.Replace(req.Get("CSeq"), "INVITE", "ACK", 1))
		from.send(from.via(ack, "ack"+req.Get("CSeq")[:1]+from.name))
		to.request("ACK")
	}
}

func TestASecondNodeWithTheSameKeyRoutesTheDialogToo(t *testing.T) {
	n := newNetwork(t, nil)
	n.genuine()
	d := n.connect(n.trunk, n.phone, n.trunk.invite("node-1"))
	first := n.gateway
	n.stop()
	n.config.Listen = "127.0.0.1:0"
	n.start()
	if n.gateway.Addr() == first.Addr() {
		t.Skip("the second node got the address of the first")
	}
	exchange(t, d, "UPDATE", true)
	exchange(t, d, "BYE", false)
}

func TestNobodyCanUseTheGatewayAsARelay(t *testing.T) {
	n := newNetwork(t, nil)
	n.genuine()
	victim, stranger := newPeer(t, "victim"), newPeer(t, "stranger")
	stranger.gateway = n.gateway.Addr()
	d := n.connect(n.trunk, n.phone, n.trunk.invite("relay-1"))
	route, err := sipcore.ParseNameAddr(d.connected.List("Record-Route")[0])
	if err != nil {
		t.Fatal(err)
	}
	other := newNetwork(t, func(c *gateway.Config) { c.Key = []byte("another key of sixteen bytes") })
	od := other.connect(other.trunk, other.phone, other.trunk.invite("relay-1"))
	foreign := strings.Split(strings.TrimPrefix(od.connected.Get("Record-Route"), "<sip:"), "@")[0]

	seal := route.URI().User()
	flipped := "A" + seal[1:]
	if seal[0] == 'A' {
		flipped = "B" + seal[1:]
	}
	request := func(branch string, change func(*sipcore.Message)) *sipcore.Message {
		m := stranger.via(d.callerEnd.NewRequest("MESSAGE"), branch)
		m.SetRequestURI("sip:victim@" + victim.addr().String())
		change(m)
		return m
	}
	for name, test := range map[string]struct {
		status int
		change func(*sipcore.Message)
	}{
		"no Route":               {481, func(m *sipcore.Message) { m.Remove("Route") }},
		"a Route to somebody":    {403, func(m *sipcore.Message) { m.Set("Route", "<sip:"+victim.addr().String()+";lr>") }},
		"a Route without a seal": {403, func(m *sipcore.Message) { m.Set("Route", "<sip:"+n.gateway.Addr().String()+";lr>") }},
		"a broken seal":          {403, func(m *sipcore.Message) { m.Set("Route", route.WithURI(route.URI().WithUser(flipped)).String()) }},
		"half a seal": {403, func(m *sipcore.Message) {
			m.Set("Route", route.WithURI(route.URI().WithUser(seal[:len(seal)/2])).String())
		}},
		"a seal of another key": {403, func(m *sipcore.Message) { m.Set("Route", route.WithURI(route.URI().WithUser(foreign)).String()) }},
		"another Call-ID":       {403, func(m *sipcore.Message) { m.Set("Call-ID", "relay-2") }},
		"another tag":           {403, func(m *sipcore.Message) { m.Set("From", "<sip:x@y.example>;tag=other") }},
	} {
		stranger.send(request(strings.ReplaceAll(name, " ", "-"), test.change))
		if r := stranger.next(); r.Status() != test.status {
			t.Errorf("%s: answered %v, want %d", name, r, test.status)
		}
	}
	// An ACK is not answered, and not forwarded either.
	ack := stranger.via(d.callerEnd.NewRequest("ACK"), "ack")
	ack.Set("Call-ID", "relay-3")
	stranger.send(ack)
	// Even with the seal of his own call a request goes to the other party only, whatever
	// its Request-URI says.
	stranger.send(request("own", func(m *sipcore.Message) {
		m.Set("Route", d.callerEnd.NewRequest("BYE").Get("Route")+", <sip:"+victim.addr().String()+";lr>")
	}))
	n.phone.send(n.phone.answer(n.phone.request("MESSAGE"), 200))
	stranger.response(200)
	victim.idle()
	n.trunk.idle()
}

func TestARouteInANewCallIsNotFollowed(t *testing.T) {
	n := newNetwork(t, nil)
	victim := newPeer(t, "victim")
	n.trunk.send(n.trunk.invite("route-1", "Route: <sip:"+n.gateway.Addr().String()+";lr>, <sip:"+victim.addr().String()+";lr>"))
	arrived := n.phone.request("INVITE")
	if arrived.Has("Route") {
		t.Errorf("the phone is told Route %q", arrived.Get("Route"))
	}
	n.phone.send(n.phone.answer(arrived, 486))
	n.trunk.response(486)
	victim.idle()
}

func TestALaterRequestCannotShowAnotherVerdict(t *testing.T) {
	n := newNetwork(t, nil)
	n.genuine()
	d := n.connect(n.trunk, n.phone, n.trunk.invite("later-1"))
	update := n.trunk.via(d.callerEnd.NewRequest("UPDATE"), "later")
	update.Set("From", `"✔ The President" <sip:+12025550199@carrier.example;verstat=TN-Validation-Passed>;tag=caller-later-1`)
	update.Set("P-Asserted-Identity", `"✔ The President" <sip:+12025550199;verstat=TN-Validation-Passed@carrier.example>`)
	update.Set("Remote-Party-ID", `"✔ The President" <sip:+12025550199@carrier.example>`)
	update.Set("P-Attestation-Indicator", "A")
	n.trunk.send(update)
	got := n.phone.request("UPDATE")
	for name, want := range map[string]string{
		// The number is another one now, which nobody judged.
		"From":                    `<sip:+12025550199@carrier.example>;tag=caller-later-1`,
		"P-Asserted-Identity":     "<sip:+12025550199@carrier.example>",
		"Remote-Party-ID":         "",
		"P-Attestation-Indicator": "",
	} {
		if got.Get(name) != want {
			t.Errorf("%s of an UPDATE = %q, want %q", name, got.Get(name), want)
		}
	}
	n.phone.send(n.phone.answer(got, 200))
	n.trunk.response(200)
}

func TestANameTooLongToCarryIsNotGivenBackButTheCallGoesOn(t *testing.T) {
	n := newNetwork(t, nil)
	invite := n.trunk.invite("long-1", `From: "`+strings.Repeat("long ", 60)+`" <sip:+12025550101@carrier.example>;tag=caller-long-1`)
	d := n.connect(n.trunk, n.phone, invite)
	if got, want := d.connected.Get("From"), invite.Get("From"); got != want {
		t.Errorf("From back to the caller = %q, want %q", got, want)
	}
	n.phone.send(n.phone.via(d.calleeEnd.NewRequest("BYE"), "bye"))
	if got, want := n.trunk.request("BYE").Get("To"), "<sip:+12025550101@carrier.example>;tag=caller-long-1"; got != want {
		t.Errorf("To of the phone's BYE = %q, want %q", got, want)
	}
}

func TestUpstreamRoutesAreKept(t *testing.T) {
	n := newNetwork(t, nil)
	d := n.connect(n.trunk, n.phone, n.trunk.invite("upstream-1", "Record-Route: <sip:carrier@192.0.2.7;lr>"))
	n.phone.send(n.phone.via(d.calleeEnd.NewRequest("BYE"), "bye"))
	if got := n.trunk.request("BYE").List("Route"); !slices.Equal(got, []string{"<sip:carrier@192.0.2.7;lr>"}) {
		t.Errorf("Route of the phone's BYE = %q", got)
	}
}
