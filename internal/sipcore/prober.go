package sipcore

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// ProberConfig is what [NewProber] needs to know. The zero value is a good one.
type ProberConfig struct {
	// Interval is the time between two OPTIONS to one target: 30 s.
	Interval time.Duration
	// Timeout is how long a target may take to answer: 5 s.
	Timeout time.Duration
	// Down is how many failures in a row make a target down, 2; Up is how many
	// answers in a row make it up again, 2.
	Down, Up int
	// From is the URI in From and To of the OPTIONS; the default is that of the
	// endpoint.
	From string
}

// Prober asks next hops with OPTIONS whether they are there. What it learns only
// changes an order: a target that is down is tried last, not never. Its methods may
// be called from many goroutines.
type Prober struct {
	e *Endpoint
	c ProberConfig

	mu     sync.Mutex // never held while asking
	health map[Target]*Health
	added  chan struct{} // has room for one
}

// Health is what is known of one target.
type Health struct {
	Target Target
	// Up says whether it is there; a target is up until it has failed often enough.
	Up bool
	// Since is when Up changed last, and the zero time if it never did.
	Since time.Time
	// Asked is when it was asked last, RoundTrip how long its last answer took and
	// Status what that was.
	Asked     time.Time
	RoundTrip time.Duration
	Status    int
	// Streak is how many results in a row spoke against Up.
	Streak int
}

// NewProber returns a prober that sends from e. It starts nothing.
func NewProber(e *Endpoint, c ProberConfig) *Prober {
	c.Interval = orDefault(c.Interval, 30*time.Second)
	c.Timeout = orDefault(c.Timeout, 5*time.Second)
	c.Down, c.Up = orDefault(c.Down, 2), orDefault(c.Up, 2)
	if c.From == "" {
		c.From = "sip:" + e.SentBy()
	}
	return &Prober{e: e, c: c, health: make(map[Target]*Health), added: make(chan struct{}, 1)}
}

// Watch sets which targets are asked. What is known of those that stay is kept.
func (p *Prober) Watch(targets ...Target) {
	p.mu.Lock()
	kept := make(map[Target]*Health, len(targets))
	for _, t := range targets {
		h := p.health[t]
		if h == nil {
			h = &Health{Target: t, Up: true}
		}
		kept[t] = h
	}
	p.health = kept
	p.mu.Unlock()
	select {
	case p.added <- struct{}{}:
	default:
	}
}

// State returns what is known, ordered by target.
func (p *Prober) State() []Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Health, 0, len(p.health))
	for _, h := range p.health {
		all = append(all, *h)
	}
	slices.SortFunc(all, func(a, b Health) int { return cmp.Compare(a.Target.String(), b.Target.String()) })
	return all
}

// Order returns the targets with those that are down behind the others, otherwise
// in their order.
func (p *Prober) Order(targets []Target) []Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	sorted := slices.Clone(targets)
	slices.SortStableFunc(sorted, func(a, b Target) int { return p.place(a) - p.place(b) })
	return sorted
}

// place is 1 for what is down; mu is held.
func (p *Prober) place(t Target) int {
	h := p.health[t]
	return index(h == nil || h.Up)
}

// Run asks until ctx is done, waits for the answers that are out, and returns nil.
func (p *Prober) Run(ctx context.Context) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.added:
		case <-next.C:
		}
		targets, wait := p.due(time.Now())
		for _, t := range targets {
			asking.Go(func() { p.ask(ctx, t) })
		}
		next.Reset(wait)
	}
}

// due are the targets to ask now, and how long until there are others.
func (p *Prober) due(now time.Time) (targets []Target, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = p.c.Interval
	for t, h := range p.health {
		left := h.Asked.Add(p.c.Interval).Sub(now)
		if h.Asked.IsZero() || left <= 0 {
			h.Asked = now
			targets = append(targets, t)
			continue
		}
		wait = min(wait, left)
	}
	return targets, wait
}

// ask sends one OPTIONS and notes what comes of it. Any answer but 408 and 503
// shows that somebody is there.
func (p *Prober) ask(ctx context.Context, t Target) {
	asked, stop := context.WithTimeout(ctx, p.c.Timeout)
	defer stop()
	begun := time.Now()
	m, err := p.e.DoTo(asked, p.options(t), t)
	if ctx.Err() != nil {
		return // it says nothing about the target
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.health[t]
	if h == nil {
		return
	}
	good := err == nil && m.Status() != 408 && m.Status() != 503
	if h.Status = 0; err == nil {
		h.Status, h.RoundTrip = m.Status(), time.Since(begun)
	}
	if h.note(good, p.c.Down, p.c.Up) {
		h.Since = time.Now()
		p.e.logger.Info("SIP next hop changed", "target", t, "up", h.Up, "error", err)
	}
}

// note counts one result, and reports whether it changed Up.
func (h *Health) note(good bool, down, up int) bool {
	if good == h.Up {
		h.Streak = 0
		return false
	}
	h.Streak++
	if h.Up && h.Streak < down || !h.Up && h.Streak < up {
		return false
	}
	h.Up, h.Streak = good, 0
	return true
}

func (p *Prober) options(t Target) *Message {
	scheme := "sip:"
	if t.Transport.Secure() {
		scheme = "sips:"
	}
	m := NewRequest("OPTIONS", scheme+t.Addr.String())
	m.Add("From", "<"+p.c.From+">;tag="+random())
	m.Add("To", "<"+scheme+t.Addr.String()+">")
	m.Add("Call-ID", random())
	m.Add("CSeq", "1 OPTIONS")
	m.Add("Contact", "<"+p.c.From+">")
	m.Set("Max-Forwards", "1") // it is meant for the next hop alone
	return m
}
