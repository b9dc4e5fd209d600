package rcd

import (
	"errors"
	"strconv"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
	"countersign.example/tn"
)

// maxDigests is how many digests are looked at: a card has a handful of images.
const maxDigests = 64

// Data are the rich call data of one PASSporT, as signed and not yet proved: see
// [Data.Check] for what may be shown. The zero Data is none.
type Data struct {
	// Name is nam, the display name. It may be empty (RFC 9795 section 5.1.1).
	Name string
	// AlternateNumber is apn, a number to show in place of the calling one
	// (RFC 9795 section 5.1.2).
	AlternateNumber tn.Number
	// Icon is icn, the URI of an image (RFC 9795 section 5.1.3).
	Icon string
	// Card is jcd, a card inside the PASSporT (RFC 9795 section 5.1.4).
	Card *Card
	// CardLink is jcl, the URI of a card kept elsewhere (RFC 9795 section 5.1.5).
	CardLink string
	// CallReason is crn, why the caller calls (RFC 9795 section 7).
	CallReason string
	// Digests are the members of rcdi, in the order received (RFC 9795 section 6).
	Digests []Digest
	// ThirdParty is iss: who signed, if it was not the caller's own provider
	// (RFC 9795 section 10). See [Data.Vouched].
	ThirdParty string

	// doc holds the rcd claim, into which the pointers of Digests point. It is nil
	// if there was none, or none that is usable.
	doc *strictjson.Doc
}

// IsZero reports whether there are no rich call data.
func (d Data) IsZero() bool {
	return d.doc == nil && d.Name == "" && d.AlternateNumber == "" && d.Icon == "" && d.Card == nil &&
		d.CardLink == "" && d.CallReason == "" && len(d.Digests) == 0 && d.ThirdParty == ""
}

// Parse reads the rich call data of a PASSporT, whatever its type. It returns the zero
// Data if there are none. A fault in the rcd or rcdi claim as a whole is a finding of
// [passport.RcdInvalid] and leaves out both; a fault in one item is
// [passport.RcdItemUnusable] and leaves out the item.
func Parse(t *passport.Token) (Data, []passport.Finding) {
	if t == nil {
		return Data{}, nil
	}
	var r reader
	raw, ok := t.Claims.Raw("rcd")
	if ok && !r.rcd(raw) {
		r.data = Data{}
	}
	if raw, has := t.Claims.Raw("rcdi"); has {
		switch {
		case !ok:
			// RFC 9795 section 6: rcdi stands only beside rcd.
			r.found(passport.RcdInvalid, "rcdi", "there is no rcd beside it")
		case r.data.doc != nil && !r.rcdi(raw):
			r.data = Data{}
		}
	}
	if raw, has := t.Claims.Raw("crn"); has {
		r.data.CallReason = r.claim("crn", raw)
	}
	r.issuer(t)
	return r.data, r.findings
}

// Vouched returns d, or nothing and a finding of [passport.RcdThirdParty] if d comes
// from a third party and firstParty is false. FirstParty says that a PASSporT of
// somebody with authority over the calling number was found valid for the same call,
// which may be the one that d comes from (RFC 9795 section 10).
func (d Data) Vouched(firstParty bool) (Data, []passport.Finding) {
	if d.ThirdParty == "" || firstParty {
		return d, nil
	}
	return Data{}, []passport.Finding{*passport.Found(passport.RcdThirdParty, "iss", "")}
}

// reader turns claims into Data and collects what it finds wrong on the way.
type reader struct {
	data     Data
	findings []passport.Finding
}

func (r *reader) found(code passport.Code, claim, detail string) {
	r.findings = append(r.findings, *passport.Found(code, claim, detail))
}

// rcd reads the rcd claim. It reports whether there is one that may be used.
func (r *reader) rcd(raw string) bool {
	doc, bad := parse(raw)
	root := doc.Root()
	if bad == "" && root.Kind() != strictjson.Object {
		bad = "it is " + root.Kind().String() + ", not an object"
	}
	if bad != "" {
		r.found(passport.RcdInvalid, "rcd", bad)
		return false
	}
	// RFC 9795 section 5.1.1: nam must be there, if only empty.
	name, ok := root.Member("nam").Text()
	if !ok {
		r.found(passport.RcdInvalid, "rcd.nam", "it is "+root.Member("nam").Kind().String()+", not text")
		return false
	}
	card, link := root.Member("jcd"), root.Member("jcl")
	// RFC 9795 section 5.1.5: jcd and jcl exclude each other.
	if card.Kind() != strictjson.Invalid && link.Kind() != strictjson.Invalid {
		r.found(passport.RcdInvalid, "rcd", "it has both jcd and jcl")
		return false
	}
	r.data.doc, r.data.Name = doc, name
	r.data.AlternateNumber = r.number(root.Member("apn"))
	r.data.Icon = r.text("rcd.icn", root.Member("icn"))
	r.data.CardLink = r.text("rcd.jcl", link)
	if card.Kind() != strictjson.Invalid {
		parsed, bad := readCard(card)
		if bad != "" {
			r.found(passport.RcdItemUnusable, "rcd.jcd", bad)
		}
		r.data.Card = parsed
	}
	return true
}

// number reads apn, which must be in canonical form: this is no place to guess.
func (r *reader) number(v strictjson.Value) tn.Number {
	n := tn.Number(r.text("rcd.apn", v))
	if n != "" && !n.Canonical() {
		r.found(passport.RcdItemUnusable, "rcd.apn", "it is not a telephone number in canonical form")
		return ""
	}
	return n
}

// text reads a member that may be missing.
func (r *reader) text(name string, v strictjson.Value) string {
	s, ok := v.Text()
	if !ok && v.Kind() != strictjson.Invalid {
		r.found(passport.RcdItemUnusable, name, "it is "+v.Kind().String()+", not text")
	}
	return s
}

// claim reads a claim that is text.
func (r *reader) claim(name, raw string) string {
	doc, bad := parse(raw)
	if bad != "" {
		r.found(passport.RcdItemUnusable, name, bad)
		return ""
	}
	return r.text(name, doc.Root())
}

// rcdi reads the digests. It reports whether the claim may be used, for without it
// nothing that it was meant to protect may be shown.
func (r *reader) rcdi(raw string) bool {
	doc, bad := parse(raw)
	switch k, n := doc.Root().Kind(), doc.Root().Len(); {
	case bad != "":
	case k != strictjson.Object:
		bad = "it is " + k.String() + ", not an object"
	case n > maxDigests:
		bad = "it has " + strconv.Itoa(n) + " digests"
	}
	if bad != "" {
		r.found(passport.RcdInvalid, "rcdi", bad)
		return false
	}
	for pointer, v := range doc.Root().Members() {
		text, _ := v.Text()
		d, _ := ParseDigest(text)
		d.Pointer = pointer
		r.data.Digests = append(r.data.Digests, d)
	}
	return true
}

// issuer reads iss, which matters only beside rich call data.
func (r *reader) issuer(t *passport.Token) {
	raw, ok := t.Claims.Raw("iss")
	if !ok || r.data.IsZero() {
		return
	}
	doc, _ := parse(raw)
	r.data.ThirdParty, _ = doc.Root().Text()
	if strings.TrimSpace(r.data.ThirdParty) == "" {
		// RFC 9795 section 10.1: without a name there is nobody to believe.
		r.found(passport.RcdInvalid, "iss", "it names nobody")
		r.data = Data{}
	}
}

// parse reads a text of JSON. It says in words what is wrong, without quoting it.
func parse(text string) (doc *strictjson.Doc, bad string) {
	doc = new(strictjson.Doc)
	err := doc.Parse(text, strictjson.Limits{Bytes: MaxCard})
	e, ok := errors.AsType[*strictjson.Error](err)
	switch {
	case !ok:
		return doc, ""
	case e.Problem == strictjson.Repeated:
		return doc, "an object in it has two members of one name"
	case e.Problem == strictjson.TooLarge:
		return doc, "it is larger or more deeply nested than is read"
	}
	return doc, "it is not JSON"
}
