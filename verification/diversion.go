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
			r.Fields[i].found(passport.DivTooDeep, "opt", "")
			continue
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
	return slices.ContainsFunc(j.report.Fields, func(f Field) bool { return isDiversion(&f) })
}

// transferred reports whether a diversion was signed no longer after the first PASSporT
// than a transfer takes.
func transferred(first, last *Field) bool {
	return within(last.Token.Claims.IssuedAt-first.Token.Claims.IssuedAt, transferTime)
}

// sound reports whether nothing fatal, or that could not be checked, has been found.
func (r *Report) sound(f *Field) bool {
	for i := range f.Findings {
		if r.Profile.Rule(f.Findings[i].Code).Severity <= sipidentity.Ignored {
			return false
		}
	}
	return true
}

// followDiversions settles, for every PASSporT that speaks for a party, whether it was
// for the called party, by itself or by a chain of diversions (RFC 8946 section 4.2).
// What is wrong with a diversion is found only when all have been followed: a chain that
// leads nowhere must not spoil one that does.
func (j *judge) followDiversions() {
	var w *web
	if j.diverted() {
		w = newWeb(j.report)
	}
	for i := range j.report.Fields {
		f := &j.report.Fields[i]
		if f.Token == nil || isDiversion(f) || f.Steps[passport.StepCompare].State == NotRun && w == nil {
			continue
		}
		switch {
		case j.answers(f):
			j.reached(f, w)
		case f.Vouches():
			j.intended(f, w)
		case f.Token.Header.Ppt == passport.Rph || f.ThirdParty:
			if f.goesOn && !j.facts.Called.IsZero() && !names(f.Token.Claims.Dest, j.facts.Called) {
				f.found(passport.DestMismatch, "dest", "")
			}
		}
	}
	if w != nil {
		w.judge()
	}
}

// intended checks that f was meant for the called party. The web is nil if no
// diversion came with the call.
func (j *judge) intended(f *Field, w *web) {
	called := j.facts.Called
	direct := called.IsZero() || names(f.Token.Claims.Dest, called)
	if w == nil {
		if !direct {
			f.found(passport.DestMismatch, "dest", "no diversion explains it")
		}
		return
	}
	w.originals = true
	if !f.goesOn {
		return
	}
	c := w.follow(f, canonicalAll(f.Token.Claims.Dest), func(dest passport.Parties) bool {
		return !called.IsZero() && dest.Has(called)
	})
	switch {
	case called.IsZero(), !direct && c.arrived:
		f.Diversions = c.path
		j.age(f)
		w.use(f)
	case !direct:
		f.found(passport.DestMismatch, "dest", c.why())
		w.astray(c.path)
	}
	// What stands only inside a diversion is worth what the diversion is worth.
	if f.Nested != 0 && !slices.Contains(f.Diversions, f.Nested-1) {
		f.found(passport.DivIncomplete, "", "the diversion that holds it is not valid or does not lead on from it")
	}
}

// reached checks that the party that answered is the one called, or that diversions
// lead to it (RFC 9970).
func (j *judge) reached(f *Field, w *web) {
	if w != nil {
		w.originals = true
	}
	called, dest := j.facts.Called, f.Token.Claims.Dest
	if called.IsZero() || names(dest, called) || !f.goesOn {
		return
	}
	if w == nil {
		f.found(passport.RspDestMismatch, "dest", "no diversion explains it")
		return
	}
	from := passport.Parties{URI: []string{called.URI}}
	if called.TN != "" {
		from = passport.Parties{TN: append(from.TN, called.TN)}
	}
	c := w.follow(f, from, canonicalAll(dest).Equal)
	if !c.arrived {
		f.found(passport.RspDestMismatch, "dest", c.why())
		w.astray(c.path)
		return
	}
	f.Diversions = c.path
	w.use(f)
}

// age is RFC 8946 section 4.2 step 4: the last diversion is fresh, by its own check;
// the first PASSporT should be. One that is a little old is a finding of its own.
func (j *judge) age(f *Field) {
	if len(f.Diversions) == 0 {
		return
	}
	at := slices.IndexFunc(f.Findings, func(x passport.Finding) bool { return x.Code == passport.IatStale })
	if at < 0 || !transferred(f, &j.report.Fields[f.Diversions[len(f.Diversions)-1]]) {
		return
	}
	f.Findings[at] = passport.Finding{Code: passport.DivInnerStale, Claim: "iat", Detail: f.Findings[at].Detail}
}
