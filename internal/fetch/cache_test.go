package fetch

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTwoCallsWithOneInfoMakeOneRequest is row 67 of standards.md section 30.
func TestTwoCallsWithOneInfoMakeOneRequest(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	f := o.fetcher(t, Config{})
	var docs [2]*Document
	for i := range docs {
		doc, err := f.Get(t.Context(), "https://example.com/c", Options{})
		docs[i] = wantBody(t, doc, err, "certificate")
	}
	if n := o.requests.Load(); n != 1 || docs[0] != docs[1] {
		t.Errorf("%d requests, want 1 and one document for both", n)
	}
	// One kind does not get what was fetched by the rules of another.
	for _, kind := range []Kind{Other, List, X5U, Other, List} {
		doc, err := f.Get(t.Context(), "https://example.com/c", Options{Kind: kind})
		wantBody(t, doc, err, "certificate")
	}
	if n := o.requests.Swap(1); n != 3 {
		t.Errorf("%d requests for three kinds, want 3", n)
	}
	// Equivalent URLs are other URLs (RFC 3986 section 6.2.1).
	for i, url := range []string{"https://example.com:443/c", "https://EXAMPLE.com/c", "https://example.com/c?"} {
		doc, err := f.Get(t.Context(), url, Options{})
		wantBody(t, doc, err, "certificate")
		if n := o.requests.Load(); n != int64(2+i) {
			t.Errorf("%d requests after %s, want %d", n, url, 2+i)
		}
	}
}

func TestDocumentsAreKeptAsLongAsTheServerSays(t *testing.T) {
	now := newClock().now()
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	const floor, unstated, ceiling = time.Minute, 2 * time.Hour, 24 * time.Hour
	tests := []struct {
		name   string
		header []string // name, value, ...
		want   time.Duration
	}{
		{"nothing said", nil, unstated},
		{"max-age", []string{"Cache-Control", "max-age=600"}, 10 * time.Minute},
		{"max-age among others", []string{"Cache-Control", `public, MAX-AGE="600" , must-revalidate`}, 10 * time.Minute},
		{"max-age below the floor", []string{"Cache-Control", "max-age=1"}, floor},
		{"max-age of zero", []string{"Cache-Control", "max-age=0"}, floor},
		{"max-age over the ceiling", []string{"Cache-Control", "max-age=31536000"}, ceiling},
		{"max-age over all counting", []string{"Cache-Control", "max-age=99999999999999999999999"}, ceiling},
		{"max-age unreadable", []string{"Cache-Control", "max-age=soon"}, floor},
		{"max-age negative", []string{"Cache-Control", "max-age=-5"}, floor},
		{"max-age without a value", []string{"Cache-Control", "max-age"}, floor},
		{"two max-ages", []string{"Cache-Control", "max-age=1200", "Cache-Control", "max-age=600"}, 10 * time.Minute},
		{"s-maxage is for others", []string{"Cache-Control", "s-maxage=600"}, unstated},
		{"no-store", []string{"Cache-Control", "no-store, max-age=600"}, floor},
		{"no-cache", []string{"Cache-Control", "max-age=600, no-cache"}, floor},
		{"Expires", []string{"Expires", at(time.Hour)}, time.Hour},
		{"Expires by the server's clock", []string{"Expires", at(3 * time.Hour), "Date", at(2 * time.Hour)}, time.Hour},
		{"Expires in the past", []string{"Expires", at(-time.Hour)}, floor},
		{"Expires in another millennium", []string{"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}, ceiling},
		{"Expires before there was time", []string{"Expires", "Mon, 01 Jan 0001 00:00:00 GMT", "Age", "9999999999"}, floor},
		{"Expires unreadable", []string{"Expires", "0"}, floor},
		{"max-age wins over Expires", []string{"Cache-Control", "max-age=600", "Expires", at(time.Hour)}, 10 * time.Minute},
		{"Age", []string{"Cache-Control", "max-age=600", "Age", "120"}, 8 * time.Minute},
		{"Age of Expires", []string{"Expires", at(time.Hour), "Age", "1800"}, 30 * time.Minute},
		{"Age beyond max-age", []string{"Cache-Control", "max-age=600", "Age", "86400"}, floor},
		{"Age unreadable", []string{"Cache-Control", "max-age=600", "Age", "-1"}, 10 * time.Minute},
	}
	f := New(Config{MinFresh: floor, DefaultFresh: unstated, MaxFresh: ceiling})
	for _, test := range tests {
		h := make(http.Header)
		for i := 0; i < len(test.header); i += 2 {
			h.Add(test.header[i], test.header[i+1])
		}
		if got := f.freshFor(h, now); got != test.want {
			t.Errorf("%s: freshFor(%v) = %s, want %s", test.name, h, got, test.want)
		}
	}
	f = New(Config{MinFresh: 2 * time.Hour, MaxFresh: time.Hour})
	if got := f.freshFor(nil, now); got != time.Hour {
		t.Errorf("freshFor = %s, want the ceiling to win over the floor", got)
	}
}

func TestAStaleDocumentIsFetchedAgain(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte("certificate"))
	})
	c := newClock()
	f := o.fetcher(t, Config{Now: c.now, MinFresh: time.Minute})
	for _, step := range []struct {
		later    time.Duration
		requests int64
	}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {59 * time.Second, 2}} {
		c.move(step.later)
		doc, err := f.Get(t.Context(), "https://example.com/c", Options{})
		wantBody(t, doc, err, "certificate")
		if n := o.requests.Load(); n != step.requests {
			t.Errorf("%d requests, want %d", n, step.requests)
		}
	}
}

func TestAFailureIsRememberedBriefly(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c := newClock()
	f := o.fetcher(t, Config{Now: c.now, NegativeTTL: 10 * time.Second})
	const url = "https://example.com/c"
	for _, opts := range []Options{{}, {NoStore: true}} {
		doc, err := f.Get(t.Context(), url, opts)
		wantFailure(t, doc, err, BadStatus)
	}
	broken.Store(false)
	c.move(10*time.Second - 1)
	doc, err := f.Get(t.Context(), url, Options{})
	wantFailure(t, doc, err, BadStatus)
	if n := o.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	c.move(1)
	doc, err = f.Get(t.Context(), url, Options{})
	wantBody(t, doc, err, "")
}

func TestForgetDropsDocumentsAndFailures(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
		}
	})
	f := o.fetcher(t, Config{})
	for _, url := range []string{"https://example.com/c", "https://example.com/missing"} {
		for _, kind := range kinds {
			o.requests.Store(0)
			for range 2 {
				f.Get(t.Context(), url, Options{Kind: kind})
				f.Forget(url)
			}
			if n := o.requests.Load(); n != 2 {
				t.Errorf("%d requests for %s, want 2", n, url)
			}
		}
	}
}

func TestNoStoreLeavesTheDocumentToTheCaller(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	f := o.fetcher(t, Config{})
	for i := range 2 {
		doc, err := f.Get(t.Context(), "https://example.com/c", Options{NoStore: true})
		wantBody(t, doc, err, "certificate")
		if n := o.requests.Load(); n != int64(i+1) {
			t.Errorf("%d requests, want %d", n, i+1)
		}
	}
	if f.docs.bytes != 0 || len(f.docs.byKey) != 0 {
		t.Errorf("%d documents are kept, want none", len(f.docs.byKey))
	}
}

func TestFailuresDoNotPushOutDocuments(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/missing") {
			http.NotFound(w, r)
		}
	})
	f := o.fetcher(t, Config{MaxEntries: 2})
	f.Get(t.Context(), "https://example.com/c", Options{})
	for i := range 10 {
		f.Get(t.Context(), fmt.Sprintf("https://example.com/missing/%d", i), Options{})
	}
	if len(f.failures.byKey) != 2 {
		t.Errorf("%d failures are remembered, want 2", len(f.failures.byKey))
	}
	o.requests.Store(0)
	f.Get(t.Context(), "https://example.com/c", Options{})
	if n := o.requests.Load(); n != 0 {
		t.Errorf("%d requests, want the document to be kept still", n)
	}
}

// TestCacheIsAsGoodAsAMapWithinItsBounds compares the cache with a plain model.
func TestCacheIsAsGoodAsAMapWithinItsBounds(t *testing.T) {
	type kept struct {
		key   key
		value int
		bytes int
		until time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		const maxEntries, maxBytes = 4, 100
		c := newCache[int](maxEntries, maxBytes)
		now := newClock().now()
		var model []kept // the most recently used last
		remove := func(k key) (was kept, ok bool) {
			for i, m := range model {
				if m.key == k {
					model = append(model[:i:i], model[i+1:]...)
					return m, true
				}
			}
			return kept{}, false
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			k := key{url: rapid.StringMatching("[a-g]").Draw(t, "url")}
			switch rapid.SampledFrom([]string{"get", "put", "drop", "wait"}).Draw(t, "do") {
			case "get":
				want, found := remove(k)
				found = found && now.Before(want.until)
				if found {
					model = append(model, want)
				}
				if v, ok := c.get(k, now); ok != found || v != want.value && found {
					t.Fatalf("get(%v) = %d, %t, want %d, %t", k, v, ok, want.value, found)
				}
			case "put":
				n := rapid.IntRange(0, 120).Draw(t, "bytes")
				until := now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "ttl")) * time.Second)
				c.put(k, i, n, until)
				remove(k)
				if n <= maxBytes {
					model = append(model, kept{k, i, n, until})
				}
			case "drop":
				c.drop(k)
				remove(k)
			case "wait":
				now = now.Add(time.Second)
			}
			total := 0
			for _, m := range model {
				total += m.bytes
			}
			for len(model) > maxEntries || total > maxBytes {
				total -= model[0].bytes
				model = model[1:]
			}
			if c.bytes != total || len(c.byKey) != len(model) || c.order.Len() != len(model) {
				t.Fatalf("cache has %d entries of %d bytes, want %d of %d", len(c.byKey), c.bytes, len(model), total)
			}
		}
	})
}

// FuzzFresh checks that no header keeps a document shorter than the floor or longer
// than the ceiling.
func FuzzFresh(f *testing.F) {
	f.Add("max-age=600", "", "", "")
	f.Add(`private="a,b", max-age="9223372036854775808"`, "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "4294967296")
	f.Add("", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "9223372036")
	now := newClock().now()
	// Wide enough that nothing but overflow could hide behind the bounds.
	fetcher := New(Config{MinFresh: 1, MaxFresh: math.MaxInt64})
	f.Fuzz(func(t *testing.T, cacheControl, expires, date, age string) {
		h := http.Header{"Cache-Control": {cacheControl}, "Expires": {expires}, "Date": {date}, "Age": {age}}
		if got := fetcher.freshFor(h, now); got < 1 || got > maxDelta {
			t.Fatalf("freshFor(%q) = %d", h, got)
		}
	})
}
