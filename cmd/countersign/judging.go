package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/trust"
	"countersign.example/sipidentity"
)

// addTrustFlags adds the flags that name whom a command is to believe.
func addTrustFlags(cmd *cobra.Command, files *trust.Files) {
	flags := cmd.Flags()
	flags.StringArrayVar(&files.Anchors, "anchors", nil, "trust anchors, a `FILE` in PEM (may be repeated)")
	flags.StringArrayVar(&files.AnchorLists, "anchor-list", nil, "a signed list of trust anchors, as the STI-PA publishes it, a `FILE` (may be repeated)")
	flags.StringArrayVar(&files.ListSigners, "list-signer", nil, "certificates of who may sign that list, the signer's own among them, a `FILE` in PEM")
	flags.StringArrayVar(&files.CRLs, "crl", nil, "a revocation list, a `FILE` in DER or PEM (may be repeated)")
	flags.StringArrayVar(&files.CRLSigners, "crl-signer", nil, "certificates that sign revocation lists for others, a `FILE` in PEM")
	flags.StringArrayVar(&files.Logs, "ct-log", nil, "the public key of a certificate transparency log, a `FILE` in PEM (may be repeated)")
}

// judging is by which time and which reading of the standards a command judges.
type judging struct {
	at, profile string
}

func (j *judging) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&j.at, "at", "", "judge as at this `TIME` (RFC 3339), for instance 2026-01-02T15:04:05Z")
	flags.StringVar(&j.profile, "profile", sipidentity.NameRFC8224, "the reading of the standards: rfc8224, atis-1000074 or lenient")
}

// read returns what the flags name; the time is now if none was given.
func (j *judging) read() (*sipidentity.Profile, time.Time, error) {
	profile, ok := sipidentity.ProfileNamed(j.profile)
	if !ok {
		return nil, time.Time{}, usage(fmt.Errorf("there is no profile %q", j.profile), "the profiles are rfc8224, atis-1000074 and lenient")
	}
	if j.at == "" {
		return profile, time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, j.at)
	if err != nil {
		return nil, time.Time{}, usage(fmt.Errorf("--at %q is not a time", j.at), "write it like 2026-01-02T15:04:05Z")
	}
	return profile, at, nil
}
