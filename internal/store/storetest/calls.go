package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
)

// numbers returns the numbers of the calls in recs, as given to Record.
func numbers(t *testing.T, recs []call.Record) []int {
	t.Helper()
	ns := []int{}
	for _, rec := range recs {
		ns = append(ns, int(rec.Call.ArrivedAt.Sub(Arrived)/time.Second))
	}
	return ns
}

func pages(t *testing.T, open Place) {
	s := opened(t, open)
	for _, n := range []int{3, 0, 4, 1, 2} {
		put(t, s, Record(n))
	}
	var pages [][]int
	for f := (store.Filter{Limit: 2}); ; {
		recs, err := s.Calls(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) == 0 {
			break
		}
		pages = append(pages, numbers(t, recs))
		f.Before = recs[len(recs)-1].Call.ID
	}
	if want := [][]int{{4, 3}, {2, 1}, {0}}; !slices.EqualFunc(pages, want, slices.Equal) {
		t.Errorf("the pages are %v, want %v", pages, want)
	}
}

func filters(t *testing.T, open Place) {
	s := opened(t, open)
	refuted, unknown, left := Record(1), Record(2), Record(3)
	refuted.Verdict.Standing = call.Refuted
	unknown.Verdict.Standing = call.Unverified
	unknown.Call.Office = call.Office{}
	unknown.Call.Calling.TN = "12155550199"
	left.Call.Direction = call.Outbound
	left.Verdict.Standing = call.Unverified
	left.Call.Office = call.Office{Domain: "artist.example"}
	left.Call.Calling.TN, left.Call.Called.TN = "442079460123", "12155550100"
	put(t, s, Record(0), refuted, unknown, left)
	at := func(n int) time.Time { return Arrived.Add(time.Duration(n) * time.Second) }
	cases := []struct {
		name   string
		filter store.Filter
		want   []int
	}{
		{"nothing", store.Filter{}, []int{3, 2, 1, 0}},
		{"a limit below one", store.Filter{Limit: -1}, []int{3, 2, 1, 0}},
		{"a limit beyond the greatest", store.Filter{Limit: store.MaxLimit + 1}, []int{3, 2, 1, 0}},
		{"the office", store.Filter{Office: "president.example"}, []int{1, 0}},
		{"an office that is not there", store.Filter{Office: "quiet.example"}, []int{}},
		{"one standing, without the calls that left", store.Filter{Standings: []call.Standing{call.Unverified}}, []int{2}},
		{"two standings", store.Filter{Standings: []call.Standing{call.Refuted, call.PartlyVerified}}, []int{1, 0}},
		{"a number, calling or called", store.Filter{Number: "12155550100"}, []int{3, 1, 0}},
		{"a number that calls once", store.Filter{Number: "12155550199"}, []int{2}},
		{"from a time on", store.Filter{From: at(2)}, []int{3, 2}},
		{"up to a time", store.Filter{To: at(2)}, []int{1, 0}},
		{"a span in another zone", store.Filter{From: at(1).In(time.FixedZone("", 3600)), To: at(3)}, []int{2, 1}},
		{"before a call", store.Filter{Before: Record(2).Call.ID}, []int{1, 0}},
		{"everything together", store.Filter{Limit: 1, Before: Record(3).Call.ID, Office: "president.example",
			Standings: []call.Standing{call.Refuted}, Number: "442079460123", From: at(0), To: at(9)}, []int{1}},
	}
	for _, tc := range cases {
		recs, err := s.Calls(t.Context(), tc.filter)
		if got := numbers(t, recs); err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: Calls = %v, %v, want %v", tc.name, got, err, tc.want)
		}
	}
}

func interrupts(t *testing.T, open Place) {
	s := opened(t, open)
	held := make([]call.Record, 3)
	for n := range held {
		held[n] = Record(n)
		held[n].State, held[n].Action = call.Open, call.Action{Kind: call.Hold}
	}
	gone := Record(4)
	gone.State = call.Abandoned
	put(t, s, held...)
	put(t, s, Record(3), gone)
	shut(t, s)
	s = opened(t, open)
	if n, err := s.InterruptOpen(t.Context()); n != len(held) || err != nil {
		t.Errorf("InterruptOpen = %d, %v, want %d", n, err, len(held))
	}
	for _, rec := range held {
		rec.State = call.Interrupted
		isKept(t, s, rec)
	}
	isKept(t, s, Record(3))
	isKept(t, s, gone)
	if n, err := s.InterruptOpen(t.Context()); n != 0 || err != nil {
		t.Errorf("InterruptOpen again = %d, %v, want 0", n, err)
	}
	// Whoever still believes that the call is held learns otherwise.
	if err := s.RecordCall(t.Context(), Record(0)); !errors.Is(err, store.ErrExists) {
		t.Errorf("settling an interrupted call = %v, want that it exists", err)
	}
}

func manyAtOnce(t *testing.T, open Place) {
	s := opened(t, open)
	const callers, each = 60, 3
	var writers sync.WaitGroup
	for w := range callers {
		writers.Go(func() {
			for i := range each {
				rec := Record(w*each + i)
				held := rec
				held.State = call.Open
				if err := errors.Join(s.RecordCall(t.Context(), held), s.RecordCall(t.Context(), rec)); err != nil {
					t.Errorf("RecordCall(%s) = %v", rec.Call.ID, err)
				}
				isKept(t, s, rec)
			}
		})
	}
	writers.Wait()
	shut(t, s)
	s = opened(t, open)
	for n := range callers * each {
		isKept(t, s, Record(n))
	}
}

func closingWaits(t *testing.T, open Place) {
	s := opened(t, open)
	const callers = 64
	errs := make([]error, callers)
	var writers sync.WaitGroup
	started := make(chan struct{}, callers)
	for n := range callers {
		writers.Go(func() {
			started <- struct{}{}
			errs[n] = s.RecordCall(context.WithoutCancel(t.Context()), Record(n))
		})
	}
	for range callers / 2 {
		<-started
	}
	shut(t, s)
	writers.Wait()
	s = opened(t, open)
	for n, err := range errs {
		switch {
		case err == nil:
			isKept(t, s, Record(n))
		case !errors.Is(err, store.ErrClosed):
			t.Errorf("RecordCall(%d) = %v, want success or closed", n, err)
		}
	}
}
