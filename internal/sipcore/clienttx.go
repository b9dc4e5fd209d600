package sipcore

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// sink receives what comes of a client transaction. Its methods are called one
// at a time and must not block.
type sink interface {
	// response is given every response; again says that it is a repeated 2xx of
	// an INVITE, or the 2xx of another branch.
	response(m *Message, again bool)
	// over is called once if no final response came: err says why.
	over(err error)
}

// ClientTx is a request of ours and the transaction that carries it (RFC 3261
// section 17.1, with the Accepted state of RFC 6026). Its methods may be called
// from many goroutines at once.
type ClientTx struct {
	e      *Endpoint
	key    clientKey
	unread *unread // of those made by Send

	// mu guards what follows. Requests are written under it.
	mu        sync.Mutex
	dest      Target
	instead   *Target // if dest takes no connection: a large request to a UDP address
	on        *conn   // that the request went by, until there is a response
	resent    bool    // over a second connection
	state     clientState
	alarm     alarm
	req       *Message // with our Via; nil once there is a final response
	wire      []byte   // what is repeated: the request, then its ACK
	ackDest   Target
	ackTag    string // the To tag of the 2xx that wire acknowledges
	sink      sink
	timerC    bool // a proxy's: a call that only rings is given up
	cancelled bool
	because   []Field // of the CANCEL
	cancelOut bool    // CANCEL has been sent
	done      chan struct{}
}

type clientState int

const (
	calling  clientState = iota // Trying, if not an INVITE
	ringing                     // Proceeding
	refused                     // Completed
	answered                    // Accepted (RFC 6026 section 7.2)
	over                        // Terminated
)

func (tx *ClientTx) isInvite() bool { return tx.key.method == MethodInvite }

// Send sends a request of our own, any but ACK and CANCEL, in a new transaction;
// it needs From, To, Call-ID and CSeq, and is given a Via. req is not changed. Its
// responses are read with Next. The error says why it could not be sent.
func (e *Endpoint) Send(req *Message, next netip.AddrPort) (*ClientTx, error) {
	return e.SendTo(req, udp(next))
}

// SendTo is Send over any transport. Over a connection the request is queued when
// SendTo returns; if it cannot be delivered, Next says so.
func (e *Endpoint) SendTo(req *Message, to Target) (*ClientTx, error) {
	if req.method == MethodAck || req.method == MethodCancel || !req.IsRequest() {
		return nil, errors.New("sipcore: Send of an ACK, a CANCEL or a response")
	}
	req = req.Clone()
	branch := cookie + random()
	e.pushVia(req, branch, to)
	u := &unread{wake: make(chan struct{}, 1)}
	tx := e.newClientTx(req, branch, to, u)
	tx.unread = u
	if err := tx.begin(); err != nil {
		return nil, err
	}
	return tx, nil
}

// SendACK sends the ACK of a 2xx, which is a request without a transaction. ack is
// not changed.
func (e *Endpoint) SendACK(ack *Message, next netip.AddrPort) error {
	return e.SendACKTo(ack, udp(next))
}

// SendACKTo is SendACK over any transport.
func (e *Endpoint) SendACKTo(ack *Message, to Target) error {
	ack = ack.Clone()
	e.pushVia(ack, cookie+random(), to)
	return e.transmit(ack.Bytes(), path{Target: to}, nil)
}

func (e *Endpoint) pushVia(m *Message, branch string, to Target) {
	m.Prepend("Via", e.via(branch, to))
}

func (e *Endpoint) via(branch string, to Target) string {
	return "SIP/2.0/" + to.Transport.String() + " " + e.sentByFor(to) + ";branch=" + branch
}

func (e *Endpoint) newClientTx(req *Message, branch string, to Target, s sink) *ClientTx {
	return &ClientTx{
		e:    e,
		key:  clientKey{branch, internMethod(req.method)},
		dest: to,
		req:  req,
		sink: s,
		done: make(chan struct{}),
	}
}

// begin sends the request for the first time.
func (tx *ClientTx) begin() error {
	e, t := tx.e, &tx.e.timers
	e.mu.Lock()
	if e.phase == closing {
		e.mu.Unlock()
		return ErrClosed
	}
	e.clients[tx.key] = tx
	e.mu.Unlock()
	tx.mu.Lock()
	if tx.state == over {
		tx.mu.Unlock()
		return ErrClosed // meanwhile
	}
	err := error(ErrCancelled)
	if !tx.cancelled {
		tx.wire = tx.req.Bytes()
		tx.switchIfLarge()
		if err = tx.send(); err != nil && tx.instead != nil {
			err = tx.goBack()
		}
		tx.expect(t.patience())
	}
	tx.mu.Unlock()
	if err != nil {
		tx.fail(nil) // our caller is told
	}
	return err
}

// send writes the request; mu is held.
func (tx *ClientTx) send() error {
	return tx.e.transmit(tx.wire, path{Target: tx.dest}, tx)
}

// expect sets the clock for a response; mu is held.
func (tx *ClientTx) expect(lasts time.Duration) {
	t := &tx.e.timers
	longest := t.T2 // Timer E
	if tx.isInvite() {
		longest = 0 // Timer A
	}
	tx.alarm.set(tx.wake, tx.unreliable(t.T1), longest, lasts) // Timers B and F
}

// unreliable is d, or nothing over a transport that loses nothing.
func (tx *ClientTx) unreliable(d time.Duration) time.Duration {
	if tx.dest.Transport.Reliable() {
		return 0
	}
	return d
}

// switchIfLarge chooses TCP for a request that UDP should not carry (RFC 3261
// section 18.1.1); mu is held.
func (tx *ClientTx) switchIfLarge() {
	e := tx.e
	if e.largest == 0 || len(tx.wire) <= e.largest || tx.dest.Transport != UDP ||
		tx.key.method == MethodCancel || e.conns.refuses(tx.dest.Addr) {
		return
	}
	was := tx.dest
	tx.instead = &was
	tx.carry(Target{Transport: TCP, Addr: was.Addr})
}

// goBack returns to UDP after a switch, because nobody took the connection; mu is
// held.
func (tx *ClientTx) goBack() error {
	tx.e.conns.refused(tx.dest.Addr)
	tx.carry(*tx.instead)
	tx.instead = nil
	return tx.send()
}

// carry changes where the request goes and what our Via says of it. Nothing can
// have arrived before.
func (tx *ClientTx) carry(to Target) {
	tx.dest = to
	tx.req.fields[tx.req.index("Via", 0)].Value = tx.e.via(tx.key.branch, to)
	tx.wire = tx.req.Bytes()
}

// lost is called when the connection ended that the request went by. opened says
// whether it was ever open.
func (tx *ClientTx) lost(c *conn, opened bool, err error) {
	tx.mu.Lock()
	if tx.on != c || tx.state != calling {
		tx.mu.Unlock()
		return
	}
	tx.on = nil
	switch {
	case tx.instead != nil && !opened:
		if err = tx.goBack(); err == nil {
			tx.expect(tx.e.timers.patience())
		}
	case opened && !tx.resent && tx.e.conns.open():
		// Perhaps it was closed just when we wrote. The other end knows the
		// branch if it has seen it.
		tx.resent = true
		err = tx.send()
	case err == nil:
		err = ErrLost
	default:
		err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	tx.mu.Unlock()
	if err != nil {
		tx.fail(err)
	}
}

// heard lets go of the connection: from now on the other end has the request.
func (tx *ClientTx) heard() {
	if tx.on != nil {
		tx.on.forget(tx)
		tx.on = nil
	}
}

// receive takes a response that matches.
func (tx *ClientTx) receive(m *Message) {
	tx.mu.Lock()
	tx.heard()
	var deliver, again bool
	if tx.isInvite() {
		deliver, again = tx.stepInvite(m)
	} else {
		deliver = tx.step(m)
	}
	s := tx.sink
	atOnce := false
	if tx.state == refused {
		tx.sink = nil
		atOnce = tx.dest.Transport.Reliable() // Timers D and K are zero
	}
	tx.mu.Unlock()
	if deliver && s != nil {
		s.response(m, again)
	}
	if atOnce {
		tx.fail(nil) // not before its response, or a reader would miss it
	}
}

// step is the transaction of any request but INVITE (RFC 3261 section 17.1.2).
func (tx *ClientTx) step(m *Message) (deliver bool) {
	t := &tx.e.timers
	if tx.state != calling && tx.state != ringing {
		return false
	}
	if m.status < 200 {
		tx.state = ringing
		tx.alarm.slow(t.T2)
		return true
	}
	tx.state = refused
	tx.req, tx.wire = nil, nil
	tx.alarm.set(tx.wake, 0, 0, t.T4) // Timer K
	return true
}

// stepInvite is the transaction of an INVITE (RFC 3261 section 17.1.1, RFC 6026
// section 7.2).
func (tx *ClientTx) stepInvite(m *Message) (deliver, again bool) {
	t := &tx.e.timers
	switch {
	case tx.state == answered:
		if m.status/100 != 2 {
			return false, false
		}
		if tx.wire != nil && m.ToTag() == tx.ackTag {
			tx.e.transmit(tx.wire, path{Target: tx.ackDest}, nil)
			return false, false
		}
		return true, true
	case tx.state == refused:
		if m.status >= 300 {
			tx.e.transmit(tx.wire, path{Target: tx.dest}, nil)
		}
		return false, false
	case tx.state == over:
		return false, false
	case m.status < 200:
		tx.provisional(m.status)
	case m.status < 300:
		tx.state = answered
		tx.req, tx.wire = nil, nil
		tx.alarm.set(tx.wake, 0, 0, t.patience()) // Timer M
	default:
		tx.state = refused
		tx.wire = hopACK(tx.req, m).Bytes()
		tx.req = nil
		tx.e.transmit(tx.wire, path{Target: tx.dest}, nil)
		tx.alarm.set(tx.wake, 0, 0, t.D)
	}
	return true, false
}

// provisional stops Timers A and B, runs Timer C, and sends a CANCEL that had to
// wait (RFC 3261 section 9.1).
func (tx *ClientTx) provisional(status int) {
	first := tx.state == calling
	tx.state = ringing
	tx.wire = nil
	if tx.cancelled {
		tx.sendCancel()
		return
	}
	switch {
	case tx.timerC && (first || status > 100):
		// RFC 3261 section 16.7 step 2: every 101 to 199 sets Timer C anew.
		tx.alarm.set(tx.wake, 0, 0, tx.e.timers.C)
	case first:
		tx.alarm.stop()
	}
}

// Cancel asks for the end of an INVITE that has no final response yet: a CANCEL
// is sent, as soon as a provisional response allows it (RFC 3261 section 9.1).
// The final response still comes, usually 487 but perhaps a 2xx that crossed the
// CANCEL; if none comes in 64 times T1, the transaction ends with ErrTimeout. The
// CANCEL carries the given fields, such as Reason (RFC 3326).
func (tx *ClientTx) Cancel(fields ...Field) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.isInvite() && !tx.cancelled && (tx.state == calling || tx.state == ringing) {
		tx.cancelled, tx.because = true, fields
		if tx.state == ringing {
			tx.sendCancel()
		}
	}
}

// sendCancel is called with mu held.
func (tx *ClientTx) sendCancel() {
	if tx.cancelOut {
		return
	}
	tx.cancelOut = true
	tx.alarm.set(tx.wake, 0, 0, tx.e.timers.patience())
	c := hopRequest(MethodCancel, tx.req)
	for _, f := range tx.because {
		c.Add(f.Name, f.Value)
	}
	if err := tx.e.newClientTx(c, tx.key.branch, tx.dest, nil).begin(); err != nil {
		tx.e.logger.Debug("sending CANCEL", "dest", tx.dest, "error", err)
	}
}

// hopRequest makes a CANCEL or ACK that follows an INVITE to the next hop (RFC
// 3261 sections 9.1 and 17.1.1.3): the same Request-URI, top Via, From, Call-ID,
// Route and CSeq number.
func hopRequest(method string, invite *Message) *Message {
	m := &Message{method: method, uri: invite.uri, fields: make([]Field, 0, 10)}
	via := invite.fields[invite.index("Via", 0)]
	via.Value, _ = cutElement(via.Value)
	m.fields = append(m.fields, via, Field{"Max-Forwards", "70"})
	for i := range invite.fields {
		f := &invite.fields[i]
		switch {
		case f.is("From"), f.is("To"), f.is("Call-ID"), f.is("Route"):
			m.fields = append(m.fields, *f)
		case f.is("CSeq"):
			digits, _ := cutAt(f.Value, " \t")
			m.fields = append(m.fields, Field{f.Name, digits + " " + method})
		}
	}
	m.Add("Content-Length", "0")
	return m
}

// hopACK makes the ACK of a refusal, whose To is that of the response.
func hopACK(invite, response *Message) *Message {
	ack := hopRequest(MethodAck, invite)
	ack.Set("To", response.Get("To"))
	return ack
}

// wake is called by the alarm.
func (tx *ClientTx) wake() {
	tx.mu.Lock()
	repeat, ended := tx.alarm.rang(tx.wake)
	if repeat && tx.wire != nil {
		tx.e.transmit(tx.wire, path{Target: tx.dest}, nil) // Timers A and E; if it fails, the next one may not
	}
	if ended && tx.state == ringing && tx.isInvite() && !tx.cancelled {
		// RFC 3261 section 16.8: Timer C ends a call that rings with CANCEL.
		tx.cancelled = true
		tx.sendCancel()
		ended = false
	}
	tx.mu.Unlock()
	if ended {
		tx.fail(ErrTimeout)
	}
}

// fail ends the transaction. Whoever still waits for its final response is told
// why there is none, if err says so.
func (tx *ClientTx) fail(err error) {
	var waiting sink
	tx.mu.Lock()
	switch tx.state {
	case over:
		tx.mu.Unlock()
		return
	case calling, ringing:
		waiting = tx.sink
	}
	tx.state = over
	tx.heard()
	tx.req, tx.wire, tx.sink, tx.because = nil, nil, nil, nil
	tx.alarm.stop()
	tx.mu.Unlock()
	tx.e.mu.Lock()
	delete(tx.e.clients, tx.key)
	tx.e.mu.Unlock()
	if waiting != nil && err != nil {
		waiting.over(err)
	}
	close(tx.done) // last, or a reader would learn of the end before its reason
}

// Done returns a channel that is closed when the transaction is over: no response
// will be recognised any more.
func (tx *ClientTx) Done() <-chan struct{} { return tx.done }

// Ack sends the ACK of the 2xx that began a dialog, and sends it again whenever
// that 2xx is repeated (RFC 3261 section 13.2.2.4). ack is not changed. Next does
// not return repeated responses that are acknowledged so.
func (tx *ClientTx) Ack(ack *Message, next netip.AddrPort) error { return tx.AckTo(ack, udp(next)) }

// AckTo is Ack over any transport.
func (tx *ClientTx) AckTo(ack *Message, to Target) error {
	ack = ack.Clone()
	tx.e.pushVia(ack, cookie+random(), to)
	tx.mu.Lock()
	defer tx.mu.Unlock()
	wire := ack.Bytes()
	if tx.state == answered {
		tx.wire, tx.ackDest, tx.ackTag = wire, to, strings.Clone(ack.ToTag())
	}
	return tx.e.transmit(wire, path{Target: to}, nil)
}
