// Package sipidentity is the Identity header field of RFC 8224 and the other places
// where SIP speaks of a caller's identity: the canonical forms of the parties, the
// error responses, the verstat parameter (ATIS-1000074) and the Reason header field
// (RFC 9410).
//
// Start with [Parse], which reads a header field value into a [Header]; with
// [PartyOf], which says whom a SIP or tel URI names; and with [Profile], the one map
// from findings to what they mean and which SIP response goes with them.
//
// A value a stranger wrote badly is refused with a *passport.Finding. Parsing is
// bounded, keeps what it read as substrings and never panics. Everything here may be
// used by many goroutines at once.
//
// The package does not verify anything: that is package verification. It does not
// know SIP messages either, only the values of these fields.
//
// The form (RFC 8224 section 4, with errata 5715 and 6499): a PASSporT, full or
// compact, then ";info=<URI>", and optionally ";alg=ES256", ";ppt=shaken" and
// parameters that are ignored. The header field's compact name is "y".
package sipidentity
