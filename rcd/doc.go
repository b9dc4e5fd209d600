// Package rcd is rich call data: the caller's name, logo, card and reason for calling
// as signed in a PASSporT, by the claims rcd, rcdi and crn (RFC 9795).
//
// Start with [Parse], which reads the claims of any PASSporT, of type rcd or shaken
// with rcd inside; then [Data.Vouched] and [Data.Check], which proves each item by its
// digest and returns what may be [Shown]. [Data.Claims] makes the claims for a
// PASSporT to be signed. A card is a [Card], the jCard of RFC 7095.
//
// What a stranger got wrong is a [passport.Finding], always a note: a fault in the
// rich call data never makes a call's signature worse, it only leaves out the item.
// Nothing is shown that is not signed: what a URI leads to is shown only if its digest
// is in the PASSporT and fits the bytes served. Text that is shown has been cleaned of
// control characters and cut to a length; images are of a few kinds that can refer to
// nothing else. All reading is bounded, and values may be used by many goroutines.
//
// The package fetches nothing itself, it is given a [Fetch]. It does not verify
// signatures, does not compare the name with the From header field, and does not decide
// whether a third party may be believed: those are package verification's. The
// Call-Info form of RFC 9796 is not read here.
package rcd
