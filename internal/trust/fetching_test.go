package trust

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A certificate that can not be had within the rules leaves the call unchecked, with
// 436, in bounded time: redirects, bodies without an end, servers that stall, addresses
// of this network, and plain http.
func TestRow066FetchLimits(t *testing.T) {
	released := make(chan struct{})
	site := http.NewServeMux()
	site.Handle("/redirect", http.RedirectHandler("/redirect", http.StatusFound))
	site.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, zeros{}) })
	site.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>no such certificate</html>") })
	site.HandleFunc("/missing", http.NotFound)
	site.HandleFunc("/stalls", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(site)
	defer server.Close()
	defer close(released)
	cases := []struct {
		name, url string
		lab       bool
		code      passport.Code
		detail    string
	}{
		{"a redirect, to itself", server.URL + "/redirect", true, passport.CertificateUnavailable, "redirect"},
		{"a body without an end", server.URL + "/endless", true, passport.CertificateUnavailable, "larger"},
		{"a server that stalls", server.URL + "/stalls", true, passport.CertificateUnavailable, "time"},
		{"a page of HTML", server.URL + "/page", true, passport.CertificateMalformed, ""},
		{"nothing there", server.URL + "/missing", true, passport.CertificateUnavailable, "404"},
		{"an address of this machine", "https://127.0.0.1/chain.pem", false, passport.CertificateUnavailable, "127.0.0.1"},
		{"plain http", "http://cert.example.org/chain.pem", false, passport.CertificateUnavailable, "https"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fetcher := fetch.New(fetch.Config{Lab: c.lab, Timeout: 200 * time.Millisecond})
			defer fetcher.Close()
			r := verify(t, New(Config{Fetcher: fetcher}), c.url)
			f := &r.Fields[0]
			status, _, _ := r.Response()
			if status != 436 || r.Result != verification.Unchecked || !f.Has(c.code) {
				t.Fatalf("result %v, status %d, findings %v; want 436 and %v", r.Result, status, f.Findings, c.code.String())
			}
			if d := r.Decisive(f); !strings.Contains(d.Detail, c.detail) {
				t.Errorf("the detail is %q, want %q in it", d.Detail, c.detail)
			}
		})
	}
}

// verify judges a call whose certificate is at the URL.
func verify(t *testing.T, certificates verification.Certificates, url string) *verification.Report {
	t.Helper()
	now := time.Now()
	text, err := passport.Sign(newKey(t), passport.Header{X5U: url}, passport.Claims{
		IssuedAt: now.Unix(), Orig: passport.Party{TN: "12025550100"}, Dest: passport.Parties{URI: []string{"sip:desk@example.org"}}})
	if err != nil {
		t.Fatal(err)
	}
	service := verification.Service{Certificates: certificates}
	r, err := service.VerifyAt(context.Background(), []string{sipidentity.Header{Passport: text, Info: url}.String()}, verification.Facts{}, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
