package trust

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/passport"
	"countersign.example/stircert"
	"countersign.example/tn"
)

var errNotFound = errors.New("404 Not Found for 12155551212")

func TestRow67AChainIsFetchedOnceAndKept(t *testing.T) {
	w := newWorld(t)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := w.repository()
	first, err := r.Chain(t.Context(), x5u, noon)
	if err != nil || first.Anchor == nil || first.Covers("12155551212") != stircert.CoverNumber {
		t.Fatalf("Chain = %+v, %v", first, err)
	}
	for _, at := range []time.Time{noon, noon.Add(-slack), noon.Add(time.Hour - 1)} {
		again, err := r.Chain(t.Context(), x5u, at)
		if err != nil || again != first {
			t.Errorf("at %v: Chain = %p, %v, want %p", at, again, err, first)
		}
	}
	if n := w.requests(x5u); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	for i, at := range []time.Time{noon.Add(time.Hour), noon.Add(-time.Hour)} {
		if _, err := r.Chain(t.Context(), x5u, at); err != nil || w.requests(x5u) != 2+i {
			t.Errorf("at %v: %d requests, %v", at, w.requests(x5u), err)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { _, _ = r.Chain(t.Context(), x5u, noon) }); allocs != 0 {
		t.Errorf("a chain that is kept costs %v allocations", allocs)
	}
}

func TestTheWholeURLIsTheKey(t *testing.T) {
	w := newWorld(t)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	w.serve(x5u+"?other", stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := w.repository()
	a, err1 := r.Chain(t.Context(), x5u, noon)
	b, err2 := r.Chain(t.Context(), x5u+"?other", noon)
	if err1 != nil || err2 != nil || a.Fingerprint == b.Fingerprint {
		t.Errorf("one chain for two URLs: %v, %v", err1, err2)
	}
}

func TestWhatCannotBeHadIsAFinding(t *testing.T) {
	w := newWorld(t)
	r := w.repository()
	w.serve("https://certs.example/html", []byte("<html>"), time.Hour)
	for url, want := range map[string]passport.Code{
		"https://certs.example/gone": passport.CertificateUnavailable,
		"https://certs.example/html": passport.CertificateMalformed,
	} {
		_, err := r.Chain(t.Context(), url, noon)
		f, ok := errors.AsType[*passport.Finding](err)
		if !ok || f.Code != want || strings.Contains(f.Error(), "12155551212") {
			t.Errorf("%s: Chain = %v, want %v", url, err, want)
		}
		// Remembered, but briefly.
		for _, tc := range []struct {
			after time.Duration
			want  int
		}{{9 * time.Second, 1}, {10 * time.Second, 2}} {
			if _, err := r.Chain(t.Context(), url, noon.Add(tc.after)); !errors.Is(err, want) || w.requests(url) != tc.want {
				t.Errorf("%s after %v: %d requests, want %d: %v", url, tc.after, w.requests(url), tc.want, err)
			}
		}
	}
}

func TestOurOwnTroubleIsNotHeldAgainstTheURL(t *testing.T) {
	w := newWorld(t)
	w.busy = true
	r := w.repository()
	if _, err := r.Chain(t.Context(), x5u, noon); !errors.Is(err, passport.CertificateUnavailable) {
		t.Errorf("Chain = %v", err)
	}
	w.busy = false
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	if c, err := r.Chain(t.Context(), x5u, noon); err != nil || c.Anchor == nil {
		t.Errorf("Chain = %v, %v", c, err)
	}
}

func TestAChainThatIsNotSoundIsRememberedOnlyBriefly(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	tooMuch := func(t *stircert.Template) { t.TNs, t.ListURL = stircert.TNAuthList{}, listURL }
	for name, body := range map[string][]byte{
		"untrusted":      stircert.EncodePEM(other.signer(nil)),
		"list not found": stircert.EncodePEM(w.signer(tooMuch)),
		"expired":        stircert.EncodePEM(w.signer(func(t *stircert.Template) { t.NotBefore, t.NotAfter = noon.AddDate(0, 0, -2), noon.AddDate(0, 0, -1) })),
	} {
		t.Run(name, func(t *testing.T) {
			r, url := w.repository(), "https://certs.example/"+name
			w.serve(url, body, time.Hour)
			for i, after := range []time.Duration{0, 9 * time.Second, 11 * time.Second} {
				c, err := r.Chain(t.Context(), url, noon.Add(after))
				if err != nil || c == nil {
					t.Fatalf("Chain = %v, %v", c, err)
				}
				if want := 1 + i/2; w.requests(url) != want {
					t.Errorf("after %v: %d requests, want %d", after, w.requests(url), want)
				}
			}
		})
	}
}

func TestAChainIsKeptNoLongerThanAllThatItRestsOn(t *testing.T) {
	w := newWorld(t)
	der, err := stircert.NewCRL(w.anchor, w.anchorKey, stircert.CRLTemplate{ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(20 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	crl, err := stircert.ParseCRL(der)
	if err != nil {
		t.Fatal(err)
	}
	list, err := stircert.TNAuthList{Numbers: []tn.Number{"12155551213"}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w.serve(listURL, list, 10*time.Minute)
	for name, tc := range map[string]struct {
		change func(*stircert.Template)
		fresh  time.Duration
		crls   *stircert.CRLSet
		want   time.Duration
	}{
		"its server":          {nil, 30 * time.Minute, nil, 30 * time.Minute},
		"a day at most":       {func(t *stircert.Template) { t.NotAfter = noon.AddDate(0, 2, 0) }, 1000 * time.Hour, nil, 24 * time.Hour},
		"its certificate":     {func(t *stircert.Template) { t.NotAfter = noon.Add(15 * time.Minute) }, time.Hour, nil, 15 * time.Minute},
		"the revocation list": {nil, time.Hour, stircert.NewCRLSet([]*stircert.CRL{crl}, nil), 20 * time.Minute},
		"the list elsewhere":  {func(t *stircert.Template) { t.ListURL = listURL }, time.Hour, nil, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			url := "https://certs.example/" + name
			w.serve(url, stircert.EncodePEM(w.signer(tc.change)), tc.fresh)
			r := w.repository()
			r.Use(Set{Anchors: stircert.NewAnchors(w.anchor), CRLs: tc.crls})
			for i, at := range []time.Duration{0, tc.want - 1, tc.want} {
				c, err := r.Chain(t.Context(), url, noon.Add(at))
				if err != nil || c.Anchor == nil {
					t.Fatalf("Chain = %v", err)
				}
				if want := 1 + i/2; w.requests(url) != want {
					t.Errorf("after %v: %d requests, want %d", at, w.requests(url), want)
				}
			}
		})
	}
}

func TestWhatIsBelievedCanBeReplaced(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	cert := w.signer(nil)
	w.serve(x5u, stircert.EncodePEM(cert), time.Hour)
	r := w.repository()
	if c, err := r.Chain(t.Context(), x5u, noon); err != nil || c.Anchor == nil {
		t.Fatal(err)
	}
	r.Use(Set{Anchors: stircert.NewAnchors(other.anchor)})
	if c, err := r.Chain(t.Context(), x5u, noon); err != nil || c.Anchor != nil {
		t.Errorf("an anchor that was taken away is still believed: %v", err)
	}
	der, err := stircert.NewCRL(w.anchor, w.anchorKey, stircert.CRLTemplate{ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(time.Hour),
		Revoked: []stircert.Revoked{{Serial: cert.SerialNumber, At: noon.Add(-time.Minute)}}})
	if err != nil {
		t.Fatal(err)
	}
	crl, err := stircert.ParseCRL(der)
	if err != nil {
		t.Fatal(err)
	}
	r.Use(Set{Anchors: stircert.NewAnchors(w.anchor), CRLs: stircert.NewCRLSet([]*stircert.CRL{crl}, nil)})
	if c, err := r.Chain(t.Context(), x5u, noon); err != nil || !c.Has(passport.CertificateRevoked) || r.Set().CRLs.Len() != 1 {
		t.Errorf("a new revocation list is not asked: %v", err)
	}
}

func TestAChangeOfWhatIsBelievedMakesNoCallWaitForTheNetwork(t *testing.T) {
	w := newWorld(t)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := w.repository()
	for i, tc := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {10 * time.Minute, 1}, {59 * time.Minute, 1}, {time.Hour, 2}} {
		// Twice without a call between, so that what was served is handed on.
		r.Use(r.Set())
		r.Use(r.Set())
		if c, err := r.Chain(t.Context(), x5u, noon.Add(tc.after)); err != nil || c.Anchor == nil || w.requests(x5u) != tc.want {
			t.Errorf("change %d: %d requests, want %d: %v", i, w.requests(x5u), tc.want, err)
		}
	}
	r.Use(r.Set())
	r.Forget(x5u)
	if _, err := r.Chain(t.Context(), x5u, noon.Add(time.Hour)); err != nil || w.requests(x5u) != 3 {
		t.Errorf("what is forgotten is not fetched again: %d requests, %v", w.requests(x5u), err)
	}
}

func TestForgettingFetchesAgain(t *testing.T) {
	w := newWorld(t)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := w.repository()
	a, _ := r.Chain(t.Context(), x5u, noon)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r.Forget(x5u)
	b, err := r.Chain(t.Context(), x5u, noon)
	if err != nil || a.Fingerprint == b.Fingerprint {
		t.Errorf("the old chain is still there: %v", err)
	}
}

func TestManyCallsAtOnceMakeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
		w.wait = make(chan struct{})
		r := w.repository()
		chains := make([]*stircert.Chain, 50)
		var wg sync.WaitGroup
		for i := range chains {
			// They are not in step: each has its own time.
			wg.Go(func() { chains[i], _ = r.Chain(t.Context(), x5u, noon.Add(time.Duration(i-25)*time.Millisecond)) })
		}
		synctest.Wait()
		close(w.wait)
		wg.Wait()
		for _, c := range chains {
			if c == nil || c != chains[0] {
				t.Fatalf("Chain = %p and %p", c, chains[0])
			}
		}
		if n := w.requests(x5u); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestACallerWhoHangsUpSpoilsNothingForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
		w.wait = make(chan struct{})
		r := w.repository()
		ctx, hangUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var first, second, third error
		var chain *stircert.Chain
		wg.Go(func() { _, first = r.Chain(ctx, x5u, noon) })
		synctest.Wait()
		wg.Go(func() { chain, second = r.Chain(t.Context(), x5u, noon) })
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wg.Go(func() { _, third = r.Chain(impatient, x5u, noon) })
		synctest.Wait()
		<-impatient.Done()
		hangUp()
		synctest.Wait()
		close(w.wait)
		wg.Wait()
		if !errors.Is(first, context.Canceled) || !errors.Is(third, context.DeadlineExceeded) {
			t.Errorf("those who hung up: %v, %v", first, third)
		}
		if second != nil || chain == nil || chain.Anchor == nil {
			t.Errorf("the one who waited: %v, %v", chain, second)
		}
	})
}

func TestMemoryIsBoundedAndTheBadDoesNotPushOutTheGood(t *testing.T) {
	w := newWorld(t)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := New(Config{Fetcher: w, Set: Set{Anchors: stircert.NewAnchors(w.anchor)}, MaxChains: 4})
	if _, err := r.Chain(t.Context(), x5u, noon); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := r.Chain(t.Context(), fmt.Sprintf("https://flood.example/%d", i), noon); err == nil {
			t.Fatal("a chain from nowhere")
		}
	}
	if _, err := r.Chain(t.Context(), x5u, noon); err != nil || w.requests(x5u) != 1 {
		t.Errorf("%d requests, want 1: %v", w.requests(x5u), err)
	}
	s := r.state.Load()
	if len(s.bad) > 4 || len(s.flights) != 0 {
		t.Errorf("%d bad outcomes kept, %d flights left", len(s.bad), len(s.flights))
	}
	body := stircert.EncodePEM(w.signer(nil))
	for i := range 100 {
		url := fmt.Sprintf("https://good.example/%d", i)
		w.serve(url, body, time.Hour)
		if c, err := r.Chain(t.Context(), url, noon); err != nil || c.Anchor == nil {
			t.Fatal(err)
		}
	}
	if len(s.chains) > 4 {
		t.Errorf("%d chains kept", len(s.chains))
	}
}

func TestWithTheRealFetcherInLabMode(t *testing.T) {
	w := newWorld(t)
	body := stircert.EncodePEM(w.signer(nil))
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = rw.Write(body)
	}))
	defer server.Close()
	f := fetch.New(fetch.Config{Lab: true})
	defer f.Close()
	r := New(Config{Fetcher: f, Set: Set{Anchors: stircert.NewAnchors(w.anchor)}})
	for range 2 {
		c, err := r.Chain(t.Context(), server.URL+"/leaf.pem", noon)
		if err != nil || c.Anchor == nil || !c.Lab {
			t.Fatalf("Chain = %+v, %v", c, err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	strict := fetch.New(fetch.Config{})
	defer strict.Close()
	_, err := New(Config{Fetcher: strict}).Chain(t.Context(), server.URL+"/leaf.pem", noon)
	if !errors.Is(err, passport.CertificateUnavailable) {
		t.Errorf("strict: Chain = %v", err)
	}
}

func BenchmarkAKeptChain(b *testing.B) {
	w := newWorld(b)
	w.serve(x5u, stircert.EncodePEM(w.signer(nil)), time.Hour)
	r := w.repository()
	b.ReportAllocs()
	for b.Loop() {
		if c, err := r.Chain(b.Context(), x5u, noon); err != nil || c.Anchor == nil {
			b.Fatal(err)
		}
	}
}
