package verification

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"countersign.example/passport"
)

// The JSON form of a report is for records, the command line and the API. It names
// findings, steps and severities by their words, and holds no signature.

type jsonReport struct {
	Result   string        `json:"result"`
	Code     string        `json:"code,omitempty"`
	Sentence string        `json:"sentence,omitempty"`
	Status   int           `json:"sip_status,omitempty"`
	Phrase   string        `json:"sip_phrase,omitempty"`
	Verstat  string        `json:"verstat"`
	Compared bool          `json:"compared"`
	Profile  string        `json:"profile"`
	Lab      bool          `json:"lab,omitempty"`
	At       time.Time     `json:"at"`
	Best     *int          `json:"best,omitempty"`
	Findings []jsonFinding `json:"findings,omitempty"`
	Fields   []jsonField   `json:"fields"`
}

type jsonFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Step     int    `json:"step"`
	Section  string `json:"section"`
	Sentence string `json:"sentence"`
	Claim    string `json:"claim,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

type jsonField struct {
	Result      string           `json:"result"`
	Ppt         string           `json:"ppt"`
	Compact     bool             `json:"compact,omitempty"`
	Info        string           `json:"info,omitempty"`
	NestedIn    *int             `json:"nested_in,omitempty"`
	Attest      string           `json:"attest,omitempty"`
	Coverage    string           `json:"coverage,omitempty"`
	Domain      string           `json:"domain,omitempty"`
	Diversions  []int            `json:"diversions,omitempty"`
	Certificate *jsonCertificate `json:"certificate,omitempty"`
	Steps       []jsonStep       `json:"steps"`
	Findings    []jsonFinding    `json:"findings,omitempty"`
}

type jsonCertificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	SPCs        []string  `json:"spcs,omitempty"`
	Fingerprint string    `json:"sha256"`
}

type jsonStep struct {
	Step    int    `json:"step"`
	Name    string `json:"name"`
	State   string `json:"state"`
	Because int    `json:"because_of_step,omitempty"`
}

// MarshalJSON returns the report with every code, step and state in words.
func (r *Report) MarshalJSON() ([]byte, error) {
	out := jsonReport{
		Result: r.Result.String(), Verstat: string(r.Verstat()), Compared: r.Compared,
		Profile: r.Profile.Name(), Lab: r.Lab, At: r.At.UTC(),
		Findings: r.jsonFindings(r.Findings), Fields: make([]jsonField, 0, len(r.Fields)),
	}
	var f *passport.Finding
	if out.Status, out.Phrase, f = r.Response(); f != nil {
		out.Code, out.Sentence = f.Code.String(), f.Code.Sentence()
	}
	if r.Best >= 0 {
		out.Best = &r.Best
	}
	for i := range r.Fields {
		out.Fields = append(out.Fields, r.jsonField(&r.Fields[i]))
	}
	return json.Marshal(out)
}

func (r *Report) jsonFindings(findings []passport.Finding) []jsonFinding {
	var out []jsonFinding
	for _, f := range findings {
		out = append(out, jsonFinding{
			Code: f.Code.String(), Severity: r.Profile.Rule(f.Code).Severity.String(), Step: int(f.Code.Step()),
			Section: f.Code.Section(), Sentence: f.Code.Sentence(), Claim: f.Claim, Detail: f.Detail,
		})
	}
	return out
}

func (r *Report) jsonField(f *Field) jsonField {
	out := jsonField{
		Result: f.Result.String(), Ppt: f.Header.Ppt, Compact: f.Header.Compact(), Info: f.Header.Info,
		Domain: f.Domain(), Diversions: f.Diversions, Findings: r.jsonFindings(f.Findings),
	}
	if f.Nested > 0 {
		outer := f.Nested - 1
		out.NestedIn = &outer
	}
	if f.Token != nil {
		out.Ppt, out.Attest = f.Token.Header.Ppt, string(f.Token.Claims.Attest)
	}
	if f.Chain != nil && len(f.Chain.Certificates) > 0 {
		leaf := f.Chain.Certificates[0]
		sum := sha256.Sum256(leaf.Raw)
		out.Coverage = f.Coverage.String()
		out.Certificate = &jsonCertificate{
			Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
			NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
			SPCs: f.Chain.TNs.SPCs, Fingerprint: hex.EncodeToString(sum[:]),
		}
	}
	for s := passport.StepCollect; int(s) <= passport.Steps; s++ {
		o := f.Steps[s]
		out.Steps = append(out.Steps, jsonStep{int(s), s.String(), o.State.String(), int(o.Because)})
	}
	return out
}
