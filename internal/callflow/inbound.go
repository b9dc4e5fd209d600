package callflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/verdict"
)

// maxRounds is how often a policy may ask for more about one call. Every round asks for
// a kind that was not asked for before, so it is reached only by a policy that invents
// kinds.
const maxRounds = 16

// A decider says what to do with a call, and what it would still like to know.
type decider interface {
	// Decide returns the action and the kinds of evidence still wanted. While there are
	// any the action is for meanwhile: Hold, or the zero kind for waiting in silence, for
	// AtMost if that is not zero. Otherwise it is final, or a Hold that waits AtMost for a
	// person.
	Decide(*call.Call, []call.Evidence, call.Verdict) (call.Action, []call.Kind)

	// Fallback returns the final action for a call that was held for a person and on
	// which nobody decided in time.
	Fallback(*call.Call, []call.Evidence, call.Verdict) call.Action

	// Outage returns the final action for a call that a fault of ours has struck.
	Outage(*call.Call) call.Action
}

// An operator is whoever decides on calls that are held for a person.
type operator interface {
	// Await shows the held call of rec to a person and returns what he decides: a final
	// action. It reports false when ctx is done first: the time is over, or the caller
	// has hung up.
	Await(ctx context.Context, rec call.Record) (call.Action, bool)
}

// A collector gathers evidence.
type collector interface {
	// Collect returns one answer for each kind asked, if only a failed one, and returns
	// soon after ctx is done.
	Collect(ctx context.Context, c *call.Call, have []call.Evidence, ask ...call.Kind) []call.Evidence
}

// longestHold is how long a call waits for a person if the policy does not say: less
// than networks let a caller hear ringing (RFC 3261 section 16.6, timer C).
const longestHold = 150 * time.Second

// Inbound is the path of calls that come in. All fields but Operator are required. It
// may be used by many goroutines, a call each, if they may.
type Inbound struct {
	Policy   decider
	Evidence collector
	// Operator decides on held calls. With nil nobody does, and the policy's Fallback is
	// carried out at once.
	Operator operator
	Records  recorder
	Gateway  actor
	Now      func() time.Time
}

// Handle judges the call c, decides, records and acts, in that order, and returns the
// record. It blocks until the action was handed to the gateway or ctx, the call, is over.
//
// An error is a fault of our own and comes after the call was acted on: if the record
// could not be written or the policy could not settle the call, the policy's Outage was
// carried out instead. A returned record that is still open was not made durable. A
// caller who hangs up is no error.
func (in *Inbound) Handle(ctx context.Context, c *call.Call) (call.Record, error) {
	rec := call.Record{Call: *c, State: call.Open}
	fault := in.settle(ctx, &rec)
	if ctx.Err() != nil {
		rec.State, rec.Action = call.Abandoned, call.Action{}
		return rec, errors.Join(fault, record(ctx, in.Records, rec))
	}
	if fault != nil {
		rec.Action = in.Policy.Outage(&rec.Call)
	}
	rec.State, rec.SettledAt = call.Settled, in.Now()
	if err := record(ctx, in.Records, rec); err != nil {
		fault = errors.Join(fault, err)
		rec.State, rec.Action = call.Open, in.Policy.Outage(&rec.Call)
	}
	return rec, errors.Join(fault, act(ctx, in.Gateway, rec))
}

// settle weighs, decides and asks until nothing is asked or the caller hangs up. The
// verdict in rec is then that of all its evidence, and without an error its action is
// final.
func (in *Inbound) settle(ctx context.Context, rec *call.Record) error {
	c, held, asked := &rec.Call, false, make(map[call.Kind]bool)
	for range maxRounds {
		var wanted []call.Kind
		rec.Verdict = verdict.Of(c, rec.Evidence)
		rec.Action, wanted = in.Policy.Decide(c, rec.Evidence, rec.Verdict)
		ask := unasked(wanted, asked)
		switch {
		case ctx.Err() != nil:
			return nil
		case len(wanted) == 0 && rec.Action.Kind == call.Hold:
			return in.person(ctx, rec, held)
		case len(ask) == 0:
			return final(c, rec.Action)
		}
		if rec.Action.Kind == call.Hold && !held {
			held = true
			if err := in.hold(ctx, *rec); err != nil {
				return err
			}
		}
		rec.Evidence = append(rec.Evidence, in.collect(ctx, rec, ask)...)
	}
	rec.Verdict = verdict.Of(c, rec.Evidence)
	return fmt.Errorf("deciding on call %s: the policy still asks after %d rounds", c.ID, maxRounds)
}

// collect asks for evidence, no longer than the action for meanwhile allows: what is not
// answered by then has failed.
func (in *Inbound) collect(ctx context.Context, rec *call.Record, ask []call.Kind) []call.Evidence {
	if limit := rec.Action.AtMost; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return in.Evidence.Collect(ctx, &rec.Call, rec.Evidence, ask...)
}

// person holds the call until somebody decides on it, the caller hangs up, or the time
// is over and the policy's Fallback stands.
func (in *Inbound) person(ctx context.Context, rec *call.Record, held bool) error {
	if !held {
		if err := in.hold(ctx, *rec); err != nil {
			return err
		}
	}
	limit := cmp.Or(rec.Action.AtMost, longestHold)
	if in.Operator != nil {
		waiting, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if action, ok := in.Operator.Await(waiting, *rec); ok {
			action.Rule = rec.Action.Rule + call.DecidedByPerson
			rec.Action = action
			return final(&rec.Call, rec.Action)
		}
	}
	rec.Action = in.Policy.Fallback(&rec.Call, rec.Evidence, rec.Verdict)
	return final(&rec.Call, rec.Action)
}

// hold makes the call's open row durable and then lets the caller hear ringing: after a
// crash nobody who heard it is forgotten.
func (in *Inbound) hold(ctx context.Context, rec call.Record) error {
	if err := record(ctx, in.Records, rec); err != nil {
		return err
	}
	return act(ctx, in.Gateway, rec)
}

// final returns an error if the action decides nothing: a caller would ring for ever.
func final(c *call.Call, a call.Action) error {
	if a.Kind == "" || a.Kind == call.Hold {
		return fmt.Errorf("deciding on call %s: the policy asks for nothing new and decides nothing", c.ID)
	}
	return nil
}

// unasked returns the kinds that were not asked for before, each once, and notes them.
func unasked(ask []call.Kind, asked map[call.Kind]bool) []call.Kind {
	var kinds []call.Kind
	for _, k := range ask {
		if !asked[k] {
			asked[k] = true
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// record writes rec. A caller who hangs up does not stop it.
func record(ctx context.Context, to recorder, rec call.Record) error {
	if err := to.RecordCall(context.WithoutCancel(ctx), rec); err != nil {
		return fmt.Errorf("recording call %s as %s: %w", rec.Call.ID, rec.State, err)
	}
	return nil
}

// act carries out rec.Action.
func act(ctx context.Context, gateway actor, rec call.Record) error {
	if err := gateway.Act(ctx, rec); err != nil {
		return fmt.Errorf("carrying out %s on call %s: %w", rec.Action.Kind, rec.Call.ID, err)
	}
	return nil
}
