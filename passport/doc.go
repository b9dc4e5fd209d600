// Package passport is the PASSporT of RFC 8225, the signed object by which one
// network says who is calling whom, with the claims of its extensions: shaken
// (RFC 8588), div and div-o (RFC 8946), rcd (RFC 9795, read by package rcd), rph and
// sph (RFC 8443, RFC 9027), msg (RFC 9475) and rsp (RFC 9970).
//
// Start with [Parse], which reads a PASSporT and refuses what the standards refuse;
// with [Examine], which reads as much as can be read and lists everything that is
// wrong; and with [Sign]. [Token.Verify] checks a signature against a key and
// nothing else: whether the certificate is to be trusted, and whether the PASSporT
// belongs to this call, is the work of package verification.
//
// What a stranger got wrong is a [Finding]. Its [Code] has a step, a section of a
// standard and a plain sentence, all in one table, which the other packages of this
// module share.
//
// Signatures are checked over the text that was received, never over a copy that was
// written anew. Signing is deterministic (RFC 6979): the same claims and key give the
// same PASSporT. Tokens are not changed once made and may be used by many goroutines.
// Parsing is bounded by [MaxLen] and never panics.
//
// The form, full: base64url(header) "." base64url(claims) "." base64url(signature),
// no padding, the signature being r and s of P-256 in 32 bytes each. Compact: two
// dots and the signature; header and claims are rebuilt from the signalling.
package passport
