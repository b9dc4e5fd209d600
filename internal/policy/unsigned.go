package policy

import (
	"slices"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"

	"countersign.example/internal/call"
)

// mentions reports whether the condition uses one of the names.
func (c *condition) mentions(names ...string) bool {
	if c.ast == nil {
		return false
	}
	return mentions(c.ast.NativeRep().Expr(), func(name string) bool { return slices.Contains(names, name) })
}

// mentions reports whether e uses a name that is wanted.
func mentions(e celast.Expr, wanted func(string) bool) bool {
	switch e.Kind() {
	case celast.IdentKind:
		return wanted(e.AsIdent())
	case celast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() && mentions(c.Target(), wanted) {
			return true
		}
		return slices.ContainsFunc(c.Args(), func(arg celast.Expr) bool { return mentions(arg, wanted) })
	case celast.ListKind:
		return slices.ContainsFunc(e.AsList().Elements(), func(el celast.Expr) bool { return mentions(el, wanted) })
	}
	return false
}

// warnUnsigned warns if the rule, which rejects, can tell a call without a PASSporT from
// the same call with a good one and rejects only the former; or if it rejects all.
func (b *builder) warnUnsigned(path string, r *rule) {
	switch {
	case r.when.text == "":
		b.warn(path, r.name, "it rejects every call that reaches it, unsigned ones too")
	case r.when.ast == nil: // It did not compile, which was said.
	default:
		expr := r.when.ast.NativeRep().Expr()
		p := prober{language: b.language, ast: r.when.ast}
		p.collect(expr)
		if p.rejectsUnsigned(expr) {
			b.warn(path, r.name, "it can reject a call merely because it is unsigned; most honest calls are")
		}
	}
}

// prober asks of a condition whether the lack of a signature alone can make it hold. The
// parts of the condition that have nothing to do with signatures may be true or false as
// they like.
type prober struct {
	language *language
	ast      *cel.Ast
	free     []string
	truth    map[string]bool
	names    map[int64]string
	// leaves are the compiled parts that depend on the signature.
	leaves map[int64]func(*facts) bool
}

// maxFree is how many parts are tried both ways. Any others count as false.
const maxFree = 8

// collect finds the parts of the condition.
func (p *prober) collect(e celast.Expr) {
	if p.leaves == nil {
		p.leaves, p.truth, p.names = map[int64]func(*facts) bool{}, map[string]bool{}, map[int64]string{}
	}
	for _, part := range parts(e) {
		if part != e {
			p.collect(part)
		}
	}
	if parts(e) != nil {
		return
	}
	if mentions(e, func(name string) bool { return variables[name].signature }) {
		if leaf := p.language.yes(e); leaf != nil {
			p.leaves[e.ID()] = leaf
			return
		}
	}
	// Equal parts are told by their text.
	name, _ := cel.ExprToString(e, p.ast.NativeRep().SourceInfo())
	p.names[e.ID()] = name
	if _, known := p.truth[name]; !known && len(p.free) < maxFree {
		p.free = append(p.free, name)
	}
	p.truth[name] = false
}

// parts returns what a logical operator combines, and nil for anything else.
func parts(e celast.Expr) []celast.Expr {
	if e.Kind() == celast.CallKind {
		switch c := e.AsCall(); c.FunctionName() {
		case "_&&_", "_||_", "!_":
			return c.Args()
		}
	}
	return nil
}

// holds evaluates the condition for the facts, with the free parts as they stand.
func (p *prober) holds(e celast.Expr, f *facts) bool {
	if args := parts(e); args != nil {
		switch e.AsCall().FunctionName() {
		case "_&&_":
			return p.holds(args[0], f) && p.holds(args[1], f)
		case "_||_":
			return p.holds(args[0], f) || p.holds(args[1], f)
		}
		return !p.holds(args[0], f)
	}
	if leaf, ok := p.leaves[e.ID()]; ok {
		return leaf(f)
	}
	if b, ok := literal(e); ok {
		return b
	}
	return p.truth[p.names[e.ID()]]
}

func literal(e celast.Expr) (yes, ok bool) {
	if e.Kind() != celast.LiteralKind {
		return false, false
	}
	b, ok := e.AsLiteral().Value().(bool)
	return b, ok
}

// rejectsUnsigned reports whether there is a way to fill in the free parts so that an
// unsigned call is rejected and the same call signed is not, or whether every way
// rejects an unsigned call.
func (p *prober) rejectsUnsigned(e celast.Expr) bool {
	unsigned, signed := probes()
	always := true
	for bits := range 1 << len(p.free) {
		for i, name := range p.free {
			p.truth[name] = bits>>i&1 == 1
		}
		holds := func(f *facts) bool { return p.holds(e, f) }
		if !slices.ContainsFunc(unsigned, holds) {
			always = false
			continue
		}
		if !slices.ContainsFunc(signed, func(f *facts) bool { return !p.holds(e, f) }) {
			continue
		}
		return true
	}
	return always
}

// probes are calls that differ only in their signatures: without one, and with a good
// one of a number that is listed or not.
func probes() (unsigned, signed []*facts) {
	without := &call.Call{Direction: call.Inbound, Channel: call.SIP}
	with := *without
	with.Signalling.Identity = []string{"x"}
	unsigned = []*facts{{policy: &Policy{}, call: without, ev: []call.Evidence{{Kind: call.InBand, Reason: call.NoIdentity},
		{Kind: call.RichCallData, Reason: call.NoProviderName}}, v: &call.Verdict{Standing: call.Unverified}}}
	good := []call.Evidence{{Kind: call.InBand, Reason: call.AttestedFull}, {Kind: call.RichCallData, Reason: call.ProviderName}}
	number := call.Strength{For: 2}
	signed = []*facts{
		{policy: &Policy{}, call: &with, ev: good, v: &call.Verdict{Standing: call.Unverified, Number: number}},
		{policy: &Policy{}, call: &with, ev: good, v: &call.Verdict{Standing: call.PartlyVerified, Number: number, Office: call.Strength{For: 2}}},
	}
	return unsigned, signed
}
