package call

import "time"

// Kind is what was asked to get a piece of evidence. A kind that was asked for is
// answered exactly once, if only with a failed or absent reason.
type Kind string

// The kinds of evidence, cheapest first.
const (
	// InBand: the PASSporTs that came with the call.
	InBand Kind = "in-band"
	// Directory: whether our own address book lists the number.
	Directory Kind = "directory"
	// RichCallData: a name that a provider signed.
	RichCallData Kind = "rich-call-data"
	// Announcement: the office's notice that it is calling.
	Announcement Kind = "announcement"
	// Inquiry: the office's answer to "did you place this call?".
	Inquiry Kind = "inquiry"
	// Contact: a person's word through a contact of record.
	Contact Kind = "contact"
	// CallBack: a call to the line of record.
	CallBack Kind = "call-back"
	// Invitation: a signed invitation.
	Invitation Kind = "invitation"
	// Countersign: what the people on the call said to each other.
	Countersign Kind = "countersign"
	// Voice: how it sounds. It weighs nothing.
	Voice Kind = "voice"
)

// Result is the outcome of one check.
type Result string

// The results. A check that failed is never absent: missing evidence must not read
// as no evidence.
const (
	Supports    Result = "supports"
	Contradicts Result = "contradicts"
	Absent      Result = "absent"
	Failed      Result = "failed"
)

// Evidence is the outcome of one check on one call.
type Evidence struct {
	// Kind is what was asked, Reason what was learned. The reason decides the result
	// and, in package verdict, the weight.
	Kind   Kind
	Reason Reason
	// Source names who or what answered: a domain, a provider's certificate, "directory".
	Source string
	// At is when it was learned.
	At time.Time
	// Detail is one sentence for an engineer, with nothing whole in it that should be
	// masked. People are shown a sentence made from Reason.
	Detail string
	// Report is what stands behind it, kept for those who show it, and written to the
	// record as JSON. It may be nil.
	Report any
}

// Result returns the outcome, which follows from the reason.
func (e Evidence) Result() Result { return e.Reason.Result() }
