package policy

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// keys are the paths that a file may have, without the numbers of its rules. The name of
// a list is "*".
var keys = func() map[string]bool {
	all := map[string]bool{}
	keysOf(reflect.TypeFor[file](), "", all)
	return all
}()

// keysOf adds the paths below a type that the decoder fills.
func keysOf(t reflect.Type, prefix string, all map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		keysOf(t.Elem(), prefix, all)
	case reflect.Map:
		all[join(prefix, "*")] = true
		keysOf(t.Elem(), join(prefix, "*"), all)
	case reflect.Struct:
		for field := range t.Fields() {
			path := join(prefix, field.Tag.Get("toml"))
			all[path] = true
			keysOf(field.Type, path, all)
		}
	}
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// surveyor finds where every key stands, and those that do not belong there. The decoder
// finds the latter too, but takes a time that grows with their square.
type surveyor struct {
	found places
	errs  []error
	// lines are the offsets at which lines begin.
	lines []int
	// rules are how many tables of an array there were, by its name.
	rules map[string]int
}

// placesIn finds where the keys of a file stand. The error joins an [*Error] for each of
// the first keys that do not exist.
func placesIn(data []byte) (places, error) {
	s := surveyor{found: places{}, lines: []int{0}, rules: map[string]int{}}
	for i, b := range data {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	var parser unstable.Parser
	parser.Reset(data)
	// The table that keys belong to: its path, and its path without the numbers of rules.
	var path, kind string
	for parser.NextExpression() && len(s.errs) < maxErrors {
		switch node := parser.Expression(); node.Kind {
		case unstable.ArrayTable:
			it := node.Key()
			it.Next()
			s.rules[string(it.Node().Data)]++
			fallthrough
		case unstable.Table:
			path, kind = s.key(node, "", "")
		case unstable.KeyValue:
			s.keyValue(node, path, kind)
		}
	}
	if len(s.errs) > 0 {
		return nil, errors.Join(s.errs...)
	}
	if err := parser.Error(); err != nil {
		// The decoder finds the same, and says where.
		var nothing map[string]any
		if err := toml.Unmarshal(data, &nothing); err != nil {
			return nil, decodeErrors(err)
		}
		return nil, &Error{Err: err}
	}
	return s.found, nil
}

// keyValue notes a key, and those of the inline tables that are its value.
func (s *surveyor) keyValue(node *unstable.Node, path, kind string) {
	path, kind = s.key(node, path, kind)
	value := node.Value()
	if value.Kind == unstable.Array {
		for it := value.Children(); it.Next(); {
			s.inline(it.Node(), path, kind)
		}
		return
	}
	s.inline(value, path, kind)
}

func (s *surveyor) inline(value *unstable.Node, path, kind string) {
	if value.Kind != unstable.InlineTable || !keys[kind] {
		return
	}
	for it := value.Children(); it.Next() && len(s.errs) < maxErrors; {
		s.keyValue(it.Node(), path, kind)
	}
}

// key notes the key of a node in the table, and returns its path and its kind. It
// refuses keys in capitals, which the decoder would take for others.
func (s *surveyor) key(node *unstable.Node, path, kind string) (string, string) {
	var at place
	for it := node.Key(); it.Next(); {
		part := it.Node()
		if at == (place{}) {
			at = s.place(int(part.Raw.Offset))
		}
		name := string(part.Data)
		if !isKey(name) {
			s.wrong(at, "", fmt.Errorf("a key is at most %d lower-case letters, digits and underscores", maxWord))
			return path, ""
		}
		switch {
		case keys[join(kind, name)]:
			kind = join(kind, name)
		case keys[join(kind, "*")]:
			kind = join(kind, "*")
		default:
			s.wrong(at, join(kind, name), errors.New("there is no such key"))
			return path, ""
		}
		path = join(path, name)
		if n := s.rules[path]; n > 0 {
			path = join(path, strconv.Itoa(n-1))
		}
	}
	// A key of an array of inline tables stands where the first of them has it.
	if _, ok := s.found[path]; !ok {
		s.found[path] = at
	}
	return path, kind
}

func (s *surveyor) wrong(at place, path string, err error) {
	if len(s.errs) < maxErrors {
		s.errs = append(s.errs, &Error{Line: at.line, Column: at.column, Key: path, Err: err})
	}
}

// place returns where an offset is.
func (s *surveyor) place(offset int) place {
	line, found := slices.BinarySearch(s.lines, offset)
	if !found {
		line--
	}
	return place{line + 1, offset - s.lines[line] + 1}
}

func isKey(s string) bool {
	return s != "" && len(s) <= maxWord && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
