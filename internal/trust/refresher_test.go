package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign.example/internal/fetch"
	"countersign.example/passport"
	"countersign.example/stircert"
)

const crlURL = "https://sti-pa.example/crl"

// scene is a world with an STI-PA in it, a signer's chain at x5u, and a Refresher that
// lives at the time now.
type scene struct {
	*world
	pa     *policyAdmin
	signed *x509.Certificate
	now    time.Time
	cfg    RefreshConfig
	*Refresher
}

// newScene begins with nothing fetched. change may change the configuration.
func newScene(t *testing.T, change func(*RefreshConfig)) *scene {
	t.Helper()
	s := &scene{world: newWorld(t), pa: newPolicyAdmin(t), now: noon}
	s.signed = s.signer(func(c *stircert.Template) { c.CRLURL, c.CRLIssuer = crlURL, s.anchor.RawSubject })
	s.serve(x5u, stircert.EncodePEM(s.signed), time.Hour)
	s.serve(signerURL, stircert.EncodePEM(s.pa.cert), time.Hour)
	s.cfg = RefreshConfig{
		Fetcher: s, Folder: filepath.Join(t.TempDir(), "lists"), AnchorList: caListURL, Authority: s.pa.authority(),
		CRLs: []string{crlURL}, Now: func() time.Time { return s.now },
	}
	if change != nil {
		change(&s.cfg)
	}
	s.open()
	return s
}

// open makes a Refresher as after a restart.
func (s *scene) open() {
	s.t.Helper()
	s.cfg.Repository = New(Config{Fetcher: s})
	var err error
	if s.Refresher, err = OpenRefresher(s.cfg); err != nil {
		s.t.Fatal(err)
	}
}

// silence makes every server of the world fall silent.
func (s *scene) silence() {
	s.mu().Lock()
	defer s.mu().Unlock()
	s.pages = map[string]*fetch.Document{}
}

func (s *scene) mu() *sync.Mutex { return &s.world.mu }

func (s *scene) serveAnchors(sequence int, anchors ...*x509.Certificate) {
	s.t.Helper()
	s.serve(caListURL, s.pa.sign(header(), payload(sequence, anchors...)), time.Hour)
}

// crl makes a revocation list by the anchor.
func (s *scene) crl(issuer *x509.Certificate, key *ecdsa.PrivateKey, from time.Time, revoked ...*x509.Certificate) []byte {
	s.t.Helper()
	template := stircert.CRLTemplate{ThisUpdate: from, NextUpdate: from.Add(2 * time.Hour), Number: from.Unix()}
	for _, c := range revoked {
		template.Revoked = append(template.Revoked, stircert.Revoked{Serial: c.SerialNumber, At: from})
	}
	der, err := stircert.NewCRL(issuer, key, template)
	if err != nil {
		s.t.Fatal(err)
	}
	return der
}

func (s *scene) serveCRL(from time.Time, revoked ...*x509.Certificate) {
	s.t.Helper()
	s.serve(crlURL, s.crl(s.anchor, s.anchorKey, from, revoked...), time.Hour)
}

// later goes forward in time and refreshes what is due.
func (s *scene) later(d time.Duration) {
	s.now = s.now.Add(d)
	s.Refresh(s.t.Context())
}

func (s *scene) chain() *stircert.Chain {
	s.t.Helper()
	c, err := s.cfg.Repository.Chain(s.t.Context(), x5u, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// of returns the health of the list at a URL.
func (s *scene) of(url string) Health {
	s.t.Helper()
	for _, h := range s.Health() {
		if h.URL == url {
			return h
		}
	}
	s.t.Fatalf("there is no list at %s: %+v", url, s.Health())
	return Health{}
}

func TestListsAreFetchedAndBelieved(t *testing.T) {
	s := newScene(t, nil)
	for _, h := range s.Health() {
		if !h.Stale || !h.Success.IsZero() {
			t.Errorf("before anything was fetched: %+v, want stale", h)
		}
	}
	if c := s.chain(); c.Anchor != nil {
		t.Error("a chain is believed before there is a trust anchor")
	}
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon)
	s.later(0)
	s.now = noon.Add(30 * time.Second)
	if c := s.chain(); c.Anchor == nil || c.Has(passport.CertificateRevoked) || c.Has(passport.RevocationUnchecked) {
		t.Errorf("the chain is not believed: %v", c.Findings)
	}
	for url, entries := range map[string]int{caListURL: 1, crlURL: 0} {
		if h := s.of(url); h.Stale || h.Err != nil || !h.Success.Equal(noon) || !h.Next.After(noon) || h.Entries != entries {
			t.Errorf("health = %+v, want fresh and with %d entries", h, entries)
		}
	}
	s.serveCRL(noon.Add(time.Minute), s.signed)
	s.later(time.Hour)
	if c := s.chain(); !c.Has(passport.CertificateRevoked) {
		t.Errorf("a certificate that was revoked meanwhile is believed: %v", c.Findings)
	}
	other := newWorld(t)
	s.serveAnchors(2, other.anchor)
	s.later(6 * time.Hour)
	if c := s.chain(); c.Anchor != nil {
		t.Error("a trust anchor that left the list is still believed")
	}
}

func TestARestartDoesNotDependOnTheNetwork(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon, s.signed)
	s.later(0)
	s.silence()
	s.now = noon.Add(time.Hour)
	s.open()
	s.serve(x5u, stircert.EncodePEM(s.signed), time.Hour)
	if c := s.chain(); c.Anchor == nil || !c.Has(passport.CertificateRevoked) {
		t.Errorf("after a restart: %v, want trust anchors and revocation lists", c.Findings)
	}
	for _, h := range s.Health() {
		if h.Stale || h.Err != nil || !h.Success.Equal(noon) || h.Unproved {
			t.Errorf("after a restart: %+v, want what was fetched before", h)
		}
	}
	// What was refused before the restart is refused after it.
	s.serve(signerURL, stircert.EncodePEM(s.pa.cert), time.Hour)
	s.serveAnchors(0, s.anchor)
	s.later(6 * time.Hour)
	if h := s.of(caListURL); !errors.Is(h.Err, ErrListRollback) {
		t.Errorf("an older list after a restart: %v, want ErrListRollback", h.Err)
	}
}

func TestWhatIsKeptIsVerifiedAgain(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon)
	s.later(0)
	t.Run("another authority is configured", func(t *testing.T) {
		again := *s
		again.cfg.Authority = newPolicyAdmin(t).authority()
		again.open()
		if h := again.of(caListURL); !errors.Is(h.Err, ErrListSigner) || !h.Stale || again.cfg.Repository.Set().Anchors.Len() != 0 {
			t.Errorf("health = %+v, want a list that nobody who may has signed", h)
		}
	})
	for name, spoil := range map[string]func([]byte) []byte{
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
		"changed": func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
		"strange": func([]byte) []byte { return []byte("{}\nlist") },
	} {
		t.Run(name, func(t *testing.T) {
			again := *s
			again.cfg.Folder = t.TempDir()
			for _, k := range []struct {
				what Kind
				url  string
			}{{AnchorsKind, caListURL}, {CRLKind, crlURL}} {
				body, err := os.ReadFile(keptPath(s.cfg.Folder, k.what, k.url))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(keptPath(again.cfg.Folder, k.what, k.url), spoil(body), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			again.open()
			for _, h := range again.Health() {
				if h.Err == nil || !h.Stale {
					t.Errorf("health = %+v, want it to say that the file cannot be read", h)
				}
			}
			again.later(0)
			for _, h := range again.Health() {
				if h.Err != nil || h.Stale {
					t.Errorf("fetched again: %+v, want it mended", h)
				}
			}
		})
	}
}

func TestTheLastGoodListStaysInUse(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(5, s.anchor)
	s.serveCRL(noon)
	s.later(0)
	other, impostor := newWorld(t), newPolicyAdmin(t)
	delta, err := stircert.NewCRL(s.anchor, s.anchorKey, stircert.CRLTemplate{ThisUpdate: noon.Add(time.Minute), NextUpdate: noon.Add(time.Hour),
		Extra: []pkix.Extension{{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		url  string
		body []byte
		want error
	}{
		"junk for a list":                    {caListURL, []byte("<html>"), ErrListMalformed},
		"a list with a lower number":         {caListURL, s.pa.sign(header(), payload(4, other.anchor)), ErrListRollback},
		"another list of the same number":    {caListURL, s.pa.sign(header(), payload(5, other.anchor)), ErrListRollback},
		"an impostor's list":                 {caListURL, impostor.sign(header(), payload(6, other.anchor)), ErrListSigner},
		"a list that is over":                {caListURL, s.pa.sign(header(), with(payload(6, other.anchor), "exp", noon.Unix())), ErrListExpired},
		"junk for a revocation list":         {crlURL, []byte("<html>"), ErrCRLUseless},
		"an older revocation list":           {crlURL, s.crl(s.anchor, s.anchorKey, noon.Add(-time.Minute)), ErrCRLRollback},
		"a revocation list of the future":    {crlURL, s.crl(s.anchor, s.anchorKey, noon.Add(48*time.Hour)), ErrCRLUseless},
		"somebody else's revocation list":    {crlURL, s.crl(other.anchor, other.anchorKey, noon.Add(time.Minute)), ErrCRLSigner},
		"a revocation list of changes only":  {crlURL, delta, ErrCRLUseless},
		"a revocation list longer than read": {crlURL, make([]byte, stircert.MaxCRL+1), ErrCRLUseless},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.of(tc.url)
			s.serve(tc.url, tc.body, time.Hour)
			s.later(before.Next.Sub(s.now))
			h := s.of(tc.url)
			if !errors.Is(h.Err, tc.want) || !h.Success.Equal(before.Success) || !h.Tried.Equal(s.now) {
				t.Errorf("health = %+v, want %v and the list of before", h, tc.want)
			}
			if wait := h.Next.Sub(s.now); wait < 15*time.Second || wait > 15*time.Minute {
				t.Errorf("it is tried again after %v, want between half a minute and a quarter of an hour", wait)
			}
			if set := s.cfg.Repository.Set(); set.Anchors.Len() != 1 || !set.Anchors.Certificates()[0].Equal(s.anchor) || set.CRLs.Len() != 1 {
				t.Errorf("%d trust anchors and %d lists are in use, want those of noon", set.Anchors.Len(), set.CRLs.Len())
			}
		})
	}
}

func TestAgeRaisesAnAlarm(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon)
	s.later(0)
	s.silence()
	for _, tc := range []struct {
		after        time.Duration
		anchors, crl bool
	}{
		{time.Hour, false, false},
		{2*time.Hour - 1, false, false},
		{2 * time.Hour, false, true},
		{48*time.Hour - 1, false, true},
		{48 * time.Hour, true, true},
	} {
		s.now = noon.Add(tc.after)
		s.Refresh(t.Context())
		a, c := s.of(caListURL), s.of(crlURL)
		if a.Stale != tc.anchors || c.Stale != tc.crl {
			t.Errorf("after %v: anchors stale %v, revocation list stale %v, want %v, %v", tc.after, a.Stale, c.Stale, tc.anchors, tc.crl)
		}
		if set := s.cfg.Repository.Set(); set.Anchors.Len() != 1 || set.CRLs.Len() != 1 {
			t.Errorf("after %v the lists are no longer in use", tc.after)
		}
	}
}

func TestADiskThatIsFullKeepsNobodyFromBelieving(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon, s.signed)
	if err := os.RemoveAll(s.cfg.Folder); err != nil {
		t.Fatal(err)
	}
	s.later(0)
	if c := s.chain(); !c.Has(passport.CertificateRevoked) {
		t.Errorf("the lists are not in use: %v", c.Findings)
	}
	for _, h := range s.Health() {
		if h.Err == nil || h.Stale {
			t.Errorf("health = %+v, want it to say that it cannot be kept", h)
		}
	}
}

func TestOnlyListsFromAllowedHostsAreLearned(t *testing.T) {
	s := newScene(t, func(c *RefreshConfig) {
		c.CRLs, c.AnchorList, c.CRLHosts = nil, "", []string{"Sti-PA.example"}
	})
	s.Rebase(Set{Anchors: stircert.NewAnchors(s.anchor)})
	s.serveCRL(noon, s.signed)
	see := func(url string) {
		t.Helper()
		at := "https://certs.example/" + fmt.Sprint(len(s.pages))
		cert := s.signer(func(c *stircert.Template) { c.CRLURL = url })
		s.serve(at, stircert.EncodePEM(cert), time.Hour)
		if c, err := s.cfg.Repository.Chain(t.Context(), at, s.now); err != nil || c.Anchor == nil {
			t.Fatal(err)
		}
	}
	for _, url := range []string{
		"http://sti-pa.example/crl", "https://other.example/crl", "https://sti-pa.example.evil.example/crl", "ldap://sti-pa.example/crl",
		"https://user@sti-pa.example/crl", "https://evil.example/?sti-pa.example", "not a URL",
	} {
		if see(url); len(s.Health()) != 0 {
			t.Errorf("%s is fetched because a certificate names it", url)
		}
	}
	s.chain()
	s.later(0)
	if h := s.of(crlURL); !h.Learned || h.Entries != 1 || h.Stale || h.Unproved {
		t.Errorf("health = %+v, want the list that the certificate names", h)
	}
	if c := s.chain(); !c.Has(passport.CertificateRevoked) {
		t.Errorf("the list that was learned is not asked: %v", c.Findings)
	}
	s.open()
	if h := s.of(crlURL); !h.Learned || h.Entries != 1 {
		t.Errorf("after a restart: %+v, want the list that was learned", h)
	}
	s.cfg.CRLHosts = nil
	if s.open(); len(s.Health()) != 0 {
		t.Error("a list is in use after a restart though its host is no longer allowed")
	}
}

func TestNoCertificateMakesUsFetchWithoutBound(t *testing.T) {
	s := newScene(t, func(c *RefreshConfig) { c.CRLs, c.AnchorList, c.CRLHosts = nil, "", []string{"sti-pa.example"} })
	for i := range 3 * maxPoints {
		s.See(&stircert.Chain{Certificates: []*x509.Certificate{{CRLDistributionPoints: []string{fmt.Sprintf("https://sti-pa.example/%d", i)}}}})
	}
	if n := len(s.Health()); n != maxPoints {
		t.Errorf("%d lists are fetched, want %d", n, maxPoints)
	}
	// One that never answered gives way to a new one.
	for range 6 {
		s.later(15 * time.Minute)
	}
	s.See(&stircert.Chain{Certificates: []*x509.Certificate{{CRLDistributionPoints: []string{crlURL}}}})
	if s.of(crlURL); len(s.Health()) != maxPoints {
		t.Errorf("%d lists are fetched, want %d", len(s.Health()), maxPoints)
	}
}

func TestAListOfNobodyWeKnowWaitsForItsSigner(t *testing.T) {
	s := newScene(t, nil)
	s.serveAnchors(1, s.anchor)
	ca := newKey(t)
	der, err := stircert.Issue(s.anchor, s.anchorKey, stircert.Template{Role: stircert.RoleIntermediate, Key: &ca.PublicKey,
		NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 1, 0)})
	between := parse(t, der, err)
	der, err = stircert.Issue(between, ca, stircert.Template{Role: stircert.RoleProvider, Key: &newKey(t).PublicKey,
		TNs: stircert.TNAuthList{SPCs: []string{"1234"}}, NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1), CRLIssuer: between.RawSubject})
	leaf := parse(t, der, err)
	s.serve(x5u, stircert.EncodePEM(leaf, between), time.Hour)
	s.serve(crlURL, s.crl(between, ca, noon, leaf), time.Hour)
	s.later(0)
	if h := s.of(crlURL); !h.Unproved || h.Err != nil {
		t.Errorf("health = %+v, want a list whose signer has not been seen", h)
	}
	if c := s.chain(); !c.Has(passport.CertificateRevoked) {
		t.Errorf("the list does not count for the certificates of its signer: %v", c.Findings)
	}
	s.serve(crlURL, s.crl(between, ca, noon.Add(time.Minute), leaf), time.Hour)
	s.later(time.Hour)
	if h := s.of(crlURL); h.Unproved || h.Err != nil {
		t.Errorf("health = %+v, want it proved, now that the signer has been seen", h)
	}
	// From then on nobody else's takes its place.
	forger := newKey(t)
	der, err = stircert.Issue(s.anchor, s.anchorKey, stircert.Template{Role: stircert.RoleIntermediate, Key: &forger.PublicKey, Serial: between.SerialNumber,
		NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 1, 0)})
	s.serve(crlURL, s.crl(parse(t, der, err), forger, noon.Add(2*time.Minute)), time.Hour)
	s.later(time.Hour)
	if h := s.of(crlURL); !errors.Is(h.Err, ErrCRLSigner) {
		t.Errorf("a forged list: %v, want ErrCRLSigner", h.Err)
	}
}

func TestWhatCannotWorkIsRefusedAtStart(t *testing.T) {
	p := newPolicyAdmin(t)
	folder := file(t, "file", nil)
	for name, cfg := range map[string]RefreshConfig{
		"a list without an authority": {AnchorList: caListURL, Folder: t.TempDir()},
		"http":                        {CRLs: []string{"http://sti-pa.example/crl"}, Folder: t.TempDir()},
		"no URL":                      {AnchorList: "sti-pa.example", Authority: p.authority(), Folder: t.TempDir()},
		"a file for a folder":         {Folder: folder},
	} {
		cfg.Repository = New(Config{})
		if _, err := OpenRefresher(cfg); err == nil {
			t.Errorf("%s: OpenRefresher = nil, want an error", name)
		}
	}
}

func TestTheBaseStaysAndCanBeReplaced(t *testing.T) {
	own := newWorld(t)
	s := newScene(t, func(c *RefreshConfig) { c.Base = Set{Anchors: stircert.NewAnchors(own.anchor)} })
	s.serveAnchors(1, s.anchor)
	s.later(0)
	if n := s.cfg.Repository.Set().Anchors.Len(); n != 2 {
		t.Errorf("%d trust anchors, want that of the file and that of the list", n)
	}
	s.Rebase(Set{})
	if n := s.cfg.Repository.Set().Anchors.Len(); n != 1 {
		t.Errorf("%d trust anchors after a change of files, want that of the list", n)
	}
}

func TestStoppingIsNotAFailure(t *testing.T) {
	s := newScene(t, nil)
	s.wait = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	for _, h := range s.Health() {
		if h.Err != nil || !h.Tried.IsZero() {
			t.Errorf("health = %+v, want it untouched", h)
		}
	}
}

func TestRunAsksNoOftenerThanItMustAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		clock := func() time.Time { return noon.Add(time.Since(start)) }
		var mu sync.Mutex
		var seen []Health
		s := newScene(t, func(c *RefreshConfig) {
			c.Now = clock
			c.CRLHosts = []string{"lists.example"}
			c.Observe = func(h Health) { mu.Lock(); seen = append(seen, h); mu.Unlock() }
		})
		s.serveAnchors(1, s.anchor)
		s.serveCRL(noon)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		// The list is good for two hours; half of that is the hour that is the most.
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.requests(crlURL); n != 2 {
			t.Errorf("%d requests within the hour, want the first and one before it was over", n)
		}
		if n := s.requests(caListURL); n != 1 {
			t.Errorf("%d requests for trust anchors within the hour, want 1", n)
		}
		// Without a newer list the requests come closer together, but not too close.
		time.Sleep(time.Hour)
		synctest.Wait()
		stale := s.requests(crlURL)
		if stale < 4 || stale > 20 {
			t.Errorf("%d requests until the list was out of date, want a few more", stale)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.requests(crlURL) - stale; n < 12 || n > 16 {
			t.Errorf("%d requests in the hour after, want one every five minutes or a little less", n)
		}
		// A list that is learned is fetched at once.
		s.See(&stircert.Chain{Certificates: []*x509.Certificate{{CRLDistributionPoints: []string{listURL}}}})
		synctest.Wait()
		if n := s.requests(listURL); n != 1 {
			t.Errorf("%d requests for a list that was learned, want 1", n)
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.ContainsFunc(seen, func(h Health) bool { return h.URL == listURL && h.Err != nil && h.Stale }) {
			t.Error("nobody was told that the list that was learned could not be fetched")
		}
	})
}

func TestFailuresBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newScene(t, func(c *RefreshConfig) {
			c.AnchorList, c.Now = "", func() time.Time { return noon.Add(time.Since(start)) }
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		// Six while the pauses grow, then one every quarter of an hour or half of it.
		if n := s.requests(crlURL); n < 24*4 || n > 24*8+8 {
			t.Errorf("%d requests in a day of failures, want about one every ten minutes", n)
		}
		s.serveAnchors(1, s.anchor)
		s.serveCRL(noon.Add(24 * time.Hour))
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		if h := s.of(crlURL); h.Err != nil || h.Stale {
			t.Errorf("a quarter of an hour after the server came back: %+v, want it fresh", h)
		}
	})
}

func TestARefresherMayBeUsedByMany(t *testing.T) {
	s := newScene(t, func(c *RefreshConfig) { c.CRLHosts = []string{"sti-pa.example"} })
	s.serveAnchors(1, s.anchor)
	s.serveCRL(noon)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() { s.Refresh(t.Context()) })
		group.Go(func() { s.Rebase(Set{Anchors: stircert.NewAnchors(s.anchor)}) })
		group.Go(func() { s.chain() })
		group.Go(func() {
			s.See(&stircert.Chain{Certificates: []*x509.Certificate{{CRLDistributionPoints: []string{fmt.Sprintf("%s/%d", crlURL, i)}}}})
			s.Health()
		})
	}
	group.Wait()
	if h := s.of(caListURL); h.Stale || strings.Contains(fmt.Sprint(h.Err), "rollback") {
		t.Errorf("health = %+v, want it fresh", h)
	}
}
