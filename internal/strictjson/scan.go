package strictjson

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

const (
	defaultBytes  = 64 << 10
	defaultDepth  = 16
	defaultValues = 4096
	// inlineNodes is how many values fit into a Doc without further memory: a SHAKEN
	// PASSporT has about 20.
	inlineNodes = 32
)

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of values. Invalid is the kind of the zero [Value].
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind in words.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "text", "a list", "an object"}[k]
}

// node is one value or member name. The children of an array or object follow it;
// next is the index of the first node that is not part of it.
type node struct {
	start, end, next uint32
	kind             Kind
	escaped          bool
}

// Doc is one parsed document. It may be read by many goroutines once parsed. Its
// zero value is ready for [Doc.Parse], which may be called again.
type Doc struct {
	text   string
	nodes  []node
	inline [inlineNodes]node
	loose  bool
}

// Parse reads text, whole. The error is of type *[Error]. The Doc keeps text.
func (d *Doc) Parse(text string, limits Limits) error {
	return d.parse(text, limits, false)
}

// ParseBytes is [Doc.Parse] for bytes, of which it keeps a copy.
func (d *Doc) ParseBytes(text []byte, limits Limits) error {
	return d.parse(string(text), limits, printable(text))
}

// printable reports whether no byte is below 0x20, eight at a time.
func printable(b []byte) bool {
	const high = 0x8080808080808080
	below := uint64(0)
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		// A byte of w below 0x20 borrows from its high bit, unless that was set.
		below |= (w - 0x2020202020202020) & ^w
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 {
			return false
		}
	}
	return below&high == 0
}

// parse reads text, which is printable if no character of it is below 0x20.
func (d *Doc) parse(text string, limits Limits, printable bool) error {
	if limits.Bytes == 0 {
		limits.Bytes = defaultBytes
	}
	if limits.Depth == 0 {
		limits.Depth = defaultDepth
	}
	if limits.Values == 0 {
		limits.Values = defaultValues
	}
	d.text, d.nodes, d.loose = "", d.inline[:0], true
	if len(text) > limits.Bytes {
		return &Error{Problem: TooLarge, Offset: limits.Bytes}
	}
	if !utf8.ValidString(text) {
		return &Error{Problem: Syntax}
	}
	d.text, d.loose = text, false
	s := scanner{doc: d, text: text, values: limits.Values, printable: printable}
	s.space()
	if !s.value(limits.Depth) {
		return s.failure()
	}
	s.space()
	if s.pos != len(text) {
		s.fail(Syntax)
		return s.failure()
	}
	return nil
}

// Deterministic reports whether the text is in the form of RFC 8225 section 9: no
// white space, members ordered by code point at every level, no needless escapes. A text
// that was refused is in no form.
func (d *Doc) Deterministic() bool { return !d.loose }

type scanner struct {
	doc    *Doc
	text   string
	pos    int
	values int
	err    Error
	// printable says that there is no control character to look for.
	printable bool
}

func (s *scanner) fail(p Problem) bool {
	if s.err.Problem == 0 {
		s.err.Problem, s.err.Offset = p, s.pos
	}
	return false
}

func (s *scanner) failure() error {
	s.doc.text, s.doc.nodes, s.doc.loose = "", nil, true
	e := s.err
	return &e
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
			s.doc.loose = true
		default:
			return
		}
	}
}

// add opens a node at the current position and returns its index.
func (s *scanner) add(k Kind) (int, bool) {
	if len(s.doc.nodes) >= s.values {
		return 0, s.fail(TooLarge)
	}
	s.doc.nodes = append(s.doc.nodes, node{start: uint32(s.pos), kind: k})
	return len(s.doc.nodes) - 1, true
}

func (s *scanner) close(i int) {
	n := &s.doc.nodes[i]
	n.end, n.next = uint32(s.pos), uint32(len(s.doc.nodes))
}

func (s *scanner) value(depth int) bool {
	if s.pos >= len(s.text) {
		return s.fail(Syntax)
	}
	switch c := s.text[s.pos]; {
	case c == '"':
		return s.str()
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true", Bool)
	case c == 'f':
		return s.literal("false", Bool)
	case c == 'n':
		return s.literal("null", Null)
	}
	return s.fail(Syntax)
}

func (s *scanner) literal(word string, k Kind) bool {
	if len(s.text)-s.pos < len(word) || s.text[s.pos:s.pos+len(word)] != word {
		return s.fail(Syntax)
	}
	i, ok := s.add(k)
	if !ok {
		return false
	}
	s.pos += len(word)
	s.close(i)
	return true
}

func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > from
}

func (s *scanner) number() bool {
	i, ok := s.add(Number)
	if !ok {
		return false
	}
	if s.text[s.pos] == '-' {
		s.pos++
	}
	from := s.pos
	if !s.digits() || s.text[from] == '0' && s.pos > from+1 {
		return s.fail(Syntax)
	}
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return s.fail(Syntax)
		}
	}
	if s.pos < len(s.text) && (s.text[s.pos] == 'e' || s.text[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.fail(Syntax)
		}
	}
	s.close(i)
	return true
}

func (s *scanner) str() bool {
	i, ok := s.add(String)
	if !ok {
		return false
	}
	// Most strings hold neither an escape nor a control character, and end at the next
	// quotation mark.
	rest := s.text[s.pos+1:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		s.pos = len(s.text)
		return s.fail(Syntax)
	}
	if k := s.odd(rest[:end]); k >= 0 {
		return s.escaped(i, s.pos+1+k)
	}
	s.pos += end + 2
	s.close(i)
	return true
}

// odd returns the place of the first escape or control character in text, or -1.
func (s *scanner) odd(text string) int {
	if s.printable {
		return strings.IndexByte(text, '\\')
	}
	for k := range len(text) {
		if c := text[k]; c < 0x20 || c == '\\' {
			return k
		}
	}
	return -1
}

// escaped reads a string on from its first escape, at p.
func (s *scanner) escaped(i, p int) bool {
	text := s.text
	for ; p < len(text); p++ {
		switch c := text[p]; {
		case c == '"':
			s.pos = p + 1
			s.close(i)
			n := &s.doc.nodes[i]
			if n.escaped && !s.needed(n) {
				s.doc.loose = true
			}
			return true
		case c == '\\':
			s.doc.nodes[i].escaped = true
			n := escapeLen(text[p:])
			if n == 0 {
				s.pos = p
				return s.fail(Syntax)
			}
			p += n - 1
		case c < 0x20:
			s.pos = p
			return s.fail(Syntax)
		}
	}
	s.pos = len(text)
	return s.fail(Syntax)
}

// needed reports whether the escapes of a string are those that the deterministic
// form would write.
func (s *scanner) needed(n *node) bool {
	raw := s.text[n.start:n.end]
	return string(appendString(nil, unescape(raw[1:len(raw)-1]))) == raw
}

func (s *scanner) array(depth int) bool {
	i, ok := s.add(Array)
	if !ok {
		return false
	}
	if depth == 0 {
		return s.fail(TooLarge)
	}
	s.pos++
	s.space()
	if s.pos < len(s.text) && s.text[s.pos] == ']' {
		s.pos++
		s.close(i)
		return true
	}
	for {
		if !s.value(depth - 1) {
			return false
		}
		more, ok := s.separator(']')
		if !ok {
			return false
		}
		if !more {
			s.close(i)
			return true
		}
	}
}

// separator reads a comma, or the end of an array or object.
func (s *scanner) separator(end byte) (more, ok bool) {
	s.space()
	if s.pos >= len(s.text) {
		return false, s.fail(Syntax)
	}
	switch s.text[s.pos] {
	case ',':
		s.pos++
		s.space()
		return true, true
	case end:
		s.pos++
		return false, true
	}
	return false, s.fail(Syntax)
}

func (s *scanner) object(depth int) bool {
	i, ok := s.add(Object)
	if !ok {
		return false
	}
	if depth == 0 {
		return s.fail(TooLarge)
	}
	s.pos++
	s.space()
	if s.pos < len(s.text) && s.text[s.pos] == '}' {
		s.pos++
		s.close(i)
		return true
	}
	order := ascending{doc: s.doc}
	for {
		if !s.member(depth, &order) {
			return false
		}
		more, ok := s.separator('}')
		if !ok {
			return false
		}
		if !more {
			s.close(i)
			return s.unique(i, &order)
		}
	}
}

func (s *scanner) member(depth int, order *ascending) bool {
	if s.pos >= len(s.text) || s.text[s.pos] != '"' {
		return s.fail(Syntax)
	}
	name := len(s.doc.nodes)
	if !s.str() {
		return false
	}
	order.see(name)
	s.space()
	if s.pos >= len(s.text) || s.text[s.pos] != ':' {
		return s.fail(Syntax)
	}
	s.pos++
	s.space()
	return s.value(depth - 1)
}

// ascending follows the member names of one object: names in strictly ascending
// order, as the deterministic form has them, cannot repeat.
type ascending struct {
	doc    *Doc
	last   string
	seen   bool
	broken bool
	count  int
}

func (a *ascending) see(name int) {
	text := a.doc.nameAt(name)
	if a.seen && text <= a.last {
		a.broken = true
	}
	a.last, a.seen = text, true
	a.count++
}

func (s *scanner) unique(object int, order *ascending) bool {
	if !order.broken {
		return true
	}
	s.doc.loose = true
	end := s.doc.nodes[object].next
	seen := make(map[string]struct{}, order.count)
	for i := uint32(object + 1); i < end; i = s.doc.nodes[i+1].next {
		name := s.doc.nameAt(int(i))
		if _, ok := seen[name]; ok {
			s.pos = int(s.doc.nodes[i].start)
			s.fail(Repeated)
			s.err.Name = name
			return false
		}
		seen[name] = struct{}{}
	}
	return true
}
