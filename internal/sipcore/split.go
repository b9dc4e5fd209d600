package sipcore

import (
	"bytes"
	"strings"
)

// splitFields splits a header, which is a start line, fields and the empty line,
// and whose bounds have been checked. The bytes are copied, once for all fields:
// whoever keeps a value for longer than its message clones it.
func splitFields(head []byte) ([]Field, bool) {
	at := bytes.IndexByte(head, '\n') + 1
	text := string(head[at:])
	// Room for what a proxy adds; folded lines make it a little too much.
	fields := make([]Field, 0, strings.Count(text, "\n")+3)
	for {
		line, rest, ok := strings.Cut(text, "\r\n")
		switch {
		case !ok:
			return nil, false
		case line == "":
			return fields, true
		}
		text = rest
		if len(text) > 0 && isBlank(text[0]) {
			line, text = unfold(line, text)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, false
		}
		fields = append(fields, Field{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
}

// unfold joins line and the lines that continue it by one space each (RFC 3261
// section 7.3.1), and returns what is behind them.
func unfold(line, text string) (joined, rest string) {
	var b strings.Builder
	b.WriteString(strings.TrimRight(line, " \t"))
	for len(text) > 0 && isBlank(text[0]) {
		more, rest, ok := strings.Cut(text, "\r\n")
		if !ok {
			break
		}
		b.WriteByte(' ')
		b.WriteString(strings.Trim(more, " \t"))
		text = rest
	}
	return b.String(), text
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
