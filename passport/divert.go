package passport

import (
	"errors"
	"slices"

	"countersign.example/tn"
)

// ErrNotDiverted is returned by [Diverted] for a call that still goes where it was
// going: a div PASSporT must not be made for it (RFC 8946 section 3).
var ErrNotDiverted = errors.New("passport: the called party has not changed, so there is no diversion to sign")

// ErrNothingToDivert is returned by [Diverted] for a call that carries no PASSporT for
// the party it is diverted from: there is nothing that a div PASSporT could follow on
// (RFC 8946 section 4.1).
var ErrNothingToDivert = errors.New("passport: no PASSporT of the call is for the party it is diverted from")

// Diverted returns the claims of the div PASSporTs by which a call is diverted from one
// party to another, one for each different pair of orig and dest among the PASSporTs
// that the call carries and that are for the party it is diverted from (RFC 8946
// section 3 and 4.1). The parties are canonical. Orig and iat are those of the PASSporT
// that is diverted, and no other claim is taken over.
//
// The caller signs them with authority over from, and leaves the PASSporTs that are
// there in place. The error is ErrNotDiverted or ErrNothingToDivert.
func Diverted(carried []*Token, from, to Party) ([]Claims, error) {
	if from == to {
		return nil, ErrNotDiverted
	}
	var all []Claims
	for _, t := range carried {
		c := &t.Claims
		if !c.Dest.Has(from) || slices.ContainsFunc(all, func(d Claims) bool { return d.Orig == c.Orig && d.IssuedAt == c.IssuedAt }) {
			continue
		}
		d := Claims{IssuedAt: c.IssuedAt, Orig: c.Orig, Div: Diversion{Party: from}}
		if to.TN != "" {
			d.Dest.TN = []tn.Number{to.TN}
		} else {
			d.Dest.URI = []string{to.URI}
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		return nil, ErrNothingToDivert
	}
	return all, nil
}
