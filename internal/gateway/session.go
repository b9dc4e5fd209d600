package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"countersign.example/passport"
	"countersign.example/tn"
)

// errNoCall is returned by [Gateway.Act] for a call that the gateway has not in hand.
var errNoCall = errors.New("gateway: no such call in hand")

// session is a call while its INVITE is in hand. It belongs to the goroutine of its
// handler, in which its flow runs too.
type session struct {
	tx   *sipcore.ServerTx
	side Side
	// from is the caller's From, and caller where he is reached.
	from   string
	caller netip.AddrPort
	// out is the INVITE as it will leave, cleaned.
	out *sipcore.Message

	// acted says that a final action was taken: next is set if it is to forward, and
	// status if it was a refusal.
	acted  bool
	next   netip.AddrPort
	status int
}

// invite handles a new call.
func (g *Gateway) invite(ctx context.Context, tx *sipcore.ServerTx) {
	req := tx.Request()
	if refused(tx, req) {
		return
	}
	tx.Reply(100, "")
	at := g.now()
	s := &session{tx: tx, side: g.side(req.Source()), from: req.Get("From"), caller: req.Source(), out: req.Clone()}
	clean(s.out, s.side)
	// Where a call goes is our configuration's to say, not a Route of the caller's.
	s.out.Remove("Route")
	flow := g.inbound
	if s.side == Phone {
		flow = g.outbound
		g.setDate(s.out, at)
	}
	c := readCall(s.out, s.side, at, g.numbering, g.emergency)
	g.sessions.Store(c.ID, s)
	rec, fault := flow.Handle(ctx, c)
	if !s.acted && ctx.Err() == nil {
		fault = errors.Join(fault, g.undecided(s, c, &rec))
	}
	g.sessions.Delete(c.ID)
	line := summary(&rec, fault)
	if s.next.IsValid() {
		g.forward(ctx, s)
	}
	g.report(ctx, line, s, fault)
}

// Act does what the record says to the call it is about, and shows the verdict with it.
// The flow calls it while it handles that call, in the same goroutine. A call whose
// caller has hung up is left alone. The error says that an action cannot be carried
// out; then nothing was done, and another may be.
func (g *Gateway) Act(ctx context.Context, rec call.Record) error {
	v, ok := g.sessions.Load(rec.Call.ID)
	if !ok {
		return errNoCall
	}
	s := v.(*session)
	switch {
	case ctx.Err() != nil:
		return nil
	case s.acted:
		return errors.New("gateway: the call was acted on before")
	}
	switch a := rec.Action; a.Kind {
	case call.Hold:
		return s.tx.Reply(180, "")
	case call.Reject:
		s.acted, s.status = true, a.Status
		if s.status < 300 || s.status > 699 {
			s.status = 603
		}
		return s.tx.Reply(s.status, a.Phrase)
	case call.Connect, call.Screen, call.Divert:
		return g.connect(s, &rec)
	default:
		return fmt.Errorf("gateway: no action is called %q", a.Kind)
	}
}

// errUndecided is a fault of the flow's.
var errUndecided = errors.New("gateway: nothing that can be done was decided on the call, so it was connected")

// undecided connects a call on which the flow has not acted, or not with success: a
// fault of ours is no reason to lose a call.
func (g *Gateway) undecided(s *session, c *call.Call, rec *call.Record) error {
	rec.Call, rec.Signed = *c, nil
	rec.Action = call.Action{Kind: call.Connect, Rule: "nothing else could be done"}
	return errors.Join(errUndecided, g.connect(s, rec))
}

// connect prepares the INVITE that leaves, and where to.
func (g *Gateway) connect(s *session, rec *call.Record) error {
	next := g.phone
	switch kind := rec.Action.Kind; {
	case s.side == Phone && kind != call.Connect:
		return fmt.Errorf("gateway: %s is nothing to do with a call that leaves", kind)
	case s.side == Phone:
		next = g.trunk
	case kind == call.Screen && !g.screen.IsValid():
		return errors.New("gateway: nowhere is configured for screened calls")
	case kind == call.Screen:
		next = g.screen
	case kind == call.Divert:
		uri, err := uriOf(rec.Action.Target, next)
		if err != nil {
			return err
		}
		s.out.SetRequestURI(uri)
	}
	if u, err := sipcore.ParseURI(s.out.RequestURI()); err == nil && g.endpoint.Owns(u) {
		// RFC 3261 section 16.5: what is addressed to us is for whom we stand before.
		s.out.SetRequestURI(u.WithHostPort(next.String()).String())
	}
	p := passage{direction: rec.Call.Direction, caller: s.caller, callee: next}
	if s.side == Trunk {
		g.show(s.out, rec, &p)
	}
	for _, value := range rec.Signed {
		s.out.Add("Identity", value)
	}
	seal := g.seals.seal(p, s.out.CallID(), s.out.FromTag())
	s.out.Prepend("Record-Route", "<sip:"+seal+"@"+g.endpoint.SentBy()+";lr>")
	s.acted, s.next = true, next
	return nil
}

// uriOf returns the URI of a party that a call is diverted to.
func uriOf(p passport.Party, host netip.AddrPort) (string, error) {
	switch {
	case p.TN.International():
		return "sip:+" + p.TN.String() + "@" + host.String() + ";user=phone", nil
	case p.TN != "":
		return "sip:" + strings.ReplaceAll(p.TN.String(), "#", "%23") + "@" + host.String() + ";user=phone", nil
	}
	if _, err := sipcore.ParseURI(p.URI); err != nil {
		return "", errors.New("gateway: the call is diverted to nobody who can be called")
	}
	return p.URI, nil
}

// forward sends the INVITE on and relays what comes of it.
func (g *Gateway) forward(ctx context.Context, s *session) {
	x := &crossing{g: g, tx: s.tx, next: s.next, from: s.out.Get("From"), ours: s.out.Get("Record-Route")}
	answering, from := other(s.side), s.from
	final, err := g.endpoint.Forward(ctx, s.tx, sipcore.Hop{Request: s.out, Next: s.next, Response: func(m *sipcore.Message) *sipcore.Message {
		if m.Status()/100 == 2 && x.ends(m) {
			return nil
		}
		clean(m, answering)
		// RFC 3261 section 8.2.6.2: the caller finds his own From in the response.
		m.Set("From", from)
		return m
	}})
	s.out = nil
	switch {
	case final != nil && final.Status()/100 == 2 && s.tx.Cancelled():
		s.tx.Reply(487, "")
		s.status = 487
	case final != nil:
		s.status = final.Status()
	case errors.Is(err, sipcore.ErrCancelled):
		s.status = 487
	case errors.Is(err, sipcore.ErrTimeout):
		s.status = 408
	default:
		g.logger.Warn("forwarding a call", "side", other(s.side).String(), "error", err)
	}
}

func other(s Side) Side {
	if s == Phone {
		return Trunk
	}
	return Phone
}

// summary is what the log line of a call says of its record, which is not kept while
// the phone rings.
func summary(rec *call.Record, fault error) []slog.Attr {
	reasons := make([]string, len(rec.Verdict.Reasons))
	for i, r := range rec.Verdict.Reasons {
		reasons[i] = string(r)
	}
	c := &rec.Call
	attrs := []slog.Attr{
		slog.String("id", c.ID),
		slog.String("direction", string(c.Direction)),
		slog.String("calling", logged(c.Calling)),
		slog.String("called", logged(c.Called)),
		slog.String("state", string(rec.State)),
		slog.String("verdict", rec.Verdict.Standing.String()),
		slog.String("reasons", strings.Join(reasons, " ")),
		slog.String("action", string(rec.Action.Kind)),
		slog.String("rule", rec.Action.Rule),
	}
	if c.Office.Domain != "" {
		attrs = append(attrs, slog.String("office", c.Office.Domain))
	}
	if c.Direction == call.Outbound {
		attrs = append(attrs, slog.Bool("signed", len(rec.Signed) > 0), slog.String("why", rec.Assertion.Why))
	}
	if fault != nil {
		attrs = append(attrs, slog.String("error", tn.MaskIn(fault.Error())))
	}
	return attrs
}

// report writes the log line of a call.
func (g *Gateway) report(ctx context.Context, line []slog.Attr, s *session, fault error) {
	level := slog.LevelInfo
	if fault != nil {
		level = slog.LevelError
	}
	status := s.status
	if status == 0 && s.tx.Cancelled() {
		status = 487
	}
	g.logger.LogAttrs(context.WithoutCancel(ctx), level, "call", append(line, slog.Int("status", status))...)
}

// logged is a party as it may stand in a log line.
func logged(p passport.Party) string {
	if p.TN != "" {
		return p.TN.Masked()
	}
	return tn.MaskIn(p.URI)
}
