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
// A plan that would make something else than a number of it is [ErrSyntax] too.
func (p Plan) Parse(s string) (Number, error) {
	n, plus, err := parse(s)
	if err != nil || plus {
		return n, err
	}
	if rest, ok := strings.CutPrefix(string(n), p.International); ok && p.International != "" && rest != "" {
		n = Number(rest)
	} else if rest, ok := strings.CutPrefix(string(n), p.Trunk); ok && p.Trunk != "" && rest != "" {
		n = Number(p.Country + rest)
	}
	if !n.Canonical() {
		return "", ErrSyntax
	}
	return n, nil
}
