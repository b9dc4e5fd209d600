package strictjson

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is a place in a [Doc]. The zero Value is of kind [Invalid]; every method
// may be called on it and says no.
type Value struct {
	doc *Doc
	at  uint32
}

// Root returns the whole document, or the zero Value if nothing was parsed.
func (d *Doc) Root() Value {
	if d == nil || len(d.nodes) == 0 {
		return Value{}
	}
	return Value{d, 0}
}

// Kind returns the kind of v.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Invalid
	}
	return v.doc.nodes[v.at].kind
}

// Raw returns the text of v as it was received.
func (v Value) Raw() string {
	if v.doc == nil {
		return ""
	}
	n := v.doc.nodes[v.at]
	return v.doc.text[n.start:n.end]
}

// Text returns the characters of a string value.
func (v Value) Text() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return v.doc.nameAt(int(v.at)), true
}

// Int returns the value of a number that is written as an integer and fits.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	i, err := strconv.ParseInt(v.Raw(), 10, 64)
	return i, err == nil
}

// Len returns how many members or elements v has.
func (v Value) Len() int {
	n := 0
	if v.Kind() == Object {
		for range v.Members() {
			n++
		}
	}
	for range v.Elements() {
		n++
	}
	return n
}

// Members yields the members of an object in the order received, and nothing for
// any other kind.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		nodes := v.doc.nodes
		for i := v.at + 1; i < nodes[v.at].next; i = nodes[i+1].next {
			if !yield(v.doc.nameAt(int(i)), Value{v.doc, i + 1}) {
				return
			}
		}
	}
}

// Elements yields the elements of an array, and nothing for any other kind.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		nodes := v.doc.nodes
		for i := v.at + 1; i < nodes[v.at].next; i = nodes[i].next {
			if !yield(Value{v.doc, i}) {
				return
			}
		}
	}
}

// Member returns the member of that exact name, or the zero Value.
func (v Value) Member(name string) Value {
	for n, m := range v.Members() {
		if n == name {
			return m
		}
	}
	return Value{}
}

// Element returns element i of an array, counted from 0, or the zero Value.
func (v Value) Element(i int) Value {
	for e := range v.Elements() {
		if i == 0 {
			return e
		}
		i--
	}
	return Value{}
}

// Canonical returns v in the deterministic form of RFC 8225 section 9: no white
// space, members ordered by code point, literals as they are, and strings with no
// escapes but those that JSON demands.
func (v Value) Canonical() string {
	if v.doc == nil {
		return ""
	}
	return string(v.appendTo(nil))
}

func (v Value) appendTo(b []byte) []byte {
	switch v.Kind() {
	case String:
		text, _ := v.Text()
		return appendString(b, text)
	case Array:
		b = append(b, '[')
		first := true
		for e := range v.Elements() {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = e.appendTo(b)
		}
		return append(b, ']')
	case Object:
		return v.appendObject(b)
	}
	return append(b, v.Raw()...)
}

func (v Value) appendObject(b []byte) []byte {
	type member struct {
		name  string
		value Value
	}
	var members []member
	for n, m := range v.Members() {
		members = append(members, member{n, m})
	}
	// The order of UTF-8 bytes is the order of code points, not of UTF-16 units.
	slices.SortFunc(members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, m.name), ':')
		b = m.value.appendTo(b)
	}
	return append(b, '}')
}

// Quote returns text as a JSON string in the deterministic form.
func Quote(text string) string { return string(appendString(nil, text)) }

// AppendQuote appends text to b as a JSON string in the deterministic form. Text
// that is not UTF-8 has its faulty bytes replaced by U+FFFD.
func AppendQuote(b []byte, text string) []byte { return appendString(b, text) }

func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= 0x20:
			b = utf8.AppendRune(b, r)
		case strings.ContainsRune("\b\t\n\f\r", r):
			b = append(b, '\\', "btnfr"[strings.IndexRune("\b\t\n\f\r", r)])
		default:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		}
	}
	return append(b, '"')
}

// nameAt returns the characters of the string at node i.
func (d *Doc) nameAt(i int) string {
	n := &d.nodes[i]
	s := d.text[n.start+1 : n.end-1]
	if !n.escaped {
		return s
	}
	return unescape(s)
}

// escapeLen returns the length of the escape at the start of s, or 0 if it is none
// or half a surrogate pair.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if strings.IndexByte(`"\/bfnrt`, s[1]) >= 0 {
		return 2
	}
	r, ok := unit(s)
	switch {
	case !ok || utf16.IsSurrogate(r) && r >= 0xdc00:
		return 0
	case !utf16.IsSurrogate(r):
		return 6
	}
	low, ok := unit(s[6:])
	if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0
	}
	return 12
}

// unit reads one \uXXXX.
func unit(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	// ParseUint would take a sign or an underscore, so the digits are looked at first.
	if strings.Trim(s[2:6], "0123456789abcdefABCDEF") != "" {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:6], 16, 32)
	return rune(v), err == nil
}

// unescape undoes the escapes of s, which have been checked.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		n := escapeLen(s[i:])
		switch n {
		case 2:
			b.WriteByte(plain(s[i+1]))
		case 6:
			r, _ := unit(s[i:])
			b.WriteRune(r)
		default:
			hi, _ := unit(s[i:])
			lo, _ := unit(s[i+6:])
			b.WriteRune(utf16.DecodeRune(hi, lo))
		}
		i += n
	}
	return b.String()
}

func plain(c byte) byte {
	if i := strings.IndexByte("bfnrt", c); i >= 0 {
		return "\b\f\n\r\t"[i]
	}
	return c
}
