// Package gateway is where the house speaks SIP (RFC 3261): it makes a call of an
// INVITE, and SIP of a verdict.
//
// Start with [New], [Gateway.Use], which says who judges, and [Gateway.Run].
// [ReadCall] makes a [call.Call] of any request, also of one from a file.
//
// The gateway stands inline in the signalling path between one trunk and one phone
// side, usually a PBX, and media flow past it. It is transparent to dialogs: Call-ID,
// both tags, CSeq, Contact and SDP stay as they are; it adds its Via and its
// Record-Route, and routes every later request of the dialog by that Record-Route
// alone. So transfer, session timers, reliable provisional responses and glare stay
// between the ends, where they work, and neither a restart nor a second node with the
// same key loses a call in progress.
//
// What it guarantees:
//
//   - A Record-Route of ours is sealed: signed for its Call-ID and the caller's tag, and
//     unreadable to both ends. It leads to the two parties of its call and nowhere
//     else, so nobody can use us as a relay.
//   - Nothing that a stranger says of a verdict reaches the phone: verstat, attestation
//     header fields and our own signs in a display name are taken out of everything that
//     comes from the trunk side, in the first request and in all later ones.
//   - What it changes towards the phone (display name, verstat) it changes back in the
//     responses and in the phone's own requests, so that the caller sees what he sent.
//   - Every request is answered. A fault of ours is no reason to lose a call: what the
//     flow decides then is carried out like anything else, and the fault is logged.
//   - Between transactions it remembers nothing.
//
// The side that a request comes from decides its direction: what comes from the very
// address of the phone side leaves for the trunk, and everything else comes in. The
// phone side must therefore be reachable by nobody who could send in its name.
//
// It answers for itself: 100; the 180 of a hold; refusals; 200 to OPTIONS that begin no
// dialog; 483, 416 and 420 where RFC 3261 section 16.3 asks for them; 481 and 403 to
// requests of a dialog that is not ours; 405 to the methods it knows and 501 to those it
// does not, if they come outside a dialog, since it is neither a registrar nor a
// presence or message server. A 200 that crosses the caller's CANCEL is acknowledged
// and the answered leg ended with BYE.
//
// It does not judge, decide, sign or record: that is the flow's, which meets it as
// [Flow] and [Gateway.Act]. The transactions below it are sipcore's. A party that
// changes its address in mid-call, by a Contact elsewhere, is still sought at the
// address the call was set up with.
//
// A log line is written for each call when it is settled, with its numbers masked.
package gateway
