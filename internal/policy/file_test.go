package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) {
	rule := func(lines string) string { return "[[rule]]\nname = \"r\"\n" + lines }
	for _, c := range []struct{ why, file, want string }{
		{"no TOML", "[[rule]\n", "line 1:"},
		{"an unknown key", rule("do = \"connect\"\nwen = \"true\""), "line 4:1: rule.wen: there is no such key"},
		{"a part of the last rule", rule("do = \"connect\"\n[[rule]]\nname = \"s\"\nask = [\"voice\"]\n[rule.then]\ndo = \"drop\""), "line 8:1: rule \"s\": do: it is"},
		{"a key of a list of tables", "[ours]\nranges = [{ first = \"1\", count = 3 }, { from = \"1\" }]", "line 2:41: ours.ranges.from: there is no such key"},
		{"an unknown table", "[offices]\n", "line 1:2: offices: there is no such key"},
		{"a key in other letters", rule("Do = \"connect\""), "line 3:1: a key is at most 64 lower-case letters"},
		{"a value of another type", rule("do = 3"), "line 3:"},
		{"a rule twice", rule("do = \"connect\"\n") + rule("do = \"connect\""), `line 5:1: name: there is a rule "r" already`},
		{"a rule without a name", "[[rule]]\ndo = \"connect\"", "line 1:3: it has no name"},
		{"a name that is one of ours", "[[rule]]\nname = \"our own outage\"\ndo = \"connect\"", "line 2:1: name: there is a rule"},
		{"a name of two lines", "[[rule]]\nname = \"a\\nb\"\ndo = \"connect\"", "line 2:1: name: a name is at most"},
		{"nothing to do", rule(""), `line 1:3: rule "r": it neither asks nor does anything`},
		{"an unknown action", rule("do = \"drop\""), `line 3:1: rule "r": do: it is "connect", "hold"`},
		{"an unknown kind", rule("ask = [\"stars\"]"), `line 3:1: rule "r": ask: "stars" is no kind of evidence`},
		{"a kind twice", rule("ask = [\"voice\", \"voice\"]"), `"voice" stands in it twice`},
		{"a challenge", rule("do = \"reject\"\nstatus = 401"), `line 4:1: rule "r": status: it is from 400 to 699, and no challenge`},
		{"a success", rule("do = \"reject\"\nstatus = 200\nphrase = \"x\""), "status: it is from 400"},
		{"a status nobody knows", rule("do = \"reject\"\nstatus = 499"), "phrase: it is at most"},
		{"a phrase that ends the line", rule("do = \"reject\"\nphrase = \"a\\r\\nVia: b\""), "phrase: it is at most"},
		{"a status of a connection", rule("do = \"connect\"\nstatus = 603"), "status and phrase are those of a rejection"},
		{"a status of nothing", rule("ask = [\"voice\"]\nstatus = 603"), "it does nothing"},
		{"a diversion to nowhere", rule("do = \"divert\""), "say with target"},
		{"a target of a connection", rule("do = \"connect\"\ntarget = \"123\""), "target: only a call that is diverted"},
		{"a target that is nothing", rule("do = \"divert\"\ntarget = \"alice\""), "target: it is neither a telephone number nor a SIP URI"},
		{"a target that ends the header", rule("do = \"divert\"\ntarget = \"sip:a@b>\""), "target: it is no SIP URI"},
		{"a hold without an end", rule("do = \"hold\""), "say with then what becomes of the call"},
		{"a hold that ends in a hold", rule("do = \"hold\"\nthen = { do = \"hold\" }"), "a hold can not end in a hold"},
		{"then after nothing", rule("do = \"connect\"\nthen = { do = \"screen\" }"), "it waits for nothing"},
		{"meanwhile without a question", rule("do = \"connect\"\nmeanwhile = \"hold\""), "are for rules that ask"},
		{"meanwhile something else", rule("ask = [\"voice\"]\nmeanwhile = \"connect\""), `meanwhile: it is "wait" or "hold"`},
		{"a time without a unit", rule("ask = [\"voice\"]\nat_most = \"20\""), "line 4:1: rule \"r\": at_most: it is a time like"},
		{"a time before now", rule("ask = [\"voice\"]\nat_most = \"-2s\""), "at_most: it is a time like"},
		{"more silence than a caller bears", rule("ask = [\"voice\"]\nat_most = \"11s\""), "a caller could wait in silence for 11s, and 10s"},
		{"silence in turns", rule("ask = [\"voice\", \"contact\", \"inquiry\"]\nin_turn = true\nat_most = \"4s\""), "in silence for 12s"},
		{"holds that exceed the ringing time together", rule("ask = [\"voice\"]\nmeanwhile = \"hold\"\nat_most = \"100s\"\ndo = \"hold\"\nthen = { do = \"screen\" }"),
			"a caller could be kept waiting for 3m20s, and 2m30s"},
		{"an empty condition", rule("do = \"connect\"\nwhen = \" \""), "line 4:1: rule \"r\": when: it is empty"},
		{"a condition that is a text", rule("do = \"connect\"\nwhen = \"call.trunk\""), "at 1:1: it is a string, and must be true or false"},
		{"a comparison of kinds", rule("do = \"connect\"\nwhen = 'call.trunk == 3'"), "at 1:12: found no matching overload"},
		{"an unknown name", rule("do = \"connect\"\nwhen = 'true && call.color == \"x\"'"), "at 1:9: there is no call.color"},
		{"an unknown function", rule("do = \"connect\"\nwhen = 'now() == 3'"), "at 1:1: there is no now"},
		{"a loop", rule("do = \"connect\"\nwhen = '[1, 2].all(x, x > 0)'"), "there is no"},
		{"a place in the second line", rule("do = \"connect\"\nwhen = '''\ntrue &&\n  call.nothing == 1'''"), "at 2:3: there is no call.nothing"},
		{"a word that is never", rule("do = \"connect\"\nwhen = '\"attested\" == evidence.in_band.reason'"), `at 1:1: evidence.in_band.reason is never "attested"`},
		{"a word that is never, in a list", rule("do = \"connect\"\nwhen = 'call.weekday_utc in [\"monday\", \"Sunday\"]'"), `call.weekday_utc is never "Sunday"`},
		{"a reason of another kind", rule("do = \"connect\"\nwhen = 'evidence.directory.reason == \"attested-full\"'"), "is never \"attested-full\""},
		{"an order of texts", rule("do = \"connect\"\nwhen = 'verdict.standing >= \"verified\"'"), "write at_least"},
		{"at_least of something else", rule("do = \"connect\"\nwhen = 'at_least(office.level, \"verified\")'"), "at_least is about verdict.standing"},
		{"at_least a word that is none", rule("do = \"connect\"\nwhen = 'at_least(verdict.standing, \"good\")'"), "a standing is one of"},
		{"a list that does not exist", rule("do = \"connect\"\nwhen = 'in_list(call.calling, \"vip\")'"), `there is no list "vip"`},
		{"a list of other things", "[lists.a]\ntrunks = [\"x\"]\n" + rule("do = \"connect\"\nwhen = 'in_list(call.calling, \"a\")'"), `the list "a" holds no numbers`},
		{"a list of everything", "[lists.a]\ntrunks = [\"x\"]\nnumbers = [\"1\"]", "line 1:2: a: a list holds numbers, domains or trunks"},
		{"a look-up of something else", "[lists.a]\n" + rule("do = \"connect\"\nwhen = 'in_list(call.display_name, \"a\")'"), "in_list is about"},
		{"a list that is not written out", "[lists.a]\n" + rule("do = \"connect\"\nwhen = 'in_list(call.trunk, call.trunk)'"), "must be written out"},
		{"a range that is none", rule("do = \"connect\"\nwhen = 'in_range(call.calling, \"99\", 3)'"), "runs past the last number"},
		{"a range of nothing", rule("do = \"connect\"\nwhen = 'in_range(call.calling, \"99\", 0)'"), "a range of 0 numbers is none"},
		{"a pattern from outside", rule("do = \"connect\"\nwhen = 'call.trunk.matches(call.display_name)'"), "a pattern must be written out"},
		{"a pattern that is none", rule("do = \"connect\"\nwhen = 'call.trunk.matches(\"(\")'"), "missing closing )"},
		{"a list on the left", rule("do = \"connect\"\nwhen = '[1] == [1]'"), `a list can only stand on the right of "in"`},
		{"a fraction", rule("do = \"connect\"\nwhen = '1.5 == 1.5'"), "only texts, whole numbers"},
		{"a map", rule("do = \"connect\"\nwhen = '{\"a\": 1}.a == 1'"), "can not be used here"},
		{"a number that is none", "[lists.a]\nnumbers = [\"1\", \"alice\"]", "line 2:1: numbers: the entry 2 is no telephone number"},
		{"a domain that is none", "[lists.a]\ndomains = [\"President.example\"]", "domains: the entry 1 is no domain"},
		{"an own range that is none", "[ours]\nranges = [{ first = \"1\", count = 20 }]", "line 2:1: ranges: "},
		{"an attestation that is none", "[[sign]]\nname = \"s\"\nattest = \"D\"", `line 3:1: rule "s": attest: it is "A"`},
		{"a verdict on a call that leaves", "[[sign]]\nname = \"s\"\nattest = \"A\"\nwhen = 'verdict.conflict'", "nobody judges it"},
		{"an outage that holds", "[outage]\ndo = \"hold\"", "line 2:1: do: a fault of our own can connect"},
		{"an unknown gate", "[gates]\nsleep = {}", `line 2:1: sleep: the gates are "put_through"`},
		{"a gate that is ajar", "[gates]\npay = { unverified = \"ajar\", partly_verified = \"closed\", verified = \"closed\" }", "for a call that is unverified it is one of"},
		{"a gate that opens for less", "[gates]\npay = { unverified = \"open\", partly_verified = \"closed\", verified = \"open\" }", "a better verdict can not open less"},
		{"the gate to the public", "[gates]\nannounce_publicly = { unverified = \"closed\", partly_verified = \"closed\", verified = \"ask\" }", "it is closed"},
		{"a prefix with a quotation mark", "[show.verified]\nprefix = '\"'", "line 2:1: prefix: it is at most 32"},
		{"a ring that adds a header field", "[show.verified]\nalert_info = \"<urn:a:b>\\r\\nTo: x\"", "alert_info: it is one URI"},
		{"two rings", "[show.verified]\nalert_info = \"<urn:a:b>, <urn:c:d>\"", "alert_info: it is one URI"},
	} {
		p, err := Parse([]byte(c.file))
		if err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Parse = %v, %v\nwant %s", c.why, p, err, c.want)
		}
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	_, err := Parse([]byte("[[rule]]\nname = \"a\"\ndo = \"x\"\n[[rule]]\nname = \"b\"\nwhen = 'call.a || call.b'\ndo = \"connect\"\n[gates]\nx = {}\n"))
	if n := strings.Count(err.Error(), "\n") + 1; n != 4 {
		t.Errorf("Parse tells %d mistakes, want 4:\n%v", n, err)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Line != 3 || e.Column != 1 || e.Rule != "a" || e.Key != "do" || e.Unwrap() == nil {
		t.Errorf("the first is %+v", e)
	}
}

func TestARuleThatRejectsUnsignedCallsIsWarnedOf(t *testing.T) {
	for condition, warned := range map[string]bool{
		`true`:                                                                   true,
		`!call.withheld`:                                                         false,
		`!call.has_identity`:                                                     true,
		`verdict.standing == "refuted"`:                                          false,
		`verdict.standing == "unverified"`:                                       true,
		`verdict.standing != "verified"`:                                         true,
		`!at_least(verdict.standing, "partly verified")`:                         true,
		`at_least(verdict.standing, "unverified")`:                               true,
		`verdict.number.for < 2`:                                                 true,
		`verdict.number.against >= 2`:                                            false,
		`verdict.number.for == 0 && call.trunk == "cheap"`:                       true,
		`call.trunk == "cheap"`:                                                  false,
		`call.trunk == "cheap" || evidence.in_band.result == "absent"`:           true,
		`(call.trunk == "cheap" && !call.has_identity) || call.called == "1"`:    true,
		`call.has_identity && verdict.standing == "refuted"`:                     false,
		`evidence.in_band.reason in ["number-of-another", "number-not-covered"]`: false,
		`evidence.in_band.reason in ["seen-before", "no-identity"]`:              true,
		`evidence.directory.reason == "look-alike"`:                              false,
		`evidence.inquiry.reason == "not-placed"`:                                false,
		`evidence.inquiry.reason == "declined" && verdict.number.for < 1`:        true,
		`verdict.conflict`:                                                       false,
		`verdict.incomplete`:                                                     false,
		`evidence.rich_call_data.reason != "provider-name" && call.hour_utc < 6`: true,
		`call.calling.startsWith("1900") && call.hour_utc / 2 > 3`:               false,
	} {
		for _, do := range []string{
			"do = \"reject\"",
			"ask = [\"contact\"]\nmeanwhile = \"hold\"\nthen = { do = \"reject\" }",
		} {
			p := parsed(t, fmt.Sprintf("[[rule]]\nname = \"r\"\nwhen = '%s'\n%s", condition, do))
			if got := len(p.Warnings()) > 0; got != warned {
				t.Errorf("%s: %s: warned %v, want %v: %v", condition, do, got, warned, p.Warnings())
			}
		}
		p := parsed(t, fmt.Sprintf("[[rule]]\nname = \"r\"\nwhen = '%s'\ndo = \"screen\"", condition))
		if len(p.Warnings()) > 0 {
			t.Errorf("%s: a call that is screened is not rejected: %v", condition, p.Warnings())
		}
	}
}

func TestWhatIsProbablyNotMeantIsWarnedOf(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"[[rule]]\nname = \"all\"\ndo = \"connect\"\n[[rule]]\nname = \"late\"\ndo = \"screen\"", `line 4:1: rule "late": it is never reached: "all" fits every call`},
		{"[[rule]]\nname = \"all\"\ndo = \"reject\"", `rule "all": it rejects every call that reaches it`},
		{"[[sign]]\nname = \"all\"\nattest = \"A\"", `it vouches for any number that is shown`},
		{"[outage]\ndo = \"reject\"", "a fault of our own, such as a full disk, refuses calls"},
		{"[gates]\npay = { unverified = \"closed\", partly_verified = \"closed\", verified = \"ask\" }", "pay is ask for a call that is verified, and usually closed"},
	} {
		var told []string
		for _, w := range parsed(t, c.file).Warnings() {
			told = append(told, w.String())
		}
		if got := strings.Join(told, "\n"); len(told) != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%s\nwarns %q, want %q", c.file, got, c.want)
		}
	}
}

// hostile are files that would cost much if they could.
func hostile() map[string]string {
	when := func(s string) string { return "[[rule]]\nname = \"r\"\ndo = \"connect\"\nwhen = '" + s + "'\n" }
	many := func(n int, text string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, text, i)
		}
		return b.String()
	}
	return map[string]string{
		"too large":                 strings.Repeat("#", MaxFile+1),
		"brackets":                  "a = " + strings.Repeat("[", MaxFile-10),
		"inline tables":             "a = " + strings.Repeat("{a=", MaxFile/3-10),
		"a deep key":                strings.Repeat("a.", MaxFile/2-10) + "a = 1",
		"tables":                    many(60000, "[a%d]\n"),
		"unknown keys":              many(60000, "a%d = 1\n"),
		"rules":                     many(MaxRules+1, "[[rule]]\nname = \"%d\"\ndo = \"connect\"\n"),
		"signing rules":             many(MaxRules+1, "[[sign]]\nname = \"%d\"\nattest = \"none\"\n"),
		"lists":                     many(maxLists+1, "[lists.a%d]\n"),
		"entries":                   "[lists.a]\nnumbers = [" + many(maxListed+1, "\"%d\",") + "]",
		"own numbers":               "[ours]\nnumbers = [" + many(maxOwned+1, "\"%d\",") + "]",
		"a long condition":          when("true" + strings.Repeat(" || true", 1000)),
		"a condition of a megabyte": when(strings.Repeat("(", MaxFile-100)),
		"parentheses":               when(strings.Repeat("(", 900) + "true" + strings.Repeat(")", 900)),
		"negations without end":     when(strings.Repeat("!(", 900) + "true" + strings.Repeat(")", 900)),
		"choices":                   when(strings.Repeat("true ? true : ", 130) + "true"),
		"doubling":                  when("size(" + strings.Repeat("call.display_name + ", 90) + "call.display_name) > 1 && call.display_name.contains(call.calling_uri + call.called_uri)"),
		"patterns":                  when(`call.display_name.matches("(((((((((a{100}){100}){100}){100}){100}))))))")`),
		"costs in sum": many(150, "[[rule]]\nname = \"%d\"\ndo = \"connect\"\nwhen = '"+
			`call.display_name.contains(office.level) && call.trunk.contains(call.weekday_utc) && office.name.contains(call.weekday_utc)`+"'\n"),
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	for why, file := range hostile() {
		if p, err := Parse([]byte(file)); err == nil {
			t.Errorf("%s: Parse = %v, want an error", why, p)
		} else if n := len(err.Error()); n > 10000 {
			t.Errorf("%s: the error has %d characters", why, n)
		}
	}
}

func TestWhatIsAllowedAtMostIsAccepted(t *testing.T) {
	var b strings.Builder
	for i := range MaxRules {
		fmt.Fprintf(&b, "[[rule]]\nname = \"%d\"\nwhen = 'verdict.standing == \"refuted\" && call.trunk == \"%d\"'\ndo = \"reject\"\n", i, i)
	}
	b.WriteString("[lists.a]\nnumbers = [")
	for i := range maxListed {
		fmt.Fprintf(&b, "\"1202%07d\",", i)
	}
	b.WriteString("]")
	p := parsed(t, b.String())
	c := &call.Call{Trunk: "199"}
	if a, _ := p.Decide(c, nil, call.Verdict{}); a.Rule != "199" {
		t.Errorf("Decide = %+v, want the last rule", a)
	}
}

func TestAHoldIsCountedOnce(t *testing.T) {
	p := officePolicy(t)
	if silent, all := p.Longest(); silent.String() != "4s" || all.String() != "1m14s" {
		t.Errorf("Longest = %v, %v, want 4s and 1m14s", silent, all)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(defaultFile)
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("[[rule]]\nname = \"r\"\nwhen = 'call.hour_utc % 2 == 0 ? call.withheld : size(call.trunk) > 3'\ndo = \"hold\"\nthen = { do = \"reject\" }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if (p == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", p, err)
		}
		if err != nil {
			return
		}
		p.Warnings()
		for s := call.Refuted; s <= call.Verified; s++ {
			v := call.Verdict{Standing: s}
			c := &call.Call{Trunk: "a", DisplayName: "b"}
			c.Calling.TN = "12025550100"
			a, ask := p.Decide(c, nil, v)
			if silent, all := p.Longest(); silent > MaxSilence || all > MaxWait || a.AtMost > MaxWait {
				t.Fatalf("it may wait for %v and %v", silent, all)
			}
			if a.Rule == "" || len(ask) == 0 && a.Kind == "" {
				t.Fatalf("Decide = %+v, %q", a, ask)
			}
			c.Signalling.Emergency = true
			if a, _ := p.Decide(c, nil, v); a.Kind != call.Connect {
				t.Fatalf("Decide of an emergency call = %+v", a)
			}
			if p.Gate(AnnouncePublicly, v) != Closed {
				t.Fatal("the gate to the public is open")
			}
			p.Assert(c, "x")
		}
	})
}

func TestParseAnswersForAnyText(t *testing.T) {
	piece := rapid.SampledFrom([]string{"[[rule]]\n", "[[sign]]\n", "name = \"a\"\n", "name = \"b\"\n", "do = \"connect\"\n", "when = 'true'\n", "when = '", "'\n",
		"call.trunk", " == ", "\"x\"", "(", ")", "[lists.a]\n", "numbers = [\"1\"]\n", "\"", "'''", "ask = [\"voice\"]\n", "then = { do = \"screen\" }\n", "[gates]\n", "=", "\x00"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "file"), "")
		p, err := Parse([]byte(text))
		if (p == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", p, err)
		}
	})
}
