package rcd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/rcd"
	"pgregory.net/rapid"
)

func TestParseCardReadsTheKindsOfValues(t *testing.T) {
	// After the example of RFC 7095 appendix B.1.
	card, err := rcd.ParseCard(`["vcard", [
		["version", {}, "text", "4.0"],
		["FN", {"language":"fr"}, "TEXT", "Simon Perreault"],
		["n", {}, "text", ["Perreault", "Simon", "", "", ["ing. jr", "M.Sc."]]],
		["bday", {}, "date-and-or-time", "--02-03"],
		["lang", {"pref":"1"}, "language-tag", "fr"],
		["rev", {}, "integer", 12, true, null],
		["tel", {"type":["work","voice"], "pref":"1"}, "uri", "tel:+1-418-656-9254;ext=102"],
		["url", {"type":"home"}, "uri", "http://nomis80.org", "https://example.com/"],
		["x-empty", {}, "text", []]
	]]`)
	if err != nil {
		t.Fatal(err)
	}
	want := []rcd.Property{
		{Name: "version", Type: "text", Values: [][]string{{"4.0"}}, Pointer: "/1/0"},
		{Name: "fn", Type: "text", Values: [][]string{{"Simon Perreault"}}, Pointer: "/1/1"},
		{Name: "n", Type: "text", Values: [][]string{{"Perreault", "Simon", "", "", "ing. jr,M.Sc."}}, Pointer: "/1/2"},
		{Name: "bday", Type: "date-and-or-time", Values: [][]string{{"--02-03"}}, Pointer: "/1/3"},
		{Name: "lang", Type: "language-tag", Values: [][]string{{"fr"}}, Pointer: "/1/4"},
		{Name: "rev", Type: "integer", Values: [][]string{{"12"}, {"true"}, {""}}, Pointer: "/1/5"},
		{Name: "tel", Type: "uri", Values: [][]string{{"tel:+1-418-656-9254;ext=102"}}, Pointer: "/1/6"},
		{Name: "url", Type: "uri", Values: [][]string{{"http://nomis80.org"}, {"https://example.com/"}}, Pointer: "/1/7"},
		{Name: "x-empty", Type: "text", Values: [][]string{{""}}, Pointer: "/1/8"},
	}
	if !reflect.DeepEqual(card.Properties, want) {
		t.Errorf("Properties = %v\nwant         %v", card.Properties, want)
	}
	if got := card.Text("n"); got != "Perreault;Simon;;;ing. jr,M.Sc." {
		t.Errorf("Text(n) = %q", got)
	}
	if got := card.Text("photo"); got != "" {
		t.Errorf("Text(photo) = %q, want nothing", got)
	}
	links := []rcd.Link{
		{Property: "tel", URI: "tel:+1-418-656-9254;ext=102", Pointer: "/1/6/3"},
		{Property: "url", URI: "http://nomis80.org", Pointer: "/1/7/3"},
		{Property: "url", URI: "https://example.com/", Pointer: "/1/7/4"},
	}
	if got := card.Links(); !reflect.DeepEqual(got, links) {
		t.Errorf("Links() = %v\nwant      %v", got, links)
	}
}

func TestParseCardRefusesWhatIsNoCard(t *testing.T) {
	many := strings.Repeat(`,["fn",{},"text","Q"]`, 128)
	for name, text := range map[string]string{
		"nothing":              ``,
		"HTML":                 `<html>`,
		"an object":            `{"vcard":[]}`,
		"no list":              `["vcard"]`,
		"another kind":         `["vcalendar",[]]`,
		"properties not list":  `["vcard",{"fn":"Q"}]`,
		"property not list":    `["vcard",["fn"]]`,
		"property too short":   `["vcard",[["fn",{},"text"]]]`,
		"name not text":        `["vcard",[[1,{},"text","Q"]]]`,
		"name empty":           `["vcard",[["",{},"text","Q"]]]`,
		"parameters not there": `["vcard",[["fn","text","Q"]]]`,
		"type not text":        `["vcard",[["fn",{},{},"Q"]]]`,
		"type empty":           `["vcard",[["fn",{},"","Q"]]]`,
		"parameter twice":      `["vcard",[["fn",{"pref":"1","pref":"2"},"text","Q"]]]`,
		"too many properties":  `["vcard",[["fn",{},"text","Q"]` + many + `]]`,
		"too deep":             strings.Repeat("[", 100_000),
		"too long":             `["vcard",[["fn",{},"text","` + strings.Repeat("Q", rcd.MaxCard) + `"]]]`,
		"not UTF-8":            "[\"vcard\",[[\"fn\",{},\"text\",\"\xff\"]]]",
	} {
		card, err := rcd.ParseCard(text)
		if card != nil || !errors.Is(err, passport.RcdItemUnusable) {
			t.Errorf("ParseCard of %s = %v, %v, want a finding of rcd-item-unusable", name, card, err)
		}
	}
}

// Making a card and reading it are inverse.
func TestNewCardRoundTrip(t *testing.T) {
	text := rapid.String()
	property := rapid.Custom(func(t *rapid.T) rcd.Property {
		return rcd.Property{
			Name:   rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`).Draw(t, "name"),
			Type:   rapid.SampledFrom([]string{"text", "uri", "language-tag"}).Draw(t, "type"),
			Values: rapid.SliceOfN(rapid.SliceOfN(text, 1, 4), 1, 3).Draw(t, "values"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		properties := rapid.SliceOfN(property, 0, 6).Draw(t, "properties")
		card, err := rcd.NewCard(properties...)
		if err != nil {
			t.Fatalf("NewCard(%v): %v", properties, err)
		}
		if card.Text("version") != "4.0" {
			t.Fatalf("version = %q", card.Text("version"))
		}
		for i, want := range properties {
			got := card.Properties[i+1]
			want.Pointer = fmt.Sprintf("/1/%d", i+1)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("property %d = %v, want %v", i, got, want)
			}
		}
		again, err := rcd.ParseCard(card.JSON())
		if err != nil || !reflect.DeepEqual(again.Properties, card.Properties) || again.JSON() != card.JSON() {
			t.Fatalf("reading the card again = %v, %v", again, err)
		}
	})
}

func TestNewCardRefusesAnIncompleteProperty(t *testing.T) {
	for _, p := range []rcd.Property{
		{Type: "text", Values: [][]string{{"Q"}}},
		{Name: "fn", Values: [][]string{{"Q"}}},
		{Name: "fn", Type: "text"},
	} {
		if card, err := rcd.NewCard(p); err == nil {
			t.Errorf("NewCard(%v) = %s, want an error", p, card.JSON())
		}
	}
}

// FuzzParseCard: a card that is read is read the same from its deterministic form, and
// the place of every URI in it is right.
func FuzzParseCard(f *testing.F) {
	for _, d := range vectors(f).Digests {
		f.Add(d.InputUTF8)
	}
	f.Add(`["vcard",[["n",{},"text",["a","b",["c","d"]],"e"],["photo",{"group":"x"},"uri","data:,x","https://h/"]]]`)
	f.Fuzz(func(t *testing.T, text string) {
		card, err := rcd.ParseCard(text)
		if err != nil {
			if !errors.Is(err, passport.RcdItemUnusable) {
				t.Fatalf("ParseCard: %v is no finding", err)
			}
			return
		}
		again, err := rcd.ParseCard(card.JSON())
		if err != nil || !reflect.DeepEqual(again.Properties, card.Properties) {
			t.Fatalf("ParseCard(%s) = %v, %v\nbut of its deterministic form %v", text, card.Properties, err, again)
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("a card was read from what is not JSON: %v", err)
		}
		for _, l := range card.Links() {
			var property, value int
			if n, err := fmt.Sscanf(l.Pointer, "/1/%d/%d", &property, &value); n != 2 || err != nil {
				t.Fatalf("Pointer = %q", l.Pointer)
			}
			at := v.([]any)[1].([]any)[property].([]any)[value]
			if s, ok := at.(string); ok && s != l.URI {
				t.Fatalf("at %s stands %q, Links says %q", l.Pointer, s, l.URI)
			}
		}
	})
}
