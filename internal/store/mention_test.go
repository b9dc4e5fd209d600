package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"countersign.example/tn"
	"pgregory.net/rapid"
)

func TestANumberIsFoundInEveryWritingAndNoOtherIs(t *testing.T) {
	const number = "12155550100"
	nested := base64.RawURLEncoding.EncodeToString([]byte(`{"opt":"` + base64.StdEncoding.EncodeToString([]byte(`"tn":"`+number+`"`)) + `"}`))
	cases := []struct {
		text string
		want bool
	}{
		{"", false},
		{number, true},
		{"tel:+1-215-555-0100;verstat=x", true},
		{"+1 (215) 555.0100", true},
		{"0012155550100", true},
		{"01112155550100@host", true},
		{"%2B12155550100", true},
		{"a%2012155550100", true},
		{`\u002612155550100\u003e`, true},
		{"x." + nested + ".y", true},
		{"1215555010", false},
		{"121555501009", false},
		{"912155550100", false},
		{"1-2155550101", false},
		{"12155550:100", false},
		{"2155550100", false},
		{strings.Repeat("1", 300), false},
		{"2026-11-24T12:15:55.50100Z", false},
	}
	for _, tc := range cases {
		if got := mentions(tc.text, number, 0); got != tc.want {
			t.Errorf("mentions(%q) = %v, want %v", tc.text, got, tc.want)
		}
	}
}

func TestANumberIsFoundWhereverItStandsInJSONAndBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[1-9][0-9]{6,14}`).Draw(t, "number")
		around := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r < '0' || r > '9' }))
		text := around.Draw(t, "before") + number + around.Draw(t, "after")
		for range rapid.IntRange(0, maxNesting).Draw(t, "depth") {
			encoding := rapid.SampledFrom([]*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding}).Draw(t, "alphabet")
			text = around.Draw(t, "before") + "." + encoding.EncodeToString([]byte(text)) + "." + around.Draw(t, "after")
		}
		written, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if !mentions(string(written), tn.Number(number), 0) {
			t.Errorf("%s is not found in %s", number, written)
		}
	})
}

func FuzzMentions(f *testing.F) {
	f.Add("1215555", "+1-215-55.55", 3)
	f.Add("9999999", strings.Repeat("OTk5", 50), 0)
	f.Fuzz(func(t *testing.T, number, text string, cut int) {
		n := tn.Number(number)
		if !n.Canonical() || len(number) < shortest || strings.ContainsAny(number, "*#") {
			return
		}
		mentions(text, n, 0)
		if cut < 0 || cut > len(text) {
			return
		}
		if whole := text[:cut] + "x" + number + "x" + text[cut:]; !mentions(whole, n, 0) {
			t.Errorf("%s is not found in %q", number, whole)
		}
	})
}
