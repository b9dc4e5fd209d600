package sipidentity

import (
	"fmt"
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

// String returns the header field value.
func (r Reason) String() string {
	s := fmt.Sprintf("STIR ;cause=%d ;text=%q", r.Cause, r.Text)
	if r.PPI != "" {
		s += ` ;ppi="` + r.PPI + `"`
	}
	return s
}

// compactLen is the length of a compact PASSporT: two dots and 64 bytes in base64url.
const compactLen = 2 + 86

// ParseReason reads one value of a Reason header field. It reports false for another
// protocol than STIR and for a value that is not well formed. A ppi that can not be
// a PASSporT is dropped, not an error: it names nothing.
func ParseReason(s string) (Reason, bool) {
	if len(s) > MaxLen {
		return Reason{}, false
	}
	protocol, rest, _ := strings.Cut(strings.Trim(s, spaces), ";")
	if !strings.EqualFold(strings.Trim(protocol, spaces), "STIR") {
		return Reason{}, false
	}
	var r Reason
	rest = ";" + rest
	for range maxParams {
		p, next, bad := nextParam(rest)
		if bad != nil {
			return Reason{}, false
		}
		switch strings.ToLower(p.name) {
		case "":
			return r, r.Cause != 0
		case "cause":
			n, err := strconv.Atoi(p.value)
			if err != nil || n < 100 || n > 699 {
				return Reason{}, false
			}
			r.Cause = n
		case "text":
			r.Text = p.value
		case "ppi":
			r.PPI = compactPPI(p.value)
		}
		rest = next
	}
	return Reason{}, false
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
