package sipcore

import (
	"bytes"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// The splitter of header fields is our own. That of the SIP library is the
// reference it is compared with, here and nowhere else; it is given an empty table
// of header parsers, since its typed forms would write fields anew.

// library is safe for concurrent use; it holds no state between messages.
var library = newLibrary()

func newLibrary() *sip.Parser {
	p := sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{}))
	p.MaxMessageLength = maxMessage
	return p
}

// plainStart is a start line that the library always takes.
var plainStart = []byte("OPTIONS sip:localhost SIP/2.0\r\n")

// referenceFields parses the header fields of a header, which is a start line, fields
// and the empty line, and whose bounds have been checked. The bytes are copied.
func referenceFields(head []byte) ([]Field, bool) {
	parsed, _, err := library.ParseHeaders(head, false)
	if err != nil {
		// The library refuses start lines that are right (schemes with a digit
		// or a full stop), and with those that are wrong it would leave us
		// nothing to answer 400 to. The start line is read elsewhere.
		_, rest, _ := bytes.Cut(head, []byte("\r\n"))
		if parsed, _, err = library.ParseHeaders(slices.Concat(plainStart, rest), false); err != nil {
			return nil, false
		}
	}
	var found []sip.Header
	switch p := parsed.(type) {
	case *sip.Request:
		found = p.Headers()
	case *sip.Response:
		found = p.Headers()
	}
	fields := make([]Field, len(found), len(found)+4) // room for what a proxy adds
	for i, f := range found {
		fields[i] = Field{f.Name(), f.Value()}
	}
	return fields, true
}
