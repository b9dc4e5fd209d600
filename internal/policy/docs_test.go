package policy

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign.example/internal/call"
)

// manual is docs/policy.md.
func manual(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEveryExampleOfTheManualCanBeUsed(t *testing.T) {
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(manual(t), -1)
	if len(examples) < 7 {
		t.Fatalf("the manual has %d examples", len(examples))
	}
	for _, example := range examples {
		p, err := Parse([]byte(example[1]))
		if err != nil {
			t.Errorf("%v\n%s", err, example[1])
			continue
		}
		if w := p.Warnings(); len(w) > 0 {
			t.Errorf("%v\n%s", w, example[1])
		}
	}
}

func TestTheManualNamesEverythingAndNothingElse(t *testing.T) {
	text := manual(t)
	var inMarks []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		inMarks = append(inMarks, m[1])
	}
	var want []string
	for name := range variables {
		want = append(want, name)
	}
	for _, r := range call.Reasons() {
		want = append(want, string(r))
	}
	for _, g := range Gates() {
		want = append(want, string(g))
	}
	want = slices.Concat(want, standings, levels, wordsOf(kinds...), results[1:])
	for _, w := range want {
		if !slices.Contains(inMarks, w) {
			t.Errorf("the manual does not name `%s`", w)
		}
	}
	names := regexp.MustCompile(`^(call|office|verdict|evidence)\.[a-z_.]+$`)
	for _, name := range inMarks {
		if _, ok := variables[name]; !ok && names.MatchString(name) {
			t.Errorf("the manual names `%s`, which does not exist", name)
		}
	}
	for path := range keys {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if key != "*" && !strings.Contains(text, key) {
			t.Errorf("the manual does not name the key %s", path)
		}
	}
	for _, function := range []string{"in_list(", "in_range(", "at_least(", "size(", "startsWith(", "endsWith(", "contains(", "matches("} {
		if !strings.Contains(text, "`"+function) && !strings.Contains(text, "."+function) {
			t.Errorf("the manual does not name %s)", function)
		}
	}
}

func TestTheManualTellsTheLimits(t *testing.T) {
	text := strings.Join(strings.Fields(manual(t)), " ")
	for _, limit := range []string{
		fmt.Sprintf("in silence for %.0f seconds", MaxSilence.Seconds()),
		fmt.Sprintf("in any way for %.0f seconds", MaxWait.Seconds()),
		fmt.Sprintf("%d KiB", MaxFile>>10),
		fmt.Sprintf("%d rules of each kind", MaxRules),
		fmt.Sprintf("%d lists with %d entries", maxLists, maxListed),
		fmt.Sprintf("%d numbers and ranges of our own", maxOwned),
		fmt.Sprintf("%d characters and a cost of %d, all conditions %d", maxCondition, maxCost, maxCosts),
		fmt.Sprintf("first %d bytes, and %d of a URI", maxName, maxURI),
		fmt.Sprintf("%.0f seconds of silence or %.0f seconds of ringing", defaultSilence.Seconds(), defaultHold.Seconds()),
	} {
		if !strings.Contains(text, limit) {
			t.Errorf("the manual does not say %q", limit)
		}
	}
}

func TestTheGatesOfTheManualAreThoseOfTheProtocol(t *testing.T) {
	_, after, _ := strings.Cut(manual(t), "```toml\n[gates]")
	block, _, _ := strings.Cut(after, "```")
	p := parsed(t, "[gates]"+block)
	for _, g := range Gates() {
		if p.gates[g] != protocolGates[g] {
			t.Errorf("%s is %v in the manual, and %v", g, p.gates[g], protocolGates[g])
		}
	}
}
