// Countersign-hsm signs for Countersign with keys in a PKCS #11 token: a hardware
// security module, a card, or SoftHSM.
//
//	countersign-hsm --module /usr/lib/softhsm/libsofthsm2.so --token carrier \
//	    --pin-file /etc/countersign/pin --key own --socket /run/countersign/hsm
//
// It is a program of its own, and a Go module of its own, because PKCS #11 libraries are C:
// they need cgo, are loaded into the process, and crash it if they crash. So the program
// that takes calls stays pure Go and static, and neither its build nor its list of
// libraries knows of any of this. The two speak over a unix socket, by the protocol of
// package remote (countersign.example/internal/credential/remote).
//
// Each --key is the label (CKA_LABEL) of a key pair on P-256, and the name by which it is
// asked for. The PIN is read from a file that nobody else may read. Who may reach the
// socket may sign: keep its mode and its folder tight.
//
// When the token fails, as after it was taken out or its connection was lost, it is
// opened anew, once a second at most, while requests come. TERM finishes the signatures
// in hand and stops.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"countersign.example/internal/credential/remote"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "countersign-hsm: error:", err)
		os.Exit(1)
	}
}

// options are the arguments.
type options struct {
	module, token, pinFile, socket string
	mode                           os.FileMode
	keys                           []string
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{mode: 0o600}
	flags := flag.NewFlagSet("countersign-hsm", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.module, "module", "", "the PKCS #11 library, a `FILE`")
	flags.StringVar(&o.token, "token", "", "the `LABEL` of the token")
	flags.StringVar(&o.pinFile, "pin-file", "", "a `FILE` with the user PIN, readable by its owner alone")
	flags.StringVar(&o.socket, "socket", "", "the `PATH` of the socket to listen at")
	flags.Func("key", "the `LABEL` of a key to sign with (may be repeated)", func(label string) error {
		o.keys = append(o.keys, label)
		return nil
	})
	flags.Func("mode", "the `MODE` of the socket, in octal (default 600)", func(s string) error {
		n, err := strconv.ParseUint(s, 8, 9)
		o.mode = os.FileMode(n)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.module == "" || o.token == "" || o.pinFile == "" || o.socket == "" || len(o.keys) == 0 || flags.NArg() > 0 {
		return o, errors.New("--module, --token, --pin-file, --socket and --key are all needed; see --help")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	pin, err := readPIN(o.pinFile)
	if err != nil {
		return err
	}
	t, err := newToken(func() (session, error) { return open(o.module, o.token, pin, o.keys) })
	if err != nil {
		return err
	}
	defer t.close()
	l, err := remote.Listen(o.socket, o.mode)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "countersign-hsm: signing with %d of the keys of token %q, at %s\n", len(o.keys), o.token, o.socket)
	return remote.Serve(ctx, l, t.keys())
}
