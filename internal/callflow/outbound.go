package callflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/verdict"
)

// An asserter says what the office vouches for.
type asserter interface {
	// Assert returns what may be signed about an outbound call. The second argument is
	// the call's origid.
	Assert(c *call.Call, origid string) call.Assertion

	// Outage returns the action for a call that could not be signed or recorded.
	Outage(*call.Call) call.Action
}

// A signer is the authentication service of RFC 8224 section 4.
type signer interface {
	// Sign returns the Identity header field values for the call, already checked by our
	// own verifier, one at least. An error is our own fault.
	Sign(ctx context.Context, c *call.Call, a call.Assertion) ([]string, error)
}

// Outbound is the path of calls that leave. All fields are required. It may be used by
// many goroutines, a call each, if they may.
type Outbound struct {
	Policy         asserter
	Authentication signer
	Records        recorder
	Gateway        actor
	// Origid returns a fresh origid (RFC 8588 section 5), a random UUID.
	Origid func() string
	Now    func() time.Time
}

// Handle signs what the policy lets it assert about the call c, records, and lets the
// call leave, in that order, and returns the record. It blocks until the call was handed
// to the gateway or ctx, the call, is over.
//
// An error is a fault of our own and comes after the call was acted on. A call that
// could not be signed meets the policy's Outage instead, unsigned, and its record says
// why. A call that could not be recorded loses its signature too: we vouch
// for nothing that we could not account for. A returned record that is still open was
// not made durable. A caller who hangs up is no error.
func (out *Outbound) Handle(ctx context.Context, c *call.Call) (call.Record, error) {
	rec := call.Record{Call: *c, State: call.Open}
	// Nobody vouches to us for a call that we place ourselves.
	rec.Verdict = verdict.Of(&rec.Call, nil)
	rec.Assertion = out.Policy.Assert(&rec.Call, out.Origid())
	rec.Action = call.Action{Kind: call.Connect, Rule: "outbound calls leave"}
	fault := out.sign(ctx, &rec)
	if ctx.Err() != nil {
		// Signing may have been cut short by that, which is nobody's fault.
		rec.State, rec.Action, rec.Signed = call.Abandoned, call.Action{}, nil
		return rec, record(ctx, out.Records, rec)
	}
	if fault != nil {
		rec.Action = out.Policy.Outage(&rec.Call)
		unsign(&rec, fault.Error())
	}
	rec.State, rec.SettledAt = call.Settled, out.Now()
	if err := record(ctx, out.Records, rec); err != nil {
		fault = errors.Join(fault, err)
		rec.State, rec.Action = call.Open, out.Policy.Outage(&rec.Call)
		unsign(&rec, "its record could not be written")
	}
	return rec, errors.Join(fault, act(ctx, out.Gateway, rec))
}

// sign fills in rec.Signed, if there is anything to sign.
func (out *Outbound) sign(ctx context.Context, rec *call.Record) (err error) {
	if rec.Assertion.Attest == "" {
		return nil
	}
	rec.Signed, err = out.Authentication.Sign(ctx, &rec.Call, rec.Assertion)
	if err == nil && len(rec.Signed) == 0 {
		err = errors.New("there is no Identity header field")
	}
	if err != nil {
		return fmt.Errorf("signing call %s: %w", rec.Call.ID, err)
	}
	return nil
}

// unsign makes the record that of a call that leaves unsigned, and says why.
func unsign(rec *call.Record, why string) {
	rec.Signed, rec.Assertion = nil, call.Assertion{Why: why}
}
