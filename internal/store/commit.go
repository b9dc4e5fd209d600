package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// maxBatch is how many records share one flush at most, which bounds a transaction.
const maxBatch = 256

// write is one record on its way to the disk.
type write struct {
	row row
	// err is set before done is closed.
	err  error
	done chan struct{}
}

// write makes r durable. Those who come while a flush is on its way queue up; whoever
// gets the turn next flushes for all of them. So nobody waits for company, and a
// hundred at once cost little more than one.
func (s *Store) write(ctx context.Context, r row) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("waiting to record call %s: %w", r.id, err)
	}
	w := &write{row: r, done: make(chan struct{})}
	if !s.enqueue(w) {
		return ErrClosed
	}
	for {
		select {
		case <-w.done:
			return w.err
		case s.turn <- struct{}{}:
			// The others' records must not depend on this caller's patience.
			s.commit(context.WithoutCancel(ctx), s.take())
			<-s.turn
		case <-ctx.Done():
			if s.withdraw(w) {
				return fmt.Errorf("waiting to record call %s: %w", r.id, ctx.Err())
			}
			<-w.done
			return w.err
		}
	}
}

func (s *Store) enqueue(w *write) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.queue = append(s.queue, w)
	return true
}

// take removes the next batch from the queue.
func (s *Store) take() []*write {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), maxBatch)
	batch := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	return batch
}

// withdraw removes w from the queue, and reports whether it was still there.
func (s *Store) withdraw(w *write) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, w)
	if i < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	return true
}

// commit writes the batch and tells everybody in it the outcome. If that fails as a
// whole, each is tried alone, so that one cannot take the others with it.
func (s *Store) commit(ctx context.Context, batch []*write) {
	err := s.transaction(ctx, batch)
	if err != nil && len(batch) > 1 {
		for _, w := range batch {
			s.commit(ctx, []*write{w})
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.err = s.fault("writing", err)
		}
		close(w.done)
	}
}

// transaction writes the batch in one transaction. A record that is refused gets its
// error and changes nothing; an error returned means that nothing was written.
func (s *Store) transaction(ctx context.Context, batch []*write) error {
	if len(batch) == 0 {
		return nil
	}
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, w := range batch {
		w.err = put(ctx, tx, w.row)
		if w.err != nil && !errors.Is(w.err, ErrExists) {
			return w.err
		}
	}
	return tx.Commit()
}

// The record of an open call is replaced; any other row stays as it is.
const putRow = `INSERT INTO calls (id, arrived_at, direction, state, calling, called, office, standing, record)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET arrived_at = excluded.arrived_at, direction = excluded.direction,
state = excluded.state, calling = excluded.calling, called = excluded.called, office = excluded.office,
standing = excluded.standing, record = excluded.record
WHERE calls.state = 'open'`

// put writes one row, or returns ErrExists.
func put(ctx context.Context, tx *sql.Tx, r row) error {
	done, err := tx.ExecContext(ctx, putRow,
		r.id, r.arrivedAt, r.direction, r.state, r.calling, r.called, r.office, r.standing, r.record)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	var kept string
	if err := tx.QueryRowContext(ctx, `SELECT record FROM calls WHERE id = ?`, r.id).Scan(&kept); err != nil {
		return err
	}
	if kept != r.record {
		return fmt.Errorf("recording call %s: %w", r.id, ErrExists)
	}
	return nil
}
