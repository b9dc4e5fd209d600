package rcd

import (
	"fmt"
	"strconv"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/passport"
)

// maxProperties is how many properties of a card are read.
const maxProperties = 128

// MaxCard is the longest card that is read, in bytes.
const MaxCard = 64 << 10

// Card is a jCard (RFC 7095): the vCard of RFC 6350 as JSON. It is read-only.
type Card struct {
	// Properties are the properties, in the order received.
	Properties []Property

	doc *strictjson.Doc
}

// Property is one property of a card, such as "fn" or "logo" (RFC 7095 section 3.3).
type Property struct {
	// Name is the name of the property, in lower case.
	Name string
	// Type is the type of its values, such as "text" and "uri", in lower case.
	Type string
	// Values are its values. A structured value, such as that of "n", has several
	// components; any other has one. A component that is itself a list has its parts
	// joined by commas (RFC 7095 section 3.3.1.3).
	Values [][]string
	// Pointer is where it stands in the card: "/1/" and its index.
	Pointer string
}

// Link is a URI in a card.
type Link struct {
	// Property is the name of the property that holds it, such as "photo".
	Property string
	// URI is the URI.
	URI string
	// Pointer is where it stands in the card, such as "/1/3/3".
	Pointer string
}

// ParseCard reads a card. The error is a *[passport.Finding] of
// [passport.RcdItemUnusable] that says what is wrong with it.
func ParseCard(text string) (*Card, error) {
	doc, bad := parse(text)
	var card *Card
	if bad == "" {
		card, bad = readCard(doc.Root())
	}
	if bad != "" {
		return nil, passport.Found(passport.RcdItemUnusable, "", bad)
	}
	return card, nil
}

// NewCard makes a card of properties, after the "version" that every card begins with.
// The Pointer of each is filled in anew. The error says which property lacks a name, a
// type or a value.
func NewCard(properties ...Property) (*Card, error) {
	b := []byte(`["vcard",[["version",{},"text","4.0"]`)
	for i, p := range properties {
		if p.Name == "" || p.Type == "" || len(p.Values) == 0 {
			return nil, fmt.Errorf("rcd: property %d of the card lacks a name, a type or a value", i)
		}
		b = append(strictjson.AppendQuote(append(b, ",["...), strings.ToLower(p.Name)), ",{},"...)
		b = strictjson.AppendQuote(b, strings.ToLower(p.Type))
		for _, value := range p.Values {
			b = appendValue(append(b, ','), value)
		}
		b = append(b, ']')
	}
	return ParseCard(string(append(b, "]]"...)))
}

func appendValue(b []byte, components []string) []byte {
	if len(components) == 1 {
		return strictjson.AppendQuote(b, components[0])
	}
	b = append(b, '[')
	for i, c := range components {
		if i > 0 {
			b = append(b, ',')
		}
		b = strictjson.AppendQuote(b, c)
	}
	return append(b, ']')
}

// JSON returns the card in the deterministic form of RFC 8225 section 9.
func (c *Card) JSON() string { return c.doc.Root().Canonical() }

// Text returns the first value of the first property of that name, components joined
// by semicolons. It is as the stranger wrote it: see [Shown] for what may be shown.
func (c *Card) Text(name string) string {
	for _, p := range c.Properties {
		if p.Name == name {
			return strings.Join(p.Values[0], ";")
		}
	}
	return ""
}

// Links returns every value of type "uri", with its place.
func (c *Card) Links() []Link {
	var links []Link
	for _, p := range c.Properties {
		if p.Type != "uri" {
			continue
		}
		for i, v := range p.Values {
			links = append(links, Link{p.Name, strings.Join(v, ";"), p.Pointer + "/" + strconv.Itoa(3+i)})
		}
	}
	return links
}

// readCard reads ["vcard", [property, ...]]. It returns what is wrong, in words.
func readCard(v strictjson.Value) (card *Card, bad string) {
	kind, _ := v.Element(0).Text()
	list := v.Element(1)
	if v.Kind() != strictjson.Array || !strings.EqualFold(kind, "vcard") || list.Kind() != strictjson.Array {
		return nil, `it is not a list of "vcard" and a list of properties`
	}
	// The card gets a document of its own, with places counted from its start.
	doc, bad := parse(v.Raw())
	if bad != "" {
		return nil, bad
	}
	card = &Card{doc: doc}
	i := 0
	for e := range doc.Root().Element(1).Elements() {
		if i == maxProperties {
			return nil, "it has more than " + strconv.Itoa(maxProperties) + " properties"
		}
		p, ok := readProperty(e)
		if !ok {
			return nil, "property " + strconv.Itoa(i) + " is not a name, parameters, a type and values"
		}
		p.Pointer = "/1/" + strconv.Itoa(i)
		card.Properties = append(card.Properties, p)
		i++
	}
	return card, ""
}

// readProperty reads [name, {parameters}, type, value, ...] (RFC 7095 section 3.3).
func readProperty(v strictjson.Value) (p Property, ok bool) {
	i := 0
	for e := range v.Elements() {
		ok = true
		switch i {
		case 0:
			p.Name, ok = e.Text()
		case 1:
			ok = e.Kind() == strictjson.Object
		case 2:
			p.Type, ok = e.Text()
		default:
			p.Values = append(p.Values, components(e))
		}
		if !ok {
			return Property{}, false
		}
		i++
	}
	p.Name, p.Type = strings.ToLower(p.Name), strings.ToLower(p.Type)
	return p, i > 3 && p.Name != "" && p.Type != ""
}

// components reads one value: text, a literal, or a list of components, each of which
// may be a list again (RFC 7095 section 3.3.1.3).
func components(v strictjson.Value) []string {
	if v.Kind() != strictjson.Array {
		return []string{plain(v)}
	}
	var list []string
	for e := range v.Elements() {
		if e.Kind() != strictjson.Array {
			list = append(list, plain(e))
			continue
		}
		var parts []string
		for part := range e.Elements() {
			parts = append(parts, plain(part))
		}
		list = append(list, strings.Join(parts, ","))
	}
	if list == nil {
		list = []string{""}
	}
	return list
}

// plain returns text without its quotes, literals as written, and nothing for what has
// no place in a value.
func plain(v strictjson.Value) string {
	switch v.Kind() {
	case strictjson.String:
		s, _ := v.Text()
		return s
	case strictjson.Number, strictjson.Bool:
		return v.Raw()
	}
	return ""
}
