package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"countersign.example/internal/call"
)

// row is a record as the table holds it.
type row struct {
	id, direction, state, calling, called, office, standing, record string
	arrivedAt                                                       int64
}

// rowOf returns the row of rec. The same record always has the same row.
func rowOf(rec call.Record) (row, error) {
	if rec.Call.ID == "" {
		return row{}, errors.New("recording a call: it has no ID")
	}
	if rec.State == "" {
		return row{}, fmt.Errorf("recording call %s: its record has no state", rec.Call.ID)
	}
	text, err := json.Marshal(rec)
	if err != nil {
		return row{}, fmt.Errorf("recording call %s: %w", rec.Call.ID, err)
	}
	r := row{
		id:        rec.Call.ID,
		direction: string(rec.Call.Direction),
		state:     string(rec.State),
		calling:   string(rec.Call.Calling.TN),
		called:    string(rec.Call.Called.TN),
		office:    rec.Call.Office.Domain,
		record:    string(text),
		arrivedAt: rec.Call.ArrivedAt.UnixMicro(),
	}
	// A call that leaves is not judged, so nobody should find it among the judged.
	if rec.Call.Direction != call.Outbound {
		r.standing = rec.Verdict.Standing.String()
	}
	return r, nil
}

// storedRecord reads a record whose reports stay as they are written.
type storedRecord struct {
	call.Record
	Evidence []storedEvidence
}

type storedEvidence struct {
	call.Evidence
	Report json.RawMessage
}

// recordIn returns the record that was written as text.
func recordIn(id, text string) (call.Record, error) {
	var stored storedRecord
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return call.Record{}, fmt.Errorf("reading the record of call %s: %w", id, err)
	}
	rec := stored.Record
	for _, e := range stored.Evidence {
		if len(e.Report) > 0 && string(e.Report) != "null" {
			e.Evidence.Report = e.Report
		}
		rec.Evidence = append(rec.Evidence, e.Evidence)
	}
	return rec, nil
}
