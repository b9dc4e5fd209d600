package strictjson

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

type vectorFile struct {
	JCS      struct{ KeyOrder, KeyOrderByCodePoint []string }
	Passport []struct{ Name, CanonicalHeaderJSON, CanonicalClaimsJSON string }
}

func vectors(t testing.TB) vectorFile {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectorFile
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func claimsOf(t testing.TB, name string) string {
	t.Helper()
	for _, p := range vectors(t).Passport {
		if p.Name == name {
			return p.CanonicalClaimsJSON
		}
	}
	t.Fatalf("no vector %s", name)
	return ""
}

// What RFC 8259 calls JSON is read, and nothing else. The cases follow the sections of
// the RFC.
func TestParseReadsWhatIsJSON(t *testing.T) {
	for _, text := range []string{
		// Section 2: any value may stand alone, white space around it.
		`null`, `true`, `false`, `0`, `""`, `[]`, `{}`, " \t\r\n[ \n] \t", `[null,true,false]`,
		// Section 4: objects.
		`{"a":1}`, `{"":0}`, `{"a":{},"b":[]}`, "{ \"a\" : 1 , \"b\" : 2 }", `{"a":{"a":{"a":1}}}`,
		// Section 5: arrays.
		`[[]]`, `[1,[2,[3]]]`, `["",[],{}]`,
		// Section 6: numbers.
		`-0`, `-1`, `10`, `1.0`, `0.1`, `1e5`, `1E5`, `1e+5`, `1e-05`, `-0.0e-0`, `123456789012345678901234567890`, `1e400`, `[0]`,
		// Section 7: strings.
		`"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\u00e9\u00E9"`, `"\ud83d\ude00"`, `"\uD83D\uDE00x"`, `"\uffff"`, "\"\x7f\"", `"é€😀"`, "\"\u2028\"", `"\\u12"`,
	} {
		var d Doc
		if err := d.Parse(text, Limits{}); err != nil {
			t.Errorf("Parse(%q) = %v, want it read", text, err)
		}
		if got := d.Root().Raw(); got != strings.Trim(text, " \t\r\n") {
			t.Errorf("Raw of %q = %q", text, got)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("the case %q is not JSON", text)
		}
	}
}

func TestParseRefusesWhatIsNotJSON(t *testing.T) {
	for _, text := range []string{
		// Nothing, or more than one thing.
		``, ` `, `1 2`, `{}{}`, `[]]`, `{}}`, `""x`, `null,`, "null\x00", "\ufeff{}", "{}\ufeff",
		// Literals of another case, shape or length.
		`True`, `NULL`, `nul`, `tru`, `fals`, `nulls`, `NaN`, `Infinity`, `-Infinity`, `undefined`, `t`, `n`, `f`,
		// Objects.
		`{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{"a":}`, `{:1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{"a":1 "b":2}`, `{"a":1,,"b":2}`, `{"a"::1}`, `{"a":1]`, `{"a":{["b":1]}}`, `{[]:1}`,
		// Arrays.
		`[`, `]`, `[1`, `[1,`, `[1,]`, `[,1]`, `[,]`, `[1 2]`, `[1}`, `[1,,2]`, `["a"`, `[:]`,
		// Numbers.
		`-`, `+1`, `01`, `-01`, `00`, `1.`, `.1`, `-.1`, `1.e1`, `1e`, `1e+`, `1E-`, `1.0e`, `0x10`, `1_000`, `1,000`, `1a`, `--1`, `1-`, `１`, `[01]`, `1.1.1`,
		// Strings.
		`"`, `"a`, `"\"`, `'a'`, `"\a"`, `"\'"`, `"\x41"`, `"\u"`, `"\u1"`, `"\u12"`, `"\u123"`, `"\u123g"`, `"\u+123"`, `"\u1_23"`, `"\U0041"`, `"\`, `"\0"`, `"\u{41}"`, "\"\n\"", "\"\t\"", "\"\x00\"", "\"\x1f\"", "\"\\\n\"",
		// Half of a surrogate pair, and pairs in the wrong order.
		`"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"\ud83d\ud83d"`, `"\ude00\ud83d"`, `"\uDFFF"`, `{"\ud800":1}`,
		// Not UTF-8: a lone byte, an overlong form, a surrogate, beyond the last, cut short.
		"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\xff", "{\"a\":1}\xc3",
		// White space that is none, and comments.
		"\u00a0{}", "\v{}", "\f{}", "{}\u2028", `{}//`, `/**/{}`, `{"a":1}#`,
	} {
		var d Doc
		err := d.Parse(text, Limits{})
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Problem != Syntax {
			t.Errorf("Parse(%q) = %v, want it refused for its syntax", text, err)
			continue
		}
		if e.Offset < 0 || e.Offset > len(text) || e.Error() == "" {
			t.Errorf("Parse(%q): offset %d, text %q", text, e.Offset, e.Error())
		}
		if d.Root().Kind() != Invalid || d.Deterministic() {
			t.Errorf("Parse(%q) left something of it to read", text)
		}
	}
}

// Row 14 of the conformance checklist.
func TestRow14MembersOfOneNameAreRefusedAtEveryLevel(t *testing.T) {
	for text, name := range map[string]string{
		`{"orig":1,"orig":1}`:                 "orig",
		`{"a":1,"orig":1,"b":2,"orig":3}`:     "orig",
		`{"b":1,"a":1,"b":1}`:                 "b",
		`{"":1,"":1}`:                         "",
		`[{"a":1,"a":1}]`:                     "a",
		`{"x":{"y":[0,{"z":1,"z":1}]}}`:       "z",
		`{"x":{"a":1},"y":{"b":1,"b":2}}`:     "b",
		`{"orig":1,"\u006frig":1}`:            "orig",
		`{"\u006Frig":1,"\u006frig":1}`:       "orig",
		`{"a\/b":1,"a/b":1}`:                  "a/b",
		`{"\ud83d\ude00":1,"😀":1}`:            "😀",
		`{"a\u0000":1,"a":1,"a\u0000":1}`:     "a\x00",
		"{ \"a\" : 1 ,\n\"a\" : {\"b\":1} }":  "a",
		`{"z":{"deep":[1,2,3]},"a":0,"z":[]}`: "z",
	} {
		var d Doc
		err := d.Parse(text, Limits{})
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Problem != Repeated || e.Name != name {
			t.Errorf("Parse(%s) = %v, want %q refused as repeated", text, err, name)
			continue
		}
		if at := text[e.Offset:]; !strings.HasPrefix(at, `"`) {
			t.Errorf("Parse(%s): offset %d is at %q, want the second name", text, e.Offset, at)
		}
	}
	// The same name in different objects, and as a value, is nothing to complain about.
	for _, text := range []string{
		`{"a":{"a":{"a":"a"}},"b":{"a":1}}`, `[{"a":1},{"a":1}]`, `{"b":"a","a":"a"}`, `{"b":["a","a"],"a":1}`, `{"é":1,"e\u0301":1}`,
	} {
		var d Doc
		if err := d.Parse(text, Limits{}); err != nil {
			t.Errorf("Parse(%s) = %v, want it read", text, err)
		}
	}
}

// Row 15 of the conformance checklist.
func TestRow15NamesAreComparedExactly(t *testing.T) {
	var d Doc
	if err := d.Parse(`{"IAT":1,"Orig":2,"iat":3,"ſ":4,"K":5}`, Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"IAT": "1", "Orig": "2", "iat": "3", "orig": "", "Iat": "", "s": "", "k": "", "iat ": "", "": ""} {
		if got := d.Root().Member(name).Raw(); got != want {
			t.Errorf("Member(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLimitsBoundWhatIsRead(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	deepObjects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }
	for _, c := range []struct {
		why    string
		text   string
		limits Limits
		ok     bool
	}{
		{"as deep as may be", deep(16), Limits{}, true},
		{"one deeper", deep(17), Limits{}, false},
		{"objects as deep as may be", deepObjects(16), Limits{}, true},
		{"objects one deeper", deepObjects(17), Limits{}, false},
		{"a value needs no depth", `1`, Limits{Depth: 1}, true},
		{"one level", `[1]`, Limits{Depth: 1}, true},
		{"two levels", `[[1]]`, Limits{Depth: 1}, false},
		{"a bomb of brackets", strings.Repeat("[", 60<<10), Limits{}, false},
		{"a bomb of objects", strings.Repeat(`{"":`, 15<<10), Limits{}, false},
		{"as many values as may be", list(4095), Limits{}, true},
		{"one more", list(4096), Limits{}, false},
		{"names count", `{"a":1,"b":2}`, Limits{Values: 5}, true},
		{"names count, one more", `{"a":1,"b":2}`, Limits{Values: 4}, false},
		{"as long as may be", `"` + strings.Repeat("a", 64<<10-2) + `"`, Limits{}, true},
		{"one byte longer", `"` + strings.Repeat("a", 64<<10-1) + `"`, Limits{}, false},
		{"shorter by choice", `[1,2]`, Limits{Bytes: 5}, true},
		{"too long by choice", `[1,2]`, Limits{Bytes: 4}, false},
	} {
		var d Doc
		err := d.Parse(c.text, c.limits)
		if c.ok && err != nil {
			t.Errorf("%s: Parse = %v, want it read", c.why, err)
		}
		if e, is := errors.AsType[*Error](err); !c.ok && (!is || e.Problem != TooLarge) {
			t.Errorf("%s: Parse = %v, want it too large", c.why, err)
		}
	}
}

func TestDocMayBeUsedAgain(t *testing.T) {
	var d Doc
	for _, c := range []struct{ text, want string }{
		{`{"a":1}`, "1"}, {`{`, ""}, {`{"a":2}`, "2"}, {strings.Repeat(" ", 70<<10), ""}, {`{"b":{"a":5},"a":3}`, "3"}, {"\xff", ""}, {`{"a":4}`, "4"},
	} {
		err := d.Parse(c.text, Limits{})
		if got := d.Root().Member("a").Raw(); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("after Parse(%.20q) = %v: a is %q, want %q", c.text, err, got, c.want)
		}
		if want := c.text == `{"a":1}` || c.text == `{"a":2}` || c.text == `{"a":4}`; d.Deterministic() != want {
			t.Errorf("after Parse(%.20q): Deterministic() = %v, want %v", c.text, d.Deterministic(), want)
		}
	}
}

// Row 12 of the conformance checklist.
func TestRow12MembersAreOrderedByCodePoint(t *testing.T) {
	v := vectors(t).JCS
	if len(v.KeyOrder) == 0 || slices.Equal(v.KeyOrder, v.KeyOrderByCodePoint) {
		t.Fatal("the vectors do not tell code points from UTF-16 units")
	}
	for _, order := range [][]string{v.KeyOrder, v.KeyOrderByCodePoint} {
		inner := object(order, "1")
		for _, text := range []string{inner, `[{"b":1,"a":` + inner + `}]`} {
			want := strings.ReplaceAll(text, inner, object(v.KeyOrderByCodePoint, "1"))
			want = strings.ReplaceAll(want, `{"b":1,"a":`+object(v.KeyOrderByCodePoint, "1")+`}`, `{"a":`+object(v.KeyOrderByCodePoint, "1")+`,"b":1}`)
			var d Doc
			if err := d.Parse(text, Limits{}); err != nil {
				t.Fatal(err)
			}
			if got := d.Root().Canonical(); got != want {
				t.Errorf("Canonical of %s = %s\nwant %s", text, got, want)
			}
			if d.Deterministic() != (text == want) {
				t.Errorf("Deterministic(%s) = %v", text, d.Deterministic())
			}
		}
	}
}

func object(names []string, value string) string {
	var b []byte
	for _, name := range names {
		b = append(append(AppendQuote(append(b, ','), name), ':'), value...)
	}
	return "{" + string(b[1:]) + "}"
}

// Row 13 of the conformance checklist.
func TestRow13NothingIsEscapedThatNeedNotBe(t *testing.T) {
	want := claimsOf(t, "derived-escape")
	var claims any
	if err := json.Unmarshal([]byte(want), &claims); err != nil {
		t.Fatal(err)
	}
	escaped, err := json.Marshal(claims)
	if err != nil || string(escaped) == want {
		t.Fatalf("encoding/json wrote %s, %v: the case proves nothing", escaped, err)
	}
	for _, text := range []string{want, string(escaped), " " + strings.ReplaceAll(want, ":", " : ")} {
		var d Doc
		if err := d.Parse(text, Limits{}); err != nil {
			// A colon inside a text may have got spaces, which is another text.
			t.Fatal(err)
		}
		if got := d.Root().Member("rcd").Canonical(); !strings.Contains(want, `"rcd":`+got) {
			t.Errorf("Canonical of rcd in %s = %s", text, got)
		}
		if d.Deterministic() != (text == want) {
			t.Errorf("Deterministic(%s) = %v", text, d.Deterministic())
		}
	}
	for text, quoted := range map[string]string{
		"Röhm & Söhne <x>":           `"Röhm & Söhne <x>"`,
		"\u2028\u2029\x7f\ufeff😀/'":  "\"\u2028\u2029\x7f\ufeff😀/'\"",
		"\"\\\b\f\n\r\t\x00\x1f\x0b": `"\"\\\b\f\n\r\t\u0000\u001f\u000b"`,
		"":                           `""`,
		"a\xffb":                     "\"a\ufffdb\"",
	} {
		if got := Quote(text); got != quoted {
			t.Errorf("Quote(%q) = %s, want %s", text, got, quoted)
		}
	}
}

func TestDeterministicIsTheOneForm(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":1,"b":[true,null]}`: true, `{"b":1,"a":1}`: false, `{"a": 1}`: false, ` {}`: false, "{}\n": false,
		`"\u000a"`: false, `"\n"`: true, `"\/"`: false, `"\u001f"`: true, `"\u001F"`: false, `"\u00e9"`: false, `"é"`: true,
		`"\u0041"`: false, `{"\u0061":1}`: false, `[{"b":1,"a":1}]`: false, `{"a":{"c":1,"b":1},"b":1}`: false, `{"a":1,"aa":1,"b":1}`: true,
		`{"A":1,"a":1}`: true, `{"a":1,"A":1}`: false, `1.0`: true, `"\""`: true, `"\\"`: true,
	} {
		var d Doc
		if err := d.Parse(text, Limits{}); err != nil {
			t.Fatal(err)
		}
		if d.Deterministic() != want {
			t.Errorf("Deterministic(%s) = %v, want %v", text, d.Deterministic(), want)
		}
	}
}

// Parsing the claims of a SHAKEN PASSporT needs no memory beyond the Doc.
func TestParsingClaimsAllocatesNothing(t *testing.T) {
	text := claimsOf(t, "derived-shaken-A")
	var d Doc
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Parse(text, Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Parse allocates %v times, want 0", n)
	}
}
