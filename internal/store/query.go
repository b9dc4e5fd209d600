package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
type Filter struct {
	// Limit is how many at most: DefaultLimit if zero or less, MaxLimit if more.
	Limit int
	// Before is the ID of a call; only older ones are wanted. The last ID of one page
	// makes the next.
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
	var text string
	switch err := s.db.Reader.QueryRowContext(ctx, `SELECT record FROM calls WHERE id = ?`, id).Scan(&text); {
	case errors.Is(err, sql.ErrNoRows):
		return call.Record{}, fmt.Errorf("reading call %s: %w", id, ErrNotFound)
	case err != nil:
		return call.Record{}, s.fault("reading", err)
	}
	return recordIn(id, text)
}

// Calls returns the records that f wants, the newest first.
func (s *Store) Calls(ctx context.Context, f Filter) ([]call.Record, error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	where, args := f.where()
	texts, err := texts(s.db.Reader.QueryContext(ctx,
		`SELECT id, record FROM calls`+where+` ORDER BY id DESC LIMIT ?`, append(args, f.limit())...))
	if err != nil {
		return nil, s.fault("reading", err)
	}
	recs := make([]call.Record, 0, len(texts))
	for _, t := range texts {
		rec, err := recordIn(t.id, t.text)
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func (f Filter) limit() int {
	if f.Limit <= 0 {
		return DefaultLimit
	}
	return min(f.Limit, MaxLimit)
}

// where returns the condition of f, with its leading WHERE, and its arguments.
func (f Filter) where() (string, []any) {
	var conditions []string
	var args []any
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	if f.Before != "" {
		add(`id < ?`, f.Before)
	}
	if f.Office != "" {
		add(`office = ?`, f.Office)
	}
	if f.Number != "" {
		add(`(calling = ? OR called = ?)`, f.Number, f.Number)
	}
	if !f.From.IsZero() {
		add(`arrived_at >= ?`, f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		add(`arrived_at < ?`, f.To.UnixMicro())
	}
	if len(f.Standings) > 0 {
		words := make([]any, len(f.Standings))
		for i, standing := range f.Standings {
			words[i] = standing.String()
		}
		add(`standing IN (?`+strings.Repeat(`, ?`, len(words)-1)+`)`, words...)
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return ` WHERE ` + strings.Join(conditions, ` AND `), args
}

// recordText is a record as it is written.
type recordText struct{ id, text string }

// texts reads all rows of a query for id and record.
func texts(rows *sql.Rows, err error) ([]recordText, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []recordText
	for rows.Next() {
		var t recordText
		if err := rows.Scan(&t.id, &t.text); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// interruptOpen does the work of InterruptOpen in one transaction.
func (s *Store) interruptOpen(ctx context.Context) (int, error) {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	open, err := texts(tx.QueryContext(ctx, `SELECT id, record FROM calls WHERE state = 'open'`))
	if err != nil {
		return 0, err
	}
	for _, t := range open {
		rec, err := recordIn(t.id, t.text)
		if err != nil {
			return 0, err
		}
		rec.State = call.Interrupted
		r, err := rowOf(rec)
		if err != nil {
			return 0, err
		}
		if err := put(ctx, tx, r); err != nil {
			return 0, err
		}
	}
	return len(open), tx.Commit()
}
