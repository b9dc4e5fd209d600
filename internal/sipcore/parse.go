package sipcore

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a message. They are checked before anything is parsed or copied.
const (
	maxMessage = 64 << 10 // bytes in all, the most UDP carries
	maxFields  = 256      // header fields, so that 200 Identity fields still reach a finding
	maxField   = 48 << 10 // bytes of one header field; an Identity may need 32 KiB
	maxLines   = 1024     // lines of the header, folded ones included
)

// ParseError says why bytes are not a SIP message that we accept. It never quotes
// them.
type ParseError struct {
	// Line is the line of the message, counted from 1, or 0 if no single line is
	// to blame.
	Line int
	// Reason is a plain sentence without a full stop.
	Reason string

	status int // what the peer is answered instead of 400, if anything
}

// Error returns the reason, and the line where there is one.
func (e *ParseError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("SIP message, line %d: %s", e.Line, e.Reason)
	}
	return "SIP message: " + e.Reason
}

// ParseRequest parses a whole request, as from a file: line ends may be CRLF or
// LF, and the empty line may be missing if there is no body. What a gateway would
// refuse with 400 is refused: among it, two From, To, Call-ID, CSeq or
// Content-Length fields. The error is a [*ParseError].
func ParseRequest(b []byte) (*Message, error) {
	m, err := ParseMessage(b)
	if err == nil && !m.IsRequest() {
		return nil, &ParseError{Line: 1, Reason: "this is a response, not a request"}
	}
	return m, err
}

// ParseMessage is [ParseRequest] for requests and responses.
func ParseMessage(b []byte) (*Message, error) {
	if len(b) > maxMessage {
		return nil, &ParseError{Reason: "longer than 64 KiB"}
	}
	normal := withCRLF(b)
	m, err := parseWire(normal)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// withCRLF turns the line ends of a text file into those of SIP. The body's are
// changed only if that makes it as long as Content-Length says, which shows that
// the file lost them.
func withCRLF(b []byte) []byte {
	b = bytes.TrimLeft(b, "\r\n")
	first, _, _ := bytes.Cut(b, []byte("\n"))
	if bytes.HasSuffix(first, []byte("\r")) && bytes.Contains(b, []byte("\r\n\r\n")) {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	head, body, found := bytes.Cut(b, []byte("\n\n"))
	if !found {
		head = bytes.TrimRight(head, "\n")
	}
	out := bytes.ReplaceAll(head, []byte("\n"), []byte("\r\n"))
	out = append(out, "\r\n\r\n"...)
	m, err := parseHead(out)
	long := bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	if err == nil && m.Get("Content-Length") == strconv.Itoa(len(long)) {
		body = long
	}
	return append(out, body...)
}

// parseWire parses one datagram. If it can be read but must be refused, both
// results are set.
func parseWire(b []byte) (*Message, error) {
	end, err := bounds(b)
	if err != nil {
		return nil, err
	}
	m, err := parseHead(b[:end])
	if err != nil {
		return m, err
	}
	body := b[end:]
	if err := m.check(len(body)); err != nil {
		return m, err
	}
	if n, err := strconv.Atoi(m.Get("Content-Length")); err == nil {
		body = body[:n] // RFC 3261 section 18.3: bytes behind the body are ignored
	}
	if len(body) > 0 {
		m.body = bytes.Clone(body)
	}
	return m, nil
}

// parseHead parses a header up to and with its empty line.
func parseHead(head []byte) (*Message, error) {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	m, version, ok := parseStart(string(line))
	if !ok {
		return nil, &ParseError{Line: 1, Reason: "neither a request line nor a status line"}
	}
	if m.fields, ok = splitFields(head); !ok {
		return nil, &ParseError{Reason: "a line of the header that is not a header field"}
	}
	switch {
	case strings.Contains(m.uri, " "):
		return m, &ParseError{Line: 1, Reason: "white space that does not belong into a request line"}
	case !strings.EqualFold(version, "SIP/2.0"):
		return m, &ParseError{Line: 1, Reason: "a SIP version other than 2.0", status: 505}
	}
	return m, nil
}

// parseStart splits a start line (RFC 3261 sections 7.1 and 7.2). The method is
// case-sensitive and the URI is not ours to change, so both stay as they are.
func parseStart(line string) (m *Message, version string, ok bool) {
	first, rest, ok := strings.Cut(line, " ")
	if !ok {
		return nil, "", false
	}
	if len(first) > 4 && strings.EqualFold(first[:4], "SIP/") {
		code, reason, _ := strings.Cut(rest, " ")
		status, err := strconv.ParseUint(code, 10, 16)
		return &Message{status: int(status), reason: reason}, first, err == nil && len(code) == 3
	}
	last := strings.LastIndexByte(rest, ' ')
	if last < 0 || !isToken(first) {
		return nil, "", false
	}
	return &Message{method: first, uri: rest[:last]}, rest[last+1:], true
}

// bounds checks sizes and line ends and returns the length of the header with its
// empty line.
func bounds(b []byte) (int, error) {
	if len(b) > maxMessage {
		return 0, &ParseError{Reason: "longer than 64 KiB"}
	}
	fields, field := 0, 0
	for at, line := 0, 1; ; line++ {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return 0, &ParseError{Line: line, Reason: "the header has no empty line at its end"}
		}
		text := b[at : at+n]
		if len(text) == 0 || text[len(text)-1] != '\r' || bytes.IndexByte(text, '\r') != len(text)-1 {
			return 0, &ParseError{Line: line, Reason: "a line that ends in a bare carriage return or line feed"}
		}
		at += n + 1
		switch {
		case len(text) == 1:
			return at, nil
		case line == 1:
		case line == 2 && (text[0] == ' ' || text[0] == '\t'):
			return 0, &ParseError{Line: line, Reason: "a folded line that continues nothing"}
		case text[0] == ' ' || text[0] == '\t':
			field += len(text)
		default:
			fields++
			field = len(text)
		}
		switch {
		case line > maxLines || fields > maxFields:
			return 0, &ParseError{Line: line, Reason: "more header fields than we accept"}
		case field > maxField || len(text) > maxField:
			return 0, &ParseError{Line: line, Reason: "a header field longer than 48 KiB"}
		case bytes.IndexByte(text, 0) >= 0:
			return 0, &ParseError{Line: line, Reason: "a NUL character in the header"}
		}
	}
}

// places are the indexes of the header fields of which a message has one (RFC
// 3261 section 7.3.1), and of the first Via; -1 where there is none.
type places struct{ via, from, to, callID, cseq, length, forwards int }

// find returns where the field called name is noted, and nil for other names.
func (p *places) find(f *Field) *int {
	switch name := longName(f.Name); len(name) {
	case 2:
		return match(f, "To", &p.to)
	case 3:
		return match(f, "Via", &p.via)
	case 4:
		if at := match(f, "From", &p.from); at != nil {
			return at
		}
		return match(f, "CSeq", &p.cseq)
	case 7:
		return match(f, "Call-ID", &p.callID)
	case 12:
		return match(f, "Max-Forwards", &p.forwards)
	case 14:
		return match(f, "Content-Length", &p.length)
	}
	return nil
}

func match(f *Field, long string, at *int) *int {
	if f.is(long) {
		return at
	}
	return nil
}

// check refuses what two readers might understand differently, and what we could
// not answer or forward. body is the number of bytes behind the header.
func (m *Message) check(body int) error {
	p := places{-1, -1, -1, -1, -1, -1, -1}
	for i := range m.fields {
		f := &m.fields[i]
		if !isToken(f.Name) {
			return &ParseError{Reason: "a header field whose name is not a token"}
		}
		at := p.find(f)
		switch {
		case at == nil:
		case *at < 0:
			*at = i
		case at != &p.via:
			return &ParseError{Reason: "more than one " + longName(f.Name) + " header field"}
		}
	}
	// RFC 3261 section 8.1.1: these must be there.
	if p.via < 0 || p.from < 0 || p.to < 0 || p.callID < 0 || p.cseq < 0 {
		return &ParseError{Reason: "a missing Via, From, To, Call-ID or CSeq header field"}
	}
	if _, method := m.CSeq(); method == "" || m.IsRequest() && method != m.method {
		return &ParseError{Reason: "a malformed CSeq header field, or one for another method"}
	}
	if m.fields[p.callID].Value == "" {
		return &ParseError{Reason: "an empty Call-ID header field"}
	}
	if _, err := ParseNameAddr(m.fields[p.from].Value); err != nil {
		return &ParseError{Reason: "a malformed From header field: " + err.Error()}
	}
	if _, err := ParseNameAddr(m.fields[p.to].Value); err != nil {
		return &ParseError{Reason: "a malformed To header field: " + err.Error()}
	}
	if p.forwards >= 0 {
		if _, ok := m.MaxForwards(); !ok {
			return &ParseError{Reason: "a malformed Max-Forwards header field"}
		}
	}
	if p.length >= 0 {
		n, err := strconv.ParseUint(m.fields[p.length].Value, 10, 31)
		switch {
		case err != nil:
			return &ParseError{Reason: "a malformed Content-Length header field"}
		case int(n) > body:
			return &ParseError{Reason: "a body shorter than its Content-Length"}
		}
	}
	return m.checkStart()
}

func (m *Message) checkStart() error {
	if !m.IsRequest() {
		if m.status < 100 || m.status > 699 {
			return &ParseError{Line: 1, Reason: "a status code outside 100 to 699"}
		}
		return nil
	}
	if _, err := ParseURI(m.uri); err != nil {
		return &ParseError{Line: 1, Reason: "a malformed Request-URI: " + err.Error()}
	}
	return nil
}

// MaxForwards returns the value of Max-Forwards; ok is false if the field is
// missing or malformed (RFC 3261 section 20.22).
func (m *Message) MaxForwards() (n int, ok bool) {
	value, err := strconv.ParseUint(strings.TrimSpace(m.Get("Max-Forwards")), 10, 8)
	return int(value), err == nil
}
