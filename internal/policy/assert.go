package policy

import (
	"countersign.example/internal/call"
	"countersign.example/tn"
)

// signRule says what is signed about the calls that leave and that it fits.
type signRule struct {
	name string
	when condition
	// says has the attestation and nothing else. If that is empty the call leaves unsigned.
	says call.Assertion
}

// Assert returns what we are willing to sign about the outbound call c, by the first
// rule that fits: full attestation (A, RFC 8588 section 4), partial (B), that of a
// gateway (C), or nothing. Then Attest is empty and Why says why. Nothing is signed
// without a rule, about a call that came in from outside, or for what is no canonical
// number, whatever the rules say.
//
// The origid (RFC 8588 section 5), a UUID of this call alone, is handed in, since
// drawing one would make the answer differ from one asking to the next. The time of
// signing is the call's arrival.
func (p *Policy) Assert(c *call.Call, origid string) call.Assertion {
	switch {
	case c.Direction == call.Inbound:
		return call.Assertion{Why: "it came in from outside"}
	case c.Calling.IsZero():
		return call.Assertion{Why: "no calling number is shown"}
	case !c.Calling.TN.Canonical():
		return call.Assertion{Why: "not one of our numbers"}
	}
	a := p.attestation(c)
	switch {
	case a.Attest == "":
		return a
	case c.Called.IsZero():
		return call.Assertion{Why: "nobody is called"}
	case c.Called.TN != "" && !c.Called.TN.Canonical():
		return call.Assertion{Why: "the called number is not canonical"}
	}
	a.Orig, a.Origid, a.IssuedAt = c.Calling, origid, c.ArrivedAt
	if c.Called.TN != "" {
		a.Dest.TN = []tn.Number{c.Called.TN}
	} else {
		a.Dest.URI = []string{c.Called.URI}
	}
	return a
}

// attestation returns how far the rules vouch for the call, or why they do not.
func (p *Policy) attestation(c *call.Call) call.Assertion {
	f := facts{policy: p, call: c, v: &call.Verdict{}}
	var passed []string
	for i := range p.sign {
		r := &p.sign[i]
		fits, err := r.when.fits(&f)
		switch {
		case err != nil:
			passed = p.passedOver(passed, r.name, c, err)
		case fits && r.says.Attest != "":
			return r.says
		case fits:
			return call.Assertion{Why: named(call.Action{}, r.name, passed).Rule}
		}
	}
	why := "no rule vouches for it"
	if !p.owns(c.Calling.TN) {
		why = "not one of our numbers"
	}
	return call.Assertion{Why: named(call.Action{}, why, passed).Rule}
}
