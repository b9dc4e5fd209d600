package storetest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store/storetest"
)

func rowOf(t *testing.T, rec call.Record) storetest.Row {
	t.Helper()
	text, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Row{ID: rec.Call.ID, State: string(rec.State), Calling: string(rec.Call.Calling.TN),
		Called: string(rec.Call.Called.TN), Standing: rec.Verdict.Standing.String(), Record: string(text)}
}

// An auditor who finds nothing wrong with anything is no auditor.
func TestTheAuditorSeesWhatIsWrong(t *testing.T) {
	one, two := rowOf(t, storetest.Record(1)), rowOf(t, storetest.Record(2))
	held := storetest.Record(2)
	held.State, held.Action = call.Open, call.Action{Kind: call.Hold}
	acknowledged := map[int]string{1: "settled", 2: "settled"}
	if got := storetest.Check([]storetest.Row{one, two}, acknowledged); len(got) > 0 {
		t.Errorf("what is right: %q", got)
	}
	cases := map[string][]storetest.Row{
		"is not there":                     {one},
		"acknowledged as settled and is":   {one, rowOf(t, held)},
		"have 2 IDs":                       {one, two, two},
		"is not whole: unexpected end":     {one, func() storetest.Row { r := two; r.Record = r.Record[:200]; return r }()},
		"its columns are not those":        {one, func() storetest.Row { r := two; r.Standing = "verified"; return r }()},
		"it is another call's record":      {one, rowOf(t, func() call.Record { r := storetest.Record(3); r.Call.ID = two.ID; return r }())},
		"something is missing":             {one, rowOf(t, func() call.Record { r := storetest.Record(2); r.Evidence = nil; return r }())},
		"it is settled, with the action h": {one, rowOf(t, func() call.Record { r := storetest.Record(2); r.Action = held.Action; return r }())},
	}
	for want, rows := range cases {
		if got := strings.Join(storetest.Check(rows, acknowledged), "\n"); !strings.Contains(got, want) {
			t.Errorf("Check = %q, want %q", got, want)
		}
	}
}
