package verification_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// update writes the row files anew, and issues those certificates that are not there.
var update = flag.Bool("update", false, "write testdata/rows anew, and certificates missing from testdata/chains")

// lives is how long a certificate is valid.
type lives struct{ from, to time.Time }

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

var (
	// long covers the published PASSporTs, which are of 2015, and all the years in which
	// these tests will run.
	long = lives{day(2015, 1, 1), day(2115, 1, 1)}
	past = lives{day(2015, 1, 1), day(2020, 1, 1)}
)

// issued is a certificate of the test network: who issued it, and what it says.
type issued struct {
	name, by string
	life     lives
	stircert.Template
}

func listed(numbers ...tn.Number) stircert.TNAuthList { return stircert.TNAuthList{Numbers: numbers} }

var (
	provider = stircert.TNAuthList{SPCs: []string{"1234"}}
	office   = listed(caller)
	block    = stircert.TNAuthList{Ranges: []tn.Range{{Start: "12155551000", Count: 1000}}}
)

// confidence are the constraints of RFC 9118 section 5, figure 2.
var confidence = stircert.Constraints{
	Enhanced: true, MustInclude: []string{"confidence"}, MustExclude: []string{"priority"},
	Permitted: []stircert.Permitted{{Claim: "confidence", Values: []string{"high", "medium"}}},
}

func limited(c ...stircert.Constraints) stircert.Template {
	return stircert.Template{Role: stircert.RoleDelegate, TNs: office, Constraints: c}
}

// network is the test network, issuers before those they issue.
var network = []issued{
	{"anchor", "", long, stircert.Template{}},
	{"ca", "anchor", long, stircert.Template{Role: stircert.RoleIntermediate}},
	{"provider", "ca", long, stircert.Template{Role: stircert.RoleProvider, TNs: provider}},
	{"expired", "ca", past, stircert.Template{Role: stircert.RoleProvider, TNs: provider}},
	{"delegate-ca", "ca", long, stircert.Template{Role: stircert.RoleDelegateCA, TNs: block}},
	{"caller", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: office}},
	{"called", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: listed(called)}},
	{"third", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: listed(third)}},
	{"names-inc", "ca", long, stircert.Template{Role: stircert.RoleProvider, TNs: provider, Organization: "Example Names Inc."}},
	{"domain", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: office, Domain: "example.com"}},
	{"bound", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: office, Domain: "office.example", Log: keyOf("log")}},
	{"unlogged", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: office, Domain: "office.example"}},
	{"logged-later", "delegate-ca", long, stircert.Template{Role: stircert.RoleDelegate, TNs: office, Domain: "office.example", Log: keyOf("log"), LoggedAt: noon.Add(time.Hour)}},
	{"confidence", "delegate-ca", long, limited(confidence)},
	{"include", "delegate-ca", long, limited(stircert.Constraints{MustInclude: []string{"confidence"}})},
	{"permitted", "delegate-ca", long, limited(stircert.Constraints{Permitted: confidence.Permitted})},
	{"excludes-iat", "delegate-ca", long, limited(stircert.Constraints{Enhanced: true, MustExclude: []string{"iat"}})},
	{"both", "delegate-ca", long, limited(stircert.Constraints{MustInclude: []string{"confidence"}}, stircert.Constraints{Enhanced: true, MustExclude: []string{"priority"}})},
	{"other-anchor", "", long, stircert.Template{CommonName: "Other ROOT"}},
	{"stranger", "other-anchor", long, stircert.Template{Role: stircert.RoleProvider, TNs: provider}},
}

// keyOf returns the key of a name. It is made from the name, so that whoever reads the
// files can have it and nobody takes it for a secret.
func keyOf(name string) *ecdsa.PrivateKey {
	if name == "rfc8946" {
		return publishedKey()
	}
	sum := sha256.Sum256([]byte("Countersign test key: " + name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	if err != nil {
		panic(err) // one name in 2^32 has none
	}
	return key
}

// chainFile is the file of a certificate and those above it, but the anchor.
func chainFile(name string) string { return filepath.Join("testdata", "chains", name+".pem") }

// issueMissing makes the files of testdata/chains that are not there.
func issueMissing(t *testing.T) {
	t.Helper()
	chains := map[string][]*x509.Certificate{}
	for _, c := range network {
		key := keyOf(c.name)
		writeKey(t, c.name, key)
		if body, err := os.ReadFile(chainFile(c.name)); err == nil {
			chains[c.name], err = stircert.ParsePEM(body)
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		c.Key, c.NotBefore, c.NotAfter = &key.PublicKey, c.life.from, c.life.to
		var der []byte
		var err error
		if c.by == "" {
			der, err = stircert.NewAnchor(key, c.Template)
		} else {
			der, err = stircert.Issue(chains[c.by][0], keyOf(c.by), c.Template)
		}
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chains[c.name] = append([]*x509.Certificate{cert}, chains[c.by]...)
		chains[c.name] = slices.DeleteFunc(chains[c.name], func(x *x509.Certificate) bool {
			return c.by != "" && bytes.Equal(x.RawSubject, x.RawIssuer)
		})
		if err := os.WriteFile(chainFile(c.name), stircert.EncodePEM(chains[c.name]...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func writeKey(t *testing.T, name string, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join("testdata", "chains", name+".key.pem"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// readChain reads a file of testdata/chains.
func readChain(name string) ([]*x509.Certificate, error) {
	body, err := os.ReadFile(chainFile(name))
	if err != nil {
		return nil, err
	}
	return stircert.ParsePEM(body)
}

// anchors and logs are what the tests believe.
var believed = sync.OnceValues(func() (*stircert.Anchors, []stircert.Log) {
	certs, err := readChain("anchor")
	if err != nil {
		panic(err)
	}
	log, err := stircert.NewLog(&keyOf("log").PublicKey)
	if err != nil {
		panic(err)
	}
	return stircert.NewAnchors(certs...), []stircert.Log{log}
})

// repository is a [verification.Certificates] that serves the chains it names, each at
// the URL of its name, and counts how often it is asked.
type repository struct {
	names []string
	// lab marks every chain as fetched in lab mode.
	lab bool

	mu    sync.Mutex
	asked map[string]int
	built map[string]*stircert.Chain
}

func serving(names ...string) *repository {
	return &repository{names: names, asked: map[string]int{}, built: map[string]*stircert.Chain{}}
}

// urlOf is where the chain of a name stands.
func urlOf(name string) string { return "https://cert.example.org/" + name + ".pem" }

func (r *repository) Chain(ctx context.Context, url string, at time.Time) (*stircert.Chain, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[url]++
	if c := r.built[url]; c != nil {
		return c, nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(url, "https://cert.example.org/"), ".pem")
	if !slices.Contains(r.names, name) || urlOf(name) != url {
		return nil, passport.Found(passport.CertificateUnavailable, "x5u", "unexpected status: 404")
	}
	certs, err := readChain(name)
	if err != nil {
		return nil, fmt.Errorf("reading a test chain: %w", err)
	}
	anchors, logs := believed()
	c := stircert.Build(ctx, certs, stircert.Options{Anchors: anchors, Logs: logs, At: at})
	c.Lab = r.lab
	r.built[url] = c
	return c, nil
}

// total is how often the repository was asked, whatever for.
func (r *repository) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, times := range r.asked {
		n += times
	}
	return n
}

func TestTheTestNetworkIsWhatItsTableSays(t *testing.T) {
	if *update {
		issueMissing(t)
	}
	for _, c := range network {
		certs, err := readChain(c.name)
		if err != nil {
			t.Fatal(err)
		}
		key := keyOf(c.name)
		if !key.PublicKey.Equal(certs[0].PublicKey) {
			t.Errorf("%s: the certificate is not of the key", c.name)
		}
		text, err := os.ReadFile(filepath.Join("testdata", "chains", c.name+".key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		der, _ := pem.Decode(text)
		filed, err := x509.ParsePKCS8PrivateKey(der.Bytes)
		if err != nil || !key.Equal(filed) {
			t.Errorf("%s: the key in the file is not that of the name: %v", c.name, err)
		}
	}
}
