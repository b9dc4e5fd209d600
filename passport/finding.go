package passport

import "strings"

// Finding is one thing that is wrong, or worth knowing, about a PASSporT, the
// header field that carries it, its certificate, or how they fit a call. It
// implements error, so that the leaf functions of this module's packages return it
// in the ordinary way and errors.Is(err, passport.SignatureInvalid) works; a
// verification service collects findings and never takes them for its own failure.
type Finding struct {
	// Code says what was found. Its step, section and sentence are in one table.
	Code Code
	// Claim names the claim, header member, parameter or certificate part concerned.
	// It may be empty.
	Claim string
	// Detail is what was seen, for an engineer. It never holds a whole telephone
	// number, a signature or a key. It may be empty.
	Detail string
}

// Found returns the finding of code about claim. The detail may be empty.
func Found(code Code, claim, detail string) *Finding {
	return &Finding{Code: code, Claim: claim, Detail: detail}
}

// Error returns the plain sentence of the code, then the claim and the detail.
func (f *Finding) Error() string {
	var b strings.Builder
	b.WriteString(f.Code.Sentence())
	if f.Claim != "" {
		b.WriteString(" (" + f.Claim + ")")
	}
	if f.Detail != "" {
		b.WriteString(": " + f.Detail)
	}
	return b.String()
}

// Is reports whether target is the code of f.
func (f *Finding) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == f.Code
}

// Code names one kind of finding. It implements error only so that it can be the
// target of errors.Is.
type Code uint8

// Gravity is what a finding means for the PASSporT it was made about, before a
// profile has its say.
type Gravity uint8

const (
	// Fault makes a PASSporT not valid.
	Fault Gravity = iota
	// Unchecked means that a check could not be made, which is neither good nor bad.
	Unchecked
	// Ignored takes the PASSporT out of consideration, as if it were not there.
	Ignored
	// Note is worth showing and changes nothing.
	Note
)

// Step is one of the ten steps of verification, in the order in which they run. It
// satisfies RFC 8224 section 6.2, RFC 8946 section 4.2 and RFC 9410; the checks
// that need no network come first, so that a stale or malformed PASSporT causes no
// request.
type Step uint8

// The steps, from the first to the last.
const (
	StepCollect Step = iota + 1
	StepHeader
	StepPpt
	StepDecode
	StepProtected
	StepFreshness
	StepCompare
	StepCredential
	StepSignature
	StepClaims
)

// Steps is the number of steps.
const Steps = int(StepClaims)

var stepNames = [Steps + 1]string{
	StepCollect:    "collect the Identity header fields",
	StepHeader:     "read the header field",
	StepPpt:        "recognise the PASSporT type",
	StepDecode:     "decode the PASSporT",
	StepProtected:  "check the PASSporT header",
	StepFreshness:  "check freshness and replay",
	StepCompare:    "compare with the call",
	StepCredential: "check the certificate",
	StepSignature:  "check the signature",
	StepClaims:     "check the claims of its type",
}

// String returns what is done in the step, in words.
func (s Step) String() string {
	if s == 0 || int(s) > Steps {
		return "no step"
	}
	return stepNames[s]
}

// String returns the name of the code: lower-case words joined by hyphens.
func (c Code) String() string { return c.row().name }

// Error returns the plain sentence of the code.
func (c Code) Error() string { return c.row().sentence }

// Sentence says in plain words what was found.
func (c Code) Sentence() string { return c.row().sentence }

// Section names the section of the standard that the finding rests on.
func (c Code) Section() string { return c.row().section }

// Step is the step of verification in which the finding is made.
func (c Code) Step() Step { return c.row().step }

// Gravity is what the finding means before a profile has its say.
func (c Code) Gravity() Gravity { return c.row().gravity }

// CodeNamed returns the code with the name, as [Code.String] returns it.
func CodeNamed(name string) (Code, bool) {
	for c := range Codes {
		if codeTable[c].name == name {
			return Code(c), c != 0
		}
	}
	return 0, false
}

func (c Code) row() *codeRow {
	if int(c) >= Codes {
		return &codeTable[0]
	}
	return &codeTable[c]
}

type codeRow struct {
	name     string
	step     Step
	gravity  Gravity
	section  string
	sentence string
}
