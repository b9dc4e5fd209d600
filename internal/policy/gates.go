package policy

import "countersign.example/internal/call"

// Gate is something that people may do on a call once they know enough about it.
type Gate string

// The gates, the one that risks least first (section 2.8.3 of the protocol).
const (
	// PutThrough: let the caller speak to the principal.
	PutThrough Gate = "put_through"
	// Discuss: speak about what is not public.
	Discuss Gate = "discuss"
	// GiveContacts: hand out how others can be reached.
	GiveContacts Gate = "give_contacts"
	// Pay: money, access, documents.
	Pay Gate = "pay"
	// AnnouncePublicly: say in public that the call took place. It needs a stored receipt
	// and the other office's word, which no verdict can stand for: it is closed.
	AnnouncePublicly Gate = "announce_publicly"
)

// Gates returns the gates, in order.
func Gates() []Gate { return []Gate{PutThrough, Discuss, GiveContacts, Pay, AnnouncePublicly} }

// Passage is whether a gate is open.
type Passage uint8

// The passages, the narrowest first.
const (
	// Closed: it may not be done.
	Closed Passage = iota
	// Ask: it may be done once somebody who may say so has said yes.
	Ask
	// Open: it may be done.
	Open
)

var passageNames = [...]string{"closed", "ask", "open"}

// String returns the word that files use.
func (p Passage) String() string {
	if int(p) < len(passageNames) {
		return passageNames[p]
	}
	return "unknown"
}

// protocolGates is the table of the protocol, section 2.8.3, by standing. To take the
// call and be polite is no gate.
var protocolGates = map[Gate][call.Verified + 1]Passage{
	PutThrough:       {call.Unverified: Ask, call.PartlyVerified: Open, call.Verified: Open},
	Discuss:          {call.Verified: Open},
	GiveContacts:     {call.Verified: Ask},
	Pay:              {},
	AnnouncePublicly: {},
}

// Gate returns whether the gate g is open on a call with the verdict v. All are closed
// for a call that is refuted, or whose evidence is in conflict.
func (p *Policy) Gate(g Gate, v call.Verdict) Passage {
	if v.Standing == call.Refuted || v.Standing > call.Verified || v.Conflict || g == AnnouncePublicly {
		return Closed
	}
	return p.gates[g][v.Standing]
}
