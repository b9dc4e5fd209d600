package sipidentity

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ppi is that of RFC 9410 section 6.
const ppi = "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w"

func TestVerstatIsReadInAnyCaseWithSuffixesOfVendors(t *testing.T) {
	for in, want := range map[string]Verstat{
		"TN-Validation-Passed":             Passed,
		"tn-validation-PASSED":             Passed,
		"TN-Validation-Passed-A":           Passed,
		"TN-Validation-Passed-Passthrough": Passed,
		"TN-Validation-Failed-C":           Failed,
		"No-TN-Validation":                 NotValidated,
		"TN-Validation-PassedX":            "",
		"TN-Validation-Passe":              "",
		"":                                 "",
	} {
		if got, ok := ParseVerstat(in); got != want || ok != (want != "") {
			t.Errorf("ParseVerstat(%q) = %q, %t, want %q", in, got, ok, want)
		}
	}
}

func TestReasonIsPrintedForOneLine(t *testing.T) {
	for _, c := range []struct {
		r    Reason
		want string
	}{
		{Reason{436, "Bad Identity Info", ppi}, `STIR ;cause=436 ;text="Bad Identity Info" ;ppi="` + ppi + `"`},
		{Reason{438, "Invalid", ""}, `STIR ;cause=438 ;text="Invalid"`},
		{Reason{438, `a "b" \c`, ""}, `STIR ;cause=438 ;text="a \"b\" \\c"`},
		{Reason{438, "ä\r\nX: y\x00", ""}, `STIR ;cause=438 ;text="ä  X: y "`},
		// What is no compact PASSporT may be anything a stranger wrote.
		{Reason{438, "Invalid", `..x" ;cause=200`}, `STIR ;cause=438 ;text="Invalid"`},
		{Reason{438, "Invalid", ppi + "\r\nX: y"}, `STIR ;cause=438 ;text="Invalid"`},
		// The full form could be replayed, so only its end is told.
		{Reason{438, "Invalid", "a.b." + ppi[2:]}, `STIR ;cause=438 ;text="Invalid" ;ppi="` + ppi + `"`},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("String() = %q, want %q", got, c.want)
		}
	}
}

func TestRow127ReasonIsReadAndABadPPIIsDropped(t *testing.T) {
	for _, v := range readVectors(t).RFC9410PPI {
		r, ok := ParseReason(`STIR ;cause=438 ;text="Invalid Identity Header" ;ppi="` + v.Value + `"`)
		if !ok || r.Cause != 438 || r.Text != "Invalid Identity Header" {
			t.Errorf("ParseReason = %+v, %t", r, ok)
		}
		if want := map[bool]string{true: v.Value}[v.Valid]; r.PPI != want {
			t.Errorf("PPI = %q, want %q: %s", r.PPI, want, v.Why)
		}
	}
	for in, want := range map[string]Reason{
		`STIR;cause=438`: {Cause: 438},
		`stir ; text="x" ; CAUSE=403;unknown;other="a;b"`:        {Cause: 403, Text: "x"},
		`STIR;cause=436;ppi="eyJ.eyJ.` + ppi[2:] + `"`:           {Cause: 436, PPI: ppi},
		`STIR;cause=436;ppi=""`:                                  {Cause: 436},
		`STIR;cause=436;ppi="..` + strings.Repeat("=", 86):       {},
		`STIR;cause=436;ppi="..` + strings.Repeat("=", 86) + `"`: {Cause: 436},
		`STIR;text="no cause"`:                                   {},
		`STIR;cause=`:                                            {},
		`STIR;cause=+38`:                                         {},
		`STIR;cause=1_0`:                                         {},
		`STIR;cause=099`:                                         {},
		`STIR;cause=700`:                                         {},
		`STIR;cause=4380`:                                        {},
		`STIR;cause=<438>`:                                       {},
		`STIR;cause=438;cause=200`:                               {},
		`STIR;cause=438;text=a;text=b`:                           {},
		`SIP;cause=200;text="OK"`:                                {},
		`STIR;cause=438, SIP;cause=200`:                          {},
		`STIR`:                                                   {},
		``:                                                       {},
		`STIR;cause=438` + strings.Repeat(";x", 16):              {},
		`STIR;cause=438;x="` + strings.Repeat("x", MaxLen) + `"`: {},
	} {
		got, ok := ParseReason(in)
		if got != want || ok != (want.Cause != 0) {
			t.Errorf("ParseReason(%.60q) = %+v, %t, want %+v", in, got, ok, want)
		}
	}
}

func TestReasonIsReadAsItWasPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Reason{
			Cause: rapid.IntRange(100, 699).Draw(t, "cause"),
			Text:  rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r >= ' ' && r != 0x7f })).Draw(t, "text"),
		}
		if rapid.Bool().Draw(t, "has ppi") {
			want.PPI = ".." + rapid.StringMatching(`[A-Za-z0-9_-]{85}[AQgw]`).Draw(t, "ppi")
		}
		if got, ok := ParseReason(want.String()); !ok || got != want {
			t.Fatalf("ParseReason(%q) = %+v, %t, want %+v", want.String(), got, ok, want)
		}
	})
}

// FuzzParseReason: what is read is printed on one line and read as the same again.
func FuzzParseReason(f *testing.F) {
	for _, v := range readVectors(f).RFC9410PPI {
		f.Add(`STIR ;cause=438 ;text="Invalid Identity Header" ;ppi="` + v.Value + `"`)
	}
	for _, s := range []string{"STIR;cause=436", `stir;text="a\"b\\";cause=403`, "SIP;cause=200", `STIR;cause=438;ppi="a.b.` + ppi[2:] + `"`, "STIR;cause=438;text=\"a\r\n b\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseReason(s)
		if !ok {
			return
		}
		text := r.String()
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("ParseReason(%q).String() = %q, which is not one line", s, text)
		}
		if again, ok := ParseReason(text); !ok || again != r {
			t.Fatalf("ParseReason(%q) = %+v, %t; was %+v", text, again, ok, r)
		}
	})
}
