package fetch

import (
	"context"
	"errors"
	"fmt"
)

// flight is one fetch under way, and all who wait for it.
type flight struct {
	cancel context.CancelCauseFunc
	// keep says that somebody wants the document kept; guarded by Fetcher.mu.
	keep bool

	// doc and err are the result; they may be read once done is closed.
	done chan struct{}
	doc  *Document
	err  error
}

// settled returns a flight that is over before it began.
func settled(doc *Document, err error) *flight {
	fl := &flight{done: make(chan struct{}), doc: doc, err: err}
	close(fl.done)
	return fl
}

// join returns what memory has of k, or the flight under way for it, or a new one.
func (f *Fetcher) join(ctx context.Context, t target, k key, opts Options) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return settled(nil, ErrClosed)
	}
	now := f.cfg.Now()
	if doc, ok := f.docs.get(k, now); ok {
		return settled(doc, nil)
	}
	if fail, ok := f.failures.get(k, now); ok {
		return settled(nil, fail)
	}
	fl := f.flights[k]
	if fl == nil {
		if len(f.flights) >= (1+waitersPerPlace)*f.cfg.MaxConcurrent {
			return settled(nil, f.mark(k, failure(NoPlace, "too many fetches are waiting")))
		}
		fl = f.launch(ctx, t, k)
	}
	fl.keep = fl.keep || !opts.NoStore
	return fl
}

// launch begins a flight. It outlives the caller, whose call may be over while
// others still wait for the document. f.mu is held.
func (f *Fetcher) launch(ctx context.Context, t target, k key) *flight {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	fl := &flight{cancel: cancel, done: make(chan struct{})}
	f.flights[k] = fl
	f.wg.Go(func() {
		defer cancel(nil)
		ctx, stop := context.WithTimeout(ctx, f.cfg.Timeout)
		defer stop()
		doc, err := f.fetch(ctx, t, k)
		f.land(k, fl, doc, err)
	})
	return fl
}

// land remembers the result of a flight and gives it to those who wait.
func (f *Fetcher) land(k key, fl *flight, doc *Document, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flights, k)
	if doc != nil && fl.keep {
		f.docs.put(k, doc, len(doc.Body), doc.Expires)
	}
	if fail, ok := errors.AsType[*Failure](err); ok && fail.lasting() {
		f.failures.put(k, fail, 0, f.cfg.Now().Add(f.cfg.NegativeTTL))
	}
	fl.doc, fl.err = doc, err
	close(fl.done)
}

// fetch makes the request for k, and one more if there is a redirect to follow.
func (f *Fetcher) fetch(ctx context.Context, t target, k key) (*Document, error) {
	resp, err := f.visit(ctx, t, k.kind)
	location := ""
	if err == nil && resp.redirect != "" {
		if t, err = f.follow(t, resp, k.kind); err == nil {
			location = t.url.String()
			resp, err = f.visit(ctx, t, k.kind)
		}
		if err == nil && resp.redirect != "" {
			err = resp.refuse(errors.New("it is the second"))
		}
	}
	if fail, ok := errors.AsType[*Failure](err); ok {
		fail.Location = location
		return nil, f.mark(k, fail)
	}
	if err != nil {
		return nil, err
	}
	if location == "" {
		location = k.url
	}
	now := f.cfg.Now()
	return &Document{
		URL: k.url, Location: location, Lab: f.cfg.Lab,
		Body: resp.body, ContentType: resp.header.Get("Content-Type"),
		FetchedAt: now, Expires: now.Add(f.freshFor(resp.header, now)),
	}, nil
}

// mark writes on a failure what it is about.
func (f *Fetcher) mark(k key, fail *Failure) *Failure {
	fail.URL, fail.Lab = k.url, f.cfg.Lab
	return fail
}

// follow returns where the redirect leads, if the rules allow it.
func (f *Fetcher) follow(from target, resp response, kind Kind) (target, error) {
	if kind == X5U {
		// RFC 8224 section 7.2, standards.md row 66.
		return target{}, resp.refuse(errors.New("an x5u is not redirected"))
	}
	// The same bytes are refused as in the first URL, before anything is
	// resolved against it and perhaps mended on the way.
	if err := plain(resp.redirect); err != nil {
		return target{}, resp.refuse(err)
	}
	to, err := from.url.Parse(resp.redirect)
	if err != nil {
		return target{}, resp.refuse(errors.New("its Location cannot be parsed"))
	}
	// StrictURL is the caller's rule for the URL he was given.
	t, refused := f.aim(to.String(), false)
	if refused != nil {
		return target{}, resp.refuse(refused)
	}
	return t, nil
}

// refuse is the failure of a redirect that is not followed.
func (r response) refuse(why error) *Failure {
	return &Failure{
		Reason: Redirected, Status: r.status,
		Err: fmt.Errorf("status %d to %.200q: %w", r.status, r.redirect, why),
	}
}
