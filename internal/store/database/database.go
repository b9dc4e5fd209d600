// Package database opens the store of call records wherever one line of configuration
// says that it is.
//
// [Open] takes that line: a URL that begins with postgres:// is PostgreSQL, and anything
// else is the path of a file of SQLite. [OpenReadOnly] opens the same beside a program
// that owns it, and [Pending] shows what Open would do to the schema.
//
// How records are kept there is for packages store, sqlite and postgres.
package database

import (
	"context"
	"strings"

	"countersign.example/internal/store"
	"countersign.example/internal/store/postgres"
	"countersign.example/internal/store/sqlite"
)

// Open opens the records at the place, prepares them and returns their store. The error
// names the place, without a password.
func Open(ctx context.Context, place string) (*store.Store, error) {
	if isPostgres(place) {
		return postgres.Open(ctx, place)
	}
	return sqlite.Open(ctx, place)
}

// OpenReadOnly opens records that are up to date, and changes nothing.
func OpenReadOnly(ctx context.Context, place string) (*store.Store, error) {
	if isPostgres(place) {
		return postgres.OpenReadOnly(ctx, place)
	}
	return sqlite.OpenReadOnly(ctx, place)
}

// Pending returns the migrations that [Open] would run, in order, and changes nothing.
func Pending(ctx context.Context, place string) ([]store.Migration, error) {
	if isPostgres(place) {
		return postgres.Pending(ctx, place)
	}
	return sqlite.Pending(ctx, place)
}

func isPostgres(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}
