package sipcore

import "strings"

// Parameters are kept as the text they came in (";lr;transport=udp") and read
// and changed there, so that what nobody asked about stays byte for byte.

// cutParam splits the first parameter off s, which is empty or begins with a
// semicolon. raw is its whole text with the semicolon.
func cutParam(s string) (name, value, raw, rest string) {
	end := len(s)
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			end = i
		}
		if end == i {
			break
		}
	}
	raw, rest = s[:end], s[end:]
	name, value, _ = strings.Cut(strings.TrimPrefix(raw, ";"), "=")
	return strings.TrimSpace(name), strings.TrimSpace(value), raw, rest
}

// closed reports whether every quote in a list of parameters ends, without which a
// parameter put behind it would be part of the quotation.
func closed(s string) bool {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return !quoted
}

// getParam returns the value of a parameter; ok tells an empty one from none.
func getParam(s, name string) (value string, ok bool) {
	for s != "" {
		var n, v string
		n, v, _, s = cutParam(s)
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// setParam replaces the first parameter of this name where it stands, removes
// others of the name, and appends it if there was none.
func setParam(s, name, value string) string {
	text := ";" + name
	if value != "" {
		text += "=" + value
	}
	var b strings.Builder
	found := false
	for s != "" {
		var n, raw string
		n, _, raw, s = cutParam(s)
		switch {
		case !strings.EqualFold(n, name):
			b.WriteString(raw)
		case !found:
			b.WriteString(text)
			found = true
		}
	}
	if !found {
		b.WriteString(text)
	}
	return b.String()
}

// dropParam removes every parameter of this name.
func dropParam(s, name string) string {
	if _, ok := getParam(s, name); !ok {
		return s
	}
	var b strings.Builder
	for s != "" {
		var n, raw string
		n, _, raw, s = cutParam(s)
		if !strings.EqualFold(n, name) {
			b.WriteString(raw)
		}
	}
	return b.String()
}

// cutElement splits the first element off a comma-separated list; commas inside
// quotes and angle brackets do not separate.
func cutElement(s string) (element, rest string) {
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && !angle:
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			return strings.TrimSpace(s[:i]), s[i+1:]
		}
	}
	return strings.TrimSpace(s), ""
}
