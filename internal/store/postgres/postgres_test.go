package postgres

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

// patient is as long as a busy machine may take.
const patient = 2 * time.Minute

func TestItKeepsThePromisesOfEveryStore(t *testing.T) {
	server := storetest.Postgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Place {
		url := server.Place(t)
		return func() (*store.Store, error) { return open(context.Background(), url, patient) }
	})
}

func BenchmarkStore(b *testing.B) {
	url := storetest.Postgres(b).Place(b)
	storetest.Bench(b, func() (*store.Store, error) { return open(b.Context(), url, patient) }, func() int64 {
		db, err := sql.Open("pgx", url)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		var bytes int64
		if err := db.QueryRow("SELECT pg_total_relation_size('calls')").Scan(&bytes); err != nil {
			b.Fatal(err)
		}
		return bytes
	})
}
