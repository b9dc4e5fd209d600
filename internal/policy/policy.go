// Package policy is the office's rules: what to do with a call, what to ask first,
// what to assert about a call that leaves, and which gates a verdict opens. The
// judgement is not here and cannot be configured: it comes in as a [call.Verdict].
//
// Start with [Parse], which reads a file of rules, or [Default], which is the file
// that every office begins with; then [Policy.Decide] for calls that come in,
// [Policy.Assert] for calls that leave, and [Policy.Gate]. [Policy.Replay] says what a
// draft would have done with a call that is over.
//
// The file is TOML; its conditions are written in CEL, a language without loops. What
// it says is checked when it is read: every name, word and list, what the conditions
// can cost, and how long a caller can be kept waiting in sum. docs/policy.md is its
// manual.
//
// No file changes what follows. A call to an emergency number connects at once. A
// condition that can not be evaluated does not hold, and the action's rule and the
// policy's Fault say so. A gate is closed for a call that is refuted or in conflict,
// and the gate to the public for all calls.
//
// All methods are pure: they read no clock, network or store and draw no chance, so
// any call can be replayed against any policy. A Policy is not changed by them and may
// be used by many goroutines, as long as nobody changes its fields. Decide never asks
// twice for what is answered, so a call is settled after finitely many rounds.
//
// What the rules mean to SIP is the gateway's, and carrying them out durably and in
// time is package callflow's.
package policy

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// Policy is the rules of one office. The zero Policy asks nothing, connects every call,
// signs none and opens no gate.
type Policy struct {
	// Numbers and Ranges are the numbers that the office owns, canonical: those of the
	// file, and any that are added.
	Numbers []tn.Number
	Ranges  []tn.Range

	// Fault, if not nil, is told of every condition that could not be evaluated. It is
	// called by the goroutine that decides.
	Fault func(*RuleError)

	rules    []rule
	sign     []signRule
	outage   call.Action
	show     [call.Verified + 1]call.Show
	gates    map[Gate][call.Verified + 1]Passage
	warnings []Warning
}

// rule says what is asked about, and what is done with, the calls it fits.
type rule struct {
	name string
	when condition
	// ask are the kinds wanted, inTurn whether one after the other, meanwhile what
	// becomes of the call in the meantime.
	ask       []call.Kind
	inTurn    bool
	meanwhile call.Action
	// then is done if one of them fails, or if nobody has decided on a held call in
	// time. Its kind is empty if there is none.
	then call.Action
	// action is done otherwise. If its kind is empty the next rule is looked at.
	action call.Action
}

// The rules that are not in the file.
const (
	emergencyRule = "emergency calls connect"
	outageRule    = "our own outage"
	noRule        = "no rule"
)

// RuleError is a condition that could not be evaluated for a call: it divided by zero,
// overflowed, or cost more than conditions may. The rule was passed over.
type RuleError struct {
	// Rule is the name of the rule.
	Rule string
	// Call is the ID of the call.
	Call string
	// Err says why.
	Err error
}

// Error returns the rule, the call and the reason.
func (e *RuleError) Error() string {
	return fmt.Sprintf("evaluating the rule %q for call %s: %v", e.Rule, e.Call, e.Err)
}

// Unwrap returns the reason.
func (e *RuleError) Unwrap() error { return e.Err }

//go:embed default.toml
var defaultFile []byte

// DefaultFile returns the file that [Default] reads, for an office to begin with.
func DefaultFile() []byte { return slices.Clone(defaultFile) }

var defaultPolicy = sync.OnceValue(func() *Policy {
	p, err := Parse(defaultFile)
	if err != nil {
		panic("policy: the default file: " + err.Error())
	}
	return p
})

// Default returns the rules of [DefaultFile], for an office that owns no number yet.
// They connect emergency calls at once; for any other they ask for what costs nothing
// and disturbs nobody, then decline what is refuted, and connect everything else: no
// call is refused because it is unsigned, or because a check failed.
func Default() *Policy {
	p := *defaultPolicy()
	return &p
}

// Decide returns what to do with the call, and the kinds of evidence that are still
// wanted. While there are such kinds the action is for meanwhile: [call.Hold], or the
// zero kind, by which the caller waits and hears nothing yet; its AtMost says how long.
// Without any the action is final, or Hold, by which the call waits for a person: then
// after AtMost [Policy.Fallback] says what becomes of it.
//
// A kind that ev answers in any way, failed and absent included, is not wanted again.
// The first rule that fits and has something to do decides, and is named in the action.
// So are rules that could not be evaluated.
func (p *Policy) Decide(c *call.Call, ev []call.Evidence, v call.Verdict) (call.Action, []call.Kind) {
	return p.decide(c, ev, v, false)
}

// Fallback returns the final action for a call that is held for a person and on which
// nobody has decided in time. What is still unanswered then counts as failed.
func (p *Policy) Fallback(c *call.Call, ev []call.Evidence, v call.Verdict) call.Action {
	action, _ := p.decide(c, ev, v, true)
	return action
}

// decide walks the rules. When it is overdue it waits for nothing any more.
func (p *Policy) decide(c *call.Call, ev []call.Evidence, v call.Verdict, overdue bool) (call.Action, []call.Kind) {
	// A call for help waits for nothing, whatever a check or a rule says: the slowest of
	// the sources is a stranger's server.
	if c.Signalling.Emergency {
		return call.Action{Kind: call.Connect, Rule: emergencyRule}, nil
	}
	f := facts{policy: p, call: c, ev: ev, v: &v}
	var passed []string
	for i := range p.rules {
		r := &p.rules[i]
		fits, err := r.when.fits(&f)
		if err != nil {
			passed = p.passedOver(passed, r.name, c, err)
		}
		if !fits {
			continue
		}
		wanted := r.wanted(ev)
		if len(wanted) > 0 && !overdue {
			return named(r.meanwhile, r.name, passed), wanted
		}
		action := r.action
		if r.then.Kind != "" && (len(wanted) > 0 || r.failed(ev) || overdue && action.Kind == call.Hold) {
			action = r.then
		}
		if action.Kind != "" {
			return named(p.shown(action, v), r.name, passed), nil
		}
	}
	return named(p.shown(call.Action{Kind: call.Connect}, v), noRule, passed), nil
}

// wanted returns the kinds to ask for that ev does not answer.
func (r *rule) wanted(ev []call.Evidence) []call.Kind {
	var kinds []call.Kind
	for _, k := range r.ask {
		if slices.ContainsFunc(ev, func(e call.Evidence) bool { return e.Kind == k }) {
			continue
		}
		kinds = append(kinds, k)
		if r.inTurn {
			break
		}
	}
	return kinds
}

// failed reports whether a check that the rule asked for could not be made.
func (r *rule) failed(ev []call.Evidence) bool {
	return slices.ContainsFunc(ev, func(e call.Evidence) bool {
		return e.Result() == call.Failed && slices.Contains(r.ask, e.Kind)
	})
}

// shown adds how the verdict is shown, where the rule has not said it.
func (p *Policy) shown(a call.Action, v call.Verdict) call.Action {
	if a.Kind == call.Reject || a.Kind == call.Hold {
		return a
	}
	show := p.show[min(v.Standing, call.Verified)]
	if a.Show.Prefix == "" {
		a.Show.Prefix = show.Prefix
	}
	if a.Show.AlertInfo == "" {
		a.Show.AlertInfo = show.AlertInfo
	}
	a.Show.NoVerstat = a.Show.NoVerstat || show.NoVerstat
	return a
}

// passedOver notes that a rule could not be evaluated.
func (p *Policy) passedOver(passed []string, name string, c *call.Call, err error) []string {
	if p.Fault != nil {
		p.Fault(&RuleError{Rule: name, Call: c.ID, Err: err})
	}
	return append(passed, name)
}

// maxPassed is how many of the rules that could not be evaluated are named in an action.
const maxPassed = 3

// named returns the action with the name of its rule, and of those that were passed
// over because they could not be evaluated.
func named(a call.Action, rule string, passed []string) call.Action {
	a.Rule = rule
	if len(passed) == 0 {
		return a
	}
	more := ""
	if n := len(passed) - maxPassed; n > 0 {
		passed, more = passed[:maxPassed], fmt.Sprintf(" and %d more", n)
	}
	a.Rule += " (could not be evaluated: " + strings.Join(passed, ", ") + more + ")"
	return a
}

// Outage returns what becomes of a call, inbound or outbound, when something of our
// own breaks: its record cannot be written, or it cannot be signed. Unless the file says
// otherwise it connects; a fault of ours is no reason to lose a call. An emergency call
// always does.
func (p *Policy) Outage(c *call.Call) call.Action {
	action := p.outage
	if action.Kind == "" || c.Signalling.Emergency {
		action = call.Action{Kind: call.Connect}
	}
	action.Rule = outageRule
	return action
}

// Longest returns how long the rules can keep a caller waiting at most, in silence and
// in all, if every rule that waits fits.
func (p *Policy) Longest() (silent, all time.Duration) {
	for i := range p.rules {
		r := &p.rules[i]
		rounds := min(1, len(r.ask))
		if r.inTurn {
			rounds = len(r.ask)
		}
		asking := time.Duration(rounds) * r.meanwhile.AtMost
		if r.meanwhile.Kind == "" {
			silent += asking
		}
		all += asking
		if r.action.Kind == call.Hold {
			all += r.action.AtMost
		}
	}
	return silent, all
}
