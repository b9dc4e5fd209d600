package verification

import (
	"slices"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
	"countersign.example/sipidentity"
)

// compare is RFC 8224 section 6.2 step 2: the PASSporT against the call. The caller
// is always the one that signalling names; orig is only held against it (section
// 6.2.4). Whether the called party fits is settled after diversions are followed.
func (j *judge) compare(f *Field) {
	c := &f.Token.Claims
	if j.facts.Calling.IsZero() && j.facts.Called.IsZero() {
		f.found(passport.NotCompared, "", "")
		return
	}
	f.ran(passport.StepCompare)
	if !j.facts.Calling.IsZero() && !same(c.Orig, j.facts.Calling) {
		f.found(passport.OrigMismatch, "orig", difference(c.Orig, j.facts.Calling))
	}
	j.compareKeys(f)
}

// difference says who was signed and who is shown, as far as may be said.
func difference(signed, shown passport.Party) string {
	s := "signed for " + signed.String() + ", shown is " + shown.String()
	if signed.String() == shown.String() {
		s += ", and they differ in what is hidden here"
	}
	return s
}

// compareKeys holds mky against the SDP's fingerprints. Both are taken as sets: RFC
// 8225 section 5.2.2 has mky in order, but it is the keys that count.
func (j *judge) compareKeys(f *Field) {
	mky, offered := f.Token.Claims.Mky, j.facts.Fingerprints
	switch {
	case offered == nil && mky != nil:
		f.found(passport.NotCompared, "mky", "the fingerprints of the call are not known")
	case mky == nil && len(offered) > 0:
		f.found(passport.MkyMissing, "mky", "")
	case mky != nil && !slices.Equal(keySet(mky), keySet(passport.Fingerprints(offered))):
		f.found(passport.MkyMismatch, "mky", "")
	}
}

// keySet returns the fingerprints in one order and one case of letters, each once.
func keySet(keys []passport.Fingerprint) []passport.Fingerprint {
	set := make([]passport.Fingerprint, 0, len(keys))
	for _, k := range keys {
		set = append(set, passport.Fingerprint{Alg: strings.ToLower(k.Alg), Dig: strings.ToUpper(k.Dig)})
	}
	slices.SortFunc(set, func(a, b passport.Fingerprint) int { return strings.Compare(a.Alg+a.Dig, b.Alg+b.Dig) })
	return slices.Compact(set)
}

// same compares a party as signed with a canonical one.
func same(signed, call passport.Party) bool {
	return signed == call || call.URI != "" && canonical(signed) == call
}

// canonical returns a party with its URI in canonical form. A URI that has none stays
// as it is, and equals none of a call.
func canonical(p passport.Party) passport.Party {
	if p.URI == "" {
		return p
	}
	if uri, err := sipidentity.CanonicalURI(p.URI); err == nil {
		p.URI = uri
	}
	return p
}

// canonicalAll is canonical for the parties of dest.
func canonicalAll(p passport.Parties) passport.Parties {
	if len(p.URI) == 0 {
		return p
	}
	uris := make([]string, 0, len(p.URI))
	for _, uri := range p.URI {
		uris = append(uris, canonical(passport.Party{URI: uri}).URI)
	}
	return passport.Parties{TN: p.TN, URI: uris}
}

// names reports whether a canonical party is among those signed.
func names(signed passport.Parties, call passport.Party) bool {
	if signed.Has(call) {
		return true
	}
	return call.URI != "" && slices.ContainsFunc(signed.URI, func(uri string) bool { return same(passport.Party{URI: uri}, call) })
}

// nameClaim is the rcd claim that a compact PASSporT implies.
func nameClaim(display string) []passport.Claim {
	return []passport.Claim{{Name: "rcd", JSON: `{"nam":` + strictjson.Quote(display) + `}`}}
}
