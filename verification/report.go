package verification

import (
	"time"

	"countersign.example/passport"
	"countersign.example/rcd"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

// Result is what verification came to.
type Result uint8

// The results.
const (
	// Unsigned: there is no PASSporT that is understood.
	Unsigned Result = iota
	// Invalid: there is one, and something is wrong with it.
	Invalid
	// Unchecked: there is one that could not be checked.
	Unchecked
	// Valid: there is one, and nothing is wrong with it.
	Valid
)

// String returns the result in words.
func (r Result) String() string {
	return [...]string{"unsigned", "not valid", "could not be checked", "valid"}[r]
}

// State is how far a step came.
type State uint8

// The states of a step.
const (
	// NotRun: it was left out, because of an earlier step or because the facts for it
	// are not known.
	NotRun State = iota
	// Passed: nothing was found that is worse than bent.
	Passed
	// Failed: something fatal was found.
	Failed
	// Unproven: what it needs could not be had.
	Unproven
)

// String returns the state in words.
func (s State) String() string {
	return [...]string{"not run", "passed", "failed", "could not be checked"}[s]
}

// Outcome is what became of one step.
type Outcome struct {
	State State
	// Because is the step for whose sake it was not run: an earlier one, or the check of
	// the signature if that is no signature at all. It is 0 if the step was run or if the
	// facts for it are not known.
	Because passport.Step
}

// Field is the judgement of one Identity header field.
type Field struct {
	// Header is the field as read, as far as it could be.
	Header sipidentity.Header
	// Token is the PASSporT, nil if it could not be read. Of a compact one it is the
	// full form as rebuilt.
	Token *passport.Token
	// Result is what the field came to by itself. A diversion is valid only as part of
	// a chain.
	Result Result
	// Steps are the outcomes, by step; index 0 is not used.
	Steps [passport.Steps + 1]Outcome
	// Findings are all findings about it, those that are merely noted among them.
	Findings []passport.Finding
	// Chain is the certificate chain, nil if none was had.
	Chain *stircert.Chain
	// Coverage is how the certificate covers the party it must cover.
	Coverage stircert.Coverage
	// Signed says that the signature fits the certificate's key, whatever else is wrong.
	Signed bool
	// ThirdParty marks rich call data from somebody who does not vouch for the number.
	ThirdParty bool
	// Diversions are the indices of the diversions that lead from this PASSporT to the
	// called party, in order.
	Diversions []int
	// Nested is the index, plus one, of the field in whose opt claim this one was found.
	Nested int
	// Rcd are the rich call data that it carries. Their digests of resources elsewhere
	// are not checked here.
	Rcd rcd.Data

	// goesOn says that it was held against the call and its certificate looked at, and
	// counts that it bears on the result of the whole.
	goesOn, counts bool
}

// Domain returns the domain that the certificate binds the number to, or nothing.
func (f *Field) Domain() string {
	if f.Result != Valid || f.Chain == nil || f.Coverage != stircert.CoverNumber {
		return ""
	}
	return f.Chain.Domain
}

// Vouches reports whether the field is of a kind that speaks for the calling number:
// a priority, a diversion, a third party's data and the called side's answer do not.
func (f *Field) Vouches() bool {
	if f.Token == nil || f.ThirdParty {
		return false
	}
	switch f.Token.Header.Ppt {
	case "", passport.Shaken, passport.Rcd, passport.Msg:
		return true
	}
	return false
}

// Has reports whether the finding was made about the field.
func (f *Field) Has(c passport.Code) bool {
	for i := range f.Findings {
		if f.Findings[i].Code == c {
			return true
		}
	}
	return false
}

// Report is the judgement of all Identity header fields of a call. It is not changed
// once returned.
type Report struct {
	// Result is that of the best field.
	Result Result
	// Best is the index of the field that decided, -1 if there is none.
	Best int
	// Fields are the fields in the order received, then those nested in them.
	Fields []Field
	// Findings are those about the call as a whole.
	Findings []passport.Finding
	// Compared says whether the PASSporTs were compared with a calling and a called
	// party.
	Compared bool
	// Lab says that a certificate was fetched in lab mode, so that the result means
	// nothing outside a laboratory.
	Lab bool
	// At is the time the call was judged at, and Profile the profile it was judged by.
	At      time.Time
	Profile *sipidentity.Profile

	one [1]Field
}

// BestField returns the field that decided, or nil.
func (r *Report) BestField() *Field {
	if r.Best < 0 || r.Best >= len(r.Fields) {
		return nil
	}
	return &r.Fields[r.Best]
}

// Decisive returns the finding that stands for the field in a SIP response: the first
// fatal one in the order of RFC 8224 section 6.2, or what could not be checked if
// there is none. It is nil for a valid field.
func (r *Report) Decisive(f *Field) *passport.Finding {
	var found *passport.Finding
	best := [2]int{}
	for i := range f.Findings {
		rule := r.Profile.Rule(f.Findings[i].Code)
		if rule.Severity > sipidentity.Ignored {
			continue
		}
		rank := [2]int{int(rule.Severity), rfcRank[f.Findings[i].Code.Step()]}
		if found == nil || rank[0] < best[0] || rank[0] == best[0] && rank[1] < best[1] {
			found, best = &f.Findings[i], rank
		}
	}
	return found
}

// rfcRank is the order of RFC 8224 section 6.2, in which the identities and the
// credential come before freshness.
var rfcRank = [passport.Steps + 1]int{
	passport.StepCollect: 1, passport.StepHeader: 2, passport.StepPpt: 3, passport.StepDecode: 4,
	passport.StepProtected: 5, passport.StepCompare: 6, passport.StepCredential: 7,
	passport.StepFreshness: 8, passport.StepSignature: 9, passport.StepClaims: 10,
}

// Response returns the SIP response with which a call may be refused on account of
// the report, and the finding behind it, which is nil if only types of PASSporTs came
// that say nothing of the caller. A valid call has none (0).
func (r *Report) Response() (status int, phrase string, finding *passport.Finding) {
	if r.Result == Valid {
		return 0, "", nil
	}
	var best *Field
	for i := range r.Fields {
		f := &r.Fields[i]
		d := r.Decisive(f)
		if d == nil || r.Profile.Rule(d.Code).Status == 0 {
			continue
		}
		if best == nil || r.answersFirst(f, best) {
			best, finding = f, d
		}
	}
	if finding == nil && len(r.Findings) > 0 {
		finding = &r.Findings[0]
	}
	rule := r.Profile.Rule(passport.IdentityAbsent)
	if finding != nil {
		rule = r.Profile.Rule(finding.Code)
	} else if r.Result != Unsigned {
		return 0, "", nil
	}
	return rule.Status, rule.Phrase, finding
}

// answersFirst reports whether f decides on the response before g. RFC 8224 section
// 6.2.2: 436 only if the credentials of all fields are out of reach, and 428 only if
// nothing is understood; so any other code goes first.
func (r *Report) answersFirst(f, g *Field) bool {
	if f.counts != g.counts {
		return f.counts
	}
	v, w := weight(r.Profile.Rule(r.Decisive(f).Code).Status), weight(r.Profile.Rule(r.Decisive(g).Code).Status)
	if v != w {
		return v > w
	}
	return r.better(f, g)
}

func weight(status int) int {
	switch status {
	case 428:
		return 1
	case 436:
		return 2
	}
	return 3
}

// Verstat returns the value with which the call is marked towards the phone: what the
// field came to that decided. A PASSporT that was not compared with a calling and a
// called party says nothing of the call.
func (r *Report) Verstat() sipidentity.Verstat {
	f := r.BestField()
	switch {
	case f == nil:
		return sipidentity.NotValidated
	case r.Result != Valid:
		return r.verstat(f)
	case r.Compared:
		return sipidentity.Passed
	}
	return sipidentity.NotValidated
}

// verstat returns the value for one field that is not valid.
func (r *Report) verstat(f *Field) sipidentity.Verstat {
	if d := r.Decisive(f); d != nil {
		return r.Profile.Rule(d.Code).Verstat
	}
	return sipidentity.NotValidated
}

// Reasons returns the values of the Reason header field that tell the caller's side
// what was found about each field of a call that goes through all the same, one for
// each field that failed (RFC 9410).
func (r *Report) Reasons() []sipidentity.Reason {
	var reasons []sipidentity.Reason
	for i := range r.Fields {
		f := &r.Fields[i]
		d := r.Decisive(f)
		if d == nil || f.Nested != 0 {
			continue
		}
		rule := r.Profile.Rule(d.Code)
		if rule.Status == 0 || rule.Severity == sipidentity.Ignored {
			continue
		}
		reason := sipidentity.Reason{Cause: rule.Status, Text: rule.Phrase}
		if f.Token != nil && !malformedSignature(f) && !f.Has(passport.Base64Malformed) {
			reason.PPI = f.Token.Compact()
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

// Bent returns the rules of the standards that were broken and that the profile let
// pass, for the field that decided.
func (r *Report) Bent() []passport.Finding {
	f := r.BestField()
	if f == nil {
		return nil
	}
	var bent []passport.Finding
	for _, found := range f.Findings {
		if r.Profile.Rule(found.Code).Severity == sipidentity.Bent {
			bent = append(bent, found)
		}
	}
	return bent
}
