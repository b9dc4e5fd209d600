package rcd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
)

// Claims returns the claims rcd, rcdi, crn and iss of d for [passport.Claims.More], each
// only if there is something for it. Digests and the place in a PASSporT that d was
// read from are not taken over: they are made anew.
//
// If d or its card holds an https URI, rcdi gets the digest of what each leads to, and
// of each member of rcd beside them, by alg, which is SHA256 if empty; fetch brings the
// content and may be nil if there is no such URI (RFC 9795 section 6.1). A URI that
// must not stand there and a card both inside and elsewhere are refused with a
// *[passport.Finding]; other errors are those of fetch, and of an unknown alg.
func (d Data) Claims(ctx context.Context, alg string, fetch Fetch) ([]passport.Claim, error) {
	m := maker{ctx: ctx, fetch: fetch, alg: cmp.Or(alg, SHA256)}
	if sum(m.alg, nil) == nil {
		return nil, fmt.Errorf("rcd: %q is not an algorithm for digests", m.alg)
	}
	if err := d.refuse(); err != nil {
		return nil, err
	}
	var claims []passport.Claim
	if members := d.members(); len(members) > 0 {
		claims = append(claims, passport.Claim{Name: "rcd", JSON: object(members)})
		if err := m.digestAll(d); err != nil {
			return nil, err
		}
		if len(m.digests) > 0 {
			for _, member := range members {
				if member.name != "icn" && member.name != "jcl" {
					m.add("/"+member.name, []byte(member.json))
				}
			}
			claims = append(claims, passport.Claim{Name: "rcdi", JSON: object(m.digests)})
		}
	}
	if d.CallReason != "" {
		claims = append(claims, passport.Claim{Name: "crn", JSON: strictjson.Quote(d.CallReason)})
	}
	if d.ThirdParty != "" {
		claims = append(claims, passport.Claim{Name: "iss", JSON: strictjson.Quote(d.ThirdParty)})
	}
	return claims, nil
}

// refuse returns what would be wrong with d in a PASSporT.
func (d Data) refuse() error {
	switch {
	case d.Card != nil && d.CardLink != "":
		return passport.Found(passport.RcdInvalid, "rcd", "it has both jcd and jcl")
	case d.AlternateNumber != "" && !d.AlternateNumber.Canonical():
		return passport.Found(passport.NumberNotCanonical, "rcd.apn", "")
	case d.Icon != "" && scheme(d.Icon) != "https" && scheme(d.Icon) != "data":
		return passport.Found(passport.RcdItemUnusable, "rcd.icn", "it is neither an https nor a data URI")
	case d.CardLink != "" && scheme(d.CardLink) != "https":
		return passport.Found(passport.RcdItemUnusable, "rcd.jcl", "it is not an https URI")
	}
	return nil
}

// pair is one member of an object, its value as JSON in the deterministic form.
type pair struct{ name, json string }

// members returns the members of the rcd claim, or none if there is nothing for it.
func (d Data) members() []pair {
	var members []pair
	text := func(name, value string) {
		if value != "" {
			members = append(members, pair{name, strictjson.Quote(value)})
		}
	}
	text("apn", string(d.AlternateNumber))
	text("icn", d.Icon)
	if d.Card != nil {
		members = append(members, pair{"jcd", d.Card.JSON()})
	}
	text("jcl", d.CardLink)
	if len(members) > 0 || d.Name != "" {
		// RFC 9795 section 5.1.1: nam must be there, if only empty.
		members = append(members, pair{"nam", strictjson.Quote(d.Name)})
	}
	return members
}

// object writes an object in the deterministic form of RFC 8225 section 9.
func object(members []pair) string {
	slices.SortFunc(members, func(x, y pair) int { return strings.Compare(x.name, y.name) })
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(strictjson.AppendQuote(b, m.name), ':'), m.json...)
	}
	return string(append(b, '}'))
}

// maker makes the digests of one Data.
type maker struct {
	ctx     context.Context
	fetch   Fetch
	alg     string
	digests []pair
}

func (m *maker) add(pointer string, content []byte) {
	m.digests = append(m.digests, pair{pointer, strictjson.Quote(DigestOf(m.alg, content))})
}

// digestAll makes the digests of what the URIs of d lead to.
func (m *maker) digestAll(d Data) error {
	if scheme(d.Icon) == "https" {
		if _, err := m.digest("/icn", d.Icon); err != nil {
			return err
		}
	}
	if d.Card != nil {
		return m.links("/jcd", d.Card)
	}
	if d.CardLink == "" {
		return nil
	}
	content, err := m.digest("/jcl", d.CardLink)
	if err != nil {
		return err
	}
	card, err := ParseCard(string(content))
	if err != nil {
		return fmt.Errorf("reading the card at %s: %w", d.CardLink, err)
	}
	return m.links("/jcl", card)
}

func (m *maker) links(at string, card *Card) error {
	for _, l := range card.Links() {
		switch scheme(l.URI) {
		case "http":
			return passport.Found(passport.RcdItemUnusable, label(at+l.Pointer), "it is not an https URI")
		case "https":
			if _, err := m.digest(at+l.Pointer, l.URI); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *maker) digest(pointer, uri string) ([]byte, error) {
	if m.fetch == nil {
		return nil, passport.Found(passport.RcdItemUnusable, label(pointer), "its digest needs what it leads to, and nothing fetches it")
	}
	content, err := m.fetch(m.ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("fetching %s for its digest: %w", uri, err)
	}
	m.add(pointer, content)
	return content, nil
}
