package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/credential"
	"countersign.example/internal/explain"
	"countersign.example/internal/fetch"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

// verifyFlags are the flags of the verify command.
type verifyFlags struct {
	trust         trust.Files
	key, cert     string
	orig, dest    string
	judging       judging
	invite        string
	allowLoopback bool
	asJSON        bool
}

func newVerifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [flags] HEADER | PASSPORT | FILE",
		Short: "Verify an Identity header field, and explain every check",
		Long: `Verify makes every check of a verification service in order, prints each with its
outcome, and ends with one line. It exits 0 if the PASSporT is valid, and 1 if it is not
or could not be checked.

Give the calling and the called number with --orig and --dest, or a whole SIP request
with --invite; without them nothing is compared with a call, and the last line says so.
The certificate is fetched from where the PASSporT says, over https and never from an
address of this network, unless it is given with --cert, or its bare key with --key.
Trust is only in the anchors given with --anchors.`,
		Example: `  countersign verify --anchors anchors.pem --orig +12025550100 --dest +12025550199 \
      'eyJhbGciOiJFUzI1NiIs…;info=<https://cert.example.org/chain.pem>;alg=ES256;ppt=shaken'
  countersign verify --key public.pem --at 2015-09-25T19:12:25Z header.txt
  countersign verify --anchors anchors.pem --invite invite.sip
  countersign verify --json --anchors anchors.pem --cert chain.pem < header.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	addTrustFlags(cmd, &f.trust)
	f.judging.addFlags(cmd)
	flags.StringVar(&f.key, "key", "", "check against the bare public key in `FILE`, and no certificate")
	flags.StringVar(&f.cert, "cert", "", "use the certificate chain in `FILE` in place of fetching it")
	flags.StringVar(&f.orig, "orig", "", "the calling `NUMBER` or SIP URI that the call shows")
	flags.StringVar(&f.dest, "dest", "", "the called `NUMBER` or SIP URI")
	flags.StringVar(&f.invite, "invite", "", "take the header fields and the call from the SIP request in `FILE`")
	flags.BoolVar(&f.allowLoopback, "allow-loopback", false, "lab mode: fetch from this machine, over plain http, from any port")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	cmd.MarkFlagsMutuallyExclusive("key", "cert")
	cmd.MarkFlagsMutuallyExclusive("invite", "orig")
	cmd.MarkFlagsMutuallyExclusive("invite", "dest")
	return cmd
}

func (f *verifyFlags) run(cmd *cobra.Command, args []string) error {
	profile, at, err := f.judging.read()
	if err != nil {
		return err
	}
	fields, facts, err := f.call(cmd, args, at)
	if err != nil {
		return err
	}
	service, done, err := f.service(cmd.Context(), at)
	if err != nil {
		return err
	}
	defer done()
	report, err := service.VerifyAt(cmd.Context(), fields, facts, at, profile)
	if err != nil {
		return &exitError{status: statusInvalid, err: fmt.Errorf("could not be checked: %w", err)}
	}
	if f.asJSON {
		err = writeJSON(cmd.OutOrStdout(), report)
	} else {
		_, err = fmt.Fprint(cmd.OutOrStdout(), explain.Judgement(report))
	}
	if err == nil && report.Result != verification.Valid {
		return invalid(f.hint(report))
	}
	return err
}

// call returns the header fields to be judged and what is known of the call.
func (f *verifyFlags) call(cmd *cobra.Command, args []string, at time.Time) ([]string, verification.Facts, error) {
	if f.invite != "" {
		if len(args) > 0 {
			return nil, verification.Facts{}, usage(errors.New("--invite takes the header fields from the request"), "leave the other argument out")
		}
		return readInvite(f.invite, at)
	}
	text, err := readInput(cmd, args)
	if err != nil {
		return nil, verification.Facts{}, err
	}
	facts := verification.Facts{}
	if facts.Calling, err = party("--orig", f.orig); err != nil {
		return nil, facts, err
	}
	if facts.Called, err = party("--dest", f.dest); err != nil {
		return nil, facts, err
	}
	return headerFields(text), facts, nil
}

// party reads a number or a URI from the command line.
func party(flag, text string) (passport.Party, error) {
	if text == "" {
		return passport.Party{}, nil
	}
	if n, err := tn.Parse(text); err == nil {
		return passport.Party{TN: n}, nil
	}
	p, err := sipidentity.PartyOf(text)
	if err != nil {
		return p, usage(fmt.Errorf("%s: neither a telephone number nor a SIP URI", flag), "write it like +12025550100 or sip:alice@example.com")
	}
	return p, nil
}

// headerFields returns the Identity header field values in text: one for each line that
// names the field, or else the whole. A bare PASSporT is given the header field that it
// implies.
func headerFields(text string) []string {
	var fields []string
	for line := range strings.Lines(text) {
		if value := explain.TrimName(line); value != strings.TrimSpace(line) {
			fields = append(fields, value)
		}
	}
	if len(fields) > 0 {
		return fields
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, ";") {
		return []string{text}
	}
	h := sipidentity.Header{Passport: text}
	if t, _ := passport.Examine(text); t != nil {
		h.Info, h.Ppt = t.Header.X5U, t.Header.Ppt
	}
	return []string{h.String()}
}

// service builds the verification service that the flags ask for. The function
// returned ends what it started.
func (f *verifyFlags) service(ctx context.Context, at time.Time) (*verification.Service, func(), error) {
	nothing := func() {}
	if f.key != "" {
		key, err := credential.ReadPublicKey(f.key)
		if err != nil {
			return nil, nothing, usage(err, "")
		}
		return &verification.Service{Key: key}, nothing, nil
	}
	f.trust.At = at
	set, err := trust.Load(f.trust)
	if err != nil {
		return nil, nothing, usage(err, "")
	}
	fetcher := fetch.New(fetch.Config{Lab: f.allowLoopback})
	done := func() { fetcher.Close() }
	if f.cert == "" {
		return &verification.Service{Certificates: trust.New(trust.Config{Fetcher: fetcher, Set: set})}, done, nil
	}
	done()
	certs, err := credential.ReadChain(f.cert)
	if err != nil {
		return nil, nothing, usage(err, "")
	}
	chain := stircert.Build(ctx, certs, stircert.Options{Anchors: set.Anchors, CRLs: set.CRLs, Logs: set.Logs, At: at})
	return &verification.Service{Certificates: given{chain}}, nothing, nil
}

// given is a repository with one chain, whatever the URL.
type given struct{ chain *stircert.Chain }

func (g given) Chain(context.Context, string, time.Time) (*stircert.Chain, error) {
	return g.chain, nil
}

// hint says what to do about a report that is not "valid".
func (f *verifyFlags) hint(r *verification.Report) string {
	_, _, finding := r.Response()
	if finding == nil {
		return ""
	}
	switch finding.Code {
	case passport.IatStale, passport.DivInnerStale:
		if f.judging.at != "" {
			return ""
		}
		for i := range r.Fields {
			if t := r.Fields[i].Token; t != nil {
				return "to judge it as at the time it was signed, add --at " + t.IssuedAt().Format(time.RFC3339)
			}
		}
	case passport.CertificateUntrusted:
		if len(f.trust.Anchors)+len(f.trust.AnchorLists) == 0 {
			return "no trust anchors were given; name the file that holds them with --anchors FILE"
		}
		return "if the certificate is to be trusted, add its root to the file given with --anchors"
	case passport.CertificateUnavailable:
		if f.allowLoopback {
			return "check that the repository is running, or give the chain with --cert FILE"
		}
		return "give the chain with --cert FILE, or, for a repository on this machine, add --allow-loopback"
	case passport.CompactIncomplete:
		return "a compact PASSporT is rebuilt from the call: give the whole SIP request with --invite FILE"
	case passport.CertificateExpired, passport.CertificateInvalidAtIat, passport.CertificateNotYetValid:
		return "see its dates with 'countersign cert show'"
	}
	return ""
}
