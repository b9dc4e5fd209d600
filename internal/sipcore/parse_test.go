package sipcore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const plain = "INVITE sip:b@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa\r\n" +
	"From: <sip:a@example.com>;tag=1\r\n" +
	"To: <sip:b@example.com>\r\n" +
	"Call-ID: c\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Content-Length: 6\r\n\r\nv=0\r\n\r\n"

func TestParseRequestTakesAFileWithAnyLineEnds(t *testing.T) {
	lf := strings.ReplaceAll(plain, "\r\n", "\n")
	for _, c := range []struct{ name, text, body string }{
		{"as on the wire", plain, "v=0\r\n\r"},
		{"line feeds only, which makes the body shorter", strings.Replace(lf, "Length: 6", "Length: 7", 1), "v=0\r\n\r\n"},
		{"line feeds only, and counted so", strings.Replace(lf, "Length: 6", "Length: 5", 1), "v=0\n\n"},
		{"an empty line before", "\n\r\n" + plain, "v=0\r\n\r"},
		{"no empty line at the end, and no body", strings.Replace(lf[:strings.Index(lf, "\n\n")], "Length: 6", "Length: 0", 1), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseRequest([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if m.Method() != MethodInvite || m.CallID() != "c" || string(m.Body()) != c.body {
				t.Errorf("ParseRequest() = %v, Call-ID %q, body %q, want body %q", m, m.CallID(), m.Body(), c.body)
			}
		})
	}
}

func TestWhatTwoReadersMightUnderstandDifferentlyIsRefused(t *testing.T) {
	insert := func(line string) string { return strings.Replace(plain, "Call-ID", line+"\r\nCall-ID", 1) }
	replace := func(old, new string) string { return strings.Replace(plain, old, new, 1) }
	for _, c := range []struct {
		name, text, want string
		answerable       bool
	}{
		{"two From", insert("From: <sip:x@example.com>;tag=2"), "more than one From", true},
		{"two From, one compact", insert("f: <sip:x@example.com>;tag=2"), "more than one From", true},
		{"two To", insert("To: <sip:x@example.com>"), "more than one To", true},
		{"two Call-ID", insert("i: d"), "more than one Call-ID", true},
		{"two CSeq", insert("CSeq: 2 INVITE"), "more than one CSeq", true},
		{"two Content-Length", insert("Content-Length: 6"), "more than one Content-Length", true},
		{"two Max-Forwards", insert("Max-Forwards: 6\r\nMax-Forwards: 6"), "more than one Max-Forwards", true},
		{"no From", replace("From", "X-From"), "missing", true},
		{"no Via", replace("Via", "X-Via"), "missing", true},
		{"an empty Call-ID", replace("Call-ID: c", "Call-ID:"), "empty Call-ID", true},
		{"a CSeq for another method", replace("1 INVITE", "1 BYE"), "CSeq", true},
		{"a CSeq beyond 2**31", replace("1 INVITE", "2147483648 INVITE"), "CSeq", true},
		{"a signed CSeq", replace("1 INVITE", "+1 INVITE"), "CSeq", true},
		{"a From that is no address", replace("<sip:a@example.com>", "<sip:a@example.com"), "From", true},
		{"two at signs", replace("INVITE sip:b@", "INVITE sip:b@evil.example@"), "Request-URI", true},
		{"a space in the Request-URI", replace("INVITE sip:b@", "INVITE sip:b @"), "white space", true},
		{"a tab in the Request-URI", replace("INVITE sip:b@", "INVITE sip:b\t@"), "Request-URI", true},
		{"brackets around the Request-URI", replace("sip:b@example.com SIP", "<sip:b@example.com> SIP"), "Request-URI", true},
		{"another version", replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), "version", true},
		{"a body that is cut off", replace("Length: 6", "Length: 8"), "shorter", true},
		{"a negative length", replace("Length: 6", "Length: -1"), "Content-Length", true},
		{"a signed length", replace("Length: 6", "Length: +6"), "Content-Length", true},
		{"Max-Forwards beyond 255", insert("Max-Forwards: 256"), "Max-Forwards", true},
		{"white space in a name", insert("X Y: z"), "not a token", true},
		{"a bare line feed", insert("X: y\nEvil: z"), "bare", false},
		{"a bare carriage return", insert("X: y\rEvil: z"), "bare", false},
		{"a NUL character", insert("X: y\x00z"), "NUL", false},
		{"a folded first line", replace("Via", " Via"), "continues nothing", false},
		{"a line without a colon", insert("X"), "not a header field", false},
		{"no empty line", plain[:strings.Index(plain, "\r\n\r\n")], "no empty line", false},
		{"nothing", "", "no empty line", false},
		{"no start line", "\r\n\r\n", "neither a request line", false},
		{"257 header fields", insert(strings.Repeat("X: y\r\n", maxFields-5) + "X: y"), "more header fields", false},
		{"a field folded a thousand times", insert("X: y" + strings.Repeat("\r\n z", maxLines)), "more header fields", false},
		{"a field longer than 48 KiB", insert("X: " + strings.Repeat("y", maxField)), "48 KiB", false},
		{"a folded field longer than 48 KiB", insert("X: y" + strings.Repeat("\r\n "+strings.Repeat("z", 100), 490)), "48 KiB", false},
		{"more than 64 KiB", plain + strings.Repeat("x", maxMessage), "64 KiB", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := parseWire([]byte(c.text))
			if _, ok := errors.AsType[*ParseError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("parseWire() = %v, want an error with %q", err, c.want)
			}
			if (m != nil) != c.answerable {
				t.Errorf("a message to answer was returned: %v, want %v", m != nil, c.answerable)
			}
		})
	}
}

func TestWhatIsLargeButAllowedIsAccepted(t *testing.T) {
	for _, c := range []struct{ name, fields string }{
		{"an Identity of 33 KiB", "y: " + strings.Repeat("x", 33<<10) + "\r\n"},
		{"200 Identity fields", strings.Repeat("Identity: x\r\n", 200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseWire([]byte(strings.Replace(plain, "Call-ID", c.fields+"Call-ID", 1))); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAResponseIsNotARequest(t *testing.T) {
	text := strings.Replace(plain, "INVITE sip:b@example.com SIP/2.0", "SIP/2.0 200 OK", 1)
	if m, err := ParseMessage([]byte(text)); err != nil || m.Status() != 200 || m.Reason() != "OK" || m.IsRequest() {
		t.Errorf("ParseMessage() = %v, %v", m, err)
	}
	if _, err := ParseRequest([]byte(text)); err == nil {
		t.Error("ParseRequest() took a response")
	}
}

func TestErrorsDoNotQuoteTheMessage(t *testing.T) {
	for _, text := range []string{
		strings.Replace(plain, "sip:b@", "sip:+12155551212 @", 1),
		strings.Replace(plain, "<sip:a@", "<<sip:+12155551212@", 1),
		"+12155551212",
	} {
		if _, err := ParseRequest([]byte(text)); err == nil || strings.Contains(err.Error(), "1215") {
			t.Errorf("ParseRequest() = %v, want an error without the number", err)
		}
	}
}

// torture says what becomes of the messages of RFC 4475, by file: "" is accepted,
// a number is the status they are refused with, "drop" is no answer.
var torture = map[string]string{
	// Section 3.1.1, valid messages.
	"wsinv": "", "esc01": "", "escnull": "", "esc02": "", "lwsdisp": "", "longreq": "",
	"dblreq": "", "semiuri": "", "transports": "", "mpart01": "", "unreason": "", "noreason": "",
	// Valid too, but a NUL in a header field, even an escaped one, is not
	// forwarded: programs written in C end the field there.
	"intmeth": "drop",

	// Section 3.1.2, invalid messages.
	"clerr": "400", "ncl": "400", "scalar02": "400", "ltgtruri": "400",
	"lwsruri": "400", "lwsstart": "400", "trws": "400", "mismatch01": "400", "mismatch02": "400",
	"quotbal": "400", "badaspec": "400", "badvers": "505",
	"scalarlg": "drop", "bigcode": "drop", // responses are not answered
	"baddn": "drop", // the file ends before its header does
	// What is wrong with these does not concern a proxy, which forwards fields
	// that it does not read (section 16.3: reasonable syntax).
	"badinv01": "", "escruri": "", "baddate": "", "regbadct": "",

	// Sections 3.2 to 3.4: what is odd is for applications to judge.
	"badbranch": "", "insuf": "400", "unkscm": "", "novelsc": "", "unksm2": "", "bext01": "",
	"invut": "", "regaut01": "", "multi01": "400", "mcl01": "400", "bcast": "", "zeromf": "",
	"cparam01": "", "cparam02": "", "regescrt": "", "sdp01": "", "inv2543": "",

	// Not of RFC 4475: a start line of two words.
	"test": "drop",
}

func TestTortureMessagesOfRFC4475(t *testing.T) {
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) != len(torture) {
		t.Fatalf("there are %d files and %d expectations, %v", len(files), len(torture), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			m, err := parseWire(text)
			switch {
			case err == nil:
			case m == nil || !m.IsRequest():
				got = "drop"
			case statusOf(err) == 505:
				got = "505"
			default:
				got = "400"
			}
			if want := torture[name]; got != want {
				t.Errorf("got %q (%v), want %q", got, err, want)
			}
		})
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, text := range []string{plain, odd, strings.ReplaceAll(plain, "\r\n", "\n"), inviteText} {
		f.Add([]byte(text))
	}
	files, _ := filepath.Glob("testdata/rfc4475/*.dat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		wire := m.Bytes()
		back, err := parseWire(wire)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%q", err, wire)
		}
		if !bytes.Equal(back.Bytes(), wire) {
			t.Errorf("written again as\n%q\nwant\n%q", back.Bytes(), wire)
		}
		m.List("Via")
		m.TopRoute()
		loops(m, func(string) bool { return true }, "b")
		for m.PopRoute() {
		}
	})
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("\r\n\r\n"))
	files, _ := filepath.Glob("testdata/rfc4475/*.dat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		inBubble(t, Config{}, nil, func(bb *bubble) {
			bb.arriving <- datagram{peer: caller, text: string(b)}
			for _, d := range bb.pass(0) {
				// What is echoed in a 400 may be as malformed as it came.
				if !strings.HasPrefix(d.text, "SIP/2.0 ") || d.peer.Addr() != caller.Addr() {
					t.Errorf("a datagram led to this, to %v:\n%s", d.peer, d.text)
				}
			}
		})
	})
}
