package repository

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// mediaType is that of a chain in PEM (RFC 8555 section 9.1, RFC 9060 section 7).
const mediaType = "application/pem-certificate-chain"

// Pattern is the path below which the chains stand, to mount the Repository by.
func (r *Repository) Pattern() string { return r.path }

// ServeHTTP serves the chain whose URL was asked for. It takes no notice of the host,
// which whoever stands in front may have changed, nor of a query.
func (r *Repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	p := r.find(req.URL.Path)
	switch {
	case p == nil:
		// Briefly, since the next to be published may be asked for too early.
		h.Set("Cache-Control", "max-age=10")
		http.Error(w, "there is no such certificate", http.StatusNotFound)
		return
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "certificates can only be read", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", r.maxAge(p)/time.Second))
	h.Set("ETag", p.etag)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(p.body))
}

func (r *Repository) find(path string) *page {
	rest, below := strings.CutPrefix(path, r.path)
	id, isChain := strings.CutSuffix(rest, suffix)
	if !below || !isChain {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.pages[id]
}

// maxAge is how long others may keep a chain: a day (standards.md section 3.6), and no
// longer than its certificate is valid.
func (r *Repository) maxAge(p *page) time.Duration {
	return max(min(maxKept, p.leaf.NotAfter.Sub(r.cfg.Now())), 0)
}
