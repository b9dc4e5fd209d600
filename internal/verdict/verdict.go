// Package verdict is the judgement: what the evidence about a call adds up to. It is
// fixed, the same for everybody, and not configurable; what to do about a verdict is
// the business of package policy.
//
// The judgement is one function, [Of]. It weighs each [call.Reason] by one table, the weight
// table of the protocol (section 2.8.1), on four propositions: the number shown is
// genuine (NUM), the party is that office of our directory (ORG), that office placed
// this call (PLACED), and its authorised people are on this line now (PRESENT). Then
// it applies the function of section 2.8.2, capped by how far the directory knows the
// office.
//
// Guaranteed, and tested over every state there is: more support never lowers a
// verdict, and more refutation never raises it; neither order nor repetition matters;
// what is absent or failed changes no standing; nothing is verified with anything
// against it, without the office's stored signatures, or of an office that a person
// did not verify. The function reads no clock, network or store, and may be called
// from many goroutines.
//
// Whether a check was made well is the business of the room that made it. Sentences
// for people are made at the edge, from the reasons.
package verdict

import (
	"cmp"
	"slices"

	"countersign.example/internal/call"
)

// Of returns what the evidence ev about the call c adds up to for c.Office. Only the
// reasons of the evidence and the office's level matter. A call of no office is at
// most unverified.
//
// Of may be given several pieces of in-band evidence and takes the strongest of each
// side. That the best field decides, and not whatever a stranger appended, is for the
// room that folds them into one.
//
// Every distinct reason heard is in the verdict's Reasons, those that decide most
// first: refutations of 2 or more, then by weight, refutations before support; those
// that weigh nothing last, failed before absent.
func Of(c *call.Call, ev []call.Evidence) call.Verdict {
	var f fold
	var v call.Verdict
	for i := range ev {
		row, _ := rowOf(ev[i].Reason)
		f.add(row)
		v.Incomplete = v.Incomplete || ev[i].Result() == call.Failed
		v.Reasons = append(v.Reasons, ev[i].Reason)
	}
	level := c.Office.Level
	if c.Office.IsZero() {
		level = call.LevelNone
	}
	v.Standing = min(f.standing(), capOf(level))
	v.Conflict = f.conflict()
	s := f.strengths()
	v.Number, v.Office, v.Placed, v.Present = s[number], s[office], s[placed], s[present]
	slices.SortFunc(v.Reasons, func(a, b call.Reason) int { return weightiest(a, b, f) })
	v.Reasons = slices.Compact(v.Reasons)
	return v
}

// weightiest orders reasons as Of promises. It is total: ties fall to the order of the
// table, and outside it to the alphabet.
func weightiest(a, b call.Reason, f fold) int {
	ra, ia := rowOf(a)
	rb, ib := rowOf(b)
	ua, ub := ra.urgency(f), rb.urgency(f)
	return cmp.Or(slices.Compare(ub[:], ua[:]), cmp.Compare(ia, ib), cmp.Compare(a, b))
}

// urgency says how early a reason is told: a refutation of 2 or more decides alone, so
// it comes before any support; then the greatest weight, a refutation before a support
// of the same weight, and the sum of all weights. What weighs nothing, or whose
// condition is not met, is told last, and of that the office's signatures and then the
// failed checks first, since they decide what the verdict may be and why it is
// incomplete.
func (w weight) urgency(f fold) [5]int {
	var against, most, sum, alone, told int
	if !w.ifNumber || f.numberCounts() {
		for _, by := range w.weights() {
			against = max(against, -int(by))
			most = max(most, int(by), -int(by))
			sum += max(int(by), -int(by))
		}
	}
	if against >= 2 {
		alone = against
	}
	switch {
	case w.signatures:
		told = 2
	case w.reason.Result() == call.Failed:
		told = 1
	}
	return [5]int{alone, most, against, sum, told}
}
