package sipcore

import (
	"crypto/tls"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The methods this package knows by name; any other is carried all the same.
const (
	MethodInvite = "INVITE"
	MethodAck    = "ACK"
	MethodCancel = "CANCEL"
	MethodBye    = "BYE"
)

// Message is a SIP request or response (RFC 3261 section 7). Fields and their
// values are kept as they came, in order, known or not. A Message may be used by
// one goroutine at a time.
//
// Wherever a method takes the name of a header field, long and compact names
// mean the same and case does not matter.
type Message struct {
	method string // empty in a response
	uri    string
	status int
	reason string
	fields []Field
	body   []byte // never changed in place, so that clones may share it
	source netip.AddrPort
	over   Transport
	conn   *conn // that it came by, if any
}

// NewRequest returns a request with a start line and no header fields but
// Max-Forwards: 70 and Content-Length: 0. Whoever sends it adds the rest; Via is
// the endpoint's.
func NewRequest(method, uri string) *Message {
	m := &Message{method: method, uri: oneLine(uri), fields: make([]Field, 0, 16)}
	m.Add("Max-Forwards", "70")
	m.Add("Content-Length", "0")
	return m
}

// NewResponse returns a response to req with the fields that RFC 3261 section
// 8.2.6.2 copies: Via, From, To, Call-ID and CSeq, and where the response may
// make a dialog, Record-Route. An empty reason becomes the standard's phrase.
// The To tag is added when it is sent, by [ServerTx.Respond].
func NewResponse(req *Message, status int, reason string) *Message {
	m := &Message{fields: make([]Field, 0, 12)}
	m.SetStatus(status, reason)
	for i := range req.fields {
		f := &req.fields[i]
		switch {
		case f.is("Via"), f.is("From"), f.is("To"), f.is("Call-ID"), f.is("CSeq"):
			m.fields = append(m.fields, *f)
		case f.is("Record-Route"):
			// RFC 3261 section 12.1.1: copied into whatever makes a dialog.
			if status > 100 && status < 300 {
				m.fields = append(m.fields, *f)
			}
		case f.is("Timestamp"):
			if status == 100 {
				m.fields = append(m.fields, *f)
			}
		}
	}
	m.Add("Content-Length", "0")
	return m
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.method != "" }

// Method returns the method of a request as written, and of a response that of
// its CSeq.
func (m *Message) Method() string {
	if m.method != "" {
		return m.method
	}
	_, method := m.CSeq()
	return method
}

// RequestURI returns the Request-URI as written; it is empty in a response.
func (m *Message) RequestURI() string { return m.uri }

// SetRequestURI replaces the Request-URI of a request.
func (m *Message) SetRequestURI(uri string) { m.uri = oneLine(uri) }

// Status returns the status code of a response, and 0 for a request.
func (m *Message) Status() int { return m.status }

// Reason returns the reason phrase of a response, which may be empty.
func (m *Message) Reason() string { return m.reason }

// SetStatus replaces the status line of a response. An empty reason becomes the
// standard's phrase for the code.
func (m *Message) SetStatus(status int, reason string) {
	if reason == "" {
		reason = phrase(status)
	}
	m.status, m.reason = status, oneLine(reason)
}

// Source returns the address a received message came from, and the zero value
// for one that was made here.
func (m *Message) Source() netip.AddrPort { return m.source }

// Arrived returns the other end that a received message came from. A request sent
// there goes over the same connection as long as that is open, and over WebSocket
// there is no other way.
func (m *Message) Arrived() Target { return Target{Transport: m.over, Addr: m.source} }

// Security returns the state of the TLS connection that a message came by, with
// the certificates of a client that showed some, and nil for any other message. It
// must not be changed.
func (m *Message) Security() *tls.ConnectionState {
	if m.conn == nil {
		return nil
	}
	m.conn.mu.Lock()
	defer m.conn.mu.Unlock()
	return m.conn.security
}

// Fields yields name and value of every header field in order, as written.
func (m *Message) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, f := range m.fields {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// index returns the place of the first field with this name at or behind from,
// or -1.
func (m *Message) index(name string, from int) int {
	long := longName(name)
	for i := from; i < len(m.fields); i++ {
		if m.fields[i].is(long) {
			return i
		}
	}
	return -1
}

// Get returns the value of the first field with this name, or "".
func (m *Message) Get(name string) string {
	if i := m.index(name, 0); i >= 0 {
		return m.fields[i].Value
	}
	return ""
}

// Has reports whether there is a field with this name, even an empty one.
func (m *Message) Has(name string) bool { return m.index(name, 0) >= 0 }

// Values returns the values of all fields with this name, one a field, in order
// and untouched. It is the way to read Identity, which has no comma form.
func (m *Message) Values(name string) []string {
	var values []string
	for i := m.index(name, 0); i >= 0; i = m.index(name, i+1) {
		values = append(values, m.fields[i].Value)
	}
	return values
}

// List returns the elements of all fields with this name, split at commas (RFC
// 3261 section 7.3.1). It is the way to read Via, Route, Record-Route, Contact
// and P-Asserted-Identity.
func (m *Message) List(name string) []string {
	var elements []string
	for i := m.index(name, 0); i >= 0; i = m.index(name, i+1) {
		for rest := m.fields[i].Value; rest != ""; {
			var element string
			element, rest = cutElement(rest)
			if element != "" {
				elements = append(elements, element)
			}
		}
	}
	return elements
}

// Set makes value the only value of this name, at the place of the first field
// that had the name, or at the end. Line breaks in value become spaces.
func (m *Message) Set(name, value string) {
	i := m.index(name, 0)
	if i < 0 {
		m.fields = append(m.fields, Field{name, oneLine(value)})
		return
	}
	m.fields[i].Value = oneLine(value)
	for j := m.index(name, i+1); j >= 0; j = m.index(name, j) {
		m.fields = slices.Delete(m.fields, j, j+1)
	}
}

// Add puts a field behind the last one of its name, or at the end. Line breaks
// in value become spaces.
func (m *Message) Add(name, value string) {
	at := len(m.fields)
	for i := m.index(name, 0); i >= 0; i = m.index(name, i+1) {
		at = i + 1
	}
	m.fields = slices.Insert(m.fields, at, Field{name, oneLine(value)})
}

// Prepend puts a field before the first one of its name, or at the top. Line
// breaks in value become spaces.
func (m *Message) Prepend(name, value string) {
	m.fields = slices.Insert(m.fields, max(0, m.index(name, 0)), Field{name, oneLine(value)})
}

// Remove removes all fields with this name and returns how many there were.
func (m *Message) Remove(name string) int {
	before, long := len(m.fields), longName(name)
	m.fields = slices.DeleteFunc(m.fields, func(f Field) bool { return f.is(long) })
	return before - len(m.fields)
}

// Body returns the body, which must not be changed in place.
func (m *Message) Body() []byte { return m.body }

// SetBody replaces the body with its Content-Type and Content-Length. An empty
// contentType removes the Content-Type field.
func (m *Message) SetBody(contentType string, body []byte) {
	m.body = body
	if contentType == "" {
		m.Remove("Content-Type")
	} else {
		m.Set("Content-Type", contentType)
	}
	m.Set("Content-Length", strconv.Itoa(len(body)))
}

// CallID returns the value of Call-ID.
func (m *Message) CallID() string { return m.Get("Call-ID") }

// FromTag returns the tag of From, or "".
func (m *Message) FromTag() string { return tagOf(m.Get("From")) }

// ToTag returns the tag of To, or "".
func (m *Message) ToTag() string { return tagOf(m.Get("To")) }

// InDialog reports whether m has a To tag, which in a request means that it
// belongs to a dialog (RFC 3261 section 12.2.2).
func (m *Message) InDialog() bool { return m.ToTag() != "" }

// CSeq returns number and method of CSeq, and zero values if it is malformed.
func (m *Message) CSeq() (number uint32, method string) {
	digits, rest, ok := strings.Cut(strings.ReplaceAll(m.Get("CSeq"), "\t", " "), " ")
	if !ok {
		return 0, ""
	}
	// RFC 3261 section 8.1.1.5: the number is less than 2**31.
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0, ""
	}
	return uint32(n), strings.TrimLeft(rest, " ")
}

// Clone returns a copy that can be changed without changing m.
func (m *Message) Clone() *Message {
	c := *m
	// Room for the Via and Record-Route that a proxy puts on.
	c.fields = append(make([]Field, 0, len(m.fields)+4), m.fields...)
	return &c
}

// size is the length of m on the wire, or a little more.
func (m *Message) size() int {
	n := len(m.method) + len(m.uri) + len(m.reason) + len(m.body) + 20
	for i := range m.fields {
		n += len(m.fields[i].Name) + len(m.fields[i].Value) + 4
	}
	return n
}

// Bytes returns m as it goes on the wire.
func (m *Message) Bytes() []byte { return m.AppendTo(make([]byte, 0, m.size())) }

// AppendTo appends m, as it goes on the wire, to b.
func (m *Message) AppendTo(b []byte) []byte {
	if m.IsRequest() {
		b = append(b, m.method...)
		b = append(b, ' ')
		b = append(b, m.uri...)
		b = append(b, " SIP/2.0\r\n"...)
	} else {
		b = append(b, "SIP/2.0 "...)
		b = strconv.AppendInt(b, int64(m.status), 10)
		b = append(b, ' ')
		b = append(b, m.reason...)
		b = append(b, "\r\n"...)
	}
	for i := range m.fields {
		b = append(b, m.fields[i].Name...)
		b = append(b, ": "...)
		b = append(b, m.fields[i].Value...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, m.body...)
}

// String returns the start line without the user part of its URI, so that a
// message printed by mistake shows no telephone number.
func (m *Message) String() string {
	if !m.IsRequest() {
		return strconv.Itoa(m.status) + " " + m.reason
	}
	if u, err := ParseURI(m.uri); err == nil {
		return m.method + " " + u.Scheme() + ":…@" + u.Host()
	}
	return m.method
}
