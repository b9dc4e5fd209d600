package trust

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/stircert"
)

// killed names the folder in which this test program, started again, keeps lists until
// it is killed.
const killed = "TRUST_TEST_KEEP"

// refreshForEver keeps list after list, each with a higher number, and says so.
func refreshForEver(t *testing.T, folder string) {
	s := newScene(t, func(c *RefreshConfig) { c.Folder = filepath.Join(folder, "lists") })
	if err := os.WriteFile(filepath.Join(folder, "authority.pem"), stircert.EncodePEM(s.pa.ca), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 1; ; i++ {
		s.serveAnchors(i, s.anchor)
		s.serveCRL(s.now)
		s.later(6 * time.Hour)
		for _, h := range s.Health() {
			if h.Err != nil {
				t.Fatal(h.Err)
			}
		}
		fmt.Println(i)
	}
}

func TestWhatWasTakenIsKeptWheneverWeAreKilled(t *testing.T) {
	if folder := os.Getenv(killed); folder != "" {
		refreshForEver(t, folder)
	}
	for round := range 8 {
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
		acknowledged := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if acknowledged == 3+round {
				child.Process.Kill()
			}
		}
		child.Wait()
		who, err := LoadAuthority("", filepath.Join(folder, "authority.pem"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := OpenRefresher(RefreshConfig{
			Repository: New(Config{}), Folder: filepath.Join(folder, "lists"),
			AnchorList: caListURL, Authority: who, CRLs: []string{crlURL}, Now: func() time.Time { return noon },
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range r.Health() {
			if h.Err != nil || h.Success.IsZero() {
				t.Errorf("after a kill: %+v, want what was kept", h)
			}
			if got := r.sources[i].list; got != nil && got.Sequence < int64(acknowledged) {
				t.Errorf("list %d is kept, but %d was taken", got.Sequence, acknowledged)
			}
		}
	}
}

func TestListsComeOverRealConnections(t *testing.T) {
	s := newScene(t, nil)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	page := func(path string, body []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	}
	page("/signer.pem", stircert.EncodePEM(s.pa.cert))
	page("/ca-list", s.pa.sign(with(header(), "x5u", server.URL+"/signer.pem"), payload(1, s.anchor)))
	page("/crl", s.crl(s.anchor, s.anchorKey, noon, s.signed))
	mux.Handle("GET /moved", http.RedirectHandler("/crl", http.StatusFound))
	page("/large", make([]byte, 1<<20))

	f := fetch.New(fetch.Config{Lab: true, MaxListBytes: 1 << 19})
	defer f.Close()
	s.cfg.Fetcher, s.cfg.Lab, s.cfg.Folder = f, true, t.TempDir()
	s.cfg.AnchorList, s.cfg.CRLs = server.URL+"/ca-list", []string{server.URL + "/moved", server.URL + "/large"}
	s.open()
	s.later(0)
	for path, wrong := range map[string]bool{"/ca-list": false, "/moved": false, "/large": true} {
		if h := s.of(server.URL + path); (h.Err != nil) != wrong || h.Stale != wrong || h.Entries == 0 != wrong {
			t.Errorf("%s: %+v, want it wrong: %v", path, h, wrong)
		}
	}
}
