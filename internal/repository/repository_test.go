package repository

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/internal/trust"
	"countersign.example/stircert"
	"countersign.example/tn"
)

const base = "https://sti.example/certs/"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// issuer makes chains.
type issuer struct {
	t      testing.TB
	anchor *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key}
	der, err := stircert.NewAnchor(key, stircert.Template{NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0)})
	i.anchor = i.parse(der, err)
	return i
}

func (i *issuer) parse(der []byte, err error) *x509.Certificate {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return c
}

func (i *issuer) chain(life time.Duration) []*x509.Certificate {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	der, err := stircert.Issue(i.anchor, i.key, stircert.Template{Role: stircert.RoleDelegate, Key: &key.PublicKey,
		TNs: stircert.TNAuthList{Numbers: []tn.Number{"12025550100"}}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(life)})
	return []*x509.Certificate{i.parse(der, err)}
}

// scene is a Repository that lives at the time now.
type scene struct {
	*issuer
	now time.Time
	cfg Config
	*Repository
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{issuer: newIssuer(t), now: noon}
	s.cfg = Config{Folder: filepath.Join(t.TempDir(), "certs"), Base: base, Now: func() time.Time { return s.now }}
	s.open()
	return s
}

// open makes a Repository as after a restart.
func (s *scene) open() {
	s.t.Helper()
	var err error
	if s.Repository, err = Open(s.cfg); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) publish(chain []*x509.Certificate) string {
	s.t.Helper()
	url, err := s.Publish("own", chain)
	if err != nil {
		s.t.Fatal(err)
	}
	return url
}

func (s *scene) ask(method, url string, header ...string) *http.Response {
	s.t.Helper()
	req := httptest.NewRequest(method, url, nil)
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w.Result()
}

func (s *scene) served(url string) bool {
	s.t.Helper()
	return s.ask(http.MethodGet, url).StatusCode == http.StatusOK
}

func TestAChainIsServedAtAURLWithItsFingerprint(t *testing.T) {
	s := newScene(t)
	chain := append(s.chain(48*time.Hour), s.anchor)
	url := s.publish(chain)
	if want := base + fingerprint(chain[0]) + ".pem"; url != want {
		t.Errorf("Publish = %q, want %q", url, want)
	}
	resp := s.ask(http.MethodGet, url)
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != string(stircert.EncodePEM(chain...)) {
		t.Errorf("GET = %d bytes, %v, want the chain", len(body), err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pem-certificate-chain", "Cache-Control": "public, max-age=86400",
		"X-Content-Type-Options": "nosniff", "Content-Length": fmt.Sprint(len(body)),
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	etag := resp.Header.Get("ETag")
	if resp := s.ask(http.MethodGet, url, "If-None-Match", etag); resp.StatusCode != http.StatusNotModified || etag == "" {
		t.Errorf("GET of what is known = %s, want 304", resp.Status)
	}
	if resp := s.ask(http.MethodGet, url, "If-None-Match", `"other"`); resp.StatusCode != http.StatusOK {
		t.Errorf("GET of what has changed = %s, want 200", resp.Status)
	}
	head := s.ask(http.MethodHead, url)
	if body, err := io.ReadAll(head.Body); head.StatusCode != http.StatusOK || len(body) != 0 || err != nil || head.Header.Get("ETag") != etag {
		t.Errorf("HEAD = %s with %d bytes", head.Status, len(body))
	}
}

func TestNothingElseIsServed(t *testing.T) {
	s := newScene(t)
	url := s.publish(s.chain(time.Hour))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "TRACE"} {
		if resp := s.ask(method, url); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s = %s, Allow %q, want 405 and what is allowed", method, resp.Status, resp.Header.Get("Allow"))
		}
	}
	id := strings.TrimSuffix(strings.TrimPrefix(url, base), ".pem")
	for _, other := range []string{
		base, base + "published.json", base + id, base + strings.ToUpper(id) + ".pem", base + "../certs/" + id + ".pem",
		base + "%2e%2e/" + id + ".pem", base + id + ".pem/", "https://sti.example/" + id + ".pem", base + strings.Repeat("0", 64) + ".pem",
	} {
		resp := s.ask(http.MethodGet, other)
		if resp.StatusCode != http.StatusNotFound || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "max-age=10" {
			t.Errorf("GET %s = %s %v, want 404, kept briefly", other, resp.Status, resp.Header)
		}
	}
	s.now = noon.Add(30 * time.Minute)
	if got := s.ask(http.MethodGet, url).Header.Get("Cache-Control"); got != "public, max-age=1800" {
		t.Errorf("Cache-Control near the end of a certificate = %q, want half an hour", got)
	}
	s.now = noon.Add(2 * time.Hour)
	if got := s.ask(http.MethodGet, url).Header.Get("Cache-Control"); got != "public, max-age=0" {
		t.Errorf("Cache-Control after its end = %q, want none of it", got)
	}
}

// Row 47 of the conformance checklist: RFC 8224 section 7.4.
func TestARolloverHasANewURLAndKeepsTheOld(t *testing.T) {
	s := newScene(t)
	first := s.publish(s.chain(1000 * time.Hour))
	s.now = noon.Add(time.Hour)
	second := s.publish(s.chain(1000 * time.Hour))
	if first == second {
		t.Fatal("a new certificate has the URL of the old")
	}
	for _, tc := range []struct {
		after time.Duration
		old   bool
	}{{0, true}, {time.Minute, true}, {7*24*time.Hour - 1, true}, {7 * 24 * time.Hour, false}} {
		s.now = noon.Add(time.Hour + tc.after)
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		s.open()
		if s.served(first) != tc.old || !s.served(second) {
			t.Errorf("%v after a rollover: old %v, new %v, want %v, true", tc.after, s.served(first), s.served(second), tc.old)
		}
	}
	if entries, err := os.ReadDir(s.cfg.Folder); err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v, want one chain and the index", entries, err)
	}
}

func TestGoingBackToAnOldCertificateKeepsIt(t *testing.T) {
	s := newScene(t)
	a, b := s.chain(1000*time.Hour), s.chain(1000*time.Hour)
	first := s.publish(a)
	second := s.publish(b)
	if again := s.publish(a); again != first {
		t.Errorf("Publish = %q, want %q", again, first)
	}
	s.now = noon.AddDate(0, 0, 8)
	if err := s.Sweep(); err != nil || !s.served(first) || s.served(second) {
		t.Errorf("Sweep = %v: old %v, new %v, want the one in use alone", err, s.served(first), s.served(second))
	}
}

func TestCredentialsOfTwoNamesDoNotRetireEachOther(t *testing.T) {
	s := newScene(t)
	first := s.publish(s.chain(1000 * time.Hour))
	second, err := s.Publish("another", s.chain(1000*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	s.now = noon.AddDate(0, 1, 0)
	if err := s.Sweep(); err != nil || !s.served(first) || !s.served(second) || len(s.Pages()) != 2 {
		t.Errorf("Sweep = %v and left %+v, want both", err, s.Pages())
	}
	for _, p := range s.Pages() {
		if p.Name == "" || p.Subject == "" || !p.Retired.IsZero() || !p.Until.IsZero() {
			t.Errorf("Pages has %+v, want it in use", p)
		}
	}
}

func TestWithoutItsIndexEveryChainIsKeptForItsTime(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone": os.Remove,
		"junk": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		s := newScene(t)
		first, second := s.publish(s.chain(1000*time.Hour)), s.publish(s.chain(1000*time.Hour))
		if err := spoil(filepath.Join(s.cfg.Folder, indexName)); err != nil {
			t.Fatal(err)
		}
		s.now = noon.AddDate(0, 0, 6)
		s.open()
		s.now = noon.AddDate(0, 0, 12)
		if err := s.Sweep(); err != nil || !s.served(first) || !s.served(second) {
			t.Errorf("%s: after six days: %v, want both served", name, err)
		}
	}
}

func TestAFileThatIsNotWhatItsNameSaysIsNotServed(t *testing.T) {
	s := newScene(t)
	url := s.publish(s.chain(time.Hour))
	path := filepath.Join(s.cfg.Folder, strings.TrimPrefix(url, base))
	for name, body := range map[string][]byte{"junk": []byte("junk"), "another chain": stircert.EncodePEM(s.anchor)} {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if s.open(); s.served(url) {
			t.Errorf("%s is served", name)
		}
	}
}

func TestWhatOthersWouldRefuseIsRefusedAtStart(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{
		{}, {Base: "http://sti.example/"}, {Base: "https://sti.example"}, {Base: "https://sti.example/certs"}, {Base: "https://sti.example:5061/"},
		{Base: "https://sti.example/?"}, {Base: "https://sti.example/?a=b"}, {Base: "https://sti.example/#"}, {Base: "https://a@sti.example/"},
		{Base: "https:///certs/"}, {Base: "https://sti.example/a/../b/"}, {Base: "https://sti.example//"}, {Base: "https://sti.example/%2f/"},
		{Base: ":"}, {Base: base, Keep: time.Hour}, {Base: base, Folder: file},
	} {
		if cfg.Folder == "" {
			cfg.Folder = folder
		}
		if _, err := Open(cfg); err == nil {
			t.Errorf("Open(%+v) = nil, want an error", cfg)
		}
	}
	for _, cfg := range []Config{{Base: "https://sti.example:8443/"}, {Base: "http://127.0.0.1:8080/certs/", Lab: true, Keep: time.Minute}} {
		cfg.Folder = folder
		if _, err := Open(cfg); err != nil {
			t.Errorf("Open(%+v) = %v", cfg, err)
		}
	}
	s := newScene(t)
	if _, err := s.Publish("", s.chain(time.Hour)); err == nil {
		t.Error("Publish under no name = nil, want an error")
	}
	if _, err := s.Publish("own", nil); err == nil {
		t.Error("Publish of nothing = nil, want an error")
	}
}

func TestAFullDiskPublishesNothingAndRetiresNothing(t *testing.T) {
	s := newScene(t)
	url := s.publish(s.chain(time.Hour))
	if err := os.RemoveAll(s.cfg.Folder); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish("own", s.chain(time.Hour)); err == nil {
		t.Error("Publish = nil, want the error of the disk")
	}
	if pages := s.Pages(); len(pages) != 1 || pages[0].URL != url || pages[0].Name != "own" {
		t.Errorf("Pages = %+v, want the one in use", pages)
	}
}

func TestOurOwnVerificationFetchesIt(t *testing.T) {
	s := newScene(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	s.cfg.Base, s.cfg.Lab = server.URL+"/certs/", true
	s.open()
	mux.Handle(s.Pattern(), s)
	url := s.publish(s.chain(time.Hour))
	f := fetch.New(fetch.Config{Lab: true})
	defer f.Close()
	r := trust.New(trust.Config{Fetcher: f, StrictURL: true, Set: trust.Set{Anchors: stircert.NewAnchors(s.anchor)}})
	c, err := r.Chain(t.Context(), url, noon)
	if err != nil || c.Anchor == nil || c.Covers("12025550100") != stircert.CoverNumber {
		t.Errorf("Chain = %+v, %v, want ours, believed", c, err)
	}
}

func TestRunSweepsUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newScene(t)
		s.cfg.Now = func() time.Time { return noon.Add(time.Since(start)) }
		s.open()
		first := s.publish(s.chain(1000 * time.Hour))
		second := s.publish(s.chain(1000 * time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if s.served(first) || !s.served(second) {
			t.Errorf("after eight days: old %v, new %v, want the new alone", s.served(first), s.served(second))
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

func TestManyAskWhileOnePublishes(t *testing.T) {
	s := newScene(t)
	url := s.publish(s.chain(time.Hour))
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if !s.served(url) {
					t.Error("an old chain is not served while a new one is published")
					return
				}
				s.Pages()
			}
		})
	}
	for range 20 {
		s.publish(s.chain(time.Hour))
	}
	close(done)
	group.Wait()
}

// killed names the folder in which this test program, started again, publishes chains
// until it is killed.
const killed = "REPOSITORY_TEST_PUBLISH"

func TestWhatWasPublishedIsServedWheneverWeAreKilled(t *testing.T) {
	if folder := os.Getenv(killed); folder != "" {
		s := newScene(t)
		s.cfg.Folder = folder
		s.open()
		for {
			fmt.Println(s.publish(s.chain(time.Hour)))
		}
	}
	for round := range 10 {
		folder := t.TempDir()
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), killed+"="+folder)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			acknowledged = append(acknowledged, lines.Text())
			if len(acknowledged) == 1+2*round {
				child.Process.Kill()
			}
		}
		child.Wait()
		s := newScene(t)
		s.cfg.Folder = folder
		s.open()
		for i, url := range acknowledged {
			if !s.served(url) {
				t.Errorf("round %d: chain %d of %d was published and is not served", round, i+1, len(acknowledged))
			}
		}
	}
}
