package policy

import (
	"fmt"
	"slices"
	"testing"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

// every reason of a kind, so that any answer a source may give can be drawn.
var answers = func() map[call.Kind][]call.Reason {
	m := map[call.Kind][]call.Reason{}
	for _, r := range call.Reasons() {
		m[r.Kind()] = append(m[r.Kind()], r)
	}
	for _, rs := range m {
		slices.Sort(rs)
	}
	return m
}()

func anyCall(t *rapid.T) (*call.Call, call.Verdict) {
	c := &call.Call{}
	c.Signalling.Emergency = rapid.Bool().Draw(t, "emergency")
	v := call.Verdict{
		Standing:   call.Standing(rapid.IntRange(int(call.Refuted), int(call.Verified)).Draw(t, "standing")),
		Conflict:   rapid.Bool().Draw(t, "conflict"),
		Incomplete: rapid.Bool().Draw(t, "incomplete"),
	}
	return c, v
}

func TestWhateverIsAnsweredACallIsSettledAfterAtMostOneRoundAKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Default()
		c, v := anyCall(t)
		var ev []call.Evidence
		asked := map[call.Kind]bool{}
		for rounds := 0; ; rounds++ {
			action, kinds := p.Decide(c, ev, v)
			if len(kinds) == 0 {
				if action.Kind == "" || action.Kind == call.Hold {
					t.Fatalf("settled with %+v, which ends nothing", action)
				}
				return
			}
			if rounds == len(answers) {
				t.Fatalf("%d rounds, and still asks for %q", rounds, kinds)
			}
			if action.Kind != "" && action.Kind != call.Hold {
				t.Fatalf("asks for %q, and meanwhile %+v", kinds, action)
			}
			for _, k := range kinds {
				if asked[k] {
					t.Fatalf("asks twice for %q", k)
				}
				asked[k] = true
				ev = append(ev, call.Evidence{Kind: k, Reason: rapid.SampledFrom(answers[k]).Draw(t, string(k))})
			}
			v.Standing = call.Standing(rapid.IntRange(int(call.Refuted), int(call.Verified)).Draw(t, "standing"))
		}
	})
}

func TestOnlyARefutedCallIsRefusedAndNeverAnEmergencyCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, v := anyCall(t)
		ev := []call.Evidence{
			{Kind: call.InBand, Reason: rapid.SampledFrom(answers[call.InBand]).Draw(t, "in-band")},
			{Kind: call.Directory, Reason: rapid.SampledFrom(answers[call.Directory]).Draw(t, "directory")},
		}
		action, _ := Default().Decide(c, ev, v)
		refused := action.Kind != call.Connect
		if want := v.Standing == call.Refuted && !c.Signalling.Emergency; refused != want {
			t.Fatalf("Decide(emergency %v, %v) = %+v", c.Signalling.Emergency, v.Standing, action)
		}
		if again, _ := Default().Decide(c, ev, v); fmt.Sprint(again) != fmt.Sprint(action) {
			t.Fatalf("Decide = %+v, and again %+v", action, again)
		}
	})
}

func TestAPolicyWithoutRulesConnectsAndSignsNothing(t *testing.T) {
	var p Policy
	action, kinds := p.Decide(&call.Call{}, nil, call.Verdict{})
	if action.Kind != call.Connect || action.Rule == "" || len(kinds) > 0 {
		t.Errorf("Decide = %+v, %q, want connect by a named rule and no questions", action, kinds)
	}
	c := &call.Call{}
	c.Calling.TN, c.Called.TN = "12155550100", "12155550199"
	if a := p.Assert(c, "x"); a.Attest != "" || a.Why == "" {
		t.Errorf("Assert = %+v, want unsigned, with a reason", a)
	}
}

func TestOurOwnOutageConnects(t *testing.T) {
	if a := Default().Outage(&call.Call{}); a.Kind != call.Connect || a.Rule == "" {
		t.Errorf("Outage = %+v, want connect by a named rule", a)
	}
}
