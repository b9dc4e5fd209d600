// Package fetch is the one vetted fetcher of outside documents: certificates
// named by the x5u of a PASSporT (RFC 8224 section 7.2), revocation lists, and
// whatever else a stranger can make this house go and get. Every URL is taken
// for an attack on the network behind us until it has passed.
//
// Start with [New] and [Fetcher.Get]. A [Document] comes back, or a [*Failure]
// whose [Reason] is one of a closed list, so that what is wrong with a
// stranger's repository can be told apart from a fault of our own. Those who
// need documents declare an interface of the one method Get.
//
// What it guarantees:
//
//   - https only, on port 443 or 8443, in URLs without userinfo or fragment.
//     The name is looked up once, every address it has is vetted, and the
//     connection goes to an address that passed, never to a name. A second
//     answer of the DNS, given after the check, is never asked for.
//   - One document, one connection, HTTP/1.1: no proxy, no cookie, no connection
//     kept for later, no compression to expand. An x5u is never redirected;
//     other documents may be, once, and the new place is vetted like the first.
//   - One deadline over all of it, from waiting for a place to the last byte,
//     and a limit in bytes. A repository that stalls, or never stops, costs no
//     more than that.
//   - Concurrent calls for one URL make one request. Documents are kept as long
//     as HTTP caching allows (RFC 9111), between a floor and a ceiling; failures
//     are kept briefly. Both caches are bounded, and apart, so that a flood of
//     bad URLs does not push out good documents.
//   - A Fetcher may be used by many goroutines at once, and leaves none behind:
//     [Fetcher.Close] ends what is under way and waits for it.
//
// In lab mode ([Config].Lab) loopback addresses, plain http and any port are
// allowed too; it is off unless asked for by name, and every result says so.
//
// What it does not do: it parses nothing it fetches, and believes nothing. Whether
// a chain is valid, and whether it may be kept, is internal/trust's to say, which
// therefore fetches with [Options].NoStore. Nor does it know which public
// addresses are our own: run it behind an egress policy all the same.
package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ErrClosed is returned by [Fetcher.Get] once [Fetcher.Close] was called. It is
// our own doing, and says nothing about the URL.
var ErrClosed = errors.New("fetch: fetcher is closed")

// Resolver looks up the addresses of a host name. A [*net.Resolver] is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host; network is always "ip". It
	// is asked once for each request and never with an IP address. It must
	// return when ctx is done.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says how a [Fetcher] behaves. The zero value is the strict one and is
// fit for use: zero means the default that each field names.
type Config struct {
	// Timeout bounds one Get as a whole: waiting for a place, lookup,
	// connection, header, body, and a redirect. The default is 3 s.
	Timeout time.Duration
	// MaxBytes is the largest document accepted. The default is 64 KiB.
	MaxBytes int
	// MaxListBytes is the limit for documents of kind [List]. The default is
	// 10 MiB.
	MaxListBytes int

	// MinFresh is how long a document is good for at least, whatever its
	// server says of caching, so that no server can have us ask for every
	// call. The default is 1 minute.
	MinFresh time.Duration
	// MaxFresh is how long a document is good for at most. It wins over
	// MinFresh and DefaultFresh. The default is 24 h.
	MaxFresh time.Duration
	// DefaultFresh is used when the server says nothing. The default is 24 h.
	DefaultFresh time.Duration
	// NegativeTTL is how long a failure is remembered. The default is 10 s.
	NegativeTTL time.Duration
	// MaxEntries bounds the documents kept, and the failures remembered, each
	// by that number. The default is 1024.
	MaxEntries int
	// MaxCacheBytes bounds the bodies kept, all together. The default is
	// 64 MiB. A larger document is returned but not kept.
	MaxCacheBytes int

	// MaxConcurrent bounds the fetches that run at once; sixteen times as many
	// may wait. The default is 64.
	MaxConcurrent int
	// MaxPerHost bounds those of them that go to one host. The default is 4.
	MaxPerHost int

	// Allow, unless empty, lists the only hosts that may be asked: names, or
	// IP addresses, compared whole and without regard to case.
	Allow []string
	// Lab allows, beside what is allowed anyway, loopback addresses, plain http
	// and any port. It is for the laboratory and for tests; every [Document]
	// and [Failure] is marked.
	Lab bool

	// RootCAs are the roots for the web server's own certificate. Nil means
	// the roots of the system. They have no say over the certificates fetched.
	RootCAs *x509.CertPool
	// Resolver looks up names. Nil means the resolver of the Go library, as
	// the system configures it.
	Resolver Resolver
	// Now tells the time by which documents grow old. Nil means [time.Now].
	// Deadlines do not go by it.
	Now func() time.Time
}

// Kind says what sort of document is wanted, and so which rules apply. The zero
// value is [X5U], the strictest.
type Kind uint8

const (
	// X5U is a certificate or chain that a PASSporT names: no redirect at all
	// (RFC 8224 section 7.2, ATIS-1000074).
	X5U Kind = iota
	// Other is any document that is neither of the others: at most one
	// redirect.
	Other
	// List is a CRL or a signed list: at most one redirect, and the larger
	// limit, [Config].MaxListBytes.
	List
)

// kinds are all there are, for [Fetcher.Forget].
var kinds = [...]Kind{X5U, Other, List}

// Options says what is special about one Get. The zero value fetches an x5u.
type Options struct {
	// Kind is the sort of document.
	Kind Kind
	// StrictURL refuses a URL with a query too, as SHAKEN profiles do.
	StrictURL bool
	// NoStore leaves the document out of the Fetcher's own memory, for callers
	// who keep only what they have validated, until [Document].Expires. Joining
	// a fetch under way, and remembering failures, stay as they are.
	NoStore bool
}

// Document is what was fetched. It is shared among all who asked for it: treat it,
// and Body above all, as read-only.
type Document struct {
	// URL is the URL asked for, byte for byte.
	URL string
	// Location is where the document was: URL, or what a redirect named.
	Location string
	// Body is the document. Nothing about it has been checked but its size.
	Body []byte
	// ContentType is the Content-Type header field as received, which is what
	// a stranger says of the body.
	ContentType string
	// FetchedAt is when the body had arrived, and Expires until when it is
	// good (RFC 9111 section 4.2), within the Fetcher's floor and ceiling.
	FetchedAt, Expires time.Time
	// Lab says that the Fetcher was in lab mode.
	Lab bool
}

// Fetcher fetches, and remembers. Make one with [New], share it, and Close it. The
// zero value is of no use.
type Fetcher struct {
	// These are settled by New and only read afterwards.
	cfg    Config
	allow  map[string]bool
	places *places
	// dial connects to an address that was vetted. Tests put another one here.
	dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

	// wg counts the fetches under way; Close waits for them.
	wg sync.WaitGroup

	// mu guards what follows. It is never held while waiting for anything.
	mu       sync.Mutex
	closed   bool
	flights  map[key]*flight
	docs     *cache[*Document]
	failures *cache[*Failure]
}

// key tells documents apart: by the full URL, since "equivalent" is simple string
// comparison (RFC 8224 section 4, RFC 3986 section 6.2.1), and by kind, since
// what one kind may do another may not.
type key struct {
	url  string
	kind Kind
}

// New returns a Fetcher that behaves as cfg says. It starts nothing.
func New(cfg Config) *Fetcher {
	cfg.setDefaults()
	f := &Fetcher{
		cfg:      cfg,
		allow:    make(map[string]bool),
		places:   newPlaces(cfg.MaxConcurrent, cfg.MaxPerHost),
		dial:     dialTCP,
		flights:  make(map[key]*flight),
		docs:     newCache[*Document](cfg.MaxEntries, cfg.MaxCacheBytes),
		failures: newCache[*Failure](cfg.MaxEntries, cfg.MaxCacheBytes),
	}
	for _, host := range cfg.Allow {
		f.allow[sameHost(host)] = true
	}
	return f
}

func (c *Config) setDefaults() {
	fill(&c.Timeout, 3*time.Second)
	fill(&c.MaxBytes, 64<<10)
	fill(&c.MaxListBytes, 10<<20)
	fill(&c.MinFresh, time.Minute)
	fill(&c.MaxFresh, 24*time.Hour)
	fill(&c.DefaultFresh, 24*time.Hour)
	fill(&c.NegativeTTL, 10*time.Second)
	fill(&c.MaxEntries, 1024)
	fill(&c.MaxCacheBytes, 64<<20)
	fill(&c.MaxConcurrent, 64)
	fill(&c.MaxPerHost, 4)
	if c.Resolver == nil {
		// A lookup by the C library cannot be cancelled, and would outlive
		// both the deadline and Close.
		c.Resolver = &net.Resolver{PreferGo: true}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func fill[T int | time.Duration](field *T, standard T) {
	if *field <= 0 {
		*field = standard
	}
}

// Get returns the document at url, from memory if it is still good, else from its
// server. What is wrong with the URL, its server or the document is a [*Failure].
//
// Get returns ctx.Err() as soon as ctx is done; a fetch that others may be waiting
// for is not disturbed by that, ends by its own deadline and is remembered. After
// Close, Get returns [ErrClosed].
func (f *Fetcher) Get(ctx context.Context, url string, opts Options) (*Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k := key{url, opts.Kind}
	t, refused := f.aim(url, opts.StrictURL)
	if refused != nil {
		return nil, f.mark(k, refused)
	}
	fl := f.join(ctx, t, k, opts)
	select {
	case <-fl.done:
		return fl.doc, fl.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Forget drops what is remembered of url, document or failure, so that the next Get
// asks its server again. A fetch under way is not disturbed.
func (f *Fetcher) Forget(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, kind := range kinds {
		f.docs.drop(key{url, kind})
		f.failures.drop(key{url, kind})
	}
}

// Close ends the fetches under way, whose callers get [ErrClosed], and returns when
// the last of them has ended. It may be called more than once, and always returns
// nil.
func (f *Fetcher) Close() error {
	f.mu.Lock()
	f.closed = true
	for _, fl := range f.flights {
		fl.cancel(ErrClosed)
	}
	f.mu.Unlock()
	f.wg.Wait()
	return nil
}
