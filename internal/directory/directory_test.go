package directory_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/directory"
	"countersign.example/tn"
)

var (
	president = call.Office{Domain: "president.example", Name: "The President's Office", Level: call.LevelVerified}
	artist    = call.Office{Domain: "artist.example", Name: "Artist Management", Level: call.LevelCorroborated}
)

func book(t *testing.T) *directory.Directory {
	t.Helper()
	d, err := directory.New(
		directory.Office{Office: president, Numbers: []tn.Number{"12155550100", "12155550101"}},
		directory.Office{Office: artist, Numbers: []tn.Number{"442079460123"}},
		directory.Office{Office: call.Office{Domain: "quiet.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestANumberSaysWhichOfficeACallSeemsToComeFrom(t *testing.T) {
	d := book(t)
	for n, want := range map[tn.Number]call.Office{
		"12155550100": president, "12155550101": president, "442079460123": artist,
		"12155550102": {}, "1215555010": {}, "": {},
	} {
		if got := d.Claimed(n); got != want {
			t.Errorf("Claimed(%s) = %+v, want %+v", n.Masked(), got, want)
		}
	}
}

func TestTheDirectoryAnswersForTheOfficeThatTheCallNames(t *testing.T) {
	cases := []struct {
		name    string
		calling tn.Number
		office  call.Office
		want    call.Reason
	}{
		{"the number of that office", "12155550100", president, call.OfficeNumber},
		{"the number of another office", "442079460123", president, call.OtherOfficeNumber},
		{"a number of nobody, for an office", "12155550999", president, call.NotListed},
		{"a number of nobody, for no office", "12155550999", call.Office{}, call.NotListed},
		{"a listed number, for no office", "12155550100", call.Office{}, call.NotListed},
		{"a listed number, for an office we do not know", "12155550100", call.Office{Domain: "pres1dent.example"}, call.OtherOfficeNumber},
		{"a withheld number", "", president, call.NotListed},
	}
	d := book(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := &call.Call{Office: tc.office}
			c.Calling.TN = tc.calling
			e := d.Ask(context.Background(), c)
			if e.Kind != d.Kind() || e.Reason != tc.want || e.Reason.Kind() != call.Directory {
				t.Errorf("Ask = %+v, want %q", e, tc.want)
			}
			if e.Detail == "" || tc.calling != "" && strings.Contains(e.Detail, string(tc.calling)) {
				t.Errorf("the detail %q is empty or holds the whole number", e.Detail)
			}
		})
	}
}

func TestACallThatShowsAURIIsNotListed(t *testing.T) {
	c := &call.Call{Office: president}
	c.Calling.URI = "sip:12155550100@president.example"
	if e := book(t).Ask(context.Background(), c); e.Reason != call.NotListed {
		t.Errorf("Ask = %q, want not listed", e.Reason)
	}
}

func TestWrongEntriesAreRefusedAndChangeNothing(t *testing.T) {
	cases := []struct {
		name    string
		offices []directory.Office
		in      string
	}{
		{"no domain", []directory.Office{{}}, "not a lower-case domain"},
		{"upper case", []directory.Office{{Office: call.Office{Domain: "President.example"}}}, "President.example"},
		{"a U-label", []directory.Office{{Office: call.Office{Domain: "präsident.example"}}}, "not a lower-case domain"},
		{"an empty label", []directory.Office{{Office: call.Office{Domain: "a..example"}}}, "a..example"},
		{"twice", []directory.Office{{Office: president}, {Office: president}}, "president.example stands twice"},
		{"a number with a plus", []directory.Office{{Office: president, Numbers: []tn.Number{"+12155550100"}}}, "canonical"},
		{"a number of two offices", []directory.Office{
			{Office: president, Numbers: []tn.Number{"12155550100"}},
			{Office: artist, Numbers: []tn.Number{"12155550100"}}}, "president.example and artist.example both list"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			d := book(t)
			err := d.Replace(tc.offices...)
			if !errors.Is(err, directory.ErrEntry) || !strings.Contains(err.Error(), tc.in) {
				t.Fatalf("Replace = %v, want a wrong entry with %q", err, tc.in)
			}
			if strings.Contains(err.Error(), "12155550100") {
				t.Errorf("the error holds a whole number: %v", err)
			}
			if d.Claimed("442079460123") != artist {
				t.Error("the directory changed")
			}
		})
	}
}

func TestChangingTheListAfterwardsDoesNotChangeTheDirectory(t *testing.T) {
	numbers := []tn.Number{"12155550100"}
	d, err := directory.New(directory.Office{Office: president, Numbers: numbers})
	if err != nil {
		t.Fatal(err)
	}
	numbers[0] = "442079460123"
	if d.Claimed("12155550100") != president {
		t.Error("the number is gone")
	}
}

func TestTheZeroDirectoryIsEmpty(t *testing.T) {
	var d directory.Directory
	if got := d.Claimed("12155550100"); !got.IsZero() {
		t.Errorf("Claimed = %+v", got)
	}
}

func TestCallsAreAnsweredWhileTheBookIsReplaced(t *testing.T) {
	d := book(t)
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			c := &call.Call{Office: artist}
			c.Calling.TN = "442079460123"
			for range 500 {
				if e := d.Ask(context.Background(), c); e.Reason != call.OfficeNumber && e.Reason != call.NotListed {
					t.Errorf("Ask = %q", e.Reason)
				}
			}
		})
	}
	for i := range 500 {
		offices := []directory.Office{{Office: artist}}
		if i%2 == 0 {
			offices[0].Numbers = []tn.Number{"442079460123"}
		}
		if err := d.Replace(offices...); err != nil {
			t.Error(err)
		}
	}
	calls.Wait()
}
