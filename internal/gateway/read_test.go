package gateway_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/tn"
)

var arrival = time.Date(2026, 1, 2, 15, 4, 5, 678e6, time.UTC)

// read reads an INVITE to uri with these header fields and body.
func read(t *testing.T, uri, fields, body string) *call.Call {
	t.Helper()
	text := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nCall-ID: call-1\r\nCSeq: 1 INVITE\r\n"
	if !strings.Contains(fields, "From:") {
		text += "From: <sip:+12025550101@a.example;user=phone>;tag=1\r\n"
	}
	if !strings.Contains(fields, "To:") {
		text += "To: <sip:+12025550142@b.example;user=phone>\r\n"
	}
	for line := range strings.SplitSeq(fields, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			text += line + "\r\n"
		}
	}
	m, err := sipcore.ParseRequest([]byte(text + "\r\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	numbering := sipidentity.Numbering{Plan: tn.Plan{Country: "44", Trunk: "0", International: "00"}}
	return gateway.ReadCall(m, gateway.Trunk, arrival, numbering)
}

func TestWhoCallsWhom(t *testing.T) {
	const called = "sip:+12025550142@b.example;user=phone"
	number := func(s string) passport.Party { return passport.Party{TN: tn.Number(s)} }
	for _, test := range []struct {
		name, uri, fields string
		calling, called   passport.Party
	}{
		{"From, without an asserted identity", called, "", number("12025550101"), number("12025550142")},
		{"the asserted identity goes before From", called, "P-Asserted-Identity: <sip:+12025550177@a.example>",
			number("12025550177"), number("12025550142")},
		{"of two asserted identities the number", called, `P-Asserted-Identity: "A, B" <sip:alice@a.example>, <tel:+12025550177>`,
			number("12025550177"), number("12025550142")},
		{"an asserted identity that is no number", called, "P-Asserted-Identity: <sip:Alice@A.example>",
			passport.Party{URI: "sip:alice@a.example"}, number("12025550142")},
		{"an asserted identity that cannot be read is passed over", called, "P-Asserted-Identity: <sip:",
			number("12025550101"), number("12025550142")},
		{"withheld", called, "From: Anonymous <sip:anonymous@anonymous.invalid>;tag=1", passport.Party{}, number("12025550142")},
		{"withheld in the manner of telephone networks", called, "From: <sip:unavailable@unknown.invalid>;tag=1", passport.Party{}, number("12025550142")},
		{"withheld from the called party, but asserted", called,
			"From: <sip:anonymous@anonymous.invalid>;tag=1\nP-Asserted-Identity: <tel:+12025550177>\nPrivacy: id", number("12025550177"), number("12025550142")},
		{"a URI", "sip:Bob@B.example", "From: <sip:alice@a.example>;tag=1",
			passport.Party{URI: "sip:alice@a.example"}, passport.Party{URI: "sip:bob@b.example"}},
		{"a national number becomes international", "tel:020-7946-0018;phone-context=+44", "From: <sip:02079460001@a.example;user=phone>;tag=1",
			number("442079460001"), number("442079460018")},
		{"a host alone", "sip:b.example", "", number("12025550101"), passport.Party{}},
		{"an emergency service", "urn:service:sos", "", number("12025550101"), passport.Party{URI: "urn:service:sos"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := read(t, test.uri, test.fields, "")
			if c.Calling != test.calling || c.Called != test.called {
				t.Errorf("ReadCall() has %+v calling %+v, want %+v calling %+v", c.Calling, c.Called, test.calling, test.called)
			}
		})
	}
}

func TestWhatTheSignallingSaid(t *testing.T) {
	c := read(t, "sip:+12025550142@b.example", `From: "The President" <sip:+12025550101@a.example>;tag=1
		To: <sip:+12025550199@b.example>
		Date: Fri, 02 Jan 2026 15:04:00 GMT
		Identity: one;info=<https://a.example>
		y: two;info=<https://a.example>
		Resource-Priority: ets.0, wps.1
		Priority: emergency`,
		"v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 1 RTP/AVP 0\r\na=fingerprint:sha-1 CC\r\nb=fingerprint:no\r\n")
	want := call.Signalling{
		CallID: "call-1", Date: time.Date(2026, 1, 2, 15, 4, 0, 0, time.UTC), To: passport.Party{TN: "12025550199"},
		Identity:         []string{"one;info=<https://a.example>", "two;info=<https://a.example>"},
		Fingerprints:     []string{"sha-256 AA:BB", "sha-1 CC"},
		ResourcePriority: []string{"ets.0", "wps.1"}, Priority: "emergency",
	}
	if !reflect.DeepEqual(c.Signalling, want) {
		t.Errorf("ReadCall() has signalling %+v, want %+v", c.Signalling, want)
	}
	if c.DisplayName != "The President" || !c.ArrivedAt.Equal(arrival) || c.Direction != call.Inbound || c.Channel != call.SIP || c.Trunk != "trunk" {
		t.Errorf("ReadCall() = %+v", c)
	}
}

func TestEmergencyCalls(t *testing.T) {
	for uri, want := range map[string]bool{
		"sip:112@b.example": true, "sip:911@b.example;user=phone": true, "tel:999": true, "sip:9-1-1@b.example": true,
		"urn:service:sos": true, "URN:service:SOS.police": true,
		"sip:+12025550142@b.example": false, "sip:1120@b.example": false, "urn:service:sosa": false, "urn:service:counseling": false, "sip:b.example": false,
	} {
		if got := read(t, uri, "", "").Signalling.Emergency; got != want {
			t.Errorf("a call to %s is an emergency call: %v, want %v", uri, got, want)
		}
	}
}

func TestEmergencyNumbersAreTheOperatorsToSay(t *testing.T) {
	n := newNetwork(t, func(c *gateway.Config) { c.Emergency = []string{"18"} })
	for uri, want := range map[string]bool{"sip:18@x.example": true, "sip:911@x.example": false, "urn:service:sos": true} {
		invite := n.trunk.invite("emergency-" + uri[4:6])
		invite.SetRequestURI(uri)
		n.trunk.send(invite)
		n.phone.send(n.phone.answer(n.phone.request("INVITE"), 486))
		n.trunk.response(486)
		n.phone.request("ACK")
		if c := <-n.judged; c.Signalling.Emergency != want {
			t.Errorf("a call to %s is an emergency call: %v, want %v", uri, c.Signalling.Emergency, want)
		}
	}
}

func TestIDsSortByTimeAndAreNeverTheSame(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var ids []string
	for i := range 2000 {
		ids = append(ids, gateway.NewID(at.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("IDs a millisecond apart do not sort by time")
	}
	if id := gateway.NewID(at); len(id) != 26 || strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" || id[:10] != ids[0][:10] || id == ids[0] {
		t.Errorf("NewID() = %q, beside %q", id, ids[0])
	}
	// The ULID of this time in any other implementation begins so.
	if id := gateway.NewID(time.UnixMilli(1469918176385)); id[:10] != "01ARYZ6S41" {
		t.Errorf("NewID() = %q, want it to begin with 01ARYZ6S41", id)
	}
}

func TestRow030TheCompactNameOfTheHeaderFieldIsRead(t *testing.T) {
	const field = "eyJ.one.sig;info=<https://cert.example.org/chain.pem>;ppt=shaken"
	for _, name := range []string{"y", "Y", "Identity", "identity"} {
		req, err := sipcore.ParseRequest([]byte("INVITE sip:+12025550142@127.0.0.1;user=phone SIP/2.0\r\n" +
			"Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1\r\nFrom: <sip:+12025550101@127.0.0.1>;tag=1\r\n" +
			"To: <sip:+12025550142@127.0.0.1>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" +
			name + ": " + field + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		c := gateway.ReadCall(req, gateway.Trunk, time.Now(), sipidentity.Numbering{})
		if !slices.Equal(c.Signalling.Identity, []string{field}) {
			t.Errorf("under the name %q the fields are %q", name, c.Signalling.Identity)
		}
	}
}
