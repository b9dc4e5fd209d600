package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestADocumentComesWithWhereAndWhenAndWhat(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-cert")
		w.Header().Set("Cache-Control", "max-age=3600")
		fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, r.RequestURI)
	})
	c := newClock()
	f := o.fetcher(t, Config{Now: c.now})
	const url = "https://Example.com/a%20b?c=%3Cd%3E"
	doc, err := f.Get(t.Context(), url, Options{})
	wantBody(t, doc, err, "GET Example.com /a%20b?c=%3Cd%3E")
	if doc.URL != url || doc.Location != url || doc.ContentType != "application/pkix-cert" || doc.Lab {
		t.Errorf("Document = %+v", doc)
	}
	if !doc.FetchedAt.Equal(c.now()) || !doc.Expires.Equal(c.now().Add(time.Hour)) {
		t.Errorf("fetched %s, expires %s, want now and in an hour", doc.FetchedAt, doc.Expires)
	}
}

func TestTheRequestIsBareOfProxiesCookiesAndCompression(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "before"})
		if r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Referer") != "" {
			t.Errorf("request header = %v", r.Header)
		}
		if r.URL.Path == "/one" {
			http.Redirect(w, r, "/two", http.StatusFound)
		}
	})
	f := o.fetcher(t, Config{})
	for _, url := range []string{"https://example.com/one", "https://example.com/three"} {
		doc, err := f.Get(t.Context(), url, Options{Kind: Other})
		wantBody(t, doc, err, "")
	}
	for _, to := range o.addresses() {
		if to != netip.AddrPortFrom(public, 443) {
			t.Errorf("dialled %s, want only %s", to, public)
		}
	}
}

func TestAnX5UIsNeverRedirected(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/there", status)
		})
		f := o.fetcher(t, Config{})
		doc, err := f.Get(t.Context(), "https://example.com/here", Options{})
		if fail := wantFailure(t, doc, err, Redirected); fail.Status != status {
			t.Errorf("Status = %d, want %d", fail.Status, status)
		}
		if n := o.requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	}
}

func TestOtherDocumentsAreRedirectedOnceAndVettedAgain(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
			return
		}
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte("list"))
	})
	o.dns["inside.example.com"] = []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	const here = "https://example.com/here?to="
	tests := []struct {
		to     string
		where  string // of the document
		reason Reason
		inner  Reason
	}{
		{to: "/there", where: "https://example.com/there"},
		{to: "https://sub.example.com:8443/there", where: "https://sub.example.com:8443/there"},
		{to: "//sub.example.com/there", where: "https://sub.example.com/there"},
		{to: "/here?to=/again", reason: Redirected},
		{to: "/missing", reason: BadStatus, where: "https://example.com/missing"},
		{to: "http://example.com/there", reason: Redirected, inner: BadURL},
		{to: "file:///etc/passwd", reason: Redirected, inner: BadURL},
		{to: "https://me@example.com/there", reason: Redirected, inner: BadURL},
		{to: "https://example.com:22/", reason: Redirected, inner: BadURL},
		{to: "https://2130706433/", reason: Redirected, inner: BadURL},
		{to: "/there%23", reason: Redirected, inner: BadURL},
		{to: "/a%20b", reason: Redirected, inner: BadURL},
		{to: "https://%25zz/", reason: Redirected},
		{to: "https://127.0.0.1/there", reason: AddressRefused, where: "https://127.0.0.1/there"},
		{to: "https://169.254.169.254/", reason: AddressRefused, where: "https://169.254.169.254/"},
		{to: "https://inside.example.com/", reason: AddressRefused, where: "https://inside.example.com/"},
	}
	for _, kind := range []Kind{Other, List} {
		for _, test := range tests {
			t.Run(fmt.Sprint(kind, " ", test.to), func(t *testing.T) {
				f := o.fetcher(t, Config{})
				doc, err := f.Get(t.Context(), here+test.to, Options{Kind: kind})
				if test.reason == "" {
					wantBody(t, doc, err, "list")
					if doc.Location != test.where || doc.URL != here+test.to {
						t.Errorf("Location = %q, URL = %q", doc.Location, doc.URL)
					}
					return
				}
				fail := wantFailure(t, doc, err, test.reason)
				if test.reason != Redirected && fail.Location != test.where {
					t.Errorf("Location = %q, want %q", fail.Location, test.where)
				}
				if inner, ok := errors.AsType[*Failure](fail.Err); ok != (test.inner != "") || ok && inner.Reason != test.inner {
					t.Errorf("inner failure = %v, want reason %q", inner, test.inner)
				}
			})
		}
	}
	for _, to := range o.addresses() {
		if to.Addr() != public {
			t.Errorf("dialled %s, want only %s", to, public)
		}
	}
}

func TestARedirectKeepsToTheList(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://sub.example.com/there", http.StatusFound)
	})
	f := o.fetcher(t, Config{Allow: []string{"example.com"}})
	doc, err := f.Get(t.Context(), "https://example.com/here", Options{Kind: Other})
	fail := wantFailure(t, doc, err, Redirected)
	if inner, ok := errors.AsType[*Failure](fail.Err); !ok || inner.Reason != NotAllowed {
		t.Errorf("inner failure = %v, want reason %q", inner, NotAllowed)
	}
}

func TestOnlyStatus200IsADocument(t *testing.T) {
	for _, status := range []int{201, 203, 204, 206, 300, 304, 305, 400, 401, 404, 410, 429, 500, 503, 599} {
		o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		f := o.fetcher(t, Config{})
		doc, err := f.Get(t.Context(), "https://example.com/c", Options{Kind: Other})
		if fail := wantFailure(t, doc, err, BadStatus); fail.Status != status {
			t.Errorf("Status = %d, want %d", fail.Status, status)
		}
	}
}

func TestABodyIsCutAtItsLimit(t *testing.T) {
	const ten = 10 << 30
	endless := func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 32<<10)
		for sent := 0; sent < ten; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	exactly := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, n)) }
	}
	tests := []struct {
		name    string
		kind    Kind
		handler http.HandlerFunc
		most    int64 // bytes that may come in, of all there are
		large   bool
	}{
		{"at the limit", X5U, exactly(64 << 10), 80 << 10, false},
		{"one byte over", X5U, exactly(64<<10 + 1), 80 << 10, true},
		{"10 GB announced", X5U, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(ten))
			endless(w, r)
		}, 64 << 10, true},
		{"10 GB in chunks", X5U, endless, 128 << 10, true},
		{"other, one byte over", Other, exactly(64<<10 + 1), 80 << 10, true},
		{"a list over the limit of certificates", List, exactly(64<<10 + 1), 80 << 10, false},
		{"a list of 10 GB", List, endless, 300 << 10, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := newOutside(t, test.handler)
			// Time enough, that it is the limit that ends it.
			f := o.fetcher(t, Config{MaxListBytes: 200 << 10, Timeout: time.Minute})
			doc, err := f.Get(t.Context(), "https://example.com/c", Options{Kind: test.kind})
			if test.large {
				wantFailure(t, doc, err, TooLarge)
			} else if err != nil {
				t.Errorf("Get: %v", err)
			}
			if n := o.received.Load(); n > test.most {
				t.Errorf("%d bytes came in, want at most %d", n, test.most)
			}
		})
	}
}

func TestAnEndlessHeaderIsCutAtItsLimit(t *testing.T) {
	tests := []struct{ name, start, repeat string }{
		{"one field", "HTTP/1.1 200 OK\r\nA: ", "aaaaaaaaaaaaaaaa"},
		{"many fields", "HTTP/1.1 200 OK\r\n", "A: b\r\n"},
		{"status line", "HTTP/1.1 200 ", "OK"},
		{"interim responses", "", "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("a", 8<<10) + "\r\n\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stream := &endless{start: []byte(test.start), repeat: []byte(test.repeat)}
			_, err := receive(stream, 64<<10)
			if fail, ok := errors.AsType[*Failure](err); !ok || fail.Reason != TooLarge {
				t.Errorf("receive = %v, want reason %q", err, TooLarge)
			}
			if stream.read > maxHeader {
				t.Errorf("%d bytes were read, want at most %d", stream.read, maxHeader)
			}
		})
	}
}

// endless is a stream that begins with start and repeats the rest for ever.
type endless struct {
	start, repeat []byte
	read          int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	e.start = e.start[n:]
	for n < len(p) {
		p[n] = e.repeat[0]
		e.repeat = append(e.repeat[1:], e.repeat[0])
		n++
	}
	e.read += n
	return n, nil
}

func TestAGzipBombIsNotExpanded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 8<<20))
	z.Close()
	o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/marked" {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Write(bomb.Bytes())
	})
	f := o.fetcher(t, Config{})
	doc, err := f.Get(t.Context(), "https://example.com/marked", Options{})
	wantFailure(t, doc, err, Malformed)
	doc, err = f.Get(t.Context(), "https://example.com/unmarked", Options{})
	wantBody(t, doc, err, bomb.String())
}

func TestResponsesAsTheyCome(t *testing.T) {
	tests := []struct {
		name, response string
		body           string
		reason         Reason
	}{
		{name: "with a length", response: ok("certificate"), body: "certificate"},
		{name: "until the end", response: "HTTP/1.0 200 OK\r\n\r\ncertificate", body: "certificate"},
		{name: "in chunks", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncerti\r\n6\r\nficate\r\n0\r\n\r\n", body: "certificate"},
		{name: "after hints", response: "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok("certificate"), body: "certificate"},
		{name: "identity encoding", response: "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 1\r\n\r\nc", body: "c"},
		{name: "nothing", response: "", reason: Malformed},
		{name: "not HTTP", response: "220 mail.example ESMTP\r\n", reason: Malformed},
		{name: "HTTP/0.9", response: "<html>a page</html>\r\n\r\n", reason: Malformed},
		{name: "HTTP/2 unasked", response: "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\r\n\r\n", reason: Malformed},
		{name: "header broken off", response: "HTTP/1.1 200 OK\r\nContent-Le", reason: Malformed},
		{name: "header with a control character", response: "HTTP/1.1 200 OK\r\nA\x1b[2J: b\r\n\r\n", reason: Malformed},
		{name: "body broken off", response: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncerti", reason: Malformed},
		{name: "two lengths", response: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nce", reason: Malformed},
		{name: "chunks broken", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", reason: Malformed},
		{name: "unknown transfer encoding", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", reason: Malformed},
		{name: "compressed", response: "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nc", reason: Malformed},
		{name: "hints without end", response: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10), reason: Malformed},
		{name: "switching protocols", response: "HTTP/1.1 101 Switching Protocols\r\n\r\n", reason: BadStatus},
		{name: "redirect to nowhere", response: "HTTP/1.1 302 Found\r\n\r\n", reason: BadStatus},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := wired(Config{}, func(conn net.Conn) {
				reply(conn, func(*http.Request) string { return test.response })
			})
			defer f.Close()
			doc, err := f.Get(t.Context(), "http://host.test/c", Options{})
			if test.reason == "" {
				wantBody(t, doc, err, test.body)
				return
			}
			fail := wantFailure(t, doc, err, test.reason)
			if strings.ContainsAny(fail.Error(), "\x1b\x00\r\n") {
				t.Errorf("Error() = %q, want no control characters", fail.Error())
			}
		})
	}
}

func TestStallingEndsAtTheDeadline(t *testing.T) {
	stall := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	answer := func(start string, rest func(net.Conn)) func(net.Conn) {
		return func(conn net.Conn) {
			reply(conn, func(*http.Request) string { return start })
			rest(conn)
		}
	}
	deaf := func(conn net.Conn) {
		// Waits until the other end is closed, without reading from it.
		conn.Write([]byte("a"))
	}
	drip := func(conn net.Conn) {
		for {
			// A byte a second, until the other end is closed.
			conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			conn.Write([]byte("a"))
		}
	}
	tests := []struct {
		name, url string
		serve     func(net.Conn)
		during    string
	}{
		{"the DNS is silent", "http://silent.test/c", stall, "looking up"},
		{"no address accepts", "http://unreachable.test/c", stall, "connecting"},
		{"TLS is silent", "https://host.test/c", stall, "agreeing on TLS"},
		{"the request is not read", "http://host.test/c", deaf, "sending"},
		{"the header does not come", "http://host.test/c", stall, "reading"},
		{"the header stops", "http://host.test/c", answer("HTTP/1.1 200 OK\r\nA: ", stall), "reading"},
		{"the header drips", "http://host.test/c", answer("HTTP/1.1 200 OK\r\nA: ", drip), "reading"},
		{"the body stops", "http://host.test/c", answer("HTTP/1.1 200 OK\r\n\r\n", stall), "reading"},
		{"the body drips", "http://host.test/c", answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", drip), "reading"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := wired(Config{Resolver: silent{}}, test.serve)
				defer f.Close()
				dial := f.dial
				f.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
					if to.Addr() == public {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return dial(ctx, to)
				}
				began := time.Now()
				doc, err := f.Get(t.Context(), test.url, Options{})
				fail := wantFailure(t, doc, err, TimedOut)
				if !strings.Contains(fail.Error(), test.during) {
					t.Errorf("Error() = %q, want it to say %q", fail.Error(), test.during)
				}
				// The clock is the bubble's, so this is exact.
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("Get took %s, want 3s", took)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("the deadline of the fetch passes for the caller's own")
				}
			})
		})
	}
}

// silent is a Resolver that knows two hosts, and does not answer for others.
type silent struct{}

func (silent) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "host.test":
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	case "unreachable.test":
		return []netip.Addr{public, public, public}, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestASlowServerOnARealNetworkTimesOut(t *testing.T) {
	for _, path := range []string{"/header", "/body"} {
		o := newOutside(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/body" {
				w.Write([]byte("certi"))
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		f := o.fetcher(t, Config{Timeout: 200 * time.Millisecond})
		doc, err := f.Get(t.Context(), "https://example.com"+path, Options{})
		wantFailure(t, doc, err, TimedOut)
	}
}

func TestTheWebServerMustProveItsName(t *testing.T) {
	o := newOutside(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	o.dns["other.example"] = []netip.Addr{public}
	f := o.fetcher(t, Config{})
	doc, err := f.Get(t.Context(), "https://other.example/c", Options{})
	wantFailure(t, doc, err, TLSFailed)

	f.cfg.RootCAs = nil
	doc, err = f.Get(t.Context(), "https://example.com/c", Options{})
	wantFailure(t, doc, err, TLSFailed)
}

func TestLabModeReachesLoopbackAndSaysSo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/c" {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	f := New(Config{Lab: true})
	defer f.Close()
	doc, err := f.Get(t.Context(), server.URL+"/c", Options{})
	if wantBody(t, doc, err, ""); !doc.Lab {
		t.Error("the document is not marked as of the lab")
	}
	doc, err = f.Get(t.Context(), server.URL+"/missing", Options{})
	if fail := wantFailure(t, doc, err, BadStatus); !fail.Lab {
		t.Error("the failure is not marked as of the lab")
	}
	doc, err = f.Get(t.Context(), "https://10.0.0.1/c", Options{})
	wantFailure(t, doc, err, AddressRefused)

	strict := New(Config{})
	defer strict.Close()
	doc, err = strict.Get(t.Context(), server.URL+"/c", Options{})
	wantFailure(t, doc, err, BadURL)
}

func TestNothingListensIsNoConnection(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	f := New(Config{Lab: true, Timeout: time.Minute})
	defer f.Close()
	doc, err := f.Get(t.Context(), server.URL+"/c", Options{})
	wantFailure(t, doc, err, Unreachable)
}

// FuzzResponse checks that no response, whatever its bytes, does more than become a
// document within the limit, a redirect or a Failure that can be shown.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		ok("certificate"), "HTTP/1.0 200 OK\r\n\r\nabc", "HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncerti\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
		"HTTP/1.1 999 \x1b[2J\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "220 ready\r\n",
	} {
		f.Add([]byte(seed))
	}
	const limit = 64
	f.Fuzz(func(t *testing.T, data []byte) {
		resp, err := receive(bytes.NewReader(data), limit)
		if err != nil {
			fail, ok := errors.AsType[*Failure](err)
			if !ok || fail.Err == nil || strings.ContainsAny(fail.Error(), "\x00\x1b\r\n") {
				t.Fatalf("receive(%q) = %v", data, err)
			}
			return
		}
		if len(resp.body) > limit || (resp.status == http.StatusOK) == (resp.redirect != "") {
			t.Fatalf("receive(%q) = %+v", data, resp)
		}
	})
}
