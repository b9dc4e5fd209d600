package verification

import (
	"cmp"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

// better reports whether f decides rather than g. The order in which they came plays a
// part only between fields of which the same can be said.
func (r *Report) better(f, g *Field) bool {
	if f.Result == Valid && g.Result == Valid {
		return worth(f) > worth(g)
	}
	return cmp.Or(
		cmp.Compare(f.Result, g.Result),
		// A PASSporT that speaks for the number says more than one that cannot be read.
		compareBool(f.Vouches(), g.Vouches()),
		// Anybody on the way can add a worse one, so the least damning decides.
		compareBool(r.verstat(f) != sipidentity.Failed, r.verstat(g) != sipidentity.Failed),
		cmp.Compare(r.came(f), r.came(g)),
	) > 0
}

// worth is how much a valid field says of the caller: most with a domain that the
// certificate binds, then by its attestation. Without one, a certificate that lists the
// number says nearly as much as A, and one that names the provider less than B.
func worth(f *Field) int {
	if f.Domain() != "" {
		return 5
	}
	switch f.Token.Claims.Attest {
	case passport.AttestFull:
		return 4
	case passport.AttestPartial:
		return 2
	case passport.AttestGateway:
		return 0
	}
	if f.Coverage == stircert.CoverNumber {
		return 3
	}
	return 1
}

// came is how far a field came before something was wrong with it, and below that the
// code, so that of two codes of one step always the same decides.
func (r *Report) came(f *Field) int {
	d := r.Decisive(f)
	if d == nil {
		return 0
	}
	return rfcRank[d.Code.Step()]*passport.Codes - int(d.Code)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
