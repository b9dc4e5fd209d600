package callflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/call"
)

// notary asserts and signs, as far as it is let.
type notary struct {
	house  *house
	why    string
	takes  time.Duration
	err    error
	fields []string
}

func (n *notary) Assert(c *call.Call, origid string) call.Assertion {
	if n.why != "" {
		return call.Assertion{Why: n.why}
	}
	return call.Assertion{Attest: "A", Orig: c.Calling, Origid: origid, IssuedAt: c.ArrivedAt}
}

func (n *notary) Outage(*call.Call) call.Action {
	return call.Action{Kind: call.Connect, Rule: "outage"}
}

func (n *notary) Sign(ctx context.Context, c *call.Call, a call.Assertion) ([]string, error) {
	n.house.tell("sign %s", a.Attest)
	select {
	case <-time.After(n.takes):
		return n.fields, n.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

const field = "eyJ...;info=<https://cr.example/a.pem>;ppt=shaken"

func outbound(h *house, n *notary) *Outbound {
	return &Outbound{Policy: n, Authentication: n, Records: h, Gateway: h,
		Origid: func() string { return "0f8b0a2e-6a6e-4c44-9d38-6a2f1f6d1a55" }, Now: time.Now}
}

func anOutboundCall() *call.Call {
	c := aCall()
	c.Direction, c.Office = call.Outbound, call.Office{}
	c.Calling.TN, c.Called.TN = "12155550100", "442079460123"
	return c
}

func TestACallLeavesSignedAfterItsRecordIsDurable(t *testing.T) {
	h := newHouse(t)
	rec, err := outbound(h, &notary{house: h, fields: []string{field}}).Handle(t.Context(), anOutboundCall())
	noFault(t, err)
	h.expect("sign A", "record settled", "connect")
	if !slices.Equal(h.phone.Signed, []string{field}) || rec.Assertion.Origid != "0f8b0a2e-6a6e-4c44-9d38-6a2f1f6d1a55" {
		t.Errorf("it left with %q, asserting %+v", h.phone.Signed, rec.Assertion)
	}
	if rec.Verdict.Standing != call.Unverified || rec.SettledAt.IsZero() {
		t.Errorf("the record is %+v, want unverified, which is no judgement", rec)
	}
}

func TestACallThatIsNotOursToSignLeavesUnsigned(t *testing.T) {
	h := newHouse(t)
	rec, err := outbound(h, &notary{house: h, why: "not one of our numbers"}).Handle(t.Context(), anOutboundCall())
	noFault(t, err)
	h.expect("record settled", "connect")
	if len(rec.Signed) > 0 || rec.Assertion.Why != "not one of our numbers" || rec.Action.Rule == "outage" {
		t.Errorf("Handle = %+v", rec)
	}
}

func TestACallThatCannotBeSignedLeavesUnsignedAndSaysWhy(t *testing.T) {
	cases := []struct {
		name   string
		notary notary
		why    string
	}{
		{"the key is gone", notary{err: errors.New("reading key own.pem: no such file")}, "reading key own.pem"},
		{"there is no field", notary{}, "no Identity header field"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			tc.notary.house = h
			rec, err := outbound(h, &tc.notary).Handle(t.Context(), anOutboundCall())
			if err == nil || !strings.Contains(err.Error(), tc.why) {
				t.Errorf("Handle = %v, want the fault %q", err, tc.why)
			}
			h.expect("sign A", "record settled", "connect")
			kept := h.kept[rec.Call.ID]
			if len(kept.Signed) > 0 || kept.Assertion.Attest != "" || !strings.Contains(kept.Assertion.Why, tc.why) {
				t.Errorf("the record is %+v, want unsigned with the reason", kept)
			}
			if rec.Action.Rule != "outage" {
				t.Errorf("it left by %q, want the outage rule", rec.Action.Rule)
			}
		})
	}
}

func TestACallThatCannotBeRecordedLeavesUnsigned(t *testing.T) {
	h := newHouse(t)
	h.full = []call.State{call.Settled}
	rec, err := outbound(h, &notary{house: h, fields: []string{field}}).Handle(t.Context(), anOutboundCall())
	if !errors.Is(err, errDiskFull) {
		t.Errorf("Handle = %v, want that the disk is full", err)
	}
	h.expect("sign A", "record settled", "connect")
	if len(h.phone.Signed) > 0 || rec.State != call.Open || rec.Assertion.Why == "" || rec.Action.Rule != "outage" {
		t.Errorf("Handle = %+v, want unsigned, not durable, by the outage rule", rec)
	}
}

func TestACallerWhoHangsUpWhileWeSignIsRecordedAsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		rec, err := outbound(h, &notary{house: h, fields: []string{field}, takes: time.Minute}).Handle(ctx, anOutboundCall())
		noFault(t, err)
		h.expect("sign A", "record abandoned")
		if rec.State != call.Abandoned || len(rec.Signed) > 0 || rec.Action.Kind != "" {
			t.Errorf("Handle = %+v", rec)
		}
	})
}
