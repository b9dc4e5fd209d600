package export

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

var arrived = time.Date(2026, 11, 24, 15, 4, 5, 123456000, time.UTC)

const signed = "eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJBIn0.c2ln"

// inbound is a call that came in, was put through and is over.
func inbound() call.Record {
	rec := call.Record{State: call.Settled, SettledAt: arrived.Add(time.Second)}
	c := &rec.Call
	c.ID, c.Direction, c.Channel, c.ArrivedAt, c.Trunk = "01KAONE", call.Inbound, call.SIP, arrived, "carrier"
	c.Calling.TN, c.Called.URI, c.DisplayName = "12155550100", "sip:desk@artist.example", "=HYPERLINK(\"x\")"
	c.Office = call.Office{Domain: "president.example", Name: "The President's Office", Level: call.LevelVerified}
	c.Signalling.CallID, c.Signalling.To = "1@carrier.example", c.Called
	c.Signalling.Identity = []string{"..c2ln;ppt=div", signed + ";info=<https://cr.example/a.pem>;ppt=shaken"}
	rec.Evidence = []call.Evidence{
		{Kind: call.InBand, Reason: call.AttestedFull, Source: "SHAKEN 1234", At: arrived,
			Report: json.RawMessage(`{"result":"valid","best":1}`)},
		{Kind: call.Directory, Reason: call.OfficeNumber, Source: "directory", At: arrived},
	}
	rec.Verdict = call.Verdict{Standing: call.PartlyVerified, Reasons: []call.Reason{call.AttestedFull, call.OfficeNumber}}
	rec.Action = call.Action{Kind: call.Connect, Rule: "everything else connects"}
	rec.Timings = call.Timings{Answered: arrived.Add(3 * time.Second), Ended: arrived.Add(63500 * time.Millisecond)}
	rec.Acts = []call.Act{{Who: "Ms Example", What: "put through", At: arrived.Add(2 * time.Second)}}
	return rec
}

// others are calls that came to other ends.
func others() map[string]call.Record {
	rejected := inbound()
	rejected.Call.ID, rejected.Timings, rejected.Acts = "01KAREJECTED", call.Timings{}, nil
	rejected.Verdict = call.Verdict{Standing: call.Refuted, Conflict: true, Reasons: []call.Reason{call.NotPlaced}}
	rejected.Evidence[0].Report = json.RawMessage(`{"result":"not valid","best":1}`)
	rejected.Action = call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Rule: "refuted"}

	left := inbound()
	left.Call.ID, left.Call.Direction, left.Call.Signalling.Identity, left.Evidence = "01KALEFT", call.Outbound, nil, nil
	left.Assertion.Attest, left.Signed, left.Timings.Answered = "A", []string{signed + ";info=<https://cr.example/b.pem>"}, time.Time{}

	held := inbound()
	held.Call.ID, held.State, held.Timings, held.SettledAt = "01KAHELD", call.Open, call.Timings{}, time.Time{}

	gone := inbound()
	gone.Call.ID, gone.State, gone.Timings = "01KAGONE", call.Abandoned, call.Timings{}

	compact := inbound()
	compact.Call.ID, compact.Evidence[0].Report = "01KACOMPACT", map[string]any{"result": "valid", "best": 0}

	erased := call.Record{State: call.Erased, SettledAt: arrived, Acts: []call.Act{{Who: "x", What: "erased", At: arrived}}}
	erased.Call.ID, erased.Call.ArrivedAt, erased.Call.Direction = "01KAERASED", arrived, call.Inbound
	return map[string]call.Record{"rejected": rejected, "left": left, "held": held, "gone": gone, "compact": compact, "erased": erased}
}

func written(t *testing.T, f Format, recs ...call.Record) string {
	t.Helper()
	var out strings.Builder
	w, err := New(f, &out, "artist.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestEachFormatIsAsItWasYesterday(t *testing.T) {
	o := others()
	recs := []call.Record{inbound(), o["rejected"], o["left"], o["held"], o["gone"], o["compact"], o["erased"]}
	for _, f := range Formats() {
		got := written(t, f, recs...)
		golden := filepath.Join("testdata", "calls."+string(f))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s, %v: got\n%s\nwant\n%s", f, err, got, want)
		}
		if again := written(t, f, recs...); again != got {
			t.Errorf("%s: written again it differs", f)
		}
	}
}

func TestNothingWrittenIsStillAFile(t *testing.T) {
	if got := written(t, CSV); got != strings.Join(Columns(), ",")+"\r\n" {
		t.Errorf("CSV of no calls is %q", got)
	}
	if got := written(t, JSONLines) + written(t, VCon); got != "" {
		t.Errorf("lines of no calls are %q", got)
	}
	if _, err := New("xml", io.Discard, ""); err == nil || Known("xml") || !Known(VCon) {
		t.Error("there is a format xml")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestAnErrorBeneathIsReported(t *testing.T) {
	for _, f := range Formats() {
		w, err := New(f, broken{}, "artist.example")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(inbound()); err == nil || !strings.Contains(err.Error(), "pipe closed") {
			t.Errorf("%s: Write = %v, want what went wrong", f, err)
		}
	}
}

// What was written before a record is with the reader before the next comes.
func TestNoRecordIsHeldBack(t *testing.T) {
	for _, f := range Formats() {
		var out strings.Builder
		w, err := New(f, &out, "artist.example")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			before := out.Len()
			if err := w.Write(inbound()); err != nil || out.Len() < before+200 || !strings.HasSuffix(out.String(), "\n") {
				t.Errorf("%s: after Write there are %d bytes more, %v", f, out.Len()-before, err)
			}
		}
	}
}

func TestNoCellOfAStrangerIsAFormulaAndEveryCellComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := inbound()
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("=+-@\t\r\n\x00\"',;1")), rapid.Rune()))
		rec.Call.DisplayName, rec.Call.Trunk, rec.Call.Signalling.CallID = text.Draw(t, "name"), text.Draw(t, "trunk"), text.Draw(t, "call id")
		var out strings.Builder
		w := newCSV(&out)
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(columns) {
			t.Fatalf("%q: %d rows, %v", out.String(), len(rows), err)
		}
		for i, cell := range rows[1] {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && !regexp.MustCompile(`^\+\d+$`).MatchString(cell) {
				t.Errorf("the cell %s is %q", rows[0][i], cell)
			}
		}
	})
}

func TestJSONLinesAreTheRecords(t *testing.T) {
	want := inbound()
	want.Evidence[0].Report = nil
	line := written(t, JSONLines, want)
	var got call.Record
	if err := json.Unmarshal([]byte(line), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back: %+v, %v\nwant %+v", got, err, want)
	}
}
