package call

import (
	"maps"
	"slices"
)

// Reason is what a check learned: a closed list, a row of the weight table each.
type Reason string

// The reasons, by kind.
const (
	// In-band: the STIR rows, weighed once a call on the best PASSporT.

	// AttestedFull: a valid PASSporT with attestation A names the number shown.
	AttestedFull Reason = "attested-full"
	// AttestedPartial: a valid PASSporT with attestation B names the number shown.
	AttestedPartial Reason = "attested-partial"
	// AttestedGateway: a valid PASSporT with attestation C says only where the call
	// came in.
	AttestedGateway Reason = "attested-gateway"
	// NumberListed: a valid PASSporT without attestation, under a certificate that
	// lists the number shown.
	NumberListed Reason = "number-listed"
	// ProviderSigned: a valid PASSporT without attestation, under a provider's
	// certificate.
	ProviderSigned Reason = "provider-signed"
	// BoundCertificate: the certificate covers the number and is bound to the domain
	// of that office.
	BoundCertificate Reason = "bound-certificate"
	// NumberOfAnother: the signature is right, but for another calling number.
	NumberOfAnother Reason = "number-of-another"
	// NumberNotCovered: the signature is right, but its certificate does not cover
	// the number.
	NumberNotCovered Reason = "number-not-covered"
	// CallToAnother: the signature is right, but for a call to somebody else, and no
	// diversion explains it.
	CallToAnother Reason = "call-to-another"
	// SeenBefore: the same PASSporT was seen with another call.
	SeenBefore Reason = "seen-before"
	// CertificateRefused: the certificate is untrusted, expired or revoked.
	CertificateRefused Reason = "certificate-refused"
	// PassportRefused: the signature is invalid or stale, or the PASSporT malformed.
	PassportRefused Reason = "passport-refused"
	// NoIdentity: the call carries no PASSporT that is understood.
	NoIdentity Reason = "no-identity"
	// AlwaysSigns: unsigned, though the office says it always signs and the route
	// carries PASSporTs.
	AlwaysSigns Reason = "always-signs"
	// InBandFailed: the PASSporT could not be checked.
	InBandFailed Reason = "in-band-failed"

	// Directory.

	// OfficeNumber: the number is listed for that office.
	OfficeNumber Reason = "office-number"
	// OtherOfficeNumber: the number is listed for another office.
	OtherOfficeNumber Reason = "other-office-number"
	// LookAlike: the name or domain looks like one of our directory and is not.
	LookAlike Reason = "look-alike"
	// NotListed: the number is not in our directory.
	NotListed Reason = "not-listed"
	// DirectoryFailed: the directory could not be read.
	DirectoryFailed Reason = "directory-failed"

	// Rich call data.

	// ProviderName: a provider signed the name shown.
	ProviderName Reason = "provider-name"
	// NoProviderName: no provider signed a name.
	NoProviderName Reason = "no-provider-name"

	// Announcement.

	// Announced: the office announced this call, and it fits.
	Announced Reason = "announced"
	// NotAnnounced: no announcement fits.
	NotAnnounced Reason = "not-announced"
	// AnnouncementFailed: announcements could not be looked up.
	AnnouncementFailed Reason = "announcement-failed"

	// Inquiry.

	// Placed: the office says it placed this call.
	Placed Reason = "placed"
	// NotPlaced: the office says it did not place this call.
	NotPlaced Reason = "not-placed"
	// NoRecord: the office finds no such call, and its records are incomplete.
	NoRecord Reason = "no-record"
	// Asking: the office is asking a person.
	Asking Reason = "asking"
	// Declined: the office does not answer.
	Declined Reason = "declined"
	// InboundClaimant: the office has somebody on the line who says that he is us.
	InboundClaimant Reason = "inbound-claimant"
	// InquiryFailed: the office could not be asked.
	InquiryFailed Reason = "inquiry-failed"

	// Contact of record.

	// ContactYesStrong: the contact of record says yes, with a strong factor, the
	// word and the digits.
	ContactYesStrong Reason = "contact-yes-strong"
	// ContactYesWeak: the contact of record says yes.
	ContactYesWeak Reason = "contact-yes-weak"
	// ContactNoStrong: the contact of record says no, with a strong factor.
	ContactNoStrong Reason = "contact-no-strong"
	// ContactNoWeak: the contact of record says no.
	ContactNoWeak Reason = "contact-no-weak"
	// ContactSilent: the contact of record has not answered, or does not know.
	ContactSilent Reason = "contact-silent"
	// ContactFailed: the contact of record could not be asked.
	ContactFailed Reason = "contact-failed"

	// Call back.

	// WordHeardBack: a call back to the line of record was answered with the word.
	WordHeardBack Reason = "word-heard-back"
	// CallBackFailed: the line of record could not be reached.
	CallBackFailed Reason = "call-back-failed"

	// Invitation.

	// InvitationFits: a signed invitation fits.
	InvitationFits Reason = "invitation-fits"
	// InvitationElsewhere: a signed invitation names another channel or room.
	InvitationElsewhere Reason = "invitation-elsewhere"
	// InvitationAltered: the invitation was altered after signing.
	InvitationAltered Reason = "invitation-altered"

	// Countersign and what both sides observe.

	// WordsRight: the words were right, and the number dialled was observed.
	WordsRight Reason = "words-right"
	// WordsRightDeclared: the words were right, and the number dialled was only
	// declared.
	WordsRightDeclared Reason = "words-right-declared"
	// CardRight: the card was answered rightly.
	CardRight Reason = "card-right"
	// CardRightChecked: the card was answered rightly, its check column too.
	CardRightChecked Reason = "card-right-checked"
	// WordsWrong: the words were wrong twice.
	WordsWrong Reason = "words-wrong"
	// WordsRefused: the words were refused.
	WordsRefused Reason = "words-refused"
	// FactsMismatch: role, dialled number or call state do not agree, or the other
	// side has hung up.
	FactsMismatch Reason = "facts-mismatch"
	// TimesMismatch: the times do not agree.
	TimesMismatch Reason = "times-mismatch"
	// SubstitutionSuspected: the office seems to be on another line than this one.
	SubstitutionSuspected Reason = "substitution-suspected"
	// DayWord: the word of the day was right.
	DayWord Reason = "day-word"
	// SharedKnowledge: the caller knew something shared.
	SharedKnowledge Reason = "shared-knowledge"
	// SignaturesStored: the caller office's signatures for this call are stored.
	SignaturesStored Reason = "signatures-stored"

	// Voice.

	// VoiceFamiliar: the voice sounds right.
	VoiceFamiliar Reason = "voice-familiar"
	// DetectorScore: a detector gave a score.
	DetectorScore Reason = "detector-score"

	// Of every kind that has no failed reason of its own, and of a kind that nobody
	// answers for.

	// CheckFailed: the check could not be made.
	CheckFailed Reason = "check-failed"
)

var reasons = map[Reason]struct {
	kind   Kind
	result Result
}{
	AttestedFull:          {InBand, Supports},
	AttestedPartial:       {InBand, Supports},
	AttestedGateway:       {InBand, Absent},
	NumberListed:          {InBand, Supports},
	ProviderSigned:        {InBand, Supports},
	BoundCertificate:      {InBand, Supports},
	NumberOfAnother:       {InBand, Contradicts},
	NumberNotCovered:      {InBand, Contradicts},
	CallToAnother:         {InBand, Contradicts},
	SeenBefore:            {InBand, Contradicts},
	CertificateRefused:    {InBand, Contradicts},
	PassportRefused:       {InBand, Contradicts},
	NoIdentity:            {InBand, Absent},
	AlwaysSigns:           {InBand, Contradicts},
	InBandFailed:          {InBand, Failed},
	OfficeNumber:          {Directory, Supports},
	OtherOfficeNumber:     {Directory, Contradicts},
	LookAlike:             {Directory, Contradicts},
	NotListed:             {Directory, Absent},
	DirectoryFailed:       {Directory, Failed},
	ProviderName:          {RichCallData, Supports},
	NoProviderName:        {RichCallData, Absent},
	Announced:             {Announcement, Supports},
	NotAnnounced:          {Announcement, Absent},
	AnnouncementFailed:    {Announcement, Failed},
	Placed:                {Inquiry, Supports},
	NotPlaced:             {Inquiry, Contradicts},
	NoRecord:              {Inquiry, Contradicts},
	Asking:                {Inquiry, Absent},
	Declined:              {Inquiry, Absent},
	InboundClaimant:       {Inquiry, Contradicts},
	InquiryFailed:         {Inquiry, Failed},
	ContactYesStrong:      {Contact, Supports},
	ContactYesWeak:        {Contact, Supports},
	ContactNoStrong:       {Contact, Contradicts},
	ContactNoWeak:         {Contact, Contradicts},
	ContactSilent:         {Contact, Absent},
	ContactFailed:         {Contact, Failed},
	WordHeardBack:         {CallBack, Supports},
	CallBackFailed:        {CallBack, Failed},
	InvitationFits:        {Invitation, Supports},
	InvitationElsewhere:   {Invitation, Contradicts},
	InvitationAltered:     {Invitation, Contradicts},
	WordsRight:            {Countersign, Supports},
	WordsRightDeclared:    {Countersign, Supports},
	CardRight:             {Countersign, Supports},
	CardRightChecked:      {Countersign, Supports},
	WordsWrong:            {Countersign, Contradicts},
	WordsRefused:          {Countersign, Contradicts},
	FactsMismatch:         {Countersign, Contradicts},
	TimesMismatch:         {Countersign, Contradicts},
	SubstitutionSuspected: {Countersign, Contradicts},
	DayWord:               {Countersign, Supports},
	SharedKnowledge:       {Countersign, Supports},
	SignaturesStored:      {Countersign, Supports},
	VoiceFamiliar:         {Voice, Absent},
	DetectorScore:         {Voice, Absent},
	CheckFailed:           {"", Failed},
}

var failures = map[Kind]Reason{
	InBand:       InBandFailed,
	Directory:    DirectoryFailed,
	Announcement: AnnouncementFailed,
	Inquiry:      InquiryFailed,
	Contact:      ContactFailed,
	CallBack:     CallBackFailed,
}

// Failed returns the reason to give when a check of the kind could not be made. A kind
// without one of its own, known or not, has [CheckFailed].
func (k Kind) Failed() Reason {
	if r, ok := failures[k]; ok {
		return r
	}
	return CheckFailed
}

// Result returns the outcome that the reason stands for. A reason that is not of the
// list is [Failed], so that it can never count as support.
func (r Reason) Result() Result {
	if row, ok := reasons[r]; ok {
		return row.result
	}
	return Failed
}

// Kind returns the kind of evidence that can have the reason. It is empty for
// [CheckFailed], which any kind can have, and for a reason that is not of the list.
func (r Reason) Kind() Kind { return reasons[r].kind }

// Reasons returns all reasons, in no order.
func Reasons() []Reason { return slices.Collect(maps.Keys(reasons)) }
