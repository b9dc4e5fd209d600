// Package postgres opens the store of call records in PostgreSQL, or in a database that
// speaks as it does.
//
// Start with [Open]. The tables are in the schema that comes first in the search path.
// What is used is the part of SQL that CockroachDB has too: no advisory lock, no LISTEN,
// no sequence; a transaction that could not be serialised (SQLSTATE 40001) is run again
// by package store. A commit is durable when it returns: a server that is configured
// otherwise is refused, or told otherwise for our connections.
//
// Numbers that were erased are gone from every dump. Their bytes may stay in the files
// of the server until it reuses the space (VACUUM FULL makes it), in its write-ahead log
// until that is recycled, and in backups: these are for whoever runs it.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"countersign.example/internal/store"
)

// ErrNotDurable is wrapped by the error of [Open] for a server that acknowledges what a
// crash may lose.
var ErrNotDurable = errors.New("the server does not flush what it acknowledges (fsync is off)")

// The connections that are used at most: one writes for everybody.
const (
	writers = 2
	readers = 8
)

// Open opens the database at the URL (postgres://user@host:port/name), brings its schema
// up to date and returns its store. The error never holds the URL, which may have a
// password in it; it names the server, and wraps [ErrNotDurable], [store.ErrNewer] or
// [store.ErrUnavailable] where that is the matter.
func Open(ctx context.Context, url string) (*store.Store, error) {
	return open(ctx, url, store.DefaultPatience)
}

// open is Open, with another patience.
func open(ctx context.Context, url string, patience time.Duration) (*store.Store, error) {
	db, err := connect(url)
	if err != nil {
		return nil, err
	}
	db.Patience = patience
	if err := durable(ctx, db.Writer); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the call records in %s: %w", db.Name, explain(err)), db.Reader.Close(), db.Writer.Close())
	}
	s, err := store.Open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Reader.Close(), db.Writer.Close())
	}
	return s, nil
}

// OpenReadOnly opens a database that is up to date, and changes nothing.
func OpenReadOnly(ctx context.Context, url string) (*store.Store, error) {
	db, err := connect(url)
	if err != nil {
		return nil, err
	}
	db.Writer = nil
	s, err := store.OpenReadOnly(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Reader.Close())
	}
	return s, nil
}

// Pending returns what [Open] would do to the schema, and does nothing.
func Pending(ctx context.Context, url string) ([]store.Migration, error) {
	db, err := connect(url)
	if err != nil {
		return nil, err
	}
	pending, err := store.Pending(ctx, db)
	return pending, errors.Join(err, db.Reader.Close())
}

// connect returns the database at the URL. It does not connect yet.
func connect(url string) (store.Database, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return store.Database{}, fmt.Errorf("opening the call records: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = store.DefaultPatience
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "countersign"
	}
	writer := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(flushed))
	writer.SetMaxOpenConns(writers)
	writer.SetMaxIdleConns(writers)
	// What is only read is only read, whatever the query.
	reading := config.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	reader := stdlib.OpenDB(*reading)
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return store.Database{
		Name: place(config), Dialect: store.DialectPostgres, Writer: writer, Reader: reader,
		Explain: explain, Refused: refused,
		Scrub: func(ctx context.Context, _ func([]byte) bool) error { return vacuum(ctx, writer) },
	}, nil
}

// place names a server and a database, without a password.
func place(config *pgx.ConnConfig) string {
	host := config.Host
	if !strings.HasPrefix(host, "/") {
		host = net.JoinHostPort(host, strconv.Itoa(int(config.Port)))
	}
	return "the PostgreSQL database " + config.Database + " at " + host
}

// flushed makes every commit of a connection wait until it is on the disk.
func flushed(ctx context.Context, conn *pgx.Conn) error {
	if mode := setting(ctx, conn, "synchronous_commit"); mode != "off" {
		return nil
	}
	_, err := conn.Exec(ctx, `SET synchronous_commit TO on`)
	return err
}

// setting returns a setting of the server, nothing if it does not have it.
func setting(ctx context.Context, conn *pgx.Conn, name string) string {
	var value *string
	if err := conn.QueryRow(ctx, `SELECT current_setting($1, true)`, name).Scan(&value); err != nil || value == nil {
		return ""
	}
	return *value
}

// durable refuses a server that loses commits in a crash.
func durable(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		if setting(ctx, driver.(*stdlib.Conn).Conn(), "fsync") == "off" {
			return ErrNotDurable
		}
		return nil
	})
}

// vacuum makes the server let go of rows that were replaced or deleted.
func vacuum(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, `SELECT version()`).Scan(&version); err != nil {
		return err
	}
	if strings.Contains(version, "CockroachDB") {
		return nil // It has no VACUUM, and does this by itself.
	}
	_, err := db.ExecContext(ctx, `VACUUM calls, acts`)
	return err
}
