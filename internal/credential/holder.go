package credential

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"countersign.example/stircert"
)

// ErrSameURL is returned by [Holder.Reload] for a new key under the URL of the old one.
// Others keep what they fetched for up to a day, and would refuse what the new key
// signs (RFC 8224 section 7.4: a new credential has a new URL).
var ErrSameURL = errors.New("the key is new, but the URL of its certificate is not")

// HolderConfig says where a [Holder] gets its credential. Load must be set.
type HolderConfig struct {
	// Load reads the credential, as [Load] does.
	Load func(now time.Time) (*Credential, error)
	// Judge, if set, builds the chain as our own verification sees it, for
	// [Credential.Judged]. An error keeps the credential from being used.
	Judge func(*Credential) (*stircert.Chain, error)
	// Publish, if set, makes the chain available to others and returns its URL, which
	// becomes the credential's. It must be there when Publish returns, and earlier
	// URLs must go on working.
	Publish func(chain []*x509.Certificate) (x5u string, err error)
	// Now tells the time. Nil means [time.Now].
	Now func() time.Time
}

// Holder holds the credential in use, and takes up a new one between two calls: who
// has asked for the current one keeps what he got until his call is signed. Make one
// with [OpenHolder].
type Holder struct {
	cfg     HolderConfig
	current atomic.Pointer[Credential]
	// turn is held by the one that reloads.
	turn sync.Mutex
}

// OpenHolder loads, judges and publishes the first credential. The error is Load's,
// Judge's or Publish's.
func OpenHolder(cfg HolderConfig) (*Holder, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Holder{cfg: cfg}
	if _, err := h.Reload(); err != nil {
		return nil, err
	}
	return h, nil
}

// Current returns the credential in use. Ask once for each call.
func (h *Holder) Current() *Credential { return h.current.Load() }

// Reload reads the credential again and uses it if it is good; changed says whether it
// is another than before. On an error the one in use stays in use.
func (h *Holder) Reload() (changed bool, err error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	c, err := h.cfg.Load(h.cfg.Now())
	if err != nil {
		return false, err
	}
	next := *c
	old := h.current.Load()
	if old != nil && h.cfg.Publish == nil && next.X5U == old.X5U && !sameKey(old.Chain[0], next.Chain[0]) {
		return false, fmt.Errorf("reloading the credential: %w (%s)", ErrSameURL, next.X5U)
	}
	if err := h.judge(&next); err != nil {
		return false, err
	}
	// Others may fetch the chain from the moment the first call is signed with it, so
	// it is there before that.
	if h.cfg.Publish != nil {
		if next.X5U, err = h.cfg.Publish(next.Chain); err != nil {
			return false, fmt.Errorf("publishing the certificate chain: %w", err)
		}
	}
	h.current.Store(&next)
	return old == nil || old.X5U != next.X5U || !sameChain(old.Chain, next.Chain), nil
}

// Rejudge judges the credential in use again, as after a change of whom we believe. On
// an error the judgement stays as it was.
func (h *Holder) Rejudge() error {
	h.turn.Lock()
	defer h.turn.Unlock()
	next := *h.current.Load()
	if err := h.judge(&next); err != nil {
		return err
	}
	h.current.Store(&next)
	return nil
}

func (h *Holder) judge(c *Credential) (err error) {
	if h.cfg.Judge == nil {
		return nil
	}
	if c.Judged, err = h.cfg.Judge(c); err != nil {
		return fmt.Errorf("judging our own credential: %w", err)
	}
	return nil
}

func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

func sameChain(a, b []*x509.Certificate) bool {
	return bytes.Equal(stircert.EncodePEM(a...), stircert.EncodePEM(b...))
}
