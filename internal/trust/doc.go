// Package trust says whose certificates we believe: the trust anchors, revocation
// lists and certificate transparency logs that the operator has configured, and the
// chains that lead to them, fetched from certificate repositories (RFC 8224 section
// 6.2.2, RFC 8226).
//
// Start with [Load], which reads a [Set] from files, and [New], which makes a
// [Repository] of a Set and a fetcher. [Repository.Chain] is what the verification
// service asks for every call. Lists that change — the STI-PA's signed list of trust
// anchors, and revocation lists — are kept fresh by a [Refresher].
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
//     is dropped with it, and validated anew without being fetched anew.
//   - The last good list stays in use while no better one comes, also over a restart. A
//     list that is not signed by who may sign it, or that is older than the one in use,
//     takes nobody's place. Age raises an alarm in [Refresher.Health], and a revocation
//     list past its time no longer clears a certificate (package stircert).
//   - What a stranger serves is a finding. Errors speak of our own files, and say
//     which and what to do.
//
// It starts no goroutine but those for which [Refresher.Refresh] waits. A Repository
// and a Refresher may be used by many at once.
//
// It does not connect to anything itself (that is internal/fetch), does not judge which
// finding is fatal (that is a profile in sipidentity), and logs nothing: what goes wrong
// with a list is in its [Health].
package trust
