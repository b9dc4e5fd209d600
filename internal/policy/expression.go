package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The bounds of one condition, and of all of them.
const (
	// maxCondition is the length of a condition, in characters.
	maxCondition = 2000
	// maxNesting is how deep a condition may be nested.
	maxNesting = 40
	// maxCost is what evaluating one condition may cost, and maxCosts what all of them
	// may, in the units of CEL: roughly, one for each operation and for each ten
	// characters looked at.
	maxCost  = 1000
	maxCosts = 10000
)

// environment is the language, built once. The lists differ from one policy to another
// and are added to it.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	var functions []*env.Function
	for _, name := range operators {
		functions = append(functions, &env.Function{Name: name})
	}
	options := []cel.EnvOption{
		cel.ClearMacros(),
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{DisableMacros: true, IncludeFunctions: functions})),
		cel.ParserExpressionSizeLimit(maxCondition),
		cel.ParserRecursionLimit(maxNesting),
		cel.ExpressionNestingDepthLimit(2 * maxNesting),
	}
	for name, v := range variables {
		kind := cel.BoolType
		switch {
		case v.text != nil:
			kind = cel.StringType
		case v.number != nil:
			kind = cel.IntType
		}
		options = append(options, cel.Variable(name, kind))
	}
	return cel.NewCustomEnv(options...)
})

// operators are what conditions may use of the language besides the functions of our
// own. There are no loops and no conversions among them.
var operators = []string{
	"_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in",
	"_+_", "_-_", "_*_", "_/_", "_%_", "-_", "size", "startsWith", "endsWith", "contains", "matches",
}

// language is the environment of one policy: the names, and its lists.
type language struct {
	env   *cel.Env
	lists map[string]*list
}

// newLanguage returns the language in which conditions can name the lists.
func newLanguage(lists map[string]*list) (*language, error) {
	base, err := environment()
	if err != nil {
		return nil, fmt.Errorf("policy: building the language: %w", err)
	}
	l := &language{lists: lists}
	text, number, yes := cel.StringType, cel.IntType, cel.BoolType
	l.env, err = base.Extend(
		cel.Function("in_list", cel.Overload("in_list_text_text", []*cel.Type{text, text}, yes,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				named := lists[string(args[1].(types.String))]
				return types.Bool(named != nil && named.has(string(args[0].(types.String))))
			}))),
		cel.Function("in_range", cel.Overload("in_range_text_text_number", []*cel.Type{text, text, number}, yes,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				r := rangeOf(string(args[1].(types.String)), int64(args[2].(types.Int)))
				return types.Bool(r.contains(string(args[0].(types.String))))
			}))),
		cel.Function("at_least", cel.Overload("at_least_text_text", []*cel.Type{text, text}, yes,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				return types.Bool(atLeast(string(args[0].(types.String)), string(args[1].(types.String))))
			}))),
	)
	if err != nil {
		return nil, fmt.Errorf("policy: building the language: %w", err)
	}
	return l, nil
}

// atLeast reports whether one standing is as good as another.
func atLeast(standing, least string) bool {
	return slices.Index(standings, standing) >= slices.Index(standings, least)
}

// condition is a condition that was compiled. The zero condition always holds.
type condition struct {
	text string
	// fast decides it without the help of CEL. It is nil for conditions that use more
	// of the language than most do; those have a program.
	fast    func(*facts) bool
	program cel.Program
	// ast and cost are kept for what is found out about it when it is loaded.
	ast  *cel.Ast
	cost uint64
}

// fits reports whether the condition holds. An error is one of the expression: a
// division by zero, an overflow, or a cost beyond the limit.
func (c *condition) fits(f *facts) (bool, error) {
	switch {
	case c.text == "":
		return true, nil
	case c.fast != nil:
		return c.fast(f), nil
	}
	return c.evaluate(f)
}

// evaluate decides the condition by CEL.
func (c *condition) evaluate(f *facts) (bool, error) {
	value, _, err := c.program.Eval(activation{f})
	if err != nil {
		return false, err
	}
	yes, ok := value.(types.Bool)
	if !ok {
		return false, errors.New("it is neither true nor false")
	}
	return bool(yes), nil
}

// activation gives CEL the facts, each only when it is asked for.
type activation struct{ facts *facts }

// ResolveName implements [cel.Activation].
func (a activation) ResolveName(name string) (any, bool) {
	v, ok := variables[name]
	switch {
	case !ok:
		return nil, false
	case v.text != nil:
		return types.String(v.text(a.facts)), true
	case v.number != nil:
		return types.Int(v.number(a.facts)), true
	}
	return types.Bool(v.yes(a.facts)), true
}

// Parent implements [cel.Activation].
func (activation) Parent() cel.Activation { return nil }

// sizes tells the estimate how long texts can be.
type sizes struct{}

// EstimateSize implements [cost.Estimator].
func (sizes) EstimateSize(element cost.AstNode) *cost.SizeEstimate {
	if e := element.Expr(); e != nil && e.Kind() == celast.IdentKind {
		if v, ok := variables[e.AsIdent()]; ok && v.text != nil {
			return &cost.SizeEstimate{Min: 0, Max: v.size()}
		}
	}
	return nil
}

// EstimateCallCost implements [cost.Estimator]. A look-up in a list costs about as much
// as ten comparisons.
func (sizes) EstimateCallCost(function, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	switch function {
	case "in_list", "in_range", "at_least":
		return cost.NewCallEstimate(cost.FixedCostEstimate(10), nil)
	}
	return nil
}

// CallCost implements [cel.ActualCostEstimator] with the same figures.
func (sizes) CallCost(function, _ string, _ []ref.Val, _ ref.Val) *uint64 {
	switch function {
	case "in_list", "in_range", "at_least":
		ten := uint64(10)
		return &ten
	}
	return nil
}

// flaw is what is wrong with a condition, and where in it: line and column from 1.
type flaw struct {
	line, column int
	message      string
}

func (f *flaw) Error() string {
	if f.line < 1 {
		return f.message
	}
	return fmt.Sprintf("at %d:%d: %s", f.line, f.column, f.message)
}

// compile returns the condition that text stands for, or every [flaw] in it, joined.
// Conditions of rules for calls that leave can not speak of a verdict.
func (l *language) compile(text string, judged bool) (condition, error) {
	if strings.TrimSpace(text) == "" {
		return condition{}, &flaw{message: "it is empty; leave it out if the rule is for every call"}
	}
	ast, issues := l.env.Compile(text)
	if issues.Err() != nil {
		return condition{}, flawsOf(text, issues)
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return condition{}, &flaw{1, 1, fmt.Sprintf("it is a %s, and must be true or false", ast.OutputType())}
	}
	r := reader{language: l, judged: judged, info: ast.NativeRep().SourceInfo()}
	if r.read(ast.NativeRep().Expr()); len(r.flaws) > 0 {
		return condition{}, errors.Join(r.flaws...)
	}
	estimate, err := l.env.EstimateCost(ast, sizes{})
	if err != nil {
		return condition{}, &flaw{message: err.Error()}
	}
	if estimate.Max > maxCost {
		return condition{}, &flaw{message: fmt.Sprintf("it may cost more than %d, which is too much for one condition", maxCost)}
	}
	c := condition{text: text, ast: ast, cost: estimate.Max}
	c.program, err = l.env.Program(ast, limited(maxCost)...)
	if err != nil {
		return condition{}, &flaw{message: err.Error()}
	}
	c.fast = l.yes(ast.NativeRep().Expr())
	return c, nil
}

// limited are the options of a program that ends with an error at that cost.
func limited(cost uint64) []cel.ProgramOption {
	return []cel.ProgramOption{cel.CostLimit(cost), cel.CostTracking(sizes{}), cel.EvalOptions(cel.OptOptimize)}
}

// maxFlaws is how many of a condition's flaws are told.
const maxFlaws = 5

// flawsOf turns what the compiler says into flaws.
func flawsOf(text string, issues *cel.Issues) error {
	var flaws []error
	for _, e := range issues.Errors() {
		f := &flaw{message: strings.TrimPrefix(e.Message, "Syntax error: ")}
		if e.Location != nil && e.Location.Line() > 0 {
			f.line, f.column = e.Location.Line(), e.Location.Column()+1
			if strings.HasPrefix(f.message, "undeclared reference") {
				f.message = unknownName(text, f)
			}
		}
		if len(flaws) < maxFlaws {
			flaws = append(flaws, f)
		}
	}
	return errors.Join(flaws...)
}

// unknownName says which name stands at f and is none, since the compiler only names
// its first part. The compiler's column of a call is that of its parenthesis.
func unknownName(text string, f *flaw) string {
	lines := strings.Split(text, "\n")
	if f.line > len(lines) {
		return f.message
	}
	line := []rune(lines[f.line-1])
	start := min(f.column-1, len(line))
	end := start
	for start > 0 && partOfName(line[start-1]) {
		start--
	}
	for end < len(line) && partOfName(line[end]) {
		end++
	}
	name := string(line[start:end])
	if name == "" {
		return f.message
	}
	f.column = start + 1
	return fmt.Sprintf("there is no %s", name)
}

func partOfName(r rune) bool {
	return r == '_' || r == '.' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
