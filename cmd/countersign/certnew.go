package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/credential"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// newFlags are the flags of the cert new commands.
type newFlags struct {
	out, parent  string
	organization string
	days         int
	spcs         []string
	numbers      []string
	domain       string
	ca           bool
	asJSON       bool
}

func newCertNewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a trust anchor or a certificate for a test network",
		Long: `New makes keys and certificates for a test network. With --out NAME it writes NAME.key,
readable by you alone, and NAME.pem with the certificate and those above it, the anchor left out.
That file is what stands at an x5u URL. Nothing is overwritten.

Nobody outside your test network trusts these certificates.`,
		Example: `  countersign cert new anchor   --out lab/anchor
  countersign cert new provider --parent lab/anchor --spc 1234 --out lab/carrier
  countersign cert new delegate --parent lab/carrier-ca --number +12025550100+100 --out lab/office`,
	}
	cmd.AddCommand(newAnchorCommand(), newProviderCommand(), newDelegateCommand())
	return cmd
}

func (f *newFlags) common(cmd *cobra.Command, days int) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "write `NAME`.key and NAME.pem")
	flags.StringVar(&f.organization, "org", "Test", "the organisation it names")
	flags.IntVar(&f.days, "days", days, "how many `DAYS` it is valid")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	required := []string{"out"}
	if cmd.Name() != "anchor" {
		flags.StringVar(&f.parent, "parent", "", "the issuer: `NAME`.key and NAME.pem")
		required = append(required, "parent")
	}
	for _, name := range required {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	cmd.Args = cobra.NoArgs
	return cmd
}

func newAnchorCommand() *cobra.Command {
	var f newFlags
	return f.common(&cobra.Command{
		Use:     "anchor --out NAME",
		Short:   "Make a test trust anchor",
		Example: "  countersign cert new anchor --out lab/anchor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.write(cmd, stircert.Template{Role: stircert.RoleAnchor})
		},
	}, 3650)
}

func newProviderCommand() *cobra.Command {
	var f newFlags
	cmd := f.common(&cobra.Command{
		Use:   "provider --parent NAME --spc CODE --out NAME",
		Short: "Make a service provider's certificate",
		Long: `Provider makes the certificate by which a service provider signs calls. With --ca it is one
that issues delegate certificates and signs no calls.`,
		Example: "  countersign cert new provider --parent lab/anchor --spc 1234 --out lab/carrier",
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := stircert.Template{Role: stircert.RoleProvider}
			if f.ca {
				t.Role = stircert.RoleDelegateCA
			}
			return f.write(cmd, t)
		},
	}, 365)
	cmd.Flags().StringArrayVar(&f.spcs, "spc", nil, "a service provider `CODE` (may be repeated)")
	cmd.Flags().StringArrayVar(&f.numbers, "number", nil, "a `NUMBER`, or the first of a range and how many: +12025550100+100 (may be repeated)")
	cmd.Flags().BoolVar(&f.ca, "ca", false, "make a certificate that issues delegate certificates")
	cmd.MarkFlagsOneRequired("spc", "number")
	return cmd
}

func newDelegateCommand() *cobra.Command {
	var f newFlags
	cmd := f.common(&cobra.Command{
		Use:   "delegate --parent NAME --number NUMBER --out NAME",
		Short: "Make a delegate certificate (RFC 9060)",
		Long: `Delegate makes a certificate for numbers that a provider has given to a customer. Its
parent is a provider's certificate made with --ca.`,
		Example: "  countersign cert new delegate --parent lab/carrier-ca --number +12025550100 --domain president.example --out lab/office",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.write(cmd, stircert.Template{Role: stircert.RoleDelegate, Domain: f.domain})
		},
	}, 30)
	cmd.Flags().StringArrayVar(&f.numbers, "number", nil, "a `NUMBER`, or the first of a range and how many: +12025550100+100 (may be repeated)")
	cmd.Flags().StringVar(&f.domain, "domain", "", "the `DOMAIN` to bind the numbers to")
	if err := cmd.MarkFlagRequired("number"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// write makes the key and the certificate and writes both files.
func (f *newFlags) write(cmd *cobra.Command, t stircert.Template) error {
	keyPath, certPath := f.out+".key", f.out+".pem"
	for _, path := range []string{keyPath, certPath} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return usage(fmt.Errorf("%s: %w", path, errExists), "choose another name for --out, or move the file away")
		}
	}
	if f.days < 1 {
		return usage(errors.New("--days must be at least 1"), "")
	}
	list, err := f.list()
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	t.Key, t.TNs, t.Organization = &key.PublicKey, list, f.organization
	t.NotBefore = time.Now().Add(-time.Minute).Truncate(time.Second)
	t.NotAfter = t.NotBefore.AddDate(0, 0, f.days)
	chain, err := f.issue(key, t)
	if err != nil {
		return usage(err, "see 'countersign cert new --help'")
	}
	if err := writeKey(keyPath, key); err != nil {
		return err
	}
	if err := writeNew(certPath, stircert.EncodePEM(chain...), 0o644); err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), map[string]string{"key": keyPath, "chain": certPath})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", keyPath, certPath)
	return err
}

// issue returns the new certificate with those above it, an anchor left out.
func (f *newFlags) issue(key *ecdsa.PrivateKey, t stircert.Template) ([]*x509.Certificate, error) {
	if t.Role == stircert.RoleAnchor {
		der, err := stircert.NewAnchor(key, t)
		if err != nil {
			return nil, err
		}
		anchor, err := x509.ParseCertificate(der)
		return []*x509.Certificate{anchor}, err
	}
	parentKey, err := credential.ReadKey(f.parent + ".key")
	if err != nil {
		return nil, err
	}
	above, err := credential.ReadChain(f.parent + ".pem")
	if err != nil {
		return nil, err
	}
	der, err := stircert.Issue(above[0], parentKey, t)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate just made: %w", err)
	}
	chain := []*x509.Certificate{leaf}
	for _, c := range above {
		if stircert.RoleOf(c) != stircert.RoleAnchor {
			chain = append(chain, c)
		}
	}
	return chain, nil
}

func (f *newFlags) list() (stircert.TNAuthList, error) {
	list := stircert.TNAuthList{SPCs: f.spcs}
	for _, text := range f.numbers {
		first, count, ranged := strings.Cut(strings.TrimPrefix(text, "+"), "+")
		n, err := tn.Parse(first)
		if err != nil {
			return list, usage(fmt.Errorf("--number %q is not a telephone number", text), "write it like +12025550100, or +12025550100+100 for a range")
		}
		if !ranged {
			list.Numbers = append(list.Numbers, n)
			continue
		}
		many, err := strconv.ParseUint(count, 10, 64)
		r := tn.Range{Start: n, Count: many}
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			return list, usage(fmt.Errorf("--number %q: %w", text, err), "write a range like +12025550100+100")
		}
		list.Ranges = append(list.Ranges, r)
	}
	return list, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key: %w", err)
	}
	return writeNew(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return usage(err, "check the folder given with --out")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return usage(err, "check the folder given with --out")
	}
	if _, err = f.Write(data); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}

// errExists is what stands in the way of writing a file.
var errExists = errors.New("it exists already, and nothing is overwritten")
