package explain

import (
	"fmt"
	"strings"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// Judgement returns a verification report for a terminal: every step of every Identity
// header field with its outcome, what was found, and at the end one line.
func Judgement(r *verification.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Profile %s: %s.\n", r.Profile.Name(), r.Profile.About())
	if r.Lab {
		b.WriteString("LAB MODE: addresses and certificates of this machine were accepted. This proves nothing to anybody else.\n")
	}
	for i := range r.Fields {
		field(&b, r, i)
	}
	for i := range r.Findings {
		fmt.Fprintf(&b, "\n%s\n", sentence(&r.Findings[i]))
	}
	fmt.Fprintf(&b, "\n%s\n", Conclusion(r))
	return b.String()
}

func field(b *strings.Builder, r *verification.Report, i int) {
	f := &r.Fields[i]
	if len(r.Fields) > 1 {
		fmt.Fprintf(b, "\nIdentity header field %d: %s\n", i+1, f.Result)
		if f.Nested > 0 {
			fmt.Fprintf(b, "  (found inside field %d)\n", f.Nested)
		}
	} else {
		b.WriteByte('\n')
	}
	for s := passport.StepCollect; int(s) <= passport.Steps; s++ {
		fmt.Fprintf(b, "  %2d  %-36s %s\n", s, s, outcome(f, s))
		for k := range f.Findings {
			if x := &f.Findings[k]; x.Code.Step() == s {
				fmt.Fprintf(b, "        %s %s\n", mark(r, x.Code), sentence(x))
			}
		}
	}
	if f.Token != nil && len(f.Diversions) > 0 {
		fmt.Fprintf(b, "      diverted %s before it came here\n", plural(len(f.Diversions), "time"))
	}
}

func outcome(f *verification.Field, s passport.Step) string {
	o := f.Steps[s]
	if o.State == verification.NotRun && o.Because != 0 {
		return fmt.Sprintf("not run, because of step %d", o.Because)
	}
	return o.State.String()
}

func mark(r *verification.Report, c passport.Code) string {
	switch r.Profile.Rule(c).Severity {
	case sipidentity.Fatal:
		return "✗"
	case sipidentity.Bent:
		return "~ rule bent:"
	case sipidentity.Unproven:
		return "?"
	case sipidentity.Ignored:
		return "-"
	}
	return "·"
}

func sentence(f *passport.Finding) string {
	return fmt.Sprintf("%s [%s, %s]", clean(f.Error()), f.Code.String(), f.Code.Section())
}

// Conclusion returns the report in one line.
func Conclusion(r *verification.Report) string {
	switch r.Result {
	case verification.Valid:
		return valid(r)
	case verification.Unsigned:
		return "unsigned: there is no PASSporT of a type that is known here"
	}
	line := r.Result.String()
	if status, phrase, f := r.Response(); f != nil {
		line += ": " + clean(f.Error())
		if status != 0 {
			line += fmt.Sprintf(" (%d %s)", status, phrase)
		}
	}
	return line
}

func valid(r *verification.Report) string {
	f := r.BestField()
	line := "valid: "
	if !r.Compared {
		line = "signature valid; not compared with a call: "
	}
	line += signer(f)
	if a := f.Token.Claims.Attest; a != "" {
		line += ", attestation " + string(a)
	}
	if d := f.Domain(); d != "" {
		line += ", number bound to " + d
	}
	if bent := r.Bent(); len(bent) > 0 {
		line += fmt.Sprintf("; %s bent", plural(len(bent), "rule"))
	}
	if r.Lab {
		line += "; lab mode"
	}
	return line
}

func signer(f *verification.Field) string {
	if f.Chain == nil || len(f.Chain.Certificates) == 0 {
		return "the signature fits the key given; whose key it is was not checked"
	}
	s := "signed by " + clean(f.Chain.Certificates[0].Subject.CommonName)
	switch f.Coverage {
	case stircert.CoverNumber:
		return s + ", whose certificate covers the number"
	case stircert.CoverSPC:
		return s + ", whose certificate names the provider"
	}
	return s
}
