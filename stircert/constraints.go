package stircert

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"countersign.example/passport"
)

// maxConstraints bounds the names and values of one extension, together.
const maxConstraints = 1000

// Constraints are what a certificate lets its holder claim: JWTClaimConstraints (RFC
// 8226 section 8) or, if Enhanced, EnhancedJWTClaimConstraints (RFC 9118 section 3).
type Constraints struct {
	// MustInclude names claims that must be present.
	MustInclude []string
	// Permitted limits the values of claims that are present.
	Permitted []Permitted
	// MustExclude names claims that must not be present. Only enhanced constraints
	// have it.
	MustExclude []string
	// Enhanced tells the extension of RFC 9118 from that of RFC 8226.
	Enhanced bool
}

// Permitted lists the values that a claim may have where it is present. A claim
// that is a string is compared with the values as they are, any other by its
// canonical JSON text (RFC 8225 section 9).
type Permitted struct {
	// Claim is the name of the claim.
	Claim string
	// Values are the values; there is at least one.
	Values []string
}

// ClaimReader gives the claims of one PASSporT.
type ClaimReader interface {
	// Claim returns the value of the top-level claim as canonical JSON text (RFC
	// 8225 section 9), in which a string has its quotes, and whether the claim is
	// present.
	Claim(name string) (canonicalJSON string, ok bool)
}

// ParseConstraints reads the DER of JWTClaimConstraints or, if enhanced, of
// EnhancedJWTClaimConstraints. The error is a *passport.Finding of
// ConstraintsMalformed.
func ParseConstraints(der []byte, enhanced bool) (Constraints, error) {
	p := constraintsReader{left: maxConstraints}
	c := Constraints{Enhanced: enhanced}
	r, ok := only(der, tagSequence)
	if !ok {
		return Constraints{}, badConstraints("they are not one DER sequence")
	}
	if len(r) == 0 {
		// RFC 8226 section 8, RFC 9118 section 3: at least one is present.
		return Constraints{}, badConstraints("they constrain nothing")
	}
	c.MustInclude = p.list(&r, 0, "mustInclude", tagIA5)
	c.Permitted = p.permitted(&r)
	if enhanced {
		c.MustExclude = p.list(&r, 2, "mustExclude", tagIA5)
	}
	if p.fault == "" && len(r) > 0 {
		p.fault = "something follows that has no place there"
	}
	if p.fault != "" {
		return Constraints{}, badConstraints(p.fault)
	}
	return c, nil
}

// constraintsReader reads the parts of constraints until the first fault.
type constraintsReader struct {
	left  int
	fault string
}

// list reads the optional part [n], a list of strings.
func (p *constraintsReader) list(r *reader, n byte, name string, kind byte) []string {
	wrapped, present, ok := r.optional(explicit(n))
	if p.fault != "" || !present {
		return nil
	}
	names, inner := only(wrapped, tagSequence)
	if !ok || !inner {
		p.fault = name + " is not a list with its explicit tag"
		return nil
	}
	return p.strings(names, name, kind)
}

func (p *constraintsReader) strings(r reader, name string, kind byte) []string {
	var out []string
	if len(r) == 0 {
		p.fault = name + " is an empty list"
	}
	for len(r) > 0 && p.fault == "" {
		s, ok := r.read(kind)
		p.left--
		switch {
		case !ok, kind == tagIA5 && !ia5(s), kind == tagUTF8 && !utf8.Valid(s):
			p.fault = name + " holds something that is not a string of the right kind"
		case p.left < 0:
			p.fault = fmt.Sprintf("they have more than %d names and values", maxConstraints)
		}
		out = append(out, string(s))
	}
	return out
}

func (p *constraintsReader) permitted(r *reader) []Permitted {
	wrapped, present, ok := r.optional(explicit(1))
	if p.fault != "" || !present {
		return nil
	}
	list, inner := only(wrapped, tagSequence)
	if !ok || !inner || len(list) == 0 {
		p.fault = "permittedValues is not a list with its explicit tag"
		return nil
	}
	var out []Permitted
	for len(list) > 0 && p.fault == "" {
		one, ok1 := list.read(tagSequence)
		claim, ok2 := one.read(tagIA5)
		values, ok3 := only(one, tagSequence)
		if !ok1 || !ok2 || !ok3 || !ia5(claim) {
			p.fault = "permittedValues holds something that is not a claim with its values"
			return nil
		}
		out = append(out, Permitted{string(claim), p.strings(values, "permittedValues", tagUTF8)})
	}
	return out
}

func badConstraints(detail string) error {
	return passport.Found(passport.ConstraintsMalformed, "claim constraints", detail)
}

// Marshal returns the DER of c. It is an error if c constrains nothing, or if it
// could not be read back.
func (c Constraints) Marshal() ([]byte, error) {
	if len(c.MustExclude) > 0 && !c.Enhanced {
		return nil, errors.New("writing claim constraints: only enhanced ones can exclude a claim")
	}
	var parts [][]byte
	if len(c.MustInclude) > 0 {
		parts = append(parts, element(explicit(0), stringList(tagIA5, c.MustInclude)))
	}
	if len(c.Permitted) > 0 {
		var list [][]byte
		for _, p := range c.Permitted {
			list = append(list, element(tagSequence, element(tagIA5, []byte(p.Claim)), stringList(tagUTF8, p.Values)))
		}
		parts = append(parts, element(explicit(1), element(tagSequence, list...)))
	}
	if len(c.MustExclude) > 0 {
		parts = append(parts, element(explicit(2), stringList(tagIA5, c.MustExclude)))
	}
	der := element(tagSequence, parts...)
	if _, err := ParseConstraints(der, c.Enhanced); err != nil {
		return nil, fmt.Errorf("writing claim constraints: %w", err)
	}
	return der, nil
}

func stringList(kind byte, list []string) []byte {
	var out [][]byte
	for _, s := range list {
		out = append(out, element(kind, []byte(s)))
	}
	return element(tagSequence, out...)
}

// Check compares the claims with c. It returns one finding for each claim that is
// missing (ConstraintMustInclude), has a value that is not permitted
// (ConstraintPermitted), or must not be there (ConstraintMustExclude), and nil if the
// claims keep to c. A claim that is absent and not in MustInclude is fine (RFC 9118
// section 4). Constraints that exclude iat, orig or dest do not come here: [Build]
// ignores them.
func (c Constraints) Check(r ClaimReader) []passport.Finding {
	var out []passport.Finding
	for _, name := range c.MustInclude {
		if _, ok := r.Claim(name); !ok {
			out = append(out, *passport.Found(passport.ConstraintMustInclude, name, ""))
		}
	}
	for _, p := range c.Permitted {
		if value, ok := r.Claim(p.Claim); ok && !p.allows(value) {
			out = append(out, *passport.Found(passport.ConstraintPermitted, p.Claim,
				fmt.Sprintf("the certificate permits %d values, not this one", len(p.Values))))
		}
	}
	for _, name := range c.MustExclude {
		if _, ok := r.Claim(name); ok {
			out = append(out, *passport.Found(passport.ConstraintMustExclude, name, ""))
		}
	}
	return out
}

// allows compares a value as canonical JSON text. The standards do not say how
// anything but a string compares with a UTF8String.
func (p Permitted) allows(canonicalJSON string) bool {
	if len(canonicalJSON) > 0 && canonicalJSON[0] == '"' {
		var s string
		return json.Unmarshal([]byte(canonicalJSON), &s) == nil && slices.Contains(p.Values, s)
	}
	return slices.Contains(p.Values, canonicalJSON)
}

// excludesBaseline returns the claim that every PASSporT has and c excludes, if any.
func (c Constraints) excludesBaseline() string {
	for _, name := range c.MustExclude {
		if name == "iat" || name == "orig" || name == "dest" {
			return name
		}
	}
	return ""
}
