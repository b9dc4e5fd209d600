package passport

// The codes, by step. A profile (package sipidentity) says which are fatal under
// which reading of the standards, and which SIP response goes with each.
const (
	// NoCode is the zero Code: nothing was found.
	NoCode Code = iota

	// IdentityAbsent: the call carries no Identity header field (RFC 8224 section
	// 6.2).
	IdentityAbsent
	// TooManyFields: there are more Identity header fields than are looked at, so
	// this one was not (RFC 8224 section 4).
	TooManyFields
	// FieldTooLong: the Identity header field is longer than any PASSporT needs to
	// be (RFC 8224 section 4).
	FieldTooLong

	// HeaderSyntax: the Identity header field is not written as the standard says
	// (RFC 8224 section 4).
	HeaderSyntax
	// DigestMalformed: the Identity header field does not begin with a PASSporT of
	// three parts (RFC 8224 section 4).
	DigestMalformed
	// InfoMissing: the Identity header field does not say where the certificate is
	// (RFC 8224 section 4).
	InfoMissing
	// InfoMalformed: the place of the certificate is not a URI in angle brackets
	// (RFC 8224 section 4).
	InfoMalformed
	// ParameterRepeated: a parameter of the Identity header field is given twice
	// (RFC 8224 section 4).
	ParameterRepeated

	// PptUnsupported: the PASSporT is of a type that is not known here, so it is
	// carried and not judged (RFC 8224 section 6.2 step 1).
	PptUnsupported
	// PptMisplaced: a PASSporT for connected identity has no place in a request,
	// so it is not judged (RFC 9970).
	PptMisplaced

	// Base64Malformed: a part of the PASSporT is not strict base64url (RFC 7515
	// section 2).
	Base64Malformed
	// JSONMalformed: a part of the PASSporT is not a JSON object (RFC 8225 section
	// 9).
	JSONMalformed
	// JSONTooLarge: the PASSporT is larger or more deeply nested than is read (RFC
	// 8225 section 9).
	JSONTooLarge
	// MemberRepeated: a JSON object of the PASSporT has two members of one name
	// (RFC 8225 section 9).
	MemberRepeated
	// ClaimMissing: a claim that must be present is missing (RFC 8225 section 5).
	ClaimMissing
	// ClaimType: a claim has a value of the wrong kind (RFC 8225 section 5).
	ClaimType
	// ClaimValue: a claim has a value that is not allowed (RFC 8225 section 5).
	ClaimValue
	// IatIsText: the time of signing is written as text where a number must stand
	// (RFC 8225 section 5.1.1).
	IatIsText
	// DestIsText: the called number is written as text where a list must stand
	// (RFC 8225 section 5.2.1).
	DestIsText
	// OrigNotOne: the PASSporT must name exactly one calling party (RFC 8225
	// section 5.2.1).
	OrigNotOne
	// DestEmpty: the PASSporT names no called party (RFC 8225 section 5.2.1).
	DestEmpty
	// NumberNotCanonical: a telephone number in the PASSporT is not in canonical
	// form (RFC 8224 section 8.3).
	NumberNotCanonical
	// CompactNotAllowed: the PASSporT is in compact form where the full form is
	// needed (RFC 8224 section 4).
	CompactNotAllowed
	// CompactIncomplete: the PASSporT is in compact form and the call does not
	// carry what is needed to rebuild it (RFC 8224 section 4).
	CompactIncomplete
	// NotCanonicalJSON: the PASSporT is not in the deterministic form; what was
	// received was checked (RFC 8225 section 9).
	NotCanonicalJSON

	// MemberMissing: the PASSporT header lacks a member that must be present (RFC
	// 8225 section 4).
	MemberMissing
	// MemberType: a member of the PASSporT header has a value of the wrong kind
	// (RFC 8225 section 4).
	MemberType
	// TypWrong: the signed object does not say that it is a PASSporT (RFC 8225
	// section 4.1).
	TypWrong
	// AlgUnsupported: the PASSporT is signed with an algorithm that is not allowed
	// (RFC 8225 section 4.2).
	AlgUnsupported
	// AlgMismatch: the header field and the PASSporT name different algorithms
	// (RFC 8224 section 4).
	AlgMismatch
	// X5uMismatch: the header field and the PASSporT name different certificates
	// (RFC 8224 section 4.1).
	X5uMismatch
	// PptMismatch: the header field and the PASSporT name different PASSporT types
	// (RFC 8224 section 4.1).
	PptMismatch
	// PptOmitted: the header field does not name the PASSporT type, which only the
	// PASSporT itself does (RFC 8224 section 4.1).
	PptOmitted
	// CritUnsupported: the PASSporT demands an extension that is not known here
	// (RFC 7515 section 4.1.11).
	CritUnsupported

	// DateStale: the Date header field is not fresh (RFC 8224 section 6.2 step 4).
	DateStale
	// DateMismatch: the Date header field and the time of signing differ; the time
	// of signing was used (RFC 8224 section 6.2 step 4).
	DateMismatch
	// IatStale: the PASSporT was not signed for a call at this time (RFC 8224
	// section 6.2 step 4).
	IatStale
	// Replayed: the same PASSporT was seen a moment ago with another call (RFC
	// 8224 section 12.1).
	Replayed
	// ReplayUnchecked: whether the PASSporT was used before could not be checked
	// (RFC 8224 section 12.1).
	ReplayUnchecked

	// NotCompared: the PASSporT was not compared with a call (RFC 8224 section 6.2
	// step 2).
	NotCompared
	// OrigMismatch: the PASSporT was signed for another calling number than the
	// one shown (RFC 8224 section 6.2.4).
	OrigMismatch
	// DestMismatch: the PASSporT was signed for a call to somebody else (RFC 8224
	// section 6.2.4).
	DestMismatch
	// MkyMismatch: the media keys of the call are not those that were signed (RFC
	// 8225 section 5.2.2).
	MkyMismatch
	// MkyMissing: the call offers media keys that the PASSporT does not sign (RFC
	// 8224 section 6.1 step 4).
	MkyMissing

	// CertificateUnavailable: the certificate could not be fetched (RFC 8224
	// section 6.2.2).
	CertificateUnavailable
	// CertificateMalformed: what stands at the place of the certificate is no
	// certificate that can be read (RFC 8226 section 4).
	CertificateMalformed
	// ChainOrder: the certificates are not in order from the signer towards the
	// trust anchor (RFC 9060 section 7).
	ChainOrder
	// ChainBroken: a certificate does not name the key of the one above it (RFC
	// 9060 section 4).
	ChainBroken
	// CertificateUntrusted: the certificate does not lead to a trust anchor (RFC
	// 8224 section 6.2.2).
	CertificateUntrusted
	// CertificateExpired: the certificate has expired (RFC 8224 section 6.2.2).
	CertificateExpired
	// CertificateNotYetValid: the certificate is not valid yet (RFC 8224 section
	// 6.2.2).
	CertificateNotYetValid
	// CertificateInvalidAtIat: the certificate was not valid when the PASSporT was
	// signed (RFC 8224 section 6.1 step 3).
	CertificateInvalidAtIat
	// CertificateRevoked: the certificate has been revoked (RFC 5280 section 6.3).
	CertificateRevoked
	// RevocationUnchecked: whether the certificate has been revoked could not be
	// checked (RFC 5280 section 6.3).
	RevocationUnchecked
	// CRLRefused: a revocation list was not used (RFC 5280 section 6.3).
	CRLRefused
	// KeyUnsupported: the certificate does not hold a P-256 key (RFC 8225 section
	// 4.2).
	KeyUnsupported
	// KeyUsageWrong: the certificate's key is not for signing PASSporTs (RFC 5280
	// section 4.2.1.3).
	KeyUsageWrong
	// SignedByCA: the PASSporT is signed with a certificate that is for issuing
	// certificates (RFC 9060 section 4).
	SignedByCA
	// PolicyMissing: the certificate names no SHAKEN certificate policy
	// (ATIS-1000080).
	PolicyMissing
	// CriticalExtension: an extension is marked critical that must not be (RFC
	// 8226 section 9).
	CriticalExtension
	// TNAuthListMissing: the certificate does not say which numbers it is for (RFC
	// 8226 section 9).
	TNAuthListMissing
	// TNAuthListMalformed: the certificate's list of numbers cannot be read (RFC
	// 8226 section 9).
	TNAuthListMalformed
	// TNAuthListUnavailable: the certificate's list of numbers is kept elsewhere
	// and could not be fetched (RFC 8226 section 10.1).
	TNAuthListUnavailable
	// RangeAtEdge: a range of numbers ends at the last number of its length, which
	// the standard's formula refuses (RFC 8226 section 9).
	RangeAtEdge
	// NotCovered: the certificate does not cover the number (RFC 8226 section 9).
	NotCovered
	// AuthorityBySPC: the certificate names a provider, not the number; that the
	// number is the provider's was not checked (RFC 8226 section 9).
	AuthorityBySPC
	// DelegationExceeds: a delegate certificate covers numbers that its issuer may
	// not pass on (RFC 9060 section 4).
	DelegationExceeds
	// ContainmentUnproven: that the delegated numbers belong to the issuing
	// provider was not checked (RFC 9060 section 4).
	ContainmentUnproven
	// ConstraintsMalformed: the certificate's limits on claims cannot be read (RFC
	// 9118 section 3).
	ConstraintsMalformed
	// ConstraintsBoth: the certificate has both forms of limits on claims; both
	// were applied (RFC 9118 section 6).
	ConstraintsBoth
	// ConstraintsIgnored: the certificate's limits exclude a claim that every
	// PASSporT has, so they were ignored (RFC 9118 section 3).
	ConstraintsIgnored
	// DomainUnbound: the certificate does not bind its numbers to exactly one
	// domain (draft-wendt-stir-tn-domain-binding section 5).
	DomainUnbound
	// SCTMissing: the certificate has no proof that it was logged, so its domain
	// is not shown (RFC 6962 section 3.3).
	SCTMissing
	// SCTInvalid: the proof that the certificate was logged does not hold, so its
	// domain is not shown (RFC 6962 section 3.2).
	SCTInvalid
	// SCTLogUnknown: the certificate was logged in no log that is configured here,
	// so its domain is not shown (RFC 6962 section 3.2).
	SCTLogUnknown
	// SCTFromFuture: the proof that the certificate was logged is dated in the
	// future, so its domain is not shown (RFC 6962 section 3.2).
	SCTFromFuture
	// ConstraintMustInclude: a claim is missing that the certificate demands (RFC
	// 8226 section 8).
	ConstraintMustInclude
	// ConstraintPermitted: a claim has a value that the certificate does not
	// permit (RFC 8226 section 8).
	ConstraintPermitted
	// ConstraintMustExclude: a claim is present that the certificate forbids (RFC
	// 9118 section 4).
	ConstraintMustExclude
	// ProfileViolated: the certificate departs from the SHAKEN certificate profile
	// (ATIS-1000080).
	ProfileViolated

	// SignatureLength: the signature is not 64 bytes long (RFC 7518 section 3.4).
	SignatureLength
	// SignatureIsDER: the signature is in the form used in certificates (DER), not
	// in the one used in PASSporTs (RFC 7518 section 3.4).
	SignatureIsDER
	// SignatureInvalid: the signature does not fit the PASSporT and the
	// certificate's key (RFC 8224 section 6.2 step 5).
	SignatureInvalid

	// AttestWrong: the attestation is none of A, B and C (RFC 8588 section 4).
	AttestWrong
	// OrigidNotUUID: the origination identifier is not a UUID (RFC 8588 section
	// 5).
	OrigidNotUUID
	// DivBroken: the diversions do not form a chain from the first called number
	// to this one (RFC 8946 section 4.2).
	DivBroken
	// DivIncomplete: the PASSporT that was diverted is missing or not valid (RFC
	// 8946 section 4.2).
	DivIncomplete
	// DivOrigChanged: a diversion names another calling number than the call began
	// with (RFC 8946 section 4.2 step 3).
	DivOrigChanged
	// DivTargetMismatch: the last diversion does not lead to the called number
	// (RFC 8946 section 4.2 step 1).
	DivTargetMismatch
	// DivInnerStale: the call was first signed too long before it was diverted
	// (RFC 8946 section 4.2 step 4).
	DivInnerStale
	// DivLoop: the diversions run in a circle (RFC 8946 section 4.2).
	DivLoop
	// DivTooDeep: there are more diversions than are followed (RFC 8946 section
	// 4.2).
	DivTooDeep
	// DivHoldsOpt: a diversion of this type must not hold the original PASSporT
	// (RFC 8946 section 3).
	DivHoldsOpt
	// OptInvalid: the original PASSporT inside the diversion is not one in full
	// form (RFC 8946 section 6).
	OptInvalid
	// RcdInvalid: the rich call data are not as the standard says, so they are not
	// shown (RFC 9795 section 4).
	RcdInvalid
	// RcdItemUnusable: an item of the rich call data could not be proved, so it is
	// not shown (RFC 9795 section 8).
	RcdItemUnusable
	// RcdThirdParty: the rich call data come from a third party and nobody else
	// vouches for the number, so they are not shown (RFC 9795 section 11).
	RcdThirdParty
	// RcdDigestCompat: a digest of the rich call data fits the deterministic form,
	// not the bytes served (RFC 9795 section 6.1).
	RcdDigestCompat
	// RphMismatch: the priority of the call is not the one that was signed (RFC
	// 8443 section 4.2).
	RphMismatch
	// SphWrong: the signed priority header value is not one that is allowed (RFC
	// 9027 section 4).
	SphWrong
	// MsgiMismatch: the message is not the one that was signed (RFC 9475 section
	// 3.2).
	MsgiMismatch
	// MsgiIgnored: a message digest has no meaning in a PASSporT of this type (RFC
	// 9475 section 3.2).
	MsgiIgnored
	// RspDestMismatch: the party reached is not the one called, and no diversion
	// explains it (RFC 9970).
	RspDestMismatch

	// Codes is the number of codes, NoCode included.
	Codes int = iota
)

// codeTable is the one table of findings: everything that explains or maps a
// finding reads it.
var codeTable = [Codes]codeRow{
	NoCode: {"none", 0, Note, "", "nothing was found"},
	IdentityAbsent: {"identity-absent", StepCollect, Ignored, "RFC 8224 section 6.2",
		"the call carries no Identity header field"},
	TooManyFields: {"too-many-fields", StepCollect, Ignored, "RFC 8224 section 4",
		"there are more Identity header fields than are looked at, so this one was not"},
	FieldTooLong: {"field-too-long", StepCollect, Fault, "RFC 8224 section 4",
		"the Identity header field is longer than any PASSporT needs to be"},
	HeaderSyntax: {"header-syntax", StepHeader, Fault, "RFC 8224 section 4",
		"the Identity header field is not written as the standard says"},
	DigestMalformed: {"digest-malformed", StepHeader, Fault, "RFC 8224 section 4",
		"the Identity header field does not begin with a PASSporT of three parts"},
	InfoMissing: {"info-missing", StepHeader, Fault, "RFC 8224 section 4",
		"the Identity header field does not say where the certificate is"},
	InfoMalformed: {"info-malformed", StepHeader, Fault, "RFC 8224 section 4",
		"the place of the certificate is not a URI in angle brackets"},
	ParameterRepeated: {"parameter-repeated", StepHeader, Fault, "RFC 8224 section 4",
		"a parameter of the Identity header field is given twice"},
	PptUnsupported: {"ppt-unsupported", StepPpt, Ignored, "RFC 8224 section 6.2 step 1",
		"the PASSporT is of a type that is not known here, so it is carried and not judged"},
	PptMisplaced: {"ppt-misplaced", StepPpt, Ignored, "RFC 9970",
		"a PASSporT for connected identity has no place in a request, so it is not judged"},
	Base64Malformed: {"base64-malformed", StepDecode, Fault, "RFC 7515 section 2",
		"a part of the PASSporT is not strict base64url"},
	JSONMalformed: {"json-malformed", StepDecode, Fault, "RFC 8225 section 9",
		"a part of the PASSporT is not a JSON object"},
	JSONTooLarge: {"json-too-large", StepDecode, Fault, "RFC 8225 section 9",
		"the PASSporT is larger or more deeply nested than is read"},
	MemberRepeated: {"member-repeated", StepDecode, Fault, "RFC 8225 section 9",
		"a JSON object of the PASSporT has two members of one name"},
	ClaimMissing: {"claim-missing", StepDecode, Fault, "RFC 8225 section 5",
		"a claim that must be present is missing"},
	ClaimType: {"claim-type", StepDecode, Fault, "RFC 8225 section 5",
		"a claim has a value of the wrong kind"},
	ClaimValue: {"claim-value", StepDecode, Fault, "RFC 8225 section 5",
		"a claim has a value that is not allowed"},
	IatIsText: {"iat-is-text", StepDecode, Fault, "RFC 8225 section 5.1.1",
		"the time of signing is written as text where a number must stand"},
	DestIsText: {"dest-is-text", StepDecode, Fault, "RFC 8225 section 5.2.1",
		"the called number is written as text where a list must stand"},
	OrigNotOne: {"orig-not-one", StepDecode, Fault, "RFC 8225 section 5.2.1",
		"the PASSporT must name exactly one calling party"},
	DestEmpty: {"dest-empty", StepDecode, Fault, "RFC 8225 section 5.2.1",
		"the PASSporT names no called party"},
	NumberNotCanonical: {"number-not-canonical", StepDecode, Fault, "RFC 8224 section 8.3",
		"a telephone number in the PASSporT is not in canonical form"},
	CompactNotAllowed: {"compact-not-allowed", StepDecode, Fault, "RFC 8224 section 4",
		"the PASSporT is in compact form where the full form is needed"},
	CompactIncomplete: {"compact-incomplete", StepDecode, Fault, "RFC 8224 section 4",
		"the PASSporT is in compact form and the call does not carry what is needed to rebuild it"},
	NotCanonicalJSON: {"not-canonical-json", StepDecode, Note, "RFC 8225 section 9",
		"the PASSporT is not in the deterministic form; what was received was checked"},
	MemberMissing: {"member-missing", StepProtected, Fault, "RFC 8225 section 4",
		"the PASSporT header lacks a member that must be present"},
	MemberType: {"member-type", StepProtected, Fault, "RFC 8225 section 4",
		"a member of the PASSporT header has a value of the wrong kind"},
	TypWrong: {"typ-wrong", StepProtected, Fault, "RFC 8225 section 4.1",
		"the signed object does not say that it is a PASSporT"},
	AlgUnsupported: {"alg-unsupported", StepProtected, Fault, "RFC 8225 section 4.2",
		"the PASSporT is signed with an algorithm that is not allowed"},
	AlgMismatch: {"alg-mismatch", StepProtected, Fault, "RFC 8224 section 4",
		"the header field and the PASSporT name different algorithms"},
	X5uMismatch: {"x5u-mismatch", StepProtected, Fault, "RFC 8224 section 4.1",
		"the header field and the PASSporT name different certificates"},
	PptMismatch: {"ppt-mismatch", StepProtected, Fault, "RFC 8224 section 4.1",
		"the header field and the PASSporT name different PASSporT types"},
	PptOmitted: {"ppt-omitted", StepProtected, Fault, "RFC 8224 section 4.1",
		"the header field does not name the PASSporT type, which only the PASSporT itself does"},
	CritUnsupported: {"crit-unsupported", StepProtected, Fault, "RFC 7515 section 4.1.11",
		"the PASSporT demands an extension that is not known here"},
	DateStale: {"date-stale", StepFreshness, Note, "RFC 8224 section 6.2 step 4",
		"the Date header field is not fresh"},
	DateMismatch: {"date-mismatch", StepFreshness, Note, "RFC 8224 section 6.2 step 4",
		"the Date header field and the time of signing differ; the time of signing was used"},
	IatStale: {"iat-stale", StepFreshness, Fault, "RFC 8224 section 6.2 step 4",
		"the PASSporT was not signed for a call at this time"},
	Replayed: {"replayed", StepFreshness, Fault, "RFC 8224 section 12.1",
		"the same PASSporT was seen a moment ago with another call"},
	ReplayUnchecked: {"replay-unchecked", StepFreshness, Unchecked, "RFC 8224 section 12.1",
		"whether the PASSporT was used before could not be checked"},
	NotCompared: {"not-compared", StepCompare, Note, "RFC 8224 section 6.2 step 2",
		"the PASSporT was not compared with a call"},
	OrigMismatch: {"orig-mismatch", StepCompare, Fault, "RFC 8224 section 6.2.4",
		"the PASSporT was signed for another calling number than the one shown"},
	DestMismatch: {"dest-mismatch", StepCompare, Fault, "RFC 8224 section 6.2.4",
		"the PASSporT was signed for a call to somebody else"},
	MkyMismatch: {"mky-mismatch", StepCompare, Fault, "RFC 8225 section 5.2.2",
		"the media keys of the call are not those that were signed"},
	MkyMissing: {"mky-missing", StepCompare, Note, "RFC 8224 section 6.1 step 4",
		"the call offers media keys that the PASSporT does not sign"},
	CertificateUnavailable: {"certificate-unavailable", StepCredential, Unchecked, "RFC 8224 section 6.2.2",
		"the certificate could not be fetched"},
	CertificateMalformed: {"certificate-malformed", StepCredential, Unchecked, "RFC 8226 section 4",
		"what stands at the place of the certificate is no certificate that can be read"},
	ChainOrder: {"chain-order", StepCredential, Fault, "RFC 9060 section 7",
		"the certificates are not in order from the signer towards the trust anchor"},
	ChainBroken: {"chain-broken", StepCredential, Fault, "RFC 9060 section 4",
		"a certificate does not name the key of the one above it"},
	CertificateUntrusted: {"certificate-untrusted", StepCredential, Fault, "RFC 8224 section 6.2.2",
		"the certificate does not lead to a trust anchor"},
	CertificateExpired: {"certificate-expired", StepCredential, Fault, "RFC 8224 section 6.2.2",
		"the certificate has expired"},
	CertificateNotYetValid: {"certificate-not-yet-valid", StepCredential, Fault, "RFC 8224 section 6.2.2",
		"the certificate is not valid yet"},
	CertificateInvalidAtIat: {"certificate-invalid-at-iat", StepCredential, Fault, "RFC 8224 section 6.1 step 3",
		"the certificate was not valid when the PASSporT was signed"},
	CertificateRevoked: {"certificate-revoked", StepCredential, Fault, "RFC 5280 section 6.3",
		"the certificate has been revoked"},
	RevocationUnchecked: {"revocation-unchecked", StepCredential, Unchecked, "RFC 5280 section 6.3",
		"whether the certificate has been revoked could not be checked"},
	CRLRefused: {"crl-refused", StepCredential, Note, "RFC 5280 section 6.3",
		"a revocation list was not used"},
	KeyUnsupported: {"key-unsupported", StepCredential, Fault, "RFC 8225 section 4.2",
		"the certificate does not hold a P-256 key"},
	KeyUsageWrong: {"key-usage-wrong", StepCredential, Fault, "RFC 5280 section 4.2.1.3",
		"the certificate's key is not for signing PASSporTs"},
	SignedByCA: {"signed-by-ca", StepCredential, Fault, "RFC 9060 section 4",
		"the PASSporT is signed with a certificate that is for issuing certificates"},
	PolicyMissing: {"policy-missing", StepCredential, Fault, "ATIS-1000080",
		"the certificate names no SHAKEN certificate policy"},
	CriticalExtension: {"critical-extension", StepCredential, Fault, "RFC 8226 section 9",
		"an extension is marked critical that must not be"},
	TNAuthListMissing: {"tnauthlist-missing", StepCredential, Fault, "RFC 8226 section 9",
		"the certificate does not say which numbers it is for"},
	TNAuthListMalformed: {"tnauthlist-malformed", StepCredential, Fault, "RFC 8226 section 9",
		"the certificate's list of numbers cannot be read"},
	TNAuthListUnavailable: {"tnauthlist-unavailable", StepCredential, Unchecked, "RFC 8226 section 10.1",
		"the certificate's list of numbers is kept elsewhere and could not be fetched"},
	RangeAtEdge: {"range-at-edge", StepCredential, Fault, "RFC 8226 section 9",
		"a range of numbers ends at the last number of its length, which the standard's formula refuses"},
	NotCovered: {"not-covered", StepCredential, Fault, "RFC 8226 section 9",
		"the certificate does not cover the number"},
	AuthorityBySPC: {"authority-by-spc", StepCredential, Note, "RFC 8226 section 9",
		"the certificate names a provider, not the number; that the number is the provider's was not checked"},
	DelegationExceeds: {"delegation-exceeds", StepCredential, Fault, "RFC 9060 section 4",
		"a delegate certificate covers numbers that its issuer may not pass on"},
	ContainmentUnproven: {"containment-unproven", StepCredential, Note, "RFC 9060 section 4",
		"that the delegated numbers belong to the issuing provider was not checked"},
	ConstraintsMalformed: {"constraints-malformed", StepCredential, Fault, "RFC 9118 section 3",
		"the certificate's limits on claims cannot be read"},
	ConstraintsBoth: {"constraints-both", StepCredential, Note, "RFC 9118 section 6",
		"the certificate has both forms of limits on claims; both were applied"},
	ConstraintsIgnored: {"constraints-ignored", StepCredential, Note, "RFC 9118 section 3",
		"the certificate's limits exclude a claim that every PASSporT has, so they were ignored"},
	DomainUnbound: {"domain-unbound", StepCredential, Note, "draft-wendt-stir-tn-domain-binding section 5",
		"the certificate does not bind its numbers to exactly one domain"},
	SCTMissing: {"sct-missing", StepCredential, Note, "RFC 6962 section 3.3",
		"the certificate has no proof that it was logged, so its domain is not shown"},
	SCTInvalid: {"sct-invalid", StepCredential, Note, "RFC 6962 section 3.2",
		"the proof that the certificate was logged does not hold, so its domain is not shown"},
	SCTLogUnknown: {"sct-log-unknown", StepCredential, Note, "RFC 6962 section 3.2",
		"the certificate was logged in no log that is configured here, so its domain is not shown"},
	SCTFromFuture: {"sct-from-future", StepCredential, Note, "RFC 6962 section 3.2",
		"the proof that the certificate was logged is dated in the future, so its domain is not shown"},
	ConstraintMustInclude: {"constraint-must-include", StepCredential, Fault, "RFC 8226 section 8",
		"a claim is missing that the certificate demands"},
	ConstraintPermitted: {"constraint-permitted", StepCredential, Fault, "RFC 8226 section 8",
		"a claim has a value that the certificate does not permit"},
	ConstraintMustExclude: {"constraint-must-exclude", StepCredential, Fault, "RFC 9118 section 4",
		"a claim is present that the certificate forbids"},
	ProfileViolated: {"profile-violated", StepCredential, Note, "ATIS-1000080",
		"the certificate departs from the SHAKEN certificate profile"},
	SignatureLength: {"signature-length", StepSignature, Fault, "RFC 7518 section 3.4",
		"the signature is not 64 bytes long"},
	SignatureIsDER: {"signature-is-der", StepSignature, Fault, "RFC 7518 section 3.4",
		"the signature is in the form used in certificates (DER), not in the one used in PASSporTs"},
	SignatureInvalid: {"signature-invalid", StepSignature, Fault, "RFC 8224 section 6.2 step 5",
		"the signature does not fit the PASSporT and the certificate's key"},
	AttestWrong: {"attest-wrong", StepClaims, Fault, "RFC 8588 section 4",
		"the attestation is none of A, B and C"},
	OrigidNotUUID: {"origid-not-uuid", StepClaims, Note, "RFC 8588 section 5",
		"the origination identifier is not a UUID"},
	DivBroken: {"div-broken", StepClaims, Fault, "RFC 8946 section 4.2",
		"the diversions do not form a chain from the first called number to this one"},
	DivIncomplete: {"div-incomplete", StepClaims, Fault, "RFC 8946 section 4.2",
		"the PASSporT that was diverted is missing or not valid"},
	DivOrigChanged: {"div-orig-changed", StepClaims, Fault, "RFC 8946 section 4.2 step 3",
		"a diversion names another calling number than the call began with"},
	DivTargetMismatch: {"div-target-mismatch", StepClaims, Fault, "RFC 8946 section 4.2 step 1",
		"the last diversion does not lead to the called number"},
	DivInnerStale: {"div-inner-stale", StepClaims, Fault, "RFC 8946 section 4.2 step 4",
		"the call was first signed too long before it was diverted"},
	DivLoop: {"div-loop", StepClaims, Fault, "RFC 8946 section 4.2",
		"the diversions run in a circle"},
	DivTooDeep: {"div-too-deep", StepClaims, Fault, "RFC 8946 section 4.2",
		"there are more diversions than are followed"},
	DivHoldsOpt: {"div-holds-opt", StepClaims, Fault, "RFC 8946 section 3",
		"a diversion of this type must not hold the original PASSporT"},
	OptInvalid: {"opt-invalid", StepClaims, Fault, "RFC 8946 section 6",
		"the original PASSporT inside the diversion is not one in full form"},
	RcdInvalid: {"rcd-invalid", StepClaims, Note, "RFC 9795 section 4",
		"the rich call data are not as the standard says, so they are not shown"},
	RcdItemUnusable: {"rcd-item-unusable", StepClaims, Note, "RFC 9795 section 8",
		"an item of the rich call data could not be proved, so it is not shown"},
	RcdThirdParty: {"rcd-third-party", StepClaims, Note, "RFC 9795 section 11",
		"the rich call data come from a third party and nobody else vouches for the number, so they are not shown"},
	RcdDigestCompat: {"rcd-digest-compat", StepClaims, Note, "RFC 9795 section 6.1",
		"a digest of the rich call data fits the deterministic form, not the bytes served"},
	RphMismatch: {"rph-mismatch", StepClaims, Fault, "RFC 8443 section 4.2",
		"the priority of the call is not the one that was signed"},
	SphWrong: {"sph-wrong", StepClaims, Fault, "RFC 9027 section 4",
		"the signed priority header value is not one that is allowed"},
	MsgiMismatch: {"msgi-mismatch", StepClaims, Fault, "RFC 9475 section 3.2",
		"the message is not the one that was signed"},
	MsgiIgnored: {"msgi-ignored", StepClaims, Note, "RFC 9475 section 3.2",
		"a message digest has no meaning in a PASSporT of this type"},
	RspDestMismatch: {"rsp-dest-mismatch", StepClaims, Fault, "RFC 9970",
		"the party reached is not the one called, and no diversion explains it"},
}
