package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// session runs the one set of queries on one database. They are written with question
// marks.
type session struct {
	on interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	// bind writes a query the way the database wants it.
	bind func(string) string
	// ready are statements that were prepared for a transaction, by query.
	ready map[string]*sql.Stmt
}

func (s session) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if statement, ok := s.ready[query]; ok {
		return s.on.(*sql.Tx).StmtContext(ctx, statement).QueryContext(ctx, args...)
	}
	return s.on.QueryContext(ctx, s.bind(query), args...)
}

func (s session) row(ctx context.Context, query string, args ...any) *sql.Row {
	return s.on.QueryRowContext(ctx, s.bind(query), args...)
}

func (s session) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.on.ExecContext(ctx, s.bind(query), args...)
	return err
}

// count runs a change and returns how many rows it changed.
func (s session) count(ctx context.Context, query string, args ...any) (int, error) {
	done, err := s.on.ExecContext(ctx, s.bind(query), args...)
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// with returns the session of a transaction that changes something.
func (s *Store) with(tx *sql.Tx) session { return session{tx, s.bind, s.ready} }

// reading returns the session for everything else.
func (s *Store) reading() session { return session{s.db.Reader, s.bind, nil} }

// prepare has the statements that are run for every call prepared once, where the driver
// would do it each time. They end with their connection.
func (s *Store) prepare(ctx context.Context) error {
	if s.db.Dialect != DialectSQLite {
		return nil
	}
	s.ready = make(map[string]*sql.Stmt, len(putMany))
	for _, query := range putMany {
		statement, err := s.db.Writer.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		s.ready[query] = statement
	}
	return nil
}

// binder returns how the dialect writes a query.
func binder(dialect string) func(string) string {
	if dialect != DialectPostgres {
		return func(query string) string { return query }
	}
	var bound sync.Map
	return func(query string) string {
		if text, ok := bound.Load(query); ok {
			return text.(string)
		}
		text := numbered(query)
		if len(query) < maxKept {
			bound.Store(query, text)
		}
		return text
	}
}

// maxKept is the longest query that is kept as it was bound; all of those that are
// written for every call are shorter.
const maxKept = 8 << 10

// numbered replaces each question mark by $1, $2 and so on. There is none in any text
// of ours that means itself.
func numbered(query string) string {
	var b strings.Builder
	b.Grow(len(query) + 64)
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// ids reads all rows of a query for an ID.
func ids(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	return all, rows.Err()
}

// missing makes ErrNotFound of the error for no row.
func missing(id string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("looking for call %s: %w", id, ErrNotFound)
	}
	return err
}
