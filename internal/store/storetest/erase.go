package storetest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/tn"
)

// Erasable is a number that only [Mentioning] and nothing else in this package mentions.
const Erasable tn.Number = "49304955012"

// erasing is the act of erasing.
var erasing = call.Act{Who: "data protection", What: "erased on request", At: Arrived}

// Ways is in how many ways a record mentions a number.
const Ways = 14

// Mentioning returns the n-th record, which mentions Erasable in one of the [Ways].
func Mentioning(n int) call.Record {
	rec := Record(n)
	c, text := &rec.Call, string(Erasable)
	passport := func(claims string) string {
		b := base64.RawURLEncoding.EncodeToString
		return b([]byte(`{"alg":"ES256"}`)) + "." + b([]byte(claims)) + ".c2ln"
	}
	switch n % Ways {
	case 0:
		c.Calling.TN = Erasable
	case 1:
		c.Called.TN = Erasable
	case 2:
		c.Signalling.To.TN = Erasable
	case 3:
		c.Calling.TN, c.Calling.URI = "", "sip:+"+text+"@carrier.example"
	case 4:
		c.DisplayName = "call +49 (30) 495-5012 now"
	case 5:
		c.Signalling.Identity = []string{passport(`{"orig":{"tn":"`+text+`"}}`) + ";info=<https://cr.example/a.pem>"}
	case 6:
		inner := passport(`{"dest":{"tn":["` + text + `"]},"iat":1}`)
		c.Signalling.Identity = []string{passport(`{"iat":2,"opt":"`+inner+`"}`) + ";ppt=div-o"}
	case 7:
		c.Signalling.CallID = "00" + text + "@carrier.example"
	case 8:
		rec.Evidence[0].Detail = "the number <" + text + ">"
	case 9:
		rec.Evidence[1].Report = map[string]any{"listed": []string{"x&" + text + "&"}}
	case 10:
		rec.Action.Target.TN = Erasable
	case 11:
		rec.Acts = []call.Act{{Who: "Ms Example", What: "called +49-30-4955012 back", At: answered}}
	case 12:
		c.Direction = call.Outbound
		rec.Assertion.Dest.TN = []tn.Number{"12155550100", Erasable}
	case 13:
		rec.Signed = []string{passport(`{"x":1,"dest":{"tn":["12155550100","` + text + `"]}}`)}
	}
	return rec
}

// Find returns the first place in text where the number can be read, in digits or in
// base64, or nothing. It shares no code with the store.
func Find(text string, number tn.Number) string {
	needles := []string{string(number)}
	for before := range 3 {
		// The letters that all of the number's bytes decide, whatever stands around it.
		encoded := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", before) + string(number)))
		needles = append(needles, encoded[(before*8+5)/6:(before+len(number))*8/6])
	}
	for _, needle := range needles {
		if i := strings.Index(text, needle); i >= 0 {
			return fmt.Sprintf("%q", text[max(0, i-40):min(len(text), i+60)])
		}
	}
	return ""
}

func erases(t *testing.T, open Place) {
	s := opened(t, open)
	ctx := t.Context()
	var all []call.Record
	for n := range 3 * Ways {
		all = append(all, Mentioning(n), Record(n+100))
	}
	longer := Record(90)
	longer.Call.Calling.TN = "99" + Erasable + "1"
	held := Mentioning(91)
	held.State = call.Open
	all = append(all, longer, held)
	putTogether(t, s, all...)
	want := store.Erasure{Calls: 3 * Ways, Open: 1}
	if got, err := s.EraseDryRun(ctx, Erasable); got != want || err != nil {
		t.Errorf("EraseDryRun = %+v, %v, want %+v", got, err, want)
	}
	for _, rec := range all {
		isKept(t, s, rec)
	}
	if got, err := s.Erase(ctx, Erasable, erasing); got != want || err != nil {
		t.Errorf("Erase = %+v, %v, want %+v", got, err, want)
	}
	for n := range 3 * Ways {
		isErased(t, s, Mentioning(n))
		isKept(t, s, Record(n+100))
	}
	isKept(t, s, longer)
	isKept(t, s, held)
	if recs, err := s.Calls(ctx, store.Filter{Number: string(Erasable)}); err != nil || len(recs) > 0 {
		t.Errorf("Calls by the number = %v, %v", ordinals(recs), err)
	}
	// The call goes on, and is over.
	put(t, s, Mentioning(91))
	if got, err := s.Erase(ctx, Erasable, erasing); got != (store.Erasure{Calls: 1}) || err != nil {
		t.Errorf("Erase again = %+v, %v, want the one that was open", got, err)
	}
	if got, err := s.Erase(ctx, Erasable, erasing); got != (store.Erasure{}) || err != nil {
		t.Errorf("Erase for the third time = %+v, %v, want nothing", got, err)
	}
	staysErased(t, s, Mentioning(0))
}

func isErased(t *testing.T, s *store.Store, was call.Record) {
	t.Helper()
	want := call.Record{State: call.Erased, SettledAt: was.SettledAt, Acts: []call.Act{erasing}}
	want.Call = call.Call{ID: was.Call.ID, ArrivedAt: was.Call.ArrivedAt, Direction: was.Call.Direction, Channel: was.Call.Channel}
	want.Verdict.Standing, want.Action.Kind = was.Verdict.Standing, was.Action.Kind
	isKept(t, s, want)
}

func staysErased(t *testing.T, s *store.Store, rec call.Record) {
	t.Helper()
	if err := s.RecordCall(t.Context(), rec); !errors.Is(err, store.ErrExists) {
		t.Errorf("recording an erased call = %v, want that it exists", err)
	}
	if err := s.Add(t.Context(), rec.Call.ID, call.Timings{Ended: ended}, doubted); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Add to an erased call = %v, want not found", err)
	}
	isErased(t, s, rec)
}

func refusesToErase(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(1))
	for _, number := range []tn.Number{"", "1", "112", "+12155550100", "Alice"} {
		if got, err := s.Erase(t.Context(), number, erasing); err == nil {
			t.Errorf("Erase(%q) = %+v, want an error", number, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Erase(ctx, "12155550100", erasing); !errors.Is(err, context.Canceled) {
		t.Errorf("Erase = %v, want canceled", err)
	}
	isKept(t, s, Record(1))
}

func prunes(t *testing.T, open Place) {
	s := opened(t, open)
	ctx := t.Context()
	const old, kept = 450, 20
	held := Record(3)
	held.State = call.Open
	recs := []call.Record{held}
	for n := range old + kept {
		if n != 3 {
			rec := Record(n)
			rec.Acts = []call.Act{putThru}
			recs = append(recs, rec)
		}
	}
	putTogether(t, s, recs...)
	before := Record(old).Call.ArrivedAt
	if n, err := s.PruneDryRun(ctx, before); n != old-1 || err != nil {
		t.Errorf("PruneDryRun = %d, %v, want %d", n, err, old-1)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if n, err := s.Prune(gone, before); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Prune for nobody = %d, %v", n, err)
	}
	if n, err := s.Prune(ctx, before); n != old-1 || err != nil {
		t.Errorf("Prune = %d, %v, want %d", n, err, old-1)
	}
	if n, err := s.Prune(ctx, before); n != 0 || err != nil {
		t.Errorf("Prune again = %d, %v, want nothing", n, err)
	}
	left, err := s.Calls(ctx, store.Filter{Limit: store.MaxLimit})
	if err != nil || len(left) != kept+1 {
		t.Errorf("%d calls are left, %v, want %d", len(left), err, kept+1)
	}
	isKept(t, s, held)
	rec := Record(old)
	rec.Acts = []call.Act{putThru}
	isKept(t, s, rec)
	// Paging goes on from a call that is no longer there: nothing older is.
	if recs, err := s.Calls(ctx, store.Filter{Before: Record(7).Call.ID}); err != nil || len(recs) > 0 {
		t.Errorf("Calls = %v, %v", ordinals(recs), err)
	}
}
