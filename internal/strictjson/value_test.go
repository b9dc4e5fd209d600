package strictjson

import (
	"slices"
	"testing"
)

func TestValueWalk(t *testing.T) {
	var d Doc
	if err := d.Parse(`{"n":-12,"s":"a\u00e9","l":[1,[2],{"x":3}],"o":{"k":null},"t":true,"f":1.5,"big":9223372036854775808}`, Limits{}); err != nil {
		t.Fatal(err)
	}
	root := d.Root()
	var names []string
	for name := range root.Members() {
		names = append(names, name)
	}
	if want := []string{"n", "s", "l", "o", "t", "f", "big"}; !slices.Equal(names, want) {
		t.Errorf("Members = %q, want the order received, %q", names, want)
	}
	for _, c := range []struct {
		v    Value
		kind Kind
		raw  string
		len  int
	}{
		{root.Member("n"), Number, "-12", 0},
		{root.Member("s"), String, `"a\u00e9"`, 0},
		{root.Member("l"), Array, `[1,[2],{"x":3}]`, 3},
		{root.Member("l").Element(1).Element(0), Number, "2", 0},
		{root.Member("l").Element(2).Member("x"), Number, "3", 0},
		{root.Member("o"), Object, `{"k":null}`, 1},
		{root.Member("o").Member("k"), Null, "null", 0},
		{root.Member("t"), Bool, "true", 0},
		{root, Object, root.Raw(), 7},
		{root.Member("none"), Invalid, "", 0},
		{root.Member("l").Element(3), Invalid, "", 0},
		{root.Member("l").Element(-1), Invalid, "", 0},
		{root.Member("n").Member("x"), Invalid, "", 0},
		{root.Element(0), Invalid, "", 0},
		{root.Member("l").Member("x"), Invalid, "", 0},
		{(*Doc)(nil).Root(), Invalid, "", 0},
		{new(Doc).Root(), Invalid, "", 0},
		{Value{}, Invalid, "", 0},
	} {
		if c.v.Kind() != c.kind || c.v.Raw() != c.raw || c.v.Len() != c.len {
			t.Errorf("value is %v %q of %d, want %v %q of %d", c.v.Kind(), c.v.Raw(), c.v.Len(), c.kind, c.raw, c.len)
		}
	}
	if s, ok := root.Member("s").Text(); s != "aé" || !ok {
		t.Errorf("Text = %q, %v", s, ok)
	}
	for name, want := range map[string]int64{"n": -12, "s": 0, "f": 0, "big": 0, "t": 0, "none": 0} {
		if got, ok := root.Member(name).Int(); got != want && ok || ok != (name == "n") {
			t.Errorf("Int of %s = %d, %v", name, got, ok)
		}
	}
	if _, ok := root.Member("n").Text(); ok {
		t.Error("a number is text")
	}
	if (Value{}).Canonical() != "" {
		t.Error("nothing has a form")
	}
}

// Whoever stops walking early is not called again.
func TestWalkMayStop(t *testing.T) {
	var d Doc
	if err := d.Parse(`{"a":[1,2],"b":[3]}`, Limits{}); err != nil {
		t.Fatal(err)
	}
	for name := range d.Root().Members() {
		if name != "a" {
			t.Errorf("reached %s after stopping", name)
		}
		break
	}
	for e := range d.Root().Member("a").Elements() {
		if e.Raw() != "1" {
			t.Errorf("reached %s after stopping", e.Raw())
		}
		break
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Invalid; k <= Object; k++ {
		if s := k.String(); s == "" || seen[s] {
			t.Errorf("Kind %d is %q", k, s)
		} else {
			seen[s] = true
		}
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Problem: Syntax, Offset: 3}, "json: not well formed at byte 3"},
		{Error{Problem: Repeated, Offset: 3, Name: "a"}, `json: member "a" stands twice in one object, at byte 3`},
		{Error{Problem: TooLarge, Offset: 3}, "json: larger or more deeply nested than is read, at byte 3"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("Error() = %q, want %q", got, c.want)
		}
	}
}
