package verdict

import "countersign.example/internal/call"

// weight is one row of the weight table: what a reason says of each of the four
// propositions. Above zero it supports, below zero it refutes, 3 at most either way.
type weight struct {
	reason call.Reason
	// number, office, placed and present are NUM, ORG, PLACED and PRESENT.
	number, office, placed, present int8
	// ifNumber makes the row count only once the number is supported by 2 or more.
	ifNumber bool
	// signatures marks the row that is no support but the condition of "verified".
	signatures bool
}

// Against returns how much a reason can speak against a call, by its weightiest
// proposition, 0 to 3. It is for whoever has several readings of one thing and must give
// the least damning; a verdict is made by [Of] alone.
func Against(r call.Reason) int {
	row, _ := rowOf(r)
	return int(-min(row.number, row.office, row.placed, row.present, 0))
}

// table is the weight table of the protocol, section 2.8.1: one row a reason, in the
// order of call.Reason. It is fixed, and the same for everybody.
var table = []weight{
	{reason: call.AttestedFull, number: +2},
	{reason: call.AttestedPartial, number: +1},
	{reason: call.AttestedGateway},
	// Two rows are ours and beyond the protocol's table, for PASSporTs that carry no
	// attestation. A certificate that lists the very number says about as much as a
	// provider that knows whose it is; a provider's signature without a word about the
	// number says as much as attestation B.
	{reason: call.NumberListed, number: +2},
	{reason: call.ProviderSigned, number: +1},
	{reason: call.BoundCertificate, number: +3, office: +3},
	{reason: call.NumberOfAnother, number: -2},
	{reason: call.NumberNotCovered, number: -2},
	{reason: call.CallToAnother, number: -1},
	{reason: call.SeenBefore, number: -1},
	{reason: call.CertificateRefused, number: -1},
	{reason: call.PassportRefused, number: -1},
	{reason: call.NoIdentity},
	{reason: call.AlwaysSigns, number: -1, placed: -1},
	{reason: call.InBandFailed},

	{reason: call.OfficeNumber, office: +2, ifNumber: true},
	{reason: call.OtherOfficeNumber, office: -1},
	{reason: call.LookAlike, office: -2},
	{reason: call.NotListed},
	{reason: call.DirectoryFailed},

	{reason: call.ProviderName, office: +1},
	{reason: call.NoProviderName},

	{reason: call.Announced, office: +2, placed: +2},
	{reason: call.NotAnnounced},
	{reason: call.AnnouncementFailed},

	{reason: call.Placed, office: +2, placed: +2},
	{reason: call.NotPlaced, placed: -3},
	{reason: call.NoRecord, placed: -1},
	{reason: call.Asking},
	{reason: call.Declined},
	{reason: call.InboundClaimant, placed: -2},
	{reason: call.InquiryFailed},

	{reason: call.ContactYesStrong, office: +2, placed: +2, present: +2},
	{reason: call.ContactYesWeak, office: +1, placed: +1},
	{reason: call.ContactNoStrong, placed: -3},
	{reason: call.ContactNoWeak, placed: -2},
	{reason: call.ContactSilent},
	{reason: call.ContactFailed},

	{reason: call.WordHeardBack, office: +2, placed: +2, present: +2},
	{reason: call.CallBackFailed},

	{reason: call.InvitationFits, office: +2, placed: +1},
	{reason: call.InvitationElsewhere, placed: -1},
	{reason: call.InvitationAltered, office: -2},

	{reason: call.WordsRight, office: +2, placed: +2, present: +3},
	{reason: call.WordsRightDeclared, office: +2, placed: +1, present: +1},
	{reason: call.CardRight, office: +2, placed: +2, present: +2},
	{reason: call.CardRightChecked, office: +2, placed: +2, present: +3},
	{reason: call.WordsWrong, present: -2},
	{reason: call.WordsRefused, present: -1},
	{reason: call.FactsMismatch, present: -3},
	{reason: call.TimesMismatch, present: -1},
	{reason: call.SubstitutionSuspected, present: -1},
	{reason: call.DayWord, present: +1},
	{reason: call.SharedKnowledge, present: +1},
	{reason: call.SignaturesStored, signatures: true},

	{reason: call.VoiceFamiliar},
	{reason: call.DetectorScore},

	{reason: call.CheckFailed},
}

// rows finds the row of a reason, and its place in the table.
var rows = func() map[call.Reason]int {
	m := make(map[call.Reason]int, len(table))
	for i := range table {
		m[table[i].reason] = i
	}
	return m
}()

// rowOf returns the row of r and its place. A reason that is not of the list weighs
// nothing and stands last.
func rowOf(r call.Reason) (weight, int) {
	if i, ok := rows[r]; ok {
		return table[i], i
	}
	return weight{reason: r}, len(table)
}

// weights returns the weights of the row in the order of the propositions.
func (w weight) weights() [propositions]int8 {
	return [propositions]int8{w.number, w.office, w.placed, w.present}
}
