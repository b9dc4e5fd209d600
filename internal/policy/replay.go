package policy

import (
	"slices"

	"countersign.example/internal/call"
)

// Replay is what a policy would have done with a call that is over.
type Replay struct {
	// Action is what it would have done, with its kind Hold if it would have waited for a
	// person. For an outbound call it is the recorded one.
	Action call.Action
	// Fallback is what it would have done after a hold for a person that ran out.
	Fallback call.Action
	// Assertion is what it would have signed about an outbound call.
	Assertion call.Assertion
	// Asks are the kinds that it would have asked for and that were not asked for then.
	// Unless there are none, nobody can know what it would have done: Action is that of
	// meanwhile.
	Asks []call.Kind
	// Spared are the kinds that were asked for then and that it does without.
	Spared []call.Kind
	// Changed says whether the outcome differs from the recorded one: the action, as far
	// as the caller and the phone can tell, or what is signed, or that it is not known.
	Changed bool
}

// maxRounds is how often a policy is asked about one call. Every round asks for a kind
// that was not answered, so it is never reached.
const maxRounds = 16

// Comparable reports whether a policy had a say in what the record says: the call was
// settled, and not by an outage of ours.
func Comparable(rec *call.Record) bool {
	return rec.State == call.Settled && rec.Action.Rule != outageRule
}

// Replay returns what p would have done with the recorded call. It is given the
// evidence that was gathered then, piece by piece as it asks for it, judged by judge,
// which is the judgement of package verdict.
func (p *Policy) Replay(rec *call.Record, judge func(*call.Call, []call.Evidence) call.Verdict) Replay {
	if rec.Call.Direction == call.Outbound {
		r := Replay{Action: rec.Action, Assertion: p.Assert(&rec.Call, rec.Assertion.Origid)}
		was := &rec.Assertion
		r.Changed = r.Assertion.Attest != was.Attest || r.Assertion.Orig != was.Orig || !r.Assertion.Dest.Equal(was.Dest)
		return r
	}
	var r Replay
	var ev []call.Evidence
	for range maxRounds {
		v := judge(&rec.Call, ev)
		action, ask := p.Decide(&rec.Call, ev, v)
		r.Action, r.Asks = action, nil
		for _, k := range ask {
			i := slices.IndexFunc(rec.Evidence, func(e call.Evidence) bool { return e.Kind == k })
			if i < 0 {
				r.Asks = append(r.Asks, k)
				continue
			}
			ev = append(ev, rec.Evidence[i])
		}
		if len(ask) == 0 && action.Kind == call.Hold {
			r.Fallback = p.Fallback(&rec.Call, ev, v)
		}
		if len(ask) == 0 || len(r.Asks) > 0 {
			break
		}
	}
	for _, e := range rec.Evidence {
		if !slices.ContainsFunc(ev, func(had call.Evidence) bool { return had.Kind == e.Kind }) {
			r.Spared = append(r.Spared, e.Kind)
		}
	}
	r.Changed = len(r.Asks) > 0 || r.differs(rec.Action)
	return r
}

// differs reports whether the outcome was another one. That of a hold for a person is
// the same if the same rule held the call then, and a person decided or the hold ended
// in the same way.
func (r *Replay) differs(was call.Action) bool {
	if r.Action.Kind != call.Hold {
		return differs(was, r.Action)
	}
	if was.Rule == r.Action.Rule+call.DecidedByPerson {
		return false
	}
	return was.Rule != r.Action.Rule || differs(was, r.Fallback)
}

// differs reports whether the caller, or the phone, can tell one action from the other.
func differs(a, b call.Action) bool {
	a.Rule, b.Rule, a.AtMost, b.AtMost = "", "", 0, 0
	return a != b
}
