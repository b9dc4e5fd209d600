package stircert

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// foldedName returns a distinguished name in a form in which names that are equal by
// RFC 5280 section 7.1 are equal text: string types, letter case and runs of white
// space make no difference. Revocation lists are written by others than the
// certificates, so the bytes may differ; a false match only revokes too much. A
// name that cannot be read stands for itself.
func foldedName(raw []byte) string {
	var rdns pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &rdns)
	if err != nil || len(rest) > 0 {
		return string(raw)
	}
	var b strings.Builder
	for _, rdn := range rdns {
		parts := make([]string, 0, len(rdn))
		for _, a := range rdn {
			value := strings.ToLower(strings.Join(strings.Fields(fmt.Sprint(a.Value)), " "))
			parts = append(parts, fmt.Sprintf("%v=%q", a.Type, value))
		}
		slices.Sort(parts)
		fmt.Fprintf(&b, "{%s}", strings.Join(parts, "+"))
	}
	return b.String()
}

// maxDetail bounds what of somebody else's error text is passed on.
const maxDetail = 160

// plain makes text that may hold something of a stranger's fit for a finding: no
// control characters, bounded, and no whole telephone number.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	b := []rune(s)
	for i := 0; i < len(b); i++ {
		start := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		// Seven digits are the shortest number that stands for one anywhere.
		if i-start >= 7 {
			for k := i - 4; k < i; k++ {
				b[k] = '•'
			}
		}
	}
	if len(b) > maxDetail {
		return string(b[:maxDetail]) + "…"
	}
	return string(b)
}
