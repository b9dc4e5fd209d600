package sipcore

import (
	"net/netip"
	"strings"
	"testing"
)

func TestADialogBetweenTwoTransportsHasTwoRecordRoutes(t *testing.T) {
	e := runEndpoint(t, Config{Listen: []Listen{
		{Transport: UDP, Addr: "127.0.0.1:0", SentBy: "sip.example"},
		{Transport: TCP, Addr: "127.0.0.1:0", SentBy: "sip.example"},
		{Transport: WS, Addr: "[::1]:0", SentBy: "ws.example:8080"},
	}}, nil)
	a := netip.MustParseAddrPort("127.0.0.1:9")
	for _, c := range []struct {
		in, out Transport
		want    string
	}{
		{UDP, UDP, "<sip:x@sip.example;y=z;lr>"},
		{UDP, TCP, "<sip:x@sip.example;transport=tcp;y=z;lr> <sip:x@sip.example;y=z;lr>"},
		{WS, UDP, "<sip:x@sip.example;y=z;lr> <sip:x@ws.example:8080;transport=ws;y=z;lr>"},
	} {
		routes := e.RecordRoutes(Target{Transport: c.in, Addr: a}, Target{Transport: c.out, Addr: a}, "x", ";y=z")
		if got := strings.Join(routes, " "); got != c.want {
			t.Errorf("RecordRoutes(%v, %v) = %s, want %s", c.in, c.out, got, c.want)
		}
		bye := NewRequest(MethodBye, "sip:a@b.example")
		for _, r := range append(routes, "<sip:other.example;lr>") {
			bye.Add("Route", r)
		}
		if own := e.PopOwnRoutes(bye); len(own) != len(routes) || bye.Get("Route") != "<sip:other.example;lr>" {
			t.Errorf("PopOwnRoutes() = %v, and left %q", own, bye.Values("Route"))
		}
	}
	if !e.Listens(WS) || e.Listens(TLS) || e.AddrOf(TLS).IsValid() || e.SentByOver(WS, netip.Addr{}) != "ws.example:8080" {
		t.Error("the endpoint does not know what it listens on")
	}
}
