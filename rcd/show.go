package rcd

import (
	"strings"
	"unicode"

	"countersign.example/tn"
)

// The greatest lengths of what is shown, in characters.
const (
	// MaxName is that of a display name.
	MaxName = 64
	// MaxReason is that of the reason for a call (RFC 9796 suggests it).
	MaxReason = 64
	// MaxLine is that of a text of a card.
	MaxLine = 128
)

// maxLines is how many texts of a card are shown.
const maxLines = 16

// Shown is what may be shown of a call's rich call data: proved, cleaned and cut. The
// zero Shown is nothing.
type Shown struct {
	// Name is the display name, at most [MaxName] characters. It is to be compared
	// with what would be shown otherwise: see [Shown.SameName].
	Name string
	// AlternateNumber is a number to show beside the calling one.
	AlternateNumber tn.Number
	// Reason is why the caller calls, at most [MaxReason] characters.
	Reason string
	// Icon is the image that goes with the name, or nil.
	Icon *Image
	// Lines are the texts of the card, in the order received.
	Lines []Line
	// Images are the photos and logos of the card, in the order received.
	Images []Image
	// ThirdParty is who signed, if it was not the caller's own provider.
	ThirdParty string
	// NotFetched are the places of the items that are not shown because there was no
	// Fetch, such as "/icn".
	NotFetched []string
}

// Line is one text of a card.
type Line struct {
	// Property is the name of its property: "fn", "nickname", "org", "title", "role",
	// "note", "categories", "adr" or "email". Numbers in a card are never shown, for
	// a number that is meant to be is an alternate number (RFC 9795 section 5.1.2).
	Property string
	// Text is at most [MaxLine] characters.
	Text string
}

// IsZero reports whether there is nothing to show.
func (s Shown) IsZero() bool {
	return s.Name == "" && s.AlternateNumber == "" && s.Reason == "" && s.Icon == nil &&
		len(s.Lines) == 0 && len(s.Images) == 0
}

// SameName reports whether name, such as the display name of the From header field, is
// the one that was signed, white space and what is not shown apart (RFC 9795
// section 12.2). Upper and lower case differ.
func (s Shown) SameName(name string) bool { return Clean(name, MaxName) == s.Name }

// lineOf returns the text of a property that is shown.
func lineOf(p Property) (Line, bool) {
	switch p.Name {
	case "fn", "nickname", "org", "title", "role", "note", "categories", "adr", "email":
	default:
		return Line{}, false
	}
	if p.Type != "text" {
		return Line{}, false
	}
	var parts []string
	for _, components := range p.Values {
		for _, c := range components {
			if c = Clean(c, MaxLine); c != "" {
				parts = append(parts, c)
			}
		}
	}
	text := Clean(strings.Join(parts, ", "), MaxLine)
	return Line{p.Name, text}, text != ""
}

// Clean returns text as it may be shown: control and formatting characters, among them
// those that turn the direction of writing, and characters without a shape are removed,
// marks are not heaped on one letter, white space is one space and none at the ends,
// and what is longer than most characters is cut, with an ellipsis.
func Clean(text string, most int) string {
	if most < 1 {
		return ""
	}
	var out []rune
	marks, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || r == brailleBlank:
			space = len(out) > 0
			continue
		case !visible(r):
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > 3 || len(out) == 0 || space {
				continue
			}
		default:
			marks = 0
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		if len(out) >= most {
			return strings.TrimRight(string(out[:most-1]), " ") + "…"
		}
		out = append(out, r)
	}
	return string(out)
}

// brailleBlank is a symbol that looks like a space.
const brailleBlank = '\u2800'

// visible reports whether r belongs in text that is shown. Graphic characters are
// letters, marks, numbers, punctuation, symbols and spaces: no control, formatting,
// private or unassigned ones. Some of them look like nothing all the same, and so could
// make two names that look alike.
func visible(r rune) bool {
	return r != unicode.ReplacementChar && unicode.IsGraphic(r) &&
		!unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
