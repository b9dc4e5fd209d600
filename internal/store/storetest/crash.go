package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
)

// WriteCalls writes calls first to last, held and then settled, from several goroutines,
// and acknowledges each on out only after RecordCall did. It is for a child of a crash
// test, and ends early with the first error.
func WriteCalls(s *store.Store, first, last, writers int, out io.Writer) error {
	var mu sync.Mutex
	acknowledge := func(rec call.Record, n int) error {
		if err := s.RecordCall(context.Background(), rec); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := fmt.Fprintln(out, rec.State, n)
		return err
	}
	ended := make(chan error, writers)
	for w := range writers {
		go func() {
			for n := first + w; n <= last; n += writers {
				held := Record(n)
				held.State, held.Action = call.Open, call.Action{Kind: call.Hold}
				if err := acknowledge(held, n); err != nil {
					ended <- err
					return
				}
				if err := acknowledge(Record(n), n); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	for range writers {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// Hear notes what [WriteCalls] acknowledges, by number, until it ends, and returns how
// often it did. After each it calls then.
func Hear(out *bufio.Reader, acknowledged map[int]string, then func(heard int)) int {
	for heard := 0; ; {
		// A line that was cut off by a kill was no acknowledgment.
		line, err := out.ReadString('\n')
		if err != nil {
			return heard
		}
		var state string
		var n int
		if _, err := fmt.Sscan(line, &state, &n); err != nil {
			continue
		}
		acknowledged[n] = state
		heard++
		then(heard)
	}
}
