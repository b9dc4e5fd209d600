package sipcore

import (
	"strings"
	"testing"
)

var inviteText = strings.ReplaceAll(`INVITE sip:+12155551212@127.0.0.1:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1-2-3
Max-Forwards: 70
From: <sip:+12155551213@127.0.0.1:5061;user=phone>;tag=1SIPp3
To: <sip:+12155551212@127.0.0.1:5060;user=phone>
Call-ID: 1-2@127.0.0.1
CSeq: 1 INVITE
Contact: <sip:+12155551213@127.0.0.1:5061>
P-Asserted-Identity: <sip:+12155551213@127.0.0.1;user=phone>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK
Supported: 100rel, timer
User-Agent: perf-uac
Content-Type: application/sdp
Content-Length: 129

v=0
o=- 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 20000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a`, "\n", "\r\n")

func BenchmarkParse(b *testing.B) {
	data := []byte(inviteText)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseWire(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHead(b *testing.B) {
	data := []byte(inviteText)
	end, _ := bounds(data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseHead(data[:end]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCloneAndWrite(b *testing.B) {
	m, err := parseWire([]byte(inviteText))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Clone().Bytes()
	}
}
