package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// surrogate is an escape that can be half of a pair.
var surrogate = regexp.MustCompile(`\\u[dD][89a-fA-F]`)

// FuzzParse holds the scanner against encoding/json. What is read here is read there
// with the same meaning; what is read there and refused here is refused for a reason
// that can be named; and the deterministic form is one form.
func FuzzParse(f *testing.F) {
	for _, p := range vectors(f).Passport {
		f.Add(p.CanonicalHeaderJSON)
		f.Add(p.CanonicalClaimsJSON)
	}
	for _, text := range []string{
		`{"b":1,"a":{"\u0061":[1.0,-2e5,"\ud83d\ude00\/"]}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, "\"\xff\"", `[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]`, ` [ ] `, `1e400`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d Doc
		err := d.Parse(text, Limits{})
		if err != nil {
			refusedForAReason(t, text, err)
			return
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil || !json.Valid([]byte(text)) {
			t.Fatalf("Parse read %q, encoding/json says %v", text, err)
		}
		if got := meaning(d.Root()); !reflect.DeepEqual(got, want) {
			t.Fatalf("Parse read %q as %#v, encoding/json as %#v", text, got, want)
		}
		form := d.Root().Canonical()
		if d.Deterministic() != (form == text) {
			t.Fatalf("Deterministic(%q) = %v, and its form is %q", text, d.Deterministic(), form)
		}
		var again Doc
		if err := again.Parse(form, Limits{}); err != nil || !again.Deterministic() || again.Root().Canonical() != form {
			t.Fatalf("the form %q of %q is not its own form: %v", form, text, err)
		}
		if got := meaning(again.Root()); !reflect.DeepEqual(got, want) {
			t.Fatalf("the form %q of %q means something else", form, text)
		}
	})
}

func refusedForAReason(t *testing.T, text string, err error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Offset < 0 || e.Offset > len(text) || e.Error() == "" {
		t.Fatalf("Parse(%q) = %#v", text, err)
	}
	if !json.Valid([]byte(text)) {
		return
	}
	s := survey(text)
	switch {
	case e.Problem == Repeated && s.repeated:
	case e.Problem == TooLarge && (len(text) > defaultBytes || s.depth > defaultDepth || s.values > defaultValues):
	case e.Problem == Syntax && (!utf8.ValidString(text) || surrogate.MatchString(text)):
	default:
		t.Fatalf("Parse(%q) = %v, encoding/json reads it", text, err)
	}
}

// extent is what can be said of a JSON text by walking the tokens of encoding/json.
type extent struct {
	depth, values int
	repeated      bool
}

func survey(text string) (e extent) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	e.walk(decoder, 0)
	return e
}

func (e *extent) walk(decoder *json.Decoder, depth int) {
	token, err := decoder.Token()
	if err != nil {
		return
	}
	e.values++
	open, ok := token.(json.Delim)
	if !ok {
		return
	}
	e.depth = max(e.depth, depth+1)
	seen := map[string]bool{}
	for decoder.More() {
		if open == '{' {
			name, _ := decoder.Token()
			text, _ := name.(string)
			e.repeated = e.repeated || seen[text]
			seen[text] = true
			e.values++
		}
		e.walk(decoder, depth+1)
	}
	decoder.Token()
}

// meaning returns a value as encoding/json would.
func meaning(v Value) any {
	switch v.Kind() {
	case Bool:
		return v.Raw() == "true"
	case Number:
		return json.Number(v.Raw())
	case String:
		s, _ := v.Text()
		return s
	case Array:
		list := []any{}
		for e := range v.Elements() {
			list = append(list, meaning(e))
		}
		return list
	case Object:
		members := map[string]any{}
		for name, m := range v.Members() {
			members[name] = meaning(m)
		}
		return members
	}
	return nil
}
