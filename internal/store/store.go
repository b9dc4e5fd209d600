// Package store keeps the records of calls in SQL: the schema, the queries and the
// migrations, and no rules. It and its children are the only importers of database/sql.
//
// Start with [Store.RecordCall], [Store.Call] and [Store.Calls]. Package database opens
// a Store by one line of configuration; packages sqlite and postgres each open one kind.
// [Open] is what they call.
//
// Guaranteed, and tested for every database by package storetest: what RecordCall
// acknowledged survives a crash, whole. A record that is settled, abandoned or
// interrupted never changes again, except that a person may have it erased; what happens
// to the call afterwards, its times and the acts of people, is kept beside it. What is
// written is seen by the next read. Records written at the same time share one flush to
// the disk, and one that cannot be written does not take the others with it. A write
// costs the same however many records there are, but for the depth of the indexes.
//
// Nobody waits for ever. A change that is not durable within the patience of the
// [Database] ends in an error that says whether it is known not to have been written
// ([ErrUnavailable], [ErrFull], [ErrReadOnly]) or not known ([ErrUnknownOutcome]). A
// database that went away, or in which another transaction was in the way, is tried
// again until then, which is safe because the same record is never written twice. While
// it stays away, one write at a time finds out whether it is back, and all others are
// told at once. Nothing is tried again after that: recording the same once more, later,
// is the caller's to decide, and safe.
//
// A record is kept as JSON, in words and not in the numbers of a list, beside the few
// columns that it is searched by. A report behind a piece of evidence comes back as
// json.RawMessage: what it is, only the room that made it knows. Text that is not
// UTF-8 comes back with replacement characters.
//
// Records are kept until [Store.Prune] or [Store.Erase] is called. When that is, who may
// read them, and what of them is shown is for others to say.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"countersign.example/internal/call"
)

var (
	// ErrExists is returned for a record whose call is already recorded as settled,
	// abandoned, interrupted or erased, with other content.
	ErrExists = errors.New("store: the call is recorded already, with other content")
	// ErrNotFound is returned where no call has the ID.
	ErrNotFound = errors.New("store: no such call")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("store: closed")
	// ErrNewer is wrapped by the error of [Open] when a later version of this program
	// has changed the schema.
	ErrNewer = errors.New("store: the schema is newer than this program")
	// ErrOlder is wrapped by the error of [OpenReadOnly] when the schema must be brought
	// up to date first.
	ErrOlder = errors.New("store: the schema is older than this program")
	// ErrFull is wrapped where there is no room left to write.
	ErrFull = errors.New("store: the disk is full")
	// ErrReadOnly is wrapped where writing is not permitted.
	ErrReadOnly = errors.New("store: it may not be written to")
	// ErrInUse is wrapped where another program owns the database.
	ErrInUse = errors.New("store: another program has it open")
	// ErrUnavailable is wrapped where the database does not answer, and nothing was
	// written.
	ErrUnavailable = errors.New("store: the database does not answer")
	// ErrUnknownOutcome is wrapped where the database did not say whether it has written
	// the record. Recording the same again is safe and settles it.
	ErrUnknownOutcome = errors.New("store: it is not known whether the record was written")
	// ErrConflict is wrapped where other transactions were in the way, each time that it
	// was tried, and nothing was written.
	ErrConflict = errors.New("store: other transactions were in the way")
)

// The dialects of SQL.
const (
	DialectSQLite   = "sqlite3"
	DialectPostgres = "postgres"
)

// DefaultPatience is how long a change may take unless the [Database] says otherwise.
const DefaultPatience = 2 * time.Second

// Database is an open database, and what differs between one product and another.
type Database struct {
	// Name is what errors call it: the file, or the server. It holds no password.
	Name string
	// Dialect is DialectSQLite or DialectPostgres.
	Dialect string
	// Writer is used for every change, one transaction at a time. A commit must be
	// durable when it returns. It is nil for a store that is only read.
	Writer *sql.DB
	// Reader is used for everything else and may be the same.
	Reader *sql.DB
	// Patience bounds how long a change may take. Zero is DefaultPatience.
	Patience time.Duration
	// Explain wraps an error of the driver in a sentinel of this package, where one
	// fits, or returns it unchanged.
	Explain func(error) error
	// Refused reports whether an error of a commit means that nothing was committed.
	// Nil is never: the outcome is not known.
	Refused func(error) bool
	// Scrub makes sure that no byte stays behind of what was overwritten or deleted, as
	// far as the database can; gone reports whether a piece of a file is clean of it.
	// Nil does nothing.
	Scrub func(ctx context.Context, clean func(piece []byte) bool) error
	// Release is called when everything else is closed. Nil does nothing.
	Release func() error
}

// Store keeps records of calls.
type Store struct {
	db   Database
	bind func(string) string
	// ready are the statements that are kept prepared, by query.
	ready map[string]*sql.Stmt

	// turn is held by whoever changes something.
	turn chan struct{}

	// mu guards the rest. It is never held while calling out.
	mu     sync.Mutex
	queue  []*write
	closed bool
	// flushing says that a batch is being written, since when, and down that the one
	// before found the database away.
	flushing bool
	since    time.Time
	down     bool
}

// Open brings the schema of db up to date and returns its store, which owns db from then
// on. If it returns an error, db is still the caller's.
func Open(ctx context.Context, db Database) (*Store, error) {
	s := newStore(db)
	if err := migrate(ctx, db); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, s.fault("preparing", err)
	}
	return s, nil
}

// OpenReadOnly returns a store of db that is only read, beside a program that owns it.
// The schema must be that of this program: the error wraps [ErrOlder] or [ErrNewer]
// otherwise. If it returns an error, db is still the caller's.
func OpenReadOnly(ctx context.Context, db Database) (*Store, error) {
	pending, err := Pending(ctx, db)
	if err != nil {
		return nil, err
	}
	if len(pending) > 0 {
		return nil, fmt.Errorf("opening the call records in %s: %w: %d migrations are pending", db.Name, ErrOlder, len(pending))
	}
	db.Writer = nil
	return newStore(db), nil
}

func newStore(db Database) *Store {
	if db.Patience <= 0 {
		db.Patience = DefaultPatience
	}
	if db.Refused == nil {
		db.Refused = func(error) bool { return false }
	}
	return &Store{db: db, bind: binder(db.Dialect), turn: make(chan struct{}, 1)}
}

// RecordCall makes rec durable before it returns nil. If the call has an open record,
// that is settled in place. Recording the same again does nothing, and anything else
// about a call that is no longer open is [ErrExists]. Its times and acts are added as
// [Store.Add] does.
//
// It returns when ctx ends or the store's patience, whichever is first. If the record
// still waited for its turn it is not written, and the error wraps ctx's or
// [ErrUnavailable]; if it was being written, the error wraps [ErrUnknownOutcome]. The
// record needs an ID and a state, and a report that can be written as JSON.
func (s *Store) RecordCall(ctx context.Context, rec call.Record) error {
	r, err := rowOf(rec)
	if err != nil {
		return err
	}
	return s.write(ctx, &write{id: r.id, row: &r, since: sinceOf(rec.Timings, rec.Acts)})
}

// Add makes durable what happened to a call that is recorded. A time that is zero, or an
// act that is there already, adds nothing; a time that is known as another is
// [ErrExists], and a call that is not there, or was erased, is [ErrNotFound]. It returns
// as RecordCall does. Both times are best added at once, when the call is over.
func (s *Store) Add(ctx context.Context, id string, t call.Timings, acts ...call.Act) error {
	w := &write{id: id, since: sinceOf(t, acts)}
	if w.since.isZero() {
		return nil
	}
	return s.write(ctx, w)
}

// InterruptOpen makes every open record an interrupted one and returns how many there
// were. It is for the start of the program that owns the store, when an open record can
// only be of a call that a crash cut off.
func (s *Store) InterruptOpen(ctx context.Context) (int, error) {
	n := 0
	err := s.inTurn(ctx, "closing open records in", func() (err error) {
		n, err = s.interruptOpen(ctx)
		return err
	})
	return n, err
}

// inTurn does something that changes the records, while nobody else does.
func (s *Store) inTurn(ctx context.Context, doing string, do func() error) error {
	if s.isClosed() {
		return ErrClosed
	}
	if s.db.Writer == nil {
		return s.named(doing, ErrReadOnly)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.named(doing, ctx.Err())
	}
	if s.isClosed() {
		return ErrClosed
	}
	if err := do(); err != nil {
		return s.fault(doing, err)
	}
	return nil
}

// Close waits for what is being written and closes the database. If that takes longer
// than the store's patience, the database is left open, and the error wraps
// [ErrUnknownOutcome]. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	// What is queued is written by those who queued, each for all.
	late := time.NewTimer(s.db.Patience)
	defer late.Stop()
	select {
	case s.turn <- struct{}{}:
	case <-late.C:
		return s.named("closing", ErrUnknownOutcome)
	}
	for batch := s.take(); len(batch) > 0; batch = s.take() {
		s.commit(batch)
	}
	<-s.turn
	// The writer is closed last, so that it finds no reader in the way of its tidying up.
	var err error
	if s.db.Reader != s.db.Writer {
		err = s.db.Reader.Close()
	}
	if s.db.Writer != nil {
		err = errors.Join(err, s.db.Writer.Close())
	}
	if s.db.Release != nil {
		err = errors.Join(err, s.db.Release())
	}
	if err != nil {
		return s.fault("closing", err)
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// fault wraps an error of the database with what was being done, and to which one.
func (s *Store) fault(doing string, err error) error { return s.named(doing, s.db.Explain(err)) }

// named wraps an error that is explained already.
func (s *Store) named(doing string, err error) error {
	return fmt.Errorf("%s the call records in %s: %w", doing, s.db.Name, err)
}
