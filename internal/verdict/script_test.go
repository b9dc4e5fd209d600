package verdict

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign.example/internal/call"
)

// script is one case of testdata, whose README.md explains the lines.
type script struct {
	name    string
	file    string
	level   string
	heard   []call.Reason
	want    call.Verdict
	ordered bool
}

func TestScripts(t *testing.T) {
	for _, s := range scripts(t) {
		t.Run(s.name, func(t *testing.T) {
			c := callOf(t, s.level)
			var ev []call.Evidence
			for _, r := range s.heard {
				ev = append(ev, call.Evidence{Kind: r.Kind(), Reason: r})
			}
			got := Of(c, ev)
			if s.ordered && !slices.Equal(got.Reasons, s.want.Reasons) {
				t.Errorf("%s: Of(%q).Reasons = %q, want %q", s.file, s.heard, got.Reasons, s.want.Reasons)
			}
			got.Reasons, s.want.Reasons = nil, nil
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", s.want); g != w {
				t.Errorf("%s: Of(%q)\n got %s\nwant %s", s.file, s.heard, g, w)
			}
		})
	}
}

func TestEveryRowOfTheTableHasAScriptOfItsOwn(t *testing.T) {
	alone := map[call.Reason]bool{}
	for _, s := range scripts(t) {
		if len(s.heard) == 1 {
			alone[s.heard[0]] = true
		}
	}
	for _, r := range call.Reasons() {
		if !alone[r] {
			t.Errorf("no case in testdata hears %q alone", r)
		}
	}
}

// callOf returns a call of an office of the level, or of no office.
func callOf(t *testing.T, level string) *call.Call {
	t.Helper()
	if level == "no office" {
		return &call.Call{Office: call.Office{Level: call.LevelVerified}}
	}
	c := &call.Call{Office: call.Office{Domain: "president.example"}}
	if err := c.Office.Level.UnmarshalText([]byte(level)); err != nil {
		t.Fatal(err)
	}
	return c
}

func scripts(t *testing.T) []script {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	var all []script
	for _, file := range files {
		all = append(all, readScripts(t, file)...)
	}
	return all
}

func readScripts(t *testing.T, file string) []script {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []script
	seen := map[string]bool{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
			t.Fatalf("%s:%d: no colon in %q", file, n, line)
		case key == "case":
			all = append(all, script{name: value, file: file})
			clear(seen)
		case len(all) == 0:
			t.Fatalf("%s:%d: %q before the first case", file, n, key)
		}
		if seen[key] {
			t.Fatalf("%s:%d: %q stands twice in one case", file, n, key)
		}
		seen[key] = true
		if err := all[len(all)-1].set(key, value); err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (s *script) set(key, value string) error {
	switch key {
	case "case":
		return nil
	case "level":
		s.level = value
		return nil
	case "heard":
		return reasonsIn(value, &s.heard)
	case "reasons":
		s.ordered = true
		return reasonsIn(value, &s.want.Reasons)
	case "expect":
		return s.want.Standing.UnmarshalText([]byte(value))
	case "number":
		return strengthIn(value, &s.want.Number)
	case "office":
		return strengthIn(value, &s.want.Office)
	case "placed":
		return strengthIn(value, &s.want.Placed)
	case "present":
		return strengthIn(value, &s.want.Present)
	case "conflict":
		return yes(value, &s.want.Conflict)
	case "incomplete":
		return yes(value, &s.want.Incomplete)
	}
	return fmt.Errorf("unknown line %q", key)
}

func reasonsIn(value string, to *[]call.Reason) error {
	for _, word := range strings.Fields(value) {
		r := call.Reason(word)
		if !slices.Contains(call.Reasons(), r) {
			return fmt.Errorf("%q is no reason", r)
		}
		*to = append(*to, r)
	}
	return nil
}

func strengthIn(value string, to *call.Strength) error {
	_, err := fmt.Sscanf(value, "%d/%d", &to.For, &to.Against)
	return err
}

func yes(value string, to *bool) error {
	if value != "yes" {
		return fmt.Errorf("%q, want yes or no line at all", value)
	}
	*to = true
	return nil
}
