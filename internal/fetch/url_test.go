package fetch

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestURLRules(t *testing.T) {
	const bad, none = BadURL, Reason("")
	tests := []struct {
		url              string
		x5u, strict, lab Reason
	}{
		{"https://cert.example.org/passport.cer", none, none, none},
		{"https://cert.example.org", none, none, none},
		{"HTTPS://Cert.Example.ORG/a", none, none, none},
		{"https://cert.example.org:443/a", none, none, none},
		{"https://cert.example.org:8443/a", none, none, none},
		{"https://cert.example.org:/a", none, none, none},
		{"https://cert.example.org./a", none, none, none},
		{"https://cert_1.xn--nxasmq6b/a%20b", none, none, none},
		{"https://93.184.215.14/a", none, none, none},
		{"https://[2606:2800::1]:8443/a", none, none, none},

		{"https://cert.example.org/a?b=<c>&d", none, bad, none},
		{"https://cert.example.org/a?", none, bad, none},
		{"https://cert.example.org:9443/a", bad, bad, none},
		{"http://cert.example.org/a", bad, bad, none},
		{"http://127.0.0.1:8080/a", bad, bad, none},

		{"https://cert.example.org/a#", bad, bad, bad},
		{"https://cert.example.org/a#b", bad, bad, bad},
		{"https://@cert.example.org/a", bad, bad, bad},
		{"https://me:secret@cert.example.org/a", bad, bad, bad},
		{"https://cert.example.org:0443/a", bad, bad, bad},
		{"https://cert.example.org:0/a", bad, bad, bad},
		{"https://cert.example.org:65979/a", bad, bad, bad},
		{"https://cert.example.org:443a/a", bad, bad, bad},
		{"https://cert..example.org/a", bad, bad, bad},
		{"https://.example.org/a", bad, bad, bad},
		{"https://-a.example.org/a", bad, bad, bad},
		{"https://a*b.example.org/a", bad, bad, bad},
		{"https://" + strings.Repeat("a", 64) + ".example/a", bad, bad, bad},
		{"https://" + strings.Repeat("a.", 127) + "example/a", bad, bad, bad},
		{"https://cert.example.org/\r\nHost: 127.0.0.1", bad, bad, bad},
		{"https://cert.example.org/\x00", bad, bad, bad},
		{"https://cert.example.org/a b", bad, bad, bad},
		{"https://cert.example.org/é", bad, bad, bad},
		{"https://cert.example.org/%zz", bad, bad, bad},
		{"https://cert.example.org/" + strings.Repeat("a", maxURL), bad, bad, bad},
		{"ftp://cert.example.org/a", bad, bad, bad},
		{"/a", bad, bad, bad},
		{"", bad, bad, bad},
	}
	modes := []struct {
		name   string
		cfg    Config
		strict bool
		want   func(i int) Reason
	}{
		{"x5u", Config{}, false, func(i int) Reason { return tests[i].x5u }},
		{"strict", Config{}, true, func(i int) Reason { return tests[i].strict }},
		{"lab", Config{Lab: true}, false, func(i int) Reason { return tests[i].lab }},
	}
	for _, mode := range modes {
		f := New(mode.cfg)
		for i, test := range tests {
			got := none
			if _, fail := f.aim(test.url, mode.strict); fail != nil {
				got = fail.Reason
			}
			if got != mode.want(i) {
				t.Errorf("%s: aim(%.80q) refused for %q, want %q", mode.name, test.url, got, mode.want(i))
			}
		}
	}
}

func TestAStrictCallerGetsNoQueryEvenFromMemory(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	f := o.fetcher(t, Config{})
	const url = "https://example.com/c?v=1"
	doc, err := f.Get(t.Context(), url, Options{})
	wantBody(t, doc, err, "certificate")
	doc, err = f.Get(t.Context(), url, Options{StrictURL: true})
	wantFailure(t, doc, err, BadURL)
	doc, err = f.Get(t.Context(), url, Options{})
	wantBody(t, doc, err, "certificate")
	if n := o.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestOnlyHostsOnTheListAreAsked(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	f := o.fetcher(t, Config{Allow: []string{"Example.COM", "192.168.0.1"}})
	for _, url := range []string{"https://example.com/c", "https://EXAMPLE.com./c"} {
		doc, err := f.Get(t.Context(), url, Options{})
		wantBody(t, doc, err, "certificate")
	}
	for _, url := range []string{
		"https://sub.example.com/c", "https://ample.com/c", "https://example.com.evil.example/c", "https://93.184.215.14/c",
	} {
		doc, err := f.Get(t.Context(), url, Options{})
		wantFailure(t, doc, err, NotAllowed)
	}
	// The list narrows what may be asked, it never widens it.
	doc, err := f.Get(t.Context(), "https://192.168.0.1/c", Options{})
	wantFailure(t, doc, err, AddressRefused)
}

func TestAFailureDoesNotRepeatAPassword(t *testing.T) {
	f := New(Config{})
	_, err := f.Get(t.Context(), "https://me:secret@example.com/c", Options{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Get = %v, want an error without the password", err)
	}
}

// FuzzURL checks that what passes the rules is what the rules say, whatever the
// spelling, and that the request made of it is one request to that host.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://cert.example.org/passport.cer", "https://cert.example.org:8443/a?b=c", "https://[::ffff:10.0.0.1]/",
		"https://0x7f.1/", "https://a@b@c/", "https://a:443@127.0.0.1/", "https://h/%2e%2e/%0d%0a", "https://2130706433/",
		"https://[fe80::1%25en0]/", "https:a", "https://a.b./?#", "HTTPS://A:0443", "https://a\\b/",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	fetcher := New(Config{})
	f.Fuzz(func(t *testing.T, raw string, strict bool) {
		got, fail := fetcher.aim(raw, strict)
		if fail != nil {
			if fail.Reason != BadURL || fail.Err == nil || errors.Unwrap(fail) != fail.Err {
				t.Fatalf("aim(%q) refused with %+v", raw, fail)
			}
			return
		}
		if !got.tls || (got.port != 443 && got.port != 8443) || len(raw) > maxURL ||
			strings.ContainsAny(raw, "# \r\n\\") || strict && strings.Contains(raw, "?") {
			t.Fatalf("aim(%q) = %+v, which breaks the rules", raw, got)
		}
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || sameHost(u.Hostname()) != got.host {
			t.Fatalf("aim(%q) = host %q, and the standard library reads %+v, %v", raw, got.host, u, err)
		}
		// No resolver, however old its habits, takes for an address what
		// was taken for a name here.
		last := got.host[strings.LastIndexByte(got.host, '.')+1:]
		if !got.addr.IsValid() && (last == "" || last[0] >= '0' && last[0] <= '9') {
			t.Fatalf("aim(%q) took %q for a name", raw, got.host)
		}
		if got.addr.IsValid() && got.addr != netip.MustParseAddr(got.host) {
			t.Fatalf("aim(%q) = address %s for host %q", raw, got.addr, got.host)
		}
		var sent strings.Builder
		if err := ask(&sent, got); err != nil {
			t.Fatalf("ask(%q): %v", raw, err)
		}
		line, _, _ := strings.Cut(sent.String(), "\r\n")
		if strings.Count(sent.String(), "Host: ") != 1 || strings.Count(line, " ") != 2 {
			t.Fatalf("aim(%q) makes the request %q", raw, sent.String())
		}
	})
}
