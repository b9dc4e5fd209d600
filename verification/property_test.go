package verification_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// everything serves all of the test network.
func everything() *repository {
	var names []string
	for _, c := range network {
		names = append(names, c.name)
	}
	return serving(names...)
}

// situation is a call whose fields are valid together, and none of them alone could be
// left out.
type situation struct {
	facts  verification.Facts
	fields []any
}

var (
	date         = noon
	fromCaller   = verification.Facts{Calling: passport.Party{TN: caller}, Called: passport.Party{TN: called}, Date: date, CallID: "a@carrier.example"}
	calledByURI  = verification.Facts{Calling: passport.Party{URI: "sip:desk@example.com"}, Called: passport.Party{URI: "sip:alice@office.example"}}
	answeredCall = verification.Facts{Calling: passport.Party{TN: caller}, Called: passport.Party{TN: called}, Response: true}
)

func reaching(p passport.Party) verification.Facts {
	f := fromCaller
	f.Called = p
	return f
}

var situations = map[string]situation{
	"shaken":       {fromCaller, []any{signed()}},
	"plain":        {fromCaller, []any{pass{by: "caller", body: plain}}},
	"compact":      {fromCaller, []any{compact{pass{by: "caller", body: plain}}}},
	"constrained":  {fromCaller, []any{by("confidence", "confidence", `"high"`)}},
	"rich":         {fromCaller, []any{pass{by: "caller", ppt: "rcd", body: plain.with("rcd", `{"nam":"Q"}`)}}},
	"message":      {fromCaller, []any{pass{by: "caller", ppt: "msg", body: plain}}},
	"answer":       {answeredCall, []any{rsp("called", all(called))}},
	"diverted":     {reaching(passport.Party{TN: third}), []any{signed(), div("called", called, third)}},
	"twice":        {reaching(passport.Party{TN: "12155551215"}), []any{signed(), div("called", called, third), div("third", third, "12155551215")}},
	"nested":       {reaching(passport.Party{TN: third}), []any{divO("called", called, third, signed())}},
	"nested twice": {reaching(passport.Party{TN: "12155551215"}), []any{divO("third", third, "12155551215", divO("called", called, third, signed()))}},
	"between URIs": {calledByURI, []any{pass{by: "domain", body: claims{"iat": iat(noon), "orig": `{"uri":"sip:Desk@Example.com:5060"}`, "dest": `{"uri":["sip:alice@office.example"]}`}}}},
}

func (s situation) values() []string {
	var out []string
	for _, f := range s.fields {
		out = append(out, fmt.Sprint(f))
	}
	return out
}

// verify judges fields by the strict profile, without a memory.
func verify(t interface{ Fatal(...any) }, c verification.Certificates, fields []string, facts verification.Facts) *verification.Report {
	s := &verification.Service{Certificates: c}
	r, err := s.VerifyAt(context.Background(), fields, facts, noon, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEverySituationIsValid(t *testing.T) {
	for name, s := range situations {
		t.Run(name, func(t *testing.T) {
			r := verify(t, everything(), s.values(), s.facts)
			if r.Result != verification.Valid || r.Verstat() != sipidentity.Passed {
				for i := range r.Fields {
					t.Logf("%d: %v", i, r.Fields[i].Findings)
				}
				t.Errorf("result %v, %v", r.Result, r.Verstat())
			}
		})
	}
}

// sameField reports whether two values say the same: what differs is the spelling of a
// parameter's name, or one that is ignored.
func sameField(a, b string) bool {
	x, err1 := sipidentity.Parse(a)
	y, err2 := sipidentity.Parse(b)
	same := x.Passport == y.Passport && x.Info == y.Info && x.Ppt == y.Ppt && (x.Alg == y.Alg || x.Alg == "" || y.Alg == "")
	return err1 == nil && err2 == nil && same
}

// flip returns value with one bit of it flipped.
func flip(value string, bit int) string {
	b := []byte(value)
	b[bit/8] ^= 1 << (bit % 8)
	return string(b)
}

func TestAnyBitOfASignedFieldCounts(t *testing.T) {
	s := situations["shaken"]
	value, repo := s.values()[0], everything()
	for bit := range 8 * len(value) {
		// A pair of hexadecimal digits is read in either case nowhere in a PASSporT, so
		// there is no bit that may differ but those of the names of parameters.
		flipped := flip(value, bit)
		r := verify(t, repo, []string{flipped}, s.facts)
		if same := sameField(value, flipped); (r.Result == verification.Valid) != same {
			t.Fatalf("bit %d flipped (%q): %v, %v", bit, flipped, r.Result, r.Fields[0].Findings)
		}
	}
}

func TestAnyBitOfAnyFieldOfAnyCallCounts(t *testing.T) {
	repo := everything()
	rapid.Check(t, func(t *rapid.T) {
		s := situations[rapid.SampledFrom(sortedNames()).Draw(t, "call")]
		fields := s.values()
		i := rapid.IntRange(0, len(fields)-1).Draw(t, "field")
		flipped := flip(fields[i], rapid.IntRange(0, 8*len(fields[i])-1).Draw(t, "bit"))
		same := sameField(fields[i], flipped)
		fields[i] = flipped
		if r := verify(t, repo, fields, s.facts); (r.Result == verification.Valid) != same {
			t.Fatalf("%q: %v, %v", flipped, r.Result, r.Fields[i].Findings)
		}
	})
}

func sortedNames() []string {
	var names []string
	for name := range situations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// noise are fields that somebody on the way may add to a call: broken ones, stolen ones,
// and diversions made to lead the others astray.
func noise() []any {
	stolen := pass{by: "provider", ppt: "shaken", body: shaken.with("orig", one("12155551299"))}
	return []any{
		"", "garbage", ";;;", "a.b.c;info=<https://x.example/>", strings.Repeat("A", sipidentity.MaxLen+1),
		tampered, at(-time.Hour), at(time.Hour), stolen, compact{signed()},
		pass{by: "stranger", ppt: "shaken", body: shaken}, pass{by: "nowhere", ppt: "shaken", body: shaken}, by("expired"),
		pass{by: "caller", ppt: "foo", body: plain}, rsp("called", all(called)), rph(nil), namesInc("Example Names Inc."),
		withClaims(shaken.with("dest", all("12155551298"))), withClaims(shaken.with("orig", `[]`)),
		div("provider", called, third), div("provider", third, called), div("provider", called, called), div("called", called, "12155551297"),
		pass{by: "provider", ppt: "div", body: diverted(called, third).with("orig", one("12155551299"))},
		pass{by: "provider", ppt: "div", body: diverted(third, called).with("dest", all(called, third, "12155551297"))},
		divO("provider", called, third, stolen), divO("provider", third, called, signed()), divO("stranger", called, third, signed()),
		divO("provider", called, third, pass{by: "caller", ppt: "foo", body: plain}),
	}
}

func TestNothingThatIsAddedMakesAValidCallNotValid(t *testing.T) {
	repo := everything()
	pool := noise()
	rapid.Check(t, func(t *rapid.T) {
		s := situations[rapid.SampledFrom(sortedNames()).Draw(t, "call")]
		fields := s.values()
		// Room is left for what is nested in the fields.
		for range rapid.IntRange(1, 5).Draw(t, "how many") {
			more := fmt.Sprint(pool[rapid.IntRange(0, len(pool)-1).Draw(t, "which")])
			fields = slices.Insert(fields, rapid.IntRange(0, len(fields)).Draw(t, "where"), more)
		}
		if r := verify(t, repo, fields, s.facts); r.Result != verification.Valid {
			for i := range r.Fields {
				t.Logf("%d: %v %v", i, r.Fields[i].Header.Ppt, r.Fields[i].Findings)
			}
			t.Fatalf("%v", r.Result)
		}
	})
}

// gist is what a report comes to, apart from the places of fields.
func gist(r *verification.Report) string {
	status, phrase, f := r.Response()
	code := passport.NoCode
	if f != nil {
		code = f.Code
	}
	best := "none"
	if b := r.BestField(); b != nil {
		best = b.Result.String()
	}
	return fmt.Sprint(r.Result, status, phrase, code, r.Verstat(), best, len(r.Reasons()))
}

func TestTheOrderOfFieldsDoesNotMatter(t *testing.T) {
	repo := everything()
	pool := noise()
	rapid.Check(t, func(t *rapid.T) {
		s := situations[rapid.SampledFrom(sortedNames()).Draw(t, "call")]
		fields := s.values()
		if rapid.Bool().Draw(t, "one of them left out") {
			fields = fields[1:]
		}
		for range rapid.IntRange(0, 4).Draw(t, "how many") {
			fields = append(fields, fmt.Sprint(pool[rapid.IntRange(0, len(pool)-1).Draw(t, "which")]))
		}
		want := gist(verify(t, repo, fields, s.facts))
		for range 3 {
			shuffled := rapid.Permutation(fields).Draw(t, "order")
			if got := gist(verify(t, repo, shuffled, s.facts)); got != want {
				t.Fatalf("%s in one order, %s in another", want, got)
			}
		}
	})
}

func TestArbitraryFieldsAreJudgedWithoutPanic(t *testing.T) {
	repo := everything()
	pool := noise()
	rapid.Check(t, func(t *rapid.T) {
		var fields []string
		for range rapid.IntRange(0, 24).Draw(t, "how many") {
			value := fmt.Sprint(pool[rapid.IntRange(0, len(pool)-1).Draw(t, "which")])
			if len(value) > 0 && rapid.Bool().Draw(t, "altered") {
				i := rapid.IntRange(0, len(value)-1).Draw(t, "from")
				value = value[:i] + rapid.String().Draw(t, "put in") + value[min(len(value), i+rapid.IntRange(0, 3).Draw(t, "cut out")):]
			}
			fields = append(fields, value)
		}
		facts := verification.Facts{
			Calling: rapid.SampledFrom([]passport.Party{{}, {TN: caller}, {URI: "sip:a@b"}, {URI: "x"}}).Draw(t, "calling"),
			Called:  rapid.SampledFrom([]passport.Party{{}, {TN: called}, {TN: third}, {URI: "urn:service:sos"}}).Draw(t, "called"),
			Date:    rapid.SampledFrom([]time.Time{{}, noon, noon.Add(time.Hour)}).Draw(t, "date"), DisplayName: rapid.String().Draw(t, "name"),
			Response: rapid.Bool().Draw(t, "response"), CallID: rapid.String().Draw(t, "callid"), Fingerprints: rapid.SliceOf(rapid.String()).Draw(t, "keys"),
		}
		s := &verification.Service{Certificates: repo, Memory: new(verification.RecentMemory)}
		for _, p := range sipidentity.Profiles() {
			r, err := s.VerifyAt(context.Background(), fields, facts, noon, p)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, r, len(fields))
		}
	})
}

// wellFormed checks what holds of every report.
func wellFormed(t interface{ Fatalf(string, ...any) }, r *verification.Report, fields int) {
	if len(r.Fields) > verification.MaxFields {
		t.Fatalf("%d fields", len(r.Fields))
	}
	if _, err := r.MarshalJSON(); err != nil {
		t.Fatalf("%v", err)
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if n := len(f.Findings); n > 100 {
			t.Fatalf("field %d has %d findings", i, n)
		}
		if f.Result > r.Result && (f.Vouches() || f.Result == verification.Valid && f.Token.Header.Ppt == "") {
			t.Fatalf("field %d is %v, the whole %v", i, f.Result, r.Result)
		}
		if (f.Result == verification.Valid) != (r.Decisive(f) == nil) {
			t.Fatalf("field %d is %v, and decisive is %v", i, f.Result, r.Decisive(f))
		}
		if !f.Rcd.IsZero() && f.Result != verification.Valid {
			t.Fatalf("field %d is %v and has rich call data", i, f.Result)
		}
		if f.Result == verification.Valid && !f.Signed {
			t.Fatalf("field %d is valid and not signed", i)
		}
	}
	if fields > verification.MaxFields != slices.ContainsFunc(r.Findings, func(f passport.Finding) bool { return f.Code == passport.TooManyFields }) {
		t.Fatalf("%d fields: %v", fields, r.Findings)
	}
	if (r.Best >= 0) != (r.Result != verification.Unsigned) || r.Best >= 0 && r.BestField().Result != r.Result {
		t.Fatalf("best is %d, the result %v", r.Best, r.Result)
	}
	if r.Verstat() == sipidentity.Passed && (r.Result != verification.Valid || !r.Compared) {
		t.Fatalf("%v, compared %t, is marked as passed", r.Result, r.Compared)
	}
	for _, reason := range r.Reasons() {
		if again, ok := sipidentity.ParseReason(reason.String()); !ok || again != reason {
			t.Fatalf("reason %q is read as %+v", reason.String(), again)
		}
	}
}
