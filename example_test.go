package countersign_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// repository finds certificates for a verification service. Yours fetches them, with
// care, and keeps what it has validated.
type repository struct {
	anchors *stircert.Anchors
	fetch   func(ctx context.Context, url string) ([]byte, error)
}

func (r repository) Chain(ctx context.Context, url string, at time.Time) (*stircert.Chain, error) {
	body, err := r.fetch(ctx, url)
	if err != nil {
		return nil, passport.Found(passport.CertificateUnavailable, "x5u", err.Error())
	}
	certs, err := stircert.ParsePEM(body)
	if err != nil {
		return nil, err
	}
	return stircert.Build(ctx, certs, stircert.Options{Anchors: r.anchors, At: at}), nil
}

// Judge one call by its Identity header fields.
func Example() {
	anchors, fetch, identity := carrier("12025550100", "12025550199")

	service := verification.Service{
		Certificates: repository{anchors, fetch},
		Memory:       new(verification.RecentMemory),
	}
	facts := verification.Facts{
		Calling: passport.Party{TN: "12025550100"}, // From
		Called:  passport.Party{TN: "12025550199"}, // Request-URI
		CallID:  "a84b4c76e66710@pc33.example.com",
	}
	report, err := service.VerifyAt(context.Background(), []string{identity}, facts, time.Now(), sipidentity.RFC8224())
	if err != nil {
		log.Fatal(err) // our own fault, never the caller's
	}
	fmt.Println(report.Result, report.Verstat())

	facts.Calling.TN = "12025550123" // the same PASSporT, another number on the display
	report, err = service.VerifyAt(context.Background(), []string{identity}, facts, time.Now(), sipidentity.RFC8224())
	if err != nil {
		log.Fatal(err)
	}
	status, phrase, finding := report.Response()
	fmt.Println(report.Result, status, phrase)
	fmt.Printf("%s (%s)\n", finding.Code.Sentence(), finding.Code.Section())

	// Output:
	// valid TN-Validation-Passed
	// not valid 438 Invalid Identity Header
	// the PASSporT was signed for another calling number than the one shown (RFC 8224 section 6.2.4)
}

// carrier signs a call from one number to another, in a test network of its own. It
// returns whom to trust, where its certificate is, and the Identity header field value.
func carrier(from, to string) (*stircert.Anchors, func(context.Context, string) ([]byte, error), string) {
	const url = "https://cert.carrier.example/chain.pem"
	now := time.Now()
	must := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err := stircert.NewAnchor(rootKey, stircert.Template{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)})
	must(err)
	root, err := x509.ParseCertificate(der)
	must(err)
	der, err = stircert.Issue(root, rootKey, stircert.Template{
		Role: stircert.RoleProvider, Key: &key.PublicKey, TNs: stircert.TNAuthList{SPCs: []string{"1234"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	})
	must(err)
	leaf, err := x509.ParseCertificate(der)
	must(err)

	claims := passport.Claims{Attest: passport.AttestFull, Origid: "123e4567-e89b-12d3-a456-426614174000", IssuedAt: now.Unix()}
	claims.Orig, err = sipidentity.PartyOf("tel:+" + from)
	must(err)
	called, err := sipidentity.PartyOf("tel:+" + to)
	must(err)
	claims.Dest.TN = append(claims.Dest.TN, called.TN)
	text, err := passport.Sign(key, passport.Header{Ppt: passport.Shaken, X5U: url}, claims)
	must(err)
	identity := sipidentity.Header{Passport: text, Info: url, Ppt: passport.Shaken}.String()

	fetch := func(context.Context, string) ([]byte, error) { return stircert.EncodePEM(leaf), nil }
	return stircert.NewAnchors(root), fetch, identity
}

func TestTheREADMEShowsTheExampleAsItIs(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md shows no Go")
	}
	for line := range strings.Lines(shown) {
		line = strings.TrimSpace(line)
		if line != "" && line != "…" && !strings.Contains(string(source), line) {
			t.Errorf("README.md shows a line that the example does not have:\n%s", line)
		}
	}
}
