package sipcore

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func quiet() {}

// FuzzFramer compares what a stream is cut into when it comes in one piece and in
// single bytes, and what is cut with what the parser takes.
func FuzzFramer(f *testing.F) {
	one := crlf(request("OPTIONS", "a"))
	f.Add([]byte(one))
	f.Add([]byte("\r\n\r\n" + one + one + plain))
	f.Add([]byte(strings.Replace(one, "Content-Length: 0", "l:\r\n 3", 1) + "abc" + one))
	f.Add([]byte(strings.Replace(one, "Content-Length: 0", "l: 1\r\nContent-Length: 2", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		cut := func(r io.Reader) (messages [][]byte, pings int) {
			fr := &framer{r: bufio.NewReaderSize(r, 16), waits: quiet, begun: quiet, ping: func() { pings++ }}
			for {
				m, err := fr.next()
				if err != nil {
					return messages, pings
				}
				messages = append(messages, bytes.Clone(m))
			}
		}
		whole, pings := cut(bytes.NewReader(b))
		single, again := cut(oneByte{bytes.NewReader(b)})
		if len(whole) != len(single) || pings != again {
			t.Fatalf("cut into %d and %d messages, %d and %d pings", len(whole), len(single), pings, again)
		}
		at := 0
		for i, m := range whole {
			if !bytes.Equal(m, single[i]) || len(m) > maxMessage {
				t.Errorf("message %d is %q and %q", i, m, single[i])
			}
			// Nothing but line ends lies between messages.
			next := bytes.Index(b[at:], m)
			if next < 0 || strings.Trim(string(b[at:at+next]), "\r\n") != "" {
				t.Errorf("bytes between messages: %q", b[at:])
			}
			at += next + len(m)
			if p, err := parseWire(m); err == nil && len(p.Body()) != len(m)-len(bytes.SplitAfterN(m, []byte("\r\n\r\n"), 2)[0]) {
				t.Errorf("the parser and the framer disagree about the body of %q", m)
			}
		}
	})
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(len(b), 1)]) }

// FuzzWebSocketFrames reads frames of strangers, and reads back what we write.
func FuzzWebSocketFrames(f *testing.F) {
	f.Add(appendFrame(nil, opText, []byte("hello"), true), true)
	f.Add(appendFrame(appendFrame(nil, opPing, nil, false), opBinary, make([]byte, 70000), false), false)
	f.Add([]byte{0x01, 0x81, 0, 0, 0, 0, 'a', 0x80, 0x81, 0, 0, 0, 0, 'b'}, true)
	f.Add([]byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xe8}, true)
	f.Fuzz(func(t *testing.T, b []byte, server bool) {
		w := &wsReader{r: bufio.NewReader(bytes.NewReader(b)), server: server, waits: quiet, begun: quiet,
			control: func(_ byte, payload []byte) {
				if len(payload) > 125 {
					t.Errorf("a control frame of %d bytes is answered", len(payload))
				}
			}}
		for {
			m, err := w.next()
			if err != nil {
				return
			}
			if len(m) > maxMessage {
				t.Fatalf("a message of %d bytes", len(m))
			}
			back := &wsReader{r: bufio.NewReader(bytes.NewReader(appendFrame(nil, opText, m, server))),
				server: server, waits: quiet, begun: quiet}
			if got, err := back.next(); err != nil || !bytes.Equal(got, m) {
				t.Fatalf("written and read back as %q, %v, want %q", got, err, m)
			}
		}
	})
}

func TestWebSocketFramesAgainstTheRulesEndTheConnection(t *testing.T) {
	long := append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0}, 0, 0, 0, 0)
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"not masked", appendFrame(nil, opText, []byte("x"), false), errWebSocket},
		{"a reserved bit", []byte{0xc1, 0x80, 0, 0, 0, 0}, errWebSocket},
		{"an opcode nobody knows", []byte{0x83, 0x80, 0, 0, 0, 0}, errWebSocket},
		{"a continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}, errWebSocket},
		{"a message inside another", []byte{0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0}, errWebSocket},
		{"a ping in fragments", []byte{0x09, 0x80, 0, 0, 0, 0}, errWebSocket},
		{"a length longer than it needs to be", []byte{0x81, 0xfe, 0, 1, 0, 0, 0, 0, 'x'}, errWebSocket},
		{"longer than we accept", long, errWebSocketLong},
		{"a close", appendFrame(nil, opClose, []byte{3, 232}, true), io.EOF},
		{"cut off", []byte{0x81, 0x85, 0, 0, 0, 0, 'a'}, io.ErrUnexpectedEOF},
	} {
		w := &wsReader{r: bufio.NewReader(bytes.NewReader(c.b)), server: true, waits: quiet, begun: quiet, control: func(byte, []byte) {}}
		if m, err := w.next(); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v, want %v", c.name, m, err, c.want)
		}
	}
}

func TestWebSocketHandshakesThatAreNotForSIPAreRefused(t *testing.T) {
	good := "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nOrigin: https://desk.example\r\n\r\n"
	for _, c := range []struct{ name, text, want string }{
		{"as it should be", good, "101"},
		{"another protocol", strings.Replace(good, "Protocol: sip", "Protocol: chat", 1), "400"},
		{"another version", strings.Replace(good, "Version: 13", "Version: 8", 1), "426"},
		{"another origin", strings.Replace(good, "desk.example", "evil.example", 1), "403"},
		{"no upgrade", strings.Replace(good, "Upgrade: websocket\r\n", "", 1), "400"},
		{"a short key", strings.Replace(good, "dGhlIHNhbXBsZSBub25jZQ==", "YQ==", 1), "400"},
		{"a POST", strings.Replace(good, "GET", "POST", 1), "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			done := make(chan error, 1)
			go func() {
				_, err := acceptWebSocket(ours, []string{"https://desk.example"})
				ours.Close()
				done <- err
			}()
			if _, err := io.WriteString(theirs, c.text); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(theirs)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.want+" ") {
				t.Errorf("answered %q, %v, want %s", answer, err, c.want)
			}
			// The example of RFC 6455 section 1.3.
			if c.want == "101" && !strings.Contains(string(answer), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") {
				t.Errorf("answered %q", answer)
			}
			if err := <-done; (err == nil) != (c.want == "101") {
				t.Errorf("acceptWebSocket() = %v", err)
			}
		})
	}
}
