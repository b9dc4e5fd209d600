package policy

import (
	"slices"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// full is attestation A: we know who is calling, and that the number is his to use
// (RFC 8588 section 4).
const full = "A"

// Assert returns what we are willing to sign about the outbound call c: full
// attestation (A, RFC 8588 section 4) if the calling number is one of the office's,
// and nothing otherwise. Then Attest is empty and Why says why.
//
// The origid (RFC 8588 section 5), a UUID of this call alone, is handed in, since
// drawing one would make the answer differ from one asking to the next. The time of
// signing is the call's arrival.
func (p *Policy) Assert(c *call.Call, origid string) call.Assertion {
	switch {
	case c.Calling.IsZero():
		return call.Assertion{Why: "no calling number is shown"}
	case !p.owns(c.Calling.TN):
		return call.Assertion{Why: "not one of our numbers"}
	case c.Called.IsZero():
		return call.Assertion{Why: "nobody is called"}
	case c.Called.TN != "" && !c.Called.TN.Canonical():
		return call.Assertion{Why: "the called number is not canonical"}
	}
	a := call.Assertion{Attest: full, Orig: c.Calling, Origid: origid, IssuedAt: c.ArrivedAt}
	if c.Called.TN != "" {
		a.Dest.TN = []tn.Number{c.Called.TN}
	} else {
		a.Dest.URI = []string{c.Called.URI}
	}
	return a
}

// owns reports whether n is a number of the office. What is not canonical is not, so
// that nothing but digits is ever signed for.
func (p *Policy) owns(n tn.Number) bool {
	if !n.Canonical() {
		return false
	}
	return slices.Contains(p.Numbers, n) ||
		slices.ContainsFunc(p.Ranges, func(r tn.Range) bool { return r.Contains(n) })
}
