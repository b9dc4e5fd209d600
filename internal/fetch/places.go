package fetch

import (
	"context"
	"sync"
)

// waitersPerPlace bounds the fetches that wait: so many for each that may run.
const waitersPerPlace = 16

// places bounds how many fetches run at once, for one host and in total.
type places struct {
	total   chan struct{}
	perHost int

	// mu guards hosts, which has the hosts somebody is at or waits for.
	mu    sync.Mutex
	hosts map[string]*hostPlaces
}

// hostPlaces are the places for one host.
type hostPlaces struct {
	taken chan struct{}
	// users are those who wait or have a place; guarded by places.mu.
	users int
}

func newPlaces(total, perHost int) *places {
	return &places{
		total:   make(chan struct{}, total),
		perHost: perHost,
		hosts:   make(map[string]*hostPlaces),
	}
}

// enter waits for a place for host until ctx is done, and returns how to leave it.
//
// The host's place comes first: who waits for a slow host must not meanwhile occupy
// a place that another host could use.
func (p *places) enter(ctx context.Context, host string) (leave func(), err error) {
	h := p.join(host)
	select {
	case h.taken <- struct{}{}:
	case <-ctx.Done():
		p.part(host)
		return nil, ctx.Err()
	}
	select {
	case p.total <- struct{}{}:
	case <-ctx.Done():
		<-h.taken
		p.part(host)
		return nil, ctx.Err()
	}
	return func() {
		<-p.total
		<-h.taken
		p.part(host)
	}, nil
}

func (p *places) join(host string) *hostPlaces {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[host]
	if h == nil {
		h = &hostPlaces{taken: make(chan struct{}, p.perHost)}
		p.hosts[host] = h
	}
	h.users++
	return h
}

func (p *places) part(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.hosts[host]; h.users > 1 {
		h.users--
	} else {
		delete(p.hosts, host)
	}
}
