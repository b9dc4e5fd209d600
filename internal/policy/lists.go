package policy

import (
	"fmt"
	"slices"
	"strings"

	"countersign.example/tn"
)

// list is a named list of the file. It holds numbers, domains or trunks, and no two of
// these, so that what is looked up in it can not be taken for something else.
type list struct {
	kind    string
	entries map[string]bool
	// blocks are ranges of numbers. There are few, and they are looked through.
	blocks []block
	// under are the domains whose subdomains belong to the list.
	under []string
}

// The kinds of lists, and what can be looked up in which.
const (
	ofNumbers = "numbers"
	ofDomains = "domains"
	ofTrunks  = "trunks"
)

var listed = map[string]string{
	"call.calling":  ofNumbers,
	"call.called":   ofNumbers,
	"call.trunk":    ofTrunks,
	"office.domain": ofDomains,
}

// has reports whether the list holds what. Nothing is never in a list.
func (l *list) has(what string) bool {
	if what == "" {
		return false
	}
	if l.entries[what] {
		return true
	}
	for i := range l.blocks {
		if l.blocks[i].contains(what) {
			return true
		}
	}
	return slices.ContainsFunc(l.under, func(domain string) bool { return strings.HasSuffix(what, domain) })
}

// block is a range of numbers of one length. The zero block is none.
type block struct {
	digits      int
	first, last uint64
	fault       error
}

// rangeOf returns the block of count numbers from first on.
func rangeOf(first string, count int64) block {
	n, err := tn.Parse(first)
	if err != nil {
		return block{fault: fmt.Errorf("the first number of a range is no telephone number")}
	}
	if count < 1 {
		return block{fault: fmt.Errorf("a range of %d numbers is none", count)}
	}
	r := tn.Range{Start: n, Count: uint64(count)}
	if count == 1 {
		// A certificate could not list it, which is no reason to refuse it here.
		r.Count = 2
	}
	last := r.Last()
	if last == "" {
		return block{fault: r.Check()}
	}
	b := block{digits: len(n), first: value(string(n)), last: value(string(last))}
	if count == 1 {
		b.last = b.first
	}
	return b
}

func (b block) check() error { return b.fault }

func (b block) contains(number string) bool {
	if b.digits == 0 || len(number) != b.digits {
		return false
	}
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
	}
	v := value(number)
	return b.first <= v && v <= b.last
}

// value is only called with at most [tn.MaxListed] digits, so it can not overflow.
func value(digits string) uint64 {
	var v uint64
	for i := range len(digits) {
		v = v*10 + uint64(digits[i]-'0')
	}
	return v
}

// owns reports whether n is a number of the office. What is not canonical is not, so
// that nothing but digits is ever signed for.
func (p *Policy) owns(n tn.Number) bool {
	if !n.Canonical() {
		return false
	}
	return slices.Contains(p.Numbers, n) ||
		slices.ContainsFunc(p.Ranges, func(r tn.Range) bool { return r.Contains(n) })
}
