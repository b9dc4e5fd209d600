// Package countersign holds no code. It is the map of the module, and its tests are
// the law of the house: who may import whom, and how large a thing may grow.
//
// Countersign answers the telephone's oldest question, who is really calling. A call
// comes in and is read; evidence about it is gathered; the evidence adds up to a
// verdict; a policy turns the verdict into an action; the record of it is durable, and
// then the action is carried out.
//
// # To import
//
// The protocol, with the standard library and golang.org/x only.
//
//   - [countersign.example/tn] is telephone numbers in canonical form.
//   - [countersign.example/passport] builds, signs and reads PASSporTs, and has the one
//     table of everything that can be wrong with one.
//   - [countersign.example/sipidentity] is the Identity header field, and the profiles
//     that say what a finding means to SIP.
//   - [countersign.example/stircert] is the certificates behind PASSporTs: which numbers
//     they are for, and whether they lead to a trust anchor.
//   - [countersign.example/rcd] is rich call data: the caller's name, logo and reason.
//   - [countersign.example/verification] is the verification service: Identity header
//     fields against the facts of one call, to a report. Start here.
//   - internal/strictjson is the JSON of all of them, without the surprises.
//
// # The way of a call
//
// The rooms in the order in which a call walks through them.
//
//   - internal/sipcore speaks SIP: messages, transactions, the core of a proxy.
//   - internal/gateway reads an INVITE into a call, and turns an action into SIP.
//   - internal/call is the words that every room speaks: Call, Evidence, Verdict,
//     Action, Record.
//   - internal/callflow is the path itself, inbound and outbound, in two short functions.
//   - internal/evidence asks every source side by side, within its budget.
//   - internal/evidence/inband makes one piece of evidence of a verification report.
//   - internal/fetch is the one fetcher of outside documents, and trusts none of them.
//   - internal/trust knows whose certificates are believed, keeps their chains, and
//     keeps the lists fresh by which they are judged.
//   - internal/directory is this office's address book of other offices.
//   - internal/verdict is the judgement: fixed, pure, and the same for everybody.
//   - internal/policy is what the office does about it, and what it vouches for.
//   - internal/store keeps the records, durably.
//   - internal/store/database opens them by one line of configuration.
//   - internal/store/sqlite keeps them in SQLite.
//   - internal/store/postgres keeps them in PostgreSQL.
//   - internal/store/storetest is what every store promises, as tests.
//   - internal/export writes them as CSV, JSON lines and vCons.
//   - internal/credential is what an outbound call is signed with, and takes up a new
//     one between two calls.
//   - internal/credential/remote is a key that another process holds.
//   - internal/repository serves our own certificates, old ones for a while.
//   - internal/authentication signs it, and verifies what it signed.
//
// # The whole
//
//   - internal/atomicfile writes small files whole or not at all.
//   - internal/explain is the plain sentences in which all this is told.
//   - internal/server builds the program from its parts, and runs it.
//   - internal/lab is a small telephone network in one process.
//   - cmd/countersign is the command line.
//
// # Where to start reading
//
// internal/callflow/inbound.go is the whole product in one function; internal/call has
// the types it speaks of; docs/terms.md has the words.
package countersign
