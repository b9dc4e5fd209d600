// Package server builds the house: it makes every room from one [Config], connects them
// through the interfaces they declare, and runs them.
//
// Start with [New], then [Server.Run]. The program is a value: main, the laboratory and
// the tests build it in the same way, and any number of servers can run in one process.
//
// New opens the file of the records and the socket, and starts nothing. Run blocks until
// its context is done and then ends in order: new calls are refused with 503, verdicts
// in hand are finished, calls that are held are released to what the policy makes of
// them without the evidence that is still out, and the records are closed last. After
// Run nothing is left behind.
//
// No rule is decided here: what a call is worth is package verdict's, and what becomes
// of it package policy's. Reading a configuration file is for a later room.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign.example/internal/authentication"
	"countersign.example/internal/call"
	"countersign.example/internal/callflow"
	"countersign.example/internal/credential"
	"countersign.example/internal/directory"
	"countersign.example/internal/evidence"
	"countersign.example/internal/evidence/inband"
	"countersign.example/internal/fetch"
	"countersign.example/internal/gateway"
	"countersign.example/internal/policy"
	"countersign.example/internal/store"
	"countersign.example/internal/store/sqlite"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/verification"
)

// The budgets of the sources of evidence: fetching a certificate may take three seconds
// ([fetch.Config]), and a caller waits in silence meanwhile.
const (
	inbandBudget    = 4 * time.Second
	directoryBudget = time.Second
)

// defaultGrace is how long requests in hand may take when Run ends: longer than the
// longest budget, so that every verdict in hand is finished.
const defaultGrace = 6 * time.Second

// Config is what a server is made of. Records and the fields of Gateway that
// [gateway.Config] requires must be given.
type Config struct {
	// Gateway is the SIP side. Its Now and Logger are those below, and its Grace is six
	// seconds unless it is set.
	Gateway gateway.Config

	// Records is the file in which the records of calls are kept.
	Records string

	// Trust is whose certificates are believed.
	Trust trust.Set
	// Fetch says how certificates are fetched.
	Fetch fetch.Config
	// Profile is the profile that calls are verified by. Nil is RFC8224.
	Profile *sipidentity.Profile

	// Offices are the directory.
	Offices []directory.Office
	// Policy is the office's rules. Nil is the built-in policy of an office without
	// numbers.
	Policy *policy.Policy
	// Credential is what calls that leave are signed with. Without one they leave
	// unsigned.
	Credential *credential.Credential

	// Observe, if not nil, is told of every call once it was acted on, by the goroutine
	// that has it in hand, which waits. The error is a fault of our own.
	Observe func(call.Record, error)

	// Now is the one clock. The default is [time.Now].
	Now func() time.Time
	// Logger receives what an operator should know. The default discards it.
	Logger *slog.Logger
}

// Server is one Countersign. Make it with [New].
type Server struct {
	gateway *gateway.Gateway
	store   *store.Store
	fetcher *fetch.Fetcher
	grace   time.Duration
	logger  *slog.Logger
	// hurry ends the collecting of evidence, so that no call is held any longer.
	hurry context.CancelFunc
}

// New builds a server. What it returns is run, or closed. An error says what of the
// configuration cannot be used, or what cannot be opened.
func New(c Config) (*Server, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Policy == nil {
		c.Policy = policy.Default()
	}
	if c.Gateway.Grace == 0 {
		c.Gateway.Grace = defaultGrace
	}
	c.Gateway.Now, c.Gateway.Logger, c.Fetch.Now = c.Now, c.Logger, c.Now
	s := &Server{grace: c.Gateway.Grace, logger: c.Logger}
	if err := s.build(c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// build makes the rooms from the bottom up. What it has opened is in s even if it fails.
func (s *Server) build(c Config) error {
	book, err := directory.New(c.Offices...)
	if err != nil {
		return err
	}
	s.fetcher = fetch.New(c.Fetch)
	repository := trust.New(trust.Config{Fetcher: s.fetcher, Set: c.Trust})
	signer, err := s.signer(c)
	if err != nil {
		return err
	}
	verifier := &verification.Service{Certificates: repository, Memory: new(verification.RecentMemory)}
	sources, err := evidence.New(c.Now, func(fault error) { c.Logger.Error("collecting evidence", "error", fault) },
		evidence.Limited{Source: inband.New(verifier, c.Profile, c.Now), Budget: inbandBudget},
		evidence.Limited{Source: book, Budget: directoryBudget})
	if err != nil {
		return err
	}
	patience, hurry := context.WithCancel(context.Background())
	s.hurry = hurry

	if s.store, err = sqlite.Open(context.Background(), c.Records); err != nil {
		return err
	}
	if s.gateway, err = gateway.New(c.Gateway); err != nil {
		return err
	}
	inbound := &callflow.Inbound{Policy: c.Policy, Evidence: &collector{sources, patience}, Records: s.store, Gateway: s.gateway, Now: c.Now}
	outbound := &callflow.Outbound{Policy: c.Policy, Authentication: signer, Records: s.store, Gateway: s.gateway, Origid: origid, Now: c.Now}
	s.gateway.Use(&observed{&claimed{inbound, book}, c.Observe}, &observed{outbound, c.Observe})
	return nil
}

// signer returns what signs calls that leave, and refuses a credential that our own
// verification would not accept: every call would leave unsigned.
func (s *Server) signer(c Config) (signer, error) {
	if c.Credential == nil && len(c.Policy.Numbers)+len(c.Policy.Ranges) > 0 {
		return nil, errNoCredential
	}
	if c.Credential == nil {
		return unsigned{}, nil
	}
	now := c.Now()
	chain := stircert.Build(context.Background(), c.Credential.Chain, stircert.Options{
		Anchors: c.Trust.Anchors, CRLs: c.Trust.CRLs, Logs: c.Trust.Logs, At: now,
		FetchList: func(ctx context.Context, url string) ([]byte, error) {
			doc, err := s.fetcher.Get(ctx, url, fetch.Options{Kind: fetch.List})
			if err != nil {
				return nil, err
			}
			return doc.Body, nil
		},
	})
	service := &authentication.Service{Key: c.Credential.Key, X5U: c.Credential.X5U, Chain: chain, Profile: c.Profile}
	for _, found := range append(chain.At(now, now), chain.Findings...) {
		if fatal(c.Profile, found.Code) {
			return nil, fmt.Errorf("our own certificate cannot be signed with: %w", &found)
		}
	}
	return service, nil
}

func fatal(p *sipidentity.Profile, code passport.Code) bool {
	if p == nil {
		p = sipidentity.RFC8224()
	}
	return p.Rule(code).Severity == sipidentity.Fatal
}

// Addr returns the address of the SIP socket.
func (s *Server) Addr() netip.AddrPort { return s.gateway.Addr() }

// Records returns the records of the calls, for those who show them. They are closed
// when Run returns.
func (s *Server) Records() *store.Store { return s.store }

// Run serves until ctx is done, ends in order, and closes the server. It returns nil
// then, and an error if a part of the server has failed. It can be called once.
func (s *Server) Run(ctx context.Context) error {
	// What a crash left open is settled even if we are to end at once.
	interrupted, err := s.store.InterruptOpen(context.WithoutCancel(ctx))
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if interrupted > 0 {
		s.logger.Warn("calls were open when this server last stopped", "interrupted", interrupted)
	}
	group, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	group.Go(func() error {
		defer close(ended)
		return s.gateway.Run(ctx)
	})
	group.Go(func() error {
		// The gateway refuses new calls from now on. Verdicts in hand get most of the
		// grace period; whatever still waits then is decided without.
		<-ctx.Done()
		patience := time.NewTimer(s.grace * 3 / 4)
		defer patience.Stop()
		select {
		case <-patience.C:
		case <-ended:
		}
		s.hurry()
		return nil
	})
	err = group.Wait()
	return errors.Join(err, s.closeRooms())
}

// Close closes a server that was never run.
func (s *Server) Close() error {
	if s.gateway != nil {
		// A gateway that ran has closed its own socket, and says so.
		_ = s.gateway.Close()
	}
	return s.closeRooms()
}

// closeRooms closes what outlives the gateway, the records last.
func (s *Server) closeRooms() error {
	if s.hurry != nil {
		s.hurry()
	}
	var err error
	if s.fetcher != nil {
		err = s.fetcher.Close()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}

// origid returns a random UUID, version 4 (RFC 8588 section 5, RFC 9562 section 5.4).
func origid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
