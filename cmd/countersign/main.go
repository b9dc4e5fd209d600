// Command countersign proves who is on the phone: it signs, verifies and explains
// caller identity (STIR/SHAKEN), and runs a small telephone network to try it on.
//
// Run it without arguments for the list of commands, and any command with --help for
// examples. Its exit status is 0 for valid, 1 for not valid, 2 for a command line that
// can not be used.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is stamped by the build.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
