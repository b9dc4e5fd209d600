package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign.example/internal/call"
)

// since is what happened to a call since its record was settled.
type since struct {
	answered, ended int64
	acts            []call.Act
}

// sinceOf returns what is beside the settled record in rec.
func sinceOf(t call.Timings, acts []call.Act) since {
	return since{nanos(t.Answered), nanos(t.Ended), acts}
}

func (s since) isZero() bool { return s.answered == 0 && s.ended == 0 && len(s.acts) == 0 }

// columns are those that RecordCall writes, in the order of [row.values].
const columns = `id, arrived_at, direction, state, calling, called, office, standing, record`

// The record of an open call is replaced; any other row stays as it is, and is not
// among those returned.
const (
	putRows  = `INSERT INTO calls (` + columns + `) VALUES `
	onlyOpen = ` ON CONFLICT (id) DO UPDATE SET arrived_at = excluded.arrived_at, direction = excluded.direction,
state = excluded.state, calling = excluded.calling, called = excluded.called, office = excluded.office,
standing = excluded.standing, record = excluded.record
WHERE calls.state = 'open' RETURNING id`
)

// steps are how many rows a statement writes: few different statements, so that the
// database keeps them prepared.
var steps = [...]int{64, 16, 4, 1}

var putMany = func() map[int]string {
	texts := make(map[int]string, len(steps))
	for _, n := range steps {
		one := `(` + list(strings.Count(columns, ",")+1) + `)`
		texts[n] = putRows + one + strings.Repeat(`, `+one, n-1) + onlyOpen
	}
	return texts
}()

// list returns n placeholders.
func list(n int) string { return `?` + strings.Repeat(`, ?`, n-1) }

// apply writes the batch. What is refused gets its error; an error returned is about the
// whole.
func apply(ctx context.Context, on session, batch []*write) error {
	for len(batch) > 0 {
		n := together(batch)
		if n > 0 {
			if err := putTogether(ctx, on, batch[:n]); err != nil {
				return err
			}
		}
		n = max(n, 1)
		for _, w := range batch[:n] {
			if w.err != nil || w.since.isZero() {
				continue
			}
			w.err = add(ctx, on, w.id, w.since)
			if w.err != nil && !errors.Is(w.err, ErrExists) && !errors.Is(w.err, ErrNotFound) {
				return w.err
			}
		}
		batch = batch[n:]
	}
	return nil
}

// together returns how many of the first writes one statement can take: those that have
// a row, and of each call only one.
func together(batch []*write) int {
	seen := make(map[string]bool, len(batch))
	n := 0
	for ; n < len(batch) && n < steps[0] && batch[n].row != nil && !seen[batch[n].id]; n++ {
		seen[batch[n].id] = true
	}
	for _, step := range steps {
		if step <= n {
			return step
		}
	}
	return 0
}

// putTogether writes the rows of the batch in one statement, and tells those whose call
// is recorded with other content.
func putTogether(ctx context.Context, on session, batch []*write) error {
	args := make([]any, 0, len(batch)*9)
	for _, w := range batch {
		w.err = nil
		args = append(args, w.row.values()...)
	}
	written, err := ids(on.query(ctx, putMany[len(batch)], args...))
	if err != nil || len(written) == len(batch) {
		return err
	}
	for _, w := range batch {
		if slices.Contains(written, w.id) {
			continue
		}
		var kept string
		if err := on.row(ctx, `SELECT record FROM calls WHERE id = ?`, w.id).Scan(&kept); err != nil {
			return err
		}
		if kept != w.row.record {
			w.err = fmt.Errorf("recording call %s: %w", w.id, ErrExists)
		}
	}
	return nil
}

// add writes what happened to a call that is recorded. A time that is known already is
// not changed, and an act is not written twice.
func add(ctx context.Context, on session, id string, s since) error {
	var answered, ended int64
	err := on.row(ctx, `SELECT answered_at, ended_at FROM calls WHERE id = ? AND state <> 'erased'`, id).Scan(&answered, &ended)
	if err != nil {
		return missing(id, err)
	}
	if other(answered, s.answered) || other(ended, s.ended) {
		return fmt.Errorf("recording the times of call %s: %w", id, ErrExists)
	}
	if s.answered > answered || s.ended > ended {
		if err := on.exec(ctx, `UPDATE calls SET answered_at = ?, ended_at = ? WHERE id = ?`,
			max(answered, s.answered), max(ended, s.ended), id); err != nil {
			return err
		}
	}
	for _, a := range s.acts {
		if err := on.exec(ctx, `INSERT INTO acts (call_id, at, who, what) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			id, nanos(a.At), storable(a.Who), storable(a.What)); err != nil {
			return err
		}
	}
	return nil
}

// other reports whether a time is known and said to be another.
func other(known, said int64) bool { return known != 0 && said != 0 && known != said }
