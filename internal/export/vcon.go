package export

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign.example/internal/call"
	"countersign.example/passport"
)

// The objects of draft-ietf-vcon-vcon-core-03, as far as we fill them.

type vcon struct {
	VCon      string     `json:"vcon"`
	UUID      string     `json:"uuid"`
	CreatedAt string     `json:"created_at"`
	UpdatedAt string     `json:"updated_at,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	Redacted  *redacted  `json:"redacted,omitempty"`
	Parties   []vparty   `json:"parties"`
	Dialog    []vdialog  `json:"dialog,omitempty"`
	Analysis  []analysis `json:"analysis"`
}

type redacted struct {
	Type string `json:"type"`
}

type vparty struct {
	Tel  string `json:"tel,omitempty"`
	SIP  string `json:"sip,omitempty"`
	Stir string `json:"stir,omitempty"`
	Name string `json:"name,omitempty"`
	// Validation says how the identity of the party was validated.
	Validation string `json:"validation,omitempty"`
	Org        string `json:"org,omitempty"`
}

type vdialog struct {
	Type        string  `json:"type"`
	Start       string  `json:"start"`
	Duration    float64 `json:"duration,omitempty"`
	Parties     []int   `json:"parties"`
	Disposition string  `json:"disposition,omitempty"`
}

type analysis struct {
	Type      string `json:"type"`
	Dialog    *int   `json:"dialog,omitempty"`
	MediaType string `json:"mediatype"`
	Vendor    string `json:"vendor"`
	Product   string `json:"product"`
	Schema    string `json:"schema"`
	Body      string `json:"body"`
	Encoding  string `json:"encoding"`
}

// verdictOf is the body of the analysis. A PASSporT is stale after a minute, so the time
// at which it was judged, and the facts of the call that it was held against, are here.
type verdictOf struct {
	JudgedAt  time.Time       `json:"judged_at"`
	State     call.State      `json:"state"`
	Direction call.Direction  `json:"direction"`
	Calling   passport.Party  `json:"calling"`
	Called    passport.Party  `json:"called"`
	To        passport.Party  `json:"to"`
	Office    call.Office     `json:"office"`
	Verdict   *call.Verdict   `json:"verdict,omitempty"`
	Evidence  []call.Evidence `json:"evidence,omitempty"`
	Action    call.Action     `json:"action"`
	Assertion *call.Assertion `json:"assertion,omitempty"`
	Acts      []call.Act      `json:"acts,omitempty"`
}

const (
	vconVersion = "0.4.0"
	vendor      = "Countersign"
	schema      = "countersign-verdict-1"
)

// vcons writes vCons, one a line.
type vcons struct {
	w      io.Writer
	domain string
}

func newVCons(w io.Writer, domain string) *vcons { return &vcons{w, domain} }

func (v *vcons) Write(rec call.Record) error {
	c, err := vconOf(&rec, v.domain)
	if err != nil {
		return fmt.Errorf("writing call %s as a vCon: %w", rec.Call.ID, err)
	}
	return writeLine(v.w, c)
}

// Close does nothing.
func (v *vcons) Close() error { return nil }

// The parties of a call, by their place in the list.
const (
	caller = 0
	callee = 1
)

func vconOf(rec *call.Record, domain string) (*vcon, error) {
	at := rec.Call.ArrivedAt
	v := &vcon{
		VCon: vconVersion, UUID: uuid(rec.Call.ID, at, domain), CreatedAt: date(at),
		Parties: make([]vparty, 2),
	}
	if last := latest(rec); last.After(at) {
		v.UpdatedAt = date(last)
	}
	if rec.State == call.Erased {
		// Section 4.1.9: what was removed leaves an empty place behind.
		v.Redacted = &redacted{Type: "erased"}
	} else {
		v.Parties = []vparty{callingParty(rec), calledParty(rec)}
	}
	if d, ok := dialogOf(rec); ok {
		v.Dialog = []vdialog{d}
	}
	body, err := json.Marshal(verdictBody(rec))
	if err != nil {
		return nil, err
	}
	v.Analysis = []analysis{{
		Type: "verdict", MediaType: "application/json", Vendor: vendor, Product: vendor, Schema: schema,
		Body: string(body), Encoding: "json",
	}}
	if len(v.Dialog) > 0 {
		v.Analysis[0].Dialog = new(int)
	}
	return v, nil
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func latest(rec *call.Record) time.Time {
	last := rec.SettledAt
	for _, t := range []time.Time{rec.Timings.Answered, rec.Timings.Ended} {
		if t.After(last) {
			last = t
		}
	}
	for _, a := range rec.Acts {
		if a.At.After(last) {
			last = a.At
		}
	}
	return last
}

func callingParty(rec *call.Record) vparty {
	p := contact(rec.Call.Calling)
	p.Name = rec.Call.DisplayName
	if p.Stir = stir(rec); p.Stir != "" {
		p.Validation = "STIR"
	}
	// The office is only named as the caller's where the evidence says so.
	if rec.Call.Direction == call.Inbound && rec.Verdict.Standing >= call.PartlyVerified {
		p.Org = rec.Call.Office.Name
	}
	return p
}

func calledParty(rec *call.Record) vparty { return contact(rec.Call.Called) }

func contact(p passport.Party) vparty {
	switch {
	case p.TN != "":
		return vparty{Tel: "tel:+" + string(p.TN)}
	case strings.HasPrefix(p.URI, "tel:"):
		return vparty{Tel: p.URI}
	}
	return vparty{SIP: p.URI}
}

// stir returns the PASSporT, in full form, that was verified for a call that came in, or
// that a call left with. There is none for a call that was signed in compact form: what
// it stood for is in the analysis.
func stir(rec *call.Record) string {
	if rec.Call.Direction == call.Outbound {
		if len(rec.Signed) == 0 {
			return ""
		}
		return full(rec.Signed[0])
	}
	for _, e := range rec.Evidence {
		if e.Kind != call.InBand || e.Report == nil {
			continue
		}
		text, err := json.Marshal(e.Report)
		if err != nil {
			return ""
		}
		var report struct {
			Result string
			Best   *int
		}
		fields := rec.Call.Signalling.Identity
		if json.Unmarshal(text, &report) == nil && report.Result == "valid" &&
			report.Best != nil && *report.Best >= 0 && *report.Best < len(fields) {
			return full(fields[*report.Best])
		}
	}
	return ""
}

// full returns the PASSporT of an Identity header field (RFC 8224 section 4), if it is
// in full form.
func full(field string) string {
	token, _, _ := strings.Cut(field, ";")
	token = strings.TrimSpace(token)
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return ""
	}
	return token
}

// dialogOf returns what became of the call, if that is known. Nothing of what was said is
// kept, so a conversation has no content here.
func dialogOf(rec *call.Record) (vdialog, bool) {
	d := vdialog{Start: date(rec.Call.ArrivedAt), Parties: []int{caller, callee}}
	t := rec.Timings
	switch {
	case rec.State == call.Erased:
		return d, false
	case !t.Answered.IsZero():
		d.Type, d.Start = "recording", date(t.Answered)
		if t.Ended.After(t.Answered) {
			d.Duration = t.Ended.Sub(t.Answered).Seconds()
		}
		return d, true
	case rec.State == call.Abandoned:
		d.Disposition = "hung-up"
	case rec.State == call.Interrupted || rec.Action.Kind == call.Reject:
		d.Disposition = "failed"
	case !t.Ended.IsZero():
		d.Disposition = "no-answer"
	default:
		return d, false
	}
	d.Type = "incomplete"
	return d, true
}

func verdictBody(rec *call.Record) verdictOf {
	c := &rec.Call
	body := verdictOf{
		JudgedAt: c.ArrivedAt.UTC(), State: rec.State, Direction: c.Direction,
		Calling: c.Calling, Called: c.Called, To: c.Signalling.To, Office: c.Office,
		Evidence: rec.Evidence, Action: rec.Action, Acts: rec.Acts,
	}
	if c.Direction == call.Outbound {
		body.Assertion = &rec.Assertion
	} else {
		body.Verdict = &rec.Verdict
	}
	return body
}

// uuid returns the version 8 UUID of a vCon (RFC 9562 section 5.8, draft section 4.1.2):
// the time in milliseconds, as in version 7, and the hash of a domain name. Ours is a
// name under the office's domain for each call, so that no two calls share one, and a
// call has the same one always.
func uuid(id string, at time.Time, domain string) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	rest := sha256.Sum256([]byte(id))
	copy(b[6:8], rest[:2])
	name := sha1.Sum([]byte(strings.ToLower(id) + "." + domain))
	// The high 62 bits, after the two of the variant.
	binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(name[:8])>>2)
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
