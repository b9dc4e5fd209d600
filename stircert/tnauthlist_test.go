package stircert

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign.example/passport"
	"countersign.example/tn"
)

// describe writes a list as the row files do.
func describe(l TNAuthList) string {
	var out []string
	for _, s := range l.SPCs {
		out = append(out, "spc "+s)
	}
	for _, r := range l.Ranges {
		out = append(out, fmt.Sprintf("range %s+%d", r.Start, r.Count))
	}
	for _, r := range l.AtEdge {
		out = append(out, fmt.Sprintf("edge %s+%d", r.Start, r.Count))
	}
	for _, n := range l.Numbers {
		out = append(out, "number "+string(n))
	}
	return strings.Join(out, ", ")
}

func TestListsAreReadOrRefusedForTheStatedReason(t *testing.T) {
	for _, r := range readRows(t, "tnauthlist", "lists", "writes") {
		t.Run(r.name, func(t *testing.T) {
			der := unhex(t, r.body)
			l, err := ParseTNAuthList(der)
			if r.fields["expect"] != "valid" {
				f, ok := errors.AsType[*passport.Finding](err)
				if !ok || f.Code != passport.TNAuthListMalformed || !strings.Contains(f.Detail, r.fields["expect"]) {
					t.Fatalf("ParseTNAuthList = %v, want a finding with %q", err, r.fields["expect"])
				}
				return
			}
			if err != nil || describe(l) != r.fields["lists"] {
				t.Fatalf("ParseTNAuthList = %s, %v, want %s", describe(l), err, r.fields["lists"])
			}
			out, err := l.Marshal()
			if err != nil || bytes.Equal(out, der) != (r.fields["writes"] == "") {
				t.Errorf("Marshal = %x, %v, of %x", out, err, der)
			}
		})
	}
}

func TestRow68PublishedListsReadAndWriteTheSameBytes(t *testing.T) {
	n := 0
	for _, v := range readVectors(t).DER {
		if !strings.HasPrefix(v.Name, "TNAuthList") {
			continue
		}
		n++
		der := unhex(t, v.DERHex)
		l, err := ParseTNAuthList(der)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		out, err := l.Marshal()
		if err != nil || !bytes.Equal(out, der) || base64.RawURLEncoding.EncodeToString(out) != v.ACMEBase64URL {
			t.Errorf("%s: Marshal = %x, %v, want %x", v.Name, out, err, der)
		}
	}
	if n != 3 {
		t.Errorf("%d lists among the vectors, want 3", n)
	}
}

func TestRow70RangesFollowTheFormula(t *testing.T) {
	for _, v := range readVectors(t).TNRange.Cases {
		der := element(tagSequence, rangeDER(tn.Range{Start: tn.Number(v.Start), Count: v.Count}))
		l, err := ParseTNAuthList(der)
		if got := err == nil && len(l.Ranges) == 1; got != v.Valid {
			t.Errorf("%s+%d: valid %t, want %t (%s): %v", v.Start, v.Count, got, v.Valid, v.Why, err)
		}
	}
}

func TestRow71ANumberIsCoveredByItsRangeOnly(t *testing.T) {
	l := TNAuthList{Ranges: []tn.Range{{Start: "12125551000", Count: 1000}}}
	chain := &Chain{TNs: l, numbers: newIndex(l)}
	for n, want := range map[tn.Number]Coverage{
		"12125551000": CoverNumber, "12125551999": CoverNumber,
		"12125550999": CoverNone, "12125552000": CoverNone, "2125551000": CoverNone, "": CoverNone,
	} {
		if got := l.Covers(n); got != want {
			t.Errorf("TNAuthList.Covers(%s) = %v, want %v", n, got, want)
		}
		if got := chain.Covers(n); got != want {
			t.Errorf("Chain.Covers(%s) = %v, want %v", n, got, want)
		}
	}
}

func TestAProviderCodeCoversOnlyWhatIsNotListed(t *testing.T) {
	l := TNAuthList{SPCs: []string{"1234"}, Numbers: []tn.Number{"12155551212", "*86#"}, AtEdge: []tn.Range{{Start: "10", Count: 90}}}
	for n, want := range map[tn.Number]Coverage{
		"12155551212": CoverNumber, "*86#": CoverNumber, "99": CoverNumber, "12155551213": CoverSPC, "": CoverNone,
	} {
		if got := l.Covers(n); got != want {
			t.Errorf("Covers(%s) = %v, want %v", n, got, want)
		}
		if got := newIndex(l).covers(n); got != want {
			t.Errorf("index.covers(%s) = %v, want %v", n, got, want)
		}
	}
}

func TestListsThatCouldNotBeReadBackAreNotWritten(t *testing.T) {
	for name, l := range map[string]TNAuthList{
		"nothing":       {},
		"empty code":    {SPCs: []string{""}},
		"foreign code":  {SPCs: []string{"ä"}},
		"plus":          {Numbers: []tn.Number{"+1212"}},
		"too long":      {Numbers: []tn.Number{"1234567890123456"}},
		"range":         {Ranges: []tn.Range{{Start: "10", Count: 91}}},
		"edge in range": {Ranges: []tn.Range{{Start: "10", Count: 90}}},
		"no edge":       {AtEdge: []tn.Range{{Start: "10", Count: 89}}},
		"too many":      {Numbers: slices.Repeat([]tn.Number{"1"}, MaxEntries+1)},
	} {
		if der, err := l.Marshal(); err == nil {
			t.Errorf("%s: Marshal = %x, want an error", name, der)
		}
	}
}

func TestTooManyEntriesAreRefused(t *testing.T) {
	entry := element(explicit(2), element(tagIA5, []byte("1")))
	if _, err := ParseTNAuthList(element(tagSequence, bytes.Repeat(entry, MaxEntries))); err != nil {
		t.Errorf("%d entries: %v", MaxEntries, err)
	}
	if _, err := ParseTNAuthList(element(tagSequence, bytes.Repeat(entry, MaxEntries+1))); !errors.Is(err, passport.TNAuthListMalformed) {
		t.Errorf("%d entries: %v, want %v", MaxEntries+1, err, passport.TNAuthListMalformed)
	}
	if _, err := ParseTNAuthList(make([]byte, MaxListBytes+1)); !errors.Is(err, passport.TNAuthListMalformed) {
		t.Errorf("%d bytes: %v, want %v", MaxListBytes+1, err, passport.TNAuthListMalformed)
	}
}

// drawList draws a list over numbers of two and three digits, so that ranges touch,
// overlap and contain each other often.
func drawList(t *rapid.T, label string) TNAuthList {
	var l TNAuthList
	for range rapid.IntRange(0, 4).Draw(t, label+" ranges") {
		start := tn.Number(rapid.StringMatching(`[0-9]{2,3}`).Draw(t, label+" start"))
		r := tn.Range{Start: start, Count: rapid.Uint64Range(2, 60).Draw(t, label+" count")}
		switch err := r.Check(); {
		case err == nil:
			l.Ranges = append(l.Ranges, r)
		case errors.Is(err, tn.ErrRangeEdge):
			l.AtEdge = append(l.AtEdge, r)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, label+" numbers") {
		l.Numbers = append(l.Numbers, tn.Number(rapid.StringMatching(`[0-9]{2,3}|[0-9]#`).Draw(t, label+" number")))
	}
	if rapid.IntRange(0, 3).Draw(t, label+" provider") == 0 {
		l.SPCs = append(l.SPCs, rapid.SampledFrom([]string{"1234", "ABCD"}).Draw(t, label+" code"))
	}
	return l
}

func TestParseAndMarshalAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawList(t, "list")
		der, err := l.Marshal()
		if l.Empty() {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseTNAuthList(der)
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("ParseTNAuthList(%x) = %+v, %v, want %+v", der, back, err, l)
		}
	})
}

// everyNumber calls f with every number that drawList can list.
func everyNumber(f func(tn.Number)) {
	for i := range 1000 {
		f(tn.Number(fmt.Sprintf("%03d", i)))
		if i < 100 {
			f(tn.Number(fmt.Sprintf("%02d", i)))
		}
		if i < 10 {
			f(tn.Number(fmt.Sprintf("%d#", i)))
		}
	}
}

func TestEncompassingIsMembershipOfEveryNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent, child := drawList(t, "parent"), drawList(t, "child")
		numbers := TNAuthList{Ranges: child.Ranges, Numbers: child.Numbers, AtEdge: child.AtEdge}
		within, codes := true, true
		everyNumber(func(n tn.Number) {
			within = within && (numbers.Covers(n) != CoverNumber || parent.Covers(n) == CoverNumber)
		})
		for _, s := range child.SPCs {
			codes = codes && slices.Contains(parent.SPCs, s)
		}
		wantOK := codes && (within || len(parent.SPCs) > 0)
		wantUnproven := wantOK && !within
		if ok, unproven := parent.Encompasses(child); ok != wantOK || unproven != wantUnproven {
			t.Fatalf("(%s).Encompasses(%s) = %t, %t, want %t, %t", describe(parent), describe(child), ok, unproven, wantOK, wantUnproven)
		}
	})
}

func TestTheIndexAnswersAsTheListDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawList(t, "list")
		x := newIndex(l)
		everyNumber(func(n tn.Number) {
			if got, want := x.covers(n), l.Covers(n); got != want {
				t.Fatalf("index of %s covers %s: %v, want %v", describe(l), n, got, want)
			}
		})
	})
}

func FuzzTNAuthList(f *testing.F) {
	for _, v := range readVectors(f).DER {
		f.Add(unhex(f, v.DERHex))
	}
	f.Add(unhex(f, "3006800431323334"))
	f.Add(unhex(f, "30847fffffffa006"))
	f.Fuzz(func(t *testing.T, der []byte) {
		l, err := ParseTNAuthList(der)
		if err != nil {
			if !errors.Is(err, passport.TNAuthListMalformed) {
				t.Fatalf("ParseTNAuthList = %v, which is no such finding", err)
			}
			return
		}
		out, err := l.Marshal()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := ParseTNAuthList(out)
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("ParseTNAuthList(Marshal(%+v)) = %+v, %v", l, back, err)
		}
	})
}
