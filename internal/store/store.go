// Package store keeps the records of calls in SQL: the schema, the queries and the
// migrations, and no rules. It and its children are the only importers of database/sql.
//
// Start with [Store.RecordCall], [Store.Call] and [Store.Calls]. A Store is opened by a
// child: package sqlite opens one in a file. [Open] is what such a child calls.
//
// Guaranteed, and tested for every database by package storetest: what RecordCall
// acknowledged survives a crash, whole. A record that is settled, abandoned or
// interrupted never changes again. What is written is seen by the next read. Records
// written at the same time share one flush to the disk, and one that cannot be written
// does not take the others with it. A Store may be used by many goroutines, and starts
// none.
//
// A record is kept as JSON, in words and not in the numbers of a list, beside the few
// columns that it is searched by. A report behind a piece of evidence comes back as
// json.RawMessage: what it is, only the room that made it knows. Text that is not
// UTF-8 comes back with replacement characters.
//
// How long records are kept, who may read them, and what of them is shown is for
// others to say.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"countersign.example/internal/call"
)

var (
	// ErrExists is returned for a record whose call is already recorded as settled,
	// abandoned or interrupted, with other content.
	ErrExists = errors.New("store: the call is recorded already, with other content")
	// ErrNotFound is returned where no call has the ID.
	ErrNotFound = errors.New("store: no such call")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("store: closed")
	// ErrNewer is wrapped by the error of [Open] when a later version of this program
	// has changed the schema.
	ErrNewer = errors.New("store: the schema is newer than this program")
	// ErrFull is wrapped where there is no room left to write.
	ErrFull = errors.New("store: the disk is full")
	// ErrReadOnly is wrapped where writing is not permitted.
	ErrReadOnly = errors.New("store: it may not be written to")
)

// Database is an open database, and what differs between one product and another.
type Database struct {
	// Name is what errors call it: the file, or the server.
	Name string
	// Dialect names the product to the migrations: "sqlite3".
	Dialect string
	// Writer is used for every change, one transaction at a time. A commit must be
	// durable when it returns.
	Writer *sql.DB
	// Reader is used for everything else and may be the same.
	Reader *sql.DB
	// Explain wraps an error of the driver in a sentinel of this package, where one
	// fits, or returns it unchanged.
	Explain func(error) error
}

// Store keeps records of calls.
type Store struct {
	db Database

	// turn is held by whoever commits.
	turn chan struct{}

	// mu guards queue and closed. It is never held while calling out.
	mu     sync.Mutex
	queue  []*write
	closed bool
}

// Open brings the schema of db up to date and returns its store, which owns db from then
// on. If it returns an error, db is still the caller's.
func Open(ctx context.Context, db Database) (*Store, error) {
	s := &Store{db: db, turn: make(chan struct{}, 1)}
	if err := migrate(ctx, db); err != nil {
		return nil, s.fault("preparing", err)
	}
	return s, nil
}

// RecordCall makes rec durable before it returns nil. If the call has an open record,
// that is settled in place. Recording the same again does nothing, and anything else
// about a call that is no longer open is [ErrExists].
//
// If ctx ends while the record still waits for its turn, it is not written and the
// error wraps ctx's; once it is being written, RecordCall waits for the outcome. The
// record needs an ID and a state, and a report that can be written as JSON.
func (s *Store) RecordCall(ctx context.Context, rec call.Record) error {
	r, err := rowOf(rec)
	if err != nil {
		return err
	}
	return s.write(ctx, r)
}

// InterruptOpen makes every open record an interrupted one and returns how many there
// were. It is for the start of the program that owns the store, when an open record can
// only be of a call that a crash cut off.
func (s *Store) InterruptOpen(ctx context.Context) (int, error) {
	if s.isClosed() {
		return 0, ErrClosed
	}
	n, err := s.interruptOpen(ctx)
	if err != nil {
		return 0, s.fault("closing open records in", err)
	}
	return n, nil
}

// Close waits for what is being written and closes the database. A second Close does
// nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.turn <- struct{}{}
	for batch := s.take(); len(batch) > 0; batch = s.take() {
		s.commit(context.Background(), batch)
	}
	<-s.turn
	// The writer is closed last, so that it finds no reader in the way of its tidying up.
	var err error
	if s.db.Reader != s.db.Writer {
		err = s.db.Reader.Close()
	}
	if err = errors.Join(err, s.db.Writer.Close()); err != nil {
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
func (s *Store) fault(doing string, err error) error {
	return fmt.Errorf("%s the call records in %s: %w", doing, s.db.Name, s.db.Explain(err))
}
