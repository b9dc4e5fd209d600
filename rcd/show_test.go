package rcd_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"countersign.example/rcd"
	"pgregory.net/rapid"
)

func TestCleanLeavesWhatCanBeSeen(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"plain text stays", "Röhm & Söhne <x>", "Röhm & Söhne <x>"},
		{"other scripts stay", "株式会社 Пример شركة", "株式会社 Пример شركة"},
		{"marks on letters stay", "e\u0301 हिन्दी", "e\u0301 हिन्दी"},
		{"direction overrides go", "Bank\u202eknaB\u2066x\u2069", "BankknaBx"},
		{"marks of direction go", "\u200fBank\u200e\u061c", "Bank"},
		{"controls go", "Ba\x00n\x1bk\x7f\u0085x", "Bank x"},
		{"line breaks become spaces", "Bank\r\nof\u2028X\t", "Bank of X"},
		{"spaces become one", "  Bank \u00a0\u3000 of  X  ", "Bank of X"},
		{"characters of no width go", "Ba\u200bn\u2060k\ufeff\u00ad", "Bank"},
		{"letters without a shape go", "Ba\u3164n\u115fk\uffa0\u034f", "Bank"},
		{"a blank symbol is a space", "Bank\u2800of\u2800", "Bank of"},
		{"variation selectors go", "Ba\ufe0fnk\U000e0101", "Bank"},
		{"tags go", "Bank\U000e0041\U000e007f", "Bank"},
		{"private and unassigned characters go", "Ba\ue000nk\U0010ffff\u0378", "Bank"},
		{"marks are not heaped", "a" + strings.Repeat("\u0300", 50) + "b", "a\u0300\u0300\u0300b"},
		{"a mark needs a letter", "\u0300Bank \u0300x", "Bank x"},
		{"what cannot be decoded goes", "Ba\xffnk\ufffd", "Bank"},
		{"long text is cut", strings.Repeat("ab ", 50), strings.Repeat("ab ", 21) + "…"},
		{"text of just the length is not", strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{"nothing stays nothing", "\u202e \u200b", ""},
	} {
		got := rcd.Clean(c.in, 64)
		if c.why == "long text is cut" {
			c.want = strings.TrimSpace(c.want[:len(c.want)-len("…")]) + "…"
		}
		if got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.why, c.in, got, c.want)
		}
	}
	if got := rcd.Clean("Bank", 0); got != "" {
		t.Errorf("Clean to no characters = %q", got)
	}
}

// Whatever a stranger writes, what is shown is short, stays the same when cleaned again,
// and holds nothing that cannot be seen.
func TestCleanIsSafe(t *testing.T) {
	nasty := rapid.SampledFrom([]rune("ab \u202e\u2067\u200b\u0300\u0301\u3164\ufe0f\x00\x1b\u2028é…"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(nasty)).Draw(t, "text")
		most := rapid.IntRange(1, 80).Draw(t, "most")
		got := rcd.Clean(text, most)
		if n := utf8.RuneCountInString(got); n > most || !utf8.ValidString(got) {
			t.Fatalf("Clean(%q, %d) = %q of %d characters", text, most, got, n)
		}
		if again := rcd.Clean(got, most); again != got {
			t.Fatalf("Clean(%q) = %q, and again %q", text, got, again)
		}
		if strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Fatalf("Clean(%q) = %q has spaces to spare", text, got)
		}
		for _, r := range got {
			if r != ' ' && !unicode.IsGraphic(r) {
				t.Fatalf("Clean(%q) = %q holds %U", text, got, r)
			}
		}
	})
}

func TestSameNameLooksPastWhatIsNotShown(t *testing.T) {
	s := rcd.Shown{Name: "Q Branch"}
	for name, want := range map[string]bool{
		"Q Branch": true, " Q  Branch\u200b ": true, "q branch": false, "Q Brаnch": false, "": false, "Q": false,
	} {
		if got := s.SameName(name); got != want {
			t.Errorf("SameName(%q) = %v, want %v", name, got, want)
		}
	}
	if !(rcd.Shown{}).SameName("") || !(rcd.Shown{}).IsZero() || s.IsZero() {
		t.Error("nothing signed is the same as nothing shown, and only that is nothing")
	}
}
