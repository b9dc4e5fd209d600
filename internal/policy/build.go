package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// How long the rules may keep a caller waiting. In silence a caller soon thinks that
// nothing happens; while it rings, a proxy before us ends the call after three minutes
// (timer C, RFC 3261 section 16.6 step 11).
const (
	// MaxSilence is how long all rules that wait in silence may take in sum.
	MaxSilence = 10 * time.Second
	// MaxWait is how long all rules that wait or hold may take in sum.
	MaxWait = 150 * time.Second

	defaultSilence = 5 * time.Second
	defaultHold    = 20 * time.Second
)

// builder makes a policy of a file, and collects what is wrong with it.
type builder struct {
	places   places
	policy   *Policy
	language *language
	errs     []error
	cost     uint64
	names    map[string]bool
}

// wrong notes an error at the path, which is about the rule if it has a name.
func (b *builder) wrong(path, rule string, err error) {
	if len(b.errs) == maxErrors {
		return
	}
	at := b.places.of(path)
	key := path[strings.LastIndexByte(path, '.')+1:]
	if _, err := strconv.Atoi(key); err == nil {
		key = ""
	}
	b.errs = append(b.errs, &Error{Line: at.line, Column: at.column, Rule: rule, Key: key, Err: err})
}

func (b *builder) warn(path, rule, format string, a ...any) {
	b.policy.warnings = append(b.policy.warnings, Warning{Line: b.places.of(path).line, Rule: rule, Text: fmt.Sprintf(format, a...)})
}

func (b *builder) build(f *file) {
	b.policy.Numbers, b.policy.Ranges = b.owned(&f.Ours)
	lists := b.lists(f.Lists)
	var err error
	if b.language, err = newLanguage(lists); err != nil {
		b.wrong("", "", err)
		return
	}
	b.rules(f.Rule)
	b.signRules(f.Sign)
	b.gates(f.Gates)
	b.shows(&f.Show)
	if f.Out != nil {
		b.policy.outage = b.action("outage", "", f.Out)
		switch b.policy.outage.Kind {
		case call.Connect, call.Divert:
		case call.Reject:
			b.warn("outage", "", "a fault of our own, such as a full disk, refuses calls")
		default:
			b.wrong("outage.do", "", errors.New("a fault of our own can connect, divert or reject a call"))
		}
	}
	b.bounds()
	slices.SortStableFunc(b.policy.warnings, func(x, y Warning) int { return x.Line - y.Line })
}

// bounds checks what only the whole can exceed.
func (b *builder) bounds() {
	if b.cost > maxCosts {
		b.wrong("rule", "", fmt.Errorf("all conditions may cost %d together, and %d is the most allowed", b.cost, maxCosts))
	}
	silent, all := b.policy.Longest()
	if silent > MaxSilence {
		b.wrong("rule", "", fmt.Errorf("a caller could wait in silence for %v, and %v is the most allowed", silent, MaxSilence))
	}
	if all > MaxWait {
		b.wrong("rule", "", fmt.Errorf("a caller could be kept waiting for %v, and %v is the most allowed", all, MaxWait))
	}
}

// condition compiles the condition at the path. Without one the rule fits every call.
func (b *builder) condition(path, rule string, text *string, judged bool) condition {
	if text == nil {
		return condition{}
	}
	c, err := b.language.compile(*text, judged)
	if err != nil {
		flaws := []error{err}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			flaws = joined.Unwrap()
		}
		for _, flaw := range flaws {
			b.wrong(path, rule, flaw)
		}
	}
	b.cost += c.cost
	return c
}

// name checks the name of a rule, which must tell it from all others.
func (b *builder) name(path, name string) {
	if b.names == nil {
		b.names = map[string]bool{emergencyRule: true, outageRule: true, noRule: true}
	}
	switch {
	case name == "":
		b.wrong(path, "", errors.New("it has no name"))
	case !plain(name, maxWord):
		b.wrong(path+".name", "", fmt.Errorf("a name is at most %d printable characters", maxWord))
	case b.names[name]:
		b.wrong(path+".name", "", fmt.Errorf("there is a rule %q already", name))
	}
	b.names[name] = true
}

func (b *builder) signRules(rules []fileSign) {
	if len(rules) > MaxRules {
		b.wrong("sign", "", fmt.Errorf("there are %d rules, and %d is the most allowed", len(rules), MaxRules))
		return
	}
	for i, f := range rules {
		path := fmt.Sprintf("sign.%d", i)
		b.name(path, f.Name)
		r := signRule{name: f.Name, when: b.condition(path+".when", f.Name, f.When, false)}
		switch f.Attest {
		case "A":
			r.says.Attest = "A"
			if !r.when.mentions("call.calling", "call.calling_is_ours") {
				b.warn(path, f.Name, "it vouches for any number that is shown, whoever it belongs to")
			}
		case "B":
			r.says.Attest = "B"
		case "C":
			r.says.Attest = "C"
		case "none":
		default:
			b.wrong(path+".attest", f.Name, errors.New(`it is "A", "B", "C" or "none"`))
		}
		b.policy.sign = append(b.policy.sign, r)
	}
}

func (b *builder) gates(file map[string]fileByWord) {
	b.policy.gates = maps.Clone(protocolGates)
	for _, name := range slices.Sorted(maps.Keys(file)) {
		path, g := "gates."+name, Gate(name)
		if !slices.Contains(Gates(), g) {
			b.wrong(path, "", fmt.Errorf("the gates are %s", quoted(wordsOf(Gates()...))))
			continue
		}
		f := file[name]
		var row [call.Verified + 1]Passage
		for standing, word := range map[call.Standing]string{
			call.Unverified: f.Unverified, call.PartlyVerified: f.PartlyVerified, call.Verified: f.Verified} {
			i := slices.Index(passageNames[:], word)
			if i < 0 {
				b.wrong(path, "", fmt.Errorf("for a call that is %v it is one of %s", standing, quoted(passageNames[:])))
				continue
			}
			row[standing] = Passage(i)
		}
		b.gate(path, g, row)
	}
}

// gate takes one row of the table, unless it makes no sense.
func (b *builder) gate(path string, g Gate, row [call.Verified + 1]Passage) {
	switch {
	case g == AnnouncePublicly && row != protocolGates[g]:
		b.wrong(path, "", errors.New("it is closed: it needs a stored receipt, which no verdict can stand for"))
	case row[call.Unverified] > row[call.PartlyVerified] || row[call.PartlyVerified] > row[call.Verified]:
		b.wrong(path, "", errors.New("a better verdict can not open less than a worse one"))
	}
	for standing, passage := range row {
		if usual := protocolGates[g][standing]; passage > usual {
			b.warn(path, "", "%s is %v for a call that is %v, and usually %v", g, passage, call.Standing(standing), usual)
		}
	}
	b.policy.gates[g] = row
}

// owned reads the office's own numbers.
func (b *builder) owned(f *fileNumbers) ([]tn.Number, []tn.Range) {
	if n := len(f.Numbers) + len(f.Ranges); n > maxOwned {
		b.wrong("ours", "", fmt.Errorf("there are %d numbers and ranges, and %d is the most allowed; ranges hold many numbers", n, maxOwned))
		return nil, nil
	}
	numbers := b.numbers("ours.numbers", f.Numbers)
	var ranges []tn.Range
	for _, r := range f.Ranges {
		n, err := tn.Parse(r.First)
		if err == nil {
			err = rangeOf(r.First, r.Count).check()
		}
		if err != nil {
			b.wrong("ours.ranges", "", err)
			continue
		}
		ranges = append(ranges, tn.Range{Start: n, Count: uint64(r.Count)})
	}
	return numbers, ranges
}

func (b *builder) numbers(path string, texts []string) []tn.Number {
	var all []tn.Number
	for i, s := range texts {
		n, err := tn.Parse(s)
		if err != nil {
			b.wrong(path, "", fmt.Errorf("the entry %d is no telephone number", i+1))
			continue
		}
		all = append(all, n)
	}
	return all
}

// lists reads the named lists.
func (b *builder) lists(file map[string]fileList) map[string]*list {
	all, sum := map[string]*list{}, 0
	for _, name := range slices.Sorted(maps.Keys(file)) {
		f := file[name]
		all[name] = b.list("lists."+name, &f)
		sum += len(f.Numbers) + len(f.Ranges) + len(f.Domains) + len(f.Trunks)
	}
	if len(all) > maxLists || sum > maxListed {
		b.wrong("lists", "", fmt.Errorf("there are %d lists with %d entries, and %d with %d are the most allowed", len(all), sum, maxLists, maxListed))
	}
	return all
}

func (b *builder) list(path string, f *fileList) *list {
	l := &list{entries: map[string]bool{}}
	kinds := 0
	for kind, n := range map[string]int{
		ofNumbers: len(f.Numbers) + len(f.Ranges), ofDomains: len(f.Domains), ofTrunks: len(f.Trunks)} {
		if n > 0 {
			l.kind = kind
			kinds++
		}
	}
	if kinds > 1 {
		b.wrong(path, "", errors.New("a list holds numbers, domains or trunks; make one of each"))
	}
	for _, n := range b.numbers(path+".numbers", f.Numbers) {
		l.entries[string(n)] = true
	}
	for i, r := range f.Ranges {
		block := rangeOf(r.First, r.Count)
		if err := block.check(); err != nil {
			b.wrong(path+".ranges", "", fmt.Errorf("the entry %d: %w", i+1, err))
			continue
		}
		l.blocks = append(l.blocks, block)
	}
	for i, d := range f.Domains {
		name, all := strings.CutPrefix(d, "*.")
		switch {
		case !isDomain(name):
			b.wrong(path+".domains", "", fmt.Errorf("the entry %d is no domain in lower case", i+1))
		case all:
			l.under = append(l.under, "."+name)
		default:
			l.entries[name] = true
		}
	}
	for i, t := range f.Trunks {
		if !plain(t, maxWord) {
			b.wrong(path+".trunks", "", fmt.Errorf("the entry %d is no name of a trunk", i+1))
		}
		l.entries[t] = true
	}
	return l
}
