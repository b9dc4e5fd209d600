// Package policy is the office's rules: what to do with a call, what to ask first, and
// what to assert about a call that leaves. The judgement is not here and cannot be
// configured: it comes in as a [call.Verdict].
//
// Start with [Default], then [Policy.Decide] for calls that come in and
// [Policy.Assert] for calls that leave.
//
// All methods are pure: they read no clock, network or store and draw no chance, so
// any call can be replayed against any policy. A Policy is not changed by them and may
// be used by many goroutines, as long as nobody changes its fields. Decide never asks
// twice for what is answered, so a call is settled after finitely many rounds.
//
// The rules are built in for now. What they mean to SIP is the gateway's, and carrying
// them out durably is package callflow's.
package policy

import (
	"slices"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// Policy is the rules of one office. The zero Policy asks nothing, connects every call
// and signs none.
type Policy struct {
	// Numbers and Ranges are the numbers that the office owns, canonical. Only calls
	// that show one of them leave signed.
	Numbers []tn.Number
	Ranges  []tn.Range

	ask   []call.Kind
	rules []rule
}

// rule says what is done with the calls it fits. A condition that is not set fits
// every call.
type rule struct {
	name      string
	emergency bool
	standings []call.Standing
	action    call.Action
}

// fits reports whether all conditions of r hold.
func (r *rule) fits(c *call.Call, v call.Verdict) bool {
	return (!r.emergency || c.Signalling.Emergency) &&
		(r.standings == nil || slices.Contains(r.standings, v.Standing))
}

// Default returns the built-in rules, for an office that owns no number yet. They
// connect emergency calls at once; for any other they ask for what costs nothing and
// disturbs nobody, then decline what is refuted, and connect everything else: no call is refused because it is
// unsigned, or because a check failed.
func Default() *Policy {
	return &Policy{
		ask: []call.Kind{call.InBand, call.Directory},
		rules: []rule{
			// Our own rule, whatever a check said: an emergency call is never refused.
			{name: "emergency calls connect", emergency: true,
				action: call.Action{Kind: call.Connect}},
			{name: "refuted calls are declined", standings: []call.Standing{call.Refuted},
				action: call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline"}},
			{name: "everything else connects",
				action: call.Action{Kind: call.Connect}},
		},
	}
}

// Decide returns what to do with the call, and the kinds of evidence that are still
// wanted. While there are such kinds the action is for meanwhile: [call.Hold], or the
// zero kind, by which the caller waits and hears nothing yet. Without any the action
// is final and never one of those two.
//
// A kind that ev answers in any way, failed and absent included, is not wanted again.
// The first rule that fits decides, and is named in the action.
func (p *Policy) Decide(c *call.Call, ev []call.Evidence, v call.Verdict) (call.Action, []call.Kind) {
	// A call for help waits for nothing: the slowest of the sources is a stranger's server.
	if wanted := p.wanted(ev); len(wanted) > 0 && !c.Signalling.Emergency {
		return call.Action{Rule: "cheap evidence first"}, wanted
	}
	for i := range p.rules {
		if r := &p.rules[i]; r.fits(c, v) {
			action := r.action
			action.Rule = r.name
			return action, nil
		}
	}
	return call.Action{Kind: call.Connect, Rule: "no rule"}, nil
}

// wanted returns the kinds to ask for that ev does not answer.
func (p *Policy) wanted(ev []call.Evidence) []call.Kind {
	var kinds []call.Kind
	for _, k := range p.ask {
		if !slices.ContainsFunc(ev, func(e call.Evidence) bool { return e.Kind == k }) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Outage returns what becomes of a call, inbound or outbound, when something of our
// own breaks: its record cannot be written, or it cannot be signed. It connects; a
// fault of ours is no reason to lose a call.
func (p *Policy) Outage(*call.Call) call.Action {
	return call.Action{Kind: call.Connect, Rule: "our own outage"}
}
