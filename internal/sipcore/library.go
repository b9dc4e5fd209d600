package sipcore

import (
	"bytes"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// This is the only file that imports the SIP library. It uses the parser alone,
// and gives it an empty table of header parsers: the typed forms of the library
// would write From, To, Contact and Via anew, and a dialog that passes through us
// must find them as it left them.

// library is safe for concurrent use; it holds no state between messages.
var library = newLibrary()

func newLibrary() *sip.Parser {
	p := sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{}))
	p.MaxMessageLength = maxMessage
	return p
}

// plainStart is a start line that the library always takes.
var plainStart = []byte("OPTIONS sip:localhost SIP/2.0\r\n")

// parseFields parses the header fields of a header, which is a start line, fields
// and the empty line, and whose bounds have been checked. The bytes are copied.
func parseFields(head []byte) ([]Field, bool) {
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
