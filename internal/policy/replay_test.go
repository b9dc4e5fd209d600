package policy

import (
	"slices"
	"testing"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

// judged is a judgement for tests: the in-band evidence alone decides.
func judged(_ *call.Call, ev []call.Evidence) call.Verdict {
	v := call.Verdict{Standing: call.Unverified}
	for _, e := range ev {
		switch e.Reason {
		case call.NumberOfAnother, call.NotPlaced:
			v.Standing = call.Refuted
		case call.Placed:
			v.Standing = call.PartlyVerified
		}
	}
	return v
}

// kept is a settled record with the evidence of the reasons.
func kept(action call.Action, heard ...call.Reason) *call.Record {
	rec := &call.Record{State: call.Settled, Action: action, Call: call.Call{ID: "01", Direction: call.Inbound}}
	for _, r := range heard {
		rec.Evidence = append(rec.Evidence, call.Evidence{Kind: r.Kind(), Reason: r})
	}
	return rec
}

func TestReplayingWhatAPolicyDidChangesNothing(t *testing.T) {
	office := officePolicy(t)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]*Policy{office, Default(), {}}).Draw(t, "policy")
		rec := &call.Record{State: call.Settled, Call: *drawCall(t)}
		if rec.Call.Direction == call.Outbound {
			rec.Assertion = p.Assert(&rec.Call, "x")
			if r := p.Replay(rec, judged); r.Changed {
				t.Fatalf("Replay = %+v of what the same policy asserted: %+v", r, rec)
			}
			return
		}
		all := drawEvidence(t)
		for settled := false; !settled; {
			v := judged(&rec.Call, rec.Evidence)
			action, ask := p.Decide(&rec.Call, rec.Evidence, v)
			rec.Action = action
			if settled = len(ask) == 0; settled && action.Kind == call.Hold {
				rec.Action = p.Fallback(&rec.Call, rec.Evidence, v)
			}
			for _, k := range ask {
				e := call.Evidence{Kind: k, Reason: k.Failed()}
				if i := slices.IndexFunc(all, func(e call.Evidence) bool { return e.Kind == k }); i >= 0 {
					e = all[i]
				}
				rec.Evidence = append(rec.Evidence, e)
			}
		}
		if r := p.Replay(rec, judged); r.Changed || len(r.Asks) > 0 || len(r.Spared) > 0 {
			t.Fatalf("Replay = %+v of what the same policy did: %+v", r, rec)
		}
	})
}

func TestReplay(t *testing.T) {
	connect, decline := call.Action{Kind: call.Connect, Rule: "x"}, call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Rule: "y"}
	for _, c := range []struct {
		why     string
		draft   string
		rec     *call.Record
		changed bool
		action  call.ActionKind
		asks    []call.Kind
		spared  []call.Kind
	}{
		{"another rule with the same outcome is no change",
			"[[rule]]\nname = \"n\"\nask = [\"in-band\"]\ndo = \"connect\"", kept(connect, call.NoIdentity), false, call.Connect, nil, nil},
		{"a question fewer is no change, and told",
			"[[rule]]\nname = \"n\"\ndo = \"connect\"", kept(connect, call.NoIdentity), false, call.Connect, nil, []call.Kind{call.InBand}},
		{"another action is",
			"[[rule]]\nname = \"n\"\ndo = \"screen\"", kept(connect), true, call.Screen, nil, nil},
		{"another phrase is",
			"[[rule]]\nname = \"n\"\ndo = \"reject\"\nphrase = \"No\"", kept(decline), true, call.Reject, nil, nil},
		{"another ring is",
			"[[rule]]\nname = \"n\"\ndo = \"connect\"\nshow = { alert_info = \"<urn:a:b>\" }", kept(connect), true, call.Connect, nil, nil},
		{"a question that was not asked then leaves the outcome open",
			"[[rule]]\nname = \"n\"\nask = [\"inquiry\", \"in-band\"]\nmeanwhile = \"hold\"\ndo = \"connect\"",
			kept(connect, call.NoIdentity), true, call.Hold, []call.Kind{call.Inquiry}, nil},
		{"a rule that fits before the evidence is in decides without it",
			"[[rule]]\nname = \"n\"\nwhen = 'evidence.in_band.reason == \"\"'\ndo = \"screen\"", kept(decline, call.NumberOfAnother), true, call.Screen, nil, []call.Kind{call.InBand}},
		{"the judgement is made again, of what the draft asked for",
			"[[rule]]\nname = \"n\"\nwhen = 'verdict.standing == \"refuted\"'\ndo = \"reject\"", kept(decline, call.NumberOfAnother), true, call.Connect, nil, []call.Kind{call.InBand}},
		{"a hold for a person is one",
			"[[rule]]\nname = \"n\"\ndo = \"hold\"\nthen = { do = \"connect\" }", kept(connect), true, call.Hold, nil, nil},
		{"the same hold, on which a person decided, is none",
			"[[rule]]\nname = \"n\"\ndo = \"hold\"\nthen = { do = \"screen\" }", kept(call.Action{Kind: call.Connect, Rule: "n" + call.DecidedByPerson}), false, call.Hold, nil, nil},
		{"the same hold, which ended otherwise, is one",
			"[[rule]]\nname = \"n\"\ndo = \"hold\"\nthen = { do = \"screen\" }", kept(call.Action{Kind: call.Connect, Rule: "n"}), true, call.Hold, nil, nil},
	} {
		r := parsed(t, c.draft).Replay(c.rec, judged)
		if r.Changed != c.changed || r.Action.Kind != c.action || !slices.Equal(r.Asks, c.asks) || !slices.Equal(r.Spared, c.spared) {
			t.Errorf("%s: Replay = %+v", c.why, r)
		}
	}
}

func TestOnlyWhatThePolicyDecidedIsCompared(t *testing.T) {
	for rec, want := range map[*call.Record]bool{
		kept(call.Action{Kind: call.Connect, Rule: "x"}): true,
		kept(Default().Outage(&call.Call{})):             false,
		{State: call.Abandoned}:                          false,
		{State: call.Open}:                               false,
		{State: call.Interrupted, Action: call.Action{}}: false,
	} {
		if got := Comparable(rec); got != want {
			t.Errorf("Comparable(%s, %q) = %v, want %v", rec.State, rec.Action.Rule, got, want)
		}
	}
}

func TestReplayComparesWhatIsSigned(t *testing.T) {
	rec := &call.Record{State: call.Settled, Call: call.Call{Direction: call.Outbound, Trunk: "guests"}}
	rec.Call.Calling.TN, rec.Call.Called.TN = "12025550142", "12025550199"
	rec.Assertion = Default().Assert(&rec.Call, "x")
	if r := officePolicy(t).Replay(rec, judged); !r.Changed || r.Assertion.Attest != "B" {
		t.Errorf("Replay = %+v, want a change to B", r)
	}
	if r := Default().Replay(rec, judged); r.Changed {
		t.Errorf("Replay = %+v, want no change", r)
	}
}
