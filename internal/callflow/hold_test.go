package callflow

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/call"
)

// held is a policy that holds every call for a person.
var held = steps{asks: []step{{"", call.InBand}}, last: call.Hold, atMost: 20 * time.Second}

func TestAPersonDecidesOnAHeldCall(t *testing.T) {
	for _, c := range []struct {
		name    string
		decides call.Action
		want    string
		rule    string
	}{
		{"she puts it through", call.Action{Kind: call.Connect}, "connect", "settled: decided by a person"},
		{"she refuses it", call.Action{Kind: call.Reject, Status: 603}, "reject", "settled: decided by a person"},
		{"what she says is no decision", call.Action{Kind: call.Hold}, "connect", "outage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, start := newHouse(t), time.Now()
				in := inbound(h, held, time.Second, nil)
				in.Operator = &secretary{h, 7 * time.Second, c.decides}
				rec, err := in.Handle(t.Context(), aCall())
				if (err != nil) != (c.rule == "outage") {
					t.Errorf("Handle returned the fault %v", err)
				}
				h.expect("ask [in-band]", "record open", "hold", "show unverified", "record settled", c.want)
				if rec.Action.Rule != c.rule || time.Since(start) != 8*time.Second {
					t.Errorf("after %v the rule is %q, want %q after 8s", time.Since(start), rec.Action.Rule, c.rule)
				}
			})
		})
	}
}

func TestWhenNobodyDecidesInTimeTheFallbackStands(t *testing.T) {
	for name, operator := range map[string]time.Duration{"she is away": time.Hour, "there is nobody": -1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, start := newHouse(t), time.Now()
				in, waited, story := inbound(h, held, time.Second, nil), time.Second, []string{"ask [in-band]", "record open", "hold"}
				if operator > 0 {
					in.Operator = &secretary{h, operator, call.Action{Kind: call.Connect}}
					waited, story = 21*time.Second, append(story, "show unverified")
				}
				rec, err := in.Handle(t.Context(), aCall())
				noFault(t, err)
				h.expect(append(story, "record settled", "screen")...)
				if rec.Action.Rule != "nobody decided" || time.Since(start) != waited {
					t.Errorf("after %v the rule is %q", time.Since(start), rec.Action.Rule)
				}
			})
		})
	}
}

func TestACallerWhoHangsUpWhileAPersonLooksIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		in := inbound(h, held, time.Second, nil)
		in.Operator = &secretary{h, time.Hour, call.Action{Kind: call.Connect}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		rec, err := in.Handle(ctx, aCall())
		noFault(t, err)
		h.expect("ask [in-band]", "record open", "hold", "show unverified", "record abandoned")
		if rec.State != call.Abandoned {
			t.Errorf("the record is %s", rec.State)
		}
	})
}

func TestAQuestionIsAskedNoLongerThanThePolicyAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, start := newHouse(t), time.Now()
		p := steps{asks: []step{{"", call.InBand}}, last: call.Connect, atMost: 2 * time.Second}
		rec, err := inbound(h, p, time.Minute, map[call.Kind]call.Reason{call.InBand: call.AttestedFull}).Handle(t.Context(), aCall())
		noFault(t, err)
		h.expect("ask [in-band]", "record settled", "connect")
		if took := time.Since(start); took != 2*time.Second || !rec.Verdict.Incomplete {
			t.Errorf("took %v, and the verdict is %+v; want 2s, and a failed check", took, rec.Verdict)
		}
	})
}
