package trust

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/stircert"
)

// Kind is the kind of list that a [Refresher] keeps fresh.
type Kind string

const (
	// AnchorsKind is the STI-PA's signed list of trust anchors.
	AnchorsKind Kind = "trust anchors"
	// CRLKind is a revocation list.
	CRLKind Kind = "revocation list"
)

// file is how names of files call the kind.
func (k Kind) file() string {
	if k == AnchorsKind {
		return "anchors"
	}
	return "crl"
}

// The ways in which a fetched revocation list is not to be used. What exactly is wrong
// stands in the text around them.
var (
	// ErrCRLSigner: the one in use was signed by a known certificate, and this was not.
	ErrCRLSigner = errors.New("the revocation list is not signed by who may sign it")
	// ErrCRLRollback: it is older than the one in use, or from somebody else.
	ErrCRLRollback = errors.New("the revocation list is not newer than the one in use")
	// ErrCRLUseless: it cannot be used for any certificate.
	ErrCRLUseless = errors.New("the revocation list is of no use")
)

// Health is how one list fares that is kept fresh.
type Health struct {
	// What is the kind of list, URL where it is fetched.
	What Kind
	URL  string
	// Learned says that it is fetched because a certificate names it.
	Learned bool
	// Success is when it was last fetched and found good, and Tried when it was last
	// tried; zero if never.
	Success, Tried time.Time
	// Next is when it is due again.
	Next time.Time
	// Until is when a newer one is due by its own account, zero if it does not say.
	Until time.Time
	// Entries is the number of trust anchors, or of revoked certificates.
	Entries int
	// Unproved says that a revocation list is in use whose signer has not been seen.
	// It counts for nobody until the signer is.
	Unproved bool
	// Stale says that there is none, that a newer one was due, or, for trust
	// anchors, that it has not been renewed for too long.
	Stale bool
	// Err says what went wrong last time, nil if nothing did.
	Err error
	// Notes are what else should be known, such as entries passed over.
	Notes []string
}

// source is a list to keep fresh. Its fields are guarded by the Refresher's mutex.
type source struct {
	what    Kind
	url     string
	learned bool

	list   *AnchorList
	crl    *stircert.CRL
	prover *x509.Certificate // whose key signed crl, nil if that is not known

	success, tried, next time.Time
	failures             int
	err                  error
}

// found is a list that may be used.
type found struct {
	list   *AnchorList
	crl    *stircert.CRL
	prover *x509.Certificate
}

func (s *source) take(f found, at time.Time) {
	s.list, s.crl, s.prover, s.success = f.list, f.crl, f.prover, at
}

// until is when a newer list is due.
func (s *source) until() time.Time {
	switch {
	case s.list != nil:
		return s.list.Expires
	case s.crl != nil:
		return s.crl.NextUpdate
	}
	return time.Time{}
}

func (s *source) health(now time.Time, alarm time.Duration) Health {
	h := Health{
		What: s.what, URL: s.url, Learned: s.learned, Success: s.success, Tried: s.tried, Next: s.next,
		Until: s.until(), Unproved: s.crl != nil && s.prover == nil, Err: s.err,
	}
	h.Stale = !h.Until.IsZero() && !now.Before(h.Until)
	switch {
	case s.list != nil:
		h.Entries, h.Notes = len(s.list.Anchors), s.list.Passed
		h.Stale = h.Stale || now.Sub(s.success) >= alarm
	case s.crl != nil:
		h.Entries = s.crl.Entries
		// RFC 5280 section 5.1.2.5: nextUpdate is a MUST.
		h.Stale = h.Stale || h.Until.IsZero()
	default:
		h.Stale = true
	}
	return h
}

// Health returns how every list fares, in the order of configuration, those that
// were learned last.
func (r *Refresher) Health() []Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	var all []Health
	for _, s := range r.sources {
		all = append(all, s.health(now, r.cfg.Alarm))
	}
	return all
}

// refresh fetches one list and, if it is good, keeps and uses it.
func (r *Refresher) refresh(ctx context.Context, s *source) {
	k, err := r.fetch(ctx, s)
	if ctx.Err() != nil {
		// We are stopping: that says nothing about the list.
		return
	}
	now := r.cfg.Now()
	var f found
	if err == nil {
		f, err = r.judge(s, k, now)
	}
	if err == nil {
		changed := !s.has(f)
		// Write, then act; but a full disk must not keep us from believing the right
		// ones until it is mended.
		r.succeed(s, f, now, k.write(r.cfg.Folder))
		if changed {
			r.tell()
		}
	} else {
		r.fail(s, err, now)
	}
	if r.cfg.Observe != nil {
		r.mu.Lock()
		h := s.health(now, r.cfg.Alarm)
		r.mu.Unlock()
		r.cfg.Observe(h)
	}
}

// succeed uses a list. err says why it could not be kept, if it could not.
func (r *Refresher) succeed(s *source, f found, now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.take(f, now)
	s.tried, s.failures, s.err = now, 0, err
	s.next = now.Add(r.pause(s, now))
	r.prove()
}

func (r *Refresher) fail(s *source, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.failures++
	s.tried, s.err = now, err
	s.next = now.Add(backOff(s.failures))
}

// has reports whether a list says no more than the one in use. It is only called by
// who refreshes, and only who refreshes changes what is in use.
func (s *source) has(f found) bool {
	switch {
	case f.list != nil:
		return f.list.same(s.list)
	case s.crl == nil:
		return false
	}
	return s.crl.Same(f.crl)
}

// fetch gets the document of a source, and what its signature is judged by.
func (r *Refresher) fetch(ctx context.Context, s *source) (*kept, error) {
	doc, err := r.get(ctx, s.url, fetch.List)
	if err != nil {
		return nil, fmt.Errorf("fetching it: %w", err)
	}
	k := &kept{What: s.what, URL: s.url, FetchedAt: r.cfg.Now().UTC().Truncate(time.Second), body: doc.Body}
	if s.what != AnchorsKind {
		return k, nil
	}
	x5u, err := ListSigner(doc.Body)
	if err != nil || x5u == "" {
		return k, err
	}
	signers, err := r.get(ctx, x5u, fetch.X5U)
	if err != nil {
		// The authority's own certificates may have signed.
		if _, e := OpenAnchorList(doc.Body, r.cfg.Authority, nil, r.cfg.Now()); e == nil {
			return k, nil
		}
		return nil, fmt.Errorf("fetching the certificate of its signer: %w", err)
	}
	chain, err := stircert.ParsePEM(signers.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate that its x5u names: %w", ErrListSigner, detail(err))
	}
	k.Signers = string(stircert.EncodePEM(chain...))
	return k, nil
}

// get fetches a document. What it is worth, and when it is asked for again, is ours to
// say, so the fetcher keeps none of it.
func (r *Refresher) get(ctx context.Context, url string, kind fetch.Kind) (*fetch.Document, error) {
	return r.cfg.Fetcher.Get(ctx, url, fetch.Options{Kind: kind, NoStore: true})
}

// judge says whether a document may take the place of what a source has in use.
func (r *Refresher) judge(s *source, k *kept, at time.Time) (found, error) {
	if s.what == AnchorsKind {
		list, err := OpenAnchorList(k.body, r.cfg.Authority, k.signers(), at)
		if err == nil {
			err = list.follows(s.list)
		}
		return found{list: list}, err
	}
	crl, err := stircert.ParseCRL(k.body)
	if err != nil {
		return found{}, fmt.Errorf("%w: %w", ErrCRLUseless, detail(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	prover := r.signerOf(crl)
	for _, c := range k.signers() {
		// It was one of those when the list was kept. Whether it still is will show at
		// the first chain.
		if prover == nil && crl.SignedBy(c) {
			prover = c
		}
	}
	if prover != nil {
		k.Signers = string(stircert.EncodePEM(prover))
	}
	return found{crl: crl, prover: prover}, s.newer(crl, prover, at)
}

// newer says why a revocation list may not take the place of the one in use. A list
// whose signer is not known is used as long as there is no better one: it counts only
// for certificates of an issuer that did sign it (RFC 5280 section 6.3.3).
func (s *source) newer(crl *stircert.CRL, prover *x509.Certificate, at time.Time) error {
	switch {
	case crl.Unusable() != "":
		return fmt.Errorf("%w: %s", ErrCRLUseless, crl.Unusable())
	case crl.ThisUpdate.After(at.Add(futureSlack)):
		// If it were used, those that come in time would look older.
		return fmt.Errorf("%w: it is from the future, %s", ErrCRLUseless, crl.ThisUpdate.Format(time.RFC3339))
	case s.crl == nil:
		return nil
	case s.prover != nil && prover == nil:
		return ErrCRLSigner
	case s.prover == nil && prover != nil:
		// What is proved takes the place of what never was.
		return nil
	case crl.Issuer.String() != s.crl.Issuer.String():
		return fmt.Errorf("%w: it has another issuer", ErrCRLRollback)
	case crl.ThisUpdate.Before(s.crl.ThisUpdate):
		return fmt.Errorf("%w: it is of %s, the other of %s", ErrCRLRollback,
			crl.ThisUpdate.Format(time.RFC3339), s.crl.ThisUpdate.Format(time.RFC3339))
	}
	return nil
}

// futureSlack is how far in the future a revocation list may seem to be made, since
// clocks differ.
const futureSlack = 5 * time.Minute
