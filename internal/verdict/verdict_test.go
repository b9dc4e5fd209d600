package verdict

import (
	"fmt"
	"slices"
	"testing"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

func TestTheTableHasExactlyOneRowForEveryReason(t *testing.T) {
	count := map[call.Reason]int{}
	for _, w := range table {
		count[w.reason]++
	}
	for _, r := range call.Reasons() {
		if count[r] != 1 {
			t.Errorf("%q has %d rows, want 1", r, count[r])
		}
		delete(count, r)
	}
	for r := range count {
		t.Errorf("%q has a row and is no reason", r)
	}
}

func TestTheSignOfEveryRowAgreesWithItsResult(t *testing.T) {
	for _, w := range table {
		for p, by := range w.weights() {
			sign := map[bool]call.Result{true: call.Supports, false: call.Contradicts}[by > 0]
			if by != 0 && w.reason.Result() != sign {
				t.Errorf("%q weighs %+d on proposition %d and %s", w.reason, by, p, w.reason.Result())
			}
			if by < -3 || by > 3 {
				t.Errorf("%q weighs %+d, beyond 3", w.reason, by)
			}
		}
		weighs := w.weights() != [propositions]int8{} || w.signatures
		matters := w.reason.Result() == call.Supports || w.reason.Result() == call.Contradicts
		if weighs != matters {
			t.Errorf("%q %s, and its row says %+v", w.reason, w.reason.Result(), w)
		}
	}
}

func TestAReasonThatIsNotOfTheListWeighsNothingAndIsAFailedCheck(t *testing.T) {
	c := callOf(t, "verified")
	got := Of(c, []call.Evidence{{Kind: call.InBand, Reason: "trust-me"}, {Kind: call.Inquiry, Reason: call.Placed}})
	want := Of(c, []call.Evidence{{Kind: call.Inquiry, Reason: call.Placed}})
	if got.Standing != want.Standing || !got.Incomplete || want.Incomplete {
		t.Errorf("Of(trust-me, placed) = %+v, want as %+v but incomplete", got, want)
	}
	if !slices.Equal(got.Reasons, []call.Reason{call.Placed, "trust-me"}) {
		t.Errorf("Reasons = %q, want the unknown one last", got.Reasons)
	}
}

func TestALevelBeyondTheListYieldsNoMoreThanNone(t *testing.T) {
	c := callOf(t, "verified")
	c.Office.Level = call.LevelRevoked + 1
	if got := Of(c, []call.Evidence{{Reason: call.Placed}}); got.Standing != call.Unverified {
		t.Errorf("Of = %v, want unverified", got.Standing)
	}
}

func anyCall(t *rapid.T) *call.Call {
	level := call.Level(rapid.IntRange(int(call.LevelNone), int(call.LevelRevoked)).Draw(t, "level"))
	domain := rapid.SampledFrom([]string{"president.example", "president.example", ""}).Draw(t, "domain")
	return &call.Call{Office: call.Office{Domain: domain, Level: level}}
}

var someReasons = func() []call.Reason {
	rs := append(call.Reasons(), "no-such-reason")
	slices.Sort(rs)
	return rs
}()

func anyEvidence(t *rapid.T, label string) []call.Evidence {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) call.Evidence {
		r := rapid.SampledFrom(someReasons).Draw(t, "reason")
		return call.Evidence{Kind: r.Kind(), Reason: r}
	}), 0, 8).Draw(t, label)
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, ev := anyCall(t), anyEvidence(t, "evidence")
		want := fmt.Sprintf("%+v", Of(c, ev))
		again := rapid.Permutation(slices.Concat(ev, ev[:rapid.IntRange(0, len(ev)).Draw(t, "heard twice")])).Draw(t, "again")
		if got := fmt.Sprintf("%+v", Of(c, again)); got != want {
			t.Fatalf("Of(%v) = %s\nOf(%v) = %s", ev, want, again, got)
		}
	})
}

func TestEvidenceMovesAStandingOnlyTheWayItPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, ev := anyCall(t), anyEvidence(t, "evidence")
		r := rapid.SampledFrom(someReasons).Draw(t, "one more")
		before := Of(c, ev).Standing
		after := Of(c, append(slices.Clip(ev), call.Evidence{Reason: r})).Standing
		switch r.Result() {
		case call.Supports:
			if after < before {
				t.Fatalf("%q supports and lowered %v to %v", r, before, after)
			}
		case call.Contradicts:
			if after > before {
				t.Fatalf("%q contradicts and raised %v to %v", r, before, after)
			}
		default:
			if after != before {
				t.Fatalf("%q is %s and changed %v to %v", r, r.Result(), before, after)
			}
		}
	})
}

func TestNothingIsVerifiedWithAnythingAgainstIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCall(t)
		ev := append(anyEvidence(t, "evidence"),
			call.Evidence{Reason: call.Placed}, call.Evidence{Reason: call.WordsRight})
		if rapid.Bool().Draw(t, "stored") {
			ev = append(ev, call.Evidence{Reason: call.SignaturesStored})
		}
		v := Of(c, ev)
		if v.Standing != call.Verified {
			return
		}
		against := v.Number.Against + v.Office.Against + v.Placed.Against + v.Present.Against
		stored := slices.Contains(v.Reasons, call.SignaturesStored)
		if against > 0 || !stored || c.Office.IsZero() || c.Office.Level != call.LevelVerified {
			t.Fatalf("Of(%+v, %v) is verified: %+v", c.Office, ev, v)
		}
	})
}

func TestHowMuchAReasonSpeaksAgainstACallIsItsRowsWeightiestRefutation(t *testing.T) {
	for reason, want := range map[call.Reason]int{
		call.AttestedFull: 0, call.NoIdentity: 0, call.InBandFailed: 0, call.PassportRefused: 1, call.AlwaysSigns: 1,
		call.NumberOfAnother: 2, call.NotPlaced: 3, "a reason nobody knows": 0,
	} {
		if got := Against(reason); got != want {
			t.Errorf("Against(%s) = %d, want %d", reason, got, want)
		}
	}
}
