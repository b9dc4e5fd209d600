package explain

import (
	"strings"
	"time"

	"countersign.example/internal/call"
)

// Sentences are what a person with a call on the line is told about it: product words,
// no numbers of confidence, and never more than the evidence shows.
type Sentences struct {
	// Sign is the sign of the verdict, which never stands alone, and Verdict its word.
	Sign    string `json:"sign"`
	Verdict string `json:"verdict"`
	// Line is the verdict in one line.
	Line string `json:"line"`
	// Number says whether the number shown is genuine, and Who whose call it is. They
	// are kept apart: a genuine number does not say who is speaking.
	Number string `json:"number"`
	Who    string `json:"who"`
	// Reasons are at most three, the weightiest first.
	Reasons []string `json:"reasons"`
	// NotShown is what the verdict does not show.
	NotShown string `json:"not_shown"`
	// Next is the one thing to do.
	Next string `json:"next"`
}

// maxReasons is how many reasons a person is told.
const maxReasons = 3

// Secretary returns the sentences for a verdict on a call. The evidence gives the times
// of the facts; it may be nil. No telephone number is in them.
func Secretary(c *call.Call, v call.Verdict, ev []call.Evidence) Sentences {
	standing := min(v.Standing, call.Verified)
	s := Sentences{
		Sign:     [...]string{call.Refuted: "✘", call.Unverified: "?", call.PartlyVerified: "◐", call.Verified: "✔"}[standing],
		Verdict:  standing.String(),
		Line:     line(c, v, standing),
		Number:   numberShown(c, v),
		Who:      who(c, v),
		NotShown: notShown(c, v, standing),
		Next:     next(c, v, standing),
	}
	if standing == call.Unverified && v.Incomplete {
		s.Verdict = "could not be checked"
	}
	for _, r := range v.Reasons {
		text := reasonText(r, c)
		if text == "" || len(s.Reasons) == maxReasons {
			continue
		}
		if at := learned(r, ev); !at.IsZero() {
			text += " (" + at.Format("15:04:05") + ")"
		}
		s.Reasons = append(s.Reasons, text)
	}
	return s
}

// office is what our own directory calls the office, and words of no office otherwise.
func office(c *call.Call) string {
	switch {
	case c.Office.Name != "":
		return "the " + strings.TrimPrefix(strings.TrimPrefix(clean(c.Office.Name), "The "), "the ")
	case c.Office.Domain != "":
		return clean(c.Office.Domain)
	}
	return "somebody we know"
}

func line(c *call.Call, v call.Verdict, standing call.Standing) string {
	whose := office(c)
	switch {
	case standing == call.Verified:
		return upper(whose) + " is on this line: their system placed this call, and they said the right words."
	case standing == call.PartlyVerified && v.Placed.For >= 2:
		return upper(whose) + " is calling you, or has said that it would."
	case standing == call.PartlyVerified:
		return "The number is genuine, and it is that of " + whose + "."
	case standing == call.Refuted && v.Number.Against >= 2:
		return "The number on your phone is not the caller's, so nothing shows that this is " + whose + "."
	case standing == call.Refuted && v.Placed.Against >= 2:
		return upper(whose) + " says that it is not calling you. The number on your phone can be faked."
	case standing == call.Refuted:
		return "This is not " + whose + "."
	case v.Incomplete:
		return "This call could not be checked. That is neither good nor bad."
	case !c.Office.IsZero():
		return "Nobody vouches that this is " + whose + ", whose number it shows."
	}
	return "Nobody vouches for this caller."
}

// numberShown speaks of the number alone.
func numberShown(c *call.Call, v call.Verdict) string {
	n := v.Number
	switch {
	case c.Calling.IsZero():
		return "withheld"
	case n.For >= 2 && n.Against >= 2:
		return "contradictory: one vouches for it, and another against it"
	case n.Against >= 2:
		return "not the caller's"
	case n.For >= 2 && n.Against == 0:
		return "genuine"
	case n.Against > 0:
		return "not shown to be genuine: what vouches for it cannot be believed"
	case n.For > 0:
		return "not shown to be genuine: a provider knows the caller, but not that the number is theirs"
	}
	return "not shown to be genuine: nobody vouches for it, and it can be faked"
}

// who speaks of the party alone.
func who(c *call.Call, v call.Verdict) string {
	switch {
	case c.Office.IsZero():
		return "nobody that our directory knows by this number"
	case v.Office.For >= 2 && v.Office.Against >= 2:
		return "contradictory"
	case v.Office.Against >= 2:
		return "not " + office(c)
	case v.Office.For >= 2 && v.Present.For >= 2:
		return office(c)
	case v.Placed.For >= 2:
		return office(c) + ", by its own word"
	case v.Office.For >= 2 && v.Number.For >= 2:
		return office(c) + ", as far as the number goes"
	case v.Office.For >= 2:
		return office(c) + ", as far as we were told"
	}
	return "not shown; the number belongs to " + office(c)
}

func notShown(c *call.Call, v call.Verdict, standing call.Standing) string {
	switch standing {
	case call.Verified:
		return "This does not show which person is speaking: for that you have their office's word."
	case call.PartlyVerified:
		return "This does not show that the person on this line is them."
	case call.Refuted:
		return "This does not show who is really calling."
	}
	if !c.Office.IsZero() {
		return "This does not show that the call is false either, only that nothing speaks for it."
	}
	return "This does not show that anything is wrong: many honest calls look like this."
}

func next(c *call.Call, v call.Verdict, standing call.Standing) string {
	switch {
	case standing == call.Verified:
		return "Put the call through."
	case standing == call.PartlyVerified:
		// Once there is a countersign: "Ask for their two words."
		return "To be sure that it is them, call " + office(c) + " back on the number in your directory."
	case standing == call.Refuted:
		return "End the call, and tell " + office(c) + "."
	case !c.Office.IsZero():
		return "Promise nothing; call " + office(c) + " back on the number in your directory."
	case v.Incomplete:
		return "Call back on a number you know."
	}
	return "Ask who is calling, and call back on a number you know if it matters."
}

// learned returns when a reason was learned.
func learned(r call.Reason, ev []call.Evidence) time.Time {
	for i := range ev {
		if ev[i].Reason == r {
			return ev[i].At
		}
	}
	return time.Time{}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// reasonText is the sentence for a reason. "{office}" stands for what our directory calls the
// office.
func reasonText(r call.Reason, c *call.Call) string {
	text := catalogue[r]
	if strings.HasPrefix(text, "{office}") {
		text = upper(strings.Replace(text, "{office}", office(c), 1))
	}
	return strings.ReplaceAll(text, "{office}", office(c))
}

// catalogue is the one catalogue of sentences for reasons.
var catalogue = map[call.Reason]string{
	call.AttestedFull:       "The caller's provider vouches that the caller may use this number.",
	call.AttestedPartial:    "The caller's provider knows the caller, but does not vouch for the number.",
	call.AttestedGateway:    "A provider only says where the call entered its network.",
	call.NumberListed:       "The caller signed with a certificate that was issued for this number.",
	call.ProviderSigned:     "A provider signed the call without saying more about the number.",
	call.BoundCertificate:   "The caller signed with a certificate for this number and for {office}.",
	call.NumberOfAnother:    "The signature that came with the call is for another number than the one on your phone.",
	call.NumberNotCovered:   "The caller signed with a certificate that is not for this number.",
	call.CallToAnother:      "The signature was made for a call to somebody else, so it may have been cut from another call.",
	call.SeenBefore:         "The same signature came with another call before, so it may be a copy.",
	call.CertificateRefused: "The caller's certificate cannot be believed.",
	call.PassportRefused:    "The signature that came with the call does not hold.",
	call.NoIdentity:         "The call is not signed.",
	call.AlwaysSigns:        "{office} always signs its calls, and this one is not signed.",
	call.InBandFailed:       "What came with the call could not be checked.",

	call.OfficeNumber:      "Our directory lists this number for {office}.",
	call.OtherOfficeNumber: "Our directory lists this number for another office.",
	call.LookAlike:         "The name looks like one in our directory, and is not.",
	call.NotListed:         "Our directory does not list this number.",
	call.DirectoryFailed:   "Our directory could not be read.",

	call.ProviderName:   "A provider signed the name that is shown.",
	call.NoProviderName: "No provider signed a name.",

	call.Announced:          "{office} told us in advance that it is calling you.",
	call.NotAnnounced:       "Nobody announced this call.",
	call.AnnouncementFailed: "Announcements could not be looked up.",

	call.Placed:          "{office} says that it placed this call.",
	call.NotPlaced:       "{office} says that it did not place this call.",
	call.NoRecord:        "{office} finds no such call, and its records are not complete.",
	call.Asking:          "{office} is asking a person.",
	call.Declined:        "{office} does not say.",
	call.InboundClaimant: "{office} has somebody on the line who claims to be us.",
	call.InquiryFailed:   "{office} could not be asked.",

	call.ContactYesStrong: "Our contact at {office} says yes, and proved who it is.",
	call.ContactYesWeak:   "Our contact at {office} says yes.",
	call.ContactNoStrong:  "Our contact at {office} says no, and proved who it is.",
	call.ContactNoWeak:    "Our contact at {office} says no.",
	call.ContactSilent:    "Our contact at {office} has not answered, or does not know.",
	call.ContactFailed:    "Our contact at {office} could not be asked.",

	call.WordHeardBack:  "The word was said when we called {office} back on the number we know.",
	call.CallBackFailed: "{office} could not be reached on the number we know.",

	call.InvitationFits:      "A signed invitation fits this call.",
	call.InvitationElsewhere: "The signed invitation is for another channel or another room.",
	call.InvitationAltered:   "The invitation was changed after it was signed.",

	call.WordsRight:            "They said the right words, and the number they dialled was seen to be ours.",
	call.WordsRightDeclared:    "They said the right words; which number they dialled is only what they say.",
	call.CardRight:             "They gave the right answer from the card.",
	call.CardRightChecked:      "They gave the right answer from the card, and so did we.",
	call.WordsWrong:            "They said wrong words twice.",
	call.WordsRefused:          "They did not want to say the words.",
	call.FactsMismatch:         "What the two sides see of this call does not agree.",
	call.TimesMismatch:         "The times that the two sides have for this call do not agree.",
	call.SubstitutionSuspected: "{office} seems to be on another line than this one.",
	call.DayWord:               "They knew the word of the day.",
	call.SharedKnowledge:       "They knew something that we share with them.",
	call.SignaturesStored:      "The signatures of {office} for this call are stored.",

	call.VoiceFamiliar: "The voice sounds right, which shows nothing.",
	call.DetectorScore: "A detector gave its opinion, which shows nothing.",

	call.CheckFailed: "A check could not be made.",
}
