package policy

import (
	"fmt"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// reader walks a condition that is correct CEL and finds what can not be meant: words
// that a variable never has, lists that do not exist, an order among texts.
type reader struct {
	language *language
	judged   bool
	info     *celast.SourceInfo
	flaws    []error
}

func (r *reader) flaw(e celast.Expr, format string, a ...any) {
	if len(r.flaws) == maxFlaws {
		return
	}
	at := r.info.GetStartLocation(e.ID())
	r.flaws = append(r.flaws, &flaw{at.Line(), at.Column() + 1, fmt.Sprintf(format, a...)})
}

func (r *reader) read(e celast.Expr) {
	switch e.Kind() {
	case celast.IdentKind:
		if v, ok := variables[e.AsIdent()]; !ok {
			r.flaw(e, "there is no %s", e.AsIdent())
		} else if v.judged && !r.judged {
			r.flaw(e, "%s is not known of a call that leaves: nobody judges it", e.AsIdent())
		}
	case celast.LiteralKind:
		switch e.AsLiteral().(type) {
		case types.String, types.Int, types.Bool:
		default:
			r.flaw(e, "only texts, whole numbers, true and false can be written here")
		}
	case celast.CallKind:
		r.call(e, e.AsCall())
	case celast.ListKind:
		r.flaw(e, "a list can only stand on the right of \"in\"")
	default:
		r.flaw(e, "this part of the language can not be used here")
	}
}

// call reads an operator or a function, and what it is applied to.
func (r *reader) call(e celast.Expr, c celast.CallExpr) {
	args := c.Args()
	switch c.FunctionName() {
	case "_==_", "_!=_":
		r.compared(args[0], args[1])
		r.compared(args[1], args[0])
	case "_<_", "_<=_", "_>_", "_>=_":
		if r.isText(args[0]) {
			r.flaw(e, "texts have no order here; for a standing write at_least(verdict.standing, %q)", "partly verified")
		}
	case "@in":
		r.in(args[0], args[1])
		args = args[:1]
	case "matches":
		if pattern := args[len(args)-1]; pattern.Kind() != celast.LiteralKind {
			r.flaw(pattern, "a pattern must be written out")
		}
	case "in_list":
		r.inList(args)
		args = nil
	case "in_range":
		r.inRange(args)
		args = nil
	case "at_least":
		r.atLeast(args)
	}
	if c.IsMemberFunction() {
		r.read(c.Target())
	}
	for _, arg := range args {
		r.read(arg)
	}
}

// compared finds a word on one side that the variable on the other never has.
func (r *reader) compared(name, literal celast.Expr) {
	if name.Kind() != celast.IdentKind {
		return
	}
	word, ok := textOf(literal)
	if v := variables[name.AsIdent()]; !ok || v.words == nil || slices.Contains(v.words, word) {
		return
	}
	r.flaw(literal, "%s is never %q; it is one of %s", name.AsIdent(), word, quoted(variables[name.AsIdent()].words))
}

func (r *reader) in(name, list celast.Expr) {
	if list.Kind() != celast.ListKind {
		r.flaw(list, "what stands on the right of \"in\" must be written out, like [\"a\", \"b\"]; for a list of the file write in_list")
		return
	}
	for _, element := range list.AsList().Elements() {
		if element.Kind() != celast.LiteralKind {
			r.flaw(element, "the elements of a list must be written out")
			continue
		}
		r.read(element)
		r.compared(name, element)
	}
}

// inList reads in_list(name, "list").
func (r *reader) inList(args []celast.Expr) {
	r.read(args[0])
	name, ok := textOf(args[1])
	if !ok {
		r.flaw(args[1], "the name of a list must be written out")
		return
	}
	named, ok := r.language.lists[name]
	if !ok {
		r.flaw(args[1], "there is no list %q", name)
		return
	}
	about := ""
	if args[0].Kind() == celast.IdentKind {
		about = args[0].AsIdent()
	}
	switch holds, ok := listed[about]; {
	case !ok:
		r.flaw(args[0], "in_list is about call.calling, call.called, call.trunk or office.domain")
	case named.kind != "" && named.kind != holds:
		r.flaw(args[1], "the list %q holds no %s", name, holds)
	}
}

// inRange reads in_range(number, "first", count).
func (r *reader) inRange(args []celast.Expr) {
	r.read(args[0])
	if args[0].Kind() != celast.IdentKind || listed[args[0].AsIdent()] != "numbers" {
		r.flaw(args[0], "in_range is about call.calling or call.called")
	}
	first, isText := textOf(args[1])
	count, isNumber := numberOf(args[2])
	if !isText || !isNumber {
		r.flaw(args[1], "the first number and how many there are must be written out")
		return
	}
	if err := rangeOf(first, count).check(); err != nil {
		r.flaw(args[1], "%v", err)
	}
}

// atLeast reads at_least(verdict.standing, "word").
func (r *reader) atLeast(args []celast.Expr) {
	if args[0].Kind() != celast.IdentKind || args[0].AsIdent() != "verdict.standing" {
		r.flaw(args[0], "at_least is about verdict.standing")
	}
	if word, ok := textOf(args[1]); !ok || !slices.Contains(standings, word) {
		r.flaw(args[1], "a standing is one of %s", quoted(standings))
	}
}

// isText reports whether e is a text, as far as that can be seen.
func (r *reader) isText(e celast.Expr) bool {
	switch e.Kind() {
	case celast.IdentKind:
		return variables[e.AsIdent()].text != nil
	case celast.CallKind:
		c := e.AsCall()
		return c.FunctionName() == "_+_" && r.isText(c.Args()[0])
	}
	_, ok := textOf(e)
	return ok
}

func textOf(e celast.Expr) (string, bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

func numberOf(e celast.Expr) (int64, bool) {
	if e.Kind() != celast.LiteralKind {
		return 0, false
	}
	n, ok := e.AsLiteral().(types.Int)
	return int64(n), ok
}

// quoted lists words for a message.
func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(list, ", ")
}
