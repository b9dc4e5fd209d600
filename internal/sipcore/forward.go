package sipcore

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"sync"
)

// Hop is one request on its way to its next hop.
type Hop struct {
	// Request is what is sent: usually a Clone of [ServerTx.Request], rewritten.
	// Forward puts our Via on it and lowers Max-Forwards, and owns it from then
	// on. Call-ID, tags, CSeq and Contact are for nobody to change.
	Request *Message

	// Next is where it goes over UDP: see [Message.NextHop] and
	// [Endpoint.Resolve]. It is not looked at if there are Targets.
	Next netip.AddrPort

	// Targets are where it goes, over any transport: the first, and if that cannot
	// be reached, does not answer in time or answers 503, the next (RFC 3263
	// section 4.3). See [Resolver.Targets] and [Prober.Order].
	Targets []Target

	// Response, if not nil, is given every response on its way back, our Via
	// already off, and returns what is sent upstream; 100 is not among them. To
	// keep a response back it returns nil; if that was the final one, Forward
	// returns it and the request is still to be answered, perhaps by another
	// Forward. It is called again for a repeated 2xx, up to 64 times T1 after
	// Forward has returned.
	//
	// It is called by the goroutine that reads the socket, so that responses keep
	// their order: it must be quick, and must not block.
	Response func(*Message) *Message
}

// targets are where a hop may lead.
func (h *Hop) targets() []Target {
	if len(h.Targets) > 0 {
		return h.Targets
	}
	return []Target{udp(h.Next)}
}

// guard keeps a request to a sips URI inside TLS (RFC 3261 section 26.2.2). Next,
// which is UDP by what it is, is for the caller to judge.
func (h *Hop) guard(t Target) error {
	if len(h.Targets) == 0 || t.Transport.Secure() {
		return nil
	}
	if u, err := h.Request.NextHop(); err == nil && u.Scheme() == "sips" {
		return ErrInsecure
	}
	return nil
}

// Forward sends a request on and relays everything that belongs to it, as a
// stateful proxy (RFC 3261 section 16): responses and repeated 2xx responses
// upstream, a CANCEL downstream and the final response it leads to upstream. A
// refusal is acknowledged hop by hop; the ACK of a 2xx is a request of its own,
// which a handler forwards with Forward like any other, and for which the results
// are nil.
//
// Forward blocks until the final response was relayed, and returns it as it came
// from downstream, without our Via. If there is none, it answers for itself and
// the error says why: ErrCancelled (487), ErrTimeout (408; but nothing to a
// request that is not an INVITE, RFC 4320 section 4.2), errors of sending (503 or
// 513), ErrHops (483), ErrLoop (482), ErrClosed (503), or ErrAnswered if there
// was nothing left to answer.
//
// When ctx ends, an INVITE is cancelled as if the caller had done it. A call that
// rings without a sign of life for as long as Timer C is cancelled too, and
// answered with what that brings.
func (e *Endpoint) Forward(ctx context.Context, tx *ServerTx, h Hop) (*Message, error) {
	mark, err := e.mayForward(tx, &h)
	if err != nil {
		return nil, err
	}
	branch := cookie + random() + "-" + mark
	to := h.targets()
	if len(to) > 1 && !tx.isAck() {
		return e.fork(ctx, tx, []Hop{h}, mark)
	}
	if err := h.guard(to[0]); err != nil {
		tx.Reply(503, "")
		return nil, err
	}
	e.pushVia(h.Request, branch, to[0])
	if tx.isAck() {
		err := e.transmit(h.Request.Bytes(), path{Target: to[0]}, nil)
		tx.passTurn()
		return nil, err
	}
	r := &relay{up: tx, change: h.Response, done: make(chan struct{})}
	r.down = e.newClientTx(h.Request, branch, to[0], r)
	r.down.timerC = true
	if err := tx.attach(r); err != nil {
		if errors.Is(err, ErrCancelled) {
			tx.Reply(487, "")
		}
		return nil, err
	}
	err = r.down.begin()
	tx.passTurn()
	if err != nil {
		r.over(err)
	}
	return r.wait(ctx)
}

// mayForward judges whether a request may be sent on at all, and answers it if not.
// mark is what we will know it by if it comes back.
func (e *Endpoint) mayForward(tx *ServerTx, hops ...*Hop) (mark string, err error) {
	for _, h := range hops {
		if err := lowerMaxForwards(h.Request); err != nil {
			tx.Reply(483, "")
			return "", err
		}
	}
	received := tx.Request()
	if received == nil {
		return "", ErrAnswered
	}
	mark = loopMark(e.seed, received)
	if loops(received, e.isSentBy, mark) {
		tx.Reply(482, "")
		return "", ErrLoop
	}
	return mark, nil
}

var (
	// ErrHops says that a request came with Max-Forwards: 0.
	ErrHops = errors.New("sipcore: too many hops")
	// ErrLoop says that a request came back unchanged.
	ErrLoop = errors.New("sipcore: request loops")

	errNoWayBack = errors.New("sipcore: response without the caller's Via")
)

// lowerMaxForwards is RFC 3261 section 16.3 step 3 and section 16.6 step 3.
func lowerMaxForwards(m *Message) error {
	n, ok := m.MaxForwards()
	switch {
	case !ok:
		n = 71
	case n == 0:
		return ErrHops
	}
	m.Set("Max-Forwards", strconv.Itoa(n-1))
	return nil
}

// relay joins a server and a client transaction. It is a sink.
type relay struct {
	up     *ServerTx
	down   *ClientTx
	change func(*Message) *Message
	done   chan struct{} // closed when the request is settled, or left to the handler
	once   sync.Once

	// Set before done is closed.
	final *Message
	err   error
}

func (r *relay) wait(ctx context.Context) (*Message, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		r.down.Cancel()
		<-r.done
	}
	final := r.final
	r.final = nil // the relay may live 32 seconds longer, for repeated 2xx responses
	return final, r.err
}

func (r *relay) cancel(because []Field) { r.down.Cancel(because...) }

func (r *relay) settle(final *Message, err error) {
	r.once.Do(func() {
		r.final, r.err = final, err
		close(r.done)
	})
}

// response relays one response (RFC 3261 section 16.7).
func (r *relay) response(m *Message, again bool) {
	if m.status == 100 {
		return // RFC 3261 section 16.7 step 5: it was for us
	}
	// RFC 3261 section 16.7 step 3: our Via comes off; what is left leads on.
	if m.popElement("Via"); !m.Has("Via") {
		if m.status >= 200 && !again {
			r.over(errNoWayBack)
		}
		return
	}
	out := m
	if r.change != nil {
		out = r.change(m)
	}
	var err error
	if out != nil {
		if err = r.up.Respond(out); err != nil {
			r.up.e.logger.Debug("relaying SIP response", "status", out.status, "dest", r.up.dest, "error", err)
		}
	}
	if m.status >= 200 && !again {
		r.settle(m, err)
	}
}

// over answers where downstream did not.
func (r *relay) over(err error) { r.settle(nil, r.up.unanswered(err)) }

// unanswered answers a request whose next hop did not, because of err, and returns
// what Forward says of it.
func (tx *ServerTx) unanswered(err error) error {
	switch {
	case tx.Cancelled():
		err = ErrCancelled
		tx.Reply(487, "")
	case errors.Is(err, ErrTimeout) && tx.isInvite():
		tx.Reply(408, "")
	case errors.Is(err, ErrTimeout):
		// RFC 4320 section 4.2: too late to be of use, and taken for a failure
		// of ours.
		tx.terminate()
	case errors.Is(err, ErrTooLarge):
		tx.Reply(513, "")
	default:
		tx.Reply(503, "")
	}
	return err
}
