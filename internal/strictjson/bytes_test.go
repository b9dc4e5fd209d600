package strictjson

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Bytes are read as the same text is, wherever a control character or an escape stands.
func TestBytesAreReadAsTextIs(t *testing.T) {
	pieces := rapid.SampledFrom([]string{`"`, `\n`, `\`, "\x1f", "\x00", "\n", " ", "a", "0123456", "ä", "\x7f", "\xff", "{", "}", ":", ",", "[", "]", "1"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 24).Draw(t, "text"), "")
		if rapid.Bool().Draw(t, "as a string") {
			text = `{"a":"` + text + `"}`
		}
		var d, e Doc
		err1, err2 := d.Parse(text, Limits{}), e.ParseBytes([]byte(text), Limits{})
		f1, _ := errors.AsType[*Error](err1)
		f2, _ := errors.AsType[*Error](err2)
		switch {
		case (f1 == nil) != (f2 == nil):
			t.Fatalf("Parse(%q) = %v, ParseBytes = %v", text, err1, err2)
		case f1 != nil && *f1 != *f2:
			t.Fatalf("Parse(%q) = %+v, ParseBytes = %+v", text, *f1, *f2)
		case d.Root().Canonical() != e.Root().Canonical() || d.Deterministic() != e.Deterministic():
			t.Fatalf("Parse(%q) reads %s, ParseBytes %s", text, d.Root().Canonical(), e.Root().Canonical())
		}
	})
}
