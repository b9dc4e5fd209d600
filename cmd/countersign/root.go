package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// run carries out one command line and returns the exit status.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return statusValid
	}
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		// What cobra finds is about the command line.
		e = usage(err, "see 'countersign --help'")
	}
	if e.err != nil {
		fmt.Fprintf(errs, "countersign: error: %v\n", e.err)
	}
	if e.hint != "" {
		fmt.Fprintf(errs, "countersign: hint: %s\n", e.hint)
	}
	return e.status
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "countersign",
		Short: "Know who is really calling, and prove it afterwards",
		Long: `Countersign answers the phone's oldest question: who is really calling?

It signs, verifies and explains caller identity: PASSporTs, Identity header fields
and the certificates behind them (STIR/SHAKEN). 'countersign dev' shows calls being
judged in a small telephone network on this machine.

Exit status: 0 valid, 1 not valid or could not be checked, 2 unusable command line.`,
		Example: `  countersign dev
  countersign inspect 'eyJhbGciOiJFUzI1NiIs…'
  countersign verify --anchors anchors.pem --orig +12025550100 --dest +12025550199 'eyJhbG…;info=<https://…>;ppt=shaken'`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newDevCommand(), newInspectCommand(), newVerifyCommand(), newSignCommand(), newCertCommand(),
		newPolicyCommand(), newRecordsCommand())
	return root
}
