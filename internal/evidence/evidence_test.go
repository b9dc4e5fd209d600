package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/evidence"
	"pgregory.net/rapid"
)

// source is a source that answers as its function does.
type source struct {
	kind call.Kind
	ask  func(context.Context) call.Evidence
}

func (s source) Kind() call.Kind { return s.kind }

func (s source) Ask(ctx context.Context, _ *call.Call) call.Evidence { return s.ask(ctx) }

// says answers after a while, and fails with a detail of its own if it may not take
// that long.
func says(kind call.Kind, after time.Duration, r call.Reason) source {
	return source{kind, func(ctx context.Context) call.Evidence {
		select {
		case <-time.After(after):
			return call.Evidence{Reason: r}
		case <-ctx.Done():
			return call.Evidence{Reason: kind.Failed(), Detail: "cut short"}
		}
	}}
}

// waits never answers, and returns reason r once its context is done.
func waits(kind call.Kind, r call.Reason) source {
	return source{kind, func(ctx context.Context) call.Evidence {
		<-ctx.Done()
		return call.Evidence{Reason: r}
	}}
}

func collector(t *testing.T, fault func(error), sources ...evidence.Limited) *evidence.Collector {
	t.Helper()
	col, err := evidence.New(time.Now, fault, sources...)
	if err != nil {
		t.Fatal(err)
	}
	return col
}

func limited(s source, budget time.Duration) evidence.Limited {
	return evidence.Limited{Source: s, Budget: budget}
}

func reasons(ev []call.Evidence) []call.Reason {
	var rs []call.Reason
	for _, e := range ev {
		rs = append(rs, e.Reason)
	}
	return rs
}

func TestSourcesAreAskedSideBySideAndAnsweredInTheOrderAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		col := collector(t, nil,
			limited(says(call.InBand, 3*time.Second, call.AttestedFull), 4*time.Second),
			limited(says(call.Directory, 2*time.Second, call.OfficeNumber), 4*time.Second))
		start := time.Now()
		ev := col.Collect(t.Context(), &call.Call{}, nil, call.InBand, call.Directory)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want the longer of 2 s and 3 s", took)
		}
		if got, want := reasons(ev), []call.Reason{call.AttestedFull, call.OfficeNumber}; !slices.Equal(got, want) {
			t.Errorf("Collect = %q, want %q", got, want)
		}
		if at := ev[1].At; !at.Equal(start.Add(3 * time.Second)) {
			t.Errorf("an answer without a time is of %v, want the time of collecting", at)
		}
		if ev[0].Kind != call.InBand || ev[1].Kind != call.Directory {
			t.Errorf("kinds %q and %q", ev[0].Kind, ev[1].Kind)
		}
	})
}

func TestASpentBudgetIsAFailedCheckWhateverTheSourceThenSays(t *testing.T) {
	cases := []struct {
		name   string
		source source
		want   call.Reason
		detail string
	}{
		{"nothing", waits(call.InBand, ""), call.InBandFailed, "no answer within 2s"},
		{"absent", waits(call.InBand, call.NoIdentity), call.InBandFailed, "no answer within 2s"},
		{"support", waits(call.InBand, call.AttestedFull), call.InBandFailed, "no answer within 2s"},
		{"its own failure", says(call.InBand, time.Minute, call.AttestedFull), call.InBandFailed, "cut short"},
		{"no failure of its kind", waits(call.Voice, call.VoiceFamiliar), call.CheckFailed, "no answer within 2s"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				col := collector(t, nil, limited(tc.source, 2*time.Second))
				start := time.Now()
				ev := col.Collect(t.Context(), &call.Call{}, nil, tc.source.kind)
				if took := time.Since(start); took != 2*time.Second {
					t.Errorf("took %v, want 2s", took)
				}
				if len(ev) != 1 || ev[0].Reason != tc.want || ev[0].Detail != tc.detail || ev[0].Kind != tc.source.kind {
					t.Errorf("Collect = %+v, want one %q, %q", ev, tc.want, tc.detail)
				}
			})
		})
	}
}

func TestACallerWhoHangsUpEndsTheAskingAndKeepsWhatWasLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		col := collector(t, nil,
			limited(says(call.Directory, time.Second, call.OfficeNumber), time.Minute),
			limited(waits(call.Inquiry, call.Placed), time.Minute))
		ctx, hangUp := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, hangUp)
		start := time.Now()
		ev := col.Collect(ctx, &call.Call{}, nil, call.Inquiry, call.Directory)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want to end with the call after 5s", took)
		}
		if got, want := reasons(ev), []call.Reason{call.InquiryFailed, call.OfficeNumber}; !slices.Equal(got, want) {
			t.Errorf("Collect = %q, want %q", got, want)
		}
		if !strings.Contains(ev[0].Detail, "hung up") {
			t.Errorf("the detail is %q", ev[0].Detail)
		}
	})
}

func TestAPanicIsOurOwnFaultAndTheKindIsFailed(t *testing.T) {
	var faults []error
	col := collector(t, func(err error) { faults = append(faults, err) },
		limited(source{call.InBand, func(context.Context) call.Evidence { panic("no such thing") }}, time.Second),
		limited(says(call.Directory, 0, call.NotListed), time.Second))
	ev := col.Collect(t.Context(), &call.Call{}, nil, call.InBand, call.Directory)
	if got, want := reasons(ev), []call.Reason{call.InBandFailed, call.NotListed}; !slices.Equal(got, want) {
		t.Errorf("Collect = %q, want %q", got, want)
	}
	if ev[0].Detail == "" || strings.Contains(ev[0].Detail, "no such thing") {
		t.Errorf("the detail is %q, want a sentence without the panic's own words", ev[0].Detail)
	}
	if len(faults) != 1 {
		t.Fatalf("%d faults, want 1: %v", len(faults), faults)
	}
	p, ok := errors.AsType[*evidence.Panic](faults[0])
	if !ok || p.Kind != call.InBand || p.Value != "no such thing" || !strings.Contains(string(p.Stack), "evidence_test.go") {
		t.Errorf("the fault is %#v", faults[0])
	}
}

func TestASourceThatPanicsWithNobodyToTellStillAnswers(t *testing.T) {
	col := collector(t, nil, limited(source{call.InBand, func(context.Context) call.Evidence { panic("x") }}, time.Second))
	if got := reasons(col.Collect(t.Context(), &call.Call{}, nil, call.InBand)); !slices.Equal(got, []call.Reason{call.InBandFailed}) {
		t.Errorf("Collect = %q, want failed", got)
	}
}

func TestASourceThatEndsItsGoroutineIsFailed(t *testing.T) {
	col := collector(t, nil, limited(source{call.InBand, func(context.Context) call.Evidence {
		runtime.Goexit()
		return call.Evidence{}
	}}, time.Second))
	ev := col.Collect(t.Context(), &call.Call{}, nil, call.InBand)
	if len(ev) != 1 || ev[0].Reason != call.InBandFailed || ev[0].Kind != call.InBand {
		t.Errorf("Collect = %+v, want one failed answer", ev)
	}
}

func TestWhatIsNoAnswerToTheQuestionIsFailed(t *testing.T) {
	for _, r := range []call.Reason{"", "trust-me", call.Placed, call.WordsRight} {
		col := collector(t, nil, limited(says(call.InBand, 0, r), time.Second))
		if got := reasons(col.Collect(t.Context(), &call.Call{}, nil, call.InBand)); !slices.Equal(got, []call.Reason{call.InBandFailed}) {
			t.Errorf("a source of in-band evidence says %q: Collect = %q, want failed", r, got)
		}
	}
}

func TestAKindThatNobodyAnswersForIsFailed(t *testing.T) {
	col := collector(t, nil)
	ev := col.Collect(t.Context(), &call.Call{}, nil, call.Inquiry, call.Voice, "no-such-kind")
	want := []call.Reason{call.InquiryFailed, call.CheckFailed, call.CheckFailed}
	if got := reasons(ev); !slices.Equal(got, want) {
		t.Errorf("Collect = %q, want %q", got, want)
	}
}

func TestAnAnswerKeepsItsOwnTimeSourceAndReport(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	col := collector(t, nil, limited(source{call.InBand, func(context.Context) call.Evidence {
		return call.Evidence{Reason: call.AttestedFull, At: at, Source: "SHAKEN 1234", Report: 7}
	}}, time.Second))
	e := col.Collect(t.Context(), &call.Call{}, nil, call.InBand)[0]
	if !e.At.Equal(at) || e.Source != "SHAKEN 1234" || e.Report != 7 || e.Kind != call.InBand {
		t.Errorf("Collect = %+v", e)
	}
}

func TestTwoSourcesOfOneKindAndBudgetsOfNothingAreRefused(t *testing.T) {
	in := says(call.InBand, 0, call.NoIdentity)
	if _, err := evidence.New(time.Now, nil, limited(in, 1), limited(in, 1)); err == nil {
		t.Error("two sources of one kind were taken")
	}
	if _, err := evidence.New(time.Now, nil, limited(in, 0)); err == nil {
		t.Error("a budget of nothing was taken")
	}
}

func TestEveryKindAskedForIsAnsweredExactlyOnce(t *testing.T) {
	kinds := []call.Kind{call.InBand, call.Directory, call.Inquiry, call.Voice, "no-such-kind"}
	rapid.Check(t, func(rt *rapid.T) {
		have := rapid.SliceOfDistinct(rapid.SampledFrom(kinds), rapid.ID[call.Kind]).Draw(rt, "have")
		ask := rapid.SliceOfN(rapid.SampledFrom(kinds), 0, 8).Draw(rt, "ask")
		delay := rapid.IntRange(0, 3).Draw(rt, "delay")
		hangUp := rapid.IntRange(1, 4).Draw(rt, "hang up")
		var got []call.Evidence
		synctest.Test(t, func(t *testing.T) {
			asked := make(chan call.Kind, len(ask))
			var sources []evidence.Limited
			for i, k := range kinds[:4] {
				s := says(k, time.Duration(i*delay)*time.Second, call.CheckFailed)
				inner := s.ask
				s.ask = func(ctx context.Context) call.Evidence { asked <- k; return inner(ctx) }
				sources = append(sources, limited(s, 5*time.Second))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(hangUp)*time.Second)
			defer cancel()
			var known []call.Evidence
			for _, k := range have {
				known = append(known, call.Evidence{Kind: k})
			}
			got = collector(t, nil, sources...).Collect(ctx, &call.Call{}, known, ask...)
			close(asked)
			times := map[call.Kind]int{}
			for k := range asked {
				if times[k]++; times[k] > 1 || slices.Contains(have, k) {
					t.Errorf("%q was asked %d times, known %v", k, times[k], slices.Contains(have, k))
				}
			}
		})
		answered := map[call.Kind]int{}
		for _, e := range got {
			answered[e.Kind]++
		}
		for _, k := range kinds {
			want := 0
			if slices.Contains(ask, k) && !slices.Contains(have, k) {
				want = 1
			}
			if answered[k] != want {
				rt.Fatalf("have %q, ask %q: %q answered %d times, want %d", have, ask, k, answered[k], want)
			}
		}
	})
}

func ExampleCollector() {
	col, err := evidence.New(time.Now, nil, evidence.Limited{
		Source: says(call.Directory, 0, call.NotListed), Budget: time.Second,
	})
	if err != nil {
		panic(err)
	}
	for _, e := range col.Collect(context.Background(), &call.Call{}, nil, call.Directory, call.Inquiry) {
		fmt.Println(e.Kind, e.Result())
	}
	// Output:
	// directory absent
	// inquiry failed
}
