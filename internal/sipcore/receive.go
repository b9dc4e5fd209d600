package sipcore

import (
	"errors"
	"strings"
)

// receive takes one datagram, or one message of a stream. It never blocks on
// anything but the socket.
func (e *Endpoint) receive(b []byte, from path) {
	if len(b) <= 4 && strings.Trim(string(b), "\r\n\x00") == "" {
		return // a keep-alive (RFC 5626 section 4.4.1)
	}
	m, err := parseWire(b)
	if m == nil {
		e.logger.Debug("not a SIP message", "source", from, "error", err)
		return
	}
	e.take(m, err, from)
}

// refuseFrame answers a message of a stream whose end cannot be told.
func (e *Endpoint) refuseFrame(head []byte, from path) {
	if end, err := bounds(head); err == nil {
		if m, err := parseHead(head[:end]); m != nil && m.IsRequest() {
			if err == nil {
				err = &ParseError{Reason: "a message without a usable Content-Length in a stream"}
			}
			e.take(m, err, from)
		}
	}
}

// take matches a message; flaw says why it must be refused, if it must.
func (e *Endpoint) take(m *Message, flaw error, from path) {
	m.source, m.over, m.conn = from.Addr, from.Transport, from.conn
	v, ok := m.topVia()
	e.arrival.Lock()
	defer e.arrival.Unlock()
	switch {
	case !ok:
		e.logger.Debug("SIP message without a usable Via", "source", from)
	case !m.IsRequest():
		if flaw == nil {
			e.response(m, &v)
		}
	default:
		dest := m.wayBack(&v, from)
		if flaw != nil {
			e.logger.Debug("refused a malformed SIP request", "source", from, "error", flaw)
			e.refuse(m, dest, statusOf(flaw))
			return
		}
		e.request(m, &v, dest)
	}
}

func statusOf(err error) int {
	if p, ok := errors.AsType[*ParseError](err); ok && p.status != 0 {
		return p.status
	}
	return 400
}

// refuse answers without a transaction. An ACK is never answered.
func (e *Endpoint) refuse(req *Message, dest path, status int, fields ...Field) {
	if req.method == MethodAck {
		return
	}
	r := NewResponse(req, status, "")
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		if r.Has(name) {
			r.Set(name, r.Get(name)) // one, even where two were the reason
		}
	}
	for _, f := range fields {
		r.Add(f.Name, f.Value)
	}
	r.tagTo(e.refusalTag)
	e.send(r, dest)
}

// send writes a message nobody waits for.
func (e *Endpoint) send(m *Message, dest path) {
	if err := e.transmit(m.Bytes(), dest, nil); err != nil {
		e.logger.Debug("sending SIP", "dest", dest, "error", err)
	}
}

// request matches a request to its transaction, or begins one.
func (e *Endpoint) request(m *Message, v *via, dest path) {
	switch m.method {
	case MethodCancel:
		e.cancel(m, v, dest)
	case MethodAck:
		e.ack(m, v, dest)
	default:
		e.begin(m, v, dest)
	}
}

// cancel answers a CANCEL and ends what it names (RFC 3261 section 9.2). What it
// does not find cannot have been forwarded by us, or was before a restart, under
// a branch that nobody knows any more: forwarding it (section 16.10) would match
// nothing anywhere.
func (e *Endpoint) cancel(m *Message, v *via, dest path) {
	e.mu.Lock()
	tx := e.servers[newServerKey(m, v, MethodInvite)]
	e.mu.Unlock()
	if tx == nil {
		e.refuse(m, dest, 481)
		return
	}
	r := NewResponse(m, 200, "")
	// RFC 3261 section 9.2: the To tag should be that of the INVITE's response.
	r.tagTo(tx.tagged())
	e.send(r, dest)
	tx.cancel(m)
}

// ack absorbs the ACK of a refusal and hands on that of a 2xx.
func (e *Endpoint) ack(m *Message, v *via, dest path) {
	e.mu.Lock()
	tx := e.servers[newServerKey(m, v, MethodAck)]
	a := e.accepted[newAckKey(m)]
	e.mu.Unlock()
	switch {
	case tx != nil && tx.confirm():
	case m.ToTag() == e.refusalTag:
	case a != nil:
		a.acknowledge(m)
	default:
		e.mu.Lock()
		admitted := e.admit(m)
		e.mu.Unlock()
		if admitted {
			e.hand(newServerTx(e, serverKey{}, m, dest))
		}
	}
}

// begin starts a server transaction. It is in the table before the next datagram
// is read, so that a CANCEL right behind its INVITE finds it.
func (e *Endpoint) begin(m *Message, v *via, dest path) {
	key := newServerKey(m, v, m.method)
	e.mu.Lock()
	if tx := e.servers[key]; tx != nil {
		e.mu.Unlock()
		tx.repeated()
		return
	}
	if len(e.servers) >= e.maxServers || !e.admit(m) {
		e.mu.Unlock()
		e.refuse(m, dest, 503, Field{"Retry-After", e.retryAfter})
		return
	}
	tx := newServerTx(e, key, m, dest)
	e.servers[key] = tx
	e.mu.Unlock()
	tx.expectAnswer()
	e.hand(tx)
}

// admit counts a request as in hand, with mu held, unless it must be refused: a
// new call when there are too many or when we are about to end, anything when we
// are ending.
func (e *Endpoint) admit(m *Message) bool {
	switch e.phase {
	case closing:
		return false
	case draining:
		if !m.InDialog() {
			return false
		}
	}
	// A call that is up may use what new calls may not, so that it can end.
	limit := e.maxInHand
	if m.InDialog() {
		limit *= 2
	}
	if e.inHand >= limit {
		return false
	}
	e.inHand++
	return true
}

// dismiss ends what admit began.
func (e *Endpoint) dismiss() {
	e.mu.Lock()
	e.inHand--
	e.checkIdle()
	e.mu.Unlock()
}

// hand gives a request to the handler, in its turn.
func (e *Endpoint) hand(tx *ServerTx) {
	if !tx.req.InDialog() {
		// Nothing of a call can be waiting behind the request that begins it,
		// which may be held for long.
		go e.serve(tx)
		return
	}
	tx.call = tx.req.CallID()
	begin, waits := e.order.enter(tx.call, tx)
	switch {
	case begin:
		tx.turn.Store(true)
		go e.serve(tx)
	case !waits:
		tx.Reply(503, "", Field{"Retry-After", e.retryAfter})
		tx.returned()
		e.dismiss()
	}
}

// serve runs the handler of one request.
func (e *Endpoint) serve(tx *ServerTx) {
	defer e.dismiss()
	e.handler(tx.ctx, tx)
	tx.returned()
}

// response matches a response to its client transaction. One that matches none is
// dropped (RFC 6026 section 7.3: stray responses are not forwarded).
func (e *Endpoint) response(m *Message, v *via) {
	_, method := m.CSeq()
	e.mu.Lock()
	tx := e.clients[clientKey{v.branch(), method}]
	e.mu.Unlock()
	// RFC 3261 section 18.1.2: it must be our own Via that comes back.
	if tx == nil || !e.isSentBy(v.sentBy) {
		e.logger.Debug("stray SIP response", "source", m.source, "status", m.status)
		return
	}
	tx.receive(m)
}
