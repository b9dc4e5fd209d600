package sipcore

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

var (
	errFrameLong   = errors.New("a message longer than 64 KiB")
	errFrameLength = errors.New("a message whose length cannot be told")
	errFrameEnd    = errors.New("a line of the header that does not end in CRLF")
)

// framer cuts a stream into messages (RFC 3261 section 18.3). What it cannot cut
// with certainty ends the stream: whoever guesses where a message ends lets
// strangers hide a second one in the first.
type framer struct {
	r   *bufio.Reader
	buf []byte

	waits func() // called when the stream is between messages
	begun func() // called when a message has begun
	ping  func() // called for a keep-alive that asks for an answer
}

// next returns the next message, which is valid until the next call. The error is
// that of the stream, or says why it must end.
func (f *framer) next() ([]byte, error) {
	f.waits()
	if err := f.skipLineEnds(); err != nil {
		return nil, err
	}
	f.begun()
	f.buf = f.buf[:0]
	if err := f.head(); err != nil {
		return f.buf, err
	}
	n, err := bodyLength(f.buf)
	if err != nil {
		return f.buf, err
	}
	if n > maxMessage-len(f.buf) {
		return f.buf, errFrameLong
	}
	head := len(f.buf)
	f.buf = append(f.buf, make([]byte, n)...)
	if _, err := io.ReadFull(f.r, f.buf[head:]); err != nil {
		return nil, err
	}
	return f.buf, nil
}

// skipLineEnds reads up to the beginning of a message. Line ends before it are
// ignored (RFC 3261 section 7.5); two in a row ask for one in return (RFC 5626
// section 4.4.1).
func (f *framer) skipLineEnds() error {
	for ends := 0; ; {
		c, err := f.r.ReadByte()
		switch {
		case err != nil:
			return err
		case c == '\n':
			if ends++; ends%2 == 0 {
				f.ping()
			}
		case c != '\r':
			return f.r.UnreadByte()
		}
	}
}

// head reads a header with its empty line.
func (f *framer) head() error {
	for start := 0; ; {
		part, err := f.r.ReadSlice('\n')
		f.buf = append(f.buf, part...)
		switch {
		case len(f.buf) > maxMessage:
			return errFrameLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return err
		}
		line := f.buf[start:]
		if !bytes.HasSuffix(line, crlfBytes) {
			return errFrameEnd
		}
		if len(line) == 2 {
			return nil
		}
		start = len(f.buf)
	}
}

var crlfBytes = []byte("\r\n")

// bodyLength is Content-Length, which a message in a stream must have.
func bodyLength(head []byte) (int, error) {
	if _, err := bounds(head); err != nil {
		return 0, err
	}
	fields, ok := splitFields(head)
	if !ok {
		return 0, errFrameLength
	}
	length, found := 0, false
	for i := range fields {
		if !fields[i].is("Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(fields[i].Value, 10, 31)
		if err != nil || found && int(n) != length {
			return 0, errFrameLength
		}
		length, found = int(n), true
	}
	if !found {
		return 0, errFrameLength
	}
	return length, nil
}
