package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// DefaultRetention is how long the details of calls are kept unless the office says
// otherwise (product promise: 90 days).
const DefaultRetention = 90 * 24 * time.Hour

// handful is how many calls a change of many takes in one transaction: calls that are
// being recorded meanwhile wait for one handful at most.
const handful = 200

// Prune deletes all that is kept of calls that arrived before the time, except of those
// that are still open, and returns how many there were. It works in handfuls, between
// which other records are written; if it ends early, by ctx or an error, what it deleted
// is deleted, and the next Prune goes on from there.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for {
		n := 0
		err := s.inTurn(ctx, "pruning", func() (err error) {
			n, err = s.prune(ctx, before)
			return err
		})
		total += n
		if err != nil || n < handful {
			return total, err
		}
	}
}

// PruneDryRun returns how many calls [Store.Prune] would delete.
func (s *Store) PruneDryRun(ctx context.Context, before time.Time) (int, error) {
	if s.isClosed() {
		return 0, ErrClosed
	}
	n := 0
	err := s.reading().row(ctx, `SELECT count(*) FROM calls WHERE arrived_at < ? AND state <> 'open'`, before.UnixMicro()).Scan(&n)
	if err != nil {
		return 0, s.fault("counting", err)
	}
	return n, nil
}

// prune deletes one handful, the oldest.
func (s *Store) prune(ctx context.Context, before time.Time) (int, error) {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	on := s.with(tx)
	old, err := ids(on.query(ctx, `SELECT id FROM calls WHERE arrived_at < ? AND state <> 'open'
ORDER BY arrived_at, id LIMIT ?`, before.UnixMicro(), handful))
	if err != nil || len(old) == 0 {
		return 0, err
	}
	args := make([]any, len(old))
	for i, id := range old {
		args[i] = id
	}
	if err := on.exec(ctx, `DELETE FROM acts WHERE call_id IN (`+list(len(old))+`)`, args...); err != nil {
		return 0, err
	}
	if err := on.exec(ctx, `DELETE FROM calls WHERE id IN (`+list(len(old))+`)`, args...); err != nil {
		return 0, err
	}
	return len(old), tx.Commit()
}

// Erasure is what [Store.Erase] found.
type Erasure struct {
	// Calls is how many calls were erased, or would be.
	Calls int
	// Open is how many were left because they are open, and mention the number. Then it is
	// to be erased again when they are over, and only that scrubs the database.
	Open int
}

// Erase erases the person who has the number, in canonical digits: every call of which
// anything that is kept mentions the number, in whatever role, is replaced by one that
// says when there was a call, in which direction, and what it came to, and that it was
// erased, with the act given. Afterwards no record contains the number: neither in a
// column nor in a text, with separators or in base64, as in a PASSporT. The database is
// made to overwrite what it replaced, as far as it can: SQLite to the last byte,
// PostgreSQL not in its own log and in space that it has not used again.
//
// It reads everything that is kept, in handfuls, between which other records are
// written, and may have to write the database anew, during which nothing is. If it ends
// early, also because the number was in a new call meanwhile, what it erased is erased,
// and it is to be run again. In the act there should be no number.
func (s *Store) Erase(ctx context.Context, number tn.Number, by call.Act) (Erasure, error) {
	var all Erasure
	if err := erasable(number); err != nil {
		return all, err
	}
	if s.db.Writer == nil {
		return all, s.named("erasing from", ErrReadOnly)
	}
	err := s.mentioning(ctx, number, func(id string) error {
		return s.inTurn(ctx, "erasing from", func() error { return s.erase(ctx, id, by, &all) })
	})
	if err != nil || s.db.Scrub == nil || all.Open > 0 {
		return all, err
	}
	if err := s.db.Scrub(ctx, func(piece []byte) bool { return !mentions(string(piece), number, 0) }); err != nil {
		return all, s.fault("scrubbing", err)
	}
	return all, nil
}

// EraseDryRun returns what [Store.Erase] would do, and does nothing.
func (s *Store) EraseDryRun(ctx context.Context, number tn.Number) (Erasure, error) {
	var all Erasure
	if err := erasable(number); err != nil {
		return all, err
	}
	err := s.mentioning(ctx, number, func(id string) error {
		var state call.State
		if err := s.reading().row(ctx, `SELECT state FROM calls WHERE id = ?`, id).Scan(&state); err != nil {
			return missing(id, err)
		}
		all.count(state)
		return nil
	})
	return all, err
}

func (e *Erasure) count(state call.State) {
	if state == call.Open {
		e.Open++
	} else {
		e.Calls++
	}
}

// shortest is how many digits a number must have to be erased by: fewer are in every
// second text.
const shortest = 6

func erasable(number tn.Number) error {
	if !number.Canonical() || len(number) < shortest {
		return fmt.Errorf("erasing by number: %q is not a whole number in canonical digits", number.Masked())
	}
	return nil
}

// mentioning calls do for every call of which something that is kept mentions the
// number, a handful read at a time.
func (s *Store) mentioning(ctx context.Context, number tn.Number, do func(id string) error) error {
	for last := ""; ; {
		if s.isClosed() {
			return ErrClosed
		}
		all, err := scan(s.reading().query(ctx, `SELECT id, record, answered_at, ended_at, arrived_at FROM calls
WHERE id > ? ORDER BY id LIMIT ?`, last, handful))
		if err != nil {
			return s.fault("reading", err)
		}
		acts, err := acts(ctx, s.reading(), all)
		if err != nil {
			return s.fault("reading", err)
		}
		for _, f := range all {
			found := mentions(f.text, number, 0) || mentions(f.id, number, 0)
			for _, a := range acts[f.id] {
				found = found || mentions(a.Who, number, 0) || mentions(a.What, number, 0)
			}
			if !found {
				continue
			}
			if err := do(f.id); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		if len(all) < handful {
			return nil
		}
		last = all[len(all)-1].id
	}
}

// erase puts what may be kept of a call in the place of its record.
func (s *Store) erase(ctx context.Context, id string, by call.Act, all *Erasure) error {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	on := s.with(tx)
	var text string
	if err := on.row(ctx, `SELECT record FROM calls WHERE id = ?`, id).Scan(&text); err != nil {
		return missing(id, err)
	}
	rec, err := recordIn(id, text)
	if err != nil {
		return err
	}
	if rec.State == call.Open {
		all.count(rec.State)
		return nil
	}
	if err := replace(ctx, on, remains(rec)); err != nil {
		return err
	}
	if err := on.exec(ctx, `DELETE FROM acts WHERE call_id = ?`, id); err != nil {
		return err
	}
	if err := on.exec(ctx, `INSERT INTO acts (call_id, at, who, what) VALUES (?, ?, ?, ?)`,
		id, nanos(by.At), storable(by.Who), storable(by.What)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	all.count(rec.State)
	return nil
}

// remains returns what may be kept of a record that is erased: nothing in it is of a
// person.
func remains(rec call.Record) call.Record {
	left := call.Record{State: call.Erased, SettledAt: rec.SettledAt}
	left.Call.ID, left.Call.ArrivedAt = rec.Call.ID, rec.Call.ArrivedAt
	left.Call.Direction, left.Call.Channel = rec.Call.Direction, rec.Call.Channel
	left.Verdict.Standing = rec.Verdict.Standing
	left.Action.Kind = rec.Action.Kind
	return left
}
