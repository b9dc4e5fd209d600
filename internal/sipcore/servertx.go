package sipcore

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ServerTx is a request that somebody sent us, and the transaction by which it is
// answered (RFC 3261 section 17.2, with the Accepted state of RFC 6026). Its
// methods may be called from many goroutines at once.
type ServerTx struct {
	e    *Endpoint
	key  serverKey
	req  *Message
	dest path        // where responses go
	tag  string      // our To tag, if we answer ourselves
	call string      // the call whose turn this is, if it takes turns
	turn atomic.Bool // whether it has the turn

	ctx  context.Context
	stop context.CancelCauseFunc

	// mu guards what follows. Responses are written under it, so that they leave
	// in the order in which they were given.
	mu        sync.Mutex
	state     serverState
	alarm     alarm
	last      []byte // the response that repeated requests are answered with
	sentTag   string // the To tag of the last response that had one
	cancelled bool
	relay     relayer // who forwards this request, and so the CANCEL
	done      chan struct{}
}

// relayer forwards a request.
type relayer interface {
	// cancel passes a CANCEL on; because are its Reason fields.
	cancel(because []Field)
}

type serverState int

const (
	proceeding serverState = iota // and Trying, which differs only in having no response yet
	completed
	confirmed
	accepted
	terminated
)

func newServerTx(e *Endpoint, key serverKey, req *Message, dest path) *ServerTx {
	tx := &ServerTx{e: e, key: key, req: req, dest: dest}
	tx.ctx, tx.stop = context.WithCancelCause(e.base)
	return tx
}

// Request returns the request. It must not be changed: Clone it first. After the
// handler has returned and the request is answered it is nil.
func (tx *ServerTx) Request() *Message {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.req
}

func (tx *ServerTx) isInvite() bool { return tx.key.method == MethodInvite }

// isAck reports whether this is the ACK of a 2xx, which has no transaction.
func (tx *ServerTx) isAck() bool { return tx.key.method == "" }

// Cancelled reports whether the caller has sent CANCEL before the request was
// answered. The handler's context ends at the same moment.
func (tx *ServerTx) Cancelled() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.cancelled
}

// Done returns a channel that is closed when the transaction is over: no
// retransmission of the request will be recognised any more.
func (tx *ServerTx) Done() <-chan struct{} {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.done == nil {
		tx.done = make(chan struct{})
		if tx.state == terminated || tx.isAck() {
			close(tx.done)
		}
	}
	return tx.done
}

// Response returns a response to the request with our To tag, to be completed and
// given to Respond. When Request is nil, so is this.
func (tx *ServerTx) Response(status int, reason string) *Message {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.req == nil {
		return nil
	}
	r := NewResponse(tx.req, status, reason)
	if status > 100 {
		r.tagTo(tx.ownTag())
	}
	return r
}

// Reply answers with a response that has no body. An empty reason becomes the
// standard's phrase.
func (tx *ServerTx) Reply(status int, reason string, fields ...Field) error {
	r := tx.Response(status, reason)
	if r == nil {
		return ErrAnswered
	}
	for _, f := range fields {
		r.Add(f.Name, f.Value)
	}
	return tx.Respond(r)
}

// Respond sends a response; a missing To tag is added. A 100 is sent at most
// once, and not after another provisional response. The error is ErrAnswered if
// there is a final response already (a second 2xx of an INVITE is sent all the
// same), or says why it could not be sent.
func (tx *ServerTx) Respond(r *Message) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.respond(r)
}

// respond is Respond with mu held.
func (tx *ServerTx) respond(r *Message) error {
	if tx.isAck() || tx.state == terminated {
		return ErrAnswered
	}
	if r.status > 100 {
		r.tagTo(tx.ownTag())
		if tag := r.ToTag(); tag != tx.sentTag {
			tx.sentTag = strings.Clone(tag)
		}
	}
	final := r.status >= 200
	switch {
	case tx.state == accepted && r.status/100 == 2:
		// RFC 6026 section 7.1: passed on whenever it is given.
		return tx.e.transmit(r.Bytes(), tx.dest, nil)
	case tx.state != proceeding:
		return ErrAnswered
	case r.status == 100 && tx.last != nil:
		return nil
	}
	tx.last = r.Bytes()
	err := tx.e.transmit(tx.last, tx.dest, nil)
	if final {
		tx.settle(r.status)
	} else if tx.isInvite() {
		tx.alarm.stop() // Trying: no 100 is needed any more
	}
	return err
}

// settle enters the state that a final response leads to, with mu held.
func (tx *ServerTx) settle(status int) {
	t := &tx.e.timers
	tx.relay = nil
	switch {
	case !tx.isInvite():
		tx.state = completed
		tx.alarm.set(tx.wake, 0, 0, tx.unreliable(t.patience())) // Timer J
	case status < 300:
		tx.state = accepted
		tx.last = nil                             // RFC 6026 section 7.1: repeated INVITEs are absorbed
		tx.alarm.set(tx.wake, 0, 0, t.patience()) // Timer L
	default:
		tx.state = completed
		tx.alarm.set(tx.wake, tx.unreliable(t.T1), t.T2, t.patience()) // Timers G and H
	}
	tx.passTurn()
}

// unreliable is d, or nothing over a transport that loses nothing.
func (tx *ServerTx) unreliable(d time.Duration) time.Duration {
	if tx.dest.Transport.Reliable() {
		return 0
	}
	return d
}

// ownTag returns the To tag we answer with, with mu held.
func (tx *ServerTx) ownTag() string {
	if tx.tag == "" {
		tx.tag = random()
	}
	return tx.tag
}

// tagged returns the To tag of the last response, or the one we would use.
func (tx *ServerTx) tagged() string {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.sentTag != "" {
		return tx.sentTag
	}
	return tx.ownTag()
}

// tagTo adds a tag to To if it has none.
func (m *Message) tagTo(tag string) {
	if i := m.index("To", 0); i >= 0 && tagOf(m.fields[i].Value) == "" {
		m.fields[i].Value += ";tag=" + tag
	}
}

// expectAnswer starts the clock after which an unanswered INVITE is answered 100
// (RFC 3261 section 17.2.1).
func (tx *ServerTx) expectAnswer() {
	if tx.isInvite() {
		tx.mu.Lock()
		tx.alarm.set(tx.wake, 0, 0, tx.e.timers.Trying)
		tx.mu.Unlock()
	}
}

// wake is called by the alarm.
func (tx *ServerTx) wake() {
	tx.mu.Lock()
	repeat, over := tx.alarm.rang(tx.wake)
	switch {
	case repeat && tx.state == completed:
		tx.e.transmit(tx.last, tx.dest, nil) // Timer G; if it fails, the next one may not
	case over && tx.state == proceeding:
		tx.respond(NewResponse(tx.req, 100, ""))
		over = false
	}
	tx.mu.Unlock()
	if over {
		tx.terminate()
	}
}

// repeated answers a retransmission of the request.
func (tx *ServerTx) repeated() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.last != nil && (tx.state == proceeding || tx.state == completed) {
		tx.e.transmit(tx.last, tx.dest, nil)
	}
}

// confirm takes an ACK, and reports whether it was that of a refusal. The ACK of
// a 2xx that came under the INVITE's own branch is the core's (RFC 6026 section
// 7.1).
func (tx *ServerTx) confirm() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.state == completed {
		tx.state, tx.last = confirmed, nil
		tx.alarm.set(tx.wake, 0, 0, tx.unreliable(tx.e.timers.T4)) // Timer I
	}
	return tx.state != accepted
}

// cancel notes a CANCEL and passes it on to whoever has the request, with its
// Reason fields (RFC 3326).
func (tx *ServerTx) cancel(m *Message) {
	tx.mu.Lock()
	if tx.state != proceeding || tx.cancelled {
		tx.mu.Unlock()
		return
	}
	tx.cancelled = true
	r := tx.relay
	tx.mu.Unlock()
	tx.stop(ErrCancelled)
	if r != nil {
		var because []Field
		for _, reason := range m.Values("Reason") {
			because = append(because, Field{"Reason", reason})
		}
		r.cancel(because)
	}
}

// attach makes r the one who forwards this request, unless that has become
// pointless.
func (tx *ServerTx) attach(r relayer) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	switch {
	case tx.state != proceeding:
		return ErrAnswered
	case tx.cancelled:
		return ErrCancelled
	}
	tx.relay = r
	return nil
}

// passTurn lets the next request of the call begin.
func (tx *ServerTx) passTurn() {
	if !tx.turn.CompareAndSwap(true, false) {
		return
	}
	if next := tx.e.order.leave(tx.call); next != nil {
		next.turn.Store(true)
		go tx.e.serve(next)
	}
}

// returned is called when the handler has returned.
func (tx *ServerTx) returned() {
	tx.mu.Lock()
	open := tx.state == proceeding && !tx.isAck()
	cancelled := tx.cancelled
	tx.mu.Unlock()
	if open {
		status := 500
		switch {
		case cancelled:
			status = 487
		case tx.e.base.Err() != nil:
			status = 503
		}
		tx.Reply(status, "")
	}
	tx.passTurn()
	tx.stop(nil)
	tx.mu.Lock()
	tx.req = nil // a transaction lives 32 seconds longer, and may be one of many
	tx.mu.Unlock()
}

// terminate forgets the transaction.
func (tx *ServerTx) terminate() {
	tx.mu.Lock()
	if tx.state == terminated {
		tx.mu.Unlock()
		return
	}
	tx.state = terminated
	tx.last, tx.relay = nil, nil
	tx.alarm.stop()
	if tx.done != nil {
		close(tx.done)
	}
	tx.mu.Unlock()
	tx.passTurn()
	tx.e.mu.Lock()
	delete(tx.e.servers, tx.key)
	tx.e.mu.Unlock()
}

// ackKey names the ACK of one 2xx (RFC 3261 section 13.2.2.4).
type ackKey struct {
	callID, fromTag, toTag string
	cseq                   uint32
}

func newAckKey(m *Message) ackKey {
	number, _ := m.CSeq()
	return ackKey{m.CallID(), m.FromTag(), m.ToTag(), number}
}

// acceptance waits for the ACK of a 2xx of ours.
type acceptance struct {
	once sync.Once
	ack  *Message
	came chan struct{}
}

func (a *acceptance) acknowledge(m *Message) {
	a.once.Do(func() { a.ack = m; close(a.came) })
}

// Accept answers an INVITE with the 2xx r, as the one who was called, and repeats
// it until its ACK comes, which is returned (RFC 3261 section 13.3.1.4). The
// error is ErrTimeout if no ACK came in 64 times T1, and the caller should then
// end the dialog with BYE; or it is that of ctx.
func (tx *ServerTx) Accept(ctx context.Context, r *Message) (ack *Message, err error) {
	e := tx.e
	r.tagTo(tx.tagged())
	a := &acceptance{came: make(chan struct{})}
	key := newAckKey(r)
	e.mu.Lock()
	e.accepted[key] = a
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.accepted, key)
		e.mu.Unlock()
	}()
	if err := tx.Respond(r); err != nil {
		return nil, err
	}
	over := time.NewTimer(e.timers.patience())
	defer over.Stop()
	interval := e.timers.T1
	again := time.NewTimer(interval)
	defer again.Stop()
	for {
		select {
		case <-a.came:
			return a.ack, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-over.C:
			return nil, ErrTimeout
		case <-again.C:
			tx.Respond(r)
			interval = min(2*interval, e.timers.T2)
			again.Reset(interval)
		}
	}
}
