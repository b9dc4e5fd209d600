package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"countersign.example/internal/call"
)

// printer tells the story. Errors of writing are nobody's concern: if nobody reads, the
// network still works.
type printer struct {
	color, json bool

	// mu guards out, and keeps what is said of one call together.
	mu  sync.Mutex
	out io.Writer
}

// say prints one piece as a whole.
func (p *printer) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	io.WriteString(p.out, text)
}

func (p *printer) welcome(l *Lab) {
	if p.json {
		return
	}
	p.say(fmt.Sprintf(`A small telephone network on this machine: a carrier that signs, its certificates, a phone
that rings, and Countersign between them at %s. Names and numbers are made up,
and nobody else trusts its certificates (they are fetched in lab mode, from loopback).

`, l.server.Addr()))
}

// scene prints what became of a call of the story.
func (p *printer) scene(number int, out *Outcome) {
	if p.json {
		p.object(out)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d. %s\n", number, out.Title)
	if out.Said == nil {
		p.left(&b, out)
	} else {
		p.arrived(&b, out)
	}
	p.ending(&b, out)
	p.say(b.String())
}

// visitor prints what became of somebody else's call.
func (p *printer) visitor(out *Outcome, rec *call.Record) {
	if p.json {
		p.object(out)
		return
	}
	var b strings.Builder
	caller := rec.Call.Calling.String()
	if rec.Call.Calling.IsZero() {
		caller = "a withheld number"
	}
	fmt.Fprintf(&b, "%s  A call from %s.\n", rec.Call.ArrivedAt.Format("15:04:05"), caller)
	switch {
	case rec.State == call.Abandoned:
		fmt.Fprintf(&b, "   The caller hung up before it was decided.\n")
	case out.Said == nil:
		p.left(&b, out)
	default:
		p.arrived(&b, out)
	}
	p.ending(&b, out)
	p.say(b.String())
}

// arrived writes what is told of a call that came in.
func (p *printer) arrived(b *strings.Builder, out *Outcome) {
	s := out.Said
	fmt.Fprintf(b, "   %s  %s\n", p.mark(s.Sign+" "+strings.ToUpper(s.Verdict), s.Sign), s.Line)
	row(b, "number", s.Number)
	row(b, "who", s.Who)
	row(b, "because", s.Reasons...)
	row(b, "not shown", s.NotShown)
	if out.Action != call.Reject {
		row(b, "what to do", s.Next)
	}
	done := "connected"
	switch {
	case out.Action == call.Reject:
		done = "refused before it rang"
	case out.Action != call.Connect:
		done = string(out.Action)
	}
	if out.Status != 0 {
		done += fmt.Sprintf(" (SIP %d)", out.Status)
	}
	row(b, "done", done)
	if out.Display != "" {
		shown := out.Display
		if out.Verstat != "" {
			shown += ", " + out.Verstat
		}
		row(b, "phone", shown)
	}
}

// left writes what is told of a call that left.
func (p *printer) left(b *strings.Builder, out *Outcome) {
	if !out.Signed {
		fmt.Fprintf(b, "   %s  Your call left unsigned.\n", p.mark("? UNSIGNED", "?"))
	} else {
		fmt.Fprintf(b, "   %s  Your call says that it comes from your number, and the other side can check that.\n", p.mark("✔ SIGNED", "✔"))
	}
	if out.Checked != "" {
		row(b, "checked", "by the other side's carrier: "+out.Checked)
	}
	if out.Status != 0 {
		row(b, "done", fmt.Sprintf("connected (SIP %d)", out.Status))
	}
}

func (p *printer) ending(b *strings.Builder, out *Outcome) {
	row(b, "record", out.ID)
	if out.Problem != "" {
		row(b, p.paint("31", "UNEXPECTED"), out.Problem)
	}
	b.WriteByte('\n')
}

// row writes a name and what belongs to it.
func row(b *strings.Builder, name string, lines ...string) {
	for _, line := range lines {
		for _, part := range wrapped(line, width-17) {
			fmt.Fprintf(b, "     %-10s  %s\n", name, part)
			name = ""
		}
	}
}

// width is that of a terminal that nobody made wider.
const width = 100

// wrapped breaks text into lines of at most n characters, between words.
func wrapped(text string, n int) []string {
	var lines []string
	line, length := "", 0
	for word := range strings.FieldsSeq(text) {
		long := utf8.RuneCountInString(word)
		if length > 0 && length+1+long > n {
			lines = append(lines, line)
			line, length = "", 0
		}
		if length > 0 {
			line += " "
			length++
		}
		line += word
		length += long
	}
	return append(lines, line)
}

// mark is a verdict in its colour, if there are colours; sign and word say it too.
func (p *printer) mark(text, sign string) string {
	return p.paint(map[string]string{"✔": "32", "◐": "34", "✘": "31"}[sign], text)
}

func (p *printer) paint(code, text string) string {
	if !p.color {
		return text
	}
	if code == "" {
		code = "1"
	}
	return "\x1b[1;" + code + "m" + text + "\x1b[0m"
}

func (p *printer) object(out *Outcome) {
	line, err := json.Marshal(out)
	if err != nil {
		panic("lab: an outcome cannot be written as JSON: " + err.Error())
	}
	p.say(string(line) + "\n")
}

func (p *printer) summary(l *Lab, ok bool, took time.Duration) {
	if p.json {
		return
	}
	text := fmt.Sprintf("All %d calls became what they should", len(story))
	if !ok {
		text = "Not every call became what it should: see UNEXPECTED above"
	}
	text += fmt.Sprintf(" (in %v). ", took.Round(time.Millisecond))
	if l.temporary && l.once {
		text += "Their records were in a temporary file, now removed; --data DIR or --keep keeps it.\n"
	} else {
		text += "Their records are in\n" + l.recordsFile() + "\n"
	}
	p.say(text)
}

// hints says how a visitor calls.
func (p *printer) hints(l *Lab) {
	if p.json {
		return
	}
	addr := l.server.Addr()
	p.say(fmt.Sprintf(`
The network stays up until you press Ctrl-C. Call it yourself, and each call is judged here:

  any softphone, without an account:  dial sip:+%[1]s@%[2]s
  baresip:  baresip -e "/uanew <sip:+%[3]s@127.0.0.1>;regint=0" -e "/dial sip:+%[1]s@%[2]s"
  SIPp:     sipp -sf %[4]s -key shown +%[3]s -s +%[1]s -m 1 %[2]s

The number you show is what you say it is: +%[3]s is the President's Office's. To sign a call as the
carrier does, or to check what it signed:

  countersign sign --key %[5]s --x5u %[6]s \
      --attest A --orig +%[3]s --dest +%[1]s
  countersign verify --anchors %[7]s --allow-loopback 'eyJ…;info=<%[6]s>;…'

`, ourNumber.String(), addr, presidentsNumber.String(), filepath.Join(l.folder, scenarioFile),
		filepath.Join(l.folder, keyFile), l.authority.carrier.X5U, filepath.Join(l.folder, anchorsFile)))
}
