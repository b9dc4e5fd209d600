package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Row is what a program that shares no code with the store read from the table of calls.
type Row struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Calling  string `json:"calling"`
	Called   string `json:"called"`
	Standing string `json:"standing"`
	Record   string `json:"record"`
}

// RowsQuery is the query by which a Row is read, whatever the program.
const RowsQuery = `SELECT id, state, calling, called, standing, record FROM calls`

// Check looks at the rows as an auditor would: every call that was acknowledged is there,
// in a state no older, and nothing is half there. It knows what the writers of the crash
// tests write, by number, and nothing of the types of the program.
func Check(rows []Row, acknowledged map[int]string) []string {
	byID := make(map[string]Row, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	var complaints []string
	complain := func(format string, a ...any) { complaints = append(complaints, fmt.Sprintf(format, a...)) }
	if len(byID) != len(rows) {
		complain("%d rows have %d IDs", len(rows), len(byID))
	}
	for _, n := range slices.Sorted(maps.Keys(acknowledged)) {
		id := fmt.Sprintf("01KA0F7Q6Z8N4T5W2V%08d", n)
		r, ok := byID[id]
		switch {
		case !ok:
			complain("call %s was acknowledged as %s and is not there", id, acknowledged[n])
		case acknowledged[n] == "settled" && r.State != "settled":
			complain("call %s was acknowledged as settled and is %s", id, r.State)
		}
	}
	for _, r := range rows {
		if err := r.whole(); err != nil {
			complain("call %s is not whole: %v", r.ID, err)
		}
	}
	return complaints
}

// whole returns an error if the row is not what was written as one.
func (r Row) whole() error {
	var rec struct {
		Call struct {
			ID, DisplayName string
			Calling, Called struct{ TN string }
			Signalling      struct{ CallID string }
		}
		State    string
		Evidence []struct{ Kind, Reason string }
		Verdict  struct{ Standing string }
		Action   struct{ Kind string }
	}
	if err := json.Unmarshal([]byte(r.Record), &rec); err != nil {
		return err
	}
	action := map[string]string{"settled": "connect", "open": "hold", "interrupted": "hold"}[r.State]
	switch {
	case rec.Call.ID != r.ID || rec.State != r.State || rec.Call.Calling.TN != r.Calling || rec.Call.Called.TN != r.Called ||
		rec.Verdict.Standing != r.Standing:
		return fmt.Errorf("its columns are not those of its record: %+v", r)
	case rec.Action.Kind != action:
		return fmt.Errorf("it is %s, with the action %s", r.State, rec.Action.Kind)
	case len(rec.Evidence) != 2 || rec.Call.DisplayName != "The President's Office":
		return fmt.Errorf("something is missing in %s", r.Record)
	case strings.TrimLeft(strings.TrimSuffix(rec.Call.Signalling.CallID, "@carrier.example"), "0") !=
		strings.TrimLeft(r.ID[len(r.ID)-8:], "0"):
		return fmt.Errorf("it is another call's record")
	}
	return nil
}
