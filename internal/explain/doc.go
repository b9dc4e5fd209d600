// Package explain puts into plain words what the other rooms speak of in codes: a
// PASSporT, an Identity header field, a certificate, the report of a verification,
// and, for the secretary, a verdict.
//
// [Inspect] explains whatever it is given and verifies nothing; [Judgement] explains
// a verification report step by step. Both make a [Page], which can be printed with
// [Page.Text] or encoded as JSON. The sentences for the secretary are in one
// catalogue, made from reasons and masked arguments.
//
// Everything here is a function of its arguments: no clock, no network, no state.
// Text that a stranger wrote is cleaned of control characters before it is shown.
package explain
