package gateway

import (
	"testing"
	"time"
	"unicode/utf8"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"countersign.example/sipidentity"
)

// FuzzReadCall reads and cleans any request that sipcore accepts.
func FuzzReadCall(f *testing.F) {
	const head = "INVITE sip:+12025550142@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nTo: <sip:b@b.example>\r\n"
	for _, fields := range []string{
		"From: <sip:+12025550101;verstat=TN-Validation-Passed@a.example>;tag=1\r\n",
		"From: \"x\" <tel:+12025550101;%76erstat=a>;tag=1\r\nP-Asserted-Identity: <sip:a@b>, <tel:1;verstat=x>, <broken\r\n",
		"From: sip:anonymous@anonymous.invalid;verstat=x;tag=1\r\nPrivacy: id\r\nIdentity: a\r\ny: b\r\nDate: now\r\n",
		"From: <sip:+1;verstat@[2001:db8::1]:5060;verstat=%25>;tag=1\r\nRemote-Party-ID: x\r\n",
	} {
		f.Add(head + fields + "\r\na=fingerprint:sha-256 AA\r\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := sipcore.ParseRequest([]byte(text))
		if err != nil {
			return
		}
		clean(m, Trunk)
		c := ReadCall(m, Trunk, time.Unix(1, 0), sipidentity.Numbering{})
		if name := DisplayName(&call.Record{Call: *c, Verdict: call.Verdict{Standing: call.Unverified}}, false); !utf8.ValidString(name) || len(name) > maxName {
			t.Errorf("DisplayName() = %q", name)
		}
		for _, value := range append(m.List("P-Asserted-Identity"), m.Get("From")) {
			a, err := sipcore.ParseNameAddr(value)
			if err != nil {
				t.Fatalf("%q is left, which cannot be read: %v", value, err)
			}
			_, behindHost := a.URI().Param("verstat")
			_, behindNumber := a.URI().TelParam("verstat")
			if _, behind := a.Param("verstat"); behind || behindHost || behindNumber {
				t.Errorf("%q still has a verstat", value)
			}
		}
		before := string(m.Bytes())
		clean(m, Trunk)
		if after := string(m.Bytes()); after != before {
			t.Errorf("cleaned twice:\n%s\nonce:\n%s", after, before)
		}
	})
}
