package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxInput is how much of a file or of standard input is read, in bytes.
const maxInput = 1 << 20

// readInput returns what a command is to work on: the argument itself, the content of
// the file it names, or standard input if there is no argument or it is "-".
func readInput(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 0 || args[0] == "-" {
		if f, ok := cmd.InOrStdin().(*os.File); ok && len(args) == 0 && isTerminal(f) {
			return "", usage(errors.New("nothing to work on"), "give it as an argument, name a file, or pipe it in; see 'countersign "+cmd.Name()+" --help'")
		}
		return readAll(cmd.InOrStdin(), "standard input")
	}
	arg := args[0]
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
		return readFile(arg)
	}
	if looksLikePath(arg) {
		return "", usage(fmt.Errorf("%s: there is no such file", arg), "check the path; a PASSporT has two dots and no slash")
	}
	return arg, nil
}

func looksLikePath(s string) bool {
	return strings.HasSuffix(s, ".pem") || strings.HasSuffix(s, ".txt") || strings.HasSuffix(s, ".crt") ||
		strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usage(fmt.Errorf("%s: %w", path, errors.Unwrap(err)), "check the path")
	}
	defer f.Close()
	return readAll(f, path)
}

func readAll(r io.Reader, name string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return "", usage(fmt.Errorf("reading %s: %w", name, err), "")
	case len(data) > maxInput:
		return "", usage(fmt.Errorf("%s is larger than %d KiB", name, maxInput>>10), "check that it is the right file")
	}
	return string(data), nil
}
