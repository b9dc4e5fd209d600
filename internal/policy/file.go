package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The bounds of a file.
const (
	// MaxFile is the size of a file, in bytes.
	MaxFile = 1 << 20
	// MaxRules is how many rules it may have of each kind.
	MaxRules = 200
	// maxLists and maxListed bound the named lists and what they hold in sum, and
	// maxOwned the office's numbers and ranges.
	maxLists  = 100
	maxListed = 20000
	maxOwned  = 1000
)

// file is the file of rules as it is written.
type file struct {
	Ours  fileNumbers           `toml:"ours"`
	Lists map[string]fileList   `toml:"lists"`
	Rule  []fileRule            `toml:"rule"`
	Sign  []fileSign            `toml:"sign"`
	Out   *fileAction           `toml:"outage"`
	Gates map[string]fileByWord `toml:"gates"`
	Show  fileShows             `toml:"show"`
}

type fileNumbers struct {
	Numbers []string    `toml:"numbers"`
	Ranges  []fileRange `toml:"ranges"`
}

type fileRange struct {
	First string `toml:"first"`
	Count int64  `toml:"count"`
}

type fileList struct {
	Numbers []string    `toml:"numbers"`
	Ranges  []fileRange `toml:"ranges"`
	Domains []string    `toml:"domains"`
	Trunks  []string    `toml:"trunks"`
}

type fileAction struct {
	Do     string    `toml:"do"`
	Status int       `toml:"status"`
	Phrase string    `toml:"phrase"`
	Target string    `toml:"target"`
	Show   *fileShow `toml:"show"`
}

type fileRule struct {
	Name   string      `toml:"name"`
	When   *string     `toml:"when"`
	Ask    []string    `toml:"ask"`
	InTurn bool        `toml:"in_turn"`
	Mean   string      `toml:"meanwhile"`
	AtMost string      `toml:"at_most"`
	Then   *fileAction `toml:"then"`
	Do     string      `toml:"do"`
	Status int         `toml:"status"`
	Phrase string      `toml:"phrase"`
	Target string      `toml:"target"`
	Show   *fileShow   `toml:"show"`
}

type fileSign struct {
	Name   string  `toml:"name"`
	When   *string `toml:"when"`
	Attest string  `toml:"attest"`
}

type fileShow struct {
	Prefix    string `toml:"prefix"`
	AlertInfo string `toml:"alert_info"`
	Verstat   *bool  `toml:"verstat"`
}

// fileShows is a table by standing.
type fileShows struct {
	Refuted        fileShow `toml:"refuted"`
	Unverified     fileShow `toml:"unverified"`
	PartlyVerified fileShow `toml:"partly_verified"`
	Verified       fileShow `toml:"verified"`
}

type fileByWord struct {
	Unverified     string `toml:"unverified"`
	PartlyVerified string `toml:"partly_verified"`
	Verified       string `toml:"verified"`
}

// Error is one thing that is wrong with a file.
type Error struct {
	// Line and Column are where in the file, from 1, and 0 if it is about the whole.
	Line, Column int
	// Rule is the name of the rule it is about, if it has one.
	Rule string
	// Key is the key of the file.
	Key string
	// Err says what is wrong. For a condition it begins with where in the condition.
	Err error
}

// Error returns the line, the rule, the key and what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d:%d: ", e.Line, max(e.Column, 1))
	}
	if e.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", e.Rule)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "%s: ", e.Key)
	}
	return b.String() + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Warning is something that a file says and may not mean.
type Warning struct {
	// Line is where, from 1.
	Line int
	// Rule is the name of the rule it is about, if any.
	Rule string
	// Text says what.
	Text string
}

// String returns the line, the rule and the text.
func (w Warning) String() string {
	return (&Error{Line: w.Line, Rule: w.Rule, Err: errors.New(w.Text)}).Error()
}

// Warnings returns what was suspicious about the file that p was read from, in the
// order of the file. The first of all is a rule by which a call could be rejected
// merely because it is unsigned.
func (p *Policy) Warnings() []Warning { return slices.Clone(p.warnings) }

// Parse reads a file of rules. The error joins an [*Error] for each thing that is
// wrong, and the policy is then nil. Parse takes a bounded time for any file of
// [MaxFile] bytes, and refuses larger ones unread.
//
// It refuses what can not work: unknown keys and words, names and lists that do not
// exist, conditions that may cost too much, and rules that could keep a caller waiting
// too long in sum. What works and is probably not meant becomes a warning, see
// [Policy.Warnings].
func Parse(data []byte) (*Policy, error) {
	if len(data) > MaxFile {
		return nil, &Error{Err: fmt.Errorf("the file is larger than %d KiB", MaxFile>>10)}
	}
	places, err := placesIn(data)
	if err != nil {
		return nil, err
	}
	var f file
	decoder := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, decodeErrors(err)
	}
	b := builder{places: places, policy: new(Policy)}
	b.build(&f)
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return b.policy, nil
}

// maxErrors is how many errors of a file are told.
const maxErrors = 20

// decodeErrors gives what the decoder says its place in the file.
func decodeErrors(err error) error {
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var errs []error
		for i := range unknown.Errors[:min(len(unknown.Errors), maxErrors)] {
			e := &unknown.Errors[i]
			line, column := e.Position()
			errs = append(errs, &Error{Line: line, Column: column, Key: strings.Join(e.Key(), "."), Err: errors.New("there is no such key")})
		}
		return errors.Join(errs...)
	}
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := e.Position()
		return &Error{Line: line, Column: column, Key: strings.Join(e.Key(), "."), Err: errors.New(strings.TrimPrefix(e.Error(), "toml: "))}
	}
	return &Error{Err: err}
}

// place is where something stands in a file: line and column from 1.
type place struct{ line, column int }

// places are where the keys stand, by their path, like "rule.0.when".
type places map[string]place

// of returns the place of a path, or of the nearest thing that holds it.
func (p places) of(path string) place {
	for path != "" {
		if at, ok := p[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return place{}
}
