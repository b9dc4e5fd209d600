package tn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrRange is wrapped by every error of [Range.Check].
var ErrRange = errors.New("tn: not a valid range of numbers")

// ErrRangeEdge is returned by [Range.Check] for a block that ends exactly at the
// last number of its length, such as 10 to 99. The formula of RFC 8226 section 9
// refuses it although no number in it is too long; a lenient reader may accept it.
var ErrRangeEdge = fmt.Errorf("%w: it ends at the last number of its length", ErrRange)

// MaxListed is the longest number a certificate can list, in digits: a
// TelephoneNumber of RFC 8226 section 9 has 1 to 15 characters.
const MaxListed = 15

// Range is Count consecutive numbers beginning with Start, all of the same length
// (TelephoneNumberRange of RFC 8226 section 9).
type Range struct {
	Start Number
	Count uint64
}

// Check returns nil if r is valid by RFC 8226 section 9: Start is 1 to 15 digits
// with neither "*" nor "#", Count is at least 2, and Start + Count is less than 10
// to the power of Start's length. Otherwise the error wraps [ErrRange], and is
// [ErrRangeEdge] where only the last clause's strictness is at fault.
func (r Range) Check() error {
	switch {
	case len(r.Start) == 0 || len(r.Start) > MaxListed:
		return fmt.Errorf("%w: its start has %d characters, 1 to %d are allowed", ErrRange, len(r.Start), MaxListed)
	case strings.Trim(string(r.Start), "0123456789") != "":
		return fmt.Errorf("%w: a count does not apply to a start with * or #", ErrRange)
	case r.Count < 2:
		return fmt.Errorf("%w: its count is %d, at least 2 is needed", ErrRange, r.Count)
	}
	limit := pow10(len(r.Start))
	start := value(r.Start)
	switch {
	case r.Count > limit-start:
		return fmt.Errorf("%w: it runs past the last number of its length", ErrRange)
	case r.Count == limit-start:
		return ErrRangeEdge
	}
	return nil
}

// Contains reports whether n is one of the numbers of r. A range that
// [Range.Check] refuses, other than with [ErrRangeEdge], contains nothing.
func (r Range) Contains(n Number) bool {
	if len(n) != len(r.Start) || strings.Trim(string(n), "0123456789") != "" {
		return false
	}
	if err := r.Check(); err != nil && !errors.Is(err, ErrRangeEdge) {
		return false
	}
	v, start := value(n), value(r.Start)
	return v >= start && v-start < r.Count
}

// Last returns the last number of r, of the same length as Start. It is the zero
// Number for a range that contains nothing.
func (r Range) Last() Number {
	if err := r.Check(); err != nil && !errors.Is(err, ErrRangeEdge) {
		return ""
	}
	last := strconv.FormatUint(value(r.Start)+r.Count-1, 10)
	return Number(strings.Repeat("0", len(r.Start)-len(last)) + last)
}

// String returns r as "first-last", or as "start+count" if it is not valid.
func (r Range) String() string {
	if last := r.Last(); last != "" {
		return string(r.Start) + "-" + string(last)
	}
	return fmt.Sprintf("%s+%d", r.Start, r.Count)
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// value is only called with at most MaxListed digits, so it cannot overflow.
func value(n Number) uint64 {
	var v uint64
	for i := 0; i < len(n); i++ {
		v = v*10 + uint64(n[i]-'0')
	}
	return v
}
