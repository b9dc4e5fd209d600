package verification_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// steps writes the outcomes of a field as one letter each: p passed, f failed, u could
// not be checked, or the number of the step for whose sake it was not run, 0 if for none.
func steps(f *verification.Field) string {
	var b strings.Builder
	for s := passport.StepCollect; int(s) <= passport.Steps; s++ {
		switch o := f.Steps[s]; o.State {
		case verification.Passed:
			b.WriteByte('p')
		case verification.Failed:
			b.WriteByte('f')
		case verification.Unproven:
			b.WriteByte('u')
		case verification.NotRun:
			fmt.Fprint(&b, int(o.Because))
		}
	}
	return b.String()
}

func TestStepsSayWhatRanAndWhyNot(t *testing.T) {
	nothing := verification.Facts{}
	full := &verification.RecentMemory{Capacity: 1}
	withMemory(t, full, "x", noon, nil, at(time.Second))
	for name, c := range map[string]struct {
		field any
		facts verification.Facts
		s     verification.Service
		want  string
	}{
		"all is well":                  {signed(), fromCaller, verification.Service{}, "pppppppppp"},
		"not compared":                 {signed(), nothing, verification.Service{}, "pppppp0ppp"},
		"with a bare key":              {signed(), fromCaller, verification.Service{Key: &keyOf("caller").PublicKey}, "ppppppp0pp"},
		"too long":                     {strings.Repeat("A", sipidentity.MaxLen+1), fromCaller, verification.Service{}, "f111111111"},
		"a header field that is none":  {"garbage", fromCaller, verification.Service{}, "pf22222222"},
		"no info":                      {pass{by: "caller", ppt: "shaken", body: shaken, bare: true}, fromCaller, verification.Service{}, "pf22222222"},
		"a type that is not known":     {pass{by: "caller", ppt: "foo", body: plain}, fromCaller, verification.Service{}, "ppf3333333"},
		"one that is also broken":      {"x;ppt=foo", fromCaller, verification.Service{}, "p0f3333333"},
		"a type known to the PASSporT": {pass{by: "caller", ppt: "foo", body: plain, params: noAlg}, fromCaller, verification.Service{}, "ppfp333333"},
		"a response's in a request":    {rsp("called", all(called)), fromCaller, verification.Service{}, "ppfp333333"},
		"no base64url":                 {edited{signed(), inDigest(func(d string) string { return d + "=" })}, fromCaller, verification.Service{}, "pppfp44444"},
		"no JSON":                      {pass{by: "caller", ppt: "shaken", raw: "{"}, fromCaller, verification.Service{}, "pppf444444"},
		"a claim is missing":           {withClaims(shaken.without("origid")), fromCaller, verification.Service{}, "pppfp44444"},
		"compact, and not allowed":     {compact{signed()}, fromCaller, verification.Service{}, "pppf444444"},
		"another certificate named":    {pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://x.example/>;ppt=shaken"}, fromCaller, verification.Service{}, "ppppf55555"},
		"stale":                        {at(-time.Hour), fromCaller, verification.Service{}, "pppppf6666"},
		"another caller":               {withClaims(shaken.with("orig", one(third))), fromCaller, verification.Service{}, "ppppppffpp"},
		"another called party":         {withClaims(shaken.with("dest", all(third))), fromCaller, verification.Service{}, "ppppppfppp"},
		"no certificate":               {by("nowhere"), fromCaller, verification.Service{}, "pppppppu88"},
		"an unknown anchor":            {by("stranger"), fromCaller, verification.Service{}, "pppppppfpp"},
		"a signature in DER": {pass{by: "caller", ppt: "shaken", body: shaken, sign: func(s string) []byte { return derSignature("caller", s) }},
			fromCaller, verification.Service{}, "ppppppp9f9"},
		"a signature that is wrong":    {tampered, fromCaller, verification.Service{}, "ppppppppf9"},
		"attestation D":                {withClaims(shaken.with("attest", `"D"`)), fromCaller, verification.Service{}, "pppppppppf"},
		"a replay memory that is full": {signed(), fromCaller, verification.Service{Memory: full}, "pppppupppp"},
		"a diversion alone":            {div("called", called, third), reaching(passport.Party{TN: third}), verification.Service{}, "pppppppppf"},
	} {
		t.Run(name, func(t *testing.T) {
			c.s.Certificates = everything()
			r, err := c.s.VerifyAt(t.Context(), []string{fmt.Sprint(c.field)}, c.facts, noon, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := steps(&r.Fields[0]); got != c.want {
				t.Errorf("steps = %s, want %s: %v", got, c.want, r.Fields[0].Findings)
			}
		})
	}
}

func TestWhatCannotBeValidCausesNoRequest(t *testing.T) {
	stale, fresh := at(-10*time.Minute), div("called", called, third)
	for name, fields := range map[string][]any{
		"stale":                            {at(-61 * time.Second)},
		"from the future":                  {at(61 * time.Second)},
		"a header field that is none":      {"garbage;info=<" + urlOf("caller") + ">"},
		"no JSON":                          {pass{by: "caller", ppt: "shaken", raw: "{}{}"}},
		"a member twice":                   {pass{by: "caller", ppt: "shaken", raw: repeated}},
		"a claim is missing":               {withClaims(shaken.without("orig"))},
		"alg none":                         {pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"none"`}, params: noAlg}},
		"another certificate named":        {pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<" + urlOf("called") + ">;ppt=shaken"}},
		"a type that is not known":         {pass{by: "caller", ppt: "foo", body: plain}},
		"an rsp in a request":              {rsp("called", all(called))},
		"a signature of 63 bytes":          {pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(63)}},
		"a signature in DER":               {pass{by: "caller", ppt: "shaken", body: shaken, sign: func(s string) []byte { return derSignature("caller", s) }}},
		"two signatures of another length": {pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(63)}, pass{by: "called", ppt: "shaken", body: shaken, sign: resized(65)}},
		"stale, with a diversion as stale": {stale, pass{by: "called", ppt: "div", body: diverted(called, third).with("iat", iat(noon.Add(-2*time.Minute)))}},
		"stale, with a broken diversion":   {stale, pass{by: "called", ppt: "div", raw: "{}"}},
		"nested, and stale":                {divO("caller", called, third, stale).in("called", "iat", iat(noon.Add(-time.Hour)))},
	} {
		t.Run(name, func(t *testing.T) {
			repo := everything()
			r := verify(t, repo, situation{fields: fields}.values(), reaching(passport.Party{TN: third}))
			if n := repo.total(); n != 0 || r.Result == verification.Valid {
				t.Errorf("%d requests: %v; %v", n, repo.asked, r.Result)
			}
		})
	}
	// With a fresh diversion an old PASSporT may be the first of a transfer; beyond three
	// hours it is not.
	for signedAt, want := range map[time.Duration]int{-10 * time.Minute: 2, -4 * time.Hour: 1} {
		repo := everything()
		verify(t, repo, situation{fields: []any{at(signedAt), fresh}}.values(), reaching(passport.Party{TN: third}))
		if n := repo.total(); n != want {
			t.Errorf("signed at %v: %d requests, want %d", signedAt, n, want)
		}
	}
}

// in returns the PASSporT with another signer and another value for a claim.
func (p pass) in(by, name, value string) pass {
	p.by, p.body = by, p.body.with(name, value)
	return p
}

func TestRow67EachCertificateIsAskedForOnce(t *testing.T) {
	repo := everything()
	fields := situation{fields: []any{signed(), at(time.Second), at(2 * time.Second), by("provider"), by("nowhere"), by("nowhere", "zzz", "1")}}.values()
	if r := verify(t, repo, fields, fromCaller); r.Result != verification.Valid {
		t.Fatal(r.Result)
	}
	for url, n := range repo.asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", url, n)
		}
	}
	if len(repo.asked) != 3 {
		t.Errorf("%v were asked for", repo.asked)
	}
}

// stalling is a repository that answers after three seconds.
type stalling struct{ *repository }

func (s stalling) Chain(ctx context.Context, url string, at time.Time) (*stircert.Chain, error) {
	select {
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.repository.Chain(ctx, url, at)
}

func TestRepositoriesThatStallHoldACallUpNoLongerThanOneOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fields []any
		for _, c := range network {
			fields = append(fields, by(c.name))
		}
		began := time.Now()
		s := &verification.Service{Certificates: stalling{everything()}}
		r, err := s.VerifyAt(t.Context(), situation{fields: fields}.values(), fromCaller, noon, nil)
		if err != nil || r.Result != verification.Valid {
			t.Errorf("VerifyAt = %v, %v", r, err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestTheEndOfTheContextIsTheOnlyError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fields := range [][]any{{signed()}, {signed(), by("provider")}} {
			ctx, end := context.WithTimeout(t.Context(), time.Second)
			s := &verification.Service{Certificates: stalling{everything()}}
			r, err := s.VerifyAt(ctx, situation{fields: fields}.values(), fromCaller, noon, nil)
			if !errors.Is(err, context.DeadlineExceeded) || r != nil {
				t.Errorf("VerifyAt = %v, %v", r, err)
			}
			end()
		}
	})
}

// broken is a repository whose errors are not findings.
type broken struct{}

func (broken) Chain(context.Context, string, time.Time) (*stircert.Chain, error) {
	return nil, errors.New("the disk is full")
}

func TestARepositoryThatFailsLeavesTheCallUnchecked(t *testing.T) {
	for name, c := range map[string]verification.Certificates{"with an error of its own": broken{}, "there is none": nil} {
		r := verify(t, c, []string{signed().String()}, fromCaller)
		if f := &r.Fields[0]; r.Result != verification.Unchecked || !f.Has(passport.CertificateUnavailable) {
			t.Errorf("%s: %v, %v", name, r.Result, f.Findings)
		}
	}
}

func TestTheBareCheckCanBeReplaced(t *testing.T) {
	for _, fits := range []bool{true, false} {
		s := &verification.Service{Certificates: everything(), Signature: always(fits)}
		r, err := s.VerifyAt(t.Context(), []string{tampered.String()}, fromCaller, noon, nil)
		if err != nil || (r.Result == verification.Valid) != fits {
			t.Errorf("fits %t: %v, %v", fits, r.Result, err)
		}
	}
}

type always bool

func (a always) Verify(*ecdsa.PublicKey, *[32]byte, *[64]byte) bool { return bool(a) }

func TestTheBestOfSeveralValidFieldsDecides(t *testing.T) {
	fields := []any{withClaims(shaken.with("attest", `"C"`)), pass{by: "provider", body: plain}, withClaims(shaken.with("attest", `"B"`)),
		pass{by: "caller", body: plain}, signed(), by("bound")}
	for best := range fields {
		// Each is better than those before it, in whatever order they come.
		for _, turned := range []bool{false, true} {
			values := situation{fields: fields[:best+1]}.values()
			at := best
			if turned {
				slices.Reverse(values)
				at = 0
			}
			if r := verify(t, everything(), values, fromCaller); r.Best != at {
				t.Errorf("of %d fields, turned round %t, %d decided", best+1, turned, r.Best)
			}
		}
	}
}

func TestReasonsAreOneForEachFieldThatFailed(t *testing.T) {
	fields := []any{signed(), tampered, by("nowhere"), pass{by: "caller", ppt: "foo", body: plain}, "garbage",
		pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(65)}, edited{signed(), inDigest(func(d string) string { return d + `"` })}}
	r := verify(t, everything(), situation{fields: fields}.values(), fromCaller)
	sig := func(p pass) string { return ".." + p.token()[strings.LastIndexByte(p.token(), '.')+1:] }
	want := []sipidentity.Reason{
		{Cause: 438, Text: "Invalid Identity Header", PPI: sig(tampered)},
		{Cause: 436, Text: "Bad Identity Info", PPI: sig(by("nowhere"))},
		{Cause: 438, Text: "Invalid Identity Header"},
		{Cause: 438, Text: "Invalid Identity Header"},
		{Cause: 438, Text: "Invalid Identity Header"},
	}
	if got := r.Reasons(); !slices.Equal(got, want) {
		t.Errorf("Reasons = %+v, want %+v", got, want)
	}
}
