package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
)

const signedValue = "eyJ.ours;info=<https://us.example/1>;alg=ES256;ppt=shaken"

func TestAnOutboundCallLeavesWithOurIdentityAndADate(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	n := newNetwork(t, func(c *gateway.Config) { c.Now = func() time.Time { return at } })
	n.decide(call.Record{Action: call.Action{Kind: call.Connect}, Signed: []string{signedValue}})
	invite := n.phone.invite("out-1", "Identity: eyJ.forged;info=<https://evil.example/1>")
	d := n.connect(n.phone, n.trunk, invite)

	if got := d.arrived.Values("Identity"); !slices.Equal(got, []string{signedValue}) {
		t.Errorf("Identity towards the trunk = %q, want ours alone", got)
	}
	if got := d.arrived.Get("Date"); got != "Fri, 02 Jan 2026 15:04:05 GMT" {
		t.Errorf("Date towards the trunk = %q", got)
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Contact"} {
		if got, want := d.arrived.Get(name), invite.Get(name); got != want {
			t.Errorf("%s towards the trunk = %q, want %q", name, got, want)
		}
	}
	c := <-n.judged
	if c.Direction != call.Outbound || len(c.Signalling.Identity) != 0 || !c.Signalling.Date.Equal(at) {
		t.Errorf("judged %+v", c)
	}
}

func TestADateOfThePhonesIsKeptUnlessItIsOff(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	n := newNetwork(t, func(c *gateway.Config) { c.Now = func() time.Time { return at } })
	for _, test := range []struct{ name, sent, want string }{
		{"a minute behind", "Fri, 02 Jan 2026 15:03:05 GMT", "Fri, 02 Jan 2026 15:03:05 GMT"},
		{"a minute and a second ahead", "Fri, 02 Jan 2026 15:05:06 GMT", "Fri, 02 Jan 2026 15:04:05 GMT"},
		{"not a date", "yesterday", "Fri, 02 Jan 2026 15:04:05 GMT"},
	} {
		n.phone.send(n.phone.invite(strings.ReplaceAll(test.name, " ", "-"), "Date: "+test.sent))
		arrived := n.trunk.request("INVITE")
		if got := arrived.Get("Date"); got != test.want {
			t.Errorf("%s: Date towards the trunk = %q, want %q", test.name, got, test.want)
		}
		n.trunk.send(n.trunk.answer(arrived, 486))
		n.phone.response(486)
		n.trunk.request("ACK")
	}
}

func TestTheTrunkCannotShowAVerdictInItsAnswer(t *testing.T) {
	n := newNetwork(t, nil)
	n.phone.send(n.phone.invite("out-2"))
	arrived := n.trunk.request("INVITE")
	ringing := n.trunk.answer(arrived, 183)
	ringing.Set("P-Asserted-Identity", `"✔ verified" <sip:+12025550142;verstat=TN-Validation-Passed@carrier.example;user=phone>`)
	ringing.Set("P-Attestation-Indicator", "A")
	n.trunk.send(ringing)
	r := n.phone.response(183)
	if got, want := r.Get("P-Asserted-Identity"), "<sip:+12025550142@carrier.example;user=phone>"; got != want || r.Has("P-Attestation-Indicator") {
		t.Errorf("P-Asserted-Identity in the answer = %q, want %q", got, want)
	}
	n.trunk.send(n.trunk.answer(arrived, 486))
	n.phone.response(486)
}
