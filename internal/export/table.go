package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign.example/internal/call"
	"countersign.example/passport"
)

// columns are the columns of CSV, and what stands in each.
var columns = []struct {
	name string
	of   func(*call.Record) string
}{
	{"id", func(r *call.Record) string { return r.Call.ID }},
	{"state", func(r *call.Record) string { return string(r.State) }},
	{"direction", func(r *call.Record) string { return string(r.Call.Direction) }},
	{"channel", func(r *call.Record) string { return string(r.Call.Channel) }},
	{"trunk", func(r *call.Record) string { return r.Call.Trunk }},
	{"arrived", func(r *call.Record) string { return moment(r.Call.ArrivedAt) }},
	{"decided", func(r *call.Record) string { return moment(r.SettledAt) }},
	{"answered", func(r *call.Record) string { return moment(r.Timings.Answered) }},
	{"ended", func(r *call.Record) string { return moment(r.Timings.Ended) }},
	{"calling", func(r *call.Record) string { return party(r.Call.Calling) }},
	{"called", func(r *call.Record) string { return party(r.Call.Called) }},
	{"display_name", func(r *call.Record) string { return r.Call.DisplayName }},
	{"office", func(r *call.Record) string { return r.Call.Office.Domain }},
	{"standing", standing},
	{"conflict", func(r *call.Record) string { return yes(r.Verdict.Conflict) }},
	{"incomplete", func(r *call.Record) string { return yes(r.Verdict.Incomplete) }},
	{"reasons", func(r *call.Record) string { return words(r.Verdict.Reasons) }},
	{"action", func(r *call.Record) string { return string(r.Action.Kind) }},
	{"status", func(r *call.Record) string { return number(r.Action.Status) }},
	{"rule", func(r *call.Record) string { return r.Action.Rule }},
	{"attestation", func(r *call.Record) string { return string(r.Assertion.Attest) }},
	{"acts", acts},
	{"call_id", func(r *call.Record) string { return r.Call.Signalling.CallID }},
}

// Columns returns the names of the columns of CSV, in order. New ones are added at the
// end.
func Columns() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func party(p passport.Party) string {
	if p.TN != "" {
		return "+" + string(p.TN)
	}
	return p.URI
}

// standing is empty for a call that left: it was not judged.
func standing(r *call.Record) string {
	if r.Call.Direction == call.Outbound {
		return ""
	}
	return r.Verdict.Standing.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func words[W ~string](list []W) string {
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = string(w)
	}
	return strings.Join(text, " ")
}

func acts(r *call.Record) string {
	text := make([]string, len(r.Acts))
	for i, a := range r.Acts {
		text[i] = moment(a.At) + " " + a.Who + ": " + a.What
	}
	return strings.Join(text, "; ")
}

// table writes CSV (RFC 4180).
type table struct {
	w      *csv.Writer
	headed bool
	cells  []string
}

func newCSV(w io.Writer) *table {
	t := &table{w: csv.NewWriter(w), cells: make([]string, len(columns))}
	t.w.UseCRLF = true
	return t
}

func (t *table) Write(rec call.Record) error {
	if err := t.head(); err != nil {
		return err
	}
	for i, c := range columns {
		t.cells[i] = harmless(c.of(&rec))
	}
	return t.flush(t.w.Write(t.cells))
}

// Close writes the names of the columns, if there was no record.
func (t *table) Close() error { return t.flush(t.head()) }

func (t *table) head() error {
	if t.headed {
		return nil
	}
	t.headed = true
	return t.w.Write(Columns())
}

func (t *table) flush(err error) error {
	t.w.Flush()
	if err != nil {
		return err
	}
	return t.w.Error()
}

// harmless keeps a spreadsheet from taking what a stranger wrote for a formula: it is
// set apart with an apostrophe. A plus sign and digits alone are left, for they are numbers.
func harmless(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r == 0 {
			return '\ufffd'
		}
		return r
	}, cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) && !isNumber(cell) {
		return "'" + cell
	}
	return cell
}

// isNumber reports whether the cell is a plus sign and digits alone, which no formula is.
func isNumber(cell string) bool {
	digits, ok := strings.CutPrefix(cell, "+")
	return ok && digits != "" && !slices.ContainsFunc([]byte(digits), func(c byte) bool { return c < '0' || c > '9' })
}

// lines writes JSON lines.
type lines struct{ w io.Writer }

func newLines(w io.Writer) *lines { return &lines{w} }

func (l *lines) Write(rec call.Record) error { return writeLine(l.w, rec) }

// Close does nothing.
func (l *lines) Close() error { return nil }

func writeLine(w io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
