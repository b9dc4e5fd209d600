package verdict

import "countersign.example/internal/call"

// propositions is how many there are, and number to present are their places.
const (
	number = iota
	office
	placed
	present
	propositions
)

// fold is what any amount of evidence comes down to: the strongest support and the
// strongest refutation of each proposition. Adding is a maximum, which is why neither
// order nor repetition can matter. The zero fold has heard nothing.
type fold struct {
	strength [propositions]call.Strength
	// listed: the directory lists the number for the office, which says who it is only
	// if the number is genuine.
	listed bool
	// stored: the caller office's signatures for this call are stored.
	stored bool
}

// add folds one row in.
func (f *fold) add(w weight) {
	f.listed = f.listed || w.ifNumber
	f.stored = f.stored || w.signatures
	if w.ifNumber {
		return
	}
	for p, by := range w.weights() {
		if by > 0 {
			f.strength[p].For = max(f.strength[p].For, uint8(by))
		} else {
			f.strength[p].Against = max(f.strength[p].Against, uint8(-by))
		}
	}
}

// numberCounts reports whether the number is supported well enough for what the
// directory says of it to mean something: anybody can show a listed number.
func (f fold) numberCounts() bool { return f.strength[number].For >= 2 }

// strengths returns the strength of each proposition, the conditional row included.
func (f fold) strengths() [propositions]call.Strength {
	s := f.strength
	if f.listed && f.numberCounts() {
		row, _ := rowOf(call.OfficeNumber)
		s[office].For = max(s[office].For, uint8(row.office))
	}
	return s
}

// standing is the function of the protocol, section 2.8.2, before the cap.
func (f fold) standing() call.Standing {
	s := f.strengths()
	clean := true
	for _, p := range s {
		if p.Against >= 2 {
			return call.Refuted
		}
		clean = clean && p.Against == 0
	}
	switch {
	case clean && f.stored && s[office].For >= 2 && s[placed].For >= 2 && s[present].For >= 2:
		return call.Verified
	case s[placed].For >= 2, s[present].For >= 2, s[office].For >= 2 && s[number].For >= 2:
		return call.PartlyVerified
	}
	return call.Unverified
}

// conflict reports whether one proposition is both strongly supported and strongly
// refuted.
func (f fold) conflict() bool {
	for _, p := range f.strengths() {
		if p.For >= 2 && p.Against >= 2 {
			return true
		}
	}
	return false
}

// capOf is the most that an office of the level can yield. A level that is not of the
// list yields no more than none.
func capOf(l call.Level) call.Standing {
	switch l {
	case call.LevelVerified:
		return call.Verified
	case call.LevelCorroborated:
		return call.PartlyVerified
	case call.LevelRevoked:
		return call.Refuted
	}
	return call.Unverified
}
