// Package sqlite opens the store of call records in a file, with SQLite.
//
// Start with [Open]. The file is in write-ahead mode and every commit is flushed to the
// disk before it is acknowledged (synchronous=FULL). One connection writes, a few read
// beside it. What the store does with them is package store's.
//
// A new file can be read by its owner alone, and so can a folder that is made for it.
// A file that is not ours, or that a newer version of this program has changed, is left
// as it is and refused. One program at a time owns a file, by a lock on a second file
// beside it that ends with the program, even if that is killed; others may read it
// meanwhile, with [OpenReadOnly].
//
// What is deleted or replaced is overwritten with zeros at once, in the file. Copies in
// the log, and on pages that were split, are gone after an erasure. Blocks that the file
// system or the disk has kept elsewhere are beyond our reach, and so are backups.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"countersign.example/internal/store"
)

// ErrNotOurs is wrapped by the error of [Open] for a file that holds something else
// than call records.
var ErrNotOurs = errors.New("it is not a file of call records")

// applicationID marks our files ("CSGN"), as SQLite's file format provides.
const applicationID = 0x4353474e

// durably is how the writing connection begins.
var durably = []string{
	"journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "cache_size(-32768)",
	fmt.Sprintf("application_id(%d)", applicationID),
}

// readers is how many connections read at once.
const readers = 4

// Open opens the file, makes it and its folder if they do not exist, brings its schema
// up to date and returns its store. The error names the file; it wraps [ErrNotOurs],
// [store.ErrNewer], [store.ErrInUse], [store.ErrReadOnly] or [store.ErrFull] where that
// is the matter.
func Open(ctx context.Context, path string) (*store.Store, error) {
	return open(ctx, path, store.DefaultPatience)
}

// OpenReadOnly opens a file that exists, also beside a program that owns it, and changes
// nothing. The error is as that of [Open] and [store.OpenReadOnly].
func OpenReadOnly(ctx context.Context, path string) (*store.Store, error) {
	db, err := reading(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := store.OpenReadOnly(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Reader.Close())
	}
	return s, nil
}

// Pending returns what [Open] would do to the schema of the file, and does nothing. A
// file that does not exist is an empty one.
func Pending(ctx context.Context, path string) ([]store.Migration, error) {
	db, err := reading(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		if db.Reader, err = sql.Open("sqlite", ":memory:"); err != nil {
			return nil, err
		}
		db.Dialect, db.Explain = store.DialectSQLite, explain
	}
	if err != nil {
		return nil, err
	}
	pending, err := store.Pending(ctx, db)
	return pending, errors.Join(err, db.Reader.Close())
}

// reading returns a database that is only read.
func reading(ctx context.Context, path string) (store.Database, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		err = look(ctx, path)
	}
	if err != nil {
		return store.Database{}, fmt.Errorf("opening the call records in %s: %w", path, explain(err))
	}
	reader, err := connect(path, "query_only(1)")
	if err != nil {
		return store.Database{}, err
	}
	reader.SetMaxOpenConns(readers)
	return store.Database{Name: path, Dialect: store.DialectSQLite, Reader: reader, Explain: explain}, nil
}

// open is Open, with another patience and more pragmas for the writer.
func open(ctx context.Context, path string, patience time.Duration, pragmas ...string) (*store.Store, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = makeFolder(path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the call records in %s: %w", path, err)
	}
	release, err := own(path)
	if err != nil {
		return nil, fmt.Errorf("opening the call records in %s: %w", path, err)
	}
	s, err := openOwned(ctx, path, release, patience, pragmas)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return s, nil
}

// openOwned opens a file that no other program has open to write.
func openOwned(ctx context.Context, path string, release func() error, patience time.Duration, pragmas []string) (*store.Store, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("opening the call records in %s: %w", path, err)
	}
	// It is looked at before anything of ours is switched on, which would change it.
	if err := look(ctx, path); err != nil {
		return nil, fmt.Errorf("opening the call records in %s: %w", path, explain(err))
	}
	// The system drops all locks that SQLite has on a file when the program closes it
	// anywhere else, so this one stays open until the end.
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the call records in %s: %w", path, err)
	}
	writer, err := connect(path, slices.Concat(durably, pragmas)...)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	writer.SetMaxOpenConns(1)
	reader, err := connect(path, "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, writer.Close(), file.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	s, err := store.Open(ctx, store.Database{
		Name: path, Dialect: store.DialectSQLite, Writer: writer, Reader: reader, Patience: patience,
		Explain: explain, Refused: refused, Scrub: scrubber(file, writer),
		Release: func() error { return errors.Join(file.Close(), release()) },
	})
	if err == nil {
		err = durable(ctx, path, writer)
	}
	if err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close(), file.Close())
	}
	return s, nil
}

// makeFolder makes the folder of the file, if it does not exist.
func makeFolder(path string) error { return os.MkdirAll(filepath.Dir(path), 0o700) }

// create makes the file if it does not exist. SQLite would make it readable by others,
// and gives its side files the mode of this one. A file that exists is not touched:
// closing it here would release the locks of whoever has it open.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
			return err
		}
		return fmt.Errorf("%w: it is no regular file", ErrNotOurs)
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// The file's name must survive a crash as well as what is in it.
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// look returns an error if the file is neither empty nor ours.
func look(ctx context.Context, path string) error {
	db, err := connect(path, "query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var id, things int64
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&things); err != nil {
		return err
	}
	if id != applicationID && (id != 0 || things > 0) {
		return fmt.Errorf("%w: it is a database of some other program", ErrNotOurs)
	}
	return nil
}

// connect returns a pool of connections that each begin with the pragmas. It does not
// open any.
func connect(path string, pragmas ...string) (*sql.DB, error) {
	uri := "file://" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?_txlock=immediate&_pragma=busy_timeout(5000)"
	for _, p := range pragmas {
		uri += "&_pragma=" + url.QueryEscape(p)
	}
	return sql.Open("sqlite", uri)
}

// durable returns an error if the file could not be switched to how we write it, as on
// some network file systems.
func durable(ctx context.Context, path string, writer *sql.DB) error {
	var mode string
	if err := writer.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil {
		return fmt.Errorf("opening the call records in %s: %w", path, explain(err))
	}
	if !strings.EqualFold(mode, "wal") {
		return fmt.Errorf("opening the call records in %s: its file system allows no write-ahead log (journal mode %s)", path, mode)
	}
	return nil
}

// explain wraps an error of SQLite in what it means to the caller.
func explain(err error) error {
	fault, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	if fault.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		// The index of the log could not grow.
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the file is damaged, restore it from a backup: %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: another program holds it locked: %w", store.ErrConflict, err)
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// refused reports whether nothing was committed. After a fault of the disk the commit may
// stand in the log all the same, and be found there when the file is opened next.
func refused(err error) bool {
	fault, ok := errors.AsType[*sqlite.Error](err)
	return !ok || fault.Code()&0xff != sqlite3.SQLITE_IOERR
}
