package verification

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"slices"
	"strings"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// verify does the steps that need the certificate: credential and signature. The error
// is that of the context.
func (j *judge) verify(ctx context.Context, f *Field) error {
	if !f.goesOn {
		return ctx.Err()
	}
	if malformedSignature(f) {
		// No key fits it, so no certificate is asked for.
		f.ran(passport.StepSignature)
		return nil
	}
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
	if !j.signatureFits(key, f.Token) {
		f.found(passport.SignatureInvalid, "", signatureHint(f))
		return nil
	}
	f.Signed = true
	return nil
}

// goesOn reports whether a field came so far that it is held against the call, and
// its certificate fetched.
func (j *judge) goesOn(f *Field) bool {
	if f.Token == nil {
		return false
	}
	// A first PASSporT that is merely old may still begin a chain of diversions.
	return j.stops(f, passport.StepCompare) == 0 || j.onlyStale(f)
}

// onlyStale reports whether nothing worse than its age is wrong with the field, and
// there is a diversion in the call, fresh itself, that may explain the age.
func (j *judge) onlyStale(f *Field) bool {
	if !f.Has(passport.IatStale) || !f.Vouches() || f.Header.Compact() {
		return false
	}
	for i := range f.Findings {
		c := f.Findings[i].Code
		if c != passport.IatStale && j.report.Profile.Rule(c).Severity <= sipidentity.Ignored && c.Step() < passport.StepCompare {
			return false
		}
	}
	for i := range j.report.Fields {
		d := &j.report.Fields[i]
		if isDiversion(d) && j.stops(d, passport.StepCompare) == 0 && transferred(f, d) {
			return true
		}
	}
	return false
}

func malformedSignature(f *Field) bool {
	return f.Has(passport.SignatureLength) || f.Has(passport.SignatureIsDER)
}

func signatureHint(f *Field) string {
	if f.Header.Compact() {
		return "it was compact, so any change of From, To or Date on the way breaks it; the sender may try the full form"
	}
	return ""
}

func (j *judge) signatureFits(key *ecdsa.PublicKey, t *passport.Token) bool {
	digest := t.Digest()
	if j.service.Signature == nil {
		return passport.VerifySignature(key, &digest, &t.Signature)
	}
	// What goes to a stranger's code goes to the heap, so it gets a copy.
	own := digest
	return j.service.Signature.Verify(key, &own, &t.Signature)
}

// checkCredential is RFC 8224 section 6.2 step 3, with the rules of RFC 8226, 9060
// and 9118 for the certificate.
func (j *judge) checkCredential(ctx context.Context, f *Field) error {
	f.ran(passport.StepCredential)
	if j.service.Certificates == nil {
		f.found(passport.CertificateUnavailable, "x5u", "nowhere to fetch it from")
		return ctx.Err()
	}
	chain, err := j.chainAt(ctx, f.Token.Header.X5U)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := err.(*passport.Finding); !ok {
			err = passport.Found(passport.CertificateUnavailable, "x5u", err.Error())
		}
		f.noted(err)
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
	c := &f.Token.Claims
	switch f.Token.Header.Ppt {
	case passport.Rph:
	case passport.Div, passport.DivO:
		f.Coverage = j.covers(f, c.Div.Party, "div")
	case passport.Rsp:
		j.coversAll(f, c.Dest)
	default:
		if !f.ThirdParty {
			f.Coverage = j.covers(f, c.Orig, "orig")
		}
	}
}

// coversAll asks that every party of dest is covered: any of them may be the one that
// the call is taken to have reached.
func (j *judge) coversAll(f *Field, dest passport.Parties) {
	f.Coverage = stircert.CoverNumber
	for i := range len(dest.TN) + len(dest.URI) {
		p := passport.Party{}
		if i < len(dest.TN) {
			p.TN = dest.TN[i]
		} else {
			p.URI = dest.URI[i-len(dest.TN)]
		}
		f.Coverage = min(f.Coverage, j.covers(f, p, "dest"))
		if f.Coverage == stircert.CoverNone {
			return
		}
	}
}

// covers says how the certificate covers a party, and finds fault if it does not.
func (j *judge) covers(f *Field, p passport.Party, claim string) stircert.Coverage {
	if p.TN != "" {
		return j.coversNumber(f, p.TN, claim)
	}
	if domainCovered(f.Chain, p.URI) {
		return stircert.CoverNumber
	}
	f.found(passport.NotCovered, claim, "the certificate is not one of the domain")
	return stircert.CoverNone
}

func (j *judge) coversNumber(f *Field, n tn.Number, claim string) stircert.Coverage {
	coverage := f.Chain.Covers(n)
	switch coverage {
	case stircert.CoverNumber:
	case stircert.CoverSPC:
		if !f.Has(passport.AuthorityBySPC) {
			f.found(passport.AuthorityBySPC, claim, "")
		}
	default:
		if !unlisted(f) {
			f.found(passport.NotCovered, claim, n.Masked())
		}
	}
	return coverage
}

// unlisted reports whether it has been said already that the signer's own certificate,
// whatever is wrong with those above it, has no list of numbers that could be read.
func unlisted(f *Field) bool {
	return slices.ContainsFunc(f.Findings, func(x passport.Finding) bool {
		switch x.Code {
		case passport.TNAuthListMissing, passport.TNAuthListMalformed, passport.TNAuthListUnavailable:
			return x.Claim == "certificate 1"
		}
		return false
	})
}

// domainCovered reports whether the leaf certificate is one of the URI's domain (RFC
// 8224 section 8.2; RFC 5922 section 7.2, without wildcards and without names in the
// subject).
func domainCovered(chain *stircert.Chain, uri string) bool {
	_, host, ok := strings.Cut(canonical(passport.Party{URI: uri}).URI, "@")
	if !ok || len(chain.Certificates) == 0 {
		return false
	}
	leaf := chain.Certificates[0]
	for _, name := range leaf.DNSNames {
		if strings.EqualFold(name, host) {
			return true
		}
	}
	for _, u := range leaf.URIs {
		if u.Scheme == "sip" && strings.EqualFold(u.Opaque, host) {
			return true
		}
	}
	return false
}

// ownName reports whether an issuer's name (RFC 9795 section 10) is one of those that
// the certificate has for its subject.
func ownName(issuer string, leaf *x509.Certificate) bool {
	s := &leaf.Subject
	for _, name := range append([]string{s.CommonName, s.String()}, s.Organization...) {
		if name != "" && strings.EqualFold(strings.TrimSpace(issuer), name) {
			return true
		}
	}
	return false
}
