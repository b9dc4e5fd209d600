package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign.example/internal/call"
)

// row is a record as the table of calls holds it.
type row struct {
	id, direction, state, calling, called, office, standing, record string
	arrivedAt                                                       int64
}

// rowOf returns the row of rec. The same record always has the same row, whatever
// happened since it was settled.
func rowOf(rec call.Record) (row, error) {
	if rec.Call.ID == "" {
		return row{}, errors.New("recording a call: it has no ID")
	}
	if rec.State == "" {
		return row{}, fmt.Errorf("recording call %s: its record has no state", rec.Call.ID)
	}
	rec.Timings, rec.Acts = call.Timings{}, nil
	text, err := json.Marshal(rec)
	if err != nil {
		return row{}, fmt.Errorf("recording call %s: %w", rec.Call.ID, err)
	}
	r := row{
		id:        rec.Call.ID,
		direction: string(rec.Call.Direction),
		state:     string(rec.State),
		calling:   storable(string(rec.Call.Calling.TN)),
		called:    storable(string(rec.Call.Called.TN)),
		office:    storable(rec.Call.Office.Domain),
		record:    string(text),
		arrivedAt: rec.Call.ArrivedAt.UnixMicro(),
	}
	// A call that leaves is not judged, so nobody should find it among the judged.
	if rec.Call.Direction != call.Outbound && rec.State != call.Erased {
		r.standing = rec.Verdict.Standing.String()
	}
	return r, nil
}

// values are the columns that RecordCall writes.
func (r *row) values() []any {
	return []any{r.id, r.arrivedAt, r.direction, r.state, r.calling, r.called, r.office, r.standing, r.record}
}

// storable returns text that every database takes: UTF-8 without the zero byte.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// nanos returns the time as it is stored, 0 for none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant returns the time that was stored.
func instant(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
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
