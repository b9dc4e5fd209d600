// Package lab is a small telephone network in one process, on loopback: a trust anchor,
// a certificate repository, a carrier that signs, a phone that rings, and between them a
// Countersign, built by package server as the real one is.
//
// Start with [New] and [Lab.Run]. Run places the calls of a story, each a real INVITE
// over UDP, prints what became of them, and stays up for calls of somebody else's, which
// are judged and printed like the others.
//
// Nothing of it is a stub: certificates are fetched over HTTP, in the lab mode that has
// to be asked for by name; verdicts come from the one judgement; records are written to
// SQLite before an action is carried out, and the story is printed from what was
// recorded. What the carrier hears of an outbound call it verifies with our own
// verifier. The networks of two labs do not touch each other.
//
// All names and numbers are reserved for fiction. Its trust anchor is made anew each
// time, and nobody else trusts it. There is no media: nobody speaks.
package lab

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign.example/internal/call"
	"countersign.example/internal/evidence/inband"
	"countersign.example/internal/fetch"
	"countersign.example/internal/gateway"
	"countersign.example/internal/policy"
	"countersign.example/internal/server"
	"countersign.example/internal/sipcore"
	"countersign.example/internal/trust"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

// ErrNotLoopback is wrapped by the error of [New] for an address that others can reach:
// the laboratory trusts keys that lie about in it.
var ErrNotLoopback = errors.New("lab: not an address of loopback with a port")

// ErrInUse is wrapped by the error of [New] if somebody else has the SIP address.
var ErrInUse = errors.New("lab: the address is in use")

// Config says how a [Lab] behaves. All but Out may be left zero.
type Config struct {
	// Out is where the story is told.
	Out io.Writer
	// Data is the folder for the records and the files of the laboratory. By default it
	// is a temporary one, which is removed at the end unless Keep is set.
	Data string
	Keep bool
	// Once ends the laboratory after the story.
	Once bool
	// Listen is the address of the gateway, "127.0.0.1:5060". The default is a free port
	// on loopback.
	Listen string
	// Color marks verdicts with colour too, and JSON prints each call as one line of
	// JSON (an [Outcome]) in place of the story.
	Color, JSON bool
	// Logger receives what the server logs. The default discards it.
	Logger *slog.Logger
}

// Lab is one laboratory. Make it with [New].
type Lab struct {
	once       bool
	folder     string
	temporary  bool
	authority  *authority
	repository *repository
	carrier    *agent
	phone      *agent
	server     *server.Server
	// fetcher and verifier are the carrier's own.
	fetcher  *fetch.Fetcher
	verifier *verification.Service
	print    *printer

	// live says that the story is over.
	live atomic.Bool
	// records are those of the calls of the story, as they are judged.
	records chan call.Record

	// mu guards sights: what an agent saw of a call, by its Call-ID.
	mu     sync.Mutex
	sights map[string]sight
}

// sight is what an agent saw of a call that reached it.
type sight struct {
	rang          bool
	name, verstat string
	identity      string
	result        verification.Result
	checked       string
}

// New makes a laboratory: keys, certificates, sockets and files. It starts nothing.
func New(c Config) (*Lab, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if a, err := netip.ParseAddrPort(c.Listen); err != nil || !a.Addr().IsLoopback() {
		return nil, fmt.Errorf("%w: %s", ErrNotLoopback, c.Listen)
	}
	l := &Lab{
		once:    c.Once,
		print:   &printer{out: c.Out, color: c.Color, json: c.JSON},
		records: make(chan call.Record, 16),
		sights:  make(map[string]sight),
	}
	if err := l.build(c); err != nil {
		l.close()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, c.Listen)
		}
		return nil, err
	}
	return l, nil
}

// build makes everything. What it has opened is in l even if it fails.
func (l *Lab) build(c Config) (err error) {
	if err := l.makeFolder(c); err != nil {
		return err
	}
	if l.repository, err = newRepository(); err != nil {
		return err
	}
	if l.authority, err = newAuthority(time.Now(), l.repository.site); err != nil {
		return err
	}
	l.repository.publish(l.authority.carrier, l.authority.hoaxer, l.authority.own)
	if l.carrier, err = newAgent("carrier", c.Logger); err != nil {
		return err
	}
	if l.phone, err = newAgent("phone", c.Logger); err != nil {
		return err
	}
	l.phone.look, l.carrier.look = l.ringing, l.heard
	l.phone.ring = func() time.Duration {
		if l.live.Load() {
			return time.Second
		}
		return 0
	}
	believed := trust.Set{Anchors: stircert.NewAnchors(l.authority.anchor)}
	l.fetcher = fetch.New(fetch.Config{Lab: true})
	l.verifier = &verification.Service{
		Certificates: trust.New(trust.Config{Fetcher: l.fetcher, Set: believed}),
		Memory:       new(verification.RecentMemory),
	}
	if l.server, err = l.newServer(c, believed); err != nil {
		return err
	}
	l.carrier.gateway, l.phone.gateway = l.server.Addr(), l.server.Addr()
	return l.writeFiles()
}

// newServer builds the Countersign of the network.
func (l *Lab) newServer(c Config, believed trust.Set) (*server.Server, error) {
	key := make([]byte, 32)
	rand.Read(key)
	rules := policy.Default()
	rules.Numbers = []tn.Number{ourNumber}
	return server.New(server.Config{
		Gateway: gateway.Config{
			Listen: c.Listen, Trunk: l.carrier.endpoint.Addr(), Phone: l.phone.endpoint.Addr(), Key: key, Grace: time.Second,
		},
		Records:    l.recordsFile(),
		Trust:      believed,
		Fetch:      fetch.Config{Lab: true},
		Offices:    offices,
		Policy:     rules,
		Credential: l.authority.own,
		Observe:    l.observe,
		Logger:     c.Logger,
	})
}

func (l *Lab) recordsFile() string { return filepath.Join(l.folder, "calls.db") }

func (l *Lab) makeFolder(c Config) (err error) {
	if c.Data == "" {
		l.temporary = !c.Keep
		if l.folder, err = os.MkdirTemp("", "countersign-dev-"); err != nil {
			return fmt.Errorf("making a folder for the laboratory: %w", err)
		}
		return nil
	}
	if l.folder, err = filepath.Abs(c.Data); err == nil {
		err = os.MkdirAll(l.folder, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making the folder of the laboratory: %w", err)
	}
	return nil
}

// The files for visitors. Their names say whose they are, since the folder may be
// somebody's own.
const (
	anchorsFile  = "lab-anchors.pem"
	keyFile      = "lab-carrier.key"
	scenarioFile = "lab-caller.xml"
)

// scenario is a SIPp scenario of a caller that goes through proxies properly, which the
// one built into SIPp does not.
//
//go:embed testdata/caller.xml
var scenario []byte

// writeFiles writes what a visitor needs to sign, verify and place calls of his own.
func (l *Lab) writeFiles() error {
	key, err := x509.MarshalPKCS8PrivateKey(l.authority.carrier.Key)
	if err != nil {
		return fmt.Errorf("writing the carrier's key: %w", err)
	}
	for name, content := range map[string][]byte{
		anchorsFile:  stircert.EncodePEM(l.authority.anchor),
		keyFile:      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		scenarioFile: scenario,
	} {
		if err := os.WriteFile(filepath.Join(l.folder, name), content, 0o600); err != nil {
			return fmt.Errorf("writing the files of the laboratory: %w", err)
		}
	}
	return nil
}

// Run plays the story and then, unless once, serves until ctx is done. ok says whether
// every call of the story became what it should; an error, that the laboratory itself
// failed. It can be called once, and leaves nothing behind.
func (l *Lab) Run(ctx context.Context) (ok bool, err error) {
	defer func() { err = errors.Join(err, l.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{l.repository.run, l.carrier.endpoint.Run, l.phone.endpoint.Run, l.server.Run} {
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error {
		defer cancel()
		begun := time.Now()
		l.print.welcome(l)
		var err error
		if ok, err = l.play(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // it was stopped in the middle
			}
			return err
		}
		l.print.summary(l, ok, time.Since(begun))
		if l.once {
			return nil
		}
		l.live.Store(true)
		l.print.hints(l)
		<-ctx.Done()
		return nil
	})
	err = group.Wait()
	return ok, err
}

// close closes what was opened and never run, and removes a temporary folder. What ran
// has closed itself.
func (l *Lab) close() error {
	if l.server != nil {
		l.server.Close()
	}
	for _, a := range []*agent{l.carrier, l.phone} {
		if a != nil {
			a.endpoint.Close()
		}
	}
	if l.repository != nil {
		l.repository.close()
	}
	if l.fetcher != nil {
		l.fetcher.Close()
	}
	if l.temporary && l.folder != "" {
		if err := os.RemoveAll(l.folder); err != nil {
			return fmt.Errorf("removing the folder of the laboratory: %w", err)
		}
	}
	return nil
}

// observe is told of every call that went through the server.
func (l *Lab) observe(rec call.Record, fault error) {
	if !l.live.Load() {
		select {
		case l.records <- rec:
		default: // more visitors than the story has scenes
		}
		return
	}
	out := outcome(&rec)
	if fault != nil {
		out.Problem = fault.Error()
	}
	if rec.Call.Direction == call.Inbound && rec.Action.Kind == call.Connect {
		out.Display = gateway.DisplayName(&rec, false)
	}
	l.print.visitor(out, &rec)
}

// judged returns the record of the story's call with that Call-ID.
func (l *Lab) judged(ctx context.Context, callID string) (call.Record, error) {
	for {
		select {
		case rec := <-l.records:
			if rec.Call.Signalling.CallID == callID {
				return rec, nil
			}
		case <-ctx.Done():
			return call.Record{}, fmt.Errorf("waiting for the record of a call: %w", context.Cause(ctx))
		}
	}
}

// ringing notes what the phone is shown.
func (l *Lab) ringing(_ context.Context, invite *sipcore.Message) {
	s := sight{rang: true}
	if from, err := sipcore.ParseNameAddr(invite.Get("From")); err == nil {
		s.name = from.DisplayName()
		s.verstat, _ = from.URI().Param("verstat")
	}
	l.note(invite, s)
}

// heard verifies a call that reaches the carrier, as any carrier would.
func (l *Lab) heard(ctx context.Context, invite *sipcore.Message) {
	now := time.Now()
	c := gateway.ReadCall(invite, gateway.Trunk, now, sipidentity.Numbering{})
	s := sight{rang: true}
	if len(c.Signalling.Identity) > 0 {
		s.identity = c.Signalling.Identity[0]
	}
	report, err := l.verifier.VerifyAt(ctx, c.Signalling.Identity, inband.Facts(c), now, nil)
	if err != nil {
		s.result, s.checked = verification.Unchecked, err.Error()
	} else {
		s.result, s.checked = report.Result, report.Result.String()
		if f := report.BestField(); f != nil && f.Token != nil && report.Result == verification.Valid {
			s.checked += ", attestation " + string(f.Token.Claims.Attest)
		}
	}
	l.note(invite, s)
}

func (l *Lab) note(invite *sipcore.Message, s sight) {
	if l.live.Load() {
		return // nobody asks for it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sights[invite.CallID()] = s
}

// seen returns what was seen of a call, and nothing if it reached nobody.
func (l *Lab) seen(callID string) sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sights[callID]
}
