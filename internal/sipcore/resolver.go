package sipcore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ErrNoTarget says that the DNS names nobody whom a URI could be sent to over the
// transports we speak.
var ErrNoTarget = errors.New("sipcore: no target in the DNS")

const (
	maxTargets = 32 // of one URI
	maxTTL     = time.Hour
	noneTTL    = 30 * time.Second // of a name that does not exist
)

// ResolverConfig is what [NewResolver] needs to know. The zero value is a good one.
type ResolverConfig struct {
	// Servers are the DNS servers, "192.0.2.53:53", asked in order. The default is
	// those of /etc/resolv.conf; then a name without records is also looked for
	// where the system looks, such as /etc/hosts.
	Servers []string

	// Transports are those we speak, the preferred one first, for names that do
	// not say. The default is UDP, TCP, TLS.
	Transports []Transport

	// IPv4 and IPv6 say which addresses are of use; neither means both.
	IPv4, IPv6 bool

	// Timeout is how long one server may take to answer: 2 s.
	Timeout time.Duration

	// MaxEntries bounds the memory of answers: 10,000.
	MaxEntries int
}

// Resolver finds next hops in the DNS: NAPTR, SRV, and addresses (RFC 3263), kept
// for as long as they may be. Its methods may be called from many goroutines.
type Resolver struct {
	c      ResolverConfig
	system bool
	now    func() time.Time

	mu    sync.Mutex // never held while asking
	known map[dns.Question]answerSet
}

// answerSet is what the DNS said.
type answerSet struct {
	records []dns.RR
	until   time.Time
}

// NewResolver returns a resolver. The error is about /etc/resolv.conf.
func NewResolver(c ResolverConfig) (*Resolver, error) {
	r := &Resolver{c: c, now: time.Now, known: make(map[dns.Question]answerSet)}
	if len(c.Servers) == 0 {
		system, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("reading the DNS servers: %w", err)
		}
		r.system = true
		for _, s := range system.Servers {
			r.c.Servers = append(r.c.Servers, net.JoinHostPort(s, system.Port))
		}
	}
	if len(c.Transports) == 0 {
		r.c.Transports = []Transport{UDP, TCP, TLS}
	}
	if !c.IPv4 && !c.IPv6 {
		r.c.IPv4, r.c.IPv6 = true, true
	}
	r.c.Timeout = orDefault(c.Timeout, 2*time.Second)
	r.c.MaxEntries = orDefault(c.MaxEntries, 10_000)
	return r, nil
}

// Targets returns where a sip or sips URI may be sent, the first to be tried
// first (RFC 3263 section 4). Those of a sips URI are all TLS or WSS, and the
// certificate must name the host of the URI, not what the DNS made of it. The
// error wraps ErrNoTarget, ErrNoTransport, or says what went wrong with the DNS.
func (r *Resolver) Targets(ctx context.Context, u URI) ([]Target, error) {
	if !u.isSIP() {
		return nil, fmt.Errorf("%w: for a %s URI", ErrNoTransport, u.Scheme())
	}
	named, err := r.transportOf(u)
	if err != nil {
		return nil, err
	}
	host := strings.Trim(u.Host(), "[]")
	if maddr, ok := u.Param("maddr"); ok {
		host = strings.Trim(maddr, "[]")
	}
	q := &quest{r: r, name: strings.Trim(u.Host(), "[]")}
	_, explicit := u.Param("transport")
	numeric, numericErr := netip.ParseAddr(host)
	switch {
	case numericErr == nil:
		q.add(named, u.Port(), numeric.Unmap())
	case u.Port() != 0:
		q.addresses(ctx, named, host, u.Port())
	case explicit:
		q.services(ctx, host, named)
	default:
		q.search(ctx, host, u.Scheme() == "sips")
	}
	if len(q.found) == 0 && numericErr != nil && u.Port() == 0 && q.err == nil && !q.denied {
		q.addresses(ctx, named, host, 0)
	}
	switch {
	case len(q.found) > 0:
		return q.found, nil
	case q.err != nil:
		return nil, q.err
	}
	return nil, fmt.Errorf("%w: %s", ErrNoTarget, host)
}

// transportOf is what a URI asks for, or implies (RFC 3263 section 4.1).
func (r *Resolver) transportOf(u URI) (Transport, error) {
	t := UDP
	if name, ok := u.Param("transport"); ok {
		if t, ok = ParseTransport(name); !ok {
			return 0, fmt.Errorf("%w: %s", ErrNoTransport, strings.ToUpper(name))
		}
	} else if u.Scheme() != "sips" && !slices.Contains(r.c.Transports, UDP) {
		t = r.c.Transports[0]
	}
	if u.Scheme() == "sips" {
		if t == UDP {
			t = TLS
		}
		t = t.secured()
	}
	if !slices.Contains(r.c.Transports, t) {
		return 0, fmt.Errorf("%w: %s", ErrNoTransport, t)
	}
	return t, nil
}

// quest is the search for the targets of one URI.
type quest struct {
	r      *Resolver
	name   string // whom a certificate must name
	found  []Target
	denied bool  // a service is said not to be there (RFC 2782, target ".")
	err    error // of the last question that was not answered
}

func (q *quest) add(t Transport, port uint16, a netip.Addr) {
	if port == 0 {
		port = t.Port()
	}
	target := Target{Transport: t, Addr: netip.AddrPortFrom(a, port)}
	if t.Secure() || t.webSocket() {
		target.Name = q.name
	}
	if len(q.found) < maxTargets && !slices.Contains(q.found, target) {
		q.found = append(q.found, target)
	}
}

// naptrServices are the services of RFC 3263 section 4.1 and RFC 7118 section 10.
var naptrServices = map[string]Transport{
	"SIP+D2U": UDP, "SIP+D2T": TCP, "SIPS+D2T": TLS, "SIP+D2W": WS, "SIPS+D2W": WSS,
}

// search asks for NAPTR, then for SRV of every transport.
func (q *quest) search(ctx context.Context, host string, secure bool) {
	var offers []*dns.NAPTR
	for _, rr := range q.ask(ctx, host, dns.TypeNAPTR) {
		n, ok := rr.(*dns.NAPTR)
		if !ok {
			continue
		}
		t, known := naptrServices[strings.ToUpper(n.Service)]
		if known && strings.EqualFold(n.Flags, "s") && q.r.speaks(t, secure) {
			offers = append(offers, n)
		}
	}
	slices.SortStableFunc(offers, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, n := range offers {
		q.srv(ctx, naptrServices[strings.ToUpper(n.Service)], n.Replacement)
	}
	if len(q.found) > 0 {
		return
	}
	for _, t := range q.r.c.Transports {
		if q.r.speaks(t, secure) {
			q.services(ctx, host, t)
		}
	}
}

func (r *Resolver) speaks(t Transport, secure bool) bool {
	return slices.Contains(r.c.Transports, t) && (!secure || t.Secure())
}

// services asks for the SRV records of one transport.
func (q *quest) services(ctx context.Context, host string, t Transport) {
	switch t {
	case UDP:
		q.srv(ctx, t, "_sip._udp."+host)
	case TCP:
		q.srv(ctx, t, "_sip._tcp."+host)
	case TLS:
		q.srv(ctx, t, "_sips._tcp."+host)
	}
}

// srv adds the targets of SRV records in their order (RFC 2782).
func (q *quest) srv(ctx context.Context, t Transport, name string) {
	var records []*dns.SRV
	for _, rr := range q.ask(ctx, name, dns.TypeSRV) {
		if s, ok := rr.(*dns.SRV); ok {
			records = append(records, s)
		}
	}
	if len(records) == 1 && records[0].Target == "." {
		q.denied = true
		return
	}
	for _, s := range inOrder(records) {
		if s.Port != 0 {
			q.addresses(ctx, t, s.Target, s.Port)
		}
	}
}

// inOrder sorts by priority, and within one draws by weight (RFC 2782).
func inOrder(records []*dns.SRV) []*dns.SRV {
	left := slices.Clone(records)
	slices.SortStableFunc(left, func(a, b *dns.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Weight, b.Weight))
	})
	var sorted []*dns.SRV
	for len(left) > 0 {
		total, n := 0, 0
		for n < len(left) && left[n].Priority == left[0].Priority {
			total += int(left[n].Weight)
			n++
		}
		draw, chosen := rand.IntN(total+1), 0
		for sum := int(left[0].Weight); sum < draw && chosen < n-1; sum += int(left[chosen].Weight) {
			chosen++
		}
		sorted = append(sorted, left[chosen])
		left = slices.Delete(left, chosen, chosen+1)
	}
	return sorted
}

// addresses adds every address of a host.
func (q *quest) addresses(ctx context.Context, t Transport, host string, port uint16) {
	before := len(q.found)
	if q.r.c.IPv6 {
		for _, rr := range q.ask(ctx, host, dns.TypeAAAA) {
			if a, ok := rr.(*dns.AAAA); ok {
				q.addIP(t, port, a.AAAA)
			}
		}
	}
	if q.r.c.IPv4 {
		for _, rr := range q.ask(ctx, host, dns.TypeA) {
			if a, ok := rr.(*dns.A); ok {
				q.addIP(t, port, a.A)
			}
		}
	}
	if len(q.found) > before || !q.r.system {
		return
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return
	}
	for _, a := range found {
		if a = a.Unmap(); a.Is4() && q.r.c.IPv4 || a.Is6() && q.r.c.IPv6 {
			q.add(t, port, a)
		}
	}
}

func (q *quest) addIP(t Transport, port uint16, ip net.IP) {
	if a, ok := netip.AddrFromSlice(ip); ok {
		q.add(t, port, a.Unmap())
	}
}

// ask returns the records of a name, from memory or from the DNS.
func (q *quest) ask(ctx context.Context, name string, kind uint16) []dns.RR {
	r := q.r
	question := dns.Question{Name: strings.ToLower(dns.Fqdn(name)), Qtype: kind, Qclass: dns.ClassINET}
	r.mu.Lock()
	known, ok := r.known[question]
	r.mu.Unlock()
	if ok && r.now().Before(known.until) {
		return known.records
	}
	records, ttl, err := r.exchange(ctx, question)
	if err != nil {
		q.err = fmt.Errorf("asking the DNS for %s: %w", name, err)
		return nil
	}
	r.remember(question, answerSet{records, r.now().Add(ttl)})
	return records
}

func (r *Resolver) remember(question dns.Question, s answerSet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for old := range r.known {
		if len(r.known) < r.c.MaxEntries {
			break
		}
		delete(r.known, old) // any: what is asked often is soon here again
	}
	r.known[question] = s
}

// exchange asks the servers in turn.
func (r *Resolver) exchange(ctx context.Context, question dns.Question) ([]dns.RR, time.Duration, error) {
	m := new(dns.Msg)
	m.SetQuestion(question.Name, question.Qtype)
	m.SetEdns0(1232, false)
	var last error = errors.New("no DNS server is known")
	for _, server := range r.c.Servers {
		reply, err := r.askServer(ctx, server, m)
		switch {
		case ctx.Err() != nil:
			return nil, 0, ctx.Err()
		case err != nil:
			last = err
			continue
		case reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError:
			records, ttl := usable(reply.Answer, question.Qtype)
			return records, ttl, nil
		}
		last = fmt.Errorf("%s says %s", server, dns.RcodeToString[reply.Rcode])
	}
	return nil, 0, last
}

func (r *Resolver) askServer(ctx context.Context, server string, m *dns.Msg) (*dns.Msg, error) {
	ctx, stop := context.WithTimeout(ctx, r.c.Timeout)
	defer stop()
	c := dns.Client{Net: "udp", UDPSize: 1232, Timeout: r.c.Timeout}
	reply, _, err := c.ExchangeContext(ctx, m, server)
	if err == nil && reply.Truncated {
		c.Net = "tcp"
		reply, _, err = c.ExchangeContext(ctx, m, server)
	}
	return reply, err
}

// usable are the records of the kind that was asked for, whatever alias led there,
// and how long they may be kept.
func usable(all []dns.RR, kind uint16) ([]dns.RR, time.Duration) {
	ttl := maxTTL
	var records []dns.RR
	for _, rr := range all {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if rr.Header().Rrtype == kind {
			records = append(records, rr)
		}
	}
	if len(records) == 0 {
		ttl = noneTTL
	}
	return records, ttl
}
