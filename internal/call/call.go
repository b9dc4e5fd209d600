// Package call is the vocabulary of the house: a Call comes in, Evidence is
// gathered about it, it adds up to a Verdict, a policy turns that into an Action,
// and a Record is kept. Every room may import it; it imports no room.
//
// Start with [Call], [Evidence] and [Record], in that order.
//
// The types are plain values without behaviour that could be configured: what
// evidence is worth is the business of package verdict, what to do about it that of
// package policy, and sentences for people are made at the edge from a [Reason] and
// masked arguments. Times are instants; nothing here reads a clock.
package call

import (
	"fmt"
	"slices"
	"time"

	"countersign.example/passport"
)

// Call is one attempt to talk: what the signalling, or a person, said of it. Nothing
// in it is proved.
type Call struct {
	// ID is ours, unique, and sorts by time of arrival.
	ID string
	// Direction says who rings whom.
	Direction Direction
	// Channel is how the call reaches us.
	Channel Channel
	// ArrivedAt is when the call reached us. The judgement takes it for "now".
	ArrivedAt time.Time
	// Trunk names the side it came from, as configured.
	Trunk string

	// Calling is the party shown as the caller: From, or P-Asserted-Identity inside
	// the trust domain. It is nobody if the number is withheld.
	Calling passport.Party
	// Called is the party that is really being called: the Request-URI.
	Called passport.Party
	// DisplayName is what the caller wants shown. It is a claim by a stranger.
	DisplayName string

	// Office is the office this call seems or claims to come from, in our directory.
	// The zero Office is none, and its level caps the verdict.
	Office Office

	// Signalling is what the checks on the signalling need.
	Signalling Signalling
}

// Signalling is what the SIP request said beyond who and whom.
type Signalling struct {
	// CallID is the Call-ID header field.
	CallID string
	// Date is the Date header field, zero if absent.
	Date time.Time
	// To is the party in the To header field, which differs from Called after a
	// diversion.
	To passport.Party
	// Identity holds the values of all Identity header fields, in order.
	Identity []string
	// Fingerprints are the values of the a=fingerprint lines in the SDP.
	Fingerprints []string
	// ResourcePriority and Priority are those header fields.
	ResourcePriority []string
	Priority         string
	// Emergency marks a call to an emergency number: it is never held nor rejected.
	Emergency bool
}

// Direction says who rings whom.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Channel is how a call reaches us.
type Channel string

// The channels. Only SIP calls pass through us; the others are reported by hand.
const (
	SIP       Channel = "sip"
	Mobile    Channel = "mobile"
	Messenger Channel = "messenger"
	Video     Channel = "video"
)

// Office is an organisation of our directory, named by a DNS domain it controls.
type Office struct {
	// Domain is a lower-case A-label.
	Domain string
	// Name is what our own directory calls it, never what it calls itself.
	Name string
	// Level caps every verdict about it.
	Level Level
}

// IsZero reports whether o is no office.
func (o Office) IsZero() bool { return o.Domain == "" }

// Level is how far our directory knows an office.
type Level uint8

// The levels, and the most each can yield.
const (
	// LevelNone: a name only; unverified.
	LevelNone Level = iota
	// LevelSeen: fetched from a domain that the caller named; unverified.
	LevelSeen
	// LevelCorroborated: the domain was found independently; partly verified.
	LevelCorroborated
	// LevelVerified: a person compared the fingerprint; verified.
	LevelVerified
	// LevelBroken: its document no longer chains; unverified.
	LevelBroken
	// LevelRevoked: refuted.
	LevelRevoked
)

var levelNames = [...]string{"none", "seen", "corroborated", "verified", "broken", "revoked"}

// String returns the product's word for the level.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// MarshalText writes the product's word for the level.
func (l Level) MarshalText() ([]byte, error) { return marshalWord(levelNames[:], int(l)) }

// UnmarshalText reads what [Level.MarshalText] wrote, and refuses any other word.
func (l *Level) UnmarshalText(text []byte) error {
	i, err := unmarshalWord(levelNames[:], text)
	*l = Level(i)
	return err
}

func marshalWord(words []string, i int) ([]byte, error) {
	if i >= len(words) {
		return nil, fmt.Errorf("call: there is no word for %d", i)
	}
	return []byte(words[i]), nil
}

// unmarshalWord returns 0, which is the least trust in both lists, with its error.
func unmarshalWord(words []string, text []byte) (int, error) {
	if i := slices.Index(words, string(text)); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("call: %q is none of %q", text, words)
}
