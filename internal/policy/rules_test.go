package policy

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

// builtIn is the policy as it was before there were files, in so many words.
func builtIn(c *call.Call, ev []call.Evidence, v call.Verdict) (call.Action, []call.Kind) {
	if c.Signalling.Emergency {
		return call.Action{Kind: call.Connect, Rule: "emergency calls connect"}, nil
	}
	var wanted []call.Kind
	for _, k := range []call.Kind{call.InBand, call.Directory} {
		if !slices.ContainsFunc(ev, func(e call.Evidence) bool { return e.Kind == k }) {
			wanted = append(wanted, k)
		}
	}
	switch {
	case len(wanted) > 0:
		return call.Action{Rule: "cheap evidence first"}, wanted
	case v.Standing == call.Refuted:
		return call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Rule: "refuted calls are declined"}, nil
	}
	return call.Action{Kind: call.Connect, Rule: "everything else connects"}, nil
}

func TestTheDefaultFileDecidesAsTheBuiltInRulesDid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, ev, v := drawCall(t), drawEvidence(t), drawVerdict(t)
		action, ask := Default().Decide(c, ev, v)
		want, wanted := builtIn(c, ev, v)
		if len(ask) > 0 {
			// How long a call may wait is new, and leaves the sources their budgets.
			if action.AtMost < 4*time.Second {
				t.Fatalf("Decide lets %q take %v", ask, action.AtMost)
			}
			action.AtMost = 0
		}
		if action != want || !slices.Equal(ask, wanted) {
			t.Fatalf("Decide = %+v %q, want %+v %q", action, ask, want, wanted)
		}
	})
}

func TestDecideIsPureAndEndsForAnyPolicy(t *testing.T) {
	office := officePolicy(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]*Policy{office, Default(), {}}).Draw(t, "policy")
		c, all := drawCall(t), drawEvidence(t)
		before := fmt.Sprintf("%+v %+v", c, all)
		var ev []call.Evidence
		for round := 0; ; round++ {
			v := drawVerdict(t)
			action, ask := p.Decide(c, ev, v)
			again, askAgain := p.Decide(c, ev, v)
			if action != again || !slices.Equal(ask, askAgain) || action.Rule == "" {
				t.Fatalf("Decide = %+v %q, and again %+v %q", action, ask, again, askAgain)
			}
			final := p.Fallback(c, ev, v)
			if final.Kind == "" || final.Kind == call.Hold {
				t.Fatalf("Fallback = %+v, which ends nothing", final)
			}
			if len(ask) == 0 {
				if action.Kind == "" || action.Kind != call.Hold && action != final || action.Kind == call.Hold && action.AtMost <= 0 {
					t.Fatalf("Decide settles with %+v, and Fallback with %+v", action, final)
				}
				break
			}
			if action.Kind != "" && action.Kind != call.Hold || action.AtMost <= 0 || round > len(kinds) {
				t.Fatalf("round %d asks for %q under %+v", round, ask, action)
			}
			for _, k := range ask {
				if slices.ContainsFunc(ev, func(e call.Evidence) bool { return e.Kind == k }) {
					t.Fatalf("Decide asks twice for %q", k)
				}
				i := slices.IndexFunc(all, func(e call.Evidence) bool { return e.Kind == k })
				if i < 0 {
					ev = append(ev, call.Evidence{Kind: k, Reason: k.Failed()})
				} else {
					ev = append(ev, all[i])
				}
			}
		}
		if after := fmt.Sprintf("%+v %+v", c, all); before != after {
			t.Fatalf("Decide changed\n%s\nto\n%s", before, after)
		}
	})
}

func TestAnEmergencyCallConnectsUnderEveryPolicy(t *testing.T) {
	hostile := parsed(t, `
[[rule]]
name = "nobody at all"
when = "call.emergency || true"
do = "reject"
[outage]
do = "reject"`)
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		c.Signalling.Emergency = true
		action, ask := hostile.Decide(c, drawEvidence(t), drawVerdict(t))
		if action != (call.Action{Kind: call.Connect, Rule: emergencyRule}) || len(ask) > 0 {
			t.Fatalf("Decide = %+v %q", action, ask)
		}
		if a := hostile.Outage(c); a.Kind != call.Connect {
			t.Fatalf("Outage = %+v", a)
		}
	})
	if a := hostile.Outage(&call.Call{}); a.Kind != call.Reject || a.Status != 603 || a.Rule != outageRule {
		t.Errorf("Outage of another call = %+v", a)
	}
}

func TestAssertSignsOnlyWhatARuleAllows(t *testing.T) {
	office := officePolicy(t)
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		a := office.Assert(c, "an origid")
		if again := office.Assert(c, "an origid"); !reflect.DeepEqual(a, again) {
			t.Fatalf("Assert = %+v, and again %+v", a, again)
		}
		if (a.Attest == "") == (a.Why == "") {
			t.Fatalf("Assert = %+v: it is signed, or says why not", a)
		}
		if a.Attest == "A" && (!office.owns(c.Calling.TN) || c.Trunk != "phones") {
			t.Fatalf("Assert(%+v) = %+v", c, a)
		}
		if a.Attest != "" && (c.Direction == call.Inbound || !a.Orig.TN.Canonical() || a.Orig != c.Calling || !a.Dest.Has(c.Called)) {
			t.Fatalf("Assert(%+v) = %+v", c, a)
		}
	})
}

func TestAConditionThatCanNotBeEvaluatedIsReportedAndPassedOver(t *testing.T) {
	p := parsed(t, `
[[rule]]
name = "divides"
when = "1 / verdict.number.for == 1"
do = "reject"
[[rule]]
name = "overflows"
when = "9223372036854775807 + verdict.number.against > 0 || verdict.number.against == 9"
do = "reject"
[[sign]]
name = "divides too"
when = "1 / (call.hour_utc - 15) == 5"
attest = "A"`)
	var faults []*RuleError
	p.Fault = func(e *RuleError) { faults = append(faults, e) }
	c := &call.Call{ID: "01X", ArrivedAt: time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)}
	c.Calling.TN, c.Called.TN = "12025550100", "12025550101"
	action, _ := p.Decide(c, nil, call.Verdict{Number: call.Strength{Against: 1}})
	if want := "no rule (could not be evaluated: divides, overflows)"; action.Kind != call.Connect || action.Rule != want {
		t.Errorf("Decide = %+v, want connect by %q", action, want)
	}
	if a := p.Assert(c, "x"); a.Attest != "" || a.Why != "not one of our numbers (could not be evaluated: divides too)" {
		t.Errorf("Assert = %+v", a)
	}
	var told []string
	for _, e := range faults {
		told = append(told, e.Error())
	}
	want := []string{
		`evaluating the rule "divides" for call 01X: division by zero`,
		`evaluating the rule "overflows" for call 01X: integer overflow`,
		`evaluating the rule "divides too" for call 01X: division by zero`,
	}
	if !slices.Equal(told, want) {
		t.Errorf("Fault was told %q, want %q", told, want)
	}
}

func TestABetterVerdictNeverClosesAGate(t *testing.T) {
	for _, p := range []*Policy{Default(), officePolicy(t), {}} {
		for _, g := range Gates() {
			last := Closed
			for s := call.Refuted; s <= call.Verified; s++ {
				now := p.Gate(g, call.Verdict{Standing: s})
				if now < last {
					t.Errorf("%s is %v for %v, and was %v for less", g, now, s, last)
				}
				last = now
			}
			if p.Gate(g, call.Verdict{Standing: call.Verified + 1}) != Closed {
				t.Errorf("%s is open for a standing that does not exist", g)
			}
		}
	}
	if (&Policy{}).Gate(PutThrough, call.Verdict{Standing: call.Verified}) != Closed {
		t.Error("a policy that says nothing opens a gate")
	}
}

func TestTheDefaultsAreNotShared(t *testing.T) {
	a := Default()
	a.Numbers = append(a.Numbers, "12025550100")
	a.Fault = func(*RuleError) {}
	if b := Default(); len(b.Numbers) > 0 || b.Fault != nil {
		t.Errorf("Default = %+v after another one was changed", b)
	}
	DefaultFile()[0] = 'x'
	if DefaultFile()[0] == 'x' {
		t.Error("the default file can be changed")
	}
	if w := Default().Warnings(); len(w) > 0 {
		t.Errorf("the default file has warnings: %v", w)
	}
}
