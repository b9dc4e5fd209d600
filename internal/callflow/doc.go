// Package callflow is the path of a call through the house: [Inbound.Handle] for one
// that comes in, [Outbound.Handle] for one that leaves. Read these two functions
// first; everything else in the house is called from them.
//
// Inbound: evidence is weighed to a verdict, the policy decides and may ask for more,
// until it asks for nothing; then the record is written, and then the action is
// carried out. Outbound: the policy says what may be asserted, it is signed, the record
// is written, and then the call leaves.
//
// What is guaranteed: no final action is carried out, no caller is put on hold and no
// call leaves signed before a record of it is durable. No kind of evidence is asked for
// twice, and none after the caller has hung up; such a call is recorded as abandoned
// and nothing is done with it. No call is lost to a fault of ours: if something breaks,
// the policy's Outage says what becomes of it, and the fault is returned afterwards, for
// the gateway to log.
//
// The context of a call ends when its caller hangs up, and for no other reason.
// Recording does not end with it.
//
// The flow knows neither SIP nor SQL. It meets them through the interfaces declared in
// this package, each as small as its use.
package callflow

import (
	"context"

	"countersign.example/internal/call"
)

// A recorder keeps records.
type recorder interface {
	// RecordCall makes rec durable before it returns. An open record of the same call
	// is settled in place.
	RecordCall(ctx context.Context, rec call.Record) error
}

// An actor carries out what was decided.
type actor interface {
	// Act does rec.Action to the call, and shows rec.Verdict with it; a call that leaves
	// carries rec.Signed. Hold means ringing until the next Act. For a call whose caller
	// has hung up in the meantime it does nothing.
	Act(ctx context.Context, rec call.Record) error
}
