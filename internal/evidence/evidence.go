// Package evidence asks the sources of evidence about a call, side by side and each
// within its budget, and gives exactly one answer for every kind that was asked for.
//
// Start with [Source], which each room that can learn something implements, and
// [Collector.Collect].
//
// Whatever a source does, its kind is answered: with what it learned, or with the
// kind's failed reason when its budget is spent, when the caller hung up, when it
// answers for another kind, when it panics, or when there is no source. A check that
// was cut short never reads as absent. A Collector may be used by many goroutines; it
// leaves none behind.
//
// What an answer is worth is package verdict's business, and which kinds to ask for
// package policy's.
package evidence

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"countersign.example/internal/call"
)

// Source learns one kind of thing about calls.
type Source interface {
	// Kind is the kind of evidence that the source gives, always the same.
	Kind() call.Kind

	// Ask answers for one call, with a reason of its kind. It must return soon after
	// ctx is done, since Collect waits for it, and must leave the call unchanged. The
	// answer's Kind and At may be left out. Ask may be called from many goroutines.
	Ask(ctx context.Context, c *call.Call) call.Evidence
}

// Limited is a source and its budget: how long it may take over one call. The budget
// is above zero.
type Limited struct {
	Source Source
	Budget time.Duration
}

// Panic is a fault of our own: a source panicked. The call goes on, with the kind
// failed.
type Panic struct {
	Kind  call.Kind
	Value any
	// Stack is where, as debug.Stack writes it.
	Stack []byte
}

// Error returns the kind and the value, without the stack.
func (p *Panic) Error() string {
	return fmt.Sprintf("asking for %s evidence: panic: %v", p.Kind, p.Value)
}

// Collector asks sources. Make one with [New].
type Collector struct {
	now     func() time.Time
	fault   func(error)
	sources map[call.Kind]Limited
}

// New returns a collector over the sources. It returns an error if two sources give
// the same kind or a budget is not above zero. Answers that name no time get that of
// now. Faults of our own, a [*Panic] each, are handed to fault, which may be nil and
// is called from the goroutine that collects.
func New(now func() time.Time, fault func(error), sources ...Limited) (*Collector, error) {
	col := &Collector{now: now, fault: fault, sources: make(map[call.Kind]Limited, len(sources))}
	if fault == nil {
		col.fault = func(error) {}
	}
	for _, s := range sources {
		kind := s.Source.Kind()
		if _, twice := col.sources[kind]; twice {
			return nil, fmt.Errorf("evidence: two sources give %s", kind)
		}
		if s.Budget <= 0 {
			return nil, fmt.Errorf("evidence: the budget of %s is %v, it must be above zero", kind, s.Budget)
		}
		col.sources[kind] = s
	}
	return col, nil
}

// Collect asks for the kinds and returns one answer each, in the order asked. A kind
// that have answers already is not asked again, and one that is named twice is asked
// once.
//
// It returns when every source has answered or given up: at the latest, the greatest
// budget from now, or as soon as ctx is done, which means that the caller has hung up.
// Then what was learned by that time is returned, and the rest is failed. Both limits
// hold only as far as sources honour their context, because Collect waits for each.
func (col *Collector) Collect(ctx context.Context, c *call.Call, have []call.Evidence, ask ...call.Kind) []call.Evidence {
	ask = missing(have, ask)
	answers := make([]call.Evidence, len(ask))
	panics := make([]*Panic, len(ask))
	var asking sync.WaitGroup
	for i, kind := range ask {
		s, ok := col.sources[kind]
		if !ok {
			answers[i] = failed(kind, "nobody answers for this kind")
			continue
		}
		// This stands if the source ends its goroutine instead of returning.
		answers[i] = failed(kind, "the source gave up without an answer")
		asking.Go(func() { answers[i], panics[i] = askOne(ctx, c, kind, s) })
	}
	asking.Wait()
	for i := range answers {
		if answers[i].At.IsZero() {
			answers[i].At = col.now()
		}
		if panics[i] != nil {
			col.fault(panics[i])
		}
	}
	return answers
}

// missing returns the kinds asked for that nobody answered yet, each once.
func missing(have []call.Evidence, ask []call.Kind) []call.Kind {
	var kinds []call.Kind
	for _, k := range ask {
		answered := slices.ContainsFunc(have, func(e call.Evidence) bool { return e.Kind == k })
		if !answered && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}
