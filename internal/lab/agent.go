package lab

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"countersign.example/internal/sipcore"
	"countersign.example/tn"
)

// agent is a SIP user agent on loopback: it places calls through the gateway and answers
// those that reach it. The carrier is one, and the phone is one.
type agent struct {
	name     string
	endpoint *sipcore.Endpoint
	gateway  netip.AddrPort
	// look is called with every INVITE before it rings.
	look func(ctx context.Context, invite *sipcore.Message)
	// ring is how long it rings before it answers.
	ring func() time.Duration
}

func newAgent(name string, logger *slog.Logger) (*agent, error) {
	ep, err := sipcore.Open(sipcore.Config{Addr: "127.0.0.1:0", Grace: time.Millisecond, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("opening the %s of the laboratory: %w", name, err)
	}
	a := &agent{name: name, endpoint: ep, ring: func() time.Duration { return 0 }}
	ep.Handle(a.serve)
	return a, nil
}

func (a *agent) contact() string { return "<sip:" + a.name + "@" + a.endpoint.SentBy() + ">" }

// silence is a session without media: nothing in the laboratory speaks.
func (a *agent) silence() []byte {
	host := a.endpoint.Addr().Addr()
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\na=inactive\r\n", host, host)
}

// serve answers what reaches the agent.
func (a *agent) serve(ctx context.Context, tx *sipcore.ServerTx) {
	switch req := tx.Request(); req.Method() {
	case sipcore.MethodInvite:
		if !req.InDialog() {
			a.look(ctx, req)
			tx.Reply(180, "")
			if !rings(ctx, a.ring()) {
				return
			}
		}
		ok := tx.Response(200, "")
		ok.Set("Contact", a.contact())
		ok.SetBody("application/sdp", a.silence())
		// A caller who never acknowledges has gone; the laboratory leaves it at that.
		tx.Accept(ctx, ok)
	case sipcore.MethodAck:
	case sipcore.MethodBye, "OPTIONS", "UPDATE", "INFO":
		tx.Reply(200, "")
	default:
		tx.Reply(501, "")
	}
}

// rings waits, and reports whether the caller did too.
func rings(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	answer := time.NewTimer(d)
	defer answer.Stop()
	select {
	case <-answer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt is a call to place.
type attempt struct {
	// name and number are what the caller shows, called whom he calls.
	name           string
	number, called tn.Number
	// identity are the Identity header field values that it carries.
	identity []string
	callID   string
}

// invite is the INVITE of an attempt.
func (a *agent) invite(at attempt, now time.Time) *sipcore.Message {
	host := a.gateway.String()
	m := sipcore.NewRequest(sipcore.MethodInvite, "sip:+"+at.called.String()+"@"+host+";user=phone")
	from, _ := sipcore.ParseNameAddr("<sip:+" + at.number.String() + "@" + a.endpoint.SentBy() + ";user=phone>")
	m.Add("From", from.WithDisplayName(at.name).WithParam("tag", at.callID).String())
	m.Add("To", "<sip:+"+at.called.String()+"@"+host+";user=phone>")
	m.Add("Call-ID", at.callID)
	m.Add("CSeq", "1 INVITE")
	m.Add("Contact", a.contact())
	m.Add("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	for _, value := range at.identity {
		m.Add("Identity", value)
	}
	m.SetBody("application/sdp", a.silence())
	return m
}

// call places a call, ends it if it is answered, and returns the final response.
func (a *agent) call(ctx context.Context, at attempt, now time.Time) (*sipcore.Message, error) {
	invite := a.invite(at, now)
	tx, err := a.endpoint.Send(invite, a.gateway)
	if err != nil {
		return nil, fmt.Errorf("calling from the %s: %w", a.name, err)
	}
	var final *sipcore.Message
	for final == nil || final.Status() < 200 {
		if final, err = tx.Next(ctx); err != nil {
			return nil, fmt.Errorf("calling from the %s: %w", a.name, err)
		}
	}
	if final.Status() >= 300 {
		return final, nil
	}
	dialog, err := sipcore.DialogFromResponse(invite, final)
	if err != nil {
		return nil, fmt.Errorf("calling from the %s: %w", a.name, err)
	}
	if err := tx.Ack(dialog.NewRequest(sipcore.MethodAck), a.gateway); err != nil {
		return nil, fmt.Errorf("calling from the %s: %w", a.name, err)
	}
	if _, err := a.endpoint.Do(ctx, dialog.NewRequest(sipcore.MethodBye), a.gateway); err != nil {
		return nil, fmt.Errorf("hanging up at the %s: %w", a.name, err)
	}
	return final, nil
}
