package repository

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"countersign.example/internal/authentication"
	"countersign.example/internal/call"
	"countersign.example/internal/credential"
	"countersign.example/internal/fetch"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

// Row 47 of the conformance checklist, whole: calls are signed without a pause while one
// credential after another is taken up, and whoever is called verifies every one of them
// by fetching the certificate from us, also those signed before the last rollover.
func TestNoCallIsLostInARollover(t *testing.T) {
	s := newScene(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	s.cfg.Base, s.cfg.Lab = server.URL+"/certs/", true
	s.open()
	mux.Handle(s.Pattern(), s)

	anchors := stircert.NewAnchors(s.anchor)
	holder, err := credential.OpenHolder(credential.HolderConfig{
		Load: func(time.Time) (*credential.Credential, error) { return s.credential() },
		Judge: func(c *credential.Credential) (*stircert.Chain, error) {
			return stircert.Build(context.Background(), c.Chain, stircert.Options{Anchors: anchors, At: noon}), nil
		},
		Publish: func(chain []*x509.Certificate) (string, error) { return s.Publish("own", chain) },
	})
	if err != nil {
		t.Fatal(err)
	}
	signing := &authentication.Service{Current: func() authentication.Credential {
		c := holder.Current()
		return authentication.Credential{Key: c.Key, X5U: c.X5U, Chain: c.Judged}
	}}
	f := fetch.New(fetch.Config{Lab: true})
	defer f.Close()
	called := func() *calledSide {
		return &calledSide{t, verification.Service{Certificates: trust.New(trust.Config{Fetcher: f, Set: trust.Set{Anchors: anchors}})}}
	}
	during := called()

	var mu sync.Mutex
	byURL := make(map[string][]string)
	signed, done := make(chan bool), make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for ok := true; ok; {
				fields, err := signing.Sign(context.Background(), &call.Call{}, ourCall)
				if ok = err == nil && during.believes(fields); ok {
					h, err := sipidentity.Parse(fields[0])
					ok = err == nil
					mu.Lock()
					byURL[h.Info] = fields
					mu.Unlock()
				} else {
					t.Errorf("a call was lost: %v", err)
				}
				select {
				case signed <- ok:
				case <-done:
					return
				}
			}
		})
	}
	const rollovers = 6
	for range rollovers {
		// Some calls with each: the first may still have the one before.
		for range 4 {
			if !<-signed {
				close(done)
				group.Wait()
				t.FailNow()
			}
		}
		if changed, err := holder.Reload(); !changed || err != nil {
			t.Errorf("Reload = %v, %v, want another credential", changed, err)
		}
	}
	close(done)
	group.Wait()
	if len(byURL) < rollovers {
		t.Errorf("calls were signed at %d URLs, want one for each of %d credentials", len(byURL), rollovers)
	}
	after := called()
	for url, fields := range byURL {
		if !after.believes(fields) {
			t.Errorf("a call signed before a rollover, at %s, is not believed after it", url)
		}
	}
}

// ourCall is what is asserted of every call.
var ourCall = call.Assertion{
	Attest: passport.AttestFull, IssuedAt: noon, Orig: passport.Party{TN: "12025550100"},
	Dest: passport.Parties{TN: []tn.Number{"12025550199"}}, Origid: "123e4567-e89b-12d3-a456-426655440000",
}

// calledSide verifies, with a memory of its own for certificates.
type calledSide struct {
	t       *testing.T
	service verification.Service
}

func (c *calledSide) believes(fields []string) bool {
	r, err := c.service.VerifyAt(context.Background(), fields, verification.Facts{
		Calling: passport.Party{TN: "12025550100"}, Called: passport.Party{TN: "12025550199"}, Date: noon}, noon, nil)
	if err != nil {
		c.t.Error(err)
	}
	return r.Result == verification.Valid
}

// credential makes another credential for the same number.
func (i *issuer) credential() (*credential.Credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := stircert.Issue(i.anchor, i.key, stircert.Template{Role: stircert.RoleDelegate, Key: &key.PublicKey,
		TNs: stircert.TNAuthList{Numbers: []tn.Number{"12025550100"}}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour)})
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &credential.Credential{Key: key, Chain: []*x509.Certificate{leaf}}, err
}
