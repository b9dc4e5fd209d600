package trust

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign.example/internal/atomicfile"
	"countersign.example/stircert"
)

// RefreshConfig says what a [Refresher] keeps fresh. Fetcher, Repository and Folder
// must be set.
type RefreshConfig struct {
	// Fetcher fetches the lists. Lists are large and nobody waits for them: give it a
	// longer timeout than the one that fetches for calls.
	Fetcher Fetcher
	// Repository is told what is believed, and tells what chains it sees.
	Repository *Repository
	// Folder is where fetched lists are kept, so that a restart does not depend on
	// the network. It is made if it is missing.
	Folder string

	// Base is what is believed whatever is fetched: the operator's own files.
	Base Set
	// AnchorList is the URL of the STI-PA's list of trust anchors; empty for none.
	AnchorList string
	// Authority says who may sign that list.
	Authority Authority
	// CRLs are URLs of revocation lists.
	CRLs []string
	// CRLHosts are the hosts from which revocation lists are fetched because a
	// certificate of a believed chain names them; empty for none. They are compared
	// whole and without regard to case.
	CRLHosts []string
	// Lab allows http URLs. The Fetcher must be in lab mode too.
	Lab bool

	// Every is how often a list is fetched when nothing asks for more. The default
	// is one hour for revocation lists and six for trust anchors.
	Every time.Duration
	// Alarm is the age at which the list of trust anchors counts as stale though it
	// has not expired. The default is 48 h.
	Alarm time.Duration

	// Now tells the time. Nil means [time.Now]. Run sleeps by the clock of the
	// machine all the same; [Refresher.Refresh] goes by this one alone.
	Now func() time.Time
	// Observe, if set, is told the health of a list after every attempt to fetch
	// it. It may be called from several goroutines at once.
	Observe func(Health)
}

// maxPoints bounds the revocation lists that are fetched because certificates name
// them, and maxIssuers the CA certificates that are remembered for their signatures.
const (
	maxPoints  = 64
	maxIssuers = 256
)

// parallel is how many lists are fetched at once.
const parallel = 4

// Refresher keeps lists of trust anchors and revocation lists fresh, and the
// [Repository] told. Make one with [OpenRefresher]. It may be used by many goroutines
// at once.
//
// What is in use stays in use while nothing better comes: a list that cannot be
// fetched, read or verified, that is older than the one in use or comes from the
// future, changes nothing but the health of its source. So a silent network, or
// whoever answers in its place, cannot make us forget whom we believe. What it can do
// is make the lists grow old, and [Refresher.Health] says so.
type Refresher struct {
	cfg   RefreshConfig
	hosts []string
	wake  chan struct{}
	// turn is held by the one that refreshes.
	turn chan struct{}

	// telling is held while the repository is told, so that what it is told last is
	// what is newest. mu may be taken under it.
	telling sync.Mutex

	// mu guards what follows. It is never held while waiting for anything.
	mu      sync.Mutex
	base    Set
	sources []*source
	issuers []*x509.Certificate
	known   map[string]bool // issuers, by their DER
}

// OpenRefresher returns a Refresher with what is kept on the disk, and tells the
// repository of it. It fetches nothing yet. What is kept and no good any more is
// passed over; the error is of the configuration or of the folder.
func OpenRefresher(cfg RefreshConfig) (*Refresher, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alarm <= 0 {
		cfg.Alarm = 48 * time.Hour
	}
	r := &Refresher{cfg: cfg, base: cfg.Base, known: make(map[string]bool), wake: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	for _, h := range cfg.CRLHosts {
		r.hosts = append(r.hosts, strings.ToLower(h))
	}
	if cfg.AnchorList != "" {
		if len(cfg.Authority.Certificates) == 0 {
			return nil, errors.New("a list of trust anchors is to be fetched, but no certificate says who may sign it")
		}
		if err := r.configure(AnchorsKind, cfg.AnchorList); err != nil {
			return nil, err
		}
	}
	for _, u := range cfg.CRLs {
		if err := r.configure(CRLKind, u); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for fetched lists: %w", err)
	}
	if err := atomicfile.Sweep(cfg.Folder); err != nil {
		return nil, err
	}
	if err := r.restore(); err != nil {
		return nil, err
	}
	seen := r.See
	cfg.Repository.seen.Store(&seen)
	r.tell()
	return r, nil
}

func (r *Refresher) configure(what Kind, raw string) error {
	if u, err := url.Parse(raw); err != nil || u.Host == "" || u.Scheme != "https" && !(r.cfg.Lab && u.Scheme == "http") {
		return fmt.Errorf("fetching %s from %q: it is no https URL", what, raw)
	}
	if r.find(what, raw) == nil {
		r.sources = append(r.sources, &source{what: what, url: raw})
	}
	return nil
}

func (r *Refresher) find(what Kind, url string) *source {
	for _, s := range r.sources {
		if s.what == what && s.url == url {
			return s
		}
	}
	return nil
}

// restore takes up what is kept of the sources there are, and of those that were
// learned and would be learned again.
func (r *Refresher) restore() error {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(r.cfg.Folder), "*"+keptSuffix))
	if err != nil {
		return fmt.Errorf("reading the folder of fetched lists: %w", err)
	}
	now := r.cfg.Now()
	for _, path := range paths {
		k, err := readKept(path)
		if err != nil {
			// Whose file it was cannot be told, unless its name says so.
			r.blame(path, fmt.Errorf("reading %s: %w", path, err))
			continue
		}
		s := r.find(k.What, k.URL)
		if s == nil && k.What == CRLKind && r.allowed(k.URL) && r.points() < maxPoints {
			s = &source{what: CRLKind, url: k.URL, learned: true}
			r.sources = append(r.sources, s)
		}
		if s == nil || keptPath(r.cfg.Folder, k.What, k.URL) != path {
			continue
		}
		found, err := r.judge(s, k, k.FetchedAt)
		if err != nil {
			s.err = fmt.Errorf("reading %s: %w", path, err)
			continue
		}
		s.take(found, k.FetchedAt)
		s.next = k.FetchedAt.Add(r.pause(s, k.FetchedAt))
		if s.next.After(now.Add(r.every(s.what))) {
			// The file is from the future: the clock was wrong then, or is now.
			s.next = now
		}
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// blame marks the source whose file cannot be read.
func (r *Refresher) blame(path string, err error) {
	for _, s := range r.sources {
		if keptPath(r.cfg.Folder, s.what, s.url) == path {
			s.err = err
		}
	}
}

// points is the number of learned sources.
func (r *Refresher) points() int {
	n := 0
	for _, s := range r.sources {
		if s.learned {
			n++
		}
	}
	return n
}

// allowed reports whether a revocation list that a certificate names may be fetched.
func (r *Refresher) allowed(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Scheme != "https" && !(r.cfg.Lab && u.Scheme == "http") {
		return false
	}
	return slices.Contains(r.hosts, strings.ToLower(u.Host)) || slices.Contains(r.hosts, strings.ToLower(u.Hostname()))
}

// See learns from a believed chain which revocation lists its certificates name, and
// who may sign them. The repository calls it for every chain that leads to a
// trust anchor.
func (r *Refresher) See(c *stircert.Chain) {
	r.mu.Lock()
	defer r.mu.Unlock()
	more := false
	for _, cert := range append(slices.Clone(c.Certificates), c.Anchor) {
		if cert == nil {
			continue
		}
		if cert.IsCA && !r.known[string(cert.Raw)] && len(r.issuers) < maxIssuers {
			r.known[string(cert.Raw)] = true
			r.issuers = append(r.issuers, cert)
			more = true
		}
		for _, point := range cert.CRLDistributionPoints {
			r.learn(point)
		}
	}
	if more {
		r.prove()
	}
}

func (r *Refresher) learn(point string) {
	if !r.allowed(point) || r.find(CRLKind, point) != nil {
		return
	}
	if r.points() >= maxPoints {
		// One that never answered makes room.
		i := slices.IndexFunc(r.sources, func(s *source) bool { return s.learned && s.crl == nil && s.failures > 4 })
		if i < 0 {
			return
		}
		r.sources = slices.Delete(r.sources, i, i+1)
	}
	r.sources = append(r.sources, &source{what: CRLKind, url: point, learned: true})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Rebase replaces what is believed whatever is fetched, as after a change of the
// operator's files.
func (r *Refresher) Rebase(base Set) {
	r.mu.Lock()
	r.base = base
	r.prove()
	r.mu.Unlock()
	r.tell()
}

// tell has the repository believe what is believed now.
func (r *Refresher) tell() {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.cfg.Repository.Use(r.set())
}

// prove looks for the signers of revocation lists whose signers were not known, after
// more have become known.
func (r *Refresher) prove() {
	for _, s := range r.sources {
		if s.crl != nil && s.prover == nil {
			s.prover = r.signerOf(s.crl)
		}
	}
}

// signerOf returns the certificate whose key signed a list, among those we believe in:
// configured signers, trust anchors, and CAs of believed chains; nil if none did.
func (r *Refresher) signerOf(crl *stircert.CRL) *x509.Certificate {
	candidates := append(r.base.CRLs.Signers(), r.base.Anchors.Certificates()...)
	candidates = append(candidates, r.issuers...)
	for _, s := range r.sources {
		if s.list != nil {
			candidates = append(candidates, s.list.Anchors...)
		}
	}
	for _, c := range candidates {
		if crl.SignedBy(c) {
			return c
		}
	}
	return nil
}

// set is what is believed in all.
func (r *Refresher) set() Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	anchors := r.base.Anchors.Certificates()
	var lists []*stircert.CRL
	for _, s := range r.sources {
		if s.list != nil {
			anchors = append(anchors, s.list.Anchors...)
		}
		if s.crl != nil {
			lists = append(lists, s.crl)
		}
	}
	return Set{Anchors: stircert.NewAnchors(anchors...), CRLs: r.base.CRLs.With(lists...), Logs: r.base.Logs}
}

// Run fetches what is due, again and again, until ctx is done, and then returns nil.
func (r *Refresher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		r.Refresh(ctx)
		timer := time.NewTimer(r.untilNext())
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// untilNext is how long nothing is due.
func (r *Refresher) untilNext() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, wait := r.cfg.Now(), time.Hour
	for _, s := range r.sources {
		wait = min(wait, s.next.Sub(now))
	}
	return max(wait, 0)
}

// Refresh fetches what is due at present and returns when all of it has come or
// failed. Only one does so at a time; others wait for it, or for ctx.
func (r *Refresher) Refresh(ctx context.Context) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-r.turn }()
	now := r.cfg.Now()
	r.mu.Lock()
	due := slices.DeleteFunc(slices.Clone(r.sources), func(s *source) bool { return s.next.After(now) })
	r.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, s := range due {
		group.Go(func() error {
			r.refresh(ctx, s)
			return nil
		})
	}
	group.Wait()
}

// pause is how long a source is left alone after a list has come: not longer than
// half of the time until the next one is due, since a list that is out of date is no
// use. Where many of us ask one server, they do not ask together.
func (r *Refresher) pause(s *source, now time.Time) time.Duration {
	d := r.every(s.what)
	if until := s.until(); until.After(now) {
		d = min(d, max(until.Sub(now)/2, time.Minute))
	} else if !until.IsZero() {
		d = min(d, overdue)
	}
	return time.Duration(float64(d) * (0.8 + 0.2*rand.Float64()))
}

func (r *Refresher) every(what Kind) time.Duration {
	switch {
	case r.cfg.Every > 0:
		return r.cfg.Every
	case what == AnchorsKind:
		return 6 * time.Hour
	}
	return time.Hour
}

// overdue is the pause while a server has nothing but a list that is out of date.
const overdue = 5 * time.Minute

// backOff is the pause after so many failures one after the other.
func backOff(failures int) time.Duration {
	d := min(30*time.Second<<min(failures-1, 10), 15*time.Minute)
	return time.Duration(float64(d) * (0.5 + 0.5*rand.Float64()))
}
