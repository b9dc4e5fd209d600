package sipcore

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestNothingIsLeftAfterManyCalls makes as many calls as SIPCORE_CALLS says
// (100,000 is a long run) through a proxy over the loopback interface, and finds
// goroutines and memory where they were.
func TestNothingIsLeftAfterManyCalls(t *testing.T) {
	calls, _ := strconv.Atoi(os.Getenv("SIPCORE_CALLS"))
	if calls == 0 {
		t.Skip("SIPCORE_CALLS says how many calls to make; none were made (it wants a machine for itself)")
	}
	// What a transaction keeps is kept for 64 times T1.
	fast := Timers{T1: 20 * time.Millisecond, T4: 50 * time.Millisecond, D: time.Second}
	config := func() Config {
		return Config{Timers: fast, Listen: []Listen{{Addr: "127.0.0.1:0"}, {Transport: TCP, Addr: "127.0.0.1:0"}}}
	}
	callee := runEndpoint(t, config(), func(*Endpoint) Handler {
		return func(_ context.Context, tx *ServerTx) { tx.Reply(200, "", Field{"Contact", "<sip:callee@127.0.0.1>"}) }
	})
	proxy := runEndpoint(t, config(), func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			to := Target{Transport: tx.Request().Arrived().Transport, Addr: callee.AddrOf(tx.Request().Arrived().Transport)}
			e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: []Target{to}})
		}
	})
	from := runEndpoint(t, config(), nil)
	run := func(n int) {
		var callers sync.WaitGroup
		for i := range 8 {
			to := Target{Transport: Transport(i % 2), Addr: proxy.AddrOf(Transport(i % 2))}
			callers.Go(func() {
				for range n / 8 {
					short(t, from, to)
				}
			})
		}
		callers.Wait()
		for _, e := range []*Endpoint{from, proxy, callee} {
			waitUntil(t, func() bool { l := e.Load(); return l.Transactions+l.Clients+l.InHand == 0 })
		}
	}
	run(calls) // connections, buffers and the room in tables are there to stay
	goroutines, heap := runtime.NumGoroutine(), liveHeap()
	run(calls)
	waitUntil(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	t.Logf("heap %d KiB before, %d after", heap>>10, liveHeap()>>10)
	if after := liveHeap(); after > heap+4<<20 {
		t.Errorf("%d calls left %d KiB of heap, and there were %d KiB before", calls, (after-heap)>>10, heap>>10)
	}
}

// short is one call without a pause.
func short(t *testing.T, from *Endpoint, to Target) {
	invite := newCall(MethodInvite)
	invite.Set("Call-ID", random())
	final, err := from.DoTo(t.Context(), invite, to)
	if err != nil || final.Status() != 200 {
		t.Errorf("INVITE: %v, %v", final, err)
		return
	}
	d, err := DialogFromResponse(invite, final)
	if err != nil {
		t.Error(err)
		return
	}
	from.SendACKTo(d.NewRequest(MethodAck), to)
	if m, err := from.DoTo(t.Context(), d.NewRequest(MethodBye), to); err != nil || m.Status() != 200 {
		t.Errorf("BYE: %v, %v", m, err)
	}
}

// waitUntil waits for what the runtime or a timer does in its own time. The end of
// the test is the only deadline.
func waitUntil(t *testing.T, done func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it never came")
		}
	}
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
