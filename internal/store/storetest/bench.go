package storetest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/tn"
)

// Bench measures writing into and reading from a store that is empty at first: alone, and
// by 64 at once. The function size returns how many bytes everything takes.
func Bench(b *testing.B, open Place, size func() int64) {
	s, err := open()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var n atomic.Int64
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("record, %d at once", at), func(b *testing.B) {
			atOnce(b, at, func() error { return s.RecordCall(b.Context(), signed(int(n.Add(1)))) })
			b.ReportMetric(float64(size())/float64(n.Load()), "bytes/record")
		})
	}
	b.Run("page by number", func(b *testing.B) {
		for b.Loop() {
			recs, err := s.Calls(b.Context(), store.Filter{Number: string(signed(1).Call.Called.TN), Limit: 20})
			if err != nil || len(recs) == 0 {
				b.Fatal(len(recs), err)
			}
		}
	})
}

// atOnce does something b.N times, from several goroutines.
func atOnce(b *testing.B, goroutines int, do func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// signed returns the n-th record, of the size of one about a signed call: with a PASSporT
// and a report on it, and a calling number that is seldom the same.
func signed(n int) call.Record {
	rec := Record(n)
	rec.Call.Calling.TN = tn.Number(fmt.Sprintf("12155%06d", n*7919%1_000_000))
	// As little of it repeats as of a real one, or a database would compress it away.
	passport := make([]byte, 390)
	rand.NewChaCha8([32]byte(fmt.Appendf(nil, "%032d", n))).Read(passport)
	rec.Call.Signalling.Identity = []string{base64.RawURLEncoding.EncodeToString(passport) + ";info=<https://cr.example/a.pem>;ppt=shaken"}
	steps := make([]map[string]any, 12)
	for i := range steps {
		steps[i] = map[string]any{"step": i + 1, "name": "signature", "state": "passed"}
	}
	rec.Evidence[0].Report = map[string]any{"result": "valid", "best": 0, "fields": []any{map[string]any{"steps": steps}}}
	return rec
}
