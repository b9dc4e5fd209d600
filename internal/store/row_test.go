package store

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

// written is the record in testdata/record.json, as an earlier build wrote it.
func written() call.Record {
	at := time.Date(2026, 11, 24, 15, 4, 5, 0, time.UTC)
	rec := call.Record{State: call.Settled, SettledAt: at, Signed: []string{"eyJ"}}
	rec.Call = call.Call{
		ID: "01KA", Direction: call.Inbound, Channel: call.SIP, ArrivedAt: at, Trunk: "carrier", DisplayName: "President",
		Office: call.Office{Domain: "president.example", Name: "President", Level: call.LevelVerified},
		Signalling: call.Signalling{CallID: "1@x", Date: at, Identity: []string{"a"}, Fingerprints: []string{"b"},
			ResourcePriority: []string{"esnet.0"}, Priority: "emergency", Emergency: true},
	}
	rec.Call.Calling.TN, rec.Call.Called.URI = "12155550100", "sip:bob@artist.example"
	rec.Call.Signalling.To = rec.Call.Called
	rec.Evidence = []call.Evidence{{Kind: call.InBand, Reason: call.AttestedFull, Source: "SHAKEN 1234", At: at,
		Detail: "one field", Report: json.RawMessage(`{"result":"valid"}`)}}
	rec.Verdict = call.Verdict{Standing: call.PartlyVerified, Conflict: true, Incomplete: true,
		Number: call.Strength{For: 2}, Office: call.Strength{For: 3, Against: 1}, Placed: call.Strength{Against: 2},
		Present: call.Strength{For: 1}, Reasons: []call.Reason{call.AttestedFull}}
	rec.Action = call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Target: rec.Call.Called, Rule: "r"}
	rec.Assertion = call.Assertion{Attest: "A", Why: "w", Orig: rec.Call.Calling, Origid: "u", IssuedAt: at}
	rec.Assertion.Dest.URI = []string{"sip:bob@artist.example"}
	return rec
}

// Renaming a field of the vocabulary breaks this: records that exist need a migration.
func TestARecordOfAnEarlierBuildIsReadAndWrittenTheSame(t *testing.T) {
	text, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	golden := strings.TrimSpace(string(text))
	rec, err := recordIn("01KA", golden)
	if err != nil || !reflect.DeepEqual(rec, written()) {
		t.Errorf("recordIn = %+v, %v\nwant %+v", rec, err, written())
	}
	r, err := rowOf(written())
	if err != nil || r.record != golden {
		t.Errorf("rowOf = %s, %v\nwant %s", r.record, err, golden)
	}
}

func TestTheColumnsAreThoseOfTheRecord(t *testing.T) {
	got, err := rowOf(written())
	got.record = ""
	want := row{id: "01KA", direction: "inbound", state: "settled", calling: "12155550100", office: "president.example",
		standing: "partly verified", arrivedAt: 1795532645000000}
	if err != nil || got != want {
		t.Errorf("rowOf = %+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadingWhatWasWrittenAndWritingItAgainIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := written()
		rec.Call.DisplayName = rapid.String().Draw(t, "display name")
		rec.Call.Signalling.Identity = rapid.SliceOf(rapid.String()).Draw(t, "identity")
		nanos := rapid.Int64Range(0, 1<<61).Draw(t, "arrived")
		zone := time.FixedZone("", 900*rapid.IntRange(-48, 48).Draw(t, "zone"))
		rec.Call.ArrivedAt = time.Unix(0, nanos).In(zone)
		rec.Verdict.Standing = call.Standing(rapid.IntRange(0, 3).Draw(t, "standing"))
		rec.Call.Office.Level = call.Level(rapid.IntRange(0, 5).Draw(t, "level"))
		rec.Evidence[0].Report = rapid.MapOf(rapid.String(), rapid.Float64()).Draw(t, "report")
		one, err := rowOf(rec)
		if err != nil {
			t.Fatal(err)
		}
		back, err := recordIn(one.id, one.record)
		if err != nil {
			t.Fatal(err)
		}
		two, err := rowOf(back)
		if err != nil || two != one {
			t.Fatalf("written again: %+v, %v\nwant %+v", two, err, one)
		}
		if !back.Call.ArrivedAt.Equal(rec.Call.ArrivedAt) || back.Verdict.Standing != rec.Verdict.Standing {
			t.Fatalf("read back: %+v", back)
		}
	})
}

func FuzzRecordIn(f *testing.F) {
	r, err := rowOf(written())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.record)
	f.Add(`{"Evidence":[{"Report":null},{}],"Verdict":{"Standing":"trusted"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := recordIn("x", text)
		if err != nil {
			return
		}
		rec.Call.ID, rec.State = "x", call.Settled
		if r, err := rowOf(rec); err == nil {
			if _, err := recordIn("x", r.record); err != nil {
				t.Errorf("what was read can not be read again: %v", err)
			}
		}
	})
}
