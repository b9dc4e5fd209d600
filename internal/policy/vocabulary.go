package policy

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// facts are what conditions are about: one call, at one moment.
type facts struct {
	policy *Policy
	call   *call.Call
	ev     []call.Evidence
	v      *call.Verdict
}

// variable is one name that conditions may use. Exactly one of text, number and yes is
// set, and says its type.
type variable struct {
	text   func(*facts) string
	number func(*facts) int64
	yes    func(*facts) bool
	// words are all the values that a text can have, if the list is closed: a condition
	// that compares it with another word can never hold.
	words []string
	// longest is the greatest length of a text, in bytes. Longer ones are cut, so that
	// no stranger can make a condition cost more than was found when it was loaded.
	longest uint64
	// judged marks what is only known of calls that come in.
	judged bool
	// signature marks what a PASSporT, or the lack of one, can change.
	signature bool
}

// The greatest lengths of what strangers write.
const (
	maxName = 256
	maxURI  = 512
	maxWord = 64
)

// variables are the names, the whole list: docs/policy.md explains each.
var variables = func() map[string]variable {
	all := map[string]variable{
		"call.direction":         {text: func(f *facts) string { return string(f.call.Direction) }, words: wordsOf(call.Inbound, call.Outbound)},
		"call.channel":           {text: func(f *facts) string { return string(f.call.Channel) }, words: wordsOf(call.SIP, call.Mobile, call.Messenger, call.Video)},
		"call.trunk":             {text: func(f *facts) string { return cut(f.call.Trunk, maxName) }, longest: maxName},
		"call.calling":           {text: func(f *facts) string { return digits(f.call.Calling.TN) }, longest: tn.MaxLen},
		"call.called":            {text: func(f *facts) string { return digits(f.call.Called.TN) }, longest: tn.MaxLen},
		"call.calling_uri":       {text: func(f *facts) string { return cut(f.call.Calling.URI, maxURI) }, longest: maxURI},
		"call.called_uri":        {text: func(f *facts) string { return cut(f.call.Called.URI, maxURI) }, longest: maxURI},
		"call.display_name":      {text: func(f *facts) string { return cut(f.call.DisplayName, maxName) }, longest: maxName},
		"call.withheld":          {yes: func(f *facts) bool { return f.call.Calling.IsZero() }},
		"call.emergency":         {yes: func(f *facts) bool { return f.call.Signalling.Emergency }},
		"call.has_identity":      {yes: func(f *facts) bool { return len(f.call.Signalling.Identity) > 0 }, signature: true},
		"call.diverted":          {yes: func(f *facts) bool { return !f.call.Signalling.To.IsZero() && f.call.Signalling.To != f.call.Called }},
		"call.calling_is_ours":   {yes: func(f *facts) bool { return f.policy.owns(f.call.Calling.TN) }},
		"call.called_is_ours":    {yes: func(f *facts) bool { return f.policy.owns(f.call.Called.TN) }},
		"call.hour_utc":          {number: func(f *facts) int64 { return int64(f.call.ArrivedAt.UTC().Hour()) }},
		"call.weekday_utc":       {text: func(f *facts) string { return weekdays[f.call.ArrivedAt.UTC().Weekday()] }, words: weekdays[:]},
		"office.domain":          {text: func(f *facts) string { return cut(f.call.Office.Domain, maxName) }, longest: maxName},
		"office.name":            {text: func(f *facts) string { return cut(f.call.Office.Name, maxName) }, longest: maxName},
		"office.level":           {text: func(f *facts) string { return f.call.Office.Level.String() }, words: levels},
		"verdict.standing":       {text: func(f *facts) string { return f.v.Standing.String() }, words: standings, judged: true, signature: true},
		"verdict.conflict":       {yes: func(f *facts) bool { return f.v.Conflict }, judged: true, signature: true},
		"verdict.incomplete":     {yes: func(f *facts) bool { return f.v.Incomplete }, judged: true, signature: true},
		"verdict.number.for":     strength(func(v *call.Verdict) uint8 { return v.Number.For }),
		"verdict.number.against": strength(func(v *call.Verdict) uint8 { return v.Number.Against }),
		"verdict.office.for":     strength(func(v *call.Verdict) uint8 { return v.Office.For }),
		"verdict.office.against": strength(func(v *call.Verdict) uint8 { return v.Office.Against }),
		"verdict.placed.for":     strength(func(v *call.Verdict) uint8 { return v.Placed.For }),
		"verdict.placed.against": strength(func(v *call.Verdict) uint8 { return v.Placed.Against }),
		"verdict.present.for":    strength(func(v *call.Verdict) uint8 { return v.Present.For }),
		"verdict.present.against": strength(
			func(v *call.Verdict) uint8 { return v.Present.Against }),
	}
	for _, kind := range kinds {
		name := "evidence." + strings.ReplaceAll(string(kind), "-", "_")
		signature := kind == call.InBand || kind == call.RichCallData
		all[name+".reason"] = variable{words: reasonsOf(kind), judged: true, signature: signature,
			text: func(f *facts) string { return string(f.heard(kind)) }}
		all[name+".result"] = variable{words: results, judged: true, signature: signature,
			text: func(f *facts) string {
				if r := f.heard(kind); r != "" {
					return string(r.Result())
				}
				return ""
			}}
	}
	return all
}()

// kinds are the kinds of evidence that a rule can ask for, cheapest first.
var kinds = []call.Kind{call.InBand, call.Directory, call.RichCallData, call.Announcement, call.Inquiry,
	call.Contact, call.CallBack, call.Invitation, call.Countersign, call.Voice}

var (
	standings = wordsOf(call.Refuted.String(), call.Unverified.String(), call.PartlyVerified.String(), call.Verified.String())
	levels    = wordsOf(call.LevelNone.String(), call.LevelSeen.String(), call.LevelCorroborated.String(),
		call.LevelVerified.String(), call.LevelBroken.String(), call.LevelRevoked.String())
	// The empty word is that of a kind that nobody has answered yet.
	results  = wordsOf("", call.Supports, call.Contradicts, call.Absent, call.Failed)
	weekdays = [...]string{time.Sunday: "sunday", time.Monday: "monday", time.Tuesday: "tuesday", time.Wednesday: "wednesday",
		time.Thursday: "thursday", time.Friday: "friday", time.Saturday: "saturday"}
)

// heard returns what the kind was answered with, and nothing if it was not.
func (f *facts) heard(k call.Kind) call.Reason {
	for i := range f.ev {
		if f.ev[i].Kind == k {
			return f.ev[i].Reason
		}
	}
	return ""
}

func strength(of func(*call.Verdict) uint8) variable {
	return variable{number: func(f *facts) int64 { return int64(of(f.v)) }, judged: true, signature: true}
}

func wordsOf[T ~string](all ...T) []string {
	list := make([]string, len(all))
	for i, w := range all {
		list[i] = string(w)
	}
	return list
}

// reasonsOf returns what the kind can be answered with, sorted.
func reasonsOf(k call.Kind) []string {
	list := []string{"", string(call.CheckFailed)}
	for _, r := range call.Reasons() {
		if r.Kind() == k {
			list = append(list, string(r))
		}
	}
	slices.Sort(list)
	return list
}

// digits returns n if it is canonical. What is not is nobody's number.
func digits(n tn.Number) string {
	if !n.Canonical() {
		return ""
	}
	return string(n)
}

// cut shortens s to at most n bytes, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// size is the greatest length of the variable's text.
func (v variable) size() uint64 {
	if v.words != nil {
		return maxWord
	}
	return v.longest
}
