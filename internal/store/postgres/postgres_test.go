package postgres

import (
	"context"
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
