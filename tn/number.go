// Package tn is the telephone number as STIR sees it: digits, "#" and "*", with
// no plus sign, no separators and no parameters (RFC 8224 section 8.3,
// RFC 8226 section 9).
//
// Start with [Parse], which makes a [Number] of what signalling, a file or a
// person gives; with [Range], a block of numbers as certificates list them; and
// with [Plan], the local policy by which a national number becomes an
// international one.
//
// Values are plain and may be compared with ==. Parsing is bounded and never
// panics. A Number hides its last digits when it is logged through log/slog, and
// [Number.Masked] hides them everywhere else, since a whole number has no place
// in a log line.
//
// The package knows no numbering plan of any country, does not say whether a
// number is in service, and does not decide whether a SIP URI holds a number at
// all: that is sipidentity's.
package tn

import (
	"errors"
	"log/slog"
	"strings"
)

// MaxLen is the longest number accepted, in digits. E.164 ends at 15; the rest is
// room for service codes with "*" and "#", which no certificate can list.
const MaxLen = 32

// ErrSyntax is returned for text that is no telephone number: empty, too long, or
// with a character that is neither part of a number (RFC 8224 section 8.3) nor a
// visual separator (RFC 3966 section 3).
var ErrSyntax = errors.New("tn: not a telephone number")

// Number is a telephone number in canonical form: one or more of the digits, "#"
// and "*", most significant first, without "+". The zero value is no number.
type Number string

// Parse returns the canonical form of s, which may be a bare number, a tel URI, or
// the user part of a SIP URI. Parameters (";rn=", ";npdi", ";ext=",
// ";phone-context=") are cut first, percent-encoding is undone, and then visual
// separators and a leading "+" are dropped (RFC 8224 section 8.3). Nothing is
// added: a national number stays national, see [Plan.Parse].
func Parse(s string) (Number, error) {
	n, _, err := parse(s)
	return n, err
}

// parse also reports whether there was a leading "+", which says that the number is
// international whatever the local policy.
func parse(s string) (n Number, plus bool, err error) {
	if canonical(s) {
		return Number(s), false, nil
	}
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	s, _, _ = strings.Cut(s, ";")
	if len(s) > 4*MaxLen {
		return "", false, ErrSyntax
	}
	var room [MaxLen]byte
	out := room[:0]
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b == '%' {
			var ok bool
			if b, ok = unescape(s[i:]); !ok {
				return "", false, ErrSyntax
			}
			i += 2
		}
		switch {
		case isTN(b) && len(out) < MaxLen:
			out = append(out, b)
		case b == '+' && len(out) == 0 && !plus:
			plus = true
		case strings.IndexByte("-.() ", b) >= 0:
		default:
			return "", false, ErrSyntax
		}
	}
	if len(out) == 0 {
		return "", false, ErrSyntax
	}
	return Number(out), plus, nil
}

// MustParse is Parse for numbers written in a program or a test. It panics when s
// is not a telephone number.
func MustParse(s string) Number {
	n, err := Parse(s)
	if err != nil {
		panic("tn: MustParse(" + s + "): not a telephone number")
	}
	return n
}

// IsZero reports whether n is no number.
func (n Number) IsZero() bool { return n == "" }

// Canonical reports whether n is in canonical form, as every Number made by Parse
// is: it tells a number that was converted from a stranger's text.
func (n Number) Canonical() bool { return canonical(string(n)) }

// International reports whether n can be an E.164 number: digits only, at most 15,
// not starting with zero, and long enough to hold a country code and a subscriber.
func (n Number) International() bool {
	if len(n) < 7 || len(n) > 15 || n[0] == '0' {
		return false
	}
	return strings.Trim(string(n), "0123456789") == ""
}

// String returns the canonical digits, whole. Use [Number.Masked] for anything that
// is kept or shown beyond the call's own parties.
func (n Number) String() string { return string(n) }

// Masked returns n with the last digits replaced by dots, enough left to recognise
// a country and an area: half of a short number, all but the last four of a long
// one.
func (n Number) Masked() string {
	if n == "" {
		return ""
	}
	hide := min(4, (len(n)+1)/2)
	shown := string(n[:len(n)-hide])
	if n.International() {
		shown = "+" + shown
	}
	return shown + strings.Repeat("•", hide)
}

// MaskIn returns text with the last four digits of every run of seven or more replaced by
// dots: an error of the network, or a URI, may hold a telephone number.
func MaskIn(text string) string {
	b := []rune(text)
	for i, run := 0, 0; i <= len(b); i++ {
		if i < len(b) && b[i] >= '0' && b[i] <= '9' {
			run++
			continue
		}
		if run >= 7 {
			for k := i - 4; k < i; k++ {
				b[k] = '•'
			}
		}
		run = 0
	}
	return string(b)
}

// LogValue makes a Number hide its last digits in log lines.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

func canonical(s string) bool {
	if s == "" || len(s) > MaxLen {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isTN(s[i]) {
			return false
		}
	}
	return true
}

func isTN(b byte) bool { return b >= '0' && b <= '9' || b == '#' || b == '*' }

func unescape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	hi, ok1 := hexDigit(s[1])
	lo, ok2 := hexDigit(s[2])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
