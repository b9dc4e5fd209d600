package gateway_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/passport"
	"pgregory.net/rapid"
)

func TestThePhoneShowsSignNameAndVerdict(t *testing.T) {
	office := call.Call{Office: call.Office{Domain: "president.example", Name: "Büro – President’s Office"}, DisplayName: "somebody"}
	number := passport.Party{TN: "12025550101"}
	for _, test := range []struct {
		call    call.Call
		verdict call.Verdict
		want    string
		inASCII string
	}{
		{office, call.Verdict{Standing: call.Verified}, "✔ Büro – President’s Office (verified)", "[+] B?ro - President's Office (verified)"},
		{office, call.Verdict{Standing: call.PartlyVerified}, "◐ Büro – President’s Office (partly verified)", "[~] B?ro - President's Office (partly verified)"},
		{office, call.Verdict{Standing: call.Refuted}, "✘ refuted: Büro – President’s Office", "[x] refuted: B?ro - President's Office"},
		{office, call.Verdict{Standing: call.Unverified, Incomplete: true}, "? could not be checked: Büro – President’s Office", "[?] could not be checked: B?ro - President's Office"},
		{call.Call{DisplayName: "Alice", Calling: number}, call.Verdict{Standing: call.Unverified}, "? unverified: 'Alice'", "[?] unverified: 'Alice'"},
		{call.Call{DisplayName: "✔ President [+] \u202everified", Calling: number}, call.Verdict{Standing: call.Unverified}, "? unverified: 'President + verified'", "[?] unverified: 'President + verified'"},
		{call.Call{DisplayName: "✔✔", Calling: number}, call.Verdict{Standing: call.Unverified}, "? unverified: +12025550101", "[?] unverified: +12025550101"},
		{call.Call{Calling: passport.Party{URI: "sip:alice@a.example"}}, call.Verdict{Standing: call.Unverified}, "? unverified: sip:alice@a.example", "[?] unverified: sip:alice@a.example"},
		{call.Call{}, call.Verdict{Standing: call.Unverified}, "? unverified: number withheld", "[?] unverified: number withheld"},
		{call.Call{Office: call.Office{Domain: "a.example"}}, call.Verdict{Standing: call.Verified}, "✔ a.example (verified)", "[+] a.example (verified)"},
	} {
		rec := call.Record{Call: test.call, Verdict: test.verdict}
		if got := gateway.DisplayName(&rec, false); got != test.want {
			t.Errorf("DisplayName() = %q, want %q", got, test.want)
		}
		if got := gateway.DisplayName(&rec, true); got != test.inASCII {
			t.Errorf("DisplayName() in ASCII = %q, want %q", got, test.inASCII)
		}
	}
}

func TestThePolicyMayPutAPrefixInPlaceOfTheSign(t *testing.T) {
	rec := call.Record{Call: call.Call{DisplayName: "Alice"}, Verdict: call.Verdict{Standing: call.Unverified},
		Action: call.Action{Show: call.Show{Prefix: "Vorsicht –"}}}
	if got, want := gateway.DisplayName(&rec, false), "Vorsicht – unverified: 'Alice'"; got != want {
		t.Errorf("DisplayName() = %q, want %q", got, want)
	}
	if got, want := gateway.DisplayName(&rec, true), "Vorsicht - unverified: 'Alice'"; got != want {
		t.Errorf("DisplayName() in ASCII = %q, want %q", got, want)
	}
}

func TestNoCallerCanWriteAVerdictIntoHisName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := call.Record{Call: call.Call{DisplayName: rapid.String().Draw(t, "name")}, Verdict: call.Verdict{Standing: call.Unverified}}
		got := gateway.DisplayName(&rec, rapid.Bool().Draw(t, "ascii"))
		rest := strings.TrimPrefix(strings.TrimPrefix(got, "[?]"), "?")
		if len(got) > 96 || !utf8.ValidString(got) || strings.ContainsAny(rest, "✔✘◐[]\r\n") || !strings.HasPrefix(rest, " unverified: ") || rest == got {
			t.Fatalf("DisplayName() = %q", got)
		}
	})
}
