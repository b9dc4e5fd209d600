package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign.example/internal/call"
	"countersign.example/internal/credential"
	"countersign.example/internal/directory"
	"countersign.example/internal/fetch"
	"countersign.example/internal/gateway"
	"countersign.example/internal/policy"
	"countersign.example/internal/server"
	"countersign.example/internal/sipcore"
	"countersign.example/internal/store/sqlite"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ours   = tn.Number("12025550142")
	theirs = tn.Number("12025550101")
)

// site is a server with a trunk and a phone that answers every call busy.
type site struct {
	t            *testing.T
	config       server.Config
	trunk, phone *sipcore.Endpoint
	server       *server.Server
	// rang receives every INVITE that reaches the phone or the trunk.
	rang chan *sipcore.Message
	log  *logged
	stop func() error
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newSite(t *testing.T, change func(*server.Config)) *site {
	t.Helper()
	s := &site{t: t, rang: make(chan *sipcore.Message, 16), log: new(logged)}
	s.trunk, s.phone = s.agent(), s.agent()
	s.config = server.Config{
		Gateway: gateway.Config{Listen: "127.0.0.1:0", Trunk: s.trunk.Addr(), Phone: s.phone.Addr(), Key: make([]byte, 32), Grace: 2 * time.Second},
		Records: filepath.Join(t.TempDir(), "calls.db"),
		Fetch:   fetch.Config{Lab: true},
		Offices: []directory.Office{{Office: call.Office{Domain: "president.example", Name: "President's Office", Level: call.LevelVerified}, Numbers: []tn.Number{theirs}}},
		Logger:  slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&s.config)
	}
	return s
}

func (s *site) agent() *sipcore.Endpoint {
	s.t.Helper()
	ep, err := sipcore.Open(sipcore.Config{Addr: "127.0.0.1:0", Grace: time.Millisecond})
	if err != nil {
		s.t.Fatal(err)
	}
	ep.Handle(func(_ context.Context, tx *sipcore.ServerTx) {
		if req := tx.Request(); req.Method() == sipcore.MethodInvite {
			s.rang <- req.Clone()
		}
		tx.Reply(486, "")
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ep.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	return ep
}

// start builds the server and runs it.
func (s *site) start() {
	s.t.Helper()
	var err error
	if s.server, err = server.New(s.config); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.server.Run(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	s.t.Cleanup(func() {
		if err := s.stop(); err != nil {
			s.t.Errorf("Run() = %v", err)
		}
	})
}

// call places a call and returns its final response.
func (s *site) call(from *sipcore.Endpoint, callID string, calling, called tn.Number, fields ...sipcore.Field) *sipcore.Message {
	s.t.Helper()
	at := s.server.Addr().String()
	m := sipcore.NewRequest(sipcore.MethodInvite, "sip:+"+called.String()+"@"+at)
	m.Add("From", "<sip:+"+calling.String()+"@"+at+">;tag=1")
	m.Add("To", "<sip:+"+called.String()+"@"+at+">")
	m.Add("Call-ID", callID)
	m.Add("CSeq", "1 INVITE")
	m.Add("Contact", "<sip:"+from.SentBy()+">")
	for _, f := range fields {
		m.Add(f.Name, f.Value)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	final, err := from.Do(ctx, m, s.server.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	return final
}

// stored opens the records after the server has closed them.
func (s *site) stored(id string) call.Record {
	s.t.Helper()
	records, err := sqlite.Open(s.t.Context(), s.config.Records)
	if err != nil {
		s.t.Fatal(err)
	}
	defer records.Close()
	rec, err := records.Call(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

func TestCallsLeftOpenByACrashAreInterruptedAtTheStart(t *testing.T) {
	s := newSite(t, nil)
	records, err := sqlite.Open(t.Context(), s.config.Records)
	if err != nil {
		t.Fatal(err)
	}
	open := call.Record{Call: call.Call{ID: "01OPEN", Direction: call.Inbound, ArrivedAt: time.Now()}, State: call.Open, Action: call.Action{Kind: call.Hold}}
	if err := errors.Join(records.RecordCall(t.Context(), open), records.Close()); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.call(s.trunk, "after-the-crash", theirs, ours)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if rec := s.stored("01OPEN"); rec.State != call.Interrupted {
		t.Errorf("the call that was open is %s, want interrupted", rec.State)
	}
	if !strings.Contains(s.log.String(), "interrupted=1") {
		t.Errorf("nobody was told:\n%s", s.log)
	}
}

// signedFor makes an Identity header field whose certificate is at url.
func signedFor(t *testing.T, url string) sipcore.Field {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := passport.Sign(key, passport.Header{Ppt: passport.Shaken, X5U: url}, passport.Claims{
		IssuedAt: time.Now().Unix(), Orig: passport.Party{TN: theirs}, Dest: passport.Parties{TN: []tn.Number{ours}},
		Attest: passport.AttestFull, Origid: "2c7d1d4e-5b1f-4c0e-9a51-7d3f0d0e7a10",
	})
	if err != nil {
		t.Fatal(err)
	}
	return sipcore.Field{Name: "Identity", Value: sipidentity.Header{Passport: text, Info: url, Ppt: passport.Shaken}.String()}
}

func TestAStopFinishesVerdictsInHandAndRefusesNewCalls(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	stalled := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	defer stalled.Close()
	defer close(release)
	judged := make(chan call.Record, 2)
	s := newSite(t, func(c *server.Config) {
		c.Fetch.Timeout = time.Minute
		c.Observe = func(rec call.Record, _ error) { judged <- rec }
	})
	s.start()
	identity := signedFor(t, stalled.URL+"/chain.pem")
	answer := make(chan int, 1)
	go func() { answer <- s.call(s.trunk, "in-hand", theirs, ours, identity).Status() }()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()

	// The call that waits for a certificate is decided without it.
	rec := <-judged
	if status := <-answer; status != 486 || rec.State != call.Settled || rec.Action.Kind != call.Connect || !rec.Verdict.Incomplete {
		t.Errorf("the call in hand was answered %d and is %s, %s, %+v", status, rec.State, rec.Action.Kind, rec.Verdict)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run() = %v", err)
	}
	kept := s.stored(rec.Call.ID)
	for _, e := range kept.Evidence {
		if e.Kind == call.InBand && (e.Reason != call.InBandFailed || e.Detail != "this server was stopped before there was an answer") {
			t.Errorf("its record says %s: %s", e.Reason, e.Detail)
		}
	}
}

func TestACallIsNotLostWhenItsRecordCannotBeWritten(t *testing.T) {
	faults := make(chan error, 4)
	s := newSite(t, func(c *server.Config) { c.Observe = func(_ call.Record, err error) { faults <- err } })
	withCredential(t, &s.config)
	s.start()
	s.call(s.trunk, "while-all-is-well", theirs, ours)
	<-s.rang
	if err := <-faults; err != nil {
		t.Fatal(err)
	}
	if err := s.server.Records().Close(); err != nil {
		t.Fatal(err)
	}
	for _, from := range []*sipcore.Endpoint{s.trunk, s.phone} {
		calling, called := theirs, ours
		if from == s.phone {
			calling, called = ours, theirs
		}
		if status := s.call(from, "no-records-"+calling.String(), calling, called).Status(); status != 486 {
			t.Errorf("the call was answered %d, want the 486 of the other side", status)
		}
		arrived := <-s.rang
		if err := <-faults; err == nil {
			t.Error("no fault was reported")
		}
		if arrived.Has("Identity") {
			t.Error("a call left signed that was not recorded")
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("Run() = %v", err)
	}
	if log := s.log.String(); strings.Count(log, "level=ERROR") != 2 {
		t.Errorf("logged\n%s", log)
	}
}

// withCredential gives a server an anchor and a credential below it.
func withCredential(t *testing.T, c *server.Config) {
	t.Helper()
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(der []byte, err error) *x509.Certificate {
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
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	anchor := parse(stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: from, NotAfter: to}))
	leaf := parse(stircert.Issue(anchor, anchorKey, stircert.Template{
		Role: stircert.RoleProvider, Key: &key.PublicKey, NotBefore: from, NotAfter: to, TNs: stircert.TNAuthList{SPCs: []string{"709J"}},
	}))
	c.Trust = trust.Set{Anchors: stircert.NewAnchors(anchor)}
	c.Credential = &credential.Credential{Key: key, Chain: []*x509.Certificate{leaf}, X5U: "https://cert.office.example/chain.pem"}
	c.Policy = policy.Default()
	c.Policy.Numbers = []tn.Number{ours}
}

func TestOnlyCallsOfOurOwnNumbersLeaveSigned(t *testing.T) {
	s := newSite(t, nil)
	withCredential(t, &s.config)
	s.start()
	for calling, signed := range map[tn.Number]bool{ours: true, "12025550143": false} {
		s.call(s.phone, "leaves-"+calling.String(), calling, theirs)
		if arrived := <-s.rang; arrived.Has("Identity") != signed || !arrived.Has("Date") {
			t.Errorf("a call from %s left with Identity %q and Date %q", calling.Masked(), arrived.Get("Identity"), arrived.Get("Date"))
		}
	}
}

func TestAServerThatCannotWorkIsNotMade(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	notOurs := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notOurs, bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*server.Config)
		says   string
	}{
		"a certificate that nobody we trust has issued": {func(c *server.Config) { c.Trust = trust.Set{} }, "our own certificate"},
		"a certificate that has expired": {func(c *server.Config) {
			c.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
		}, "our own certificate"},
		"numbers to vouch for and nothing to sign with": {func(c *server.Config) { c.Credential = nil }, "no key and certificate"},
		"an address in use":                             {func(c *server.Config) { c.Gateway.Listen = taken.LocalAddr().String() }, "address already in use"},
		"a file of something else":                      {func(c *server.Config) { c.Records = notOurs }, notOurs},
		"an office without a domain":                    {func(c *server.Config) { c.Offices = []directory.Office{{}} }, "domain"},
		"a short key":                                   {func(c *server.Config) { c.Gateway.Key = nil }, "16 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			withCredential(t, &s.config)
			test.change(&s.config)
			made, err := server.New(s.config)
			if err == nil {
				made.Close()
				t.Fatal("New() made a server")
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("New() = %v, want it to speak of %q", err, test.says)
			}
		})
	}
}

func TestAServerThatNeverRanIsClosed(t *testing.T) {
	s := newSite(t, nil)
	made, err := server.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	again, err := server.New(s.config)
	if err != nil {
		t.Fatalf("New() after Close() = %v", err)
	}
	again.Close()
}
