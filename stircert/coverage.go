package stircert

import (
	"cmp"
	"slices"
	"sort"
	"strconv"

	"countersign.example/tn"
)

// Coverage says how a TN Authorization List covers a number.
type Coverage int

const (
	// CoverNone means that nothing in the list covers the number.
	CoverNone Coverage = iota
	// CoverSPC means that the number is not listed, but a service provider code
	// is, and only that could cover it (RFC 8226 section 9). Whether the number is
	// that provider's is not known here.
	CoverSPC
	// CoverNumber means that the number is listed, alone or in a range.
	CoverNumber
)

// String returns the coverage in words.
func (c Coverage) String() string {
	switch c {
	case CoverNone:
		return "not covered"
	case CoverSPC:
		return "covered at most by a service provider code"
	case CoverNumber:
		return "covered"
	}
	return "Coverage(" + strconv.Itoa(int(c)) + ")"
}

// Covers reports how l covers n. A [Chain] answers the same faster.
func (l TNAuthList) Covers(n tn.Number) Coverage {
	contains := func(r tn.Range) bool { return r.Contains(n) }
	switch {
	case n.IsZero():
		return CoverNone
	case slices.Contains(l.Numbers, n), slices.ContainsFunc(l.Ranges, contains), slices.ContainsFunc(l.AtEdge, contains):
		return CoverNumber
	case len(l.SPCs) > 0:
		return CoverSPC
	}
	return CoverNone
}

// Encompasses reports whether all that child lists is equal to or within what l
// lists (RFC 9060 section 4). Ranges and numbers of l count together, so two
// adjacent ranges may cover one of the child's. If l names a service provider, it may
// delegate numbers that it does not list: ok is true then, and unproven says that
// only that provider's records could prove it. A service provider code of the child
// must be one of l's.
func (l TNAuthList) Encompasses(child TNAuthList) (ok, unproven bool) {
	for _, spc := range child.SPCs {
		if !slices.Contains(l.SPCs, spc) {
			return false, false
		}
	}
	x := newIndex(l)
	within := !slices.ContainsFunc(child.Numbers, func(n tn.Number) bool { return !x.number(n) })
	for _, r := range slices.Concat(child.Ranges, child.AtEdge) {
		within = within && x.block(r)
	}
	if within {
		return true, false
	}
	return len(l.SPCs) > 0, len(l.SPCs) > 0
}

// interval is the numbers from first to last, of one length.
type interval struct{ first, last uint64 }

// index is a TN Authorization List arranged so that asking it costs the same
// whether it has one entry or thousands.
type index struct {
	// byLength holds, for each length in digits, intervals that neither overlap
	// nor touch, in order.
	byLength [tn.MaxListed + 1][]interval
	// others are the numbers with "*" or "#", which no range can hold.
	others map[tn.Number]bool
	// provider says that the list has a service provider code.
	provider bool
}

func newIndex(l TNAuthList) *index {
	x := &index{provider: len(l.SPCs) > 0}
	for _, n := range l.Numbers {
		if v, ok := digits(n); ok {
			x.byLength[len(n)] = append(x.byLength[len(n)], interval{v, v})
			continue
		}
		if x.others == nil {
			x.others = make(map[tn.Number]bool)
		}
		x.others[n] = true
	}
	for _, r := range slices.Concat(l.Ranges, l.AtEdge) {
		if i, ok := bounds(r); ok {
			x.byLength[len(r.Start)] = append(x.byLength[len(r.Start)], i)
		}
	}
	for d, s := range x.byLength {
		x.byLength[d] = merged(s)
	}
	return x
}

// merged joins intervals that overlap or touch: RFC 9060 section 4 takes the scope of
// a certificate as a whole.
func merged(s []interval) []interval {
	slices.SortFunc(s, func(a, b interval) int { return cmp.Compare(a.first, b.first) })
	var out []interval
	for _, i := range s {
		if n := len(out); n > 0 && i.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, i.last)
			continue
		}
		out = append(out, i)
	}
	return out
}

func (x *index) covers(n tn.Number) Coverage {
	switch {
	case n.IsZero():
		return CoverNone
	case x.number(n):
		return CoverNumber
	case x.provider:
		return CoverSPC
	}
	return CoverNone
}

func (x *index) number(n tn.Number) bool {
	v, ok := digits(n)
	if !ok {
		return x.others[n]
	}
	return x.holds(len(n), interval{v, v})
}

func (x *index) block(r tn.Range) bool {
	i, ok := bounds(r)
	return ok && x.holds(len(r.Start), i)
}

func (x *index) holds(length int, i interval) bool {
	s := x.byLength[length]
	at := sort.Search(len(s), func(k int) bool { return s[k].last >= i.first })
	return at < len(s) && s[at].first <= i.first && i.last <= s[at].last
}

// digits returns the value of n if it is of digits only and short enough to be
// listed.
func digits(n tn.Number) (uint64, bool) {
	if n.IsZero() || len(n) > tn.MaxListed {
		return 0, false
	}
	var v uint64
	for i := range len(n) {
		if n[i] < '0' || n[i] > '9' {
			return 0, false
		}
		v = v*10 + uint64(n[i]-'0')
	}
	return v, true
}

// bounds returns the interval of a range that contains something.
func bounds(r tn.Range) (interval, bool) {
	first, ok1 := digits(r.Start)
	last, ok2 := digits(r.Last())
	return interval{first, last}, ok1 && ok2
}
