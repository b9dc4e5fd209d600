package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/credential"
	"countersign.example/internal/explain"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// signFlags are the flags of the sign command.
type signFlags struct {
	key, x5u    string
	attest, ppt string
	orig        string
	dest        []string
	origid      string
	iat         int64
	claims      string
	asJSON      bool
}

func newSignCommand() *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign --key FILE --x5u URL (--attest A|B|C | --ppt NAME) --orig TN --dest TN",
		Short: "Make an Identity header field value",
		Long: `Sign makes a PASSporT and prints the value of the Identity header field that carries
it. Before printing it is verified with our own verifier.

With --attest it is a shaken PASSporT (RFC 8588); with --ppt one of another type, whose
own claims are given as a JSON object in the file named with --claims.`,
		Example: `  countersign sign --key key.pem --x5u https://cert.example.org/chain.pem --attest A \
      --orig +12025550100 --dest +12025550199
  countersign sign --key key.pem --x5u https://cert.example.org/chain.pem --ppt div \
      --orig +12025550100 --dest +12025550177 --claims div.json
  echo '{"rcd":{"nam":"The Press Office"}}' | countersign sign --claims - --ppt rcd …`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "the private key, a `FILE` in PEM")
	flags.StringVar(&f.x5u, "x5u", "", "the `URL` where the certificate chain is fetched")
	flags.StringVar(&f.attest, "attest", "", "the attestation, `A`, B or C")
	flags.StringVar(&f.ppt, "ppt", "", "the type of PASSporT in place of shaken: div, div-o, rcd, rph, msg, rsp, or \"\" with --attest left out")
	flags.StringVar(&f.orig, "orig", "", "the calling `NUMBER` or SIP URI")
	flags.StringArrayVar(&f.dest, "dest", nil, "the called `NUMBER` or SIP URI (may be repeated)")
	flags.StringVar(&f.origid, "origid", "", "the origination identifier, a `UUID` (default: a random one)")
	flags.Int64Var(&f.iat, "iat", 0, "the time of signing, in `SECONDS` since 1970 (default: now)")
	flags.StringVar(&f.claims, "claims", "", "further claims, a `FILE` with a JSON object, - for standard input")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	for _, name := range []string{"key", "x5u", "orig", "dest"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	cmd.MarkFlagsMutuallyExclusive("attest", "ppt")
	cmd.MarkFlagsOneRequired("attest", "ppt")
	return cmd
}

func (f *signFlags) run(cmd *cobra.Command) error {
	key, err := credential.ReadKey(f.key)
	if err != nil {
		return usage(err, "")
	}
	header, claims, err := f.build(cmd)
	if err != nil {
		return err
	}
	text, err := passport.Sign(key, header, claims)
	if err != nil {
		return usage(fmt.Errorf("nothing was signed: %w", err), claimHint(err))
	}
	value := sipidentity.Header{Passport: text, Info: f.x5u, Alg: "ES256", Ppt: header.Ppt}.String()
	if err := selfCheck(cmd.Context(), value, key); err != nil {
		return err
	}
	if f.asJSON {
		token, err := passport.Parse(text)
		if err != nil {
			return err
		}
		return writeJSON(cmd.OutOrStdout(), map[string]any{
			"identity": value, "passport": text,
			"header": json.RawMessage(token.HeaderJSON()), "claims": json.RawMessage(token.ClaimsJSON()),
		})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), value)
	return err
}

func claimHint(err error) string {
	f, ok := errors.AsType[*passport.Finding](err)
	switch {
	case ok && f.Code == passport.ClaimMissing:
		return "give the claim " + f.Claim + " with --claims FILE"
	case ok && f.Code == passport.AttestWrong:
		return "the attestation is A, B or C, in upper case"
	}
	return ""
}

func (f *signFlags) build(cmd *cobra.Command) (passport.Header, passport.Claims, error) {
	h := passport.Header{X5U: f.x5u, Ppt: f.ppt}
	c, err := f.moreClaims(cmd)
	if err != nil {
		return h, c, err
	}
	if !strings.Contains(f.x5u, "://") {
		return h, c, usage(fmt.Errorf("--x5u %q is not a URL", f.x5u), "give the https URL where the certificate chain is fetched")
	}
	c.IssuedAt = cmp.Or(f.iat, c.IssuedAt, time.Now().Unix())
	c.Dest = passport.Parties{}
	if c.Orig, err = party("--orig", f.orig); err != nil {
		return h, c, err
	}
	for _, text := range f.dest {
		p, err := party("--dest", text)
		if err != nil {
			return h, c, err
		}
		if p.TN != "" {
			c.Dest.TN = append(c.Dest.TN, p.TN)
		} else {
			c.Dest.URI = append(c.Dest.URI, p.URI)
		}
	}
	if f.attest != "" {
		h.Ppt = passport.Shaken
		c.Attest, c.Origid = passport.Attestation(f.attest), cmp.Or(f.origid, c.Origid, randomUUID())
	}
	if !passport.Known(h.Ppt) {
		return h, c, usage(fmt.Errorf("PASSporTs of type %q are not known here", h.Ppt), "the types are shaken (--attest), div, div-o, rcd, rph, msg and rsp")
	}
	return h, c, nil
}

// moreClaims reads the further claims: those of the type, and any others.
func (f *signFlags) moreClaims(cmd *cobra.Command) (passport.Claims, error) {
	if f.claims == "" {
		return passport.Claims{}, nil
	}
	text, err := readInput(cmd, []string{f.claims})
	if err != nil {
		return passport.Claims{}, err
	}
	claims, err := passport.ReadClaims(text)
	if err != nil {
		return claims, usage(fmt.Errorf("%s: %w", f.claims, err), `write the claims as one JSON object, like {"div":{"tn":"12025550199"}}`)
	}
	return claims, nil
}

// selfCheck verifies what was signed with our own verifier, as at its own time.
func selfCheck(ctx context.Context, value string, key *ecdsa.PrivateKey) error {
	h, err := sipidentity.Parse(value)
	if err != nil {
		return usage(fmt.Errorf("nothing was signed: %w", err), "check --x5u")
	}
	token, err := passport.Parse(h.Passport)
	if err != nil {
		return usage(fmt.Errorf("nothing was signed: %w", err), claimHint(err))
	}
	service := verification.Service{Key: &key.PublicKey}
	facts := verification.Facts{Response: token.Header.Ppt == passport.Rsp}
	r, err := service.VerifyAt(ctx, []string{value}, facts, token.IssuedAt(), nil)
	if err != nil {
		return err
	}
	for i := range r.Fields {
		f := r.Decisive(&r.Fields[i])
		// A diversion alone can not be complete: what it diverts is not here.
		if f != nil && f.Code != passport.DivIncomplete {
			return usage(fmt.Errorf("what was signed does not verify: %s", explain.Conclusion(r)), "")
		}
	}
	return nil
}

// randomUUID returns a random UUID (RFC 9562 version 4).
func randomUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
