package lab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/credential"
	"countersign.example/internal/directory"
	"countersign.example/internal/explain"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/tn"
	"countersign.example/verification"
)

// The numbers of the network: all of them are reserved for fiction.
const (
	presidentsNumber = tn.Number("12025550101")
	ourNumber        = tn.Number("12025550142")
	somebodyElse     = tn.Number("12025550143")
	hoaxersNumber    = tn.Number("12025550166")
	ordinaryNumber   = tn.Number("442079460018")
)

// numbers are those that the carrier has to give away.
var numbers = tn.Range{Start: "12025550100", Count: 100}

// offices is the directory that the laboratory seeds.
var offices = []directory.Office{{
	Office:  call.Office{Domain: "president.example", Name: "President's Office", Level: call.LevelVerified},
	Numbers: []tn.Number{presidentsNumber},
}}

// scene is one call of the story, and what is to become of it.
type scene struct {
	title string
	// outbound is a call that leaves; signer and the parties below are then ours.
	outbound bool
	// name and number are what the caller shows.
	name   string
	number tn.Number
	// signer signs for a call from orig to dest; without one the call is unsigned.
	signer     func(*authority) *credential.Credential
	orig, dest tn.Number
	// standing, reason and action are what is expected of a call that comes in; result
	// is what the other side's verification is expected to come to for one that leaves.
	standing call.Standing
	reason   call.Reason
	action   call.ActionKind
	result   verification.Result
}

func carriers(a *authority) *credential.Credential { return a.carrier }
func hoaxers(a *authority) *credential.Credential  { return a.hoaxer }

// story is the calls that the laboratory places, in order.
var story = []scene{
	{
		title: "The President's Office calls, and its provider has signed the call.",
		name:  "President's Office", number: presidentsNumber,
		signer: carriers, orig: presidentsNumber, dest: ourNumber,
		standing: call.PartlyVerified, reason: call.OfficeNumber, action: call.Connect,
	},
	{
		title: "A hoaxer shows the President's number; his provider has signed for the number he really has.",
		name:  "President's Office", number: presidentsNumber,
		signer: carriers, orig: hoaxersNumber, dest: ourNumber,
		standing: call.Refuted, reason: call.NumberOfAnother, action: call.Reject,
	},
	{
		title: "A hoaxer shows the President's number, and signs with a certificate for his own.",
		name:  "President's Office", number: presidentsNumber,
		signer: hoaxers, orig: presidentsNumber, dest: ourNumber,
		standing: call.Refuted, reason: call.NumberNotCovered, action: call.Reject,
	},
	{
		title: "A hoaxer shows the President's number, with a signature cut from a call to somebody else.",
		name:  "President's Office", number: presidentsNumber,
		signer: carriers, orig: presidentsNumber, dest: somebodyElse,
		standing: call.Unverified, reason: call.CallToAnother, action: call.Connect,
	},
	{
		title: "An ordinary caller, whose provider signs nothing.",
		name:  "Alice", number: ordinaryNumber,
		standing: call.Unverified, reason: call.NoIdentity, action: call.Connect,
	},
	{
		title:    "You call the President's Office, and your call leaves signed.",
		outbound: true, name: "Artist Management", number: ourNumber, dest: presidentsNumber,
		action: call.Connect, result: verification.Valid,
	},
}

// Outcome is what became of one call.
type Outcome struct {
	// ID is the call's in the records.
	ID string `json:"id"`
	// Title is that of the scene; it is empty for a call of somebody else's.
	Title     string         `json:"title,omitempty"`
	Direction call.Direction `json:"direction"`
	// Said is what a secretary is told about a call that came in.
	Said    *explain.Sentences `json:"said,omitempty"`
	Reasons []call.Reason      `json:"reasons,omitempty"`
	// Action is what was done with it, and Status the final response to it.
	Action call.ActionKind `json:"action"`
	Status int             `json:"status,omitempty"`
	// Display and Verstat are what the phone was shown of the caller, if it rang.
	Display string `json:"display,omitempty"`
	Verstat string `json:"verstat,omitempty"`
	// Signed says that a call that left was signed, and Checked what the other side's
	// verification came to.
	Signed  bool   `json:"signed,omitempty"`
	Checked string `json:"checked,omitempty"`
	// Problem is what was not as expected of a scene, or a fault of our own.
	Problem string `json:"problem,omitempty"`
}

// play places the calls of the story one after the other, and reports whether all of
// them became what they should.
func (l *Lab) play(ctx context.Context) (ok bool, err error) {
	ok = true
	for i := range story {
		out, err := l.scene(ctx, &story[i])
		if err != nil {
			return false, err
		}
		ok = ok && out.Problem == ""
		l.print.scene(i+1, out)
	}
	return ok, nil
}

// scene plays one scene.
func (l *Lab) scene(ctx context.Context, s *scene) (*Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	now := time.Now()
	at := attempt{name: s.name, number: s.number, called: ourNumber, callID: gateway.NewID(now)}
	caller := l.carrier
	if s.outbound {
		caller, at.called = l.phone, s.dest
	} else if s.signer != nil {
		value, err := sign(s.signer(l.authority), s.orig, s.dest, now)
		if err != nil {
			return nil, err
		}
		at.identity = []string{value}
	}
	final, err := caller.call(ctx, at, now)
	if err != nil {
		return nil, err
	}
	told, err := l.judged(ctx, at.callID)
	if err != nil {
		return nil, err
	}
	// What is shown of the story is what was kept, not what is remembered.
	rec, err := l.server.Records().Call(ctx, told.Call.ID)
	if err != nil {
		return nil, fmt.Errorf("reading back what was recorded: %w", err)
	}
	out := outcome(&rec)
	out.Title, out.Status = s.title, final.Status()
	seen := l.seen(at.callID)
	out.Display, out.Verstat, out.Checked = seen.name, seen.verstat, seen.checked
	out.Problem = s.problem(&rec, &seen, final)
	return out, nil
}

// problem says what is not as it should be.
func (s *scene) problem(rec *call.Record, seen *sight, final *sipcore.Message) string {
	answer, rang := 200, true
	if s.action == call.Reject {
		answer, rang = 603, false
	}
	switch {
	case rec.State != call.Settled:
		return "its record is " + string(rec.State)
	case rec.Action.Kind != s.action:
		return fmt.Sprintf("the action was %s, not %s", rec.Action.Kind, s.action)
	case final.Status() != answer:
		return fmt.Sprintf("it was answered %d, not %d", final.Status(), answer)
	case seen.rang != rang:
		return "it rang, or did not, against the action"
	case s.outbound && seen.result != s.result:
		return fmt.Sprintf("the other side found it %s, not %s", seen.result, s.result)
	case s.outbound && (len(rec.Signed) == 0 || seen.identity != rec.Signed[0]):
		return "what left is not what was recorded as signed"
	case s.outbound:
		return ""
	case rec.Verdict.Standing != s.standing:
		return fmt.Sprintf("the verdict was %s, not %s", rec.Verdict.Standing, s.standing)
	case !slices.Contains(rec.Verdict.Reasons, s.reason):
		return fmt.Sprintf("%s is not among the reasons", s.reason)
	}
	return ""
}

// sign makes an Identity header field value with attestation A, whether that is true or
// not.
func sign(c *credential.Credential, orig, dest tn.Number, now time.Time) (string, error) {
	text, err := passport.Sign(c.Key, passport.Header{Ppt: passport.Shaken, X5U: c.X5U}, passport.Claims{
		IssuedAt: now.Unix(), Orig: passport.Party{TN: orig}, Dest: passport.Parties{TN: []tn.Number{dest}},
		Attest: passport.AttestFull, Origid: "2c7d1d4e-5b1f-4c0e-9a51-7d3f0d0e7a10",
	})
	if err != nil {
		return "", fmt.Errorf("signing a call of the laboratory: %w", err)
	}
	return sipidentity.Header{Passport: text, Info: c.X5U, Alg: "ES256", Ppt: passport.Shaken}.String(), nil
}

// outcome is what a record says of its call.
func outcome(rec *call.Record) *Outcome {
	out := &Outcome{ID: rec.Call.ID, Direction: rec.Call.Direction, Action: rec.Action.Kind, Signed: len(rec.Signed) > 0}
	if rec.Call.Direction == call.Inbound {
		said := explain.Secretary(&rec.Call, rec.Verdict, rec.Evidence)
		out.Said, out.Reasons = &said, rec.Verdict.Reasons
	}
	return out
}
