package postgres

import (
	"context"
	"testing"

	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

func TestItKeepsThePromisesOfEveryStore(t *testing.T) {
	server := storetest.Postgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Place {
		url := server.Place(t)
		return func() (*store.Store, error) { return Open(context.Background(), url) }
	})
}
