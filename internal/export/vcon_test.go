package export

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"countersign.example/internal/call"
)

// complaints checks a vCon against the draft, from its text alone.
func complaints(text string) []string {
	var all []string
	complain := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return []string{err.Error()}
	}
	names(v, complain)
	// Section 4.1: the parameters of the top level.
	if v["vcon"] != "0.4.0" {
		complain("the version is %v", v["vcon"])
	}
	if id, _ := v["uuid"].(string); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		complain("%q is no UUID of version 8", id)
	}
	isDate := func(v any) {
		text, _ := v.(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			complain("%v is no date", v)
		}
	}
	isDate(v["created_at"])
	parties, _ := v["parties"].([]any)
	if len(parties) != 2 {
		complain("there are %d parties", len(parties))
	}
	dialogs, _ := v["dialog"].([]any)
	for _, d := range dialogs {
		d := d.(map[string]any)
		isDate(d["start"])
		for _, p := range d["parties"].([]any) {
			if int(p.(float64)) >= len(parties) {
				complain("a dialog has the party %v", p)
			}
		}
		disposition, has := d["disposition"]
		switch d["type"] {
		case "incomplete":
			if !regexp.MustCompile(`^(no-answer|congestion|failed|busy|hung-up|voicemail-no-message)$`).MatchString(fmt.Sprint(disposition)) {
				complain("the disposition is %v", disposition)
			}
			if d["body"] != nil || d["url"] != nil {
				complain("an incomplete dialog has content")
			}
		case "recording":
			if has {
				complain("a conversation has the disposition %v", disposition)
			}
		default:
			complain("the dialog is of type %v", d["type"])
		}
	}
	analyses, _ := v["analysis"].([]any)
	for _, a := range analyses {
		a := a.(map[string]any)
		if dialog, ok := a["dialog"].(float64); ok && int(dialog) >= len(dialogs) {
			complain("the analysis is of the dialog %v", dialog)
		}
		body, _ := a["body"].(string)
		if a["encoding"] != "json" || a["vendor"] == "" || !json.Valid([]byte(body)) {
			complain("the analysis is %v", a)
		}
	}
	if len(analyses) != 1 {
		complain("there are %d analyses", len(analyses))
	}
	return all
}

// names complains of names that are not in snake case.
func names(v any, complain func(string, ...any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			names(e, complain)
		}
	case map[string]any:
		for name, e := range v {
			if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(name) {
				complain("the name %q is not in snake case", name)
			}
			names(e, complain)
		}
	}
}

func vconFor(t *testing.T, rec call.Record) *vcon {
	t.Helper()
	text := written(t, VCon, rec)
	for _, complaint := range complaints(text) {
		t.Errorf("%s: %s", rec.Call.ID, complaint)
	}
	var v vcon
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestAVConHoldsWhatWasVerified(t *testing.T) {
	v := vconFor(t, inbound())
	caller := v.Parties[0]
	if caller.Stir != signed || caller.Tel != "tel:+12155550100" || caller.Org != "The President's Office" {
		t.Errorf("the caller is %+v", caller)
	}
	if v.Parties[1] != (vparty{SIP: "sip:desk@artist.example"}) {
		t.Errorf("the called party is %+v", v.Parties[1])
	}
	d := v.Dialog[0]
	if d.Type != "recording" || d.Duration != 60.5 || d.Start != "2026-11-24T15:04:08.123456Z" {
		t.Errorf("the dialog is %+v", d)
	}
	var body struct {
		JudgedAt time.Time `json:"judged_at"`
		Verdict  struct{ Standing string }
		Evidence []call.Evidence
		Acts     []call.Act
	}
	if err := json.Unmarshal([]byte(v.Analysis[0].Body), &body); err != nil || body.Verdict.Standing != "partly verified" ||
		len(body.Evidence) != 2 || len(body.Acts) != 1 || !body.JudgedAt.Equal(arrived) {
		t.Errorf("the analysis is %+v, %v", body, err)
	}
}

func TestAVConSaysHowACallEnded(t *testing.T) {
	for name, rec := range others() {
		v := vconFor(t, rec)
		disposition, stir := "none", v.Parties[0].Stir
		if len(v.Dialog) > 0 {
			disposition = v.Dialog[0].Type + " " + v.Dialog[0].Disposition
		}
		want := map[string][2]string{
			// What is refuted was not verified, whatever it says.
			"rejected": {"incomplete failed", ""},
			"left":     {"incomplete no-answer", signed},
			"held":     {"none", signed},
			"gone":     {"incomplete hung-up", signed},
			"compact":  {"recording ", ""},
			"erased":   {"none", ""},
		}[name]
		if disposition != want[0] || stir != want[1] {
			t.Errorf("%s: the dialog is %q and the PASSporT %q, want %q", name, disposition, stir, want)
		}
	}
	if v := vconFor(t, others()["rejected"]); v.Parties[0].Org != "" {
		t.Errorf("a refuted caller is said to be %q", v.Parties[0].Org)
	}
	if v := vconFor(t, others()["erased"]); v.Redacted == nil || v.Parties[0] != (vparty{}) {
		t.Errorf("an erased call is %+v", v)
	}
}

func TestNoTwoCallsShareAUUID(t *testing.T) {
	seen := map[string]string{}
	for n := range 1000 {
		for _, domain := range []string{"artist.example", "president.example"} {
			id := fmt.Sprintf("01KA%d", n)
			u := uuid(id, arrived, domain)
			if other, ok := seen[u]; ok {
				t.Errorf("%s and %s have the UUID %s", other, id+"."+domain, u)
			}
			seen[u] = id + "." + domain
		}
	}
	// The first 48 bits are the time, so that they sort by it.
	if a, b := uuid("x", arrived, "y"), uuid("x", arrived.Add(time.Millisecond), "y"); a >= b {
		t.Errorf("%s is not before %s", a, b)
	}
}

func FuzzVCon(f *testing.F) {
	f.Add("12155550100", "sip:x", "name", signed, `{"result":"valid","best":0}`)
	f.Add("", "tel:+1", "\xff", "..x;y", `{"best":9}`)
	f.Fuzz(func(t *testing.T, number, uri, name, field, report string) {
		rec := inbound()
		rec.Call.Calling.URI, rec.Call.Called.URI, rec.Call.DisplayName = number, uri, name
		rec.Call.Signalling.Identity = []string{field}
		if json.Valid([]byte(report)) {
			rec.Evidence[0].Report = json.RawMessage(report)
		}
		for _, complaint := range complaints(written(t, VCon, rec)) {
			t.Error(complaint)
		}
	})
}
