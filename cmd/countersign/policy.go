package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign.example/internal/call"
	"countersign.example/internal/policy"
	"countersign.example/internal/verdict"
)

func newPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check a file of rules, and see what it would change",
		Long: `A policy is a file of rules: what is done with a call, what is asked first, and what
is signed about a call that leaves. docs/policy.md explains every key.`,
		Example: `  countersign policy show > policy.toml
  countersign policy check policy.toml
  countersign policy test policy.toml --calls calls.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyShowCommand(), newPolicyCheckCommand(), newPolicyTestCommand())
	return cmd
}

func newPolicyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Print the rules that every office begins with",
		Example: `  countersign policy show > policy.toml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(policy.DefaultFile())
			return err
		},
	}
}

func newPolicyCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [flags] FILE",
		Short: "Check a file of rules, and say what is wrong or suspicious in it",
		Long: `Check reads a file of rules as the server does, and prints everything that is wrong,
with its line, and everything that is suspicious, such as a rule that would reject a
call merely because it is unsigned.

Exit status: 0 if the file can be used, 1 if not, 2 for an unusable command line.`,
		Example: `  countersign policy check policy.toml`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return checkPolicy(cmd, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// policyCheck is the result of a check as JSON.
type policyCheck struct {
	Valid    bool     `json:"valid"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

func checkPolicy(cmd *cobra.Command, path string, asJSON bool) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	p, err := policy.Parse([]byte(text))
	result := policyCheck{Valid: err == nil, Errors: []string{}, Warnings: []string{}}
	for _, e := range joined(err) {
		result.Errors = append(result.Errors, e.Error())
	}
	if p != nil {
		for _, w := range p.Warnings() {
			result.Warnings = append(result.Warnings, w.String())
		}
	}
	if err = result.print(cmd.OutOrStdout(), path, asJSON); err == nil && !result.Valid {
		return invalid("")
	}
	return err
}

func (r *policyCheck) print(out io.Writer, path string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	var b strings.Builder
	for _, e := range r.Errors {
		fmt.Fprintf(&b, "%s: error: %s\n", path, e)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "%s: warning: %s\n", path, w)
	}
	if r.Valid {
		fmt.Fprintf(&b, "%s: it can be used\n", path)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// joined returns the errors that err joins.
func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// policyTestFlags are the flags of the policy test command.
type policyTestFlags struct {
	calls                string
	failOnChange, asJSON bool
}

func newPolicyTestCommand() *cobra.Command {
	var f policyTestFlags
	cmd := &cobra.Command{
		Use:   "test [flags] FILE --calls CALLS",
		Short: "Replay recorded calls against a draft, and show what would change",
		Long: `Test gives the evidence of recorded calls to a draft of the rules and prints each call
that would have ended differently, and a summary. Nothing is asked, signed or kept.

The calls are records in JSON, one a line. What a draft would ask for and was not
asked then is shown, since nobody can know the answer. Calls that were never settled,
or that met an outage of ours, are not compared.

Exit status: 0, or 1 if something would change and --fail-on-change is given, or 2 for
a file or command line that can not be used.`,
		Example: `  countersign policy test policy.toml --calls calls.jsonl
  countersign policy test policy.toml --calls calls.jsonl --fail-on-change --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.calls, "calls", "", "the recorded calls, a `FILE` of JSON lines, or - for standard input")
	flags.BoolVar(&f.failOnChange, "fail-on-change", false, "exit with 1 if something would change")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON: a line for each call that would change, and one for the summary")
	_ = cmd.MarkFlagRequired("calls")
	return cmd
}

func (f *policyTestFlags) run(cmd *cobra.Command, path string) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	draft, err := policy.Parse([]byte(text))
	if err != nil {
		first := joined(err)[0]
		return usage(fmt.Errorf("%s: %w", path, first), "'countersign policy check "+path+"' lists everything that is wrong with it")
	}
	calls := cmd.InOrStdin()
	if f.calls != "-" {
		file, err := os.Open(f.calls)
		if err != nil {
			return usage(fmt.Errorf("%s: %w", f.calls, errors.Unwrap(err)), "check the path")
		}
		defer file.Close()
		calls = file
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	r := rehearsal{draft: draft, out: out, asJSON: f.asJSON, sum: policySummary{Outcomes: map[string]int{}, Failed: map[string]int{}}}
	draft.Fault = func(e *policy.RuleError) { r.sum.Failed[e.Rule]++ }
	if err := r.readAll(f.calls, calls); err != nil {
		return err
	}
	r.printSummary()
	if err := out.Flush(); err != nil {
		return err
	}
	if f.failOnChange && r.sum.Changed > 0 {
		return invalid("")
	}
	return nil
}

// rehearsal replays calls against a draft.
type rehearsal struct {
	draft  *policy.Policy
	out    *bufio.Writer
	asJSON bool
	sum    policySummary
}

// policySummary is what came of all calls.
type policySummary struct {
	Calls       int `json:"calls"`
	Changed     int `json:"changed"`
	NotCompared int `json:"not_compared"`
	// Outcomes counts the changes by what they are.
	Outcomes map[string]int `json:"outcomes"`
	// Failed counts by rule how often its condition could not be evaluated.
	Failed map[string]int `json:"failed_conditions"`
}

// maxRecord is the length of a line, in bytes.
const maxRecord = 4 << 20

// readAll replays every line. The name is that of the file.
func (r *rehearsal) readAll(name string, calls io.Reader) error {
	lines := bufio.NewScanner(calls)
	lines.Buffer(make([]byte, 64<<10), maxRecord)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		var rec call.Record
		err := json.Unmarshal([]byte(line), &rec)
		if err == nil && rec.Call.ID == "" {
			err = errors.New("it has no ID")
		}
		if err != nil {
			return usage(fmt.Errorf("%s: line %d is no record of a call: %w", name, n, err), "each line is one record in JSON, as the store keeps it")
		}
		if err := r.replay(&rec); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return usage(fmt.Errorf("reading %s: %w", name, err), "each line is one record in JSON")
	}
	return nil
}

// policyChange is one call that would have ended differently, as JSON.
type policyChange struct {
	Call    string      `json:"call"`
	At      string      `json:"at"`
	Calling string      `json:"calling"`
	Called  string      `json:"called"`
	Was     string      `json:"was"`
	WasRule string      `json:"was_rule"`
	Would   string      `json:"would"`
	Rule    string      `json:"would_rule"`
	Asks    []call.Kind `json:"asks,omitempty"`
	Spared  []call.Kind `json:"spared,omitempty"`
}

func (r *rehearsal) replay(rec *call.Record) error {
	r.sum.Calls++
	if !policy.Comparable(rec) {
		r.sum.NotCompared++
		return nil
	}
	outcome := r.draft.Replay(rec, verdict.Of)
	if !outcome.Changed {
		return nil
	}
	r.sum.Changed++
	c := policyChange{
		Call: rec.Call.ID, At: rec.Call.ArrivedAt.UTC().Format("2006-01-02 15:04:05"),
		Calling: cmp.Or(rec.Call.Calling.String(), "withheld"), Called: cmp.Or(rec.Call.Called.String(), "nobody"),
		Was: actionWords(rec.Action), WasRule: rec.Action.Rule, Would: outcomeWords(&outcome), Rule: outcome.Action.Rule,
		Asks: outcome.Asks, Spared: outcome.Spared,
	}
	if rec.Call.Direction == call.Outbound {
		c.Was, c.WasRule = assertionWords(rec.Assertion), ""
		c.Would, c.Rule = assertionWords(outcome.Assertion), ""
	}
	r.sum.Outcomes[c.Was+" -> "+c.Would]++
	if r.asJSON {
		return json.NewEncoder(r.out).Encode(c)
	}
	_, err := fmt.Fprintf(r.out, "%s  %s  %s calls %s\n    was    %s\n    would  %s\n",
		c.Call, c.At, c.Calling, c.Called, withRule(c.Was, c.WasRule), withRule(c.Would, c.Rule))
	return err
}

func withRule(what, rule string) string {
	if rule == "" {
		return what
	}
	return fmt.Sprintf("%s, by %q", what, rule)
}

// outcomeWords says what the draft would have done.
func outcomeWords(o *policy.Replay) string {
	switch {
	case len(o.Asks) > 0:
		asks := make([]string, len(o.Asks))
		for i, k := range o.Asks {
			asks[i] = string(k)
		}
		return cmp.Or(string(o.Action.Kind), "wait") + " and ask for " + strings.Join(asks, " and ")
	case o.Action.Kind == call.Hold:
		return fmt.Sprintf("hold for a person at most %v, then %s", o.Action.AtMost, actionWords(o.Fallback))
	}
	return actionWords(o.Action)
}

func actionWords(a call.Action) string {
	words := string(a.Kind)
	if a.Kind == call.Reject {
		words = fmt.Sprintf("%s %d %s", a.Kind, a.Status, a.Phrase)
	}
	if !a.Target.IsZero() {
		words += " to " + a.Target.String()
	}
	if a.Show != (call.Show{}) {
		words += fmt.Sprintf(", shown with %q %q", a.Show.Prefix, a.Show.AlertInfo)
		if a.Show.NoVerstat {
			words += " and no verstat"
		}
	}
	return words
}

func assertionWords(a call.Assertion) string {
	if a.Attest == "" {
		return "unsigned: " + a.Why
	}
	return "signed with attestation " + string(a.Attest)
}

func (r *rehearsal) printSummary() {
	if r.asJSON {
		json.NewEncoder(r.out).Encode(map[string]policySummary{"summary": r.sum})
		return
	}
	s := &r.sum
	if s.Changed > 0 {
		fmt.Fprintln(r.out)
	}
	fmt.Fprintf(r.out, "%d calls: %d would change, %d would not, %d not compared\n", s.Calls, s.Changed, s.Calls-s.Changed-s.NotCompared, s.NotCompared)
	for _, outcome := range slices.Sorted(maps.Keys(s.Outcomes)) {
		fmt.Fprintf(r.out, "%7d  %s\n", s.Outcomes[outcome], outcome)
	}
	for _, rule := range slices.Sorted(maps.Keys(s.Failed)) {
		fmt.Fprintf(r.out, "warning: the condition of %q could not be evaluated, %d times\n", rule, s.Failed[rule])
	}
}
