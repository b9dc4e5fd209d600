package postgres

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign.example/internal/store"
)

// meanings are what SQLSTATE codes, or classes of them, mean to the caller. The longest
// that fits counts.
var meanings = map[string]error{
	"40001": store.ErrConflict,    // serialization_failure
	"40P01": store.ErrConflict,    // deadlock_detected
	"55P03": store.ErrConflict,    // lock_not_available
	"25006": store.ErrReadOnly,    // read_only_sql_transaction
	"42501": store.ErrReadOnly,    // insufficient_privilege
	"53100": store.ErrFull,        // disk_full
	"53":    store.ErrUnavailable, // insufficient_resources, as too many connections
	"08":    store.ErrUnavailable, // connection exceptions
	"57":    store.ErrUnavailable, // operator_intervention: it stops, or starts
}

// explain wraps an error of PostgreSQL in what it means to the caller.
func explain(err error) error {
	fault, said := errors.AsType[*pgconn.PgError](err)
	meaning := error(nil)
	switch {
	case said:
		if meaning = meanings[fault.Code]; meaning == nil && len(fault.Code) > 2 {
			meaning = meanings[fault.Code[:2]]
		}
	case away(err):
		meaning = store.ErrUnavailable
	}
	if meaning == nil || errors.Is(err, meaning) {
		return err
	}
	return fmt.Errorf("%w: %w", meaning, err)
}

// away reports whether err is about the way to the server.
func away(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// refused reports whether an error of a commit means that nothing was committed: the
// server says so itself, or never heard of it.
func refused(err error) bool {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		// 40003 is statement_completion_unknown; the classes are faults of the
		// connection, of an operator who stops the server, of its system and its own.
		return fault.Code != "40003" && !hasAny(fault.Code, "08", "57", "58", "XX")
	}
	return errors.Is(err, sql.ErrTxDone) || errors.Is(err, pgx.ErrTxCommitRollback) || pgconn.SafeToRetry(err)
}

func hasAny(code string, classes ...string) bool {
	for _, c := range classes {
		if strings.HasPrefix(code, c) {
			return true
		}
	}
	return false
}
