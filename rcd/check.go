package rcd

import (
	"context"
	"net/url"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
)

// maxFetches is how many URIs of one PASSporT are followed.
const maxFetches = 8

// Fetch returns what a URI leads to, the body of the response. It is asked for https
// only, one URI after the other, each once; where it may go, how long it may take and
// how much it may read is its own concern. Whatever its error, the item is not shown.
type Fetch func(ctx context.Context, uri string) ([]byte, error)

// Check proves each item of d and returns what may be shown, with a finding for every
// item that may not (RFC 9795 section 8.2). With a nil fetch, items that must be
// fetched are listed in [Shown.NotFetched] and not shown; Check is then quick and pure,
// and may be repeated with a fetch later. Of a card, texts and images are looked at and
// no other URI is followed.
//
// Check is for Data as [Parse] returned them, not as they come back from JSON, of a
// PASSporT whose signature, claims and certificate have been found valid, and that
// [Data.Vouched] let pass. It never fails.
func (d Data) Check(ctx context.Context, fetch Fetch) (Shown, []passport.Finding) {
	c := checker{ctx: ctx, fetch: fetch, data: d, bodies: map[string]body{}}
	c.values("/jcd", d.doc.Root(), d.Card)
	c.shown.Reason = Clean(d.CallReason, MaxReason)
	c.shown.ThirdParty = Clean(d.ThirdParty, MaxLine)
	if c.stands("/nam") {
		c.shown.Name = Clean(d.Name, MaxName)
	}
	if c.stands("/apn") {
		c.shown.AlternateNumber = d.AlternateNumber
	}
	if d.Icon != "" && c.stands("/icn") {
		c.shown.Icon = c.image("icn", "/icn", d.Icon)
	}
	if d.Card != nil {
		c.card("/jcd", d.Card)
	}
	if d.CardLink != "" && c.whole("/jcl") {
		c.link()
	}
	return c.shown, c.findings
}

// checker proves the items of one Data.
type checker struct {
	// ctx is for fetch alone.
	ctx   context.Context
	fetch Fetch
	data  Data

	shown    Shown
	findings []passport.Finding
	// failed are the places whose value does not fit its digest.
	failed []string
	// bodies are what was fetched, by URI.
	bodies map[string]body
}

type body struct {
	content []byte
	ok      bool
}

// drop says why the item at a place is not shown.
func (c *checker) drop(pointer, why string) {
	c.findings = append(c.findings, *passport.Found(passport.RcdItemUnusable, label(pointer), why))
}

// digest returns the digest for exactly that place.
func (c *checker) digest(pointer string) (Digest, bool) {
	for _, d := range c.data.Digests {
		if d.Pointer == pointer {
			return d, true
		}
	}
	return Digest{}, false
}

// values compares every digest that is about a JSON value with that value. Digests
// about what a URI leads to wait until the item is wanted. The root is the rcd claim,
// whose card, if any, stands at "/jcd"; or it is the card that was fetched from "/jcl",
// and the digests are those below that place.
func (c *checker) values(at string, root strictjson.Value, card *Card) {
	contents := map[string]bool{"/icn": c.data.Icon != "", "/jcl": c.data.CardLink != ""}
	if card != nil {
		for _, l := range card.Links() {
			contents[at+l.Pointer] = leadsSomewhere(l.URI)
		}
	}
	prefix := ""
	if at == "/jcl" {
		prefix = at
	}
	for _, d := range c.data.Digests {
		fetched := c.data.CardLink != "" && within(d.Pointer, "/jcl")
		if fetched != (at == "/jcl") || contents[d.Pointer] {
			continue
		}
		v := resolve(root, strings.TrimPrefix(d.Pointer, prefix))
		switch {
		case v.Kind() == strictjson.Invalid:
			c.drop(d.Pointer, "its digest is for something that is not there")
		case !d.Usable():
			c.fail(d.Pointer, "its digest is not of a kind that is known here")
		// RFC 9795 section 6.1: a value is digested in its deterministic form.
		case !d.Fits([]byte(v.Canonical())):
			c.fail(d.Pointer, "its digest does not fit")
		}
	}
}

func (c *checker) fail(pointer, why string) {
	c.failed = append(c.failed, pointer)
	c.drop(pointer, why)
}

// stands reports whether no digest failed that covers a place or anything in it.
func (c *checker) stands(pointer string) bool {
	for _, f := range c.failed {
		if within(pointer, f) || pointer != "" && within(f, pointer) {
			return false
		}
	}
	return true
}

// whole reports whether no digest failed that covers all of a place. Its parts may have
// failed.
func (c *checker) whole(pointer string) bool {
	for _, f := range c.failed {
		if within(pointer, f) {
			return false
		}
	}
	return true
}

// card shows the texts and images of a card at a place.
func (c *checker) card(at string, card *Card) {
	if !c.whole(at) {
		return
	}
	for _, p := range card.Properties {
		if !c.stands(at + p.Pointer) {
			continue
		}
		if line, ok := lineOf(p); ok && len(c.shown.Lines) < maxLines {
			c.shown.Lines = append(c.shown.Lines, line)
		}
	}
	for _, l := range card.Links() {
		if l.Property != "photo" && l.Property != "logo" || !c.stands(at+l.Pointer) {
			continue
		}
		if len(c.shown.Images) == maxFetches {
			c.drop(at+l.Pointer, "there are more images than are shown")
			return
		}
		if image := c.image(l.Property, at+l.Pointer, l.URI); image != nil {
			c.shown.Images = append(c.shown.Images, *image)
		}
	}
}

// link fetches the card that jcl leads to.
func (c *checker) link() {
	uri := c.data.CardLink
	if scheme(uri) != "https" {
		c.drop("/jcl", "it is not an https URI")
		return
	}
	digest, content, ok := c.content("/jcl", uri)
	if !ok {
		return
	}
	if len(content) > MaxCard {
		c.drop("/jcl", "it is larger than is read")
		return
	}
	card, err := ParseCard(string(content))
	switch {
	case digest.Fits(content):
	case err == nil && digest.Fits([]byte(card.JSON())):
		// RFC 9795 section 8.3 digests a card that it does not show in that form.
		c.findings = append(c.findings, *passport.Found(passport.RcdDigestCompat, label("/jcl"), ""))
	default:
		c.drop("/jcl", "its digest does not fit")
		return
	}
	if err != nil {
		c.drop("/jcl", "it is not a card")
		return
	}
	c.values("/jcl", card.doc.Root(), card)
	c.card("/jcl", card)
}

// image returns the image a URI leads to, or nil.
func (c *checker) image(property, pointer, uri string) *Image {
	var content []byte
	if scheme(uri) == "data" {
		var ok bool
		if content, ok = c.inline(pointer, uri); !ok {
			return nil
		}
	} else {
		digest, fetched, ok := c.content(pointer, uri)
		if !ok {
			return nil
		}
		if !digest.Fits(fetched) {
			c.drop(pointer, "its digest does not fit")
			return nil
		}
		content = fetched
	}
	image, bad := readImage(content)
	if bad != "" {
		c.drop(pointer, bad)
		return nil
	}
	image.Property = property
	if scheme(uri) != "data" {
		image.URI = uri
	}
	return image
}

// inline decodes a data URI. The signature covers it, so it needs no digest; if it has
// one, that may be of the URI as it stands or of what it holds.
func (c *checker) inline(pointer, uri string) ([]byte, bool) {
	content, ok := decodeData(uri)
	if !ok {
		c.drop(pointer, "it is a data URI that cannot be read")
		return nil, false
	}
	digest, has := c.digest(pointer)
	if has && !digest.Fits(content) && !digest.Fits(strictjson.AppendQuote(nil, uri)) {
		c.drop(pointer, "its digest does not fit")
		return nil, false
	}
	return content, true
}

// content fetches what a URI leads to, if there is a digest to prove it by (RFC 9795
// section 6: without one it must not be used).
func (c *checker) content(pointer, uri string) (Digest, []byte, bool) {
	digest, has := c.digest(pointer)
	switch {
	case scheme(uri) != "https":
		c.drop(pointer, "it is not an https URI")
	case !has:
		c.drop(pointer, "it has no digest")
	case !digest.Usable():
		c.drop(pointer, "its digest is not of a kind that is known here")
	case c.fetch == nil:
		c.shown.NotFetched = append(c.shown.NotFetched, pointer)
	default:
		content, ok := c.get(pointer, uri)
		return digest, content, ok
	}
	return Digest{}, nil, false
}

// get fetches a URI once.
func (c *checker) get(pointer, uri string) ([]byte, bool) {
	got, seen := c.bodies[uri]
	if !seen && len(c.bodies) == maxFetches {
		c.drop(pointer, "there are more URIs than are followed")
		return nil, false
	}
	if !seen {
		content, err := c.fetch(c.ctx, uri)
		got = body{content, err == nil}
		c.bodies[uri] = got
	}
	if !got.ok {
		c.drop(pointer, "it could not be fetched")
	}
	return got.content, got.ok
}

// leadsSomewhere reports whether a digest for a URI in a card is about what it leads to.
// A telephone number or a mailbox is a value like any other.
func leadsSomewhere(uri string) bool {
	switch scheme(uri) {
	case "http", "https", "data":
		return true
	}
	return false
}

// scheme returns the scheme of a URI in lower case, or nothing if there is none, or if
// it is a web address without a host.
func scheme(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme == "https" || u.Scheme == "http") && u.Host == "" {
		return ""
	}
	return u.Scheme
}

// label is a place as a finding names it. The place is a stranger's text: what is not
// plainly a place is not repeated.
func label(pointer string) string {
	const plain = "abcdefghijklmnopqrstuvwxyz0123456789/"
	if len(pointer) > 20 || strings.Trim(pointer, plain) != "" {
		return "rcdi"
	}
	digits := 0
	for i := range len(pointer) {
		if pointer[i] < '0' || pointer[i] > '9' {
			digits = 0
		} else if digits++; digits > 3 {
			return "rcdi"
		}
	}
	return "rcd" + pointer
}
