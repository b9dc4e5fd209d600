package explain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign.example/passport"
)

// Page is an explanation in sections, for print and for JSON.
type Page struct {
	// Kind is what was explained: "passport", "identity", "certificate" or "report".
	Kind string `json:"kind"`
	// Title says what it is, in a sentence.
	Title string `json:"title"`
	// Verified is false for an inspection, which verifies nothing.
	Verified bool `json:"verified"`
	// Sections hold what was read, field by field.
	Sections []Section `json:"sections"`
	// Unusual lists what is wrong or worth knowing.
	Unusual []Unusual `json:"unusual"`
}

// Section is one part of a page.
type Section struct {
	Name  string `json:"name"`
	Items []Item `json:"items"`
}

// Item is one field: its name, its value, and what it means.
type Item struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Means string `json:"means,omitempty"`
}

// Unusual is one thing that is wrong or worth knowing.
type Unusual struct {
	Code     string `json:"code"`
	Section  string `json:"section"`
	Sentence string `json:"sentence"`
}

func unusual(findings []passport.Finding) []Unusual {
	list := make([]Unusual, 0, len(findings))
	for i := range findings {
		f := &findings[i]
		list = append(list, Unusual{f.Code.String(), f.Code.Section(), f.Error()})
	}
	return list
}

func (s *Section) add(name, value, means string) {
	s.Items = append(s.Items, Item{name, clean(value), means})
}

// Text returns the page for a terminal.
func (p Page) Text() string {
	var b strings.Builder
	b.WriteString(p.Title + "\n")
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "\n%s\n", s.Name)
		name, value := 0, 0
		for _, i := range s.Items {
			name = max(name, utf8.RuneCountInString(i.Name))
			if n := utf8.RuneCountInString(i.Value); n <= valueWidth {
				value = max(value, n)
			}
		}
		for _, i := range s.Items {
			b.WriteString("  " + pad(i.Name, name) + "  ")
			switch {
			case i.Means == "":
				b.WriteString(i.Value)
			case utf8.RuneCountInString(i.Value) > valueWidth:
				b.WriteString(i.Value + "\n" + strings.Repeat(" ", name+4) + i.Means)
			default:
				b.WriteString(pad(i.Value, value) + "  " + i.Means)
			}
			b.WriteByte('\n')
		}
	}
	if len(p.Unusual) > 0 {
		b.WriteString("\nUnusual\n")
		for _, u := range p.Unusual {
			fmt.Fprintf(&b, "  - %s [%s, %s]\n", u.Sentence, u.Code, u.Section)
		}
	}
	if !p.Verified {
		b.WriteString("\nNothing was verified: this only says what is written there.\n")
	}
	return b.String()
}

// valueWidth is how long a value may be to stand beside its meaning.
const valueWidth = 44

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// clean makes a stranger's text fit to be printed: control characters, and those that
// turn the direction of writing, become visible.
func clean(s string) string {
	const longest = 2000
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '�'
		}
		return r
	}, s)
}
