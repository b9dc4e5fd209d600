package policy

import (
	"testing"

	"countersign.example/internal/call"
	"pgregory.net/rapid"
)

// TestWhatIsCompiledToGoAnswersAsCEL draws conditions and facts and compares the two.
func TestWhatIsCompiledToGoAnswersAsCEL(t *testing.T) {
	lists := map[string]*list{
		"numbers": {kind: ofNumbers, entries: map[string]bool{"12025550100": true}, blocks: []block{rangeOf("19005550000", 10000)}},
		"trunks":  {kind: ofTrunks, entries: map[string]bool{"fax-a": true}},
		"domains": {kind: ofDomains, entries: map[string]bool{"president.example": true}, under: []string{".friendly.example"}},
	}
	l, err := newLanguage(lists)
	if err != nil {
		t.Fatal(err)
	}
	office := officePolicy(t)
	rapid.Check(t, func(t *rapid.T) {
		text := drawCondition(t, 3)
		c, err := l.compile(text, true)
		if err != nil {
			t.Fatalf("compile(%s): %v", text, err)
		}
		if c.fast == nil {
			t.Fatalf("%s is left to CEL", text)
		}
		v := drawVerdict(t)
		f := facts{policy: office, call: drawCall(t), ev: drawEvidence(t), v: &v}
		want, err := c.evaluate(&f)
		if err != nil {
			t.Fatalf("CEL can not evaluate %s: %v", text, err)
		}
		if got := c.fast(&f); got != want {
			t.Fatalf("%s is %v, and CEL says %v, for %+v", text, got, want, f.call)
		}
	})
}

// drawCondition draws a condition that Go can decide.
func drawCondition(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 3).Draw(t, "operator") {
		case 0:
			return "(" + drawCondition(t, depth-1) + " && " + drawCondition(t, depth-1) + ")"
		case 1:
			return "(" + drawCondition(t, depth-1) + " || " + drawCondition(t, depth-1) + ")"
		case 2:
			return "!(" + drawCondition(t, depth-1) + ")"
		case 3:
			return "(" + drawCondition(t, depth-1) + ") == (" + drawCondition(t, depth-1) + ")"
		}
	}
	return rapid.SampledFrom([]string{
		`true`, `call.withheld`, `call.emergency`, `call.has_identity`, `call.diverted`, `call.calling_is_ours`, `call.called_is_ours`,
		`call.direction == "inbound"`, `"sip" != call.channel`, `call.trunk == call.display_name`, `call.trunk in ["fax-a", "", "phones"]`,
		`call.calling.startsWith("1202")`, `call.calling_uri.endsWith("@president.example")`, `call.display_name.contains("a")`,
		`call.called.startsWith(call.calling)`, `call.called_uri != ""`, `call.hour_utc < 8`, `6 <= call.hour_utc`, `call.hour_utc != 3`,
		`call.weekday_utc in ["saturday", "sunday"]`, `office.domain == ""`, `office.name == office.domain`, `office.level == "verified"`,
		`verdict.standing == "refuted"`, `at_least(verdict.standing, "partly verified")`, `verdict.conflict`, `verdict.incomplete`,
		`verdict.number.for > verdict.number.against`, `verdict.office.for >= 2`, `verdict.office.against == 0`, `verdict.placed.for < 1`,
		`verdict.placed.against > 0`, `verdict.present.for == 3`, `verdict.present.against != 0`, `-1 < call.hour_utc`,
		`in_list(call.calling, "numbers")`, `in_list(call.called, "numbers")`, `in_list(call.trunk, "trunks")`, `in_list(office.domain, "domains")`,
		`in_range(call.calling, "+1 202 555 0100", 100)`, `in_range(call.called, "112", 1)`,
		`evidence.in_band.reason == "attested-full"`, `evidence.directory.result == "failed"`, `evidence.inquiry.reason == ""`,
		`evidence.rich_call_data.reason != "provider-name"`, `evidence.voice.result in ["absent", ""]`, `evidence.call_back.reason == "check-failed"`,
		`evidence.announcement.result == "supports"`, `evidence.contact.result == "contradicts"`, `evidence.invitation.result != ""`,
		`evidence.countersign.reason == "words-right"`,
	}).Draw(t, "condition")
}

// TestNoStrangerCanMakeAConditionCostMoreThanWasFound compares what CEL counts with the
// estimate that decides whether a condition is accepted.
func TestNoStrangerCanMakeAConditionCostMoreThanWasFound(t *testing.T) {
	l, err := newLanguage(map[string]*list{"numbers": {}})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{
			`call.display_name.matches("(?i)(a|b|c)*president of the .* office")`,
			`call.display_name.contains("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")`,
			`size(call.display_name + call.calling_uri) > 300`,
			`(call.display_name + call.trunk).contains(office.level)`,
			`call.calling == call.called && call.calling_uri == call.called_uri`,
			`(verdict.conflict ? call.display_name : office.name) == "x"`,
			`call.trunk in ["a", "b", "c"] ? call.hour_utc % 2 == 0 : in_list(call.calling, "numbers")`,
			`at_least(verdict.standing, "verified") == (evidence.in_band.reason + "x" == "y")`,
		}).Draw(t, "condition")
		c, err := l.compile(text, true)
		if err != nil {
			t.Fatal(err)
		}
		v := drawVerdict(t)
		f := facts{policy: &Policy{}, call: drawCall(t), ev: drawEvidence(t), v: &v}
		long := rapid.StringN(0, 2000, 4000)
		f.call.DisplayName, f.call.Trunk = long.Draw(t, "long name"), long.Draw(t, "long trunk")
		f.call.Calling.URI, f.call.Called.URI, f.call.Office.Name = long.Draw(t, "URI"), long.Draw(t, "URI"), long.Draw(t, "office")
		value, details, err := c.program.Eval(activation{&f})
		if err != nil {
			t.Fatalf("%s: %v, %v", text, value, err)
		}
		if cost := *details.ActualCost(); cost > c.cost {
			t.Fatalf("%s costs %d, and was found to cost %d at most", text, cost, c.cost)
		}
	})
}

func TestACostBeyondTheLimitIsAFaultAndNoPass(t *testing.T) {
	l, err := newLanguage(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.compile(`size(call.display_name) >= 0`, true)
	if err != nil {
		t.Fatal(err)
	}
	if c.program, err = l.env.Program(c.ast, limited(1)...); err != nil {
		t.Fatal(err)
	}
	p := &Policy{rules: []rule{{name: "costly", when: c, action: call.Action{Kind: call.Reject}}}}
	var fault *RuleError
	p.Fault = func(e *RuleError) { fault = e }
	if a, _ := p.Decide(&call.Call{}, nil, call.Verdict{}); a.Kind != call.Connect || a.Rule != "no rule (could not be evaluated: costly)" {
		t.Errorf("Decide = %+v", a)
	}
	if fault == nil || fault.Rule != "costly" || fault.Unwrap() == nil {
		t.Errorf("Fault was told %v", fault)
	}
}

// FuzzCondition compiles any text, and lets both ways of deciding it answer.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{`verdict.standing == "refuted"`, `in_list(call.calling, "numbers") || call.hour_utc / 2 > 3`, `call.trunk.matches("^a+$")`,
		`in_range(call.called, "+1 202 555 0100", 10) ? call.withheld : !call.emergency`, `size(call.trunk + "x") % 2 == -1`, `at_least(verdict.standing, "verified")`} {
		f.Add(seed, "a trunk", uint8(2))
	}
	l, err := newLanguage(map[string]*list{"numbers": {kind: ofNumbers, entries: map[string]bool{"12025550100": true}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, trunk string, standing uint8) {
		c, err := l.compile(text, true)
		if err != nil {
			if len(err.Error()) > 20000 {
				t.Fatalf("the error has %d characters", len(err.Error()))
			}
			return
		}
		facts := facts{policy: &Policy{}, call: &call.Call{Trunk: trunk, DisplayName: trunk},
			v: &call.Verdict{Standing: call.Standing(standing), Number: call.Strength{For: standing}}}
		facts.call.Calling.TN = "12025550100"
		want, err := c.evaluate(&facts)
		if got, e := c.fits(&facts); got != want || (e == nil) != (err == nil) || err != nil && got {
			t.Fatalf("%s is %v, %v, and CEL says %v, %v", text, got, e, want, err)
		}
	})
}
