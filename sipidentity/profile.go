package sipidentity

import (
	"time"

	"countersign.example/passport"
)

// Severity is what a finding means under a profile.
type Severity uint8

// The severities.
const (
	// Fatal: the PASSporT is not valid.
	Fatal Severity = iota
	// Unproven: the PASSporT could not be checked, which is neither good nor bad.
	Unproven
	// Ignored: the PASSporT counts as if it were not there.
	Ignored
	// Bent: a rule of the standards is broken, and the profile lets it pass. Reports
	// name it.
	Bent
	// Noted: nothing is broken.
	Noted
)

// String returns the severity in a word.
func (s Severity) String() string {
	return [...]string{"fatal", "could not be checked", "ignored", "bent", "noted"}[s]
}

// Rule is what a profile makes of one code.
type Rule struct {
	// Severity is what the finding means.
	Severity Severity
	// Status and Phrase are the SIP response for it, 0 if there is none.
	Status int
	Phrase string
	// Verstat is what a call with it is marked with.
	Verstat Verstat
}

// Profile is a reading of the standards, as data: for each finding what it means, and
// which SIP response and verstat value go with it. Profiles are read-only.
type Profile struct {
	name, about string
	// window is how far iat may be from now, either way.
	window time.Duration
	rules  [passport.Codes]Rule
}

// Name returns the profile's name.
func (p *Profile) Name() string { return p.name }

// About says in a sentence when to use the profile.
func (p *Profile) About() string { return p.about }

// Window is how far the time of signing may lie from now, either way (RFC 8224
// section 6.2 step 4).
func (p *Profile) Window() time.Duration { return p.window }

// Rule returns what the profile makes of a code.
func (p *Profile) Rule(c passport.Code) Rule {
	if int(c) >= len(p.rules) {
		return Rule{Severity: Fatal, Status: 438, Phrase: "Invalid Identity Header", Verstat: NotValidated}
	}
	return p.rules[c]
}

// The names of the profiles.
const (
	NameRFC8224 = "rfc8224"
	NameATIS    = "atis-1000074"
	NameLenient = "lenient"
)

// The profiles are made once from the table below and never change.
var (
	rfc8224 = newProfile(NameRFC8224, "the RFCs, to the letter", rfcRules)
	atis    = newProfile(NameATIS, "SHAKEN as North American networks run it", atisRules)
	lenient = newProfile(NameLenient, "for PASSporTs and certificates of the wild: what is harmless is bent, and named", lenientRules)
)

// RFC8224 is the profile that follows the RFCs to the letter.
func RFC8224() *Profile { return rfc8224 }

// ATIS1000074 is the profile of SHAKEN as North American networks run it.
func ATIS1000074() *Profile { return atis }

// Lenient is the profile that lets harmless faults pass, and names each.
func Lenient() *Profile { return lenient }

// Profiles returns all profiles.
func Profiles() []*Profile { return []*Profile{rfc8224, atis, lenient} }

// ProfileNamed returns the profile of that name.
func ProfileNamed(name string) (*Profile, bool) {
	for _, p := range Profiles() {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

type response struct {
	status int
	phrase string
}

// The responses of RFC 8224 section 6.2.2.
var (
	useIdentity  = response{428, "Use Identity Header"}
	useSupported = response{428, "Use Supported PASSporT Format"}
	badInfo      = response{436, "Bad Identity Info"}
	unsupported  = response{437, "Unsupported Credential"}
	invalid      = response{438, "Invalid Identity Header"}
	invalidPass  = response{438, "Invalid PASSporT"}
	staleDate    = response{403, "Stale Date"}
	noResponse   = response{}
)

// freshness is the window of RFC 8224 section 6.2 step 4.
const freshness = 60 * time.Second

// responses says which response goes with a code, where it is not that of its step.
var responses = map[passport.Code]response{
	passport.IdentityAbsent:         useIdentity,
	passport.PptUnsupported:         useSupported,
	passport.PptMisplaced:           useSupported,
	passport.TooManyFields:          noResponse,
	passport.InfoMissing:            badInfo,
	passport.InfoMalformed:          badInfo,
	passport.X5uMismatch:            badInfo,
	passport.ClaimMissing:           invalidPass,
	passport.MemberMissing:          invalidPass,
	passport.AlgUnsupported:         unsupported,
	passport.AlgMismatch:            unsupported,
	passport.IatStale:               staleDate,
	passport.DateStale:              staleDate,
	passport.ReplayUnchecked:        noResponse,
	passport.CertificateUnavailable: badInfo,
	passport.CertificateMalformed:   badInfo,
	passport.TNAuthListUnavailable:  badInfo,
	passport.ConstraintMustInclude:  invalid,
	passport.ConstraintPermitted:    invalid,
	passport.ConstraintMustExclude:  invalid,
	passport.DivInnerStale:          staleDate,
	passport.RevocationUnchecked:    unsupported,
	passport.ContainmentUnproven:    noResponse,
	passport.AuthorityBySPC:         noResponse,
	passport.NotCompared:            noResponse,
	passport.NotCanonicalJSON:       noResponse,
	passport.DateMismatch:           noResponse,
	passport.ConstraintsBoth:        noResponse,
	passport.ConstraintsIgnored:     noResponse,
	passport.ProfileViolated:        noResponse,
	passport.RcdInvalid:             noResponse,
	passport.RcdItemUnusable:        noResponse,
	passport.RcdThirdParty:          noResponse,
	passport.RcdDigestCompat:        noResponse,
	passport.OrigidNotUUID:          noResponse,
	passport.MsgiIgnored:            noResponse,
	passport.MkyMissing:             noResponse,
	passport.CRLRefused:             noResponse,
	passport.DomainUnbound:          noResponse,
	passport.SCTMissing:             noResponse,
	passport.SCTInvalid:             noResponse,
	passport.SCTLogUnknown:          noResponse,
	passport.SCTFromFuture:          noResponse,
}

// failed are the codes, beyond those of the certificate and the signature, that are
// no failed validation although their step is, and the reverse (ATIS-1000082: only a
// certificate that is not to be trusted and a wrong signature are).
func failed(c passport.Code) bool {
	switch c {
	case passport.CertificateUnavailable, passport.CertificateMalformed, passport.TNAuthListUnavailable,
		passport.RevocationUnchecked,
		passport.ConstraintMustInclude, passport.ConstraintPermitted, passport.ConstraintMustExclude:
		return false
	}
	return c.Step() == passport.StepCredential || c.Step() == passport.StepSignature
}

// newProfile starts from the gravity of each code and applies what differs.
func newProfile(name, about string, differs map[passport.Code]Rule) *Profile {
	p := &Profile{name: name, about: about, window: freshness}
	for i := range p.rules {
		c := passport.Code(i)
		r := Rule{Severity: severityOf(c.Gravity()), Status: invalid.status, Phrase: invalid.phrase, Verstat: NotValidated}
		if c.Step() == passport.StepCredential {
			r.Status, r.Phrase = unsupported.status, unsupported.phrase
		}
		if special, ok := responses[c]; ok {
			r.Status, r.Phrase = special.status, special.phrase
		}
		if failed(c) {
			r.Verstat = Failed
		}
		if d, ok := differs[c]; ok {
			r.Severity = d.Severity
			if d.Status != 0 {
				r.Status, r.Phrase = d.Status, d.Phrase
			}
		}
		p.rules[c] = r
	}
	return p
}

func severityOf(g passport.Gravity) Severity {
	switch g {
	case passport.Unchecked:
		return Unproven
	case passport.Ignored:
		return Ignored
	case passport.Note:
		return Noted
	}
	return Fatal
}

// rfcRules: the certificate policies are ATIS's business.
var rfcRules = map[passport.Code]Rule{
	passport.PolicyMissing: {Severity: Noted},
}

// atisRules: the API that networks put before a verification service has no code for
// a PASSporT header without its members but 436, and counts typ among the credential.
var atisRules = map[passport.Code]Rule{
	passport.MemberMissing: {Severity: Fatal, Status: badInfo.status, Phrase: badInfo.phrase},
	passport.TypWrong:      {Severity: Fatal, Status: unsupported.status, Phrase: unsupported.phrase},
	passport.PptOmitted:    {Severity: Bent},
}

// lenientRules names all that is bent. What crypto/x509 refuses to parse, a bad
// signature, repeated members, an unknown trust anchor and a number that is not
// covered are never among them.
var lenientRules = map[passport.Code]Rule{
	passport.IatIsText:           {Severity: Bent},
	passport.DestIsText:          {Severity: Bent},
	passport.NumberNotCanonical:  {Severity: Bent},
	passport.PptOmitted:          {Severity: Bent},
	passport.CriticalExtension:   {Severity: Bent},
	passport.RangeAtEdge:         {Severity: Bent},
	passport.ChainOrder:          {Severity: Bent},
	passport.ChainBroken:         {Severity: Bent},
	passport.KeyUsageWrong:       {Severity: Bent},
	passport.PolicyMissing:       {Severity: Bent},
	passport.RevocationUnchecked: {Severity: Bent},
	passport.ReplayUnchecked:     {Severity: Bent},
	passport.OrigidNotUUID:       {Severity: Bent},
	passport.NotCanonicalJSON:    {Severity: Bent},
	passport.DateStale:           {Severity: Bent},
	passport.DivInnerStale:       {Severity: Bent},
	passport.RcdDigestCompat:     {Severity: Bent},
}
