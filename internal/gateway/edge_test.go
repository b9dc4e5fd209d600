package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
	"countersign.example/sipidentity"
)

// TestRow151AVerstatFromOutsideIsRemovedAndOursIsSet is row 151 of the checklist, with
// the ways in which verstat can be written.
func TestRow151AVerstatFromOutsideIsRemovedAndOursIsSet(t *testing.T) {
	n := newNetwork(t, nil)
	const number, ours = "<sip:+12025550101@carrier.example", ";verstat=No-TN-Validation>"
	for name, from := range map[string]string{
		"behind-the-host":    number + ";verstat=TN-Validation-Passed>",
		"behind-the-number":  "<sip:+12025550101;verstat=TN-Validation-Passed@carrier.example>",
		"in-capitals":        number + ";VERSTAT=TN-Validation-Passed>",
		"with-a-suffix":      number + ";verstat=TN-Validation-Passed-A>",
		"twice":              number + ";verstat=TN-Validation-Passed;verstat=TN-Validation-Passed>",
		"behind-the-address": number + ">;verstat=TN-Validation-Passed",
		"in-percent-signs":   number + ";%76erstat=TN-Validation-Passed>",
		"in-two-layers":      number + ";%2576erstat=TN-Validation-Passed>",
	} {
		n.trunk.send(n.trunk.invite(name, "From: "+from+";tag=caller",
			"P-Asserted-Identity: "+from, "P-Attestation-Indicator: A", "P-Origination-ID: 1", "Attestation-Info: A", "Origination-ID: 1",
			"Remote-Party-ID: "+from, "P-Preferred-Identity: "+from))
		arrived := n.phone.request("INVITE")
		for _, field := range []string{"From", "P-Asserted-Identity"} {
			got := arrived.Get(field)
			if !strings.Contains(got, number+ours) || strings.Contains(got, "Passed") || strings.Contains(got, "%") {
				t.Errorf("%s: %s towards the phone = %q, want it to hold %q", name, field, got, number+ours)
			}
		}
		for _, field := range []string{"P-Attestation-Indicator", "P-Origination-ID", "Attestation-Info", "Origination-ID", "Remote-Party-ID", "P-Preferred-Identity"} {
			if arrived.Has(field) {
				t.Errorf("%s: %s reached the phone", name, field)
			}
		}
		n.phone.send(n.phone.answer(arrived, 486))
		n.trunk.response(486)
		n.phone.request("ACK")
	}
}

func TestVerstatIsAboutTheNumberThatWasJudged(t *testing.T) {
	n := newNetwork(t, nil)
	n.decide(call.Record{
		Action: call.Action{Kind: call.Connect}, Verdict: call.Verdict{Standing: call.Unverified},
		Evidence: []call.Evidence{{Kind: call.InBand, Reason: call.AttestedFull, Report: judgement(sipidentity.Passed)}},
	})
	for name, test := range map[string]struct {
		fields     []string
		from, pais string
	}{
		"another number in From": {
			[]string{"P-Asserted-Identity: <sip:+12025550177@carrier.example;user=phone>"},
			"<sip:+12025550101@carrier.example;user=phone;verstat=No-TN-Validation>;tag=",
			"<sip:+12025550177@carrier.example;user=phone;verstat=TN-Validation-Passed>"},
		"a tel URI": {
			[]string{"P-Asserted-Identity: <sip:+12025550101@carrier.example;user=phone>, <tel:+12025550101>"},
			"<sip:+12025550101@carrier.example;user=phone;verstat=TN-Validation-Passed>;tag=",
			"<tel:+12025550101;verstat=TN-Validation-Passed>"},
		"number withheld": {
			[]string{"From: <sip:anonymous@anonymous.invalid>;tag=caller"},
			"<sip:anonymous@anonymous.invalid>;tag=", ""},
		"an asserted identity that cannot be read": {
			[]string{"P-Asserted-Identity: <sip:+12025550177@carrier.example;verstat=TN-Validation-Passed"},
			"<sip:+12025550101@carrier.example;user=phone;verstat=TN-Validation-Passed>;tag=", ""},
	} {
		n.trunk.send(n.trunk.invite(strings.ReplaceAll(name, " ", "-"), test.fields...))
		arrived := n.phone.request("INVITE")
		if got := arrived.Get("From"); !strings.Contains(got, test.from) {
			t.Errorf("%s: From = %q, want it to hold %q", name, got, test.from)
		}
		if got := strings.Join(arrived.List("P-Asserted-Identity"), ", "); !strings.HasSuffix(got, test.pais) || test.pais == "" && got != "" {
			t.Errorf("%s: P-Asserted-Identity = %q, want it to end in %q", name, got, test.pais)
		}
		n.phone.send(n.phone.answer(arrived, 486))
		n.trunk.response(486)
		n.phone.request("ACK")
	}
}

func TestWhatBelongsToNoCallIsAnsweredPolitely(t *testing.T) {
	n := newNetwork(t, nil)
	for i, test := range []struct {
		method, uri string
		status      int
		fields      []string
	}{
		{"OPTIONS", "sip:gateway", 200, nil},
		{"REGISTER", "sip:gateway", 405, nil},
		{"SUBSCRIBE", "sip:alice@gateway", 405, nil},
		{"MESSAGE", "sip:alice@gateway", 405, nil},
		{"BYE", "sip:alice@gateway", 481, nil},
		{"JUGGLE", "sip:alice@gateway", 501, nil},
		{"INVITE", "sip:alice@gateway", 483, []string{"Max-Forwards: 0"}},
		{"INVITE", "sip:alice@gateway", 420, []string{"Proxy-Require: magic, gold"}},
		{"INVITE", "sips:alice@gateway", 416, nil},
		{"INVITE", "http://gateway/", 416, nil},
	} {
		m := n.trunk.invite(fmt.Sprint("polite-", i), test.fields...)
		if test.method != "INVITE" {
			other := sipcore.NewRequest(test.method, "")
			for _, name := range []string{"Via", "From", "To", "Call-ID"} {
				other.Add(name, m.Get(name))
			}
			other.Add("CSeq", "1 "+test.method)
			m = other
		}
		m.SetRequestURI(strings.Replace(test.uri, "gateway", n.gateway.Addr().String(), 1))
		n.trunk.send(m)
		r := n.trunk.response(test.status)
		if test.status == 420 && strings.Join(r.List("Unsupported"), " ") != "magic gold" {
			t.Errorf("Unsupported = %q", r.Values("Unsupported"))
		}
		if (test.status == 405 || test.status == 200) && r.Get("Allow") == "" {
			t.Errorf("%s was answered %d without Allow", test.method, test.status)
		}
	}
	n.phone.idle()
	if len(n.judged) != 0 {
		t.Error("something was judged")
	}
}

func TestAMalformedInviteIsAnswered400AndNotJudged(t *testing.T) {
	n := newNetwork(t, nil)
	m := n.trunk.invite("malformed-1")
	m.Add("From", "<sip:second@from.example>;tag=2")
	n.trunk.send(m)
	n.trunk.response(400)
	if len(n.judged) != 0 {
		t.Error("a malformed INVITE was judged")
	}
}

func TestTheLogLineOfACallHoldsNoWholeNumber(t *testing.T) {
	n := newNetwork(t, nil)
	n.trunk.send(n.trunk.invite("log-1", "From: <sip:2025550101@carrier.example>;tag=1"))
	n.phone.send(n.phone.answer(n.phone.request("INVITE"), 486))
	n.trunk.response(486)
	n.stop()
	log := n.log.String()
	for _, want := range []string{"verdict=unverified", "action=connect", "calling=sip:202555••••@", "called=+1202555••••"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	for _, number := range []string{"2025550101", "2025550142"} {
		if strings.Contains(log, number) {
			t.Errorf("the log holds a whole number:\n%s", log)
		}
	}
}

func TestAGatewayThatCannotWorkIsNotMade(t *testing.T) {
	good := newNetwork(t, nil).config
	good.Listen = "127.0.0.1:0"
	for name, change := range map[string]func(*gateway.Config){
		"no phone side":     func(c *gateway.Config) { c.Phone = c.Screen },
		"no trunk side":     func(c *gateway.Config) { c.Trunk = c.Screen },
		"one side for both": func(c *gateway.Config) { c.Trunk = c.Phone },
		"a short key":       func(c *gateway.Config) { c.Key = []byte("fifteen bytes..") },
		"no address":        func(c *gateway.Config) { c.Listen = "nowhere" },
		"an address in use": func(c *gateway.Config) { c.Listen = c.Phone.String() },
	} {
		c := good
		change(&c)
		if g, err := gateway.New(c); err == nil {
			g.Close()
			t.Errorf("%s: New() made one", name)
		}
	}
	g, err := gateway.New(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err == nil {
		t.Error("Run() before Use() = nil")
	}
	g.Close()
}
