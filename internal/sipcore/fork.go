package sipcore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Fork sends a request to several next hops at once and relays what comes of it
// (RFC 3261 section 16.7): provisional responses as they come; every 2xx, the
// first of which cancels the other branches; and if there is none, the best
// refusal when all branches have ended. A 6xx cancels the other branches, and is
// the best there is; otherwise the lowest class wins, 503 last in its own, and
// the challenges of all branches go into one 401 or 407.
//
// Each hop needs a Request of its own. Hop.Response is given what goes back, and
// so of the refusals only the one that was chosen. Everything else is as with
// [Endpoint.Forward]. An ACK cannot be forked.
func (e *Endpoint) Fork(ctx context.Context, tx *ServerTx, hops []Hop) (*Message, error) {
	if len(hops) == 0 || tx.isAck() {
		return nil, errors.New("sipcore: Fork of an ACK, or to nobody")
	}
	all := make([]*Hop, len(hops))
	for i := range hops {
		all[i] = &hops[i]
	}
	mark, err := e.mayForward(tx, all...)
	if err != nil {
		return nil, err
	}
	return e.fork(ctx, tx, hops, mark)
}

// fork is a response context: one request and the branches it has (RFC 3261
// section 16.7).
type fork struct {
	e    *Endpoint
	up   *ServerTx
	mark string
	done chan struct{} // closed when the request is settled, or left to the handler
	once sync.Once

	// mu guards what follows. It is not held while calling out.
	mu        sync.Mutex
	branches  []*branch
	closed    bool // nothing new is tried: there is a 2xx or 6xx, or a CANCEL
	succeeded bool
	because   []Field

	// Set before done is closed.
	final *Message
	err   error
}

// branch is one hop, and the targets it may lead to.
type branch struct {
	f    *fork
	hop  *Hop
	left []Target // not tried yet
	now  *attempt // the last one tried
	over bool

	// What it ended with: one of the two, unless it was never tried.
	refusal *Message
	err     error
}

// attempt is one transaction of a branch. It is a sink.
type attempt struct {
	b       *branch
	tx      *ClientTx
	silence *time.Timer // until the next target is tried instead
	dropped bool        // the next one was
}

func (e *Endpoint) fork(ctx context.Context, tx *ServerTx, hops []Hop, mark string) (*Message, error) {
	f := &fork{e: e, up: tx, mark: mark, done: make(chan struct{})}
	for i := range hops {
		h := &hops[i]
		b := &branch{f: f, hop: h, left: slices.Clone(h.targets())}
		b.left = slices.DeleteFunc(b.left, func(t Target) bool { return h.guard(t) != nil })
		if b.err = ErrInsecure; len(b.left) > 0 {
			b.err = nil
		}
		if e.largest > 0 && h.Request.size() > e.largest {
			// RFC 3261 section 18.1.1, where the next hop says what it offers.
			slices.SortStableFunc(b.left, func(x, y Target) int {
				return index(x.Transport.Reliable()) - index(y.Transport.Reliable())
			})
		}
		f.branches = append(f.branches, b)
	}
	if err := tx.attach(f); err != nil {
		if errors.Is(err, ErrCancelled) {
			tx.Reply(487, "")
		}
		return nil, err
	}
	for _, b := range f.branches {
		b.next()
	}
	tx.passTurn()
	select {
	case <-f.done:
	case <-ctx.Done():
		f.cancel(nil)
		<-f.done
	}
	final := f.final
	f.final = nil
	return final, f.err
}

// index is 0 for what comes first.
func index(first bool) int {
	if first {
		return 0
	}
	return 1
}

// next tries the next target of a branch, or ends it.
func (b *branch) next() {
	f := b.f
	f.mu.Lock()
	if f.closed || len(b.left) == 0 {
		b.over = true
		f.mu.Unlock()
		f.conclude()
		return
	}
	to := b.left[0]
	b.left = b.left[1:]
	branch := cookie + random() + "-" + f.mark
	req := b.hop.Request.Clone()
	f.e.pushVia(req, branch, to)
	a := &attempt{b: b}
	a.tx = f.e.newClientTx(req, branch, to, a)
	a.tx.timerC = true
	b.now = a
	if len(b.left) > 0 {
		a.silence = time.AfterFunc(f.e.failover, a.abandon)
	}
	f.mu.Unlock()
	if err := a.tx.begin(); err != nil {
		a.over(err)
	}
}

// heard stops the wait for a sign of life.
func (a *attempt) heard() {
	if a.silence != nil {
		a.silence.Stop()
	}
}

// abandon turns to the next target because this one is silent. It may still answer
// 2xx, which is relayed; whatever else it says is not.
func (a *attempt) abandon() {
	f := a.b.f
	f.mu.Lock()
	if f.closed || a.b.now != a || a.b.over || a.tx.answeredAtAll() {
		f.mu.Unlock()
		return
	}
	a.dropped = true
	f.mu.Unlock()
	a.tx.Cancel()
	a.b.next()
}

// answeredAtAll reports whether there was a response.
func (tx *ClientTx) answeredAtAll() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.state != calling
}

// response takes one response of a branch.
func (a *attempt) response(m *Message, again bool) {
	a.heard()
	f := a.b.f
	if m.status == 100 {
		return // RFC 3261 section 16.7 step 5: it was for us
	}
	// RFC 3261 section 16.7 step 3.
	if m.popElement("Via"); !m.Has("Via") {
		if m.status >= 200 && !again {
			a.over(errNoWayBack)
		}
		return
	}
	f.mu.Lock()
	succeeded, dropped := f.succeeded, a.dropped
	if m.status/100 == 2 {
		f.succeeded, f.closed = true, true
	}
	f.mu.Unlock()
	switch {
	case m.status/100 == 2:
		// RFC 3261 section 16.7 step 5: all of them, at once.
		err := f.relay(a.b.hop, m)
		if !again {
			f.cancelOthers(a)
			f.settle(m, err)
		}
		f.end(a.b)
	case dropped:
	case m.status < 200:
		if !succeeded {
			f.relay(a.b.hop, m)
		}
	default:
		a.refused(m)
	}
}

// refused takes the refusal of an attempt.
func (a *attempt) refused(m *Message) {
	b, f := a.b, a.b.f
	f.mu.Lock()
	b.refusal, b.err = m, nil
	// RFC 3263 section 4.3: 503 is a reason to ask somebody else.
	again := m.status == 503 && len(b.left) > 0 && !f.closed
	if m.status >= 600 {
		f.closed = true // RFC 3261 section 16.7 step 5: no new branches
	}
	f.mu.Unlock()
	if again {
		b.next()
		return
	}
	if m.status >= 600 {
		f.cancelOthers(a)
	}
	f.end(b)
}

// over is told that there will be no response.
func (a *attempt) over(err error) {
	a.heard()
	b, f := a.b, a.b.f
	f.mu.Lock()
	if a.dropped || b.now != a {
		f.mu.Unlock()
		return
	}
	if b.refusal == nil {
		b.err = err
	}
	again := len(b.left) > 0 && !f.closed && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrClosed)
	f.mu.Unlock()
	if again {
		b.next()
		return
	}
	f.end(b)
}

// end notes that a branch has ended.
func (f *fork) end(b *branch) {
	f.mu.Lock()
	b.over = true
	f.mu.Unlock()
	f.conclude()
}

// relay sends a response upstream, as the hop's Response wants it.
func (f *fork) relay(h *Hop, m *Message) error {
	out := m
	if h.Response != nil {
		out = h.Response(m)
	}
	if out == nil {
		return nil
	}
	err := f.up.Respond(out)
	if err != nil {
		f.e.logger.Debug("relaying SIP response", "status", out.status, "dest", f.up.dest, "error", err)
	}
	return err
}

func (f *fork) settle(final *Message, err error) {
	f.once.Do(func() {
		f.final, f.err = final, err
		close(f.done)
	})
}

// cancel is the caller's CANCEL, or the end of the handler's context.
func (f *fork) cancel(because []Field) {
	f.mu.Lock()
	f.closed, f.because = true, because
	f.mu.Unlock()
	f.cancelOthers(nil)
}

// cancelOthers cancels every branch but that of one attempt (RFC 3261 section 16.7
// step 10).
func (f *fork) cancelOthers(but *attempt) {
	f.mu.Lock()
	var pending []*ClientTx
	for _, b := range f.branches {
		if b.now != nil && b.now != but && !b.over {
			pending = append(pending, b.now.tx)
		}
	}
	because := f.because
	f.mu.Unlock()
	for _, tx := range pending {
		tx.Cancel(because...)
	}
}

// conclude answers when all branches have ended and none has succeeded.
func (f *fork) conclude() {
	f.mu.Lock()
	best := f.best()
	if best == nil || f.succeeded {
		f.mu.Unlock()
		return
	}
	f.succeeded = true // nothing is relayed behind a final response
	if best.refusal != nil {
		f.gatherChallenges(best.refusal)
	}
	f.mu.Unlock()
	if best.refusal == nil {
		f.settle(nil, f.up.unanswered(best.err))
		return
	}
	f.settle(best.refusal, f.relay(best.hop, best.refusal))
}

// best is the branch whose outcome is relayed (RFC 3261 section 16.7 step 6), or
// nil while one has not ended; mu is held.
func (f *fork) best() *branch {
	var best *branch
	for _, b := range f.branches {
		if !b.over {
			return nil
		}
		if best == nil || b.rank() < best.rank() {
			best = b
		}
	}
	if best.refusal == nil && best.err == nil {
		best.err = ErrCancelled // it was never tried
	}
	return best
}

// rank orders outcomes, the best first.
func (b *branch) rank() int {
	if b.refusal == nil {
		switch {
		case b.err == nil:
			return 10_000 // never tried
		case errors.Is(b.err, ErrTimeout):
			return 4_080 // as if a 408 had come (RFC 3261 section 16.8)
		}
		return 5_990
	}
	switch status := b.refusal.status; {
	case status >= 600:
		return 0
	case status == 503:
		return 5_980 // RFC 3261 section 16.7 step 6: it would be taken for ours
	case status == 487:
		return 4_990 // what our own CANCEL brought is not worth much
	case slices.Contains([]int{401, 407, 415, 420, 484}, status):
		return 4_000 // the caller can do something about it
	default:
		return status/100*1000 + status%100
	}
}

// gatherChallenges puts the challenges of all branches into one 401 or 407 (RFC
// 3261 section 16.7 step 7); mu is held.
func (f *fork) gatherChallenges(m *Message) {
	if m.status != 401 && m.status != 407 {
		return
	}
	for _, b := range f.branches {
		if b.refusal == nil || b.refusal == m || b.refusal.status != 401 && b.refusal.status != 407 {
			continue
		}
		for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
			for _, value := range b.refusal.Values(name) {
				m.Add(name, value)
			}
		}
	}
}
