package sipidentity

import (
	"slices"
	"testing"
	"time"

	"countersign.example/passport"
)

// fatalEverywhere are the codes that no profile may bend.
var fatalEverywhere = []passport.Code{
	passport.FieldTooLong, passport.HeaderSyntax, passport.DigestMalformed, passport.InfoMissing, passport.InfoMalformed, passport.ParameterRepeated,
	passport.Base64Malformed, passport.JSONMalformed, passport.JSONTooLarge, passport.MemberRepeated,
	passport.ClaimMissing, passport.ClaimType, passport.ClaimValue, passport.OrigNotOne, passport.DestEmpty,
	passport.CompactNotAllowed, passport.CompactIncomplete,
	passport.MemberMissing, passport.MemberType, passport.TypWrong, passport.AlgUnsupported, passport.AlgMismatch,
	passport.X5uMismatch, passport.PptMismatch, passport.CritUnsupported,
	passport.IatStale, passport.Replayed, passport.OrigMismatch, passport.DestMismatch, passport.MkyMismatch,
	passport.CertificateUntrusted, passport.CertificateExpired, passport.CertificateNotYetValid, passport.CertificateInvalidAtIat,
	passport.CertificateRevoked, passport.KeyUnsupported, passport.SignedByCA,
	passport.TNAuthListMissing, passport.TNAuthListMalformed, passport.NotCovered, passport.DelegationExceeds,
	passport.ConstraintsMalformed, passport.ConstraintMustInclude, passport.ConstraintPermitted, passport.ConstraintMustExclude,
	passport.SignatureLength, passport.SignatureIsDER, passport.SignatureInvalid,
	passport.AttestWrong, passport.DivBroken, passport.DivIncomplete, passport.DivOrigChanged, passport.DivTargetMismatch,
	passport.DivLoop, passport.DivTooDeep, passport.DivHoldsOpt, passport.OptInvalid,
	passport.RphMismatch, passport.SphWrong, passport.MsgiMismatch, passport.RspDestMismatch,
}

func codes(which func(passport.Code) bool) []passport.Code {
	var out []passport.Code
	for i := 1; i < passport.Codes; i++ {
		if which(passport.Code(i)) {
			out = append(out, passport.Code(i))
		}
	}
	return out
}

func named(list []passport.Code) (names []string) {
	for _, c := range list {
		names = append(names, c.String())
	}
	slices.Sort(names)
	return names
}

func TestTheCodesThatAreFatalInEveryProfileArePinned(t *testing.T) {
	got := named(codes(func(c passport.Code) bool {
		return !slices.ContainsFunc(Profiles(), func(p *Profile) bool { return p.Rule(c).Severity != Fatal })
	}))
	want := named(fatalEverywhere)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("a profile bends %s", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s is fatal in every profile, and not pinned", name)
		}
	}
}

// What some profile lets pass and another does not, or lets pass under another name.
func TestTheProfilesDifferByThisTable(t *testing.T) {
	type row struct{ rfc, atis, lenient Severity }
	want := map[passport.Code]row{
		passport.IatIsText:           {Fatal, Fatal, Bent},
		passport.DestIsText:          {Fatal, Fatal, Bent},
		passport.NumberNotCanonical:  {Fatal, Fatal, Bent},
		passport.PptOmitted:          {Fatal, Bent, Bent},
		passport.CriticalExtension:   {Fatal, Fatal, Bent},
		passport.RangeAtEdge:         {Fatal, Fatal, Bent},
		passport.ChainOrder:          {Fatal, Fatal, Bent},
		passport.ChainBroken:         {Fatal, Fatal, Bent},
		passport.KeyUsageWrong:       {Fatal, Fatal, Bent},
		passport.PolicyMissing:       {Noted, Fatal, Bent},
		passport.RevocationUnchecked: {Unproven, Unproven, Bent},
		passport.ReplayUnchecked:     {Unproven, Unproven, Bent},
		passport.OrigidNotUUID:       {Noted, Noted, Bent},
		passport.NotCanonicalJSON:    {Noted, Noted, Bent},
		passport.DateStale:           {Noted, Noted, Bent},
		passport.DivInnerStale:       {Fatal, Fatal, Bent},
		passport.RcdDigestCompat:     {Noted, Noted, Bent},
	}
	for _, c := range codes(func(passport.Code) bool { return true }) {
		got := row{RFC8224().Rule(c).Severity, ATIS1000074().Rule(c).Severity, Lenient().Rule(c).Severity}
		if r, ok := want[c]; ok {
			if got != r {
				t.Errorf("%v: %v, want %v", c, got, r)
			}
		} else if got.rfc != got.atis || got.atis != got.lenient || got.rfc == Bent {
			t.Errorf("%v: %v, want the same in every profile", c, got)
		}
	}
}

func TestEveryProfileHasARuleForEveryCode(t *testing.T) {
	for _, p := range Profiles() {
		for _, c := range codes(func(passport.Code) bool { return true }) {
			r := p.Rule(c)
			if r.Severity.String() == "" || r.Verstat != Failed && r.Verstat != NotValidated {
				t.Errorf("%s, %v: %+v", p.Name(), c, r)
			}
			// What may refuse a call has a response to do it with, and its phrase.
			if r.Severity == Fatal && r.Status == 0 || (r.Status == 0) != (r.Phrase == "") {
				t.Errorf("%s, %v: the response is %d %q", p.Name(), c, r.Status, r.Phrase)
			}
			switch r.Status {
			case 0, 403, 428, 436, 437, 438:
			default:
				t.Errorf("%s, %v: RFC 8224 has no response %d", p.Name(), c, r.Status)
			}
		}
		if p.Window() != 60*time.Second {
			t.Errorf("%s: the window is %v", p.Name(), p.Window())
		}
		if found, ok := ProfileNamed(p.Name()); !ok || found != p || p.About() == "" {
			t.Errorf("ProfileNamed(%q) = %v, %t", p.Name(), found, ok)
		}
	}
	if _, ok := ProfileNamed("none"); ok {
		t.Error("there is a profile of a name that there is not")
	}
	if r := RFC8224().Rule(passport.Code(passport.Codes)); r.Severity != Fatal || r.Status != 438 {
		t.Errorf("a code that is none: %+v", r)
	}
}

// Row 150: a failed validation is a certificate that is not to be trusted, or a
// signature that is wrong; whatever else went wrong is none.
func TestOnlyCertificateAndSignatureMakeAFailedValidation(t *testing.T) {
	want := named([]passport.Code{
		passport.ChainOrder, passport.ChainBroken, passport.CertificateUntrusted, passport.CertificateExpired, passport.CertificateNotYetValid,
		passport.CertificateInvalidAtIat, passport.CertificateRevoked, passport.KeyUnsupported, passport.KeyUsageWrong, passport.SignedByCA,
		passport.PolicyMissing, passport.CriticalExtension, passport.TNAuthListMissing, passport.TNAuthListMalformed, passport.RangeAtEdge,
		passport.NotCovered, passport.DelegationExceeds, passport.ConstraintsMalformed,
		passport.SignatureLength, passport.SignatureIsDER, passport.SignatureInvalid,
	})
	for _, p := range Profiles() {
		got := named(codes(func(c passport.Code) bool { return p.Rule(c).Verstat == Failed && p.Rule(c).Severity <= Ignored }))
		pinned := want
		if p != ATIS1000074() {
			pinned = slices.DeleteFunc(slices.Clone(want), func(name string) bool {
				c, _ := passport.CodeNamed(name)
				return p.Rule(c).Severity > Ignored
			})
		}
		if !slices.Equal(got, pinned) {
			t.Errorf("%s: %v, want %v", p.Name(), got, pinned)
		}
	}
}

// The error map of RFC 8224 section 6.2.2, RFC 8946 and RFC 9475, and where ATIS-1000082
// differs.
func TestResponsesFollowTheErrorMap(t *testing.T) {
	for c, want := range map[passport.Code]response{
		passport.IdentityAbsent:         {428, "Use Identity Header"},
		passport.PptUnsupported:         {428, "Use Supported PASSporT Format"},
		passport.InfoMissing:            {436, "Bad Identity Info"},
		passport.X5uMismatch:            {436, "Bad Identity Info"},
		passport.CertificateUnavailable: {436, "Bad Identity Info"},
		passport.AlgUnsupported:         {437, "Unsupported Credential"},
		passport.CertificateUntrusted:   {437, "Unsupported Credential"},
		passport.NotCovered:             {437, "Unsupported Credential"},
		passport.MemberMissing:          {438, "Invalid PASSporT"},
		passport.ClaimMissing:           {438, "Invalid PASSporT"},
		passport.TypWrong:               {438, "Invalid Identity Header"},
		passport.SignatureInvalid:       {438, "Invalid Identity Header"},
		passport.OrigMismatch:           {438, "Invalid Identity Header"},
		passport.ConstraintMustInclude:  {438, "Invalid Identity Header"},
		passport.MsgiMismatch:           {438, "Invalid Identity Header"},
		passport.IatStale:               {403, "Stale Date"},
		passport.DivInnerStale:          {403, "Stale Date"},
		passport.NotCompared:            {},
	} {
		if r := RFC8224().Rule(c); r.Status != want.status || r.Phrase != want.phrase {
			t.Errorf("%v: %d %s, want %d %s", c, r.Status, r.Phrase, want.status, want.phrase)
		}
	}
	for c, status := range map[passport.Code]int{passport.MemberMissing: 436, passport.TypWrong: 437, passport.AlgUnsupported: 437, passport.IatStale: 403} {
		if r := ATIS1000074().Rule(c); r.Status != status {
			t.Errorf("%v under atis: %d, want %d", c, r.Status, status)
		}
	}
}
