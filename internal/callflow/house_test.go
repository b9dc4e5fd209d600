package callflow

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/call"
)

var errDiskFull = errors.New("disk full")

// house is everything around the flow: it keeps records, carries out actions, and writes
// down what happened in which order.
type house struct {
	t *testing.T

	mu sync.Mutex
	// story is what happened, a phrase an event.
	story []string
	kept  map[string]call.Record
	// full makes the records unwritable: those of the states it lists.
	full []call.State
	// deaf makes the gateway fail at the kinds of action it lists.
	deaf []call.ActionKind
	// phone is what the phone was shown last.
	phone call.Record
}

func newHouse(t *testing.T) *house { return &house{t: t, kept: map[string]call.Record{}} }

func (h *house) tell(format string, a ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.story = append(h.story, fmt.Sprintf(format, a...))
}

func (h *house) RecordCall(ctx context.Context, rec call.Record) error {
	h.tell("record %s", rec.State)
	if err := ctx.Err(); err != nil {
		h.t.Errorf("recording %s under a context that has ended: %v", rec.State, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.full, rec.State) {
		return errDiskFull
	}
	if old, ok := h.kept[rec.Call.ID]; ok && old.State != call.Open {
		h.t.Errorf("%s was recorded as %s and again as %s", rec.Call.ID, old.State, rec.State)
	}
	h.kept[rec.Call.ID] = rec
	return nil
}

// Act checks the invariant of the package on every action: it was durable before.
func (h *house) Act(_ context.Context, rec call.Record) error {
	h.tell("%s", rec.Action.Kind)
	h.mu.Lock()
	defer h.mu.Unlock()
	if kept, ok := h.kept[rec.Call.ID]; len(h.full) == 0 && (!ok || !reflect.DeepEqual(kept, rec)) {
		h.t.Errorf("acting on %+v\nwhile the durable record is %+v", rec, kept)
	}
	if slices.Contains(h.deaf, rec.Action.Kind) {
		return errors.New("socket closed")
	}
	h.phone = rec
	return nil
}

// expect compares the story with the events wanted.
func (h *house) expect(events ...string) {
	h.t.Helper()
	if !slices.Equal(h.story, events) {
		h.t.Errorf("the story is %q\nwant %q", h.story, events)
	}
}

// sources answer each kind after a while.
type sources struct {
	house   *house
	answers map[call.Kind]call.Reason
	takes   time.Duration
}

func (s *sources) Collect(ctx context.Context, _ *call.Call, _ []call.Evidence, ask ...call.Kind) []call.Evidence {
	s.house.tell("ask %v", ask)
	if err := ctx.Err(); err != nil {
		s.house.t.Errorf("asking for %q after the caller hung up", ask)
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
	}
	var ev []call.Evidence
	for _, k := range ask {
		r, ok := s.answers[k]
		if !ok || ctx.Err() != nil {
			r = k.Failed()
		}
		ev = append(ev, call.Evidence{Kind: k, Reason: r})
	}
	return ev
}

// steps is a policy in steps: each asks for one kind, with the action for meanwhile, and
// is passed once the kind is answered.
type steps struct {
	asks []step
	last call.ActionKind
	// atMost bounds every question and the last action.
	atMost time.Duration
}

type step struct {
	meanwhile call.ActionKind
	kind      call.Kind
}

func (p steps) Decide(_ *call.Call, ev []call.Evidence, v call.Verdict) (call.Action, []call.Kind) {
	for _, s := range p.asks {
		if !slices.ContainsFunc(ev, func(e call.Evidence) bool { return e.Kind == s.kind }) {
			return call.Action{Kind: s.meanwhile, Rule: "ask", AtMost: p.atMost}, []call.Kind{s.kind}
		}
	}
	if v.Standing == call.Refuted {
		return call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Rule: "refuted"}, nil
	}
	return call.Action{Kind: p.last, Rule: "settled", AtMost: p.atMost}, nil
}

func (steps) Fallback(*call.Call, []call.Evidence, call.Verdict) call.Action {
	return call.Action{Kind: call.Screen, Rule: "nobody decided"}
}

func (steps) Outage(*call.Call) call.Action { return call.Action{Kind: call.Connect, Rule: "outage"} }

// secretary is an operator who takes a while.
type secretary struct {
	house   *house
	takes   time.Duration
	decides call.Action
}

func (s *secretary) Await(ctx context.Context, rec call.Record) (call.Action, bool) {
	s.house.tell("show %s", rec.Verdict.Standing)
	select {
	case <-time.After(s.takes):
		return s.decides, true
	case <-ctx.Done():
		return call.Action{}, false
	}
}

// aCall is a call of an office that a person verified.
func aCall() *call.Call {
	c := &call.Call{ID: "01KA0F7Q6Z8N4T5W2V9XCM3B1D", Direction: call.Inbound, ArrivedAt: time.Now()}
	c.Office = call.Office{Domain: "president.example", Level: call.LevelVerified}
	return c
}

// noFault fails the test if the flow reports a fault of our own.
func noFault(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("Handle returned the fault %v", err)
	}
}
