package gateway

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"countersign.example/sipidentity"
)

// signs stand before a name, by standing; colour is never the only sign, and on most
// phones there is none.
var (
	signs      = [...]string{call.Refuted: "✘", call.Unverified: "?", call.PartlyVerified: "◐", call.Verified: "✔"}
	asciiSigns = [...]string{call.Refuted: "[x]", call.Unverified: "[?]", call.PartlyVerified: "[~]", call.Verified: "[+]"}
)

// notTheirs are the characters that a stranger's name may not hold, because he could
// write a verdict of his own with them.
const notTheirs = "✔✓✅☑✘✗❌☒◐◑◒◓½[]<>\"\\"

// DisplayName returns the name that the phone is shown for a call: a sign, whose name
// it is, and the verdict in a word, as in "◐ President's Office (partly verified)" or
// "? unverified: President's Office". The
// name is the one in our directory; what the caller calls himself stands in quotation
// marks; without either it is the number. It is at most 96 bytes long. With ascii it
// holds nothing else, for phones that can show nothing else.
func DisplayName(rec *call.Record, ascii bool) string {
	standing := min(rec.Verdict.Standing, call.Verified)
	sign, word := signs[standing], standing.String()
	if ascii {
		sign = asciiSigns[standing]
	}
	if prefix := shortened(rec.Action.Show.Prefix); prefix != "" {
		sign = prefix
		if ascii {
			sign = onlyASCII(prefix)
		}
	}
	if standing == call.Unverified && rec.Verdict.Incomplete {
		word = "could not be checked"
	}
	name := whose(&rec.Call)
	if ascii {
		name = onlyASCII(name)
	}
	if standing < call.PartlyVerified {
		// Many phones cut a name short, and the warning must not be what is lost.
		word = sign + " " + word + ": "
		return word + cut(name, maxName-len(word))
	}
	word = " (" + word + ")"
	return sign + " " + cut(name, maxName-len(sign)-1-len(word)) + word
}

// whose says whose call it is, as far as we know.
func whose(c *call.Call) string {
	if !c.Office.IsZero() {
		if name := shortened(c.Office.Name); name != "" {
			return name
		}
		return c.Office.Domain
	}
	if claimed := shortened(strings.Map(theirs, c.DisplayName)); claimed != "" {
		return "'" + claimed + "'"
	}
	switch {
	case c.Calling.TN.International():
		return "+" + c.Calling.TN.String()
	case c.Calling.TN != "":
		return c.Calling.TN.String()
	case c.Calling.URI != "":
		return shortened(c.Calling.URI)
	}
	return "number withheld"
}

// theirs drops what a stranger may not have shown.
func theirs(r rune) rune {
	if strings.ContainsRune(notTheirs, r) {
		return -1
	}
	return r
}

// shortened returns a name without what is invisible (and may turn text around), and of
// a length that phones can show.
func shortened(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.TrimSpace(cut(strings.TrimSpace(name), 60))
}

// cut shortens s to at most n bytes, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func onlyASCII(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '‘', '’':
			return '\''
		case '–', '—':
			return '-'
		}
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}

// verstats are what may stand in a passage.
var verstats = [...]sipidentity.Verstat{"", sipidentity.Passed, sipidentity.Failed, sipidentity.NotValidated}

// verstatOf returns the place in verstats of what in-band evidence came to. It is about
// the number alone, and says nothing of the verdict.
func verstatOf(ev []call.Evidence) uint8 {
	v := sipidentity.NotValidated
	for _, e := range ev {
		if e.Kind != call.InBand {
			continue
		}
		if r, ok := e.Report.(interface{ Verstat() sipidentity.Verstat }); ok {
			v = r.Verstat()
		}
	}
	for i, name := range verstats {
		if name == v {
			return uint8(i)
		}
	}
	return 0
}

// notValidated is the place of that value in verstats.
const notValidated = 3

// show writes the verdict into an INVITE for the phone (ATIS-1000074) and notes in p
// what must be changed back.
func (g *Gateway) show(out *sipcore.Message, rec *call.Record, p *passage) {
	p.shown, p.name = true, DisplayName(rec, g.ascii)
	verstat, worse := verstatOf(rec.Evidence), uint8(notValidated)
	if rec.Action.Show.NoVerstat {
		verstat, worse = 0, 0
	}
	mark := func(a sipcore.NameAddr) (sipcore.NameAddr, uint8) {
		who := party(a.URI().String(), g.numbering)
		switch {
		case who.TN == "":
			return a, 0
		case who != rec.Call.Calling:
			// Another number than the one that was judged.
			return withVerstat(a, worse), worse
		}
		return withVerstat(a, verstat), verstat
	}
	if from, err := sipcore.ParseNameAddr(out.Get("From")); err == nil {
		p.sent, p.uri = sentName(from), digestOf(from.URI())
		from, p.verstat = mark(from.WithDisplayName(p.name))
		out.Set("From", from.String())
	}
	changeAsserted(out, func(a sipcore.NameAddr) sipcore.NameAddr {
		name := ""
		if party(a.URI().String(), g.numbering) == rec.Call.Calling {
			name = p.name
		}
		a, _ = mark(a.WithDisplayName(name))
		return a
	})
	if ring := cmp.Or(rec.Action.Show.AlertInfo, g.alertInfo[rec.Verdict.Standing]); ring != "" || g.alertInfo != nil {
		out.Remove("Alert-Info")
		if ring != "" {
			out.Set("Alert-Info", ring)
		}
	}
}

// withVerstat marks an address whose URI has no verstat yet.
func withVerstat(a sipcore.NameAddr, verstat uint8) sipcore.NameAddr {
	u, value := a.URI(), string(verstats[verstat])
	switch {
	case value == "":
		return a
	case u.Scheme() == "tel":
		return a.WithURI(u.WithTelParam("verstat", value))
	}
	return a.WithURI(u.WithParam("verstat", value))
}

// sentName returns what stands before the angle bracket, byte for byte.
func sentName(a sipcore.NameAddr) string {
	name, ok := strings.CutSuffix(a.String(), a.WithDisplayName("").String())
	if !ok || len(name) > maxName {
		return ""
	}
	return name
}

// showAgain changes the caller's address in a later request of his, as it was changed
// in the first. What the first one showed was judged; nothing newer was, so another URI
// than that is shown without a verdict and without a name.
func (p *passage) showAgain(out *sipcore.Message) {
	from, err := sipcore.ParseNameAddr(out.Get("From"))
	if err != nil || !p.shown {
		return
	}
	name, verstat := p.name, p.verstat%uint8(len(verstats))
	if digestOf(from.URI()) != p.uri {
		name, verstat = "", 0
	}
	out.Set("From", withVerstat(from.WithDisplayName(name), verstat).String())
}

// giveBack changes the caller's address in a request of the phone's, which has it from
// us, back to what the caller sent.
func (p *passage) giveBack(out *sipcore.Message) {
	to, err := sipcore.ParseNameAddr(out.Get("To"))
	if err != nil || !p.shown {
		return
	}
	out.Set("To", p.sent+withoutVerstat(to).WithDisplayName("").String())
}
