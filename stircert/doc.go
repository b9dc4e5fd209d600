// Package stircert is the certificate profile of STIR: which numbers a certificate
// is for, what it lets its holder claim, and whether it leads to a trust anchor
// (RFC 8226, RFC 9060, RFC 9118, ATIS-1000080).
//
// Start with [ParsePEM], which reads what a certificate repository serves, and
// [Build], which makes a [Chain] of it: validated to the given [Anchors] and to
// nothing else, never to the roots of the public web. A Chain says what holds of the
// certificates regardless of a call, as findings; [Chain.At] and [Chain.Covers]
// answer for one call. [TNAuthList] and [Constraints] are the two extensions of RFC
// 8226 by themselves, [Lint] compares a certificate with the SHAKEN profile, and
// [NewAnchor], [Issue] and [NewCRL] make certificates that conform to it.
//
// What a stranger sends never becomes an error or a panic here: [Build] collects
// findings, and the parsers return a *[passport.Finding]. Every parser is bounded in
// time and memory. A Chain is not changed after it was built, so many goroutines may
// use it at once.
//
// The package opens no connection (a TN Authorization List kept elsewhere is got
// through [Options.FetchList]), keeps nothing, and does not say which finding is
// fatal: fetching and caching are internal/trust's, the judgement is that of a
// profile in package sipidentity.
package stircert
