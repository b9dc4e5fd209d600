package gateway

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
)

// within forwards a request of a dialog by our Record-Route alone, which its sender has
// made its first Route.
func (g *Gateway) within(ctx context.Context, tx *sipcore.ServerTx) {
	req := tx.Request()
	out := req.Clone()
	route, ok := out.TopRoute()
	if !ok {
		g.notOurs(tx, req, 481, "no Route")
		return
	}
	p, fromCaller, ok := g.seals.open(route.URI().User(), req)
	if !ok {
		// RFC 3261 section 16.4 gives no status for a Route that is not to be believed.
		g.notOurs(tx, req, 403, "a Route that we did not make for this dialog")
		return
	}
	out.PopRoute()
	// Which side a request of a dialog comes from, the dialog says.
	from := p.sideOf(fromCaller)
	clean(out, from)
	next := p.caller
	if fromCaller {
		next = p.callee
		p.showAgain(out)
	} else {
		p.giveBack(out)
	}
	fromField, toField := req.Get("From"), req.Get("To")
	_, err := g.endpoint.Forward(ctx, tx, sipcore.Hop{Request: out, Next: next, Response: func(m *sipcore.Message) *sipcore.Message {
		clean(m, other(from))
		m.Set("From", fromField)
		m.Set("To", toField)
		return m
	}})
	if err != nil {
		g.logger.Debug("forwarding a request of a dialog", "method", req.Method(), "next", next, "error", err)
	}
}

// sideOf says which side one of the two parties is on.
func (p *passage) sideOf(caller bool) Side {
	if caller == (p.direction == call.Outbound) {
		return Phone
	}
	return Trunk
}

// notOurs answers a request of a dialog that did not come through us, or not as it
// should. An ACK is never answered.
func (g *Gateway) notOurs(tx *sipcore.ServerTx, req *sipcore.Message, status int, why string) {
	g.logger.Debug("refused a request of a dialog", "method", req.Method(), "source", req.Source(), "why", why)
	tx.Reply(status, "")
}

// maxDrift is how far the Date of a call that leaves may be from our clock (RFC 8224
// section 6.1 step 3).
const maxDrift = time.Minute

// setDate gives a call that leaves a Date (RFC 8224 section 6.1 step 3: it must be
// added where it is absent). The standard would have one that is off refused; but a
// phone whose clock is wrong must not lose its calls, and nothing else was signed over
// it, since Identity header fields of the phone side do not leave.
func (g *Gateway) setDate(out *sipcore.Message, at time.Time) {
	if !out.Has("Date") {
		out.Add("Date", at.UTC().Format(sipDate))
		return
	}
	if d := date(out).Sub(at); d > maxDrift || d < -maxDrift {
		g.logger.Warn("the phone side sent a Date that is off by more than a minute, so it was replaced")
		out.Set("Date", at.UTC().Format(sipDate))
	}
}

// crossing ends calls that were answered when their caller had already hung up: RFC
// 3261 section 15 leaves that to the caller, who may be gone.
type crossing struct {
	g    *Gateway
	tx   *sipcore.ServerTx
	next netip.AddrPort
	// from is the From that was forwarded, and ours the Record-Route we put on.
	from, ours string

	// mu guards tags: those of the answers that were sent a BYE.
	mu   sync.Mutex
	tags []string
}

// ends acknowledges the 2xx m and ends the dialog it makes, if the caller had cancelled
// before it came. It may come more than once, and from more than one phone. It is
// called by the goroutine that reads the socket, which sees CANCEL and 2xx in the order
// in which they arrive.
func (x *crossing) ends(m *sipcore.Message) bool {
	if !x.tx.Cancelled() {
		return false
	}
	d, err := x.dialog(m)
	if err != nil {
		x.g.logger.Warn("ending an answered call that was cancelled", "error", err)
		return true
	}
	if err := x.g.endpoint.SendACK(d.NewRequest(sipcore.MethodAck), x.next); err != nil {
		x.g.logger.Warn("acknowledging an answered call that was cancelled", "error", err)
	}
	x.mu.Lock()
	known := slices.Contains(x.tags, m.ToTag())
	x.tags = append(x.tags, m.ToTag())
	x.mu.Unlock()
	if !known {
		// Nobody waits for the answer to the BYE: there is nothing left to do about it.
		if _, err := x.g.endpoint.Send(d.NewRequest(sipcore.MethodBye), x.next); err != nil {
			x.g.logger.Warn("ending an answered call that was cancelled", "error", err)
		}
	}
	return true
}

// dialog returns our end of the dialog that m makes: as if we had called, so without
// the routes that lie between us and the caller.
func (x *crossing) dialog(m *sipcore.Message) (*sipcore.Dialog, error) {
	number, _ := m.CSeq()
	invite := sipcore.NewRequest(sipcore.MethodInvite, "sip:invalid")
	invite.Add("From", x.from)
	invite.Add("Call-ID", m.CallID())
	invite.Add("CSeq", strconv.FormatUint(uint64(number), 10)+" "+sipcore.MethodInvite)
	answer := m.Clone()
	routes := answer.List("Record-Route")
	answer.Remove("Record-Route")
	if i := slices.Index(routes, x.ours); i >= 0 {
		routes = routes[:i]
	}
	for _, r := range routes {
		answer.Add("Record-Route", r)
	}
	return sipcore.DialogFromResponse(invite, answer)
}
