package stircert

import (
	"crypto/x509/pkix"
	"testing"

	"countersign.example/tn"
)

func TestDelegatedNumbersLieWithinTheIssuers(t *testing.T) {
	n := newNetwork(t)
	span := func(start tn.Number, count uint64) TNAuthList {
		return TNAuthList{Ranges: []tn.Range{{Start: start, Count: count}}}
	}
	two := n.issue(n.ca, Template{Role: RoleDelegateCA, TNs: TNAuthList{Ranges: []tn.Range{
		{Start: "12125551000", Count: 1000}, {Start: "12125552000", Count: 1000}}}})
	spc := n.issue(n.ca, Template{Role: RoleDelegateCA, TNs: TNAuthList{SPCs: []string{"1234"}}})
	for name, tc := range map[string]struct {
		parent party
		child  TNAuthList
		want   string
	}{
		"row 81: a block inside":              {n.delegate, span("12125551500", 100), ""},
		"row 81: a number inside":             {n.delegate, numbers("12125551824"), ""},
		"row 81: the whole block":             {n.delegate, span("12125551000", 1000), ""},
		"row 82: the next number":             {n.delegate, numbers("12125552000"), "delegation-exceeds 1"},
		"row 82: a block half outside":        {n.delegate, span("12125551950", 100), "delegation-exceeds 1"},
		"row 82: one good and one bad number": {n.delegate, numbers("12125551824", "12125552000"), "delegation-exceeds 1"},
		"row 82: a provider's code":           {n.delegate, TNAuthList{SPCs: []string{"1234"}}, "delegation-exceeds 1"},
		"row 83: across two adjacent ranges":  {two, span("12125551500", 1000), ""},
		"row 83: beyond the second":           {two, span("12125552500", 1000), "delegation-exceeds 1"},
		"row 84: a number under a provider":   {spc, numbers("12125551824"), "containment-unproven 1"},
		"row 84: the provider itself":         {spc, TNAuthList{SPCs: []string{"1234"}}, ""},
		"row 84: another provider":            {spc, TNAuthList{SPCs: []string{"9999"}}, "delegation-exceeds 1"},
	} {
		t.Run(name, func(t *testing.T) {
			end := n.issue(tc.parent, Template{Role: RoleDelegate, Extra: []pkix.Extension{n.listing(tc.child, false)}})
			c := n.build(end, tc.parent, n.ca)
			expect(t, c, tc.want)
			if !c.Delegate || c.Anchor == nil {
				t.Errorf("Delegate %t, Anchor %v", c.Delegate, c.Anchor)
			}
		})
	}
}

func TestEveryStepOfADelegationIsLookedAt(t *testing.T) {
	n := newNetwork(t)
	wide := n.issue(n.delegate, Template{Role: RoleDelegateCA, Extra: []pkix.Extension{n.listing(block(2000), false)}})
	end := n.issue(wide, Template{Role: RoleDelegate, TNs: numbers("12125551824")})
	expect(t, n.build(end, wide, n.delegate, n.ca), "delegation-exceeds 2")
}

func TestAListLimitsThePathBelowACAThatHasNone(t *testing.T) {
	n := newNetwork(t)
	silent := n.issue(n.delegate, Template{Role: RoleIntermediate})
	in := n.issue(silent, Template{Role: RoleDelegate, TNs: numbers("12125551824")})
	out := n.issue(silent, Template{Role: RoleDelegate, TNs: numbers("12125552000")})
	expect(t, n.build(in, silent, n.delegate, n.ca), "")
	expect(t, n.build(out, silent, n.delegate, n.ca), "delegation-exceeds 1")
}

func TestAListThatCannotBeReadProvesNothingAboveOrBelow(t *testing.T) {
	n := newNetwork(t)
	broken := n.issue(n.ca, Template{Role: RoleDelegateCA, Extra: []pkix.Extension{{Id: oidTNAuthList, Value: []byte{0x30, 0}}}})
	end := n.issue(broken, Template{Role: RoleDelegate, TNs: numbers("12125551824")})
	expect(t, n.build(end, broken, n.ca), "profile-violated 2, tnauthlist-malformed 2")
}
