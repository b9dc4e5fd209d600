package rcd

import (
	"strconv"
	"strings"

	"countersign.example/internal/strictjson"
)

// resolve follows a JSON pointer (RFC 6901 section 4). The zero Value means that it
// points at nothing.
func resolve(v strictjson.Value, pointer string) strictjson.Value {
	if pointer == "" {
		return v
	}
	if pointer[0] != '/' {
		return strictjson.Value{}
	}
	for part := range strings.SplitSeq(pointer[1:], "/") {
		switch v.Kind() {
		case strictjson.Object:
			name, ok := unescape(part)
			if !ok {
				return strictjson.Value{}
			}
			v = v.Member(name)
		case strictjson.Array:
			i, err := strconv.ParseUint(part, 10, 16)
			if err != nil || strconv.FormatUint(i, 10) != part {
				return strictjson.Value{}
			}
			v = v.Element(int(i))
		default:
			return strictjson.Value{}
		}
	}
	return v
}

// unescape undoes "~0" and "~1" and refuses any other use of "~".
func unescape(part string) (string, bool) {
	if !strings.Contains(part, "~") {
		return part, true
	}
	if n := strings.Count(part, "~0") + strings.Count(part, "~1"); n != strings.Count(part, "~") {
		return "", false
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(part), true
}

// within reports whether pointer is outer or a place inside it.
func within(pointer, outer string) bool {
	rest, ok := strings.CutPrefix(pointer, outer)
	return ok && (rest == "" || rest[0] == '/')
}
