package fetch

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// public is an address that passes. Nothing in these tests connects to it.
var public = netip.MustParseAddr("93.184.215.14")

// zone is a Resolver with a table for a DNS.
type zone map[string][]netip.Addr

func (z zone) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addrs, ok := z[host]; ok {
		return addrs, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// outside is the world: a web server that answers for every public address, and a
// DNS in which example.com has one. Public addresses cannot exist in a test, so
// that one boundary is faked: the Fetcher's dial is replaced by one that writes down
// the address it was told to dial and connects to the server on loopback. All
// else, rules, vetting, TLS and HTTP, is the real thing.
type outside struct {
	*httptest.Server
	dns      zone
	requests atomic.Int64
	received atomic.Int64

	mu      sync.Mutex
	dialled []netip.AddrPort
}

func newOutside(t *testing.T, handler http.HandlerFunc) *outside {
	t.Helper()
	o := &outside{dns: zone{"example.com": {public}, "sub.example.com": {public}}}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.requests.Add(1)
		handler(w, r)
	}))
	o.EnableHTTP2 = true
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.StartTLS()
	t.Cleanup(o.Close)
	return o
}

// fetcher returns a Fetcher that lives in the world o.
func (o *outside) fetcher(t *testing.T, cfg Config) *Fetcher {
	t.Helper()
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(o.Certificate())
	if cfg.Resolver == nil {
		cfg.Resolver = o.dns
	}
	f := New(cfg)
	f.dial = o.dial
	t.Cleanup(func() { f.Close() })
	return f
}

func (o *outside) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	o.mu.Lock()
	o.dialled = append(o.dialled, to)
	o.mu.Unlock()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", o.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	return counted{conn, &o.received}, nil
}

func (o *outside) addresses() []netip.AddrPort {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.dialled)
}

// counted counts the bytes that came in.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// wired is a Fetcher in lab mode whose connections end in serve, without a network, so
// that it can live in a synctest bubble, where time is virtual. "host.test" and
// "other.test" are on loopback.
func wired(cfg Config, serve func(net.Conn)) *Fetcher {
	cfg.Lab = true
	if cfg.Resolver == nil {
		loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		cfg.Resolver = zone{"host.test": loopback, "other.test": loopback}
	}
	f := New(cfg)
	f.dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			serve(theirs)
		}()
		return ours, nil
	}
	return f
}

// reply reads a request from conn and writes what answer says to it.
func reply(conn net.Conn, answer func(*http.Request) string) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	fmt.Fprint(conn, answer(req))
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// wantFailure checks that err is a Failure with reason, and returns it.
func wantFailure(t *testing.T, doc *Document, err error, reason Reason) *Failure {
	t.Helper()
	fail, isFailure := errors.AsType[*Failure](err)
	if !isFailure || fail.Reason != reason || doc != nil {
		t.Fatalf("Get = %v, %v, want a Failure of reason %q", doc, err, reason)
	}
	if fail.Err == nil || fail.Error() == "" {
		t.Fatalf("Failure %+v does not tell what happened", fail)
	}
	return fail
}

// wantBody checks that err is nil and doc has body, and returns doc.
func wantBody(t *testing.T, doc *Document, err error, body string) *Document {
	t.Helper()
	if err != nil || string(doc.Body) != body {
		t.Fatalf("Get = %+v, %v, want body %q", doc, err, body)
	}
	return doc
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
