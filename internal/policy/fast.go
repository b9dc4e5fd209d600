package policy

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"countersign.example/internal/call"
)

// Most conditions compare, look up and combine, and nothing else. Those are compiled to
// Go, since fifty of them by CEL with its cost limit would cost a call tens of
// microseconds. Nothing of what is compiled here can fail, and a test holds its answers
// against CEL's. Each of the three returns nil for what it leaves to CEL.

// yes compiles what is true or false.
func (l *language) yes(e celast.Expr) func(*facts) bool {
	switch e.Kind() {
	case celast.IdentKind:
		return variables[e.AsIdent()].yes
	case celast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return func(*facts) bool { return bool(b) }
		}
	case celast.CallKind:
		return l.operator(e.AsCall())
	}
	return nil
}

// operator compiles an operator or a function that is true or false.
func (l *language) operator(c celast.CallExpr) func(*facts) bool {
	args := c.Args()
	switch c.FunctionName() {
	case "_&&_":
		if a, b := l.yes(args[0]), l.yes(args[1]); a != nil && b != nil {
			return func(f *facts) bool { return a(f) && b(f) }
		}
	case "_||_":
		if a, b := l.yes(args[0]), l.yes(args[1]); a != nil && b != nil {
			return func(f *facts) bool { return a(f) || b(f) }
		}
	case "!_":
		if a := l.yes(args[0]); a != nil {
			return func(f *facts) bool { return !a(f) }
		}
	case "_==_":
		return l.equal(args[0], args[1])
	case "_!=_":
		if same := l.equal(args[0], args[1]); same != nil {
			return func(f *facts) bool { return !same(f) }
		}
	case "_<_", "_<=_", "_>_", "_>=_":
		return ordered(c.FunctionName(), number(args[0]), number(args[1]))
	case "@in":
		return among(args[0], args[1])
	case "startsWith", "endsWith", "contains":
		return part(c)
	default:
		return l.ours(c.FunctionName(), args)
	}
	return nil
}

// text compiles a text.
func text(e celast.Expr) func(*facts) string {
	if e.Kind() == celast.IdentKind {
		return variables[e.AsIdent()].text
	}
	if s, ok := textOf(e); ok {
		return func(*facts) string { return s }
	}
	return nil
}

// number compiles a whole number.
func number(e celast.Expr) func(*facts) int64 {
	if e.Kind() == celast.IdentKind {
		return variables[e.AsIdent()].number
	}
	if n, ok := numberOf(e); ok {
		return func(*facts) int64 { return n }
	}
	return nil
}

func (l *language) equal(a, b celast.Expr) func(*facts) bool {
	if left, right := text(a), text(b); left != nil && right != nil {
		return func(f *facts) bool { return left(f) == right(f) }
	}
	if left, right := number(a), number(b); left != nil && right != nil {
		return func(f *facts) bool { return left(f) == right(f) }
	}
	if left, right := l.yes(a), l.yes(b); left != nil && right != nil {
		return func(f *facts) bool { return left(f) == right(f) }
	}
	return nil
}

func ordered(operator string, a, b func(*facts) int64) func(*facts) bool {
	if a == nil || b == nil {
		return nil
	}
	switch operator {
	case "_<_":
		return func(f *facts) bool { return a(f) < b(f) }
	case "_<=_":
		return func(f *facts) bool { return a(f) <= b(f) }
	case "_>_":
		return func(f *facts) bool { return a(f) > b(f) }
	}
	return func(f *facts) bool { return a(f) >= b(f) }
}

// among compiles a look-up in a list of texts that is written out.
func among(e, list celast.Expr) func(*facts) bool {
	one := text(e)
	var all []string
	for _, element := range list.AsList().Elements() {
		s, ok := textOf(element)
		if !ok {
			return nil
		}
		all = append(all, s)
	}
	if one == nil {
		return nil
	}
	return func(f *facts) bool { return slices.Contains(all, one(f)) }
}

// part compiles the functions about parts of a text.
func part(c celast.CallExpr) func(*facts) bool {
	if !c.IsMemberFunction() {
		return nil
	}
	whole, piece := text(c.Target()), text(c.Args()[0])
	if whole == nil || piece == nil {
		return nil
	}
	switch c.FunctionName() {
	case "startsWith":
		return func(f *facts) bool { return strings.HasPrefix(whole(f), piece(f)) }
	case "endsWith":
		return func(f *facts) bool { return strings.HasSuffix(whole(f), piece(f)) }
	}
	return func(f *facts) bool { return strings.Contains(whole(f), piece(f)) }
}

// ours compiles the functions that are not CEL's.
func (l *language) ours(function string, args []celast.Expr) func(*facts) bool {
	if len(args) < 2 {
		return nil
	}
	one := text(args[0])
	word, ok := textOf(args[1])
	if one == nil || !ok {
		return nil
	}
	switch function {
	case "in_list":
		if named := l.lists[word]; named != nil {
			return func(f *facts) bool { return named.has(one(f)) }
		}
	case "in_range":
		if count, ok := numberOf(args[2]); ok {
			r := rangeOf(word, count)
			return func(f *facts) bool { return r.contains(one(f)) }
		}
	case "at_least":
		least := slices.Index(standings, word)
		return func(f *facts) bool { return f.v.Standing <= call.Verified && int(f.v.Standing) >= least }
	}
	return nil
}
