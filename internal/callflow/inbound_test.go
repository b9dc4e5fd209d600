package callflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/call"
)

// cheapThenOffice asks for what costs nothing in silence, then holds and asks the office.
var cheapThenOffice = steps{
	asks: []step{{"", call.InBand}, {"", call.Directory}, {call.Hold, call.Inquiry}},
	last: call.Connect,
}

func inbound(h *house, p decider, takes time.Duration, answers map[call.Kind]call.Reason) *Inbound {
	return &Inbound{Policy: p, Evidence: &sources{h, answers, takes}, Records: h, Gateway: h, Now: time.Now}
}

func TestACallIsRecordedBeforeItIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, start := newHouse(t), time.Now()
		p := steps{asks: []step{{"", call.InBand}, {"", call.Directory}}, last: call.Connect}
		rec, err := inbound(h, p, time.Second, map[call.Kind]call.Reason{
			call.InBand: call.AttestedFull, call.Directory: call.OfficeNumber,
		}).Handle(t.Context(), aCall())
		noFault(t, err)
		h.expect("ask [in-band]", "ask [directory]", "record settled", "connect")
		if rec.State != call.Settled || rec.Verdict.Standing != call.PartlyVerified || len(rec.Evidence) != 2 {
			t.Errorf("Handle = %+v", rec)
		}
		if !rec.SettledAt.Equal(start.Add(2 * time.Second)) {
			t.Errorf("settled at %v, want two seconds after %v", rec.SettledAt, start)
		}
	})
}

func TestACallIsHeldUntilTheOfficeAnswers(t *testing.T) {
	for answer, want := range map[call.Reason]string{call.Placed: "connect", call.NotPlaced: "reject", call.InquiryFailed: "connect"} {
		t.Run(string(answer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, start := newHouse(t), time.Now()
				rec, err := inbound(h, cheapThenOffice, 9*time.Second, map[call.Kind]call.Reason{
					call.InBand: call.NoIdentity, call.Directory: call.OfficeNumber, call.Inquiry: answer,
				}).Handle(t.Context(), aCall())
				noFault(t, err)
				h.expect("ask [in-band]", "ask [directory]", "record open", "hold", "ask [inquiry]", "record settled", want)
				if took := time.Since(start); took != 27*time.Second {
					t.Errorf("took %v, want 27s", took)
				}
				if got := h.kept[rec.Call.ID]; got.State != call.Settled || got.Verdict.Incomplete != (answer == call.InquiryFailed) {
					t.Errorf("the record is %+v", got)
				}
			})
		})
	}
}

func TestACallThatIsHeldForTwoQuestionsIsPutOnHoldOnce(t *testing.T) {
	h := newHouse(t)
	p := steps{asks: []step{{call.Hold, call.Inquiry}, {call.Hold, call.Contact}}, last: call.Screen}
	_, err := inbound(h, p, 0, nil).Handle(t.Context(), aCall())
	noFault(t, err)
	h.expect("record open", "hold", "ask [inquiry]", "ask [contact]", "record settled", "screen")
}

func TestACallerWhoHangsUpIsRecordedAsAbandonedAndNothingIsDone(t *testing.T) {
	cases := []struct {
		name  string
		after time.Duration
		story []string
	}{
		{"before anything", -1, []string{"record abandoned"}},
		{"while the cheap evidence is asked for", 3 * time.Second, []string{"ask [in-band]", "record abandoned"}},
		{"while held", 20 * time.Second, []string{
			"ask [in-band]", "ask [directory]", "record open", "hold", "ask [inquiry]", "record abandoned"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, start := newHouse(t), time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tc.after)
				defer cancel()
				rec, err := inbound(h, cheapThenOffice, 9*time.Second, map[call.Kind]call.Reason{
					call.InBand: call.NumberOfAnother,
				}).Handle(ctx, aCall())
				noFault(t, err)
				h.expect(tc.story...)
				if rec.State != call.Abandoned || rec.Action.Kind != "" || !rec.SettledAt.IsZero() {
					t.Errorf("Handle = %+v, want abandoned and undecided", rec)
				}
				if h.kept[rec.Call.ID].State != call.Abandoned {
					t.Errorf("the durable record is %v", h.kept[rec.Call.ID].State)
				}
				if took, most := time.Since(start), max(tc.after, 0); took != most {
					t.Errorf("took %v, want %v", took, most)
				}
			})
		})
	}
}

func TestTheVerdictOfAnAbandonedCallIsThatOfAllItsEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		rec, err := inbound(newHouse(t), cheapThenOffice, 9*time.Second, map[call.Kind]call.Reason{
			call.InBand: call.NumberOfAnother,
		}).Handle(ctx, aCall())
		noFault(t, err)
		if rec.Verdict.Standing != call.Refuted || !rec.Verdict.Incomplete || len(rec.Evidence) != 2 {
			t.Errorf("Handle = %+v, want refuted by the first answer, and the second failed", rec)
		}
	})
}

func TestACallThatCannotBeRecordedIsNotLost(t *testing.T) {
	cases := []struct {
		name  string
		full  []call.State
		story []string
		state call.State
	}{
		{"at the end", []call.State{call.Settled},
			[]string{"ask [in-band]", "ask [directory]", "record open", "hold", "ask [inquiry]", "record settled", "connect"}, call.Open},
		{"before the hold", []call.State{call.Open},
			[]string{"ask [in-band]", "ask [directory]", "record open", "record settled", "connect"}, call.Settled},
		{"ever", []call.State{call.Open, call.Settled},
			[]string{"ask [in-band]", "ask [directory]", "record open", "record settled", "connect"}, call.Open},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			h.full = tc.full
			rec, err := inbound(h, cheapThenOffice, 0, map[call.Kind]call.Reason{
				call.InBand: call.NumberOfAnother,
			}).Handle(t.Context(), aCall())
			h.expect(tc.story...)
			if !errors.Is(err, errDiskFull) || !strings.Contains(err.Error(), "recording call "+rec.Call.ID) {
				t.Errorf("the fault is %v, want that the disk is full", err)
			}
			if rec.State != tc.state || rec.Action.Rule != "outage" || h.phone.Action.Rule != "outage" {
				t.Errorf("Handle = %v by %q, want %v by the outage rule", rec.State, rec.Action.Rule, tc.state)
			}
			if rec.Verdict.Standing != call.Refuted {
				t.Errorf("the verdict shown is %v, want refuted all the same", rec.Verdict.Standing)
			}
		})
	}
}

func TestAnAbandonedCallThatCannotBeRecordedIsAFault(t *testing.T) {
	h := newHouse(t)
	h.full = []call.State{call.Abandoned}
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	_, err := inbound(h, cheapThenOffice, 0, nil).Handle(ctx, aCall())
	if !errors.Is(err, errDiskFull) {
		t.Errorf("Handle = %v, want that the disk is full", err)
	}
	h.expect("record abandoned")
}

func TestAGatewayThatFailsIsAFault(t *testing.T) {
	h := newHouse(t)
	h.deaf = []call.ActionKind{call.Connect}
	rec, err := inbound(h, steps{last: call.Connect}, 0, nil).Handle(t.Context(), aCall())
	if err == nil || !strings.Contains(err.Error(), "carrying out connect on call "+rec.Call.ID) {
		t.Errorf("Handle = %v, want the gateway's failure", err)
	}
	if rec.State != call.Settled {
		t.Errorf("the record is %v, it was settled", rec.State)
	}
}

func TestAGatewayThatCannotHoldMeetsTheOutage(t *testing.T) {
	h := newHouse(t)
	h.deaf = []call.ActionKind{call.Hold}
	_, err := inbound(h, cheapThenOffice, 0, nil).Handle(t.Context(), aCall())
	if err == nil {
		t.Error("Handle returned no fault")
	}
	h.expect("ask [in-band]", "ask [directory]", "record open", "hold", "record settled", "connect")
	if h.phone.Action.Rule != "outage" {
		t.Errorf("connected by %q, want the outage rule", h.phone.Action.Rule)
	}
}

// greedy is a policy that is never content.
type greedy struct {
	steps
	ask func(round int) []call.Kind
}

func (g greedy) Decide(_ *call.Call, ev []call.Evidence, _ call.Verdict) (call.Action, []call.Kind) {
	return call.Action{Kind: call.Hold}, g.ask(len(ev))
}

func TestAPolicyThatNeverEndsIsEndedForIt(t *testing.T) {
	cases := []struct {
		name string
		ask  func(int) []call.Kind
		asks int
	}{
		{"asks the same again", func(int) []call.Kind { return []call.Kind{call.Inquiry, call.Inquiry} }, 1},
		{"invents kinds", func(n int) []call.Kind { return []call.Kind{call.Kind(fmt.Sprint("kind-", n))} }, maxRounds},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			rec, err := inbound(h, greedy{ask: tc.ask}, 0, nil).Handle(t.Context(), aCall())
			if err == nil || !strings.Contains(err.Error(), "policy") {
				t.Errorf("Handle = %v, want the policy's fault", err)
			}
			if rec.State != call.Settled || rec.Action.Rule != "outage" || len(rec.Evidence) != tc.asks {
				t.Errorf("Handle = %+v with %d answers, want the outage after %d", rec.Action, len(rec.Evidence), tc.asks)
			}
		})
	}
}

func TestTheCallItselfIsNotChanged(t *testing.T) {
	c := aCall()
	before := fmt.Sprintf("%+v", *c)
	_, err := inbound(newHouse(t), cheapThenOffice, 0, nil).Handle(t.Context(), c)
	noFault(t, err)
	if after := fmt.Sprintf("%+v", *c); after != before {
		t.Errorf("the call was %s\nand is %s", before, after)
	}
}
