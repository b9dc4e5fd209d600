package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"countersign.example/internal/call"
)

const (
	// DefaultLimit is how many records Calls returns at most, unless told otherwise.
	DefaultLimit = 100
	// MaxLimit is how many it ever returns.
	MaxLimit = 1000
)

// Filter says which records are wanted. Conditions that are zero fit every record.
//
// One condition is looked up and the others are held against what is found: the number
// if there is one, then the office, then the standings, then the times. The times always
// bound what is looked at.
type Filter struct {
	// Limit is how many at most: DefaultLimit if zero or less, MaxLimit if more.
	Limit int
	// Before is the ID of a call; only older ones are wanted. The last ID of one page
	// makes the next. Nothing is older than a call that is not there.
	Before string
	// Office is the domain of the office that a call seems to come from.
	Office string
	// Standings are the verdicts wanted. Calls that left have none.
	Standings []call.Standing
	// Number is the calling or the called number, in canonical digits.
	Number string
	// From and To bound the time of arrival, From included and To not.
	From, To time.Time
}

// Call returns the record of the call, or [ErrNotFound].
func (s *Store) Call(ctx context.Context, id string) (call.Record, error) {
	if s.isClosed() {
		return call.Record{}, ErrClosed
	}
	f := found{id: id}
	switch err := s.reading().row(ctx, `SELECT record, answered_at, ended_at FROM calls WHERE id = ?`, id).
		Scan(&f.text, &f.answered, &f.ended); {
	case errors.Is(err, sql.ErrNoRows):
		return call.Record{}, missing(id, err)
	case err != nil:
		return call.Record{}, s.fault("reading", err)
	}
	recs, err := s.records(ctx, []found{f})
	if err != nil {
		return call.Record{}, err
	}
	return recs[0], nil
}

// Calls returns the records that f wants, the newest first.
func (s *Store) Calls(ctx context.Context, f Filter) ([]call.Record, error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	after, err := s.place(ctx, f.Before)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.fault("reading", err)
	}
	query, args := f.query(after)
	all, err := scan(s.reading().query(ctx, query, args...))
	if err != nil {
		return nil, s.fault("reading", err)
	}
	return s.records(ctx, all)
}

// All returns every record that f wants, the newest first, whatever its limit. They are
// read a page at a time; those that come meanwhile are not among them. It ends with the
// first error.
func (s *Store) All(ctx context.Context, f Filter) iter.Seq2[call.Record, error] {
	return func(yield func(call.Record, error) bool) {
		for f.Limit = DefaultLimit; ; {
			recs, err := s.Calls(ctx, f)
			if err != nil {
				yield(call.Record{}, err)
				return
			}
			for _, rec := range recs {
				if !yield(rec, nil) {
					return
				}
			}
			if len(recs) < f.Limit {
				return
			}
			f.Before = recs[len(recs)-1].Call.ID
		}
	}
}

// place is where a call stands in the order of all calls.
type place struct {
	id        string
	arrivedAt int64
}

// place returns the place of the call, the zero place for no ID.
func (s *Store) place(ctx context.Context, id string) (place, error) {
	if id == "" {
		return place{}, nil
	}
	p := place{id: id}
	err := s.reading().row(ctx, `SELECT arrived_at FROM calls WHERE id = ?`, id).Scan(&p.arrivedAt)
	return p, missing(id, err)
}

func (f Filter) limit() int {
	if f.Limit <= 0 {
		return DefaultLimit
	}
	return min(f.Limit, MaxLimit)
}

// query returns the query for a page of f. It joins pages that an index has in order,
// one for each value of the condition that is looked up, so that no more is read than is
// shown, however many records fit.
func (f Filter) query(after place) (string, []any) {
	const one = `SELECT id, record, answered_at, ended_at, arrived_at FROM calls WHERE `
	const order = ` ORDER BY arrived_at DESC, id DESC LIMIT ?`
	rest := f.bounds(after)
	var parts []string
	var args []any
	for _, lookup := range f.lookups() {
		all := append(lookup, rest...)
		part := make([]string, len(all))
		for i, c := range all {
			part[i] = c.text
			args = append(args, c.args...)
		}
		parts = append(parts, one+strings.Join(part, ` AND `)+order)
		args = append(args, f.limit())
	}
	if len(parts) == 1 {
		return parts[0], args
	}
	return `SELECT * FROM (SELECT * FROM (` +
		strings.Join(parts, `) AS p UNION ALL SELECT * FROM (`) + `) AS p) AS q` + order, append(args, f.limit())
}

// condition is a part of a query, and its arguments.
type condition struct {
	text string
	args []any
}

// lookups returns the conditions of each part of a query. A column beside an empty text
// is one that the index is not to be chosen by.
func (f Filter) lookups() [][]condition {
	var filters []condition
	standing := func(column string) condition {
		c := condition{text: column + ` IN (` + list(len(f.Standings)) + `)`}
		for _, s := range f.Standings {
			c.args = append(c.args, s.String())
		}
		return c
	}
	if f.Number != "" || f.Office != "" {
		if len(f.Standings) > 0 {
			filters = append(filters, standing(`standing || ''`))
		}
	}
	const isOffice = `office = ? AND office <> ''`
	switch {
	case f.Number != "":
		if f.Office != "" {
			filters = append(filters, condition{`office || '' = ?`, []any{f.Office}})
		}
		return [][]condition{
			append([]condition{{`calling = ?`, []any{f.Number}}}, filters...),
			append([]condition{{`called = ? AND calling <> ?`, []any{f.Number, f.Number}}}, filters...),
		}
	case f.Office != "":
		return [][]condition{append([]condition{{isOffice, []any{f.Office}}}, filters...)}
	case len(f.Standings) > 0:
		var each [][]condition
		seen := map[call.Standing]bool{}
		for _, s := range f.Standings {
			if !seen[s] {
				seen[s] = true
				each = append(each, []condition{{`standing = ?`, []any{s.String()}}})
			}
		}
		return each
	}
	return [][]condition{nil}
}

// bounds returns the conditions on the time of arrival, one at least.
func (f Filter) bounds(after place) []condition {
	var all []condition
	if !f.From.IsZero() {
		all = append(all, condition{`arrived_at >= ?`, []any{f.From.UnixMicro()}})
	}
	if !f.To.IsZero() {
		all = append(all, condition{`arrived_at < ?`, []any{f.To.UnixMicro()}})
	}
	if after.id != "" {
		all = append(all, condition{`(arrived_at, id) < (?, ?)`, []any{after.arrivedAt, after.id}})
	}
	if len(all) == 0 {
		all = append(all, condition{text: `1 = 1`})
	}
	return all
}

// found is a record as it is written.
type found struct {
	id, text        string
	answered, ended int64
}

// scan reads all rows of a query for records.
func scan(rows *sql.Rows, err error) ([]found, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []found
	for rows.Next() {
		var f found
		var arrived int64
		if err := rows.Scan(&f.id, &f.text, &f.answered, &f.ended, &arrived); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, rows.Err()
}

// records returns the records with all that happened to the calls since.
func (s *Store) records(ctx context.Context, all []found) ([]call.Record, error) {
	acts, err := acts(ctx, s.reading(), all)
	if err != nil {
		return nil, s.fault("reading", err)
	}
	recs := make([]call.Record, 0, len(all))
	for _, f := range all {
		rec, err := recordIn(f.id, f.text)
		if err != nil {
			return nil, err
		}
		rec.Timings = call.Timings{Answered: instant(f.answered), Ended: instant(f.ended)}
		rec.Acts = acts[f.id]
		recs = append(recs, rec)
	}
	return recs, nil
}

// acts returns what was done with the calls, by ID, in the order of time.
func acts(ctx context.Context, on session, all []found) (map[string][]call.Act, error) {
	if len(all) == 0 {
		return nil, nil
	}
	args := make([]any, len(all))
	for i, f := range all {
		args[i] = f.id
	}
	rows, err := on.query(ctx, `SELECT call_id, at, who, what FROM acts WHERE call_id IN (`+list(len(all))+
		`) ORDER BY call_id, at, who, what`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[string][]call.Act)
	for rows.Next() {
		var id string
		var at int64
		var a call.Act
		if err := rows.Scan(&id, &at, &a.Who, &a.What); err != nil {
			return nil, err
		}
		a.At = instant(at)
		found[id] = append(found[id], a)
	}
	return found, rows.Err()
}

// interruptOpen does the work of InterruptOpen in one transaction.
func (s *Store) interruptOpen(ctx context.Context) (int, error) {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	on := s.with(tx)
	open, err := scan(on.query(ctx, `SELECT id, record, answered_at, ended_at, arrived_at FROM calls WHERE state = 'open'`))
	if err != nil {
		return 0, err
	}
	for _, f := range open {
		rec, err := recordIn(f.id, f.text)
		if err != nil {
			return 0, err
		}
		rec.State = call.Interrupted
		if err := replace(ctx, on, rec); err != nil {
			return 0, err
		}
	}
	return len(open), tx.Commit()
}

// replace writes rec over the row of its call.
func replace(ctx context.Context, on session, rec call.Record) error {
	r, err := rowOf(rec)
	if err != nil {
		return err
	}
	n, err := on.count(ctx, `UPDATE calls SET arrived_at = ?, direction = ?, state = ?, calling = ?, called = ?,
office = ?, standing = ?, record = ? WHERE id = ?`, append(r.values()[1:], r.id)...)
	if err == nil && n != 1 {
		err = fmt.Errorf("replacing the record of call %s: %w", r.id, ErrNotFound)
	}
	return err
}
