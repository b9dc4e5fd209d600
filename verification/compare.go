package verification

import (
	"slices"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

// compare is RFC 8224 section 6.2 step 2: the PASSporT against the call. The caller
// is always the one that signalling names; orig is only held against it (section
// 6.2.4). Whether the called party fits is settled after diversions are followed.
func (j *judge) compare(f *Field) {
	c := &f.Token.Claims
	if j.facts.Calling.IsZero() && j.facts.Called.IsZero() {
		j.found(f, passport.NotCompared, "", "")
		return
	}
	f.ran(passport.StepCompare)
	if !j.facts.Calling.IsZero() && !same(c.Orig, j.facts.Calling) {
		j.found(f, passport.OrigMismatch, "orig", "signed for "+c.Orig.String()+", shown is "+j.facts.Calling.String())
	}
	j.compareKeys(f)
}

// compareKeys holds mky against the SDP's fingerprints.
func (j *judge) compareKeys(f *Field) {
	mky := f.Token.Claims.Mky
	offered := passport.Fingerprints(j.facts.Fingerprints)
	switch {
	case mky == nil && len(offered) > 0:
		j.found(f, passport.MkyMissing, "mky", "")
	case mky != nil && !slices.Equal(mky, offered):
		j.found(f, passport.MkyMismatch, "mky", "")
	}
}

// same compares a party as signed with a canonical one.
func same(signed, call passport.Party) bool {
	if signed == call {
		return true
	}
	if signed.URI == "" || call.URI == "" {
		return false
	}
	canonical, err := sipidentity.CanonicalURI(signed.URI)
	return err == nil && canonical == call.URI
}

// names reports whether a canonical party is among those signed.
func names(signed passport.Parties, call passport.Party) bool {
	if signed.Has(call) {
		return true
	}
	return slices.ContainsFunc(signed.URI, func(uri string) bool { return same(passport.Party{URI: uri}, call) })
}

// domainCovered reports whether the leaf certificate is one of the URI's domain.
func domainCovered(chain *stircert.Chain, uri string) bool {
	_, host, ok := strings.Cut(uri, "@")
	if !ok || len(chain.Certificates) == 0 {
		return false
	}
	for _, name := range chain.Certificates[0].DNSNames {
		if strings.EqualFold(name, host) {
			return true
		}
	}
	return false
}

// nameClaim is the rcd claim that a compact PASSporT implies.
func nameClaim(display string) []passport.Claim {
	return []passport.Claim{{Name: "rcd", JSON: `{"nam":` + strictjson.Quote(display) + `}`}}
}
