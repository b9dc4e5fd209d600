// Package storetest is the promises that every store of call records must keep, as
// tests.
//
// Start with [Run]. Each package that opens a [store.Store] calls it from its own
// tests; what only one database can promise, such as surviving a kill, is tested there.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
)

// Place is somewhere to keep records. Each call opens what is kept there; the test closes
// one store before it opens the next.
type Place func() (*store.Store, error)

// Run tests a store. The function fresh returns a new, empty place for every test.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	tests := []struct {
		name string
		test func(*testing.T, Place)
	}{
		{"a record comes back as it went in", comesBack},
		{"what is acknowledged is there after the store is opened again", isThereAfterwards},
		{"an open record is settled in place", isSettledInPlace},
		{"recording the same again does nothing", sameAgain},
		{"a record that is not open never changes", neverChanges},
		{"a call that is not there is not found", notFound},
		{"a record without an ID or a state is refused", withoutID},
		{"a record that cannot be written takes no other with it", takesNoOther},
		{"hostile text is kept", hostileText},
		{"calls come newest first, a page at a time", pages},
		{"calls are found by every condition", filters},
		{"open records are interrupted at the start, and no others", interrupts},
		{"many records at once are each durable and whole", manyAtOnce},
		{"what happens to a call later is added", addsLater},
		{"a record brings what happened with it", bringsLater},
		{"everything is read a page at a time", readsAll},
		{"a search finds what a plain look at all finds", searches},
		{"old records are pruned and others stay", prunes},
		{"a person is erased from every record", erases},
		{"what is no whole number is not erased", refusesToErase},
		{"a caller who has gone records nothing", callerGone},
		{"a closed store says so", closed},
		{"closing waits for what is being written", closingWaits},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			// Most of a test is waiting for the disk.
			t.Parallel()
			tc.test(t, fresh(t))
		})
	}
}

// Arrived is when the first call of [Record] arrives; each arrives a second after the
// one before.
var Arrived = time.Date(2026, 11, 24, 15, 4, 5, 123456000, time.UTC)

// Record returns a settled record with every field filled in, of the n-th call. Two
// records of one n are equal.
func Record(n int) call.Record {
	at := Arrived.Add(time.Duration(n) * time.Second)
	rec := call.Record{State: call.Settled, SettledAt: at.Add(time.Second)}
	c := &rec.Call
	c.ID = fmt.Sprintf("01KA0F7Q6Z8N4T5W2V%08d", n)
	c.Direction, c.Channel, c.ArrivedAt, c.Trunk = call.Inbound, call.SIP, at, "carrier"
	c.Calling.TN, c.Called.TN = "12155550100", "442079460123"
	c.DisplayName = "The President's Office"
	c.Office = call.Office{Domain: "president.example", Name: "President", Level: call.LevelVerified}
	c.Signalling.CallID = fmt.Sprintf("%d@carrier.example", n)
	c.Signalling.Date = at
	c.Signalling.To = c.Called
	c.Signalling.Identity = []string{"eyJ.eyJ.sig;info=<https://cr.example/a.pem>;ppt=shaken"}
	c.Signalling.Fingerprints = []string{"sha-256 4A:AD"}
	rec.Evidence = []call.Evidence{
		{Kind: call.InBand, Reason: call.AttestedFull, Source: "SHAKEN 1234", At: at, Detail: "one field",
			Report: map[string]any{"result": "valid", "steps": []int{1, 2, 3}}},
		{Kind: call.Directory, Reason: call.OfficeNumber, Source: "directory", At: at},
	}
	rec.Verdict = call.Verdict{
		Standing: call.PartlyVerified, Number: call.Strength{For: 2}, Office: call.Strength{For: 2},
		Reasons: []call.Reason{call.AttestedFull, call.OfficeNumber},
	}
	rec.Action = call.Action{Kind: call.Connect, Rule: "everything else connects"}
	return rec
}

// Same returns an error that says how got differs from want, or nil. Reports are equal
// if they are the same JSON.
func Same(got, want call.Record) error {
	g, err1 := json.Marshal(got)
	w, err2 := json.Marshal(want)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if string(g) != string(w) {
		return fmt.Errorf("the record is %s\nwant %s", g, w)
	}
	return nil
}

func opened(t *testing.T, open Place) *store.Store {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func put(t *testing.T, s *store.Store, recs ...call.Record) {
	t.Helper()
	for _, rec := range recs {
		if err := s.RecordCall(t.Context(), rec); err != nil {
			t.Fatalf("RecordCall(%s) = %v", rec.Call.ID, err)
		}
	}
}

// putTogether puts many records at once, which is quicker.
func putTogether(t *testing.T, s *store.Store, recs ...call.Record) {
	t.Helper()
	var writers sync.WaitGroup
	for _, rec := range recs {
		writers.Go(func() {
			if err := s.RecordCall(t.Context(), rec); err != nil {
				t.Errorf("RecordCall(%s) = %v", rec.Call.ID, err)
			}
		})
	}
	writers.Wait()
}

func isKept(t *testing.T, s *store.Store, want call.Record) {
	t.Helper()
	got, err := s.Call(t.Context(), want.Call.ID)
	if err == nil {
		err = Same(got, want)
	}
	if err != nil {
		t.Errorf("Call(%s): %v", want.Call.ID, err)
	}
}

func comesBack(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(1))
	isKept(t, s, Record(1))
	got, err := s.Call(t.Context(), Record(1).Call.ID)
	if err != nil {
		t.Fatal(err)
	}
	if report, ok := got.Evidence[0].Report.(json.RawMessage); !ok || !strings.Contains(string(report), `"valid"`) {
		t.Errorf("the report came back as %#v, want its JSON", got.Evidence[0].Report)
	}
	if got.Evidence[1].Report != nil {
		t.Errorf("no report came back as %#v", got.Evidence[1].Report)
	}
	if !got.Call.ArrivedAt.Equal(Record(1).Call.ArrivedAt) || got.Verdict.Standing != call.PartlyVerified {
		t.Errorf("Call = %+v", got)
	}
}

func isThereAfterwards(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(1), Record(2))
	shut(t, s)
	s = opened(t, open)
	isKept(t, s, Record(1))
	isKept(t, s, Record(2))
}

func isSettledInPlace(t *testing.T, open Place) {
	s := opened(t, open)
	for n, state := range []call.State{call.Settled, call.Abandoned} {
		held := Record(n)
		held.State, held.Action, held.Evidence = call.Open, call.Action{Kind: call.Hold}, held.Evidence[:1]
		held.Verdict = call.Verdict{Standing: call.Unverified}
		put(t, s, held)
		isKept(t, s, held)
		held.Evidence = append(slices.Clip(held.Evidence), call.Evidence{Kind: call.Inquiry, Reason: call.Asking})
		put(t, s, held)
		isKept(t, s, held)
		end := Record(n)
		end.State = state
		put(t, s, end)
		isKept(t, s, end)
	}
	recs, err := s.Calls(t.Context(), store.Filter{Standings: []call.Standing{call.Unverified}})
	if err != nil || len(recs) != 0 {
		t.Errorf("the verdict before is still found: %v, %v", recs, err)
	}
	recs, err = s.Calls(t.Context(), store.Filter{})
	if err != nil || len(recs) != 2 {
		t.Errorf("Calls = %d records, %v, want 2", len(recs), err)
	}
}

func sameAgain(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(1), Record(1))
	read, err := s.Call(t.Context(), Record(1).Call.ID)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, read)
	isKept(t, s, Record(1))
}

func neverChanges(t *testing.T, open Place) {
	s := opened(t, open)
	for n, state := range []call.State{call.Settled, call.Abandoned, call.Interrupted} {
		rec := Record(n)
		rec.State = state
		put(t, s, rec)
		for name, change := range map[string]func(*call.Record){
			"opened again":      func(r *call.Record) { r.State = call.Open },
			"another action":    func(r *call.Record) { r.Action.Kind = call.Reject },
			"another verdict":   func(r *call.Record) { r.Verdict.Standing = call.Verified },
			"one more evidence": func(r *call.Record) { r.Evidence = append(slices.Clip(r.Evidence), call.Evidence{Kind: call.Voice}) },
			"another time":      func(r *call.Record) { r.SettledAt = r.SettledAt.Add(time.Nanosecond) },
		} {
			other := rec
			change(&other)
			if err := s.RecordCall(t.Context(), other); !errors.Is(err, store.ErrExists) {
				t.Errorf("%s, %s: RecordCall = %v, want that it exists", state, name, err)
			}
		}
		isKept(t, s, rec)
	}
}

func notFound(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(1))
	for _, id := range []string{"", "01KA", Record(2).Call.ID} {
		if rec, err := s.Call(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Call(%q) = %+v, %v, want not found", id, rec, err)
		}
	}
}

func withoutID(t *testing.T, open Place) {
	s := opened(t, open)
	for _, rec := range []call.Record{{State: call.Settled}, {Call: Record(1).Call}} {
		if err := s.RecordCall(t.Context(), rec); err == nil {
			t.Errorf("RecordCall took %+v", rec)
		}
	}
	if recs, err := s.Calls(t.Context(), store.Filter{}); err != nil || len(recs) > 0 {
		t.Errorf("Calls = %v, %v, want none", recs, err)
	}
}

func takesNoOther(t *testing.T, open Place) {
	s := opened(t, open)
	put(t, s, Record(0))
	var writers sync.WaitGroup
	for n := range 40 {
		writers.Go(func() {
			rec := Record(n)
			switch n % 4 {
			case 0: // known, with other content; the first of them only
				rec = Record(0)
				rec.Action.Kind = call.Reject
				if err := s.RecordCall(t.Context(), rec); !errors.Is(err, store.ErrExists) {
					t.Errorf("RecordCall = %v, want that it exists", err)
				}
			case 1:
				rec.Evidence[0].Report = func() {}
				if err := s.RecordCall(t.Context(), rec); err == nil {
					t.Error("RecordCall took a report that is no data")
				}
			default:
				if err := s.RecordCall(t.Context(), rec); err != nil {
					t.Errorf("RecordCall(%d) = %v", n, err)
				}
			}
		})
	}
	writers.Wait()
	recs, err := s.Calls(t.Context(), store.Filter{})
	if err != nil || len(recs) != 21 {
		t.Errorf("Calls = %d records, %v, want 21", len(recs), err)
	}
	isKept(t, s, Record(0))
}

func hostileText(t *testing.T, open Place) {
	s := opened(t, open)
	var writers sync.WaitGroup
	defer writers.Wait()
	for n, text := range []string{"", "\x00", "'; DROP TABLE calls; --", "\u202e", `{"}`, "</script>", strings.Repeat("x", 1<<17)} {
		rec := Record(n)
		rec.Call.DisplayName, rec.Call.Signalling.CallID, rec.Call.Trunk = text, text, text
		rec.Call.Calling.TN, rec.Call.Calling.URI = "", "sip:"+text
		rec.Evidence[0].Report = text
		writers.Go(func() {
			if err := s.RecordCall(t.Context(), rec); err != nil {
				t.Errorf("RecordCall(%.20q) = %v", text, err)
			}
			isKept(t, s, rec)
		})
	}
	rec := Record(99)
	rec.Call.DisplayName = "not \xff UTF-8"
	put(t, s, rec, rec)
	got, err := s.Call(t.Context(), rec.Call.ID)
	if err != nil || got.Call.DisplayName != "not \ufffd UTF-8" {
		t.Errorf("Call = %q, %v", got.Call.DisplayName, err)
	}
}

func callerGone(t *testing.T, open Place) {
	s := opened(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.RecordCall(ctx, Record(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("RecordCall = %v, want canceled", err)
	}
	if _, err := s.Call(t.Context(), Record(1).Call.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Call = %v, want not found", err)
	}
}

func closed(t *testing.T, open Place) {
	s := opened(t, open)
	shut(t, s)
	shut(t, s)
	ctx := t.Context()
	_, one := s.Call(ctx, "x")
	_, many := s.Calls(ctx, store.Filter{})
	_, interrupted := s.InterruptOpen(ctx)
	_, pruned := s.Prune(ctx, Arrived)
	_, prunable := s.PruneDryRun(ctx, Arrived)
	_, erased := s.Erase(ctx, Erasable, erasing)
	_, erasable := s.EraseDryRun(ctx, Erasable)
	for name, err := range map[string]error{
		"RecordCall": s.RecordCall(ctx, Record(1)), "Call": one, "Calls": many, "InterruptOpen": interrupted,
		"Prune": pruned, "PruneDryRun": prunable, "Erase": erased, "EraseDryRun": erasable,
		"Add": s.Add(ctx, "x", call.Timings{Ended: Arrived}),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s = %v, want closed", name, err)
		}
	}
}
