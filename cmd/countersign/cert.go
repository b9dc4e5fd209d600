package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/credential"
	"countersign.example/internal/explain"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

func newCertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Show, lint, check and make certificates",
		Long: `Cert works on the certificates behind PASSporTs: it shows what is in them, holds them
against the SHAKEN certificate profile, checks whether a chain leads to a trust anchor,
and makes certificates for a test network.`,
		Example: `  countersign cert show chain.pem
  countersign cert lint chain.pem
  countersign cert check --anchors anchors.pem chain.pem
  countersign cert new anchor --out lab/anchor
  countersign cert new provider --parent lab/anchor --spc 1234 --out lab/carrier`,
	}
	cmd.AddCommand(newCertShowCommand(), newCertLintCommand(), newCertCheckCommand(), newCertNewCommand())
	return cmd
}

func newCertShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show FILE",
		Short:   "Show what is in a certificate or a chain",
		Long:    "Show says in plain words what is in each certificate of a file, and verifies nothing.",
		Example: "  countersign cert show chain.pem\n  countersign cert show --json chain.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			certs, err := credential.ReadChain(args[0])
			if err != nil {
				return usage(err, "")
			}
			page := explain.Certificates(certs, time.Now())
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), page)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), page.Text())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newCertLintCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint FILE",
		Short: "Hold certificates against the SHAKEN certificate profile",
		Long: `Lint holds each certificate of a file against the SHAKEN certificate profile
(ATIS-1000080), each according to its role, and lists where it departs from it. It exits
1 if one does.`,
		Example: "  countersign cert lint chain.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			certs, err := credential.ReadChain(args[0])
			if err != nil {
				return usage(err, "")
			}
			return lint(cmd.OutOrStdout(), certs, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// linted is a departure from the profile, for JSON.
type linted struct {
	Certificate int    `json:"certificate"`
	Role        string `json:"role"`
	Field       string `json:"field"`
	Section     string `json:"section"`
	Sentence    string `json:"sentence"`
}

func lint(w io.Writer, certs []*x509.Certificate, asJSON bool) error {
	list := []linted{}
	for i, c := range certs {
		role := stircert.RoleOf(c)
		findings := stircert.Lint(c, role)
		for _, f := range findings {
			list = append(list, linted{i + 1, role.String(), f.Field, f.Section, f.Sentence})
		}
		if asJSON {
			continue
		}
		fmt.Fprintf(w, "certificate %d, %s: ", i+1, role)
		if len(findings) == 0 {
			fmt.Fprintln(w, "fits the profile")
			continue
		}
		fmt.Fprintln(w)
		for _, f := range findings {
			fmt.Fprintf(w, "  - %s: the profile asks that %s [%s]\n", f.Field, f.Sentence, f.Section)
		}
	}
	if asJSON {
		if err := writeJSON(w, list); err != nil {
			return err
		}
	}
	if len(list) > 0 {
		return invalid("")
	}
	return nil
}

// checkFlags are the flags of the cert check command.
type checkFlags struct {
	trust   trust.Files
	number  string
	judging judging
	asJSON  bool
}

func newCertCheckCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check --anchors FILE [--number TN] FILE",
		Short: "Check whether a chain leads to a trust anchor, and what it covers",
		Long: `Check validates a certificate chain as a verification service does: path to a trust
anchor, order, validity, revocation, delegation, and, with --number, whether it covers a
number. It exits 1 if anything is wrong.`,
		Example: "  countersign cert check --anchors anchors.pem --number +12025550100 chain.pem",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	addTrustFlags(cmd, &f.trust)
	f.judging.addFlags(cmd)
	flags.StringVar(&f.number, "number", "", "a telephone `NUMBER` that the signer's certificate must cover")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// checked is the outcome of a check, for JSON.
type checked struct {
	Valid    bool           `json:"valid"`
	Anchor   string         `json:"anchor,omitempty"`
	Domain   string         `json:"domain,omitempty"`
	Coverage string         `json:"coverage,omitempty"`
	Findings []checkFinding `json:"findings"`
}

type checkFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Section  string `json:"section"`
	Sentence string `json:"sentence"`
}

func (f *checkFlags) run(cmd *cobra.Command, path string) error {
	profile, at, err := f.judging.read()
	if err != nil {
		return err
	}
	certs, err := credential.ReadChain(path)
	if err != nil {
		return usage(err, "")
	}
	f.trust.At = at
	set, err := trust.Load(f.trust)
	if err != nil {
		return usage(err, "")
	}
	number, err := party("--number", f.number)
	if err != nil {
		return err
	}
	chain := stircert.Build(cmd.Context(), certs, stircert.Options{Anchors: set.Anchors, CRLs: set.CRLs, Logs: set.Logs, At: at})
	findings := append(append([]passport.Finding{}, chain.Findings...), chain.At(at, at)...)
	out := checked{Valid: true, Domain: chain.Domain}
	if chain.Anchor != nil {
		out.Anchor = chain.Anchor.Subject.String()
	}
	if number.TN != "" {
		coverage := chain.Covers(number.TN)
		out.Coverage = coverage.String()
		switch coverage {
		case stircert.CoverNone:
			findings = append(findings, passport.Finding{Code: passport.NotCovered, Detail: number.TN.Masked()})
		case stircert.CoverSPC:
			findings = append(findings, passport.Finding{Code: passport.AuthorityBySPC})
		}
	}
	for i := range findings {
		x := &findings[i]
		severity := profile.Rule(x.Code).Severity
		out.Valid = out.Valid && severity > sipidentity.Ignored
		out.Findings = append(out.Findings, checkFinding{x.Code.String(), severity.String(), x.Code.Section(), x.Error()})
	}
	return out.print(cmd.OutOrStdout(), f)
}

func (c checked) print(w io.Writer, f *checkFlags) error {
	if f.asJSON {
		if err := writeJSON(w, c); err != nil {
			return err
		}
	} else {
		for _, x := range c.Findings {
			fmt.Fprintf(w, "%s: %s [%s, %s]\n", x.Severity, x.Sentence, x.Code, x.Section)
		}
		switch {
		case c.Valid:
			fmt.Fprintf(w, "valid: the chain leads to %s\n", c.Anchor)
		default:
			fmt.Fprintln(w, "not valid")
		}
		if c.Domain != "" {
			fmt.Fprintf(w, "its numbers are bound to %s\n", c.Domain)
		}
	}
	switch {
	case c.Valid:
		return nil
	case len(f.trust.Anchors)+len(f.trust.AnchorLists) == 0:
		return invalid("no trust anchors were given; name the file that holds them with --anchors FILE")
	}
	return invalid("")
}
