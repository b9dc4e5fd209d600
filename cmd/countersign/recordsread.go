package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"countersign.example/internal/call"
	"countersign.example/internal/export"
	"countersign.example/internal/store"
	"countersign.example/passport"
	"countersign.example/tn"
)

func newRecordsListCommand(f *recordsFlags) *cobra.Command {
	var which filterFlags
	var limit int
	var before string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List calls, the newest first",
		Long: `List prints a line for each call, the newest first. Numbers are masked; 'records show'
and 'records export' give them whole, and so does --json, which prints the records.`,
		Example: `  countersign records list --number +12025550100
  countersign records list --standing refuted --standing unverified --office president.example
  countersign records list --limit 20 --before 01KA0F7Q6Z8N4T5W2V00000001`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := which.filter()
			if err != nil {
				return err
			}
			if limit < 1 || limit > store.MaxLimit {
				return usage(fmt.Errorf("--limit %d is not between 1 and %d", limit, store.MaxLimit), "use 'countersign records export' for more")
			}
			filter.Limit, filter.Before = limit, before
			return f.read(cmd.Context(), func(s *store.Store) error {
				recs, err := s.Calls(cmd.Context(), filter)
				if err != nil {
					return err
				}
				if asJSON {
					return writeAll(cmd.OutOrStdout(), export.JSONLines, recs)
				}
				return listCalls(cmd.OutOrStdout(), recs)
			})
		},
	}
	which.register(cmd)
	cmd.Flags().IntVar(&limit, "limit", store.DefaultLimit, "how many calls at most")
	cmd.Flags().StringVar(&before, "before", "", "only calls older than the one with this `ID`, for the next page")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the records as JSON, one a line")
	return cmd
}

func writeAll(out io.Writer, f export.Format, recs []call.Record) error {
	w, err := export.New(f, out, "")
	for i := 0; i < len(recs) && err == nil; i++ {
		err = w.Write(recs[i])
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func listCalls(out io.Writer, recs []call.Record) error {
	w := bufio.NewWriter(out)
	for _, rec := range recs {
		judged := rec.Verdict.Standing.String()
		if rec.Call.Direction == call.Outbound {
			judged = "left"
		}
		fmt.Fprintf(w, "%s  %s  %-15s  %-9s  %s -> %s\n", rec.Call.ArrivedAt.UTC().Format(time.RFC3339), rec.Call.ID,
			judged, outcome(&rec), masked(rec.Call.Calling), masked(rec.Call.Called))
	}
	if len(recs) == 0 {
		fmt.Fprintln(w, "no calls")
	}
	return w.Flush()
}

// outcome is what became of a call: what was done with it, unless nothing was.
func outcome(rec *call.Record) string {
	if rec.State == call.Settled {
		return string(rec.Action.Kind)
	}
	return string(rec.State)
}

// masked is a party as it may be read by whoever looks over one's shoulder.
func masked(p passport.Party) string {
	switch {
	case p.TN != "":
		return p.TN.Masked()
	case p.URI != "":
		return printable(tn.MaskIn(p.URI))
	}
	return "nobody"
}

func newRecordsShowCommand(f *recordsFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show [flags] ID",
		Short:   "Show one call, with its evidence and what was done",
		Example: `  countersign records show 01KA0F7Q6Z8N4T5W2V00000001`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.read(cmd.Context(), func(s *store.Store) error {
				rec, err := s.Call(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), rec)
				}
				_, err = io.WriteString(cmd.OutOrStdout(), recordPage(&rec))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the record as JSON")
	return cmd
}

// recordPage is a record for a person to read.
func recordPage(rec *call.Record) string {
	var b strings.Builder
	line := func(name, format string, a ...any) {
		if text := fmt.Sprintf(format, a...); text != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name, printable(text))
		}
	}
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			line(name, "%s", t.UTC().Format(time.RFC3339Nano))
		}
	}
	c := &rec.Call
	line("call", "%s, %s by %s", c.ID, c.Direction, c.Channel)
	line("state", "%s", rec.State)
	at("arrived", c.ArrivedAt)
	at("decided", rec.SettledAt)
	at("answered", rec.Timings.Answered)
	at("ended", rec.Timings.Ended)
	line("calling", "%s", whole(c.Calling))
	line("called", "%s", whole(c.Called))
	if c.DisplayName != "" {
		line("name shown", "%q", c.DisplayName)
	}
	if !c.Office.IsZero() {
		line("office", "%s (%s), known as %s", c.Office.Name, c.Office.Domain, c.Office.Level)
	}
	if c.Direction != call.Outbound {
		line("verdict", "%s%s%s", rec.Verdict.Standing, mark(rec.Verdict.Conflict, ", in conflict"),
			mark(rec.Verdict.Incomplete, ", a check could not be made"))
	}
	for _, e := range rec.Evidence {
		line("evidence", "%s: %s (%s) from %s%s", e.Kind, e.Reason, e.Result(), e.Source, mark(e.Detail != "", ": "+e.Detail))
	}
	line("action", "%s%s%s", rec.Action.Kind, mark(rec.Action.Status != 0, fmt.Sprintf(" %d %s", rec.Action.Status, rec.Action.Phrase)),
		mark(rec.Action.Rule != "", ", by the rule: "+rec.Action.Rule))
	if c.Direction == call.Outbound {
		line("attested", "%s%s", rec.Assertion.Attest, mark(rec.Assertion.Attest == "", "nothing: "+rec.Assertion.Why))
	}
	for _, a := range rec.Acts {
		line("act", "%s: %s, %s", a.Who, a.What, a.At.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// printable keeps what strangers wrote from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func mark(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func whole(p passport.Party) string {
	switch {
	case p.TN != "":
		return "+" + string(p.TN)
	case p.URI != "":
		return p.URI
	}
	return "nobody"
}

func newRecordsExportCommand(f *recordsFlags) *cobra.Command {
	var which filterFlags
	var format, domain string
	cmd := &cobra.Command{
		Use:   "export [flags]",
		Short: "Write calls as CSV, JSON lines or vCons",
		Long: `Export writes all calls that are wanted to standard output, the newest first: as csv for
a spreadsheet, as jsonl, which 'countersign policy test --calls' reads, or as vcon, one
vCon a line (draft-ietf-vcon-vcon-core). Numbers stand in it whole.`,
		Example: `  countersign records export --format csv --from 2026-11-01T00:00:00Z > calls.csv
  countersign records export --format vcon --domain artist.example > calls.vcon`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := which.filter()
			switch {
			case err != nil:
				return err
			case !export.Known(export.Format(format)):
				return usage(fmt.Errorf("there is no format %q", format), "the formats are csv, jsonl and vcon")
			case export.Format(format) == export.VCon && domain == "":
				return usage(errors.New("a vCon is named after the office that makes it"), "give its domain with --domain")
			}
			return f.read(cmd.Context(), func(s *store.Store) error {
				out := bufio.NewWriter(cmd.OutOrStdout())
				w, err := export.New(export.Format(format), out, domain)
				if err != nil {
					return err
				}
				for rec, err := range s.All(cmd.Context(), filter) {
					if err == nil {
						err = w.Write(rec)
					}
					if err != nil {
						return errors.Join(err, out.Flush())
					}
				}
				return errors.Join(w.Close(), out.Flush())
			})
		},
	}
	which.register(cmd)
	cmd.Flags().StringVar(&format, "format", string(export.JSONLines), "the `FORMAT`: csv, jsonl or vcon")
	cmd.Flags().StringVar(&domain, "domain", "", "the `DOMAIN` of the office, which vCons are named after")
	return cmd
}
