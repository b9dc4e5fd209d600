package verification_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/rcd"
	"countersign.example/sipidentity"
	"countersign.example/tn"
	"countersign.example/verification"
)

// minted is a row of the conformance checklist as the tables of these tests have it.
// Its file, in testdata/rows, is written of it and is what is tested.
type minted struct {
	// name begins with the number of the row.
	name, rfc, comment string
	// given are the headers that describe the call, and want those that say what must
	// come of it, one a line.
	given, want string
	// fields are the Identity header field values, as text or as something to be minted.
	fields []any
}

func (m minted) file() string { return filepath.Join("testdata", "rows", m.name+".txt") }

func (m minted) text() string {
	var b strings.Builder
	number, _, _ := strings.Cut(m.name, "-")
	fmt.Fprintf(&b, "row: %s\nrfc: %s\ncomment: %s\n", strings.TrimLeft(number, "0"), m.rfc, m.comment)
	b.WriteString(strings.Trim(m.given, "\n") + "\n" + strings.Trim(m.want, "\n") + "\n\n")
	for _, f := range m.fields {
		fmt.Fprintf(&b, "%s\n", strings.ReplaceAll(fmt.Sprint(f), "\r\n", "\n"))
	}
	return b.String()
}

// tables are all the rows.
func tables() []minted {
	return slices.Concat(formRows, signatureRows, fieldRows, serviceRows, certificateRows, shakenRows, diversionRows, richRows, otherRows)
}

// several are the headers that may stand more than once.
var several = []string{"fingerprint", "resource-priority", "serve"}

var headerNames = append([]string{
	"row", "rfc", "comment",
	"key", "chain", "profile", "at", "orig", "dest", "to", "date", "callid", "seen-with", "display-name", "body", "response", "priority",
	"expect", "code", "status", "verstat", "bent", "noted", "finds", "fields", "domain", "shown", "dropped",
}, several...)

// row is a row as its file has it.
type row struct {
	header map[string][]string
	fields []string
}

func readRow(path string) (row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return row{}, err
	}
	r := row{header: map[string][]string{}}
	head, fields, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return r, errors.New("no blank line after the headers")
	}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok || !slices.Contains(headerNames, name):
			return r, fmt.Errorf("unknown header %q", line)
		case r.header[name] != nil && !slices.Contains(several, name):
			return r, fmt.Errorf("header %s is there twice", name)
		}
		r.header[name] = append(r.header[name], value)
	}
	for line := range strings.Lines(fields) {
		line = strings.TrimSuffix(line, "\n")
		if n := len(r.fields); n > 0 && strings.TrimLeft(line, " \t") != line {
			r.fields[n-1] += "\r\n" + line
			continue
		}
		r.fields = append(r.fields, line)
	}
	for _, name := range []string{"row", "rfc", "comment", "at", "expect", "verstat"} {
		if r.header[name] == nil {
			return r, fmt.Errorf("header %s is missing", name)
		}
	}
	return r, nil
}

func (r row) get(name string) string {
	if v := r.header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// list returns the words of a header, which are separated by commas, sorted.
func (r row) list(name string) []string {
	if r.get(name) == "" {
		return nil
	}
	words := strings.Split(r.get(name), ", ")
	slices.Sort(words)
	return words
}

func TestRowFilesAreFresh(t *testing.T) {
	known := map[string]bool{}
	for _, m := range tables() {
		if known[m.file()] {
			t.Errorf("two rows are called %s", m.name)
		}
		known[m.file()] = true
		if *update {
			if err := os.WriteFile(m.file(), []byte(m.text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(m.file())
		if err != nil {
			t.Error(err)
		} else if string(got) != m.text() {
			t.Errorf("%s is not what its table says; run the test with -update", m.file())
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "rows", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f] {
			t.Errorf("%s is of no table", f)
		}
	}
}

var issueOnce sync.Once

func TestRows(t *testing.T) {
	if *update {
		issueOnce.Do(func() { issueMissing(t) })
	}
	files, err := filepath.Glob(filepath.Join("testdata", "rows", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			r, err := readRow(f)
			if err != nil {
				t.Fatal(err)
			}
			r.judge(t)
		})
	}
}

// judge judges the fields of the row and compares the report.
func (r row) judge(t *testing.T) {
	t.Helper()
	facts, err := r.facts()
	if err != nil {
		t.Fatal(err)
	}
	profile := sipidentity.RFC8224()
	if name := r.get("profile"); name != "" {
		profile, _ = sipidentity.ProfileNamed(name)
	}
	at, err := time.Parse(time.RFC3339, r.get("at"))
	if err != nil {
		t.Fatal(err)
	}
	s := &verification.Service{Memory: new(verification.RecentMemory), Certificates: serving(r.list("chain")...)}
	if key := r.get("key"); key != "" {
		s.Key = publicKeyNamed(key)
	}
	if earlier := r.get("seen-with"); earlier != "" {
		before := facts
		before.CallID = earlier
		if _, err := s.VerifyAt(t.Context(), r.fields, before, at, profile); err != nil {
			t.Fatal(err)
		}
	}
	report, err := s.VerifyAt(t.Context(), r.fields, facts, at, profile)
	if err != nil {
		t.Fatal(err)
	}
	r.compare(t, report)
	if t.Failed() {
		for i := range report.Fields {
			t.Logf("field %d: %v %v", i+1, report.Fields[i].Result, report.Fields[i].Findings)
		}
	}
}

func (r row) compare(t *testing.T, report *verification.Report) {
	t.Helper()
	expect := func(name, got string) {
		t.Helper()
		if want := strings.Join(r.list(name), ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	status, phrase, finding := report.Response()
	code := ""
	if finding != nil {
		code = finding.Code.String()
	}
	expect("expect", report.Result.String())
	expect("code", code)
	expect("status", strings.TrimPrefix(fmt.Sprintf("%d %s", status, phrase), "0 "))
	expect("verstat", string(report.Verstat()))
	expect("bent", ofSeverity(report, sipidentity.Bent))
	expect("noted", ofSeverity(report, sipidentity.Noted))
	for _, f := range report.Bent() {
		if !slices.Contains(r.list("bent"), f.Code.String()) {
			t.Errorf("Bent names %v", f.Code)
		}
	}
	if report.Result == verification.Valid && len(report.Bent()) == 0 && r.get("bent") != "" {
		t.Error("Bent names nothing")
	}
	secretive(t, report)
	var results []string
	for i := range report.Fields {
		results = append(results, report.Fields[i].Result.String())
	}
	if want := r.get("fields"); want != "" && want != strings.Join(results, ", ") {
		t.Errorf("fields: %s, want %s", strings.Join(results, ", "), want)
	}
	for _, name := range r.list("finds") {
		if code, ok := passport.CodeNamed(name); !ok || !finds(report, code) {
			t.Errorf("nothing finds %s", name)
		}
	}
	domain, data := "", rcd.Data{}
	if f := report.BestField(); f != nil {
		domain = f.Domain()
	}
	for i := range report.Fields {
		if data.IsZero() {
			data = report.Fields[i].Rcd
		}
	}
	shown, dropped := r.show(t, data)
	expect("domain", domain)
	expect("shown", shown)
	expect("dropped", dropped)
}

// secretive checks that a report can be kept: it holds no whole number and no signature.
func secretive(t *testing.T, report *verification.Report) {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Result string
		Fields []struct {
			Steps []struct{ Name, State string }
		}
	}
	if err := json.Unmarshal(text, &back); err != nil || back.Result != report.Result.String() || len(back.Fields) != len(report.Fields) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	for i, f := range back.Fields {
		if len(f.Steps) != passport.Steps {
			t.Errorf("field %d has %d steps", i, len(f.Steps))
		}
		if token := report.Fields[i].Token; token != nil && strings.Contains(string(text), token.Compact()[2:]) {
			t.Errorf("the signature of field %d is in %s", i, text)
		}
	}
	for _, n := range []tn.Number{caller, called, third} {
		if strings.Contains(string(text), string(n)) {
			t.Errorf("a whole number is in %s", text)
		}
	}
}

// finds reports whether a finding was made about any field, or about the call.
func finds(report *verification.Report, code passport.Code) bool {
	for i := range report.Fields {
		if report.Fields[i].Has(code) {
			return true
		}
	}
	return slices.ContainsFunc(report.Findings, func(f passport.Finding) bool { return f.Code == code })
}

// ofSeverity names the codes of all fields that have a severity.
func ofSeverity(report *verification.Report, s sipidentity.Severity) string {
	var names []string
	for i := range report.Fields {
		for _, f := range report.Fields[i].Findings {
			if report.Profile.Rule(f.Code).Severity == s {
				names = append(names, f.Code.String())
			}
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// facts is the call that the row tells of.
func (r row) facts() (verification.Facts, error) {
	facts := verification.Facts{
		CallID: r.get("callid"), DisplayName: r.get("display-name"), Response: r.get("response") == "yes",
		ResourcePriority: r.header["resource-priority"], Priority: r.get("priority"),
		Fingerprints: r.header["fingerprint"],
	}
	if r.get("fingerprint") == "none" {
		facts.Fingerprints = []string{}
	}
	if body, ok := r.header["body"]; ok {
		facts.Body = []byte(body[0])
	}
	for name, party := range map[string]*passport.Party{"orig": &facts.Calling, "dest": &facts.Called, "to": &facts.To} {
		if r.get(name) == "" {
			continue
		}
		var err error
		if *party, err = sipidentity.PartyOf(r.get(name)); err != nil {
			return facts, fmt.Errorf("header %s: %w", name, err)
		}
	}
	if date := r.get("date"); date != "" {
		var err error
		if facts.Date, err = mail.ParseDate(date); err != nil {
			return facts, err
		}
	}
	return facts, nil
}

// show says what of the rich call data may be shown, and which items may not.
func (r row) show(t *testing.T, data rcd.Data) (shown, dropped string) {
	t.Helper()
	bodies := map[string][]byte{}
	for _, line := range r.header["serve"] {
		url, encoded, _ := strings.Cut(line, " ")
		body, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		bodies[url] = body
	}
	got, findings := data.Check(t.Context(), func(_ context.Context, uri string) ([]byte, error) {
		if body, ok := bodies[uri]; ok {
			return body, nil
		}
		return nil, errors.New("unexpected status: 404")
	})
	var is, not []string
	for name, there := range map[string]bool{
		"icon": got.Icon != nil, "name": got.Name != "", "reason": got.Reason != "", "third-party": got.ThirdParty != "",
	} {
		if there {
			is = append(is, name)
		}
	}
	for _, f := range findings {
		not = append(not, f.Claim)
	}
	slices.Sort(is)
	slices.Sort(not)
	return strings.Join(is, ", "), strings.Join(not, ", ")
}
