package verification

import (
	"slices"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// maxHops is how many diversions of one call are followed.
const maxHops = 10

// transferTime is how long before its last diversion a call may have been signed
// first, for a profile that bends the rule (RFC 8946 section 4.2 step 4).
const transferTime = 3 * time.Hour

// unfold reads the PASSporTs that stand inside diversions (RFC 8946 section 5) as
// fields of their own, outermost first.
func (j *judge) unfold() {
	r := j.report
	for i := 0; i < len(r.Fields); i++ {
		t := r.Fields[i].Token
		if t == nil || t.Header.Ppt != passport.DivO || t.Claims.Opt == "" || r.Fields[i].Has(passport.OptInvalid) {
			continue
		}
		if len(r.Fields) == MaxFields {
			j.found(&r.Fields[i], passport.DivTooDeep, "opt", "")
			return
		}
		r.Fields = append(r.Fields, Field{Nested: i + 1})
		inner := &r.Fields[len(r.Fields)-1]
		inner.ran(passport.StepCollect, passport.StepHeader)
		inner.Header.Passport = t.Claims.Opt
		j.decode(inner, t.Claims.Opt)
		if inner.Token != nil {
			inner.Header.Info, inner.Header.Ppt = inner.Token.Header.X5U, inner.Token.Header.Ppt
		}
	}
}

func isDiversion(f *Field) bool {
	return f.Token != nil && (f.Token.Header.Ppt == passport.Div || f.Token.Header.Ppt == passport.DivO)
}

// diverted reports whether the call carries a diversion.
func (j *judge) diverted() bool {
	for i := range j.report.Fields {
		if isDiversion(&j.report.Fields[i]) {
			return true
		}
	}
	return false
}

// sound reports whether nothing fatal, or that could not be checked, has been found.
func (j *judge) sound(f *Field) bool {
	for i := range f.Findings {
		if j.report.Profile.Rule(f.Findings[i].Code).Severity <= sipidentity.Ignored {
			return false
		}
	}
	return true
}

// followDiversions settles, for every PASSporT that speaks for a party, whether it was
// for the called party, by itself or by a chain of diversions (RFC 8946 section 4.2).
func (j *judge) followDiversions() {
	used := make(map[int]bool)
	originals := false
	for i := range j.report.Fields {
		f := &j.report.Fields[i]
		if f.Token == nil || isDiversion(f) || f.Steps[passport.StepCompare].State == NotRun && !j.diverted() {
			continue
		}
		switch {
		case j.answers(f):
			j.reached(f, used)
		case f.Vouches():
			originals = true
			j.intended(f, used)
			// What stands only inside a diversion is worth what the diversion is worth.
			if f.Nested != 0 && !slices.Contains(f.Diversions, f.Nested-1) {
				j.found(f, passport.DivIncomplete, "", "the diversion that holds it is not valid or does not lead on from it")
			}
		case f.Token.Header.Ppt == passport.Rph || f.ThirdParty:
			if !j.facts.Called.IsZero() && !names(f.Token.Claims.Dest, j.facts.Called) {
				j.found(f, passport.DestMismatch, "dest", "")
			}
		}
	}
	for i := range j.report.Fields {
		f := &j.report.Fields[i]
		if !isDiversion(f) || used[i] || !j.sound(f) {
			continue
		}
		if originals {
			j.found(f, passport.DivBroken, "div", "no other PASSporT of the call is for the party it diverts from")
		} else {
			j.found(f, passport.DivIncomplete, "", "")
		}
	}
}

// intended checks that f was meant for the called party.
func (j *judge) intended(f *Field, used map[int]bool) {
	called := j.facts.Called
	if !called.IsZero() && names(f.Token.Claims.Dest, called) || called.IsZero() && !j.diverted() {
		return
	}
	w := walk{judge: j, orig: f.Token.Claims.Orig, target: func(dest passport.Parties) bool {
		return !called.IsZero() && names(dest, called)
	}}
	found := w.from(f.Token.Claims.Dest)
	for _, i := range w.longest {
		used[i] = true
	}
	if found || called.IsZero() {
		f.Diversions = slices.Clone(w.longest)
		j.age(f)
		return
	}
	if called.TN == "" && called.URI == "" {
		return
	}
	j.found(f, passport.DestMismatch, "dest", w.why())
	if n := len(w.longest); n > 0 {
		last := &j.report.Fields[w.longest[n-1]]
		if j.sound(last) {
			j.found(last, passport.DivTargetMismatch, "dest", "")
		}
	}
}

// reached checks that the party that answered is the one called, or that diversions
// lead to it (RFC 9970).
func (j *judge) reached(f *Field, used map[int]bool) {
	called, dest := j.facts.Called, f.Token.Claims.Dest
	if called.IsZero() || names(dest, called) {
		return
	}
	w := walk{judge: j, orig: f.Token.Claims.Orig, target: dest.Equal}
	start := passport.Parties{}
	if called.TN != "" {
		start.TN = append(start.TN, called.TN)
	} else {
		start.URI = append(start.URI, called.URI)
	}
	if !w.from(start) {
		j.found(f, passport.RspDestMismatch, "dest", w.why())
		return
	}
	f.Diversions = slices.Clone(w.longest)
	for _, i := range w.longest {
		used[i] = true
	}
}

// age is RFC 8946 section 4.2 step 4: the last diversion is fresh, by its own check;
// the first PASSporT should be. One that is a little old is a finding of its own.
func (j *judge) age(f *Field) {
	if len(f.Diversions) == 0 {
		return
	}
	at := slices.IndexFunc(f.Findings, func(x passport.Finding) bool { return x.Code == passport.IatStale })
	last := j.report.Fields[f.Diversions[len(f.Diversions)-1]].Token.Claims.IssuedAt
	if at < 0 || !within(last-f.Token.Claims.IssuedAt, transferTime) {
		return
	}
	f.Findings[at] = passport.Finding{Code: passport.DivInnerStale, Claim: "iat", Detail: f.Findings[at].Detail}
}

// walk looks for a chain of sound diversions from one set of parties to a target.
type walk struct {
	judge  *judge
	orig   passport.Party
	target func(passport.Parties) bool
	// path is the chain being tried, longest the chain found or else the longest tried.
	path, longest []int
	// unsound says that a diversion would have fitted, had it been valid.
	unsound bool
	loop    bool
	deep    bool
}

func (w *walk) why() string {
	switch {
	case w.loop:
		return "the diversions run in a circle"
	case w.deep:
		return "there are more diversions than are followed"
	case w.unsound:
		return "a diversion would explain it, but is not valid"
	case len(w.longest) > 0:
		return "the diversions lead elsewhere"
	}
	return "no diversion explains it"
}

// from extends the path by every diversion that begins at one of the parties, and
// reports whether the target was reached.
func (w *walk) from(parties passport.Parties) bool {
	if len(w.path) > len(w.longest) {
		w.longest = slices.Clone(w.path)
	}
	if len(w.path) > 0 && w.target(parties) {
		w.longest = slices.Clone(w.path)
		return true
	}
	for i := range w.judge.report.Fields {
		f := &w.judge.report.Fields[i]
		if !isDiversion(f) || !names(parties, f.Token.Claims.Div.Party) || !w.fits(i, f) {
			continue
		}
		w.path = append(w.path, i)
		if w.from(f.Token.Claims.Dest) {
			return true
		}
		w.path = w.path[:len(w.path)-1]
	}
	return false
}

// fits reports whether the diversion can be the next of the path, and notes on it why
// not.
func (w *walk) fits(i int, f *Field) bool {
	j := w.judge
	switch {
	case slices.Contains(w.path, i) || w.visited(f.Token.Claims.Dest):
		w.loop = true
		if !f.Has(passport.DivLoop) {
			j.found(f, passport.DivLoop, "div", "")
		}
		return false
	case len(w.path) == maxHops:
		w.deep = true
		if !f.Has(passport.DivTooDeep) {
			j.found(f, passport.DivTooDeep, "div", "")
		}
		return false
	case !same(f.Token.Claims.Orig, w.orig):
		// RFC 8946 section 4.2 step 3: a chain with another orig in it is invalid.
		w.unsound = true
		if !f.Has(passport.DivOrigChanged) {
			j.found(f, passport.DivOrigChanged, "orig", "")
		}
		return false
	case !f.Signed || !j.sound(f):
		w.unsound = true
		return false
	}
	return true
}

// visited reports whether a diversion of the path already left one of the parties.
func (w *walk) visited(dest passport.Parties) bool {
	for _, i := range w.path {
		if names(dest, w.judge.report.Fields[i].Token.Claims.Div.Party) {
			return true
		}
	}
	return false
}
