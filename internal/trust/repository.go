package trust

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/passport"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// Fetcher fetches outside documents. A [*fetch.Fetcher] is one.
type Fetcher interface {
	// Get returns the document at url or, if there is none, a [*fetch.Failure].
	// It returns when ctx is done.
	Get(ctx context.Context, url string, opts fetch.Options) (*fetch.Document, error)
}

// Config says how a [Repository] behaves. All but Fetcher may be left zero.
type Config struct {
	// Fetcher fetches certificates and TN Authorization Lists kept elsewhere.
	Fetcher Fetcher
	// Set is what is believed to begin with.
	Set Set
	// MaxChains bounds the chains that are kept, and the bad outcomes that are
	// remembered, each by that number. The default is 1024.
	MaxChains int
	// MaxKept is how long a chain is kept at most. The default is 24 h.
	MaxKept time.Duration
	// BadKept is how long a bad outcome is remembered. The default is 10 s.
	BadKept time.Duration
	// StrictURL refuses an x5u with a query, as SHAKEN profiles do.
	StrictURL bool
}

// Repository finds and judges the chains that stand at x5u URLs. Make one with
// [New]. It may be used by many goroutines at once.
type Repository struct {
	cfg Config
	// state goes by one Set, and is replaced with it.
	state atomic.Pointer[state]
	// seen, if set, is told of every chain that leads to an anchor.
	seen atomic.Pointer[func(*stircert.Chain)]
}

// New returns a Repository that behaves as cfg says. It fetches nothing yet.
func New(cfg Config) *Repository {
	if cfg.MaxChains <= 0 {
		cfg.MaxChains = 1024
	}
	if cfg.MaxKept <= 0 {
		cfg.MaxKept = 24 * time.Hour
	}
	if cfg.BadKept <= 0 {
		cfg.BadKept = 10 * time.Second
	}
	r := &Repository{cfg: cfg}
	r.state.Store(newState(cfg.Set, cfg.MaxChains, nil))
	return r
}

// Use replaces what is believed, and drops every chain that was judged by what was
// believed before. What was served for those chains is judged anew when it is next
// asked for, without being fetched again before its time. A chain already handed out
// stays as it is.
func (r *Repository) Use(s Set) {
	r.state.Store(newState(s, r.cfg.MaxChains, r.state.Load().pages()))
}

// Set returns what is believed at present.
func (r *Repository) Set() Set { return r.state.Load().set }

// Forget drops what is kept of url, so that the next [Repository.Chain] fetches it
// again.
func (r *Repository) Forget(url string) { r.state.Load().forget(url) }

// Chain returns the chain that stands at an x5u URL, judged against the [Set] at the
// time of the call. The chain is shared: it must not be changed. The error is a
// *passport.Finding of CertificateUnavailable or CertificateMalformed, or that of
// ctx. A chain that leads to no anchor is no error: its findings say so.
func (r *Repository) Chain(ctx context.Context, url string, at time.Time) (*stircert.Chain, error) {
	s := r.state.Load()
	for {
		if o := s.find(url, at); o != nil {
			return o.chain, o.err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, mine := s.join(url)
		if mine {
			r.lead(ctx, s, url, at, f)
			if err := ctx.Err(); err != nil && f.abandoned {
				return nil, err
			}
			return f.outcome.chain, f.outcome.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !f.abandoned && f.outcome.good(at) {
			return f.outcome.chain, f.outcome.err
		}
	}
}

// lead finds the outcome for all who joined f. If ctx ends meanwhile the outcome is
// nobody's: one of those who wait leads next.
func (r *Repository) lead(ctx context.Context, s *state, url string, at time.Time, f *flight) {
	// A panic below must not leave the others waiting.
	f.abandoned = true
	defer s.leave(url, f)
	o, kept := r.obtain(ctx, s, url, at)
	if ctx.Err() != nil {
		return
	}
	f.outcome, f.abandoned = o, false
	if !o.passing {
		s.keep(url, o, kept, at)
	}
}

// obtain fetches and judges. kept says whether the chain is one to keep as good.
func (r *Repository) obtain(ctx context.Context, s *state, url string, at time.Time) (o outcome, kept bool) {
	o = outcome{from: at.Add(-slack), until: at.Add(r.cfg.BadKept)}
	p := s.served(url, at)
	if p == nil {
		if p, o.passing, o.err = r.fetch(ctx, url, at); o.err != nil {
			return o, false
		}
	}
	fresh := p.until.Sub(at)
	o.chain = stircert.Build(ctx, p.certs, stircert.Options{
		Anchors: s.set.Anchors,
		CRLs:    s.set.CRLs,
		Logs:    s.set.Logs,
		At:      at,
		FetchList: func(ctx context.Context, url string) ([]byte, error) {
			list, err := r.list(ctx, url)
			if err != nil {
				return nil, err
			}
			fresh = min(fresh, list.Expires.Sub(list.FetchedAt))
			return list.Body, nil
		},
	})
	o.chain.Lab = p.lab
	if seen := r.seen.Load(); seen != nil && anchored(o.chain) {
		(*seen)(o.chain)
	}
	if !sound(o.chain) {
		return o, false
	}
	until := at.Add(fresh)
	for _, end := range []time.Time{o.chain.NotAfter, s.set.CRLs.NextUpdate(at)} {
		if !end.IsZero() && end.Before(until) {
			until = end
		}
	}
	if until.Before(o.until) {
		return o, false
	}
	o.until, o.page = until, p
	return o, true
}

// fetch gets what stands at url. passing says that its error says nothing about url.
func (r *Repository) fetch(ctx context.Context, url string, at time.Time) (p *page, passing bool, err error) {
	doc, err := r.cfg.Fetcher.Get(ctx, url, fetch.Options{Kind: fetch.X5U, StrictURL: r.cfg.StrictURL, NoStore: true})
	if err != nil {
		return nil, ours(err), unavailable(err)
	}
	certs, err := stircert.ParsePEM(doc.Body)
	if err != nil {
		return nil, false, err
	}
	return &page{certs: certs, lab: doc.Lab, until: at.Add(min(doc.Expires.Sub(doc.FetchedAt), r.cfg.MaxKept))}, false, nil
}

// list fetches a TN Authorization List kept elsewhere (RFC 8226 section 10.1).
func (r *Repository) list(ctx context.Context, url string) (*fetch.Document, error) {
	doc, err := r.cfg.Fetcher.Get(ctx, url, fetch.Options{Kind: fetch.List, NoStore: true})
	if err != nil {
		return nil, err
	}
	if len(doc.Body) > stircert.MaxListBytes {
		return nil, fmt.Errorf("the list is longer than %d bytes", stircert.MaxListBytes)
	}
	return doc, nil
}

// sound reports whether nothing is wrong with the path of a chain, so that it may be
// kept. What is wrong with the certificates themselves does not change by fetching
// them again; what was missing may be there next time.
func sound(c *stircert.Chain) bool {
	return anchored(c) && !hasAny(c, passport.CertificateRevoked, passport.DelegationExceeds, passport.TNAuthListUnavailable)
}

// anchored reports whether every certificate of a chain stands below the next and the
// last below an anchor, whatever else is wrong with them.
func anchored(c *stircert.Chain) bool {
	return c.Anchor != nil && !hasAny(c, passport.ChainOrder, passport.ChainBroken, passport.CertificateUntrusted)
}

func hasAny(c *stircert.Chain, codes ...passport.Code) bool {
	return slices.ContainsFunc(codes, c.Has)
}

// ours reports whether a document could not be had because of ourselves: we were too
// busy, or are stopping. That says nothing about the URL.
func ours(err error) bool {
	f, ok := errors.AsType[*fetch.Failure](err)
	return !ok || f.Reason == fetch.NoPlace
}

// unavailable says in plain words why there is no certificate.
func unavailable(err error) error {
	detail := err.Error()
	if f, ok := errors.AsType[*fetch.Failure](err); ok && f.Lab {
		detail += " (lab mode)"
	}
	return passport.Found(passport.CertificateUnavailable, "x5u", tn.MaskIn(detail))
}
