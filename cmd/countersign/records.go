package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/database"
	"countersign.example/tn"
)

// recordsFile is the file of records in a folder of data.
const recordsFile = "calls.db"

// recordsFlags say where the records are.
type recordsFlags struct {
	data, database string
}

func newRecordsCommand() *cobra.Command {
	var f recordsFlags
	cmd := &cobra.Command{
		Use:   "records",
		Short: "Search, export, prune and erase the records of calls",
		Long: `The records of calls are in a folder of data (--data), or wherever --database says: the
path of a file, or the URL of a PostgreSQL database. A password is best left out of the
URL and kept in the file that PGPASSFILE names.

List, show and export only read, also while a server runs. Erase, prune and migrate need
the records for themselves if they are in a file.`,
		Example: `  countersign records list --standing refuted --from 2026-11-01T00:00:00Z
  countersign records show 01KA0F7Q6Z8N4T5W2V00000001
  countersign records export --format csv > calls.csv
  countersign records erase +12025550100 --by 'data protection' --dry-run
  countersign records prune --days 90
  countersign records migrate --dry-run --database postgres://countersign@db.example/calls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.data, "data", "countersign-data", "the `FOLDER` of data")
	flags.StringVar(&f.database, "database", "", "where the records are instead: a `PLACE`, postgres://… or a file")
	cmd.MarkFlagsMutuallyExclusive("data", "database")
	cmd.AddCommand(newRecordsListCommand(&f), newRecordsShowCommand(&f), newRecordsExportCommand(&f),
		newRecordsEraseCommand(&f), newRecordsPruneCommand(&f), newRecordsMigrateCommand(&f))
	return cmd
}

// place returns where the records are.
func (f *recordsFlags) place() string {
	if f.database != "" {
		return f.database
	}
	return filepath.Join(f.data, recordsFile)
}

// read opens the records, hands them to do and closes them. Nothing is changed.
func (f *recordsFlags) read(ctx context.Context, do func(*store.Store) error) error {
	return with(ctx, f.place(), database.OpenReadOnly, do)
}

// change opens the records as their owner. Records that do not exist are not made.
func (f *recordsFlags) change(ctx context.Context, do func(*store.Store) error) error {
	if !strings.Contains(f.place(), "://") {
		if _, err := os.Stat(f.place()); err != nil {
			return recordsError(fmt.Errorf("opening the call records in %s: %w", f.place(), err))
		}
	}
	return with(ctx, f.place(), database.Open, do)
}

func with(ctx context.Context, place string, open func(context.Context, string) (*store.Store, error), do func(*store.Store) error) error {
	s, err := open(ctx, place)
	if err != nil {
		return recordsError(err)
	}
	err = do(s)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return recordsError(err)
}

// recordsError gives an error of the store its exit status and what to do about it.
func recordsError(err error) error {
	if _, ok := errors.AsType[*exitError](err); ok || err == nil {
		return err
	}
	hints := []struct {
		is   error
		hint string
	}{
		{store.ErrUnavailable, "check that the database runs, and may be reached from here"},
		{os.ErrNotExist, "name the folder with --data, or the place with --database"},
		{store.ErrInUse, "stop the server first; list, show and export work beside it"},
		{store.ErrOlder, "bring them up to date with 'countersign records migrate'"},
		{store.ErrNewer, "a newer version of this program has written them; use that"},
		{store.ErrNotFound, "find its ID with 'countersign records list'"},
		{store.ErrFull, "make room on the disk"},
		{store.ErrReadOnly, "check who owns the file, and that its disk may be written to"},
	}
	for _, h := range hints {
		if errors.Is(err, h.is) {
			return &exitError{statusInvalid, err, h.hint}
		}
	}
	return &exitError{statusInvalid, err, ""}
}

// filterFlags say which records are wanted.
type filterFlags struct {
	number, office, from, to string
	standings                []string
}

func (f *filterFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.number, "number", "", "only calls from or to this `NUMBER`")
	flags.StringVar(&f.office, "office", "", "only calls that seem to come from the office with this `DOMAIN`")
	flags.StringArrayVar(&f.standings, "standing", nil, "only calls with this `VERDICT`: refuted, unverified, 'partly verified', verified (may be repeated)")
	flags.StringVar(&f.from, "from", "", "only calls that arrived at this `TIME` (RFC 3339) or later")
	flags.StringVar(&f.to, "to", "", "only calls that arrived before this `TIME`")
}

func (f *filterFlags) filter() (store.Filter, error) {
	filter := store.Filter{Office: strings.ToLower(f.office)}
	var err error
	if filter.From, err = instant("--from", f.from); err != nil {
		return filter, err
	}
	if filter.To, err = instant("--to", f.to); err != nil {
		return filter, err
	}
	if f.number != "" {
		n, err := tn.Parse(f.number)
		if err != nil {
			return filter, usage(errors.New("--number is not a telephone number"), "write it like +12025550100")
		}
		filter.Number = string(n)
	}
	for _, word := range f.standings {
		var s call.Standing
		if err := s.UnmarshalText([]byte(word)); err != nil {
			return filter, usage(fmt.Errorf("there is no verdict %q", word), "the verdicts are refuted, unverified, 'partly verified' and verified")
		}
		filter.Standings = append(filter.Standings, s)
	}
	return filter, nil
}

func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usage(fmt.Errorf("%s %q is not a time", flag, text), "write it like 2026-01-02T15:04:05Z")
	}
	return at, nil
}

// recordsChange is what a command that deletes found, as JSON.
type recordsChange struct {
	Calls  int  `json:"calls"`
	Open   int  `json:"open"`
	DryRun bool `json:"dry_run"`
}

func (c recordsChange) print(cmd *cobra.Command, asJSON bool, did, would string) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), c)
	}
	verb := did
	if c.DryRun {
		verb = would
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d\n", verb, c.Calls); err != nil || c.Open == 0 {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "left, because they are open: %d; erase again when they are over\n", c.Open)
	return err
}

func newRecordsEraseCommand(f *recordsFlags) *cobra.Command {
	var by string
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "erase [flags] NUMBER --by WHO",
		Short: "Erase a person from every record, by number",
		Long: `Erase replaces every record that mentions the number, in whatever role, by one that
says when there was a call and what it came to, and nothing of whom. All records are
read for that, and the file may be written anew. It can not be undone: try it with
--dry-run first.

In a file, no byte contains the number afterwards. A PostgreSQL server may keep it in
files of its own until it reuses the space, and in its write-ahead log. A number in
national form inside a text is not recognised, and calls that are still open are left.
Backups, and what was exported before, are not reached.`,
		Example: `  countersign records erase +12025550100 --by 'data protection' --dry-run
  countersign records erase +12025550100 --by 'data protection'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := tn.Parse(args[0])
			if err != nil {
				return usage(errors.New("that is not a telephone number"), "write it like +12025550100")
			}
			if by == "" && !dryRun {
				return usage(errors.New("nobody is named who erases"), "say who with --by; it stays in the records")
			}
			return f.erase(cmd, n, by, dryRun, asJSON)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "`WHO` erases, which is kept")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be erased, and erase nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (f *recordsFlags) erase(cmd *cobra.Command, n tn.Number, by string, dryRun, asJSON bool) error {
	open := f.change
	if dryRun {
		open = f.read
	}
	return open(cmd.Context(), func(s *store.Store) error {
		var found store.Erasure
		var err error
		if dryRun {
			found, err = s.EraseDryRun(cmd.Context(), n)
		} else {
			found, err = s.Erase(cmd.Context(), n, call.Act{Who: by, What: "erased", At: time.Now()})
		}
		if err != nil {
			return err
		}
		return recordsChange{found.Calls, found.Open, dryRun}.print(cmd, asJSON, "erased", "would be erased")
	})
}

func newRecordsPruneCommand(f *recordsFlags) *cobra.Command {
	var days int
	var before string
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "prune [flags]",
		Short: "Delete records that are older than they need to be",
		Long: `Prune deletes all that is kept of calls before a time, except of those that are still
open. If it is interrupted, it goes on from there the next time.`,
		Example: `  countersign records prune --dry-run
  countersign records prune --before 2026-01-01T00:00:00Z`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limit, err := instant("--before", before)
			if err != nil {
				return err
			}
			if days < 1 {
				return usage(fmt.Errorf("--days %d is none", days), "give one day at least")
			}
			if before == "" {
				limit = time.Now().AddDate(0, 0, -days)
			}
			return f.prune(cmd, limit, dryRun, asJSON)
		},
	}
	cmd.Flags().IntVar(&days, "days", int(store.DefaultRetention/(24*time.Hour)), "keep the calls of so many days")
	cmd.Flags().StringVar(&before, "before", "", "delete calls that arrived before this `TIME` (RFC 3339) instead")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be deleted, and delete nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.MarkFlagsMutuallyExclusive("days", "before")
	return cmd
}

func (f *recordsFlags) prune(cmd *cobra.Command, before time.Time, dryRun, asJSON bool) error {
	open := f.change
	if dryRun {
		open = f.read
	}
	return open(cmd.Context(), func(s *store.Store) error {
		do := s.Prune
		if dryRun {
			do = s.PruneDryRun
		}
		n, err := do(cmd.Context(), before)
		if err != nil {
			return err
		}
		return recordsChange{Calls: n, DryRun: dryRun}.print(cmd, asJSON, "deleted", "would be deleted")
	})
}

// pendingMigration is a migration as JSON.
type pendingMigration struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	SQL     string `json:"sql"`
}

func newRecordsMigrateCommand(f *recordsFlags) *cobra.Command {
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "migrate [flags]",
		Short: "Bring the records up to date with this version, or show how",
		Long: `Migrate brings the tables up to date with this version of the program, which a server
does by itself when it starts. With --dry-run it shows the SQL, and changes nothing.`,
		Example: `  countersign records migrate --dry-run
  countersign records migrate --database postgres://countersign@db.example/calls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.migrate(cmd, dryRun, asJSON) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be run, and run nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (f *recordsFlags) migrate(cmd *cobra.Command, dryRun, asJSON bool) error {
	pending, err := database.Pending(cmd.Context(), f.place())
	if err == nil && !dryRun && len(pending) > 0 {
		err = with(cmd.Context(), f.place(), database.Open, func(*store.Store) error { return nil })
	}
	if err != nil {
		return recordsError(err)
	}
	out := cmd.OutOrStdout()
	if asJSON {
		list := slices.Collect(func(yield func(pendingMigration) bool) {
			for _, m := range pending {
				if !yield(pendingMigration(m)) {
					return
				}
			}
		})
		return writeJSON(out, struct {
			DryRun     bool               `json:"dry_run"`
			Migrations []pendingMigration `json:"migrations"`
		}{dryRun, append([]pendingMigration{}, list...)})
	}
	for _, m := range pending {
		fmt.Fprintf(out, "-- %d: %s\n", m.Version, m.Name)
		if dryRun {
			fmt.Fprintln(out, m.SQL)
		}
	}
	if len(pending) == 0 {
		fmt.Fprintln(out, "the records are up to date")
	}
	return nil
}
