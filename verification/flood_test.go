package verification_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/tn"
	"countersign.example/verification"
)

// nobody is a called party that none of the fields is for.
const nobody tn.Number = "12155551299"

// numbers are n different ones.
func numbers(n int) []tn.Number {
	var out []tn.Number
	for i := range n {
		out = append(out, tn.Number(fmt.Sprintf("12155%06d", i)))
	}
	return out
}

// faulty is a list of n numbers that are not in canonical form.
func faulty(n int) string {
	return `{"tn":["` + strings.Join(slices.Repeat([]string{"+1"}, n), `","`) + `"]}`
}

// nestedTo is a PASSporT inside as many diversions as there is room for.
func nestedTo(most int) pass {
	p := pass{by: "provider", ppt: "shaken", body: shaken}
	at := called
	for i := 0; ; i++ {
		to := tn.Number(fmt.Sprintf("1215556%04d", i))
		outer := divO("provider", at, to, p)
		if len(outer.token()) > most {
			return p
		}
		p, at = outer, to
	}
}

func copies(n int, field string) []string { return slices.Repeat([]string{field}, n) }

func TestRow39WhateverIsSentEndsWithANamedFindingInBoundedMemory(t *testing.T) {
	repo := everything()
	// Chains are made beforehand: what they cost is not the sender's doing.
	for _, name := range []string{"caller", "called", "provider"} {
		if _, err := repo.Chain(t.Context(), urlOf(name), noon); err != nil {
			t.Fatal(err)
		}
	}
	info := ";info=<" + urlOf("caller") + ">;ppt=shaken"
	var everywhere []string
	for i, n := range numbers(15) {
		everywhere = append(everywhere, pass{by: "provider", ppt: "div", body: diverted(n, n).with("dest", all(numbers(1500)[i+1:]...))}.String())
	}
	for name, c := range map[string]struct {
		fields []string
		code   passport.Code
		result verification.Result
		// kilobytes are the most that may be allocated on the way.
		kilobytes uint64
		to        tn.Number
	}{
		"200 fields":                        {copies(200, signed().String()), passport.TooManyFields, verification.Valid, 500, called},
		"200 fields of garbage":             {copies(200, "garbage"), passport.DigestMalformed, verification.Invalid, 100, nobody},
		"a digest of 1 MB":                  {[]string{strings.Repeat("A", 1<<20) + ".b.c" + info}, passport.FieldTooLong, verification.Invalid, 50, nobody},
		"200 digests of 1 MB":               {copies(200, strings.Repeat("A", 1<<20)+".b.c"+info), passport.FieldTooLong, verification.Invalid, 100, nobody},
		"1 MB of semicolons":                {[]string{strings.Repeat(";", 1<<20)}, passport.FieldTooLong, verification.Invalid, 50, nobody},
		"35 kB of dots":                     {[]string{strings.Repeat(".", 35<<10) + info}, passport.DigestMalformed, verification.Invalid, 50, nobody},
		"36 kB of parameters":               {[]string{signed().String() + strings.Repeat(";x", 16<<10)}, passport.HeaderSyntax, verification.Invalid, 50, nobody},
		"33 kB of claims":                   {[]string{withClaims(shaken.with("zzz", quote(strings.Repeat("z", 25<<10)))).String()}, passport.JSONTooLarge, verification.Invalid, 50, nobody},
		"20 kB of brackets":                 {[]string{withClaims(shaken.with("zzz", strings.Repeat("[", 20<<10))).String()}, passport.JSONTooLarge, verification.Invalid, 500, nobody},
		"six thousand values":               {[]string{withClaims(shaken.with("zzz", "["+strings.Repeat("1,", 6000)+"1]")).String()}, passport.JSONTooLarge, verification.Invalid, 1000, nobody},
		"four thousand faulty numbers":      {[]string{withClaims(shaken.with("dest", faulty(4000))).String()}, passport.NumberNotCanonical, verification.Invalid, 2000, nobody},
		"and that sixteen times":            {copies(16, withClaims(shaken.with("dest", faulty(4000))).String()), passport.NumberNotCanonical, verification.Invalid, 32000, nobody},
		"fifty hops":                        {situation{fields: hops(50)}.values(), passport.DivTooDeep, verification.Invalid, 1000, nobody},
		"nested as deep as there is room":   {[]string{nestedTo(passport.MaxLen).String()}, passport.DestMismatch, verification.Invalid, 2000, nobody},
		"nested deeper":                     {copies(12, nestedTo(4<<10).String()), passport.DivTooDeep, verification.Invalid, 2000, nobody},
		"fifteen that lead everywhere":      {slices.Concat(everywhere, []string{signed().String()}), passport.DivBroken, verification.Invalid, 8000, nobody},
		"fifteen, from what they lead from": {slices.Concat(everywhere, []string{withClaims(shaken.with("dest", all(numbers(1)...))).String()}), passport.DivTargetMismatch, verification.Invalid, 8000, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := verify(t, repo, c.fields, reaching(passport.Party{TN: c.to}))
			runtime.ReadMemStats(&after)
			if r.Result != c.result || !finds(r, c.code) {
				t.Errorf("%v, want %v with %v: %v", r.Result, c.result, c.code, r.Fields[0].Findings)
			}
			if got := (after.TotalAlloc - before.TotalAlloc) >> 10; got > c.kilobytes && !racing {
				t.Errorf("%d kB were allocated, %d are allowed", got, c.kilobytes)
			}
			wellFormed(t, r, len(c.fields))
		})
	}
}

// The good field is found among as many bad ones as are looked at.
func TestRow39AFloodOfBadFieldsDoesNotHideAGoodOne(t *testing.T) {
	fields := append(copies(verification.MaxFields-1, strings.Repeat("A", sipidentity.MaxLen+1)), signed().String())
	if r := verify(t, everything(), fields, fromCaller); r.Result != verification.Valid || r.Best != verification.MaxFields-1 {
		t.Errorf("%v, %d", r.Result, r.Best)
	}
}

func TestManyPrioritiesAreOneFinding(t *testing.T) {
	facts := fromCaller
	facts.ResourcePriority = slices.Repeat([]string{strings.Repeat("ets.0", 1000)}, 1000)
	r := verify(t, everything(), []string{rph(nil).String()}, facts)
	f := &r.Fields[0]
	if n := len(f.Findings); n > 3 || !f.Has(passport.RphMismatch) {
		t.Errorf("%d findings", n)
	}
	for _, found := range f.Findings {
		if len(found.Detail) > 100 {
			t.Errorf("a detail of %d bytes", len(found.Detail))
		}
	}
}
