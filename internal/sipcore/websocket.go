package sipcore

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// This file is the WebSocket protocol (RFC 6455) as far as SIP over it needs it
// (RFC 7118): no extensions, one message a SIP message, bounded like everything
// that strangers send. It is our own because what a library would bring is small,
// and what it would not bring (one bound for fragments together, one writer with
// a bounded queue) is most of the work.

var (
	errWebSocket     = errors.New("a frame that is against RFC 6455")
	errWebSocketLong = errors.New("a WebSocket message longer than 64 KiB")
	errHandshake     = errors.New("a WebSocket handshake that is refused")
)

// The opcodes of RFC 6455 section 5.2.
const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xa
)

// maxHandshake bounds the header of a handshake.
const maxHandshake = 8 << 10

// wsReader reads messages from a WebSocket.
type wsReader struct {
	r      *bufio.Reader
	server bool // whether we are, so that frames must be masked
	buf    []byte

	waits   func()
	begun   func()
	control func(opcode byte, payload []byte) // answers a ping or close
}

// next returns the next message, which is valid until the next call. The error is
// io.EOF after a close frame, that of the stream, or says why it must end.
func (w *wsReader) next() ([]byte, error) {
	w.buf = w.buf[:0]
	for inside := false; ; {
		if !inside {
			w.waits()
		}
		f, err := w.header()
		if err != nil {
			return nil, err
		}
		if f.opcode >= opClose {
			if err := w.controlFrame(f); err != nil {
				return nil, err
			}
			continue
		}
		// RFC 6455 section 5.4: fragments of one message follow each other.
		if (f.opcode == opContinue) != inside {
			return nil, errWebSocket
		}
		if err := w.payload(f); err != nil {
			return nil, err
		}
		if f.final {
			return w.buf, nil
		}
		inside = true
	}
}

// frame is the header of a frame.
type frame struct {
	final  bool
	opcode byte
	masked bool
	mask   [4]byte
	length int
}

func (w *wsReader) header() (f frame, err error) {
	var b [8]byte
	if _, err := io.ReadFull(w.r, b[:1]); err != nil {
		return f, err
	}
	w.begun()
	if _, err := io.ReadFull(w.r, b[1:2]); err != nil {
		return f, err
	}
	f.final, f.opcode = b[0]&0x80 != 0, b[0]&0x0f
	f.masked, f.length = b[1]&0x80 != 0, int(b[1]&0x7f)
	known := f.opcode <= opBinary || f.opcode >= opClose && f.opcode <= opPong
	// RFC 6455 sections 5.1, 5.2 and 5.5.
	if b[0]&0x70 != 0 || !known || f.masked != w.server ||
		f.opcode >= opClose && (!f.final || f.length > 125) {
		return f, errWebSocket
	}
	switch f.length {
	case 126:
		_, err = io.ReadFull(w.r, b[:2])
		f.length = int(binary.BigEndian.Uint16(b[:2]))
		if err == nil && f.length < 126 {
			err = errWebSocket
		}
	case 127:
		_, err = io.ReadFull(w.r, b[:8])
		n := binary.BigEndian.Uint64(b[:8])
		switch {
		case err != nil:
		case n <= 0xffff || n>>63 != 0:
			err = errWebSocket
		case n > maxMessage:
			err = errWebSocketLong
		default:
			f.length = int(n)
		}
	}
	if err == nil && f.masked {
		_, err = io.ReadFull(w.r, f.mask[:])
	}
	return f, err
}

// payload appends the payload of a data frame to the message.
func (w *wsReader) payload(f frame) error {
	at := len(w.buf)
	if f.length > maxMessage-at {
		return errWebSocketLong
	}
	w.buf = append(w.buf, make([]byte, f.length)...)
	return w.fill(w.buf[at:], f)
}

func (w *wsReader) fill(b []byte, f frame) error {
	if _, err := io.ReadFull(w.r, b); err != nil {
		return err
	}
	if f.masked {
		maskBytes(b, f.mask)
	}
	return nil
}

func (w *wsReader) controlFrame(f frame) error {
	payload := make([]byte, f.length)
	if err := w.fill(payload, f); err != nil {
		return err
	}
	switch f.opcode {
	case opClose:
		w.control(opClose, payload[:min(len(payload), 2)])
		return io.EOF
	case opPing:
		w.control(opPong, payload)
	}
	return nil
}

func maskBytes(b []byte, mask [4]byte) {
	for i := range b {
		b[i] ^= mask[i&3]
	}
}

// appendFrame appends a frame of one fragment to b, masked if a client sends it.
func appendFrame(b []byte, opcode byte, payload []byte, client bool) []byte {
	var bit byte
	if client {
		bit = 0x80
	}
	b = append(b, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n <= 0xffff:
		b = append(b, bit|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b = append(b, bit|127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !client {
		return append(b, payload...)
	}
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], rand.Uint32())
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	maskBytes(b[at:], mask)
	return b
}

// acceptKey is RFC 6455 section 4.2.2 step 5.4.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hasElement reports whether a header field lists a name.
func hasElement(h http.Header, field, name string) bool {
	for _, value := range h.Values(field) {
		for element := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(element), name) {
				return true
			}
		}
	}
	return false
}

// acceptWebSocket is the server's side of the handshake (RFC 6455 section 4.2,
// RFC 7118 section 4.1).
func acceptWebSocket(rw io.ReadWriter, origins []string) (*bufio.Reader, error) {
	limited := &io.LimitedReader{R: rw, N: maxHandshake}
	r := bufio.NewReader(limited)
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, fmt.Errorf("reading a WebSocket handshake: %w", err)
	}
	h := req.Header
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	origin := h.Get("Origin")
	status := ""
	switch {
	case req.Method != http.MethodGet || !hasElement(h, "Connection", "upgrade") ||
		!hasElement(h, "Upgrade", "websocket") || err != nil || len(key) != 16 || req.ContentLength > 0:
		status = "400 Bad Request"
	case h.Get("Sec-WebSocket-Version") != "13":
		status = "426 Upgrade Required\r\nSec-WebSocket-Version: 13"
	case !hasElement(h, "Sec-WebSocket-Protocol", "sip"):
		status = "400 Bad Request"
	case origin != "" && len(origins) > 0 && !slices.Contains(origins, origin):
		status = "403 Forbidden"
	}
	if status != "" {
		io.WriteString(rw, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return nil, errHandshake
	}
	_, err = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+acceptKey(h.Get("Sec-WebSocket-Key"))+"\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
	limited.N = 1<<63 - 1
	return r, err
}

// askWebSocket is the client's side of the handshake (RFC 6455 section 4.1).
func askWebSocket(rw io.ReadWriter, host string) (*bufio.Reader, error) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], rand.Uint64())
	binary.BigEndian.PutUint64(raw[8:], rand.Uint64())
	key := base64.StdEncoding.EncodeToString(raw[:])
	if _, err := io.WriteString(rw, "GET / HTTP/1.1\r\nHost: "+host+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: "+key+"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: rw, N: maxHandshake}
	r := bufio.NewReader(limited)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("reading the answer to a WebSocket handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != acceptKey(key) ||
		!hasElement(resp.Header, "Sec-WebSocket-Protocol", "sip") {
		return nil, errHandshake
	}
	limited.N = 1<<63 - 1
	return r, nil
}
