package verdict

import (
	"testing"

	"countersign.example/internal/call"
)

// strengths is how many strengths there are, 0 to 3; a fold has eight of them, and two
// marks.
const (
	strengths = 4
	folded    = 1 << 16
	states    = folded * 4
)

// foldOf returns the fold with that number: two bits for each strength, then a bit for
// each mark.
func foldOf(state int) fold {
	var f fold
	for p := range propositions {
		f.strength[p] = call.Strength{For: uint8(state >> (4 * p) & 3), Against: uint8(state >> (4*p + 2) & 3)}
	}
	f.listed = state&folded != 0
	f.stored = state&(folded<<1) != 0
	return f
}

// stateOf is the inverse of foldOf.
func stateOf(f fold) int {
	state := 0
	for p, s := range f.strength {
		state |= int(s.For)<<(4*p) | int(s.Against)<<(4*p+2)
	}
	if f.listed {
		state |= folded
	}
	if f.stored {
		state |= folded << 1
	}
	return state
}

// items are all single pieces of evidence there could be: one proposition, one side,
// one strength, and the two marks. A row of the table is a few of them at once.
func items() (support, refute []weight) {
	for p := range propositions {
		for by := int8(1); by < strengths; by++ {
			for _, sign := range []int8{1, -1} {
				var ws [propositions]int8
				ws[p] = sign * by
				w := weight{number: ws[number], office: ws[office], placed: ws[placed], present: ws[present]}
				if sign > 0 {
					support = append(support, w)
				} else {
					refute = append(refute, w)
				}
			}
		}
	}
	row, _ := rowOf(call.OfficeNumber)
	return append(support, row, weight{signatures: true}), refute
}

func TestOverEveryStateEvidenceMovesTheStandingOnlyTheWayItPoints(t *testing.T) {
	standing := make([]call.Standing, states)
	for s := range states {
		f := foldOf(s)
		if stateOf(f) != s {
			t.Fatalf("state %d came back as %d", s, stateOf(f))
		}
		standing[s] = f.standing()
	}
	support, refute := items()
	// The cap of a level is a minimum with a constant, which keeps this for every level.
	transitions := 0
	for s := range states {
		for _, w := range support {
			if to := after(s, w); standing[to] < standing[s] {
				t.Fatalf("%+v and then %+v: %v, before %v", foldOf(s), w, standing[to], standing[s])
			}
		}
		for _, w := range refute {
			if to := after(s, w); standing[to] > standing[s] {
				t.Fatalf("%+v and then %+v: %v, before %v", foldOf(s), w, standing[to], standing[s])
			}
		}
		transitions += len(support) + len(refute)
	}
	if want := states * 26; transitions != want {
		t.Errorf("checked %d transitions, want %d", transitions, want)
	}
}

func after(state int, w weight) int {
	f := foldOf(state)
	f.add(w)
	return stateOf(f)
}

func TestOverEveryStateAndLevelTheCapHoldsAndVerifiedIsClean(t *testing.T) {
	most := map[call.Level]call.Standing{
		call.LevelNone: call.Unverified, call.LevelSeen: call.Unverified, call.LevelBroken: call.Unverified,
		call.LevelCorroborated: call.PartlyVerified, call.LevelVerified: call.Verified, call.LevelRevoked: call.Refuted,
	}
	seen := map[call.Standing]int{}
	for s := range states {
		f := foldOf(s)
		raw := f.standing()
		seen[raw]++
		for level, limit := range most {
			got := min(raw, capOf(level))
			if got > limit || got > raw || (raw <= limit && got != raw) {
				t.Fatalf("%+v at level %v: %v, raw %v", f, level, got, raw)
			}
		}
		if raw != call.Verified {
			continue
		}
		for p, by := range f.strength {
			if by.Against > 0 || !f.stored || (p != number && f.strengths()[p].For < 2) {
				t.Fatalf("%+v is verified", f)
			}
		}
	}
	for v := call.Refuted; v <= call.Verified; v++ {
		if seen[v] == 0 {
			t.Errorf("no state is %v", v)
		}
	}
}

func TestOverEveryStateARefutationOfTwoRefutes(t *testing.T) {
	for s := range states {
		f := foldOf(s)
		strong := false
		for _, by := range f.strength {
			strong = strong || by.Against >= 2
		}
		if got := f.standing() == call.Refuted; got != strong {
			t.Fatalf("%+v is %v", f, f.standing())
		}
	}
}
