package verification

import (
	"context"
	"crypto/ecdsa"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// verify does the steps that need the call and the certificate: comparison,
// credential, signature. The error is that of the context.
func (j *judge) verify(ctx context.Context, f *Field) error {
	if f.Token == nil || j.stops(f, passport.StepCompare) != 0 {
		// A first PASSporT that is merely old may still begin a chain of diversions.
		if f.Token == nil || !j.onlyStale(f) {
			return ctx.Err()
		}
	}
	j.compare(f)
	key := j.service.Key
	if key == nil {
		if err := j.checkCredential(ctx, f); err != nil {
			return err
		}
		if f.Chain == nil || f.Chain.Key == nil {
			return nil
		}
		key = f.Chain.Key
	}
	f.ran(passport.StepSignature)
	if f.Has(passport.SignatureLength) || f.Has(passport.SignatureIsDER) {
		return nil
	}
	digest := f.Token.Digest()
	if !j.signatureFits(key, &digest, &f.Token.Signature) {
		j.found(f, passport.SignatureInvalid, "", signatureHint(f))
		return nil
	}
	f.Signed = true
	return nil
}

// onlyStale reports whether nothing worse than its age is wrong with the field, and
// there are diversions in the call that may explain the age.
func (j *judge) onlyStale(f *Field) bool {
	if !j.diverted() || !f.Vouches() || f.Header.Compact() {
		return false
	}
	for i := range f.Findings {
		c := f.Findings[i].Code
		if c != passport.IatStale && j.report.Profile.Rule(c).Severity <= sipidentity.Ignored && c.Step() < passport.StepCompare {
			return false
		}
	}
	return f.Has(passport.IatStale)
}

func signatureHint(f *Field) string {
	if f.Header.Compact() {
		return "it was compact, so any change of From, To or Date on the way breaks it; the sender may try the full form"
	}
	return ""
}

func (j *judge) signatureFits(key *ecdsa.PublicKey, digest *[32]byte, signature *[64]byte) bool {
	if j.service.Signature != nil {
		return j.service.Signature.Verify(key, digest, signature)
	}
	return passport.VerifySignature(key, digest, signature)
}

// checkCredential is RFC 8224 section 6.2 step 3, with the rules of RFC 8226, 9060
// and 9118 for the certificate.
func (j *judge) checkCredential(ctx context.Context, f *Field) error {
	f.ran(passport.StepCredential)
	if j.service.Certificates == nil {
		j.found(f, passport.CertificateUnavailable, "x5u", "nowhere to fetch it from")
		return ctx.Err()
	}
	chain, err := j.service.Certificates.Chain(ctx, f.Token.Header.X5U, j.report.At)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := err.(*passport.Finding); !ok {
			err = passport.Found(passport.CertificateUnavailable, "x5u", err.Error())
		}
		j.noted(f, err)
		return nil
	}
	f.Chain = chain
	f.Findings = append(f.Findings, chain.Findings...)
	f.Findings = append(f.Findings, chain.At(j.report.At, f.Token.IssuedAt())...)
	j.checkCoverage(f)
	for i := range chain.Constraints {
		f.Findings = append(f.Findings, chain.Constraints[i].Check(f.Token)...)
	}
	return nil
}

// checkCoverage holds the certificate to the party that it must cover: the calling
// one, the one diverted from (RFC 8946), or the one called (RFC 9970). A namespace of
// priorities (RFC 8443) and a third party's data (RFC 9795) are no matter of numbers.
func (j *judge) checkCoverage(f *Field) {
	party, claim := f.Token.Claims.Orig, "orig"
	switch f.Token.Header.Ppt {
	case passport.Rph:
		return
	case passport.Rcd:
		if _, third := f.Token.Claims.Raw("iss"); third {
			f.ThirdParty = true
			return
		}
	case passport.Div, passport.DivO:
		party, claim = f.Token.Claims.Div.Party, "div"
	case passport.Rsp:
		claim = "dest"
		party = passport.Party{}
		if d := f.Token.Claims.Dest; len(d.TN) > 0 {
			party.TN = d.TN[0]
		} else if len(d.URI) > 0 {
			party.URI = d.URI[0]
		}
	}
	if party.TN == "" {
		j.coversDomain(f, party.URI, claim)
		return
	}
	j.coversNumber(f, party.TN, claim)
}

func (j *judge) coversNumber(f *Field, n tn.Number, claim string) {
	f.Coverage = f.Chain.Covers(n)
	switch f.Coverage {
	case stircert.CoverNumber:
	case stircert.CoverSPC:
		j.found(f, passport.AuthorityBySPC, claim, "")
	default:
		if !f.Has(passport.TNAuthListMissing) && !f.Has(passport.TNAuthListMalformed) && !f.Has(passport.TNAuthListUnavailable) {
			j.found(f, passport.NotCovered, claim, n.Masked())
		}
	}
}

// coversDomain is RFC 8224 section 8.2 for a party that is a URI: the certificate
// must be one of the domain (RFC 5922 section 7.2, without wildcards).
func (j *judge) coversDomain(f *Field, uri, claim string) {
	if domainCovered(f.Chain, uri) {
		f.Coverage = stircert.CoverNumber
		return
	}
	j.found(f, passport.NotCovered, claim, "the certificate is not one of the domain")
}
