// Package verification is the verification service of RFC 8224: it judges the
// Identity header fields of one call.
//
// Most callers need [Service.VerifyAt] and its answer, the [Report]; the call is told
// to it as [Facts]. An error is only our own fault: a signature that does not verify
// is something learned, and stands in the report with its step, its section and a
// plain sentence.
//
// The checks run in one order, which satisfies RFC 8224 section 6.2, RFC 8946
// section 4.2, RFC 9410 and RFC 9970. Everything that needs no network comes first,
// and a certificate is fetched only for a PASSporT that is well formed and fresh, so
// that a stranger's stale or malformed one causes no request; only one that a fresh
// diversion says was transferred may be older. What a finding means, and which SIP
// response goes with it, is the profile's to say (package sipidentity).
//
// Several Identity header fields are judged one by one, in whatever order they came, and
// the best of them decides: one good one beats any number of bad ones. Their
// certificates are asked for at once, so that one repository that stalls holds up a call
// no longer than alone. PASSporTs of types not known here are carried and named, never
// failed. Diversions are followed from the first called party to the last.
//
// A Service may be used by many goroutines at once. It fetches nothing itself:
// certificates come from the [Certificates] it is given, which may cache. It bounds
// how many fields, diversions and nested PASSporTs it looks at, and never panics on
// what it is given. What the report is worth, and what to do about it, is not decided
// here.
package verification
