// Package sipcore speaks SIP (RFC 3261) for the rest of the house: messages,
// transactions over UDP, and the core of a stateful proxy.
//
// Start from [Open] and [Endpoint.Run], which serve one socket; from [Handler],
// which is given every new request as a [ServerTx]; and from
// [Endpoint.Forward], which relays one request and everything that belongs to
// it. A caller of its own uses [Endpoint.Send] and reads the answers with
// [ClientTx.Next]. [ParseRequest] reads a request from a file.
//
//	ep, err := sipcore.Open(sipcore.Config{Addr: "127.0.0.1:5060", Logger: logger})
//	if err != nil {
//		return err
//	}
//	ep.Handle(func(ctx context.Context, tx *sipcore.ServerTx) {
//		req := tx.Request().Clone()
//		req.SetRequestURI("sip:phone@127.0.0.1:5062")
//		_, err := ep.Forward(ctx, tx, sipcore.Hop{Request: req, Next: phone})
//		…
//	})
//	return ep.Run(ctx)
//
// # What it guarantees
//
// Messages of one call are handled in the order in which they arrived: a CANCEL
// right behind its INVITE finds it, and an ACK and a BYE sent back to back leave
// in that order. Retransmissions never reach a handler. Values of header fields
// are carried byte for byte and in order, known or not; only folded lines are
// unfolded and the white space around the colon is not kept. Whatever arrives is
// bounded before it is parsed: 64 KiB a message, 256 header fields, 48 KiB a field.
// Every method may be called from many goroutines, except those of [Message],
// which belongs to one at a time.
//
// # The library and its faults
//
// Nothing of a SIP library is used but in tests: github.com/emiago/sipgo is the
// reference that our splitter of header fields is compared with, and its phones
// are those we interoperate with. Addresses and Via it would write anew; order (2)
// and the CANCEL (3) cannot be had from a layer that starts a goroutine a message
// and answers by itself. With it go the other faults:
//
//  1. it refuses to send more than 1,300 bytes over UDP, and reads no more than
//     32 KiB; ours sends and reads what UDP carries;
//  2. it starts a goroutine a message, so that order is lost; ours matches
//     transactions in the reader and hands on requests of one call in turn;
//  3. it answers the INVITE by itself when a CANCEL comes; ours leaves the final
//     response to whoever owns the call;
//  4. it shows repeated 2xx responses to nobody unless asked; ours relays them;
//  5. it keeps every source address for ever; ours keeps none;
//  6. its dialog gives up after ten provisional responses; ours never counts;
//  7. its timers and limits are package variables; ours are in [Config], and no
//     variable of the library is ever set, so there is nothing to set once.
//
// # What it does not do
//
// It decides nothing about a call: routing, refusing, rewriting and the signing
// of Record-Route URIs are the gateway's. It looks up addresses but does not yet
// follow RFC 3263, and speaks UDP only. It keeps no dialogs: [Dialog] is a
// calculation for phones, not a store.
package sipcore
