package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step of the schema.
type Migration struct {
	// Version orders the steps.
	Version int
	// Name is that of its file, without the version.
	Name string
	// SQL is what will be run, in one transaction.
	SQL string
}

// Pending returns the steps that [Open] would take on db, in order, and changes nothing.
// The error wraps [ErrNewer] if the schema is ahead of this program.
func Pending(ctx context.Context, db Database) ([]Migration, error) {
	all, err := known()
	if err != nil {
		return nil, err
	}
	has, err := version(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("looking at the schema of the call records in %s: %w", db.Name, db.Explain(err))
	}
	if err := notNewer(has, all); err != nil {
		return nil, fmt.Errorf("looking at the schema of the call records in %s: %w", db.Name, err)
	}
	for len(all) > 0 && all[0].Version <= has {
		all = all[1:]
	}
	return all, nil
}

// known returns all steps.
func known() ([]Migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]Migration, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			return nil, err
		}
		number, title, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		v, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		before, after, _ := strings.Cut(up, "-- +goose Up\n")
		all = append(all, Migration{v, title, strings.TrimSpace(before+after) + "\n"})
	}
	return all, nil
}

// version returns the version of the schema, 0 for an empty database.
func version(ctx context.Context, db Database) (int, error) {
	has := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`
	if db.Dialect == DialectPostgres {
		has = `SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'goose_db_version'`
	}
	var tables int
	if err := db.Reader.QueryRowContext(ctx, has).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var v sql.NullInt64
	err := db.Reader.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&v)
	return int(v.Int64), err
}

// notNewer refuses a schema that a later version of this program has changed. Going back
// is never tried: the newer program may have written what we would lose.
func notNewer(has int, all []Migration) error {
	if last := all[len(all)-1].Version; has > last {
		return fmt.Errorf("%w: it is version %d, and %d is the last one known here", ErrNewer, has, last)
	}
	return nil
}

// migrate brings the schema up to date, each step in a transaction of its own.
func migrate(ctx context.Context, db Database) error {
	pending, err := Pending(ctx, db)
	if err != nil || len(pending) == 0 {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.Dialect(db.Dialect), db.Writer, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	for try := range tries {
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
		// Another program that started at the same moment may be quicker, and is waited
		// for. A step is one transaction, so only one of them takes it.
		if pending, again := Pending(ctx, db); again == nil && len(pending) == 0 {
			return nil
		}
		if db.Dialect != DialectPostgres || !rest(ctx, time.Duration(try+1)*20*time.Millisecond) {
			break
		}
	}
	return fmt.Errorf("changing the schema of the call records in %s: %w", db.Name, db.Explain(err))
}

// tries is how often a step is tried that others may take.
const tries = 10
