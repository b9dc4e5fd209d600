package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/stircert"
	"countersign.example/tn"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const (
	x5u     = "https://certs.example/leaf.pem"
	listURL = "https://lists.example/numbers.der"
)

// world is an anchor, what it has issued, and the servers of the outside, which a
// test may change between calls.
type world struct {
	t         testing.TB
	anchor    *x509.Certificate
	anchorKey *ecdsa.PrivateKey

	mu    sync.Mutex
	pages map[string]*fetch.Document
	asked map[string]int
	// wait, if set, is what a request waits for.
	wait chan struct{}
	// busy makes the fetcher have no place for a request.
	busy bool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, anchorKey: newKey(t), pages: map[string]*fetch.Document{}, asked: map[string]int{}}
	der, err := stircert.NewAnchor(w.anchorKey, stircert.Template{NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0)})
	w.anchor = parse(t, der, err)
	return w
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func parse(t testing.TB, der []byte, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// signer makes a certificate for one number, valid for a day on either side of noon.
func (w *world) signer(change func(*stircert.Template)) *x509.Certificate {
	w.t.Helper()
	template := stircert.Template{
		Role: stircert.RoleDelegate, Key: &newKey(w.t).PublicKey, TNs: stircert.TNAuthList{Numbers: []tn.Number{"12155551212"}},
		NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1),
	}
	if change != nil {
		change(&template)
	}
	der, err := stircert.Issue(w.anchor, w.anchorKey, template)
	return parse(w.t, der, err)
}

// serve puts a document at a URL, good for the time given.
func (w *world) serve(url string, body []byte, fresh time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[url] = &fetch.Document{URL: url, Location: url, Body: body, FetchedAt: noon, Expires: noon.Add(fresh)}
}

func (w *world) requests(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

// Get is the outside as a fetcher shows it.
func (w *world) Get(ctx context.Context, url string, opts fetch.Options) (*fetch.Document, error) {
	w.mu.Lock()
	w.asked[url]++
	doc, wait := w.pages[url], w.wait
	w.mu.Unlock()
	if !opts.NoStore {
		w.t.Errorf("%s would be kept before it is validated", url)
	}
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if w.busy {
		return nil, &fetch.Failure{URL: url, Reason: fetch.NoPlace, Err: errors.New("every place is taken")}
	}
	if doc == nil {
		return nil, &fetch.Failure{URL: url, Reason: fetch.BadStatus, Status: 404, Err: errNotFound}
	}
	return doc, nil
}

func (w *world) repository() *Repository {
	return New(Config{Fetcher: w, Set: Set{Anchors: stircert.NewAnchors(w.anchor)}})
}

// file writes a file into the test's own folder.
func file(t *testing.T, name string, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
