package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// rules reads the rules about calls that come in.
func (b *builder) rules(rules []fileRule) {
	if len(rules) > MaxRules {
		b.wrong("rule", "", fmt.Errorf("there are %d rules, and %d is the most allowed", len(rules), MaxRules))
		return
	}
	last := ""
	for i := range rules {
		path := fmt.Sprintf("rule.%d", i)
		r := b.rule(path, &rules[i])
		b.policy.rules = append(b.policy.rules, r)
		if last != "" {
			b.warn(path, r.name, "it is never reached: %q fits every call", last)
		} else if r.when.text == "" && r.action.Kind != "" {
			last = r.name
		}
	}
}

func (b *builder) rule(path string, f *fileRule) rule {
	b.name(path, f.Name)
	r := rule{name: f.Name, inTurn: f.InTurn}
	r.when = b.condition(path+".when", f.Name, f.When, true)
	r.ask = b.kinds(path+".ask", f)
	if f.Do != "" {
		r.action = b.action(path, f.Name, &fileAction{f.Do, f.Status, f.Phrase, f.Target, f.Show})
	} else if f.Status != 0 || f.Phrase != "" || f.Target != "" || f.Show != nil {
		b.wrong(path, f.Name, errors.New("status, phrase, target and show say how something is done; it does nothing"))
	}
	if f.Then != nil {
		r.then = b.action(path+".then", f.Name, f.Then)
		if r.then.Kind == call.Hold {
			b.wrong(path+".then", f.Name, errors.New("a hold can not end in a hold"))
		}
	}
	b.waiting(path, f, &r)
	switch {
	case len(r.ask) == 0 && f.Do == "":
		b.wrong(path, f.Name, errors.New("it neither asks nor does anything"))
	case r.action.Kind == call.Hold && f.Then == nil:
		b.wrong(path, f.Name, errors.New("say with then what becomes of the call if nobody decides"))
	case f.Then != nil && len(r.ask) == 0 && r.action.Kind != call.Hold:
		b.wrong(path+".then", f.Name, errors.New("it waits for nothing, so nothing can come then"))
	}
	if r.action.Kind == call.Reject || r.then.Kind == call.Reject {
		b.warnUnsigned(path, &r)
	}
	return r
}

// waiting reads how a call waits while the rule asks, or until a person decides.
func (b *builder) waiting(path string, f *fileRule, r *rule) {
	atMost := defaultSilence
	switch f.Mean {
	case "hold":
		r.meanwhile.Kind = call.Hold
		atMost = defaultHold
	case "", "wait":
	default:
		b.wrong(path+".meanwhile", f.Name, errors.New(`it is "wait" or "hold"`))
	}
	held := r.action.Kind == call.Hold
	if held {
		atMost = defaultHold
	}
	if len(r.ask) == 0 && (f.Mean != "" || f.InTurn || f.AtMost != "" && !held) {
		b.wrong(path, f.Name, errors.New("meanwhile, in_turn and at_most are for rules that ask, or hold"))
	}
	if f.AtMost != "" {
		d, err := time.ParseDuration(f.AtMost)
		if err != nil || d <= 0 || d > MaxWait {
			b.wrong(path+".at_most", f.Name, fmt.Errorf("it is a time like \"20s\", above zero and at most %v", MaxWait))
			d = time.Second
		}
		atMost = d
	}
	if len(r.ask) > 0 {
		r.meanwhile.AtMost = atMost
	}
	if held {
		r.action.AtMost = atMost
	}
}

// kinds reads what a rule asks for.
func (b *builder) kinds(path string, f *fileRule) []call.Kind {
	var asked []call.Kind
	for _, word := range f.Ask {
		k := call.Kind(word)
		switch {
		case !slices.Contains(kinds, k):
			b.wrong(path, f.Name, fmt.Errorf("%q is no kind of evidence; the kinds are %s", cut(word, maxWord), quoted(wordsOf(kinds...))))
		case slices.Contains(asked, k):
			b.wrong(path, f.Name, fmt.Errorf("%q stands in it twice", word))
		default:
			asked = append(asked, k)
		}
	}
	return asked
}

// phrases are the usual ones (RFC 3261 section 21, RFC 8224 section 6.2.2, RFC 8197,
// RFC 8688).
var phrases = map[int]string{
	403: "Forbidden", 404: "Not Found", 428: "Use Identity Header", 436: "Bad Identity Info",
	437: "Unsupported Credential", 438: "Invalid Identity Header", 480: "Temporarily Unavailable",
	486: "Busy Here", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
	607: "Unwanted", 608: "Rejected",
}

// action reads what is done.
func (b *builder) action(path, rule string, f *fileAction) call.Action {
	a := call.Action{Kind: call.ActionKind(f.Do), Status: f.Status, Phrase: f.Phrase}
	switch a.Kind {
	case call.Reject:
		b.rejection(path, rule, &a)
	case call.Connect, call.Hold, call.Screen, call.Divert:
		if f.Status != 0 || f.Phrase != "" {
			b.wrong(path, rule, errors.New("status and phrase are those of a rejection"))
		}
	default:
		b.wrong(path+".do", rule, errors.New(`it is "connect", "hold", "screen", "divert" or "reject"`))
	}
	switch {
	case f.Target == "" && a.Kind == call.Divert:
		b.wrong(path, rule, errors.New("say with target where the call is diverted to"))
	case f.Target == "":
	case a.Kind != call.Divert && a.Kind != call.Screen:
		b.wrong(path+".target", rule, errors.New("only a call that is diverted or screened has a target"))
	case strings.HasPrefix(f.Target, "sip:") || strings.HasPrefix(f.Target, "sips:"):
		if a.Target.URI = f.Target; !isURI(f.Target) {
			b.wrong(path+".target", rule, errors.New("it is no SIP URI"))
		}
	default:
		n, err := tn.Parse(f.Target)
		if err != nil {
			b.wrong(path+".target", rule, errors.New("it is neither a telephone number nor a SIP URI"))
		}
		a.Target.TN = n
	}
	if f.Show != nil {
		if a.Kind == call.Reject || a.Kind == call.Hold {
			b.wrong(path+".show", rule, errors.New("a call that is held or rejected is not shown to a phone"))
		}
		a.Show = b.show(path+".show", rule, f.Show)
	}
	return a
}

// rejection reads the SIP answer of a rejection.
func (b *builder) rejection(path, rule string, a *call.Action) {
	if a.Status == 0 {
		a.Status = 603
	}
	if a.Status < 400 || a.Status > 699 || a.Status == 401 || a.Status == 407 {
		b.wrong(path+".status", rule, errors.New("it is from 400 to 699, and no challenge"))
	}
	if a.Phrase == "" {
		a.Phrase = phrases[a.Status]
	}
	if !plain(a.Phrase, maxWord) {
		b.wrong(path+".phrase", rule, fmt.Errorf("it is at most %d printable characters; %d has none of its own", maxWord, a.Status))
	}
}

func (b *builder) shows(f *fileShows) {
	for standing, show := range map[call.Standing]*fileShow{
		call.Refuted: &f.Refuted, call.Unverified: &f.Unverified, call.PartlyVerified: &f.PartlyVerified, call.Verified: &f.Verified} {
		b.policy.show[standing] = b.show("show."+strings.ReplaceAll(standing.String(), " ", "_"), "", show)
	}
}

func (b *builder) show(path, rule string, f *fileShow) call.Show {
	const maxPrefix = 32
	if f.Prefix != "" && (!plain(f.Prefix, maxPrefix) || strings.ContainsAny(f.Prefix, `"\`)) {
		b.wrong(path+".prefix", rule, fmt.Errorf("it is at most %d printable characters, without quotation marks and backslashes", maxPrefix))
	}
	if f.AlertInfo != "" && !isAlertInfo(f.AlertInfo) {
		b.wrong(path+".alert_info", rule, errors.New("it is one URI in <>, and parameters, as in \"<urn:alert:source:external>\""))
	}
	return call.Show{Prefix: f.Prefix, AlertInfo: f.AlertInfo, NoVerstat: f.Verstat != nil && !*f.Verstat}
}

// plain reports whether s is something to show: printable, of 1 to n characters.
func plain(s string, n int) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > n {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isURI reports whether s can stand where a URI stands. What is in it is the gateway's
// to read.
func isURI(s string) bool {
	_, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && len(s) <= maxURI &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"\\^`{|}", r) })
}

// isAlertInfo reports whether s is one value of Alert-Info (RFC 3261 section 20.4).
func isAlertInfo(s string) bool {
	uri, parameters, ok := strings.Cut(strings.TrimPrefix(s, "<"), ">")
	if !ok || !strings.HasPrefix(s, "<") || !isURI(uri) || len(s) > maxURI {
		return false
	}
	return (parameters == "" || strings.HasPrefix(parameters, ";")) &&
		!strings.ContainsFunc(parameters, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("<>,\\", r) })
}

// isDomain reports whether s is a domain of lower-case A-labels.
func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
