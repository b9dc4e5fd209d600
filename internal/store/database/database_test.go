package database

import (
	"path/filepath"
	"testing"

	"countersign.example/internal/store"
	"countersign.example/internal/store/storetest"
)

func TestOneLineSaysWhereTheRecordsAre(t *testing.T) {
	places := map[string]func(*testing.T) string{
		"a file":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "calls.db") },
		"PostgreSQL": func(t *testing.T) string { return storetest.Postgres(t).Place(t) },
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			at := place(t)
			pending, err := Pending(t.Context(), at)
			if err != nil || len(pending) < 2 || pending[0].Version != 1 || pending[1].Name != "search" {
				t.Errorf("Pending = %+v, %v, want all migrations", pending, err)
			}
			s, err := Open(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.RecordCall(t.Context(), storetest.Record(1)); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if s, err = OpenReadOnly(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			recs, err := s.Calls(t.Context(), store.Filter{})
			if err != nil || len(recs) != 1 {
				t.Errorf("Calls = %d records, %v", len(recs), err)
			}
			if err := s.RecordCall(t.Context(), storetest.Record(2)); err == nil {
				t.Error("what is only read was written to")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
