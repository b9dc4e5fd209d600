package policy

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// script is one case of testdata, whose README.md explains the lines: the line's key,
// and its value.
type script struct {
	where string
	name  string
	lines map[string]string
}

var (
	decideLines = []string{"decide", "policy", "emergency", "calling", "called", "trunk", "name", "office", "level", "signed", "at",
		"heard", "verdict", "conflict", "number", "ask", "action", "atmost", "fallback", "show", "rule"}
	assertLines = []string{"assert", "policy", "ours", "trunk", "direction", "calling", "called", "attest", "why"}
	gateLines   = []string{"gate", "policy", "verdict", "conflict", "passages"}
)

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		for _, s := range readScripts(t, file) {
			t.Run(s.name, func(t *testing.T) {
				switch {
				case s.has("decide"):
					s.decide(t)
				case s.has("assert"):
					s.assert(t)
				default:
					s.gate(t)
				}
			})
		}
	}
}

func (s script) has(key string) bool {
	_, ok := s.lines[key]
	return ok
}

// policy returns the policy that the case names, or the default.
func (s script) policy(t *testing.T) *Policy {
	t.Helper()
	if !s.has("policy") {
		return Default()
	}
	data, err := os.ReadFile(filepath.Join("testdata", s.lines["policy"]))
	if err != nil {
		t.Fatalf("%s: %v", s.where, err)
	}
	p, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", s.where, err)
	}
	return p
}

// call returns the call that the case describes.
func (s script) call(t *testing.T) *call.Call {
	t.Helper()
	c := &call.Call{ID: "01", Direction: call.Direction(s.lines["direction"]), Trunk: s.lines["trunk"], DisplayName: s.lines["name"],
		ArrivedAt: time.Date(2026, 11, 24, 15, 4, 5, 0, time.UTC)}
	c.Calling.TN, c.Calling.URI = party(s.lines["calling"])
	c.Called.TN, c.Called.URI = party(s.lines["called"])
	c.Signalling.Emergency = s.lines["emergency"] == "yes"
	if s.lines["signed"] == "yes" {
		c.Signalling.Identity = []string{"x"}
	}
	c.Office.Domain = s.lines["office"]
	if word, ok := s.lines["level"]; ok {
		if err := c.Office.Level.UnmarshalText([]byte(word)); err != nil {
			t.Fatalf("%s: %v", s.where, err)
		}
	}
	if at, ok := s.lines["at"]; ok {
		var err error
		if c.ArrivedAt, err = time.Parse(time.RFC3339, at); err != nil {
			t.Fatalf("%s: %v", s.where, err)
		}
	}
	return c
}

// verdict returns the verdict of the case.
func (s script) verdict(t *testing.T) call.Verdict {
	t.Helper()
	v := call.Verdict{Standing: call.Unverified, Conflict: s.lines["conflict"] == "yes"}
	if word, ok := s.lines["verdict"]; ok {
		if err := v.Standing.UnmarshalText([]byte(word)); err != nil {
			t.Fatalf("%s: %v", s.where, err)
		}
	}
	if pair, ok := s.lines["number"]; ok {
		if _, err := fmt.Sscanf(pair, "%d/%d", &v.Number.For, &v.Number.Against); err != nil {
			t.Fatalf("%s: %v", s.where, err)
		}
	}
	return v
}

func (s script) decide(t *testing.T) {
	p, c, v := s.policy(t), s.call(t), s.verdict(t)
	var ev []call.Evidence
	for _, word := range strings.Fields(s.lines["heard"]) {
		r := call.Reason(word)
		if r.Kind() == "" {
			t.Fatalf("%s: %q is no reason of any kind", s.where, r)
		}
		ev = append(ev, call.Evidence{Kind: r.Kind(), Reason: r})
	}
	action, kinds := p.Decide(c, ev, v)
	var ask []string
	for _, k := range kinds {
		ask = append(ask, string(k))
	}
	if got, want := ask, strings.Fields(s.lines["ask"]); !slices.Equal(got, want) {
		t.Errorf("%s: Decide(%v) asks %q, want %q", s.where, s.lines["heard"], got, want)
	}
	for key, got := range map[string]string{
		"action": words(action), "rule": action.Rule, "atmost": action.AtMost.String(), "show": shown(action.Show),
		"fallback": words(p.Fallback(c, ev, v)),
	} {
		want, ok := s.lines[key]
		if (ok || key == "action" || key == "rule") && got != want {
			t.Errorf("%s: Decide(%v): its %s is %q, want %q", s.where, s.lines["heard"], key, got, want)
		}
	}
}

func (s script) gate(t *testing.T) {
	p, v := s.policy(t), s.verdict(t)
	var got []string
	for _, g := range Gates() {
		got = append(got, p.Gate(g, v).String())
	}
	if want := strings.Fields(s.lines["passages"]); !slices.Equal(got, want) {
		t.Errorf("%s: the gates are %q, want %q", s.where, got, want)
	}
}

// shown returns how a call is shown, as scripts write it.
func shown(s call.Show) string {
	var all []string
	for _, word := range []string{s.Prefix, s.AlertInfo} {
		if word != "" {
			all = append(all, word)
		}
	}
	if s.NoVerstat {
		all = append(all, "no-verstat")
	}
	return strings.Join(all, " ")
}

// words returns the action as scripts write it.
func words(a call.Action) string {
	switch a.Kind {
	case "":
		return "wait"
	case call.Reject:
		return fmt.Sprintf("%s %d %s", a.Kind, a.Status, a.Phrase)
	}
	if !a.Target.IsZero() {
		return fmt.Sprintf("%s %s%s", a.Kind, a.Target.TN, a.Target.URI)
	}
	return string(a.Kind)
}

func (s script) assert(t *testing.T) {
	p := s.policy(t)
	for _, word := range strings.Fields(s.lines["ours"]) {
		start, count, isRange := strings.Cut(word, "+")
		if n, err := strconv.ParseUint(count, 10, 64); isRange && start != "" && err == nil {
			p.Ranges = append(p.Ranges, tn.Range{Start: tn.Number(start), Count: n})
		} else {
			p.Numbers = append(p.Numbers, tn.Number(word))
		}
	}
	c := s.call(t)
	a := p.Assert(c, "0f8b0a2e-6a6e-4c44-9d38-6a2f1f6d1a55")
	attest := string(a.Attest)
	if attest == "" {
		attest = "none"
	}
	if attest != s.lines["attest"] || a.Why != s.lines["why"] {
		t.Fatalf("%s: Assert = %q %q, want %q %q", s.where, attest, a.Why, s.lines["attest"], s.lines["why"])
	}
	if a.Attest == "" {
		if !a.Orig.IsZero() || !a.Dest.IsZero() || a.Origid != "" {
			t.Errorf("%s: an unsigned call is still asserted about: %+v", s.where, a)
		}
		return
	}
	if !a.Attest.Valid() || a.Orig != c.Calling || !a.Dest.Has(c.Called) || !a.IssuedAt.Equal(c.ArrivedAt) ||
		a.Origid != "0f8b0a2e-6a6e-4c44-9d38-6a2f1f6d1a55" {
		t.Errorf("%s: Assert = %+v for %+v", s.where, a, c)
	}
}

func party(s string) (n tn.Number, uri string) {
	if strings.Contains(s, ":") {
		return "", s
	}
	return tn.Number(s), ""
}

func readScripts(t *testing.T, file string) []script {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []script
	var allowed []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		where := fmt.Sprintf("%s:%d", file, n)
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
			t.Fatalf("%s: no colon in %q", where, line)
		case key == "decide":
			allowed = decideLines
			all = append(all, script{where, value, map[string]string{}})
		case key == "gate":
			allowed = gateLines
			all = append(all, script{where, value, map[string]string{}})
		case key == "assert":
			allowed = assertLines
			all = append(all, script{where, value, map[string]string{}})
		case len(all) == 0:
			t.Fatalf("%s: %q before the first case", where, key)
		}
		last := all[len(all)-1].lines
		if _, twice := last[key]; twice || !slices.Contains(allowed, key) {
			t.Fatalf("%s: unknown or repeated line %q", where, key)
		}
		last[key] = value
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
