// Package trust says whose certificates we believe: the trust anchors, revocation
// lists and certificate transparency logs that the operator has configured, and the
// chains that lead to them, fetched from certificate repositories (RFC 8224 section
// 6.2.2, RFC 8226).
//
// Start with [Load], which reads a [Set] from files, and [New], which makes a
// [Repository] of a Set and a fetcher. [Repository.Chain] is what the verification
// service asks for every call.
//
// What it guarantees:
//
//   - A chain that is kept leads to an anchor and has nothing wrong with its path.
//     It is kept under its full URL, no longer than its server, its certificates and
//     the revocation lists allow. Any other outcome is remembered only briefly, and
//     apart, so that strangers can neither push out good chains nor have us fetch
//     the same bad one for every call.
//   - Concurrent calls for one URL are answered by one fetch and one validation. A
//     chain that is kept is found without allocation.
//   - [Repository.Use] replaces the Set at any time. What was validated by the old one
//     is dropped with it.
//   - What a stranger serves is a finding. Errors speak of our own files, and say
//     which and what to do.
//
// It starts no goroutine, and a Repository may be used by many at once.
//
// It does not fetch (that is internal/fetch), does not judge which finding is fatal
// (that is a profile in sipidentity), and downloads neither revocation lists nor the
// STI-PA's list of anchors.
package trust
