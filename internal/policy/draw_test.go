package policy

import (
	"os"
	"slices"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/tn"
	"pgregory.net/rapid"
)

// officePolicy is the policy of testdata/office.toml.
func officePolicy(t testing.TB) *Policy {
	t.Helper()
	data, err := os.ReadFile("testdata/office.toml")
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, string(data))
}

func parsed(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// numbers that rules of the tests are about, and others.
var numbers = []tn.Number{"", "12025550100", "12025550166", "19005550000", "19005559999", "19005560000", "442079460042", "12025550101",
	"12025550171", "112", "+12025550100", "12025550142"}

// drawCall draws any call at all.
func drawCall(t *rapid.T) *call.Call {
	text := rapid.SampledFrom([]string{"", "fax-a", "phones", "guests", "president.example", "x.friendly.example", "The President",
		"sip:alice@president.example", "a name of more than twenty characters, and long enough to be cut at some place or other"})
	number := rapid.SampledFrom(numbers)
	c := &call.Call{
		ID:          "01KA0F7Q6Z8N4T5W2V9XCM3B1D",
		Direction:   rapid.SampledFrom([]call.Direction{"", call.Inbound, call.Outbound}).Draw(t, "direction"),
		Channel:     rapid.SampledFrom([]call.Channel{call.SIP, call.Mobile}).Draw(t, "channel"),
		ArrivedAt:   time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "at"), 0),
		Trunk:       text.Draw(t, "trunk"),
		DisplayName: rapid.OneOf(text, rapid.StringN(0, 600, 600)).Draw(t, "name"),
	}
	c.Calling.TN, c.Called.TN = number.Draw(t, "calling"), number.Draw(t, "called")
	if c.Calling.TN == "" {
		c.Calling.URI = text.Draw(t, "calling URI")
	}
	c.Office.Domain = text.Draw(t, "office")
	c.Office.Level = call.Level(rapid.IntRange(0, int(call.LevelRevoked)).Draw(t, "level"))
	c.Signalling.Emergency = rapid.IntRange(0, 9).Draw(t, "emergency") == 0
	if rapid.Bool().Draw(t, "signed") {
		c.Signalling.Identity = []string{"x"}
	}
	c.Signalling.To.TN = number.Draw(t, "to")
	return c
}

// drawVerdict draws a verdict, sensible or not.
func drawVerdict(t *rapid.T) call.Verdict {
	strength := func(name string) call.Strength {
		return call.Strength{For: rapid.Uint8Range(0, 3).Draw(t, name), Against: rapid.Uint8Range(0, 3).Draw(t, name+" against")}
	}
	return call.Verdict{
		Standing:   call.Standing(rapid.IntRange(0, int(call.Verified)).Draw(t, "standing")),
		Conflict:   rapid.Bool().Draw(t, "conflict"),
		Incomplete: rapid.Bool().Draw(t, "incomplete"),
		Number:     strength("number"), Office: strength("office"), Placed: strength("placed"), Present: strength("present"),
	}
}

// drawEvidence draws an answer, or none, of each kind.
func drawEvidence(t *rapid.T) []call.Evidence {
	var ev []call.Evidence
	for _, k := range kinds {
		reasons := slices.Concat(answers[k], []call.Reason{call.CheckFailed, ""})
		if r := rapid.SampledFrom(reasons).Draw(t, string(k)); r != "" {
			ev = append(ev, call.Evidence{Kind: k, Reason: r})
		}
	}
	return ev
}
