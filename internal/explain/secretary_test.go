package explain_test

import (
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/explain"
	"countersign.example/internal/verdict"
	"countersign.example/passport"
)

var (
	known   = call.Call{Office: call.Office{Domain: "president.example", Name: "President's Office", Level: call.LevelVerified}, Calling: passport.Party{TN: "12025550101"}}
	unknown = call.Call{Calling: passport.Party{TN: "12025550188"}}
)

// told is what a person is told after these reasons.
func told(c call.Call, reasons ...call.Reason) explain.Sentences {
	var ev []call.Evidence
	for _, r := range reasons {
		ev = append(ev, call.Evidence{Kind: r.Kind(), Reason: r, At: time.Date(2026, 1, 2, 14, 3, 0, 0, time.UTC)})
	}
	return explain.Secretary(&c, verdict.Of(&c, ev), ev)
}

func TestEveryReasonHasASentence(t *testing.T) {
	for _, r := range call.Reasons() {
		s := told(known, r)
		if len(s.Reasons) != 1 || !strings.HasSuffix(s.Reasons[0], ". (14:03:00)") || strings.Contains(s.Reasons[0], "{") {
			t.Errorf("%s is told as %q", r, s.Reasons)
		}
	}
}

func TestNoSentenceSaysMoreThanTheProductMay(t *testing.T) {
	for _, c := range []call.Call{known, unknown, {}} {
		for _, r := range call.Reasons() {
			for _, more := range call.Reasons() {
				s := told(c, r, more, call.NoIdentity, call.NotListed)
				all := strings.ToLower(strings.Join(append([]string{s.Line, s.Number, s.Who, s.NotShown, s.Next, s.Verdict}, s.Reasons...), " "))
				for _, word := range []string{"secure", "%", "🔒", "probab", "token", "12025550", "attestation", "passport", "stir"} {
					if strings.Contains(all, word) {
						t.Fatalf("%q and %q: %q holds %q", r, more, all, word)
					}
				}
				if len(s.Reasons) > 3 || s.Line == "" || s.Number == "" || s.Who == "" || s.NotShown == "" || s.Next == "" || s.Sign == "" || s.Verdict == "" {
					t.Fatalf("%q and %q: something is missing in %+v", r, more, s)
				}
			}
		}
	}
}

func TestWhatTheSecretaryReads(t *testing.T) {
	for _, test := range []struct {
		name                           string
		got                            explain.Sentences
		verdict, line, number, who, do string
	}{
		{"signed and listed", told(known, call.AttestedFull, call.OfficeNumber), "partly verified",
			"The number is genuine, and it is that of the President's Office.", "genuine", "the President's Office, as far as the number goes", "To be sure that it is them, call the President's Office back on the number in your directory."},
		{"signed for another number", told(known, call.NumberOfAnother, call.OfficeNumber), "refuted",
			"The number on your phone is not the caller's, so nothing shows that this is the President's Office.", "not the caller's", "not shown; the number belongs to the President's Office",
			"End the call, and tell the President's Office."},
		{"the office says no", told(known, call.NotPlaced), "refuted",
			"The President's Office says that it is not calling you. The number on your phone can be faked.",
			"not shown to be genuine: nobody vouches for it, and it can be faked", "not shown; the number belongs to the President's Office",
			"End the call, and tell the President's Office."},
		{"announced", told(known, call.Announced), "partly verified",
			"The President's Office is calling you, or has said that it would.",
			"not shown to be genuine: nobody vouches for it, and it can be faked", "the President's Office, by its own word", "To be sure that it is them, call the President's Office back on the number in your directory."},
		{"unsigned, ordinary", told(unknown, call.NoIdentity, call.NotListed), "unverified",
			"Nobody vouches for this caller.", "not shown to be genuine: nobody vouches for it, and it can be faked", "nobody that our directory knows by this number",
			"Ask who is calling, and call back on a number you know if it matters."},
		{"unsigned, with a number we know", told(known, call.NoIdentity, call.OfficeNumber), "unverified",
			"Nobody vouches that this is the President's Office, whose number it shows.",
			"not shown to be genuine: nobody vouches for it, and it can be faked", "not shown; the number belongs to the President's Office",
			"Promise nothing; call the President's Office back on the number in your directory."},
		{"could not be checked", told(unknown, call.InBandFailed, call.NotListed), "could not be checked",
			"This call could not be checked. That is neither good nor bad.", "not shown to be genuine: nobody vouches for it, and it can be faked",
			"nobody that our directory knows by this number", "Call back on a number you know."},
		{"everything", told(known, call.AttestedFull, call.OfficeNumber, call.Placed, call.WordsRight, call.SignaturesStored), "verified",
			"The President's Office is on this line: their system placed this call, and they said the right words.", "genuine", "the President's Office", "Put the call through."},
		{"withheld", told(call.Call{}, call.NoIdentity), "unverified", "Nobody vouches for this caller.", "withheld",
			"nobody that our directory knows by this number", "Ask who is calling, and call back on a number you know if it matters."},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := test.got
			for what, pair := range map[string][2]string{
				"verdict": {g.Verdict, test.verdict}, "line": {g.Line, test.line}, "number": {g.Number, test.number}, "who": {g.Who, test.who}, "next": {g.Next, test.do},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q\nwant %q", what, pair[0], pair[1])
				}
			}
		})
	}
}
