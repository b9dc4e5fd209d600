package inband

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

const (
	office  tn.Number = "12025550100"
	carrier tn.Number = "12025550150"
	desk    tn.Number = "12025550199"
	other   tn.Number = "12025550177"
	base              = "https://cert.example.org/"
)

// signer is a key with its chain.
type signer struct {
	key   *ecdsa.PrivateKey
	chain *stircert.Chain
}

// repository holds the chains of the signers by URL. It is a stand-in for the web,
// which a test can not have.
type repository map[string]signer

func (r repository) Chain(_ context.Context, url string, _ time.Time) (*stircert.Chain, error) {
	if s, ok := r[url]; ok {
		return s.chain, nil
	}
	return nil, passport.Found(passport.CertificateUnavailable, "x5u", "the repository does not answer")
}

// silent is a repository that answers only when the call is over.
type silent struct{}

func (silent) Chain(ctx context.Context, _ string, _ time.Time) (*stircert.Chain, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func parse(t *testing.T, der []byte, err error) *x509.Certificate {
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

// newRepository makes a signer by list of numbers, one by provider code, one whose
// numbers are bound to a domain, and one that nobody trusts.
func newRepository(t *testing.T) repository {
	t.Helper()
	from, to := now.Add(-time.Hour), now.AddDate(0, 1, 0)
	anchorKey, strangerKey, logKey := newKey(t), newKey(t), newKey(t)
	der, err := stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: from, NotAfter: to})
	anchor := parse(t, der, err)
	der, err = stircert.NewAnchor(strangerKey, stircert.Template{NotBefore: from, NotAfter: to})
	stranger := parse(t, der, err)
	log, err := stircert.NewLog(&logKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	r := repository{}
	add := func(name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, template stircert.Template) {
		key := newKey(t)
		template.Key, template.NotBefore, template.NotAfter = &key.PublicKey, from, to
		der, err := stircert.Issue(parent, parentKey, template)
		chain := stircert.Build(context.Background(), []*x509.Certificate{parse(t, der, err)}, stircert.Options{
			Anchors: stircert.NewAnchors(anchor), Logs: []stircert.Log{log}, At: now})
		r[base+name] = signer{key, chain}
	}
	numbers := stircert.TNAuthList{Numbers: []tn.Number{office, carrier}}
	add("list", anchor, anchorKey, stircert.Template{Role: stircert.RoleProvider, TNs: numbers})
	add("spc", anchor, anchorKey, stircert.Template{Role: stircert.RoleProvider, TNs: stircert.TNAuthList{SPCs: []string{"1234"}}})
	add("bound", anchor, anchorKey, stircert.Template{Role: stircert.RoleDelegate, TNs: numbers, Domain: "president.example", Log: logKey, LoggedAt: from})
	add("stranger", stranger, strangerKey, stircert.Template{Role: stircert.RoleProvider, TNs: numbers})
	return r
}

// field makes an Identity header field value.
func (r repository) field(t *testing.T, name, ppt string, change func(*passport.Claims)) string {
	t.Helper()
	c := passport.Claims{IssuedAt: now.Unix(), Orig: passport.Party{TN: office}, Dest: passport.Parties{TN: []tn.Number{desk}}}
	if ppt == passport.Shaken {
		c.Attest, c.Origid = passport.AttestFull, "123e4567-e89b-12d3-a456-426655440000"
	}
	if change != nil {
		change(&c)
	}
	text, err := passport.Sign(r[base+name].key, passport.Header{Ppt: ppt, X5U: base + name}, c)
	if err != nil {
		t.Fatal(err)
	}
	return sipidentity.Header{Passport: text, Info: base + name, Ppt: ppt}.String()
}

func attest(a passport.Attestation) func(*passport.Claims) {
	return func(c *passport.Claims) { c.Attest = a }
}

func orig(n tn.Number) func(*passport.Claims) {
	return func(c *passport.Claims) { c.Orig.TN = n }
}

func dest(n tn.Number) func(*passport.Claims) {
	return func(c *passport.Claims) { c.Dest.TN = []tn.Number{n} }
}

func TestReportsFoldIntoOneReason(t *testing.T) {
	r := newRepository(t)
	shaken := func(name string, change func(*passport.Claims)) string {
		return r.field(t, name, passport.Shaken, change)
	}
	broken := shaken("list", nil)
	broken = strings.Replace(broken, ".ey", ".fy", 1)
	gone := strings.ReplaceAll(shaken("list", nil), ";info=<"+base+"list>", ";info=<"+base+"list>")
	unreachable, err := passport.Sign(r[base+"list"].key, passport.Header{Ppt: passport.Shaken, X5U: base + "gone"}, passport.Claims{
		IssuedAt: now.Unix(), Orig: passport.Party{TN: office}, Dest: passport.Parties{TN: []tn.Number{desk}},
		Attest: passport.AttestFull, Origid: "x"})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		fields []string
		want   call.Reason
	}{
		{"signed with attestation A", []string{shaken("list", nil)}, call.AttestedFull},
		{"signed with attestation B", []string{shaken("spc", attest("B"))}, call.AttestedPartial},
		{"signed with attestation C", []string{shaken("spc", attest("C"))}, call.AttestedGateway},
		{"a plain PASSporT under a list of numbers", []string{r.field(t, "list", "", nil)}, call.NumberListed},
		{"a plain PASSporT under a provider code", []string{r.field(t, "spc", "", nil)}, call.ProviderSigned},
		{"a certificate bound to the office's domain", []string{shaken("bound", nil)}, call.BoundCertificate},
		{"signed for another calling number", []string{shaken("list", orig(carrier))}, call.NumberOfAnother},
		{"a certificate for other numbers", []string{shaken("list", orig(other))}, call.NumberOfAnother},
		{"signed for a call to somebody else", []string{shaken("list", dest(other))}, call.CallToAnother},
		{"a certificate that nobody trusts", []string{shaken("stranger", nil)}, call.CertificateRefused},
		{"a broken signature", []string{broken}, call.PassportRefused},
		{"signed an hour ago", []string{shaken("list", func(c *passport.Claims) { c.IssuedAt -= 3600 })}, call.PassportRefused},
		{"nothing at all", nil, call.NoIdentity},
		{"a type that nobody knows", []string{gone + "x"}, call.NoIdentity},
		{"a repository that does not answer", []string{unreachable + ";info=<" + base + "gone>;ppt=shaken"}, call.InBandFailed},
		{"a stolen one added to a good one", []string{shaken("list", orig(carrier)), shaken("list", nil)}, call.AttestedFull},
		{"a worse one added to a bad one", []string{shaken("list", orig(carrier)), shaken("stranger", nil)}, call.CertificateRefused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			source := New(&verification.Service{Certificates: r}, nil, func() time.Time { return now })
			e := source.Ask(context.Background(), &call.Call{
				ArrivedAt: now, Calling: passport.Party{TN: office}, Called: passport.Party{TN: desk},
				Office:     call.Office{Domain: "president.example", Level: call.LevelVerified},
				Signalling: call.Signalling{Identity: c.fields, CallID: "one"},
			})
			if e.Kind != call.InBand || e.Reason != c.want {
				t.Fatalf("evidence = %s %s (%s), want %s", e.Kind, e.Reason, e.Detail, c.want)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("the evidence can not be written to a record: %v", err)
			}
		})
	}
}

func TestANumberOutsideTheCertificateIsNotCovered(t *testing.T) {
	r := newRepository(t)
	source := New(&verification.Service{Certificates: r}, nil, time.Now)
	e := source.Ask(context.Background(), &call.Call{
		ArrivedAt: now, Calling: passport.Party{TN: other}, Called: passport.Party{TN: desk},
		Signalling: call.Signalling{Identity: []string{r.field(t, "list", passport.Shaken, orig(other))}},
	})
	if e.Reason != call.NumberNotCovered {
		t.Errorf("reason = %s, want %s", e.Reason, call.NumberNotCovered)
	}
}

func TestAReplayIsSeenBefore(t *testing.T) {
	r := newRepository(t)
	source := New(&verification.Service{Certificates: r, Memory: &verification.RecentMemory{}}, nil, time.Now)
	c := &call.Call{
		ArrivedAt: now, Calling: passport.Party{TN: office}, Called: passport.Party{TN: desk},
		Signalling: call.Signalling{Identity: []string{r.field(t, "list", passport.Shaken, nil)}, CallID: "one"},
	}
	for range 2 {
		if e := source.Ask(context.Background(), c); e.Reason != call.AttestedFull {
			t.Errorf("the call itself, and its retransmission: reason = %s, want %s", e.Reason, call.AttestedFull)
		}
	}
	c.Signalling.CallID = "two"
	if e := source.Ask(context.Background(), c); e.Reason != call.SeenBefore {
		t.Errorf("another call: reason = %s, want %s", e.Reason, call.SeenBefore)
	}
}

func TestAWithheldNumberIsNothingToCompareWith(t *testing.T) {
	r := newRepository(t)
	source := New(&verification.Service{Certificates: r}, nil, time.Now)
	c := &call.Call{ArrivedAt: now, Called: passport.Party{TN: desk},
		Signalling: call.Signalling{Identity: []string{r.field(t, "list", passport.Shaken, nil)}}}
	if e := source.Ask(context.Background(), c); e.Reason != call.InBandFailed {
		t.Errorf("reason = %s, want %s", e.Reason, call.InBandFailed)
	}
}

func TestACallThatEndsIsAFailedCheck(t *testing.T) {
	r := newRepository(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	source := New(&verification.Service{Certificates: silent{}}, nil, time.Now)
	c := &call.Call{ArrivedAt: now, Calling: passport.Party{TN: office}, Called: passport.Party{TN: desk},
		Signalling: call.Signalling{Identity: []string{r.field(t, "list", passport.Shaken, nil)}}}
	if e := source.Ask(ctx, c); e.Result() != call.Failed {
		t.Errorf("result = %s, want %s", e.Result(), call.Failed)
	}
}
