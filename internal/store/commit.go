package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxBatch is how many records share one flush at most, which bounds a transaction.
const maxBatch = 256

// firstPause is how long a flush waits before it tries again, twice as long each time.
const firstPause = 5 * time.Millisecond

// write is one change on its way to the disk.
type write struct {
	id string
	// row is written first, if there is one, and then what happened since.
	row   *row
	since since
	// err is set before done is closed.
	err  error
	done chan struct{}
}

// write makes w durable. Those who come while a flush is on its way queue up; whoever
// gets the turn next flushes for all of them. So nobody waits for company, and a
// hundred at once cost little more than one.
func (s *Store) write(ctx context.Context, w *write) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("waiting to record call %s: %w", w.id, err)
	}
	if s.db.Writer == nil {
		return fmt.Errorf("recording call %s: %w", w.id, ErrReadOnly)
	}
	w.done = make(chan struct{})
	if err := s.enqueue(w); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.db.Patience, errPatience)
	defer cancel()
	for {
		select {
		case <-w.done:
			return w.err
		case s.turn <- struct{}{}:
			// A disk that hangs can not be interrupted, so whoever flushes must not be
			// somebody who waits. The store waits for it in Close.
			go s.flush()
			select {
			case <-w.done:
				return w.err
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return s.leave(ctx, w)
		}
	}
}

// errPatience is the cause of a context that the store itself has ended.
var errPatience = errors.New("the database takes too long")

// leave ends the waiting of a writer whose time is up.
func (s *Store) leave(ctx context.Context, w *write) error {
	cause := context.Cause(ctx)
	if !s.withdraw(w) {
		select {
		case <-w.done:
			return w.err
		default:
			return fmt.Errorf("recording call %s in %s: %w: %w", w.id, s.db.Name, ErrUnknownOutcome, cause)
		}
	}
	if cause == errPatience {
		return fmt.Errorf("recording call %s in %s: %w: %w", w.id, s.db.Name, ErrUnavailable, cause)
	}
	return fmt.Errorf("waiting to record call %s: %w", w.id, cause)
}

// enqueue adds w to the queue. While the database does not answer, one write at a time
// finds out whether it does again, and the others are told at once.
func (s *Store) enqueue(w *write) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.flushing && (s.down || time.Since(s.since) > s.db.Patience) {
		return fmt.Errorf("recording call %s in %s: %w", w.id, s.db.Name, ErrUnavailable)
	}
	s.queue = append(s.queue, w)
	return nil
}

// take removes the next batch from the queue, and notes whether there is one.
func (s *Store) take() []*write {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), maxBatch)
	batch := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	s.flushing, s.since = n > 0, time.Now()
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

// flush writes what is queued and gives up the turn. The others' records must not
// depend on the patience of the one who began it.
func (s *Store) flush() {
	defer func() { <-s.turn }()
	for batch := s.take(); len(batch) > 0; batch = s.take() {
		s.commit(batch)
	}
}

// commit writes the batch and tells everybody in it the outcome. If one of them can not
// be written, each is tried alone, so that it does not take the others with it.
func (s *Store) commit(batch []*write) {
	err := s.persist(batch)
	if err != nil && len(batch) > 1 && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknownOutcome) {
		for _, w := range batch {
			s.commit([]*write{w})
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.err = s.named("writing", err)
		}
		close(w.done)
	}
}

// persist writes the batch, again if it must. It stops before those who wait do, so that
// they hear what is known. Trying again is safe: a record that is there already is not
// written twice.
func (s *Store) persist(batch []*write) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.db.Patience*3/4)
	defer cancel()
	unknown, wasDown := false, s.isDown()
	for pause := firstPause; ; pause *= 2 {
		err := s.transaction(ctx, batch)
		if err == nil {
			s.markDown(false)
			return nil
		}
		unknown = unknown || errors.Is(err, ErrUnknownOutcome)
		away := errors.Is(err, ErrUnavailable) || ctx.Err() != nil
		if !wasDown && (away || unknown || errors.Is(err, ErrConflict)) && rest(ctx, pause) {
			continue
		}
		s.markDown(away || unknown)
		switch {
		case unknown && !errors.Is(err, ErrUnknownOutcome):
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		case away && !unknown && !errors.Is(err, ErrUnavailable):
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
}

// rest waits, and reports whether there is time left.
func rest(ctx context.Context, pause time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Store) isDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

// markDown notes whether the database answers.
func (s *Store) markDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// transaction writes the batch in one transaction. A change that is refused gets its
// error and leaves no trace; an error returned means that nothing was written, unless it
// is ErrUnknownOutcome.
func (s *Store) transaction(ctx context.Context, batch []*write) error {
	tx, err := s.db.Writer.BeginTx(ctx, nil)
	if err != nil {
		return s.db.Explain(err)
	}
	defer tx.Rollback()
	if err := apply(ctx, s.with(tx), batch); err != nil {
		return s.db.Explain(err)
	}
	if err := tx.Commit(); err != nil {
		return s.outcome(err)
	}
	return nil
}

// outcome explains why a commit failed. Unless the database itself says so, nobody knows
// whether it did.
func (s *Store) outcome(err error) error {
	explained := s.db.Explain(err)
	if s.db.Refused(err) {
		return explained
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, explained)
}
