package tn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign.example/tn"
	"pgregory.net/rapid"
)

type vectorFile struct {
	CanonicalTN struct {
		Cases []struct{ In, Out, Why string }
	}
	TNRange struct {
		Cases []struct {
			Start string
			Count uint64
			Valid bool
			Why   string
		}
	}
}

func vectors(t testing.TB) vectorFile {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectorFile
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Row 62 of the conformance checklist.
func TestRow62NumbersOfTheVectorsBecomeCanonical(t *testing.T) {
	cases := vectors(t).CanonicalTN.Cases
	if len(cases) == 0 {
		t.Fatal("no cases in the vectors")
	}
	for _, c := range cases {
		if got, err := tn.Parse(c.In); string(got) != c.Out || err != nil {
			t.Errorf("%s: Parse(%q) = %q, %v, want %q", c.Why, c.In, got, err, c.Out)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"digits stay", "12155551212", "12155551212"},
		{"leading zeros stay", "0012155551212", "0012155551212"},
		{"separators go", "(215) 555-12.12", "2155551212"},
		{"plus after separators", " (+44) 20 7946 0018", "442079460018"},
		{"tel scheme in any case", "TEL:+12155551212", "12155551212"},
		{"parameters are cut before digits are read", "tel:911;phone-context=+1", "911"},
		{"percent-encoding is undone", "%2b1%32155551212", "12155551212"},
		{"service codes stay", "*#06#", "*#06#"},
		{"the longest number", strings.Repeat("9", tn.MaxLen), strings.Repeat("9", tn.MaxLen)},
		{"separators do not count", strings.Repeat("9-", tn.MaxLen), strings.Repeat("9", tn.MaxLen)},

		{"nothing", "", ""},
		{"scheme alone", "tel:", ""},
		{"plus alone", "+", ""},
		{"separators alone", "()-. ", ""},
		{"parameters alone", ";ext=44", ""},
		{"two plus signs", "++12155551212", ""},
		{"a plus inside", "1+2155551212", ""},
		{"letters", "1-800-FLOWERS", ""},
		{"a name", "alice", ""},
		{"a SIP URI", "sip:+12155551212@example.com", ""},
		{"a host", "+12155551212@example.com", ""},
		{"a password", "+12155551212:secret", ""},
		{"an encoded semicolon", "12155551212%3Bext=1", ""},
		{"half an escape", "1215555121%3", ""},
		{"a faulty escape", "%zz12155551212", ""},
		{"an encoded escape", "%252b12155551212", ""},
		{"digits of another script", "١٢٣", ""},
		{"a line break", "12155551212\r\n", ""},
		{"one digit too long", strings.Repeat("9", tn.MaxLen+1), ""},
		{"separators without end", strings.Repeat("-", 5*tn.MaxLen) + "1", ""},
	} {
		got, err := tn.Parse(c.in)
		if string(got) != c.want {
			t.Errorf("%s: Parse(%q) = %q, want %q", c.why, c.in, got, c.want)
		}
		if (err != nil) != (c.want == "") || err != nil && !errors.Is(err, tn.ErrSyntax) {
			t.Errorf("%s: Parse(%q) error = %v", c.why, c.in, err)
		}
		if got.IsZero() != (c.want == "") {
			t.Errorf("%s: IsZero() = %v", c.why, got.IsZero())
		}
	}
}

func TestMustParsePanicsForWhatIsNoNumber(t *testing.T) {
	if got := tn.MustParse("+1 215 555 1212"); got != "12155551212" {
		t.Errorf("MustParse = %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("MustParse(alice) did not panic")
		}
	}()
	tn.MustParse("alice")
}

func TestPlanMakesNationalNumbersInternational(t *testing.T) {
	british := tn.Plan{Country: "44", Trunk: "0", International: "00"}
	american := tn.Plan{Country: "1", Trunk: "1", International: "011"}
	russian := tn.Plan{Country: "7", Trunk: "8", International: "810"}
	for _, c := range []struct {
		why  string
		plan tn.Plan
		in   string
		want string
	}{
		{"national", british, "020 7946 0018", "442079460018"},
		{"international by prefix", british, "0012155551212", "12155551212"},
		{"international by plus", british, "+442079460018", "442079460018"},
		{"plus beats a prefix that looks the same", russian, "+81312345678", "81312345678"},
		{"plus in brackets", russian, "(+81) 3 1234 5678", "81312345678"},
		{"plus in a tel URI", russian, "tel:%2B81312345678", "81312345678"},
		{"longest prefix first", russian, "8101215551212", "1215551212"},
		{"national with a trunk digit that is the country code", american, "12155551212", "12155551212"},
		{"international from America", american, "011442079460018", "442079460018"},
		{"emergency stays", british, "112", "112"},
		{"emergency stays in America", american, "911", "911"},
		{"trunk alone stays", british, "0", "0"},
		{"prefix alone is a trunk number", british, "00", "440"},
		{"no plan changes nothing", tn.Plan{}, "0207946", "0207946"},
		{"no number", british, "alice", ""},
		{"too long with the country code", british, "0" + strings.Repeat("1", tn.MaxLen-1), ""},
		{"a country that is no number", tn.Plan{Country: "+44", Trunk: "0"}, "0207946", ""},
	} {
		got, err := c.plan.Parse(c.in)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: Parse(%q) = %q, %v, want %q", c.why, c.in, got, err, c.want)
		}
	}
}

func TestInternationalNumbers(t *testing.T) {
	for n, want := range map[tn.Number]bool{
		"12155551212": true, "4420794": true, "123456789012345": true,
		"": false, "911": false, "012155551212": false, "1234567890123456": false, "1215555*212": false, "+12155551212": false,
	} {
		if got := n.International(); got != want {
			t.Errorf("International(%q) = %v, want %v", n, got, want)
		}
	}
}

func TestMaskedHidesTheEnd(t *testing.T) {
	for n, want := range map[tn.Number]string{
		"12155551212": "+1215555••••", "442079460018": "+44207946••••", "2155551": "+215••••", "0215555": "021••••",
		"*67#": "*6••", "911": "9••", "11": "1•", "1": "•", "": "",
	} {
		if got := n.Masked(); got != want {
			t.Errorf("Masked(%q) = %q, want %q", n, got, want)
		}
	}
}

func number() *rapid.Generator[tn.Number] {
	return rapid.Custom(func(t *rapid.T) tn.Number {
		return tn.Number(rapid.StringMatching(`[0-9#*]{1,32}`).Draw(t, "number"))
	})
}

// No whole number reaches a log line, in any handler, alone, by pointer, in a group or
// among the arguments of a logger.
func TestNoWholeNumberIsLogged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := number().Draw(t, "n")
		var b bytes.Buffer
		// The time and the level could hold the digits of a short number.
		bare := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		}}
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, bare), slog.NewJSONHandler(&b, bare)} {
			b.Reset()
			logger := slog.New(h).With("with", n)
			logger.Info("call", "from", n, "pointer", &n, slog.Group("to", "number", n), slog.Any("any", n))
			if strings.Contains(b.String(), string(n)) {
				t.Fatalf("%s holds %s", b.String(), n)
			}
			if got := strings.Count(b.String(), n.Masked()); got != 5 {
				t.Fatalf("%s holds %q %d times, want 5", b.String(), n.Masked(), got)
			}
		}
		if shown := strings.Trim(n.Masked(), "+•"); shown == string(n) || !strings.HasPrefix(string(n), shown) {
			t.Fatalf("Masked(%s) = %s", n, n.Masked())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range vectors(f).CanonicalTN.Cases {
		f.Add(c.In)
	}
	f.Add("%2B1;x")
	f.Add("++1")
	plan := tn.Plan{Country: "44", Trunk: "0", International: "00"}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := tn.Parse(s)
		if err != nil {
			if n != "" || !errors.Is(err, tn.ErrSyntax) {
				t.Fatalf("Parse(%q) = %q, %v", s, n, err)
			}
			return
		}
		if !n.Canonical() || len(n) > tn.MaxLen || n.IsZero() {
			t.Fatalf("Parse(%q) = %q, which is not canonical", s, n)
		}
		for _, again := range []string{n.String(), "tel:" + n.String(), n.String() + ";ext=1"} {
			if m, err := tn.Parse(again); m != n || err != nil {
				t.Fatalf("Parse(%q) = %q, %v, want %q", again, m, err, n)
			}
		}
		// Every digit of the result stood in the text, in that order.
		if rest := []byte(s); !strings.Contains(s, "%") {
			for i := range len(n) {
				at := slices.Index(rest, n[i])
				if at < 0 {
					t.Fatalf("Parse(%q) = %q made up a digit", s, n)
				}
				rest = rest[at+1:]
			}
		}
		if m, err := plan.Parse(s); err == nil && !m.Canonical() {
			t.Fatalf("Plan.Parse(%q) = %q, which is not canonical", s, m)
		}
	})
}

func TestNumbersInTextAreMaskedAndOtherDigitsAreNot(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"port 5060, status 404":            "port 5060, status 404",
		"sip:+12025550100@a.example":       "sip:+1202555••••@a.example",
		"from 4420794600 to 1234567":       "from 442079•••• to 123••••",
		"https://1.2.3.4:8443/a/5550100/b": "https://1.2.3.4:8443/a/555••••/b",
	} {
		if got := tn.MaskIn(in); got != want {
			t.Errorf("MaskIn(%q) = %q, want %q", in, got, want)
		}
	}
}
