package sipcore

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outcome is a line of testdata/rfc4475/outcomes.txt.
type outcome struct {
	name, section string
	wants         []string
	got, reason   string
}

func outcomes(t *testing.T) []outcome {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc4475/outcomes.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []outcome
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 5 {
			t.Fatalf("%q has %d columns, want 5", line, len(f))
		}
		all = append(all, outcome{f[0], f[1], strings.Split(f[2], ","), f[3], f[4]})
	}
	return all
}

func TestTortureMessagesOfRFC4475(t *testing.T) {
	all := outcomes(t)
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) != len(all) || len(all) != 49 {
		t.Fatalf("there are %d files and %d outcomes of 49 messages, %v", len(files), len(all), err)
	}
	for _, o := range all {
		t.Run(o.section+" "+o.name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/rfc4475/" + o.name + ".dat")
			if err != nil {
				t.Fatal(err)
			}
			got := tortured(t, text, strings.HasPrefix(o.section, "3.1.1"))
			if got != o.got {
				t.Errorf("got %s, and the list says %s", got, o.got)
			}
			if passes := slices.Contains(o.wants, got); passes != (o.reason == "") {
				t.Errorf("got %s, want %v, and the reason for a difference is %q", got, o.wants, o.reason)
			}
		})
	}
}

// tortured is what an endpoint does with a datagram: accept, a status, or drop.
func tortured(t *testing.T, text []byte, valid bool) string {
	got := "drop"
	handler := func(_ context.Context, tx *ServerTx) { got = "accept"; tx.terminate() }
	inBubble(t, Config{}, handler, func(b *bubble) {
		b.arriving <- datagram{peer: caller, text: string(text)}
		for _, d := range b.pass(0) {
			if status, ok := strings.CutPrefix(d.text, "SIP/2.0 "); ok && got != "accept" {
				got = status[:3]
			}
		}
	})
	// A response is dropped because it is nobody's. Of those that are valid (section
	// 3.1.1) what matters is that they could be read.
	if m, err := parseWire(text); valid && err == nil && !m.IsRequest() {
		return "accept"
	}
	if n, err := strconv.Atoi(got); err == nil && n < 400 {
		t.Errorf("answered %d", n)
	}
	return got
}

func TestABranchThatIsOnlyTheCookieNamesNoTransaction(t *testing.T) {
	handled := 0
	handler := func(_ context.Context, tx *ServerTx) { handled++; tx.Reply(200, "") }
	inBubble(t, Config{}, handler, func(b *bubble) {
		b.deliver(caller, request("OPTIONS", ""))
		b.deliver(caller, request("OPTIONS", ""))
		b.deliver(caller, strings.Replace(request("OPTIONS", ""), "call-1@", "call-2@", 1))
		if handled != 2 {
			t.Errorf("the handler ran %d times, want once for each call", handled)
		}
	})
}
