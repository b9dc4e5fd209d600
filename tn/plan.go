package tn

import "strings"

// Plan is the local policy of RFC 8224 section 8.3 by which a number as dialled or
// as a trunk sends it becomes an international one. The zero Plan changes nothing.
type Plan struct {
	// Country is the country code put before a national number, such as "44".
	Country string
	// Trunk is the prefix of national numbers, such as "0"; it is removed.
	Trunk string
	// International is the prefix of international numbers, such as "00" or "011";
	// it is removed.
	International string
}

// Parse is [Parse] followed by the rules of p: an international prefix is removed,
// else a trunk prefix is replaced by the country code. A number with "+" is
// international already, and one that matches no prefix stays as it is (112, 911).
func (p Plan) Parse(s string) (Number, error) {
	n, err := Parse(s)
	if err != nil {
		return "", err
	}
	if firstOf(s) == '+' {
		return n, nil
	}
	if rest, ok := strings.CutPrefix(string(n), p.International); ok && p.International != "" && rest != "" {
		return Number(rest), nil
	}
	if rest, ok := strings.CutPrefix(string(n), p.Trunk); ok && p.Trunk != "" && rest != "" {
		return Number(p.Country + rest), nil
	}
	return n, nil
}

// firstOf returns the first character of the number in s, after a tel scheme and
// percent-encoding: only whether it is "+" matters.
func firstOf(s string) byte {
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	if len(s) >= 3 && s[0] == '%' {
		b, _ := unescape(s)
		return b
	}
	if s == "" {
		return 0
	}
	return s[0]
}
