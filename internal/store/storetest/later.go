package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
)

var (
	answered = Arrived.Add(3*time.Second + 7)
	ended    = Arrived.Add(61*time.Second + 9)
	putThru  = call.Act{Who: "Ms Example", What: "put through", At: answered}
	doubted  = call.Act{Who: "Ms Example", What: "doubt", At: ended}
)

func addsLater(t *testing.T, open Place) {
	s := opened(t, open)
	ctx := t.Context()
	put(t, s, Record(1), Record(2))
	steps := []struct {
		times call.Timings
		acts  []call.Act
	}{
		{call.Timings{}, nil},
		{call.Timings{Ended: ended}, []call.Act{doubted}},
		{call.Timings{Answered: answered}, []call.Act{putThru, doubted}},
		{call.Timings{Answered: answered, Ended: ended}, nil},
	}
	for _, step := range steps {
		if err := s.Add(ctx, Record(1).Call.ID, step.times, step.acts...); err != nil {
			t.Errorf("Add(%v) = %v", step, err)
		}
	}
	want := Record(1)
	want.Timings = call.Timings{Answered: answered, Ended: ended}
	want.Acts = []call.Act{putThru, doubted}
	isKept(t, s, want)
	isKept(t, s, Record(2))
	// What was read, and what was written first, are both still the same record.
	put(t, s, want, Record(1))
	isKept(t, s, want)
	recs, err := s.Calls(ctx, store.Filter{})
	if err != nil || len(recs) != 2 || Same(recs[1], want) != nil {
		t.Errorf("Calls = %+v, %v", recs, err)
	}
	late := call.Timings{Ended: ended.Add(1)}
	if err := s.Add(ctx, Record(1).Call.ID, late); !errors.Is(err, store.ErrExists) {
		t.Errorf("Add of another end = %v, want that it exists", err)
	}
	if err := s.Add(ctx, Record(3).Call.ID, late); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Add to a call that is not there = %v, want not found", err)
	}
	isKept(t, s, want)
}

func bringsLater(t *testing.T, open Place) {
	s := opened(t, open)
	rec := Record(1)
	rec.State = call.Open
	rec.Acts = []call.Act{{Who: "policy", What: "held", At: Arrived}}
	put(t, s, rec)
	rec.State = call.Settled
	rec.Acts = append(rec.Acts, putThru)
	rec.Timings.Answered = answered
	put(t, s, rec, rec)
	isKept(t, s, rec)
	shut(t, s)
	s = opened(t, open)
	isKept(t, s, rec)
}

func readsAll(t *testing.T, open Place) {
	s := opened(t, open)
	const many = 2*store.DefaultLimit + 1
	var recs []call.Record
	for n := range many {
		recs = append(recs, Record(n))
	}
	putTogether(t, s, recs...)
	var got []call.Record
	for rec, err := range s.All(t.Context(), store.Filter{Limit: 3, From: Arrived.Add(time.Second)}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec)
	}
	ns := numbers(t, got)
	slices.Reverse(ns)
	if len(ns) != many-1 || !slices.IsSorted(ns) || ns[0] != 1 {
		t.Errorf("All = %v", ns)
	}
	for range s.All(t.Context(), store.Filter{}) {
		break
	}
	shut(t, s)
	for _, err := range s.All(t.Context(), store.Filter{}) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("All = %v, want closed", err)
		}
	}
}

// searches compares searches by every mixture of conditions with a plain look at all.
func searches(t *testing.T, open Place) {
	s := opened(t, open)
	const many = 60
	rng := rand.New(rand.NewPCG(1, 2))
	var all []call.Record
	for n := range many {
		all = append(all, mixed(rng, n))
	}
	putTogether(t, s, all...)
	slices.SortFunc(all, func(a, b call.Record) int {
		return -slices.Compare([]int64{a.Call.ArrivedAt.UnixMicro(), int64(ordinal(a))}, []int64{b.Call.ArrivedAt.UnixMicro(), int64(ordinal(b))})
	})
	for range 400 {
		f := filter(rng, many)
		got, err := s.Calls(t.Context(), f)
		if err != nil {
			t.Fatalf("Calls(%+v) = %v", f, err)
		}
		want := plainly(all, f)
		if !slices.EqualFunc(got, want, func(a, b call.Record) bool { return a.Call.ID == b.Call.ID }) {
			t.Fatalf("Calls(%+v) = %v, want %v", f, ordinals(got), ordinals(want))
		}
	}
}

var (
	someNumbers = []string{"12155550100", "12155550101", "442079460123"}
	someOffices = []string{"", "president.example", "artist.example"}
)

// mixed returns a record with conditions at random. Several arrive at one time.
func mixed(rng *rand.Rand, n int) call.Record {
	rec := Record(n)
	rec.Call.ArrivedAt = Arrived.Add(time.Duration(n/3) * time.Second)
	rec.Call.Calling.TN = pick(rng, Record(0).Call.Calling.TN, "12155550101", "442079460123")
	rec.Call.Called.TN = pick(rng, Record(0).Call.Called.TN, "12155550101", "12155550100")
	rec.Call.Office.Domain = pick(rng, someOffices...)
	rec.Call.Direction = pick(rng, call.Inbound, call.Inbound, call.Outbound)
	rec.Verdict.Standing = call.Standing(rng.IntN(4))
	return rec
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func ordinal(rec call.Record) (n int) {
	for _, c := range rec.Call.ID[len(rec.Call.ID)-8:] {
		n = n*10 + int(c-'0')
	}
	return n
}

func ordinals(recs []call.Record) []int {
	ns := make([]int, len(recs))
	for i, rec := range recs {
		ns[i] = ordinal(rec)
	}
	return ns
}

func filter(rng *rand.Rand, many int) store.Filter {
	f := store.Filter{Limit: 1 + rng.IntN(many)}
	if rng.IntN(3) == 0 {
		f.Before = Record(rng.IntN(many)).Call.ID
	}
	if rng.IntN(2) == 0 {
		f.Number = pick(rng, someNumbers...)
	}
	if rng.IntN(3) == 0 {
		f.Office = pick(rng, someOffices[1:]...)
	}
	if rng.IntN(4) == 0 {
		f.From = Arrived.Add(time.Duration(rng.IntN(many/3)) * time.Second)
	}
	if rng.IntN(4) == 0 {
		f.To = Arrived.Add(time.Duration(rng.IntN(many/3)) * time.Second)
	}
	for range rng.IntN(3) {
		f.Standings = append(f.Standings, call.Standing(rng.IntN(4)))
	}
	return f
}

// plainly returns what f wants of all, which are in order.
func plainly(all []call.Record, f store.Filter) []call.Record {
	var want []call.Record
	passed := f.Before == ""
	for _, rec := range all {
		c := rec.Call
		if passed && len(want) < f.Limit &&
			(f.Number == "" || string(c.Calling.TN) == f.Number || string(c.Called.TN) == f.Number) &&
			(f.Office == "" || c.Office.Domain == f.Office) &&
			(f.From.IsZero() || !c.ArrivedAt.Before(f.From)) && (f.To.IsZero() || c.ArrivedAt.Before(f.To)) &&
			(len(f.Standings) == 0 || c.Direction != call.Outbound && slices.Contains(f.Standings, rec.Verdict.Standing)) {
			want = append(want, rec)
		}
		passed = passed || c.ID == f.Before
	}
	return want
}
