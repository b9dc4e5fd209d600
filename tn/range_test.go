package tn_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"countersign.example/tn"
	"pgregory.net/rapid"
)

// Row 70 of the conformance checklist.
func TestRow70RangesOfTheVectors(t *testing.T) {
	cases := vectors(t).TNRange.Cases
	if len(cases) == 0 {
		t.Fatal("no cases in the vectors")
	}
	for _, c := range cases {
		r := tn.Range{Start: tn.Number(c.Start), Count: c.Count}
		err := r.Check()
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, tn.ErrRange) {
			t.Errorf("%s: Check(%v) = %v, want valid: %v", c.Why, r, err, c.Valid)
		}
		edge := c.Start == "10" && c.Count == 90
		if errors.Is(err, tn.ErrRangeEdge) != edge {
			t.Errorf("%s: Check(%v) = %v, want the edge alone: %v", c.Why, r, err, edge)
		}
	}
}

func TestRangeHoldsItsNumbersAndNoOther(t *testing.T) {
	thousand := tn.Range{Start: "12125551000", Count: 1000}
	for n, want := range map[tn.Number]bool{
		"12125551000": true, "12125551999": true, "12125552000": false, "12125550999": false,
		"012125551000": false, "2125551000": false, "": false, "1212555100*": false,
	} {
		if got := thousand.Contains(n); got != want {
			t.Errorf("%v contains %q: %v, want %v", thousand, n, got, want)
		}
	}
	if got := thousand.Last(); got != "12125551999" {
		t.Errorf("Last() = %q", got)
	}
	if got := thousand.String(); got != "12125551000-12125551999" {
		t.Errorf("String() = %q", got)
	}
	// One that ends at the edge is whole for a lenient reader; leading zeros are kept.
	edge := tn.Range{Start: "00", Count: 100}
	if !edge.Contains("00") || !edge.Contains("99") || edge.Last() != "99" {
		t.Errorf("%v does not hold 00 to 99", edge)
	}
	if r := (tn.Range{Start: "0098", Count: 4}); !r.Contains("0101") || r.Contains("0102") || r.Last() != "0101" {
		t.Errorf("%v does not hold 0098 to 0101", r)
	}
}

func TestRangeThatIsNoneHoldsNothing(t *testing.T) {
	for _, r := range []tn.Range{
		{}, {Count: 5}, {Start: "10"}, {Start: "10", Count: 1}, {Start: "10", Count: 91}, {Start: "10", Count: math.MaxUint64},
		{Start: "1#", Count: 2}, {Start: "*1", Count: 2}, {Start: "1234567890123456", Count: 2}, {Start: "+1", Count: 2},
	} {
		if err := r.Check(); !errors.Is(err, tn.ErrRange) || errors.Is(err, tn.ErrRangeEdge) {
			t.Errorf("Check(%v) = %v", r, err)
		}
		if r.Contains(r.Start) || r.Last() != "" {
			t.Errorf("%v holds its start or has a last number %q", r, r.Last())
		}
		if want := fmt.Sprintf("%s+%d", r.Start, r.Count); r.String() != want {
			t.Errorf("String() = %q, want %q", r.String(), want)
		}
	}
}

// A range agrees with arithmetic on whole numbers of any size.
func TestRangeAgreesWithArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.IntRange(1, 15).Draw(t, "digits")
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
		edge := limit.Uint64()
		near := rapid.Uint64Range(0, 300)
		start := rapid.OneOf(rapid.Uint64Range(0, edge-1), rapid.Map(near, func(d uint64) uint64 { return edge - 1 - d%edge })).Draw(t, "start")
		count := rapid.OneOf(near, rapid.Uint64(), rapid.Map(near, func(d uint64) uint64 { return edge - start + d - 5 })).Draw(t, "count")
		r := tn.Range{Start: pad(start, digits), Count: count}

		end := new(big.Int).Add(new(big.Int).SetUint64(start), new(big.Int).SetUint64(count))
		valid := count >= 2 && end.Cmp(limit) < 0
		atEdge := count >= 2 && end.Cmp(limit) == 0
		switch err := r.Check(); {
		case (err == nil) != valid, errors.Is(err, tn.ErrRangeEdge) != atEdge:
			t.Fatalf("Check(%v) = %v, want valid %v, edge %v", r, err, valid, atEdge)
		}
		last := ""
		if valid || atEdge {
			last = string(pad(start+count-1, digits))
		}
		if string(r.Last()) != last {
			t.Fatalf("Last(%v) = %q, want %q", r, r.Last(), last)
		}
		probe := rapid.OneOf(rapid.Uint64Range(0, edge-1), rapid.Map(near, func(d uint64) uint64 { return (start + count + d - 150) % edge })).Draw(t, "probe")
		want := (valid || atEdge) && probe >= start && probe-start < count
		if got := r.Contains(pad(probe, digits)); got != want {
			t.Fatalf("Contains(%v, %d) = %v, want %v", r, probe, got, want)
		}
		if r.Contains("0" + pad(probe, digits)) {
			t.Fatalf("%v contains a longer number", r)
		}
	})
}

func pad(v uint64, digits int) tn.Number {
	s := fmt.Sprint(v)
	return tn.Number(strings.Repeat("0", digits-len(s)) + s)
}
