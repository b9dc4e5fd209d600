package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
)

// ordinary is a call whose evidence is in: unsigned, of nobody we know.
func ordinary() (*call.Call, []call.Evidence, call.Verdict) {
	c := &call.Call{ID: "01", Direction: call.Inbound, Channel: call.SIP, Trunk: "carrier", DisplayName: "Somebody", ArrivedAt: time.Unix(1795532645, 0)}
	c.Calling.TN, c.Called.TN = "12025550142", "12025550199"
	ev := []call.Evidence{{Kind: call.InBand, Reason: call.NoIdentity}, {Kind: call.Directory, Reason: call.NotListed}}
	return c, ev, call.Verdict{Standing: call.Unverified}
}

func benchmarkDecide(b *testing.B, p *Policy) {
	c, ev, v := ordinary()
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(c, ev, v)
	}
}

func BenchmarkDecideDefault(b *testing.B) { benchmarkDecide(b, Default()) }

// fifty is a policy of fifty rules, of which only the last fits.
func fifty(b *testing.B) *Policy {
	var file strings.Builder
	file.WriteString("[lists.blocked]\nnumbers = [")
	for i := range 1000 {
		fmt.Fprintf(&file, "\"1900555%04d\", ", i)
	}
	file.WriteString("]\n")
	for i := range 50 {
		when := []string{
			`in_list(call.calling, "blocked")`,
			`verdict.standing == "refuted" && call.trunk == "carrier"`,
			`call.called == "12025550100" && !at_least(verdict.standing, "partly verified")`,
			`call.calling.startsWith("1900") || evidence.directory.reason == "look-alike"`,
			`office.domain == "president.example" && verdict.number.for < 2`,
		}[i%5]
		fmt.Fprintf(&file, "[[rule]]\nname = \"%d\"\nwhen = '%s'\ndo = \"screen\"\n", i, when)
	}
	return parsed(b, file.String())
}

func BenchmarkDecideFiftyRules(b *testing.B) { benchmarkDecide(b, fifty(b)) }

// BenchmarkDecideFiftyRulesByCEL is what they would cost without being compiled to Go.
func BenchmarkDecideFiftyRulesByCEL(b *testing.B) {
	p := fifty(b)
	for i := range p.rules {
		p.rules[i].when.fast = nil
	}
	benchmarkDecide(b, p)
}

func BenchmarkAssertDefault(b *testing.B) {
	p := Default()
	p.Numbers = append(p.Numbers, "12025550199")
	c, _, _ := ordinary()
	c.Direction, c.Calling, c.Called = call.Outbound, c.Called, c.Calling
	b.ReportAllocs()
	for b.Loop() {
		p.Assert(c, "x")
	}
}

func BenchmarkParseDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(defaultFile); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHostile(b *testing.B) {
	for why, file := range hostile() {
		b.Run(strings.ReplaceAll(why, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				Parse([]byte(file))
			}
		})
	}
}
