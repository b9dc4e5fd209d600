package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/explain"
)

func newInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect [PASSPORT | HEADER | FILE]",
		Short: "Explain a PASSporT, an Identity header field or a certificate",
		Long: `Inspect says in plain words, field by field, what is written in a PASSporT, an
Identity header field or a certificate, and what is unusual about it. It works on
anything it can read and verifies nothing.

The input is an argument, a file, or standard input.`,
		Example: `  countersign inspect 'eyJhbGciOiJFUzI1NiIs….eyJhdHRlc3QiOiJBIi….BuOEj7jv…'
  countersign inspect 'Identity: eyJhbG…;info=<https://cert.example.org/passport.cer>;ppt=shaken'
  countersign inspect chain.pem
  countersign inspect --json < header.txt`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(cmd, args)
			if err != nil {
				return err
			}
			page, ok := explain.Inspect(text, time.Now())
			if !ok {
				return usage(errors.New("this is no PASSporT, no Identity header field and no certificate in PEM"),
					"a PASSporT is three parts of base64url with dots between them")
			}
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

// writeJSON prints v for machines, and for people who read JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}
