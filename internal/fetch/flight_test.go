package fetch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// gate is a server that lets nobody through before it is opened.
type gate struct {
	open     chan struct{}
	requests atomic.Int64
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) serve(conn net.Conn) {
	reply(conn, func(*http.Request) string {
		g.requests.Add(1)
		<-g.open
		return ok("certificate")
	})
}

func TestManyWhoAskForOneURLMakeOneRequest(t *testing.T) {
	for _, noStore := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			f := wired(Config{}, g.serve)
			defer f.Close()
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					doc, err := f.Get(t.Context(), "http://host.test/c", Options{NoStore: noStore})
					if err != nil || string(doc.Body) != "certificate" {
						t.Errorf("Get = %v, %v", doc, err)
					}
				})
			}
			synctest.Wait()
			close(g.open)
			wg.Wait()
			if n := g.requests.Load(); n != 1 {
				t.Errorf("NoStore %t: %d requests, want 1", noStore, n)
			}
		})
	}
}

func TestKindsDoNotShareAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{}, g.serve)
		defer f.Close()
		var wg sync.WaitGroup
		for _, kind := range kinds {
			wg.Go(func() { f.Get(t.Context(), "http://host.test/c", Options{Kind: kind}) })
		}
		synctest.Wait()
		close(g.open)
		wg.Wait()
		if n := g.requests.Load(); n != int64(len(kinds)) {
			t.Errorf("%d requests, want %d", n, len(kinds))
		}
	})
}

func TestWhoLeavesDoesNotDisturbTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{}, g.serve)
		defer f.Close()
		hurried, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		// The one who leaves is the one who began it.
		wg.Go(func() {
			if doc, err := f.Get(hurried, "http://host.test/c", Options{}); err != context.Canceled {
				t.Errorf("Get = %v, %v, want %v", doc, err, context.Canceled)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := f.Get(t.Context(), "http://host.test/c", Options{}); err != nil {
				t.Errorf("Get = %v for the one who stayed", err)
			}
		})
		synctest.Wait()
		hangUp()
		synctest.Wait()
		close(g.open)
		wg.Wait()
		if n := g.requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestWhatTheLastOneLeftBehindIsRememberedAsADocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{}, g.serve)
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if doc, err := f.Get(ctx, "http://host.test/c", Options{}); err != context.DeadlineExceeded {
			t.Errorf("Get = %v, %v, want %v", doc, err, context.DeadlineExceeded)
		}
		if doc, err := f.Get(ctx, "http://host.test/c", Options{}); err != context.DeadlineExceeded {
			t.Errorf("Get = %v, %v, want %v", doc, err, context.DeadlineExceeded)
		}
		close(g.open)
		synctest.Wait()
		doc, err := f.Get(t.Context(), "http://host.test/c", Options{})
		wantBody(t, doc, err, "certificate")
		if n := g.requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestNobodyIsAskedForACallerWhoHasLeft(t *testing.T) {
	f := wired(Config{}, func(net.Conn) { t.Error("a connection was made") })
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if doc, err := f.Get(ctx, "http://host.test/c", Options{}); err != context.Canceled {
		t.Errorf("Get = %v, %v, want %v", doc, err, context.Canceled)
	}
}

// mute is a Resolver that never answers.
type mute struct{}

func (mute) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCloseEndsWhatIsUnderWayAndLeavesNothingBehind(t *testing.T) {
	const host = "host.test"
	stalls := map[string]func(*Fetcher){
		"in the lookup": func(f *Fetcher) { f.cfg.Resolver = mute{} },
		"while connecting": func(f *Fetcher) {
			f.dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		},
		"in the response":     func(*Fetcher) {},
		"waiting for a place": func(f *Fetcher) { f.places.total <- struct{}{} },
	}
	for name, stall := range stalls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				f := wired(Config{MaxConcurrent: 1}, g.serve)
				stall(f)
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						if doc, err := f.Get(t.Context(), "http://"+host+"/c", Options{}); err != ErrClosed {
							t.Errorf("Get = %v, %v, want %v", doc, err, ErrClosed)
						}
					})
				}
				synctest.Wait()
				began := time.Now()
				for range 2 {
					if err := f.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("Close took %s, want it not to wait for the deadline", took)
				}
				wg.Wait()
				close(g.open)
				if doc, err := f.Get(t.Context(), "http://"+host+"/c", Options{}); err != ErrClosed {
					t.Errorf("Get after Close = %v, %v, want %v", doc, err, ErrClosed)
				}
			})
		})
	}
}

func TestCloseWaitsForTheLastFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		f := wired(Config{}, nil)
		f.dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			<-slow
			return nil, ctx.Err()
		}
		go f.Get(t.Context(), "http://host.test/c", Options{})
		synctest.Wait()
		var closed atomic.Bool
		go func() {
			f.Close()
			closed.Store(true)
		}()
		synctest.Wait()
		if closed.Load() {
			t.Error("Close returned while a fetch was under way")
		}
		close(slow)
		synctest.Wait()
		if !closed.Load() {
			t.Error("Close has not returned though no fetch is under way")
		}
	})
}

func TestNoGoroutineIsLeftBehindOnARealNetwork(t *testing.T) {
	reached := make(chan struct{}, 1)
	o := newOutside(t, func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-r.Context().Done()
	})
	before := goleak.IgnoreCurrent()
	f := o.fetcher(t, Config{Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.Get(ctx, "https://example.com/c", Options{}); err != context.Canceled {
			t.Errorf("Get = %v, want %v", err, context.Canceled)
		}
	})
	<-reached
	cancel()
	wg.Wait()
	f.Close()
	goleak.VerifyNone(t, before)
}

func TestPlacesAreBoundedForOneHostAndInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{MaxConcurrent: 3, MaxPerHost: 2}, g.serve)
		defer f.Close()
		var mu sync.Mutex
		dialled := 0
		dial := f.dial
		f.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			mu.Lock()
			dialled++
			mu.Unlock()
			return dial(ctx, to)
		}
		var wg sync.WaitGroup
		get := func(url string) {
			wg.Go(func() {
				if _, err := f.Get(t.Context(), url, Options{}); err != nil {
					t.Errorf("Get(%s): %v", url, err)
				}
			})
			synctest.Wait()
		}
		for i, want := range []int{1, 2, 2, 2} {
			get(fmt.Sprintf("http://host.test/%d", i))
			if dialled != want {
				t.Errorf("%d at one host at once, want %d", dialled, want)
			}
		}
		for i, want := range []int{3, 3} {
			get(fmt.Sprintf("http://other.test/%d", i))
			if dialled != want {
				t.Errorf("%d fetches at once, want %d", dialled, want)
			}
		}
		close(g.open)
		wg.Wait()
		if len(f.places.hosts) != 0 || len(f.places.total) != 0 {
			t.Errorf("places still taken: %v, %d", f.places.hosts, len(f.places.total))
		}
	})
}

func TestWaitingForAPlaceCountsAndIsNotHeldAgainstTheURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{MaxPerHost: 1}, g.serve)
		defer f.Close()
		leave, err := f.places.enter(t.Context(), "host.test")
		if err != nil {
			t.Fatal(err)
		}
		close(g.open)
		began := time.Now()
		doc, err := f.Get(t.Context(), "http://host.test/c", Options{})
		wantFailure(t, doc, err, NoPlace)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Get took %s, want 3s", took)
		}
		leave()
		doc, err = f.Get(t.Context(), "http://host.test/c", Options{})
		wantBody(t, doc, err, "certificate")
	})
}

func TestOnlySoManyMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		f := wired(Config{MaxConcurrent: 1}, g.serve)
		defer f.Close()
		var wg sync.WaitGroup
		for i := range 1 + waitersPerPlace {
			wg.Go(func() {
				if _, err := f.Get(t.Context(), fmt.Sprintf("http://host.test/%d", i), Options{}); err != nil {
					t.Errorf("Get: %v", err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		doc, err := f.Get(t.Context(), "http://host.test/one-more", Options{})
		fail := wantFailure(t, doc, err, NoPlace)
		if time.Since(began) != 0 || fail.URL != "http://host.test/one-more" || !strings.Contains(fail.Error(), "waiting") {
			t.Errorf("Failure = %+v, want it at once", fail)
		}
		close(g.open)
		wg.Wait()
	})
}
