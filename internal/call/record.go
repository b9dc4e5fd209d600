package call

import (
	"time"

	"countersign.example/passport"
)

// Standing is what the evidence adds up to for one claimed office. The order is that
// of trust: a larger Standing is a better one.
type Standing uint8

// The standings.
const (
	Refuted Standing = iota
	Unverified
	PartlyVerified
	Verified
)

var standingNames = [...]string{"refuted", "unverified", "partly verified", "verified"}

// String returns the product's word.
func (s Standing) String() string {
	if int(s) < len(standingNames) {
		return standingNames[s]
	}
	return "unknown"
}

// MarshalText writes the product's word, so that what is stored does not depend on the
// order of a list.
func (s Standing) MarshalText() ([]byte, error) { return marshalWord(standingNames[:], int(s)) }

// UnmarshalText reads what [Standing.MarshalText] wrote, and refuses any other word.
func (s *Standing) UnmarshalText(text []byte) error {
	i, err := unmarshalWord(standingNames[:], text)
	*s = Standing(i)
	return err
}

// Strength is how strongly a proposition is supported and refuted, 0 to 3 each. Both
// can be above zero: then the evidence is in conflict.
type Strength struct {
	For, Against uint8
}

// Verdict is what the evidence adds up to. The number and the office are kept apart,
// and shown apart. Whether the principal himself speaks is never computed.
type Verdict struct {
	// Standing is the verdict proper.
	Standing Standing
	// Conflict marks strong evidence on both sides of one proposition.
	Conflict bool
	// Incomplete says that a check failed, so that it "could not be checked".
	Incomplete bool
	// Number: the displayed number is genuine. Office: the party is that office of
	// our directory. Placed: that office placed this call. Present: its authorised
	// people are on this line now.
	Number, Office, Placed, Present Strength
	// Reasons are the reasons that bear on it, the weightiest first.
	Reasons []Reason
}

// Action is what is done with a call.
type Action struct {
	// Kind is what.
	Kind ActionKind
	// Status and Phrase are the SIP answer of a rejection.
	Status int
	Phrase string
	// Target is where a diverted call goes.
	Target passport.Party
	// Rule names the rule of the policy that chose it.
	Rule string
	// AtMost is how long the call may wait under it, if it is for meanwhile or a Hold.
	// Zero leaves that to the budgets of the sources.
	AtMost time.Duration `json:",omitzero"`
	// Show is how the phone is shown the call, if it gets there.
	Show Show `json:",omitzero"`
}

// Show is what the policy has to say about how a call is shown. The zero Show says
// nothing: the verdict's own sign, the ordinary ring, and verstat.
type Show struct {
	// Prefix stands before the name, in place of the verdict's own sign.
	Prefix string `json:",omitzero"`
	// AlertInfo is the value of an Alert-Info header field (RFC 3261 section 20.4), by
	// which a phone rings in a way of its own.
	AlertInfo string `json:",omitzero"`
	// NoVerstat leaves the verstat parameter out (ATIS-1000082), for phones that cannot bear it.
	NoVerstat bool `json:",omitzero"`
}

// DecidedByPerson ends the Rule of an action that a person chose for a call which the
// rule had put on hold.
const DecidedByPerson = ": decided by a person"

// ActionKind is one of the things that can be done with a call.
type ActionKind string

// The kinds of actions.
const (
	// Connect puts the call through to whom it was for.
	Connect ActionKind = "connect"
	// Hold lets the caller hear ringing while someone decides. It is not the hold of
	// RFC 3264.
	Hold ActionKind = "hold"
	// Screen lets a machine or a person take it first.
	Screen ActionKind = "screen"
	// Divert sends it elsewhere.
	Divert ActionKind = "divert"
	// Reject refuses it.
	Reject ActionKind = "reject"
)

// Assertion is what we are willing to sign about a call that leaves us.
type Assertion struct {
	// Attest is how far we vouch; empty means that the call leaves unsigned, and Why
	// says why.
	Attest passport.Attestation
	Why    string
	// Orig and Dest are the parties to be named, canonical.
	Orig passport.Party
	Dest passport.Parties
	// Origid is opaque and of one call.
	Origid string
	// IssuedAt is the time of signing.
	IssuedAt time.Time
}

// State is how far the record of a call has come.
type State string

// The states of a record.
const (
	// Open: the call is held, and nothing has been decided.
	Open State = "open"
	// Settled: the action is decided, and was durable before it was carried out.
	Settled State = "settled"
	// Abandoned: the caller gave up first.
	Abandoned State = "abandoned"
	// Interrupted: we stopped while it was open.
	Interrupted State = "interrupted"
	// Erased: a person in it had it erased. What is left says that there was a call, and
	// nothing of whom.
	Erased State = "erased"
)

// Timings are what became of a call after it was decided. When it arrived is
// [Call.ArrivedAt], when it was decided [Record.SettledAt]. A zero time is one that has
// not come, or that nobody saw.
type Timings struct {
	// Answered is when the called party took it.
	Answered time.Time
	// Ended is when it was over, whoever ended it.
	Ended time.Time
}

// Act is what a person, or a part of the program by name, did with a call.
type Act struct {
	// Who did it: the name by which a person signed in.
	Who string
	// What was done, in the product's words: "put through", "doubt".
	What string
	// At is when.
	At time.Time
}

// Record is the private row about a call.
type Record struct {
	Call     Call
	State    State
	Evidence []Evidence
	Verdict  Verdict
	Action   Action
	// Assertion and Signed are those of an outbound call: what we were willing to
	// sign, and the Identity header field values that it left with.
	Assertion Assertion
	Signed    []string
	// SettledAt is when the action was decided.
	SettledAt time.Time
	// Timings and Acts may grow after the record is settled; the rest may not.
	Timings Timings `json:",omitzero"`
	// Acts are in the order of their times.
	Acts []Act `json:",omitempty"`
}
