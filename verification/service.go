package verification

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// MaxFields is how many Identity header fields of one call are looked at, those
// nested in diversions among them. The others are named in the report.
const MaxFields = 16

// Service is a verification service. Its fields are set before it is used and not
// changed after; the zero Service can check everything but certificates.
type Service struct {
	// Certificates finds the chains. With nil every certificate is out of reach.
	Certificates Certificates
	// Key, if not nil, is the key that every PASSporT is checked against. No certificate
	// is then looked at, and nothing is said of the right to a number.
	Key *ecdsa.PublicKey
	// Memory tells a replay. With nil replays are not looked for.
	Memory Memory
	// Signature is the bare check of a signature; nil is that of crypto/ecdsa.
	Signature Signature
}

// VerifyAt judges the Identity header fields of one call, given as header field
// values without the name, in the order received. The time is that of the call's
// arrival. A nil profile is RFC8224.
//
// The error is only our own fault: the context's, if it ended before the judgement
// was made. What is wrong with the call stands in the report.
func (s *Service) VerifyAt(ctx context.Context, fields []string, facts Facts, at time.Time, profile *sipidentity.Profile) (*Report, error) {
	if profile == nil {
		profile = sipidentity.RFC8224()
	}
	r := &Report{At: at, Profile: profile, Best: -1, Compared: !facts.Calling.IsZero() && !facts.Called.IsZero()}
	if len(fields) == 0 {
		r.Findings = append(r.Findings, passport.Finding{Code: passport.IdentityAbsent})
		return r, nil
	}
	if len(fields) == 1 {
		r.Fields = r.one[:0]
	} else {
		r.Fields = make([]Field, 0, min(len(fields), MaxFields))
	}
	j := judge{service: s, report: r, facts: facts}
	// RFC 8224 section 6.2: every field is looked at, never only the first.
	for i, value := range fields {
		if i == MaxFields {
			r.Findings = append(r.Findings, passport.Finding{Code: passport.TooManyFields})
			break
		}
		r.Fields = append(r.Fields, Field{})
		j.read(len(r.Fields)-1, value)
	}
	j.unfold()
	for i := range r.Fields {
		if f := &r.Fields[i]; j.goesOn(f) {
			f.goesOn = true
			j.compare(f)
		}
	}
	j.fetch(ctx)
	for i := range r.Fields {
		if err := j.verify(ctx, &r.Fields[i]); err != nil {
			return nil, err
		}
	}
	j.followDiversions()
	if err := j.finish(ctx); err != nil {
		return nil, err
	}
	j.conclude()
	return r, nil
}

// judge is one judgement under way.
type judge struct {
	service *Service
	report  *Report
	facts   Facts
	// chains are those that were asked for together, by URL; nil if there was no need.
	chains map[string]answer
}

// found adds a finding about a field.
func (f *Field) found(code passport.Code, claim, detail string) {
	f.Findings = append(f.Findings, passport.Finding{Code: code, Claim: claim, Detail: detail})
}

// noted adds a finding given as an error.
func (f *Field) noted(err error) {
	if finding, ok := err.(*passport.Finding); ok && finding != nil {
		f.Findings = append(f.Findings, *finding)
	}
}

// stops returns the first step before limit in which something was found that keeps
// the later ones from being run, 0 if there is none. A PASSporT that does not fit the
// call is checked to the end: a right signature for another number says the most.
func (j *judge) stops(f *Field, limit passport.Step) passport.Step {
	first := passport.Step(0)
	for i := range f.Findings {
		c := f.Findings[i].Code
		if j.report.Profile.Rule(c).Severity > sipidentity.Ignored || c.Step() >= limit || c.Step() == passport.StepCompare || c == passport.ReplayUnchecked {
			continue
		}
		if first == 0 || c.Step() < first {
			first = c.Step()
		}
	}
	return first
}

// distinct leaves out what was found before of the same claim: a list of a thousand
// faulty numbers is one thing to say. It works in place.
func distinct(findings []passport.Finding) []passport.Finding {
	kept := findings[:0]
	for _, f := range findings {
		f.Claim = brief(f.Claim)
		if !slices.ContainsFunc(kept, func(k passport.Finding) bool { return k.Code == f.Code && k.Claim == f.Claim }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// brief cuts a stranger's text to what a report has room for.
func brief(s string) string {
	const most = 32
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// ran marks a step as run. Whether it passed is settled when all findings are known.
func (f *Field) ran(steps ...passport.Step) {
	for _, s := range steps {
		f.Steps[s] = Outcome{State: Passed}
	}
}

// read does the steps that need neither a certificate nor a comparison: header field,
// type, decoding, protected header and freshness.
func (j *judge) read(i int, value string) {
	f := &j.report.Fields[i]
	f.ran(passport.StepCollect)
	h, err := sipidentity.Parse(value)
	f.Header = h
	// RFC 8224 section 6.2 step 1: a type that is not supported is passed over, even
	// if the rest of the field can not be read.
	known := passport.Known(h.Ppt)
	if err == nil || known && !errors.Is(err, passport.FieldTooLong) {
		f.ran(passport.StepHeader)
	}
	if !known {
		f.ran(passport.StepPpt)
		f.found(passport.PptUnsupported, "ppt", brief(h.Ppt))
		return
	}
	if err != nil {
		f.noted(err)
		return
	}
	text := h.Passport
	if h.Compact() {
		f.ran(passport.StepPpt, passport.StepDecode)
		if text, err = j.rebuild(h); err != nil {
			f.noted(err)
			return
		}
	}
	j.decode(f, text)
}

func (j *judge) decode(f *Field, text string) {
	token, findings := passport.Examine(text)
	f.Token = token
	f.ran(passport.StepPpt, passport.StepDecode)
	if token == nil {
		f.Findings = distinct(findings)
		return
	}
	if ppt := token.Header.Ppt; !passport.Known(ppt) {
		// What an unknown type demands of its claims is not known either.
		f.found(passport.PptUnsupported, "ppt", brief(ppt))
		return
	}
	// RFC 9970: an rsp PASSporT in a request must be ignored.
	if token.Header.Ppt == passport.Rsp && !j.facts.Response {
		f.found(passport.PptMisplaced, "ppt", "")
		return
	}
	f.Findings = distinct(findings)
	// RFC 9795 section 10: who names the issuer signs for somebody else's number.
	_, issuer := token.Claims.Raw("iss")
	f.ThirdParty = issuer && token.Header.Ppt == passport.Rcd
	j.compareHeaders(f)
	if j.stops(f, passport.StepFreshness) == 0 {
		j.checkFreshness(f)
	}
}

// compareHeaders holds the header field's parameters against the PASSporT's header.
func (j *judge) compareHeaders(f *Field) {
	f.ran(passport.StepProtected)
	if f.Nested == 0 {
		f.Findings = append(f.Findings, f.Header.Mismatches(f.Token.Header)...)
	}
}

// checkFreshness is RFC 8224 section 6.2 step 4. The time of signing decides, and the
// Date header field is only noted (section 12.1 and 6.2 pull in different directions;
// a replay memory is what makes this safe).
func (j *judge) checkFreshness(f *Field) {
	f.ran(passport.StepFreshness)
	window := j.report.Profile.Window()
	iat := f.Token.Claims.IssuedAt
	age := j.report.At.Unix() - iat
	if !within(age, window) {
		f.found(passport.IatStale, "iat", staleness(age))
	}
	if date := j.facts.Date; !date.IsZero() {
		if !within(j.report.At.Unix()-date.Unix(), window) {
			f.found(passport.DateStale, "Date", staleness(j.report.At.Unix()-date.Unix()))
		}
		if date.Unix() != iat {
			f.found(passport.DateMismatch, "Date", "")
		}
	}
}

func within(age int64, window time.Duration) bool {
	limit := int64(window / time.Second)
	return age <= limit && age >= -limit
}

func staleness(age int64) string {
	d := time.Duration(age) * time.Second
	if d < 0 {
		return (-d).String() + " ahead of the call"
	}
	return d.String() + " before the call"
}

// rebuild makes the full form of a compact PASSporT from the signalling (RFC 8224
// section 4.1 and 6.2.3; RFC 9795 section 8).
func (j *judge) rebuild(h sipidentity.Header) (string, error) {
	claims := passport.Claims{Orig: j.facts.Calling, IssuedAt: j.facts.Date.Unix()}
	called := j.facts.To
	if called.IsZero() {
		called = j.facts.Called
	}
	switch h.Ppt {
	case "", passport.Rsp:
	case passport.Rcd:
		claims.More = nameClaim(j.facts.DisplayName)
	default:
		return "", passport.Found(passport.CompactNotAllowed, "ppt", h.Ppt)
	}
	switch {
	case j.facts.Date.IsZero():
		return "", passport.Found(passport.CompactIncomplete, "Date", "")
	case claims.Orig.IsZero() || called.IsZero():
		return "", passport.Found(passport.CompactIncomplete, "From and To", "")
	}
	if called.TN != "" {
		claims.Dest.TN = append(claims.Dest.TN, called.TN)
	} else {
		claims.Dest.URI = append(claims.Dest.URI, called.URI)
	}
	if len(j.facts.Fingerprints) > 0 {
		claims.Mky = passport.Fingerprints(j.facts.Fingerprints)
	}
	return passport.Assemble(h.Passport, passport.Header{X5U: h.Info, Ppt: h.Ppt}, claims)
}

// conclude settles every field's steps and result, and the result of the whole.
func (j *judge) conclude() {
	r := j.report
	for i := range r.Fields {
		f := &r.Fields[i]
		j.settle(f)
		f.counts = j.counts(f)
		r.Lab = r.Lab || f.Chain != nil && f.Chain.Lab
	}
	for i := range r.Fields {
		// One good field beats any number of bad ones (RFC 8224 section 6.2.1).
		if f := &r.Fields[i]; f.counts && (r.Best < 0 || r.better(f, &r.Fields[r.Best])) {
			r.Best, r.Result = i, f.Result
		}
	}
	if r.Result == Unsigned {
		r.Best = -1
	}
	j.thirdParties()
}

// counts reports whether the field bears on the result of the whole: one that speaks
// for the calling number, or that was meant to and can not be read or followed.
func (j *judge) counts(f *Field) bool {
	broken := (f.Token == nil || isDiversion(f)) && f.Result != Valid && f.Result != Unsigned
	return broken || f.Vouches() || j.answers(f)
}

// answers reports whether f speaks for the called side in a response.
func (j *judge) answers(f *Field) bool {
	return j.facts.Response && f.Token != nil && f.Token.Header.Ppt == passport.Rsp
}

// settle gives the field its result, and each of its steps an outcome.
func (j *judge) settle(f *Field) {
	f.Result = Valid
	for i := range f.Findings {
		c := f.Findings[i].Code
		switch j.report.Profile.Rule(c).Severity {
		case sipidentity.Fatal:
			f.Steps[c.Step()].State = Failed
			if f.Result != Unsigned {
				f.Result = Invalid
			}
		case sipidentity.Unproven:
			if f.Steps[c.Step()].State != Failed {
				f.Steps[c.Step()].State = Unproven
			}
			if f.Result == Valid {
				f.Result = Unchecked
			}
		case sipidentity.Ignored:
			f.Steps[c.Step()].State = Failed
			f.Result = Unsigned
		}
	}
	// What was left out was left out for the sake of the first step that stopped.
	for s := passport.StepCollect; int(s) <= passport.Steps; s++ {
		if f.Steps[s].State != NotRun {
			continue
		}
		f.Steps[s].Because = j.stops(f, s)
		if s == passport.StepCredential && f.goesOn && malformedSignature(f) {
			f.Steps[s].Because = passport.StepSignature
		}
	}
}
