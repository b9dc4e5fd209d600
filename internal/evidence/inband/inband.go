// Package inband is the source of in-band evidence: the PASSporTs that came with the
// call itself.
//
// [Source.Ask] hands the call to the verification service and folds its report into
// exactly one piece of evidence: the best Identity header field decides, so that
// nobody can turn a true call red by adding a stolen PASSporT to it. The report goes
// with the evidence, for those who show it.
//
// What the evidence is worth is not decided here, but in package verdict.
package inband

import (
	"context"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/verdict"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// Source is a source of in-band evidence.
type Source struct {
	service *verification.Service
	profile *sipidentity.Profile
	now     func() time.Time
}

// New returns a source that judges by the profile; now tells the time of evidence.
func New(service *verification.Service, profile *sipidentity.Profile, now func() time.Time) *Source {
	return &Source{service, profile, now}
}

// Kind returns [call.InBand].
func (s *Source) Kind() call.Kind { return call.InBand }

// Ask judges the PASSporTs of c. Its answer is failed, not absent, if they could not
// be checked, also because ctx ended.
func (s *Source) Ask(ctx context.Context, c *call.Call) call.Evidence {
	e := call.Evidence{Kind: call.InBand, Reason: call.InBandFailed, Source: "the call's own PASSporTs"}
	report, err := s.service.VerifyAt(ctx, c.Signalling.Identity, Facts(c), c.ArrivedAt, s.profile)
	e.At = s.now()
	if err != nil {
		e.Detail = "the check was not finished: " + err.Error()
		return e
	}
	e.Report = report
	e.Reason, e.Detail = Reason(report, c.Office)
	if f := report.BestField(); f != nil && f.Chain != nil && len(f.Chain.Certificates) > 0 {
		e.Source = f.Chain.Certificates[0].Subject.String()
	}
	return e
}

// Facts returns what the verification service is to know of c.
func Facts(c *call.Call) verification.Facts {
	s := c.Signalling
	return verification.Facts{
		Calling: c.Calling, Called: c.Called, To: s.To, Date: s.Date, CallID: s.CallID,
		Fingerprints: s.Fingerprints, DisplayName: c.DisplayName,
		ResourcePriority: s.ResourcePriority, Priority: s.Priority,
	}
}

// Reason folds a report into the one reason that counts, with a sentence for an
// engineer. The office is the one whose domain a bound certificate may prove.
func Reason(r *verification.Report, office call.Office) (call.Reason, string) {
	switch {
	case r.Result == verification.Unsigned:
		return call.NoIdentity, detail(r)
	case r.Result == verification.Valid && !r.Compared:
		return call.InBandFailed, "the PASSporT is valid, but the number is withheld, so there is nothing to hold it against"
	case r.Result == verification.Valid:
		return valid(r.BestField(), office)
	case r.Result == verification.Unchecked:
		return call.InBandFailed, detail(r)
	}
	// The least damning field decides: anybody on the way can add a worse one. How much a
	// reason damns is the verdict's to say.
	reason, why := call.Reason(""), ""
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Result != verification.Invalid {
			continue
		}
		if got := invalid(r, f); reason == "" || verdict.Against(got) < verdict.Against(reason) {
			reason, why = got, r.Decisive(f).Error()
		}
	}
	if reason == "" {
		return call.PassportRefused, detail(r)
	}
	return reason, why
}

func detail(r *verification.Report) string {
	if _, _, f := r.Response(); f != nil {
		return f.Error()
	}
	return ""
}

func valid(f *verification.Field, office call.Office) (call.Reason, string) {
	if domain := f.Domain(); domain != "" && domain == office.Domain {
		return call.BoundCertificate, "the certificate binds the number to " + domain
	}
	switch f.Token.Claims.Attest {
	case passport.AttestFull:
		return call.AttestedFull, "attestation A"
	case passport.AttestPartial:
		return call.AttestedPartial, "attestation B"
	case passport.AttestGateway:
		return call.AttestedGateway, "attestation C"
	}
	if f.Coverage == stircert.CoverNumber {
		return call.NumberListed, "no attestation, the certificate lists the number"
	}
	return call.ProviderSigned, "no attestation, the certificate names the provider"
}

// invalid says which row of the weight table a field that is not valid belongs to.
func invalid(r *verification.Report, f *verification.Field) call.Reason {
	if !f.Signed {
		return call.PassportRefused
	}
	for _, found := range f.Findings {
		if r.Profile.Rule(found.Code).Severity == sipidentity.Fatal && aboutTrust(found.Code) {
			return call.CertificateRefused
		}
	}
	for _, row := range []struct {
		code   passport.Code
		reason call.Reason
	}{
		{passport.OrigMismatch, call.NumberOfAnother},
		{passport.NotCovered, call.NumberNotCovered},
		{passport.TNAuthListMissing, call.NumberNotCovered},
		{passport.DestMismatch, call.CallToAnother},
		{passport.Replayed, call.SeenBefore},
	} {
		if f.Has(row.code) {
			return row.reason
		}
	}
	return call.PassportRefused
}

// aboutTrust reports whether the finding says that the certificate itself is not to
// be believed, rather than that it does not fit the call.
func aboutTrust(c passport.Code) bool {
	switch c {
	case passport.NotCovered, passport.TNAuthListMissing,
		passport.ConstraintMustInclude, passport.ConstraintPermitted, passport.ConstraintMustExclude:
		return false
	}
	return c.Step() == passport.StepCredential
}
