package main

import (
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"countersign.example/internal/lab"
)

// devFlags are the flags of the dev command.
type devFlags struct {
	once, keep, asJSON, verbose bool
	data, listen                string
}

func newDevCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Watch calls being judged in a small telephone network on this machine",
		Long: `Dev starts a small telephone network in this process, on loopback: a carrier that
signs, a certificate repository, a phone that rings, and Countersign between them. It
places six calls, true ones and false ones, and says of each what it was found to be,
why, and what was done. Then it stays up for a softphone or SIPp of your own.

Exit status: 0, or 1 if a call did not become what it should.`,
		Example: `  countersign dev
  countersign dev --once
  countersign dev --listen 127.0.0.1:5060 --data ./calls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.once, "once", false, "end after the six calls")
	flags.StringVar(&f.listen, "listen", "", "the `ADDRESS` of the gateway (default: a free port on 127.0.0.1)")
	flags.StringVar(&f.data, "data", "", "the `FOLDER` for the records (default: a temporary one)")
	flags.BoolVar(&f.keep, "keep", false, "keep the temporary folder")
	flags.BoolVar(&f.verbose, "verbose", false, "print what the server logs too, to standard error")
	flags.BoolVar(&f.asJSON, "json", false, "print each call as a line of JSON")
	return cmd
}

func (f *devFlags) run(cmd *cobra.Command) error {
	c := lab.Config{
		Out: cmd.OutOrStdout(), Data: f.data, Keep: f.keep, Once: f.once, Listen: f.listen, JSON: f.asJSON,
	}
	if out, ok := c.Out.(*os.File); ok {
		c.Color = isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if f.verbose {
		c.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	}
	l, err := lab.New(c)
	switch {
	case errors.Is(err, lab.ErrInUse):
		return usage(err, "give another address with --listen, or leave it out to get a free port")
	case errors.Is(err, lab.ErrNotLoopback):
		return usage(err, "dev stays on this machine: write it like 127.0.0.1:5060")
	case err != nil:
		return usage(err, "")
	}
	ok, err := l.Run(cmd.Context())
	switch {
	case err != nil:
		return &exitError{statusInvalid, err, ""}
	case !ok:
		return invalid("")
	}
	return nil
}
