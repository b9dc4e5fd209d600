package stircert

import (
	"errors"
	"fmt"
	"strings"

	"countersign.example/passport"
	"countersign.example/tn"
)

// MaxEntries is the most entries of a TN Authorization List that are read. A list
// with more is malformed.
const MaxEntries = 100_000

// MaxListBytes is the longest TN Authorization List that is read, in bytes of DER.
const MaxListBytes = 2 << 20

// MaxSPC is the longest service provider code that is read. In the United States
// they have four characters; the standard sets no limit.
const MaxSPC = 64

// TNAuthList is a TN Authorization List (RFC 8226 section 9): the numbers that a
// certificate is for. The scope is additive. The order of the entries has no
// meaning and is kept only within each kind. The zero value lists nothing, and
// cannot be written.
type TNAuthList struct {
	// SPCs are service provider codes: all numbers of that provider, whichever
	// those are.
	SPCs []string
	// Ranges are blocks of numbers that pass [tn.Range.Check].
	Ranges []tn.Range
	// Numbers are single numbers.
	Numbers []tn.Number
	// AtEdge are blocks that only the last clause of the standard's formula
	// refuses ([tn.ErrRangeEdge]). They count as covering.
	AtEdge []tn.Range
}

// ParseTNAuthList reads the DER of a TN Authorization List (RFC 8226 section 9, with
// explicit tags). The error is a *passport.Finding of TNAuthListMalformed.
func ParseTNAuthList(der []byte) (TNAuthList, error) {
	var l TNAuthList
	if len(der) > MaxListBytes {
		return l, badList("it is longer than %d bytes", MaxListBytes)
	}
	entries, ok := only(der, tagSequence)
	switch {
	case !ok:
		return l, badList("it is not one DER sequence")
	case len(entries) == 0:
		return l, badList("it has no entries")
	}
	for i := 1; len(entries) > 0; i++ {
		if i > MaxEntries {
			return TNAuthList{}, badList("it has more than %d entries", MaxEntries)
		}
		tag, entry, _, ok := entries.next()
		if !ok {
			return TNAuthList{}, badList("entry %d is not DER", i)
		}
		if fault := l.read(tag, entry); fault != "" {
			return TNAuthList{}, badList("entry %d %s", i, fault)
		}
	}
	return l, nil
}

// read adds one entry to l, or says what is wrong with it. It does not show the
// entry, which may be a number.
func (l *TNAuthList) read(tag byte, entry reader) (fault string) {
	switch tag {
	case explicit(0):
		spc, ok := only(entry, tagIA5)
		if !ok || !ia5(spc) || len(spc) > MaxSPC {
			return "is not a service provider code"
		}
		l.SPCs = append(l.SPCs, string(spc))
	case explicit(1):
		return l.readRange(entry)
	case explicit(2):
		s, ok := only(entry, tagIA5)
		n, valid := listed(s)
		if !ok || !valid {
			return "is not a telephone number"
		}
		l.Numbers = append(l.Numbers, n)
	case implicit(0), implicit(1), implicit(2):
		// RFC 8226 section 9: the module says EXPLICIT TAGS.
		return "lacks its explicit tag"
	default:
		return fmt.Sprintf("is of no known kind (tag %#02x)", tag)
	}
	return ""
}

func (l *TNAuthList) readRange(entry reader) (fault string) {
	r, ok := only(entry, tagSequence)
	if !ok {
		return "is not a range of numbers"
	}
	s, ok := r.read(tagIA5)
	start, valid := listed(s)
	if !ok || !valid {
		return "is a range that starts with no telephone number"
	}
	count, ok := r.unsigned()
	if !ok {
		return "is a range without a count that can be used"
	}
	// RFC 8226 section 9: the range has an extension marker, so more may follow.
	for len(r) > 0 {
		if _, _, _, ok := r.next(); !ok {
			return "is a range with something after its count that is not DER"
		}
	}
	block := tn.Range{Start: start, Count: count}
	switch err := block.Check(); {
	case err == nil:
		l.Ranges = append(l.Ranges, block)
	case errors.Is(err, tn.ErrRangeEdge):
		l.AtEdge = append(l.AtEdge, block)
	default:
		return "is not valid: " + strings.TrimPrefix(err.Error(), "tn: ")
	}
	return ""
}

// listed returns s as a number that a list can hold (RFC 8226 section 9:
// TelephoneNumber).
func listed(s []byte) (tn.Number, bool) {
	if len(s) > tn.MaxListed {
		return "", false
	}
	n := tn.Number(s)
	return n, n.Canonical()
}

func badList(format string, args ...any) error {
	return passport.Found(passport.TNAuthListMalformed, "TNAuthList", fmt.Sprintf(format, args...))
}

// Marshal returns the DER of l: service provider codes first, then ranges, then
// numbers. An entry that could not be read back is an error, and so is an empty list.
func (l TNAuthList) Marshal() ([]byte, error) {
	if l.Empty() {
		return nil, errors.New("writing a TN Authorization List: it lists nothing")
	}
	var entries [][]byte
	for _, spc := range l.SPCs {
		if !ia5([]byte(spc)) || len(spc) > MaxSPC {
			return nil, fmt.Errorf("writing a TN Authorization List: %q is no service provider code", spc)
		}
		entries = append(entries, element(explicit(0), element(tagIA5, []byte(spc))))
	}
	for _, r := range l.Ranges {
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("writing a TN Authorization List: range from %s: %w", r.Start.Masked(), err)
		}
		entries = append(entries, rangeDER(r))
	}
	for _, r := range l.AtEdge {
		if err := r.Check(); !errors.Is(err, tn.ErrRangeEdge) {
			return nil, fmt.Errorf("writing a TN Authorization List: the range from %s is not at the edge", r.Start.Masked())
		}
		entries = append(entries, rangeDER(r))
	}
	for _, n := range l.Numbers {
		if _, ok := listed([]byte(n)); !ok {
			return nil, fmt.Errorf("writing a TN Authorization List: %s can not be listed", n.Masked())
		}
		entries = append(entries, element(explicit(2), element(tagIA5, []byte(n))))
	}
	if len(entries) > MaxEntries {
		return nil, fmt.Errorf("writing a TN Authorization List: more than %d entries", MaxEntries)
	}
	return element(tagSequence, entries...), nil
}

func rangeDER(r tn.Range) []byte {
	return element(explicit(1), element(tagSequence,
		element(tagIA5, []byte(r.Start)), integer(r.Count)))
}

// Empty reports whether l lists nothing.
func (l TNAuthList) Empty() bool {
	return len(l.SPCs)+len(l.Ranges)+len(l.Numbers)+len(l.AtEdge) == 0
}

// add joins the entries of m to those of l, which is what two lists of one
// certificate mean together.
func (l *TNAuthList) add(m TNAuthList) {
	l.SPCs = append(l.SPCs, m.SPCs...)
	l.Ranges = append(l.Ranges, m.Ranges...)
	l.Numbers = append(l.Numbers, m.Numbers...)
	l.AtEdge = append(l.AtEdge, m.AtEdge...)
}
