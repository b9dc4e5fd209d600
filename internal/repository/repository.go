// Package repository is the certificate repository that we serve: where others fetch
// the chain of what we sign with, at the URL that our PASSporTs name as x5u and info
// (RFC 8224 sections 4 and 7.4, RFC 8226 section 10.2, RFC 9060 section 7).
//
// Start with [Open]. [Repository.Publish] puts a chain on the disk and returns its URL;
// the Repository itself is the http.Handler that serves it.
//
// What it guarantees:
//
//   - The URL of a chain has the SHA-256 of the signer's certificate in it, so a new
//     certificate has a new URL, and what others keep of the old one stays true.
//   - When Publish returns, the chain is on the disk. Whatever was published is served
//     after a restart too, wherever a process was killed.
//   - A chain that another has taken the place of is served for at least
//     [Config].Keep more.
//   - It serves those chains and nothing else: GET and HEAD, no folder, no other file.
//
// It opens no port (whoever has the Repository mounts it), does not look at whether a
// chain is valid or a key fits (package credential), and is not where other people's
// certificates are fetched and kept (package trust).
package repository

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign.example/internal/atomicfile"
	"countersign.example/stircert"
)

// Config says what a [Repository] serves, and how long. Folder and Base must be set.
type Config struct {
	// Folder has the chains. It is made if it is missing.
	Folder string
	// Base is the URL below which the chains stand. It must be one that others may
	// fetch from by the rules of SHAKEN: https on port 443 or 8443, with neither
	// query nor fragment; its path must end with a slash.
	Base string
	// Keep is how long a chain is served after another has taken its place. The
	// default is 7 days. Less than a day, which is as long as others may keep what
	// they fetched, is refused.
	Keep time.Duration
	// Lab allows http, any port, and any Keep.
	Lab bool
	// Now tells the time. Nil means [time.Now].
	Now func() time.Time
}

const (
	suffix    = ".pem"
	indexName = "published.json"
	// maxKept is how long others may keep what they fetch (standards.md section 3.6).
	maxKept = 24 * time.Hour
)

// Page is a chain that is served.
type Page struct {
	// URL is where.
	URL string
	// Name is the name that it was published under, empty if another has taken its
	// place.
	Name string
	// Subject is the common name of the signer's certificate, and NotAfter when that
	// ends.
	Subject  string
	NotAfter time.Time
	// Retired is when another took its place, zero if none has, and Until when it
	// will no longer be served.
	Retired, Until time.Time
}

// page is a chain in memory.
type page struct {
	body    []byte
	etag    string
	leaf    *x509.Certificate
	name    string
	retired time.Time
}

// index is what is on the disk beside the chains.
type index struct {
	// Current has the fingerprints in use, by the names they were published under.
	Current map[string]string `json:"current"`
	// Retired has when others took the place of fingerprints.
	Retired map[string]time.Time `json:"retired"`
}

// Repository serves chains. Make one with [Open]. It may be used by many goroutines at
// once.
type Repository struct {
	cfg  Config
	path string // of Base

	// turn is held by the one that writes to the disk.
	turn sync.Mutex

	// mu guards pages, by fingerprint. It is never held while waiting for anything.
	mu    sync.RWMutex
	pages map[string]*page
}

// Open returns a Repository that serves what is in its folder. The error is of the
// configuration or of the folder; a chain that cannot be read is not served.
func Open(cfg Config) (*Repository, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Keep == 0 {
		cfg.Keep = 7 * 24 * time.Hour
	}
	if cfg.Keep < maxKept && !cfg.Lab {
		return nil, fmt.Errorf("keeping old certificates for %v: others may keep what they fetched for %v", cfg.Keep, maxKept)
	}
	base, err := checkBase(cfg.Base, cfg.Lab)
	if err != nil {
		return nil, fmt.Errorf("serving certificates below %q: %w", cfg.Base, err)
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for certificates: %w", err)
	}
	if err := atomicfile.Sweep(cfg.Folder); err != nil {
		return nil, err
	}
	r := &Repository{cfg: cfg, path: base.Path, pages: make(map[string]*page)}
	if err := r.restore(); err != nil {
		return nil, err
	}
	return r, nil
}

func checkBase(base string, lab bool) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL")
	case u.Scheme != "https" && !(lab && u.Scheme == "http"):
		return nil, errors.New("it is not https")
	case u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#"):
		return nil, errors.New("it must be host and path alone")
	case !lab && u.Port() != "" && u.Port() != "443" && u.Port() != "8443":
		return nil, errors.New("its port is neither 443 nor 8443, and others would refuse it")
	case !strings.HasSuffix(u.Path, "/") || u.RawPath != "" || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/."):
		return nil, errors.New("its path must end with a slash and be plain")
	}
	return u, nil
}

// restore reads the folder. A chain of which the index says nothing was being published
// when we stopped; it is taken for one whose place another took now.
func (r *Repository) restore() error {
	entries, err := os.ReadDir(r.cfg.Folder)
	if err != nil {
		return fmt.Errorf("reading the folder of certificates: %w", err)
	}
	var kept index
	if body, err := os.ReadFile(filepath.Join(r.cfg.Folder, indexName)); err == nil {
		if json.Unmarshal(body, &kept) != nil {
			kept = index{}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the folder of certificates: %w", err)
	}
	now := r.cfg.Now()
	for _, e := range entries {
		id, isChain := strings.CutSuffix(e.Name(), suffix)
		if !isChain {
			continue
		}
		p := readPage(filepath.Join(r.cfg.Folder, e.Name()), id)
		if p == nil {
			continue
		}
		r.pages[id] = p
		if p.retired = kept.Retired[id]; p.retired.IsZero() {
			p.retired = now
		}
		for name, current := range kept.Current {
			if current == id {
				p.name, p.retired = name, time.Time{}
			}
		}
	}
	return nil
}

// readPage reads a chain from a file, nil if it is not the one that its name says.
func readPage(path, id string) *page {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	chain, err := stircert.ParsePEM(body)
	if err != nil || fingerprint(chain[0]) != id {
		return nil
	}
	return newPage(chain)
}

func newPage(chain []*x509.Certificate) *page {
	p := &page{body: stircert.EncodePEM(chain...), leaf: chain[0]}
	sum := sha256.Sum256(p.body)
	p.etag = `"` + hex.EncodeToString(sum[:16]) + `"`
	return p
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Publish makes a chain available, the signer's certificate first, and returns its URL.
// It takes the place of what was published under the same name, which is served for a
// while more. Publishing the same again changes nothing.
func (r *Repository) Publish(name string, chain []*x509.Certificate) (string, error) {
	if name == "" || len(chain) == 0 || len(chain) > stircert.MaxCertificates {
		return "", errors.New("publishing a certificate chain: it needs a name, and a chain that others read")
	}
	r.turn.Lock()
	defer r.turn.Unlock()
	id := fingerprint(chain[0])
	p := newPage(chain)
	if err := atomicfile.Write(filepath.Join(r.cfg.Folder, id+suffix), p.body, 0o644); err != nil {
		return "", err
	}
	// The chain is there before the index says so, and both before anybody is told.
	next := r.copy()
	for _, old := range next {
		if old.name == name {
			old.name, old.retired = "", r.cfg.Now()
		}
	}
	p.name = name
	next[id] = p
	if err := r.write(next); err != nil {
		return "", err
	}
	r.use(next)
	return r.cfg.Base + id + suffix, nil
}

// copy returns the pages as they are, to be changed.
func (r *Repository) copy() map[string]*page {
	r.mu.RLock()
	defer r.mu.RUnlock()
	next := make(map[string]*page, len(r.pages))
	for id, p := range r.pages {
		changed := *p
		next[id] = &changed
	}
	return next
}

func (r *Repository) use(next map[string]*page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pages = next
}

func (r *Repository) write(pages map[string]*page) error {
	i := index{Current: make(map[string]string), Retired: make(map[string]time.Time)}
	for id, p := range pages {
		if p.name != "" {
			i.Current[p.name] = id
		} else {
			i.Retired[id] = p.retired.UTC()
		}
	}
	body, err := json.MarshalIndent(i, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the index of certificates: %w", err)
	}
	return atomicfile.Write(filepath.Join(r.cfg.Folder, indexName), append(body, '\n'), 0o600)
}

// Sweep removes the chains that others took the place of long enough ago.
func (r *Repository) Sweep() error {
	r.turn.Lock()
	defer r.turn.Unlock()
	now, next := r.cfg.Now(), r.copy()
	var over []string
	for id, p := range next {
		if p.name == "" && now.Sub(p.retired) >= r.cfg.Keep {
			over = append(over, id)
			delete(next, id)
		}
	}
	if len(over) == 0 {
		return nil
	}
	r.use(next)
	var errs []error
	for _, id := range over {
		if err := os.Remove(filepath.Join(r.cfg.Folder, id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing an old certificate: %w", err))
		}
	}
	return errors.Join(append(errs, r.write(next))...)
}

// Run sweeps every hour until ctx is done, and then returns nil. What cannot be removed
// is tried again.
func (r *Repository) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		// The disk's trouble is the owner's to notice elsewhere: what is not removed
		// does no harm.
		_ = r.Sweep()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Pages returns what is served, in the order of its URLs.
func (r *Repository) Pages() []Page {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []Page
	for _, id := range slices.Sorted(maps.Keys(r.pages)) {
		p := r.pages[id]
		out := Page{URL: r.cfg.Base + id + suffix, Name: p.name, Subject: p.leaf.Subject.CommonName, NotAfter: p.leaf.NotAfter, Retired: p.retired}
		if p.name == "" {
			out.Until = p.retired.Add(r.cfg.Keep)
		}
		all = append(all, out)
	}
	return all
}
