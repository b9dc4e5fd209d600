// Package strictjson reads JSON that a stranger wrote and somebody signed: RFC 8259
// without its leniencies, and the deterministic form of RFC 8225 section 9.
//
// Start with [Doc.Parse], then walk from [Doc.Root]. A [Value] is a place in the
// document, not a copy of it; [Value.Canonical] writes it in the deterministic form.
//
// What is refused: text that is not UTF-8, two members of one name in an object at
// any level (also when one of them is written with escapes), lone surrogates, and
// anything beyond the [Limits]. Names are compared exactly, so "IAT" is not "iat".
// Parsing is one pass, its time is linear, and a document of a few dozen values
// needs no memory beyond the Doc itself. Nothing panics on any input.
//
// The package knows nothing of claims: what a member means, and whether it must be
// there, is for passport, rcd and stircert to say.
package strictjson

import "fmt"

// Limits bound what is read. A zero field means the default.
type Limits struct {
	// Bytes is the longest text, 64 KiB by default.
	Bytes int
	// Depth is how deeply arrays and objects may nest, 16 by default.
	Depth int
	// Values is how many values and member names there may be, 4096 by default.
	Values int
}

// Problem says why a text was refused.
type Problem uint8

// The problems a text can have.
const (
	// Syntax: it is not JSON, or not UTF-8.
	Syntax Problem = iota + 1
	// Repeated: an object has two members of one name.
	Repeated
	// TooLarge: it goes beyond a limit.
	TooLarge
)

// Error is the one type of error of this package.
type Error struct {
	// Problem says what kind of thing is wrong.
	Problem Problem
	// Offset is where it was noticed, in bytes from the start.
	Offset int
	// Name is the name of the repeated member, if that is the problem.
	Name string
}

// Error returns one sentence with the place of the fault.
func (e *Error) Error() string {
	switch e.Problem {
	case Repeated:
		return fmt.Sprintf("json: member %q stands twice in one object, at byte %d", e.Name, e.Offset)
	case TooLarge:
		return fmt.Sprintf("json: larger or more deeply nested than is read, at byte %d", e.Offset)
	}
	return fmt.Sprintf("json: not well formed at byte %d", e.Offset)
}
