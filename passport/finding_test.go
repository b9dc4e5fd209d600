package passport_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"countersign.example/passport"
)

// Everything that explains or maps a finding reads one table, so the table is whole.
func TestEveryCodeIsExplained(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	section := regexp.MustCompile(`^(RFC [0-9]{4}( section [0-9.]+( step [0-9]+)?)?|ATIS-[0-9]{7}|draft-[a-z-]+ section [0-9.]+)$`)
	names, sentences := map[string]passport.Code{}, map[string]passport.Code{}
	for c := passport.Code(1); int(c) < passport.Codes; c++ {
		if !name.MatchString(c.String()) {
			t.Errorf("code %d is named %q", c, c)
		}
		if !section.MatchString(c.Section()) {
			t.Errorf("%v rests on %q, want a section of a standard", c, c.Section())
		}
		s := c.Sentence()
		if s == "" || s != c.Error() || strings.HasSuffix(s, ".") || strings.TrimSpace(s) != s || strings.Contains(s, "failed to") {
			t.Errorf("%v says %q, want a plain sentence without a full stop", c, s)
		}
		if first := s[:1]; first != strings.ToLower(first) {
			t.Errorf("%v says %q, want it to begin in lower case", c, s)
		}
		if c.Step() < passport.StepCollect || int(c.Step()) > passport.Steps {
			t.Errorf("%v is found in %v", c, c.Step())
		}
		if c.Gravity() > passport.Note {
			t.Errorf("%v has gravity %d", c, c.Gravity())
		}
		if other, ok := names[c.String()]; ok {
			t.Errorf("codes %d and %d are both named %v", other, c, c)
		}
		if other, ok := sentences[s]; ok {
			t.Errorf("%v and %v say the same: %s", other, c, s)
		}
		names[c.String()], sentences[s] = c, c
		if back, ok := passport.CodeNamed(c.String()); back != c || !ok {
			t.Errorf("CodeNamed(%v) = %v, %v", c, back, ok)
		}
	}
	for _, name := range []string{"none", "", "Iat-Stale", "iat-stale "} {
		if c, ok := passport.CodeNamed(name); c != passport.NoCode || ok {
			t.Errorf("CodeNamed(%q) = %v, %v, want no code", name, c, ok)
		}
	}
	for _, c := range []passport.Code{passport.NoCode, 255} {
		if c.String() != "none" || c.Gravity() != passport.Note || c.Step() != 0 || c.Sentence() == "" {
			t.Errorf("code %d is %v, gravity %v, in %v", c, c, c.Gravity(), c.Step())
		}
	}
}

func TestFindingIsFoundByItsCode(t *testing.T) {
	f := passport.Found(passport.SignatureInvalid, "", "")
	var err error = fmt.Errorf("verifying: %w", f)
	if !errors.Is(err, passport.SignatureInvalid) || errors.Is(err, passport.SignatureLength) || errors.Is(err, errors.New("x")) {
		t.Errorf("errors.Is is wrong about %v", err)
	}
	if got, ok := errors.AsType[*passport.Finding](err); !ok || got != f {
		t.Errorf("errors.AsType = %v, %v", got, ok)
	}
	for want, f := range map[string]*passport.Finding{
		passport.TypWrong.Sentence():                       passport.Found(passport.TypWrong, "", ""),
		passport.TypWrong.Sentence() + " (typ)":            passport.Found(passport.TypWrong, "typ", ""),
		passport.TypWrong.Sentence() + ": it is JWT":       passport.Found(passport.TypWrong, "", "it is JWT"),
		passport.TypWrong.Sentence() + " (typ): it is JWT": passport.Found(passport.TypWrong, "typ", "it is JWT"),
	} {
		if f.Error() != want {
			t.Errorf("Error() = %q, want %q", f.Error(), want)
		}
	}
}

func TestStepsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for s := passport.StepCollect; int(s) <= passport.Steps; s++ {
		if seen[s.String()] || s.String() == "" || s.String() == "no step" {
			t.Errorf("step %d is %q", s, s)
		}
		seen[s.String()] = true
	}
	if got := passport.Step(0).String() + passport.Step(99).String(); got != "no stepno step" {
		t.Errorf("steps that are none are %q", got)
	}
}

// Parse gives the first fault by step, and notes are none.
func TestParseGivesTheFirstFault(t *testing.T) {
	m := minter{t, rfc8946Key(t)}
	text := m.sign(`{"typ":"JWT","alg":"none"}`, `{"zzz":1}`) + "AA"
	_, findings := passport.Examine(text)
	codes := map[passport.Code]int{}
	for _, f := range findings {
		codes[f.Code]++
	}
	for code, n := range map[passport.Code]int{
		passport.TypWrong: 1, passport.AlgUnsupported: 1, passport.MemberMissing: 1, passport.ClaimMissing: 3,
		passport.NotCanonicalJSON: 1, passport.SignatureLength: 1,
	} {
		if codes[code] != n {
			t.Errorf("Examine found %v %d times, want %d: %v", code, codes[code], n, findings)
		}
	}
	token, err := passport.Parse(text)
	if token != nil || !errors.Is(err, passport.ClaimMissing) {
		t.Errorf("Parse = %v, %v, want the fault of the first step", token, err)
	}
}
