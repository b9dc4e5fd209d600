package sipcore

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a DNS server on the loopback interface.
type zone struct {
	addr    string
	records map[dns.Question][]dns.RR
	asked   atomic.Int32
	short   atomic.Bool // truncate over UDP
	fails   atomic.Bool
}

func newZone(t *testing.T, lines ...string) *zone {
	t.Helper()
	z := &zone{records: make(map[dns.Question][]dns.RR)}
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		q := dns.Question{Name: rr.Header().Name, Qtype: rr.Header().Rrtype, Qclass: dns.ClassINET}
		z.records[q] = append(z.records[q], rr)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.addr = conn.LocalAddr().String()
	ln, err := net.Listen("tcp", z.addr)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait) // behind those that end it
	for _, s := range []*dns.Server{{PacketConn: conn}, {Listener: ln}} {
		started := make(chan struct{})
		s.Handler, s.NotifyStartedFunc = z, func() { close(started) }
		serving.Go(func() { s.ActivateAndServe() })
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	z.asked.Add(1)
	m := new(dns.Msg)
	m.SetReply(req)
	q := req.Question[0]
	m.Answer = z.records[q]
	if alias := z.records[dns.Question{Name: q.Name, Qtype: dns.TypeCNAME, Qclass: q.Qclass}]; len(alias) > 0 {
		m.Answer = append(slices.Clone(alias), z.records[dns.Question{Name: alias[0].(*dns.CNAME).Target, Qtype: q.Qtype, Qclass: q.Qclass}]...)
	}
	switch _, udp := w.LocalAddr().(*net.UDPAddr); {
	case z.fails.Load():
		m.Rcode, m.Answer = dns.RcodeServerFailure, nil
	case udp && z.short.Load():
		m.Truncated, m.Answer = true, nil
	case len(m.Answer) == 0:
		m.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(m)
}

func (z *zone) resolver(t *testing.T, c ResolverConfig) *Resolver {
	t.Helper()
	c.Servers = append(c.Servers, z.addr)
	r, err := NewResolver(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found are the targets of a URI, as one text.
func found(t *testing.T, r *Resolver, uri string) string {
	t.Helper()
	u, err := ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := r.Targets(t.Context(), u)
	if err != nil {
		return err.Error()
	}
	var texts []string
	for _, target := range targets {
		text := target.String()
		if target.Name != "" {
			text += "/" + target.Name
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func TestNextHopsAreFoundByRFC3263(t *testing.T) {
	z := newZone(t,
		`naptr.example. 60 IN NAPTR 20 1 "s" "SIP+D2U" "" _sip._udp.naptr.example.`,
		`naptr.example. 60 IN NAPTR 10 2 "s" "SIP+D2T" "" _sip._tcp.naptr.example.`,
		`naptr.example. 60 IN NAPTR 10 1 "s" "SIPS+D2T" "" _sips._tcp.naptr.example.`,
		`naptr.example. 60 IN NAPTR 1 1 "s" "SIP+D2S" "" _sip._sctp.naptr.example.`,
		`naptr.example. 60 IN NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@b!" .`,
		`_sip._udp.naptr.example. 60 IN SRV 1 1 5070 a.naptr.example.`,
		`_sip._tcp.naptr.example. 60 IN SRV 1 1 5071 a.naptr.example.`,
		`_sips._tcp.naptr.example. 60 IN SRV 1 1 5072 a.naptr.example.`,
		`a.naptr.example. 60 IN A 192.0.2.1`,
		`a.naptr.example. 60 IN AAAA 2001:db8::1`,

		`_sip._udp.srv.example. 60 IN SRV 2 1 5060 b.srv.example.`,
		`_sip._udp.srv.example. 60 IN SRV 1 1 5060 a.srv.example.`,
		`_sips._tcp.srv.example. 60 IN SRV 1 1 5061 a.srv.example.`,
		`a.srv.example. 60 IN A 192.0.2.2`,
		`b.srv.example. 60 IN A 192.0.2.3`,
		`b.srv.example. 60 IN A 192.0.2.4`,

		`plain.example. 60 IN A 192.0.2.5`,
		`alias.example. 60 IN CNAME plain.example.`,
		`_sip._udp.none.example. 60 IN SRV 0 0 0 .`,
		`none.example. 60 IN A 192.0.2.6`,
	)
	r := z.resolver(t, ResolverConfig{})
	four := z.resolver(t, ResolverConfig{IPv4: true, Transports: []Transport{UDP, TCP, TLS, WS, WSS}})
	for _, c := range []struct {
		r         *Resolver
		uri, want string
	}{
		{r, "sip:naptr.example", "tls:[2001:db8::1]:5072/naptr.example tls:192.0.2.1:5072/naptr.example " +
			"tcp:[2001:db8::1]:5071 tcp:192.0.2.1:5071 udp:[2001:db8::1]:5070 udp:192.0.2.1:5070"},
		{four, "sips:naptr.example", "tls:192.0.2.1:5072/naptr.example"},
		{r, "sip:srv.example", "udp:192.0.2.2:5060 udp:192.0.2.3:5060 udp:192.0.2.4:5060 tls:192.0.2.2:5061/srv.example"},
		{r, "sips:srv.example", "tls:192.0.2.2:5061/srv.example"},
		{r, "sip:srv.example;transport=udp", "udp:192.0.2.2:5060 udp:192.0.2.3:5060 udp:192.0.2.4:5060"},
		{r, "sip:plain.example", "udp:192.0.2.5:5060"},
		{r, "sip:alias.example", "udp:192.0.2.5:5060"},
		{r, "sip:plain.example;transport=tcp", "tcp:192.0.2.5:5060"},
		{r, "sips:plain.example;transport=tcp", "tls:192.0.2.5:5061/plain.example"},
		{four, "sips:plain.example;transport=ws", "wss:192.0.2.5:443/plain.example"},
		{r, "sip:srv.example:5099", "sipcore: no target in the DNS: srv.example"},
		{r, "sip:plain.example:5099", "udp:192.0.2.5:5099"},
		{r, "sip:192.0.2.9", "udp:192.0.2.9:5060"},
		{r, "sips:[2001:db8::9]", "tls:[2001:db8::9]:5061/2001:db8::9"},
		{r, "sip:plain.example;maddr=192.0.2.8", "udp:192.0.2.8:5060"},
		{r, "sip:none.example;transport=udp", "sipcore: no target in the DNS: none.example"},
		{r, "sip:nobody.example", "sipcore: no target in the DNS: nobody.example"},
		{r, "sip:plain.example;transport=sctp", "sipcore: no such transport here: SCTP"},
		{r, "sip:plain.example;transport=ws", "sipcore: no such transport here: WS"},
		{r, "tel:+12155551212", "sipcore: no such transport here: for a tel URI"},
	} {
		if got := found(t, c.r, c.uri); got != c.want {
			t.Errorf("Targets(%s)\n = %s\nwant %s", c.uri, got, c.want)
		}
	}
}

func TestRecordsOfOnePriorityAreDrawnByWeight(t *testing.T) {
	const draws = 4000
	heavy := &dns.SRV{Priority: 1, Weight: 90, Target: "heavy."}
	light := &dns.SRV{Priority: 1, Weight: 10, Target: "light."}
	never := &dns.SRV{Priority: 2, Weight: 65535, Target: "last."}
	first := make(map[string]int)
	for range draws {
		got := inOrder([]*dns.SRV{never, light, heavy})
		if len(got) != 3 || got[2] != never {
			t.Fatalf("inOrder() = %v", got)
		}
		first[got[0].Target]++
	}
	// 90 % of 4,000 is 3,600, with a standard deviation of 19.
	if n := first["heavy."]; n < 3400 || n > 3800 {
		t.Errorf("the heavy one came first %d times of %d", n, draws)
	}
}

func TestAnswersAreKeptForTheirTTLAndBounded(t *testing.T) {
	z := newZone(t, `a.example. 60 IN A 192.0.2.1`, `b.example. 60 IN A 192.0.2.2`)
	r := z.resolver(t, ResolverConfig{IPv4: true, MaxEntries: 3})
	now := time.Now()
	r.now = func() time.Time { return now }
	for _, c := range []struct {
		uri   string
		later time.Duration
		asked int32
	}{
		{"sip:a.example:5060", 0, 1},
		{"sip:A.example:5060", 59 * time.Second, 0},
		{"sip:a.example:5060", time.Second, 1},
		{"sip:gone.example:5060", 0, 1},
		{"sip:gone.example:5060", 29 * time.Second, 0},
		{"sip:gone.example:5060", time.Second, 1},
	} {
		now = now.Add(c.later)
		z.asked.Store(0)
		found(t, r, c.uri)
		if got := z.asked.Load(); got != c.asked {
			t.Errorf("%s %v later: %d questions, want %d", c.uri, c.later, got, c.asked)
		}
	}
	for i := range 20 {
		found(t, r, "sip:"+strings.Repeat("x", i+1)+".example:5060")
	}
	if len(r.known) > 3 {
		t.Errorf("%d answers are kept, want 3 at most", len(r.known))
	}
}

func TestTruncatedAnswersAndServersThatFailAreNoObstacle(t *testing.T) {
	bad, good := newZone(t), newZone(t, `a.example. 60 IN A 192.0.2.1`)
	bad.fails.Store(true)
	good.short.Store(true)
	r := good.resolver(t, ResolverConfig{Servers: []string{bad.addr}, IPv4: true})
	if got := found(t, r, "sip:a.example:5060"); got != "udp:192.0.2.1:5060" {
		t.Errorf("Targets() = %s", got)
	}
	if bad.asked.Load() == 0 {
		t.Error("the first server was not asked")
	}
	alone := bad.resolver(t, ResolverConfig{})
	if got := found(t, alone, "sip:a.example"); !strings.Contains(got, "SERVFAIL") {
		t.Errorf("Targets() = %s, want what the server says", got)
	}
}

func TestAServerThatIsSilentIsNotWaitedForLong(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	good := newZone(t, `a.example. 60 IN A 192.0.2.1`)
	r := good.resolver(t, ResolverConfig{Servers: []string{silent.LocalAddr().String()}, IPv4: true, Timeout: 50 * time.Millisecond})
	if got := found(t, r, "sip:a.example:5060"); got != "udp:192.0.2.1:5060" {
		t.Errorf("Targets() = %s", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	u, _ := ParseURI("sip:b.example:5060")
	if _, err := r.Targets(ctx, u); !errors.Is(err, context.Canceled) {
		t.Errorf("Targets() = %v, want the error of its context", err)
	}
}

func TestACallFindsItsWayPastAServerThatIsDown(t *testing.T) {
	up := runEndpoint(t, Config{Listen: []Listen{{Transport: TCP, Addr: "127.0.0.1:0"}}}, echo)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := gone.Addr().(*net.TCPAddr).AddrPort()
	gone.Close()
	srv := func(priority string, port uint16) string {
		return "_sip._tcp.carrier.example. 60 IN SRV " + priority + " 1 " + strconv.Itoa(int(port)) + " host.carrier.example."
	}
	z := newZone(t, srv("1", down.Port()), srv("2", up.Addr().Port()), `host.carrier.example. 60 IN A 127.0.0.1`)
	r := z.resolver(t, ResolverConfig{})
	proxy := runEndpoint(t, Config{}, func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			u, _ := ParseURI("sip:carrier.example")
			targets, err := r.Targets(ctx, u)
			if err != nil || len(targets) != 2 {
				t.Errorf("Targets() = %v, %v", targets, err)
			}
			if _, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: targets}); err != nil {
				t.Errorf("Forward() = %v", err)
			}
		}
	})
	client := runEndpoint(t, Config{}, nil)
	if m, err := client.Do(t.Context(), newCall("OPTIONS"), proxy.Addr()); err != nil || m.Status() != 200 {
		t.Errorf("answered %v, %v, want 200", m, err)
	}
}
