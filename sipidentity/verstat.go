package sipidentity

import (
	"slices"
	"strconv"
	"strings"

	"countersign.example/passport"
)

// Verstat is the value of the verstat URI parameter by which a verification service
// tells the network and the phone what it found (ATIS-1000074, 3GPP TS 24.229).
type Verstat string

// The values of verstat.
const (
	// Passed: the PASSporT is valid and names the calling number.
	Passed Verstat = "TN-Validation-Passed"
	// Failed: the certificate is not to be trusted, or the signature is wrong.
	Failed Verstat = "TN-Validation-Failed"
	// NotValidated: everything else, an unsigned call among it.
	NotValidated Verstat = "No-TN-Validation"
)

// ParseVerstat reads a value of verstat, in any case of letters. Suffixes that
// vendors add ("-A", "-Passthrough") are accepted and dropped.
func ParseVerstat(s string) (Verstat, bool) {
	for _, v := range [...]Verstat{Passed, Failed, NotValidated} {
		if len(s) >= len(v) && strings.EqualFold(s[:len(v)], string(v)) && (len(s) == len(v) || s[len(v)] == '-') {
			return v, true
		}
	}
	return "", false
}

// Reason is a value of the Reason header field of protocol STIR (RFC 9410): what was
// found about one Identity header field of a call that went through all the same.
type Reason struct {
	// Cause is the response code that was not sent, and Text its phrase.
	Cause int
	Text  string
	// PPI is the PASSporT concerned, in compact form; empty if not given. It is never
	// the full form, which could be replayed.
	PPI string
}

// String returns the header field value. Text that would break the header field loses
// what breaks it, and a PPI that is no compact PASSporT is left out: either may stem
// from a stranger.
func (r Reason) String() string {
	var b strings.Builder
	b.WriteString("STIR ;cause=" + strconv.Itoa(r.Cause) + ` ;text="`)
	for _, c := range []byte(oneLine(r.Text)) {
		// RFC 3261 section 25.1: quoted-pair.
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	if ppi := compactPPI(r.PPI); ppi != "" {
		b.WriteString(` ;ppi="` + ppi + `"`)
	}
	return b.String()
}

// oneLine puts a space for every control character.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// compactLen is the length of a compact PASSporT: two dots and 64 bytes in base64url.
const compactLen = 2 + 86

// ParseReason reads one value of a Reason header field. It reports false for another
// protocol than STIR and for a value that is not well formed, a parameter given twice
// among it. A ppi that can not be a PASSporT is dropped, not an error: it names nothing.
func ParseReason(s string) (Reason, bool) {
	if len(s) > MaxLen {
		return Reason{}, false
	}
	protocol, rest, _ := strings.Cut(strings.Trim(s, spaces), ";")
	if !strings.EqualFold(strings.Trim(protocol, spaces), "STIR") {
		return Reason{}, false
	}
	var r Reason
	var seen [3]bool
	rest = ";" + rest
	for range maxParams {
		p, next, bad := nextParam(rest)
		if bad != nil {
			return Reason{}, false
		}
		rest = next
		name := strings.ToLower(p.name)
		if name == "" && r.Cause != 0 {
			return r, true
		}
		if name == "" {
			return Reason{}, false
		}
		if i := slices.Index(reasonParams, name); i >= 0 {
			if seen[i] {
				return Reason{}, false
			}
			seen[i] = true
		}
		switch name {
		case "cause":
			if r.Cause = causeOf(p); r.Cause == 0 {
				return Reason{}, false
			}
		case "text":
			r.Text = oneLine(p.value)
		case "ppi":
			r.PPI = compactPPI(p.value)
		}
	}
	return Reason{}, false
}

// reasonParams are the parameters that are read.
var reasonParams = []string{"cause", "text", "ppi"}

// causeOf returns the response code in a cause parameter, 0 if it is none.
func causeOf(p param) int {
	if len(p.value) != 3 || p.value[0] < '1' || p.value[0] > '6' || p.bracketed {
		return 0
	}
	n, err := strconv.ParseUint(p.value, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// compactPPI returns the compact form of a ppi value, or nothing if it is none. Full
// and compact values of one PASSporT have the same.
func compactPPI(s string) string {
	if checkDigest(s) != nil {
		return ""
	}
	sig := s[strings.LastIndexByte(s, '.')+1:]
	if compact := ".." + sig; len(compact) == compactLen && passport.IsBase64URL(sig) {
		return compact
	}
	return ""
}
