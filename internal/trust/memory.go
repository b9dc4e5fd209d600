package trust

import (
	"crypto/x509"
	"sync"
	"time"

	"countersign.example/stircert"
)

// outcome is what came of one URL.
type outcome struct {
	chain *stircert.Chain
	err   error
	// passing says that the next one to ask may fare better, so it is not kept.
	passing bool
	// from and until bound the times of calls that it answers.
	from, until time.Time
	// page is what was served, if it may be judged again without being fetched.
	page *page
}

// page is what a certificate repository served.
type page struct {
	certs []*x509.Certificate
	lab   bool
	// until is the end of the times of calls for which it need not be fetched again.
	until time.Time
}

func (o *outcome) good(at time.Time) bool { return !at.Before(o.from) && at.Before(o.until) }

// slack is how much earlier than the call that had a chain fetched another call may
// be: calls that come together are not judged in order.
const slack = 5 * time.Second

// flight is a fetch and validation under way.
type flight struct {
	// done is closed when the rest is settled.
	done      chan struct{}
	outcome   outcome
	abandoned bool
}

// state is what was learned under one Set.
type state struct {
	set Set
	max int

	// mu guards what follows. It is never held while waiting for anything.
	mu      sync.RWMutex
	chains  map[string]*outcome
	bad     map[string]*outcome
	flights map[string]*flight
	// before has what was served for chains that were good under another Set: the
	// first calls after a change need not wait for the network. It shrinks only.
	before map[string]*page
}

func newState(s Set, most int, before map[string]*page) *state {
	return &state{
		set:     s,
		max:     most,
		before:  before,
		chains:  make(map[string]*outcome),
		bad:     make(map[string]*outcome),
		flights: make(map[string]*flight),
	}
}

func (s *state) find(url string, at time.Time) *outcome {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if o := s.chains[url]; o != nil && o.good(at) {
		return o
	}
	if o := s.bad[url]; o != nil && o.good(at) {
		return o
	}
	return nil
}

// pages returns what was served for the chains that are kept.
func (s *state) pages() map[string]*page {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[string]*page)
	for url, o := range s.chains {
		all[url] = o.page
	}
	for url, p := range s.before {
		if _, newer := all[url]; !newer && len(all) < s.max {
			all[url] = p
		}
	}
	return all
}

// served returns what was served at url under an earlier Set, nil if that is too long
// ago, and forgets it: what is made of it now is remembered in its own place.
func (s *state) served(url string, at time.Time) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.before[url]
	delete(s.before, url)
	if p == nil || !at.Before(p.until) {
		return nil
	}
	return p
}

// join returns the flight for url, and whether the caller has begun it and must end
// it with leave.
func (s *state) join(url string) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[url]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	s.flights[url] = f
	return f, true
}

func (s *state) leave(url string, f *flight) {
	s.mu.Lock()
	delete(s.flights, url)
	s.mu.Unlock()
	close(f.done)
}

// keep remembers an outcome. A good chain stays when a later fetch goes wrong, for as
// long as it was good for.
func (s *state) keep(url string, o outcome, kept bool, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept {
		delete(s.bad, url)
		put(s.chains, url, &o, s.max, at)
		return
	}
	put(s.bad, url, &o, s.max, at)
}

// put adds to a bounded memory. If it is full, what has run out goes first, then
// whatever comes first: the order of a map is not an attacker's to choose.
func put(m map[string]*outcome, url string, o *outcome, most int, at time.Time) {
	if _, known := m[url]; !known && len(m) >= most {
		for k, old := range m {
			if !at.Before(old.until) {
				delete(m, k)
			}
		}
		for k := range m {
			if len(m) < most {
				break
			}
			delete(m, k)
		}
	}
	m[url] = o
}

func (s *state) forget(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chains, url)
	delete(s.bad, url)
	delete(s.before, url)
}
