package gateway

import (
	"slices"
	"strings"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/tn"
)

// maxFingerprints is how many a=fingerprint lines are read: a session has one a media
// stream, and seldom more than four.
const maxFingerprints = 64

// EmergencyNumbers returns the numbers of emergency services that are known without
// being told.
func EmergencyNumbers() []string { return []string{"112", "911", "999"} }

// ReadCall makes a call of a request, which came from the side at the time. It never
// fails: what cannot be read is left out. Nothing in the call is proved.
//
// The caller is the one in P-Asserted-Identity if there is any, and else the one in
// From (ATIS-1000074); nobody if the number is withheld. The called party is the
// Request-URI. A call to one of the [EmergencyNumbers], or to urn:service:sos (RFC
// 5031), is an emergency call.
func ReadCall(req *sipcore.Message, side Side, at time.Time, numbering sipidentity.Numbering) *call.Call {
	return readCall(req, side, at, numbering, EmergencyNumbers())
}

func readCall(req *sipcore.Message, side Side, at time.Time, numbering sipidentity.Numbering, emergency []string) *call.Call {
	from, _ := sipcore.ParseNameAddr(req.Get("From"))
	to, _ := sipcore.ParseNameAddr(req.Get("To"))
	c := &call.Call{
		ID:          NewID(at),
		Direction:   call.Inbound,
		Channel:     call.SIP,
		ArrivedAt:   at,
		Trunk:       side.String(),
		Calling:     asserted(req, numbering),
		Called:      party(req.RequestURI(), numbering),
		DisplayName: from.DisplayName(),
		Signalling: call.Signalling{
			CallID:           req.CallID(),
			Date:             date(req),
			To:               party(to.URI().String(), numbering),
			Identity:         req.Values("Identity"),
			Fingerprints:     fingerprints(req.Body()),
			ResourcePriority: req.List("Resource-Priority"),
			Priority:         req.Get("Priority"),
			Emergency:        isEmergency(req.RequestURI(), emergency),
		},
	}
	if side == Phone {
		c.Direction = call.Outbound
	}
	if c.Calling.IsZero() && !withheld(from.URI()) {
		c.Calling = party(from.URI().String(), numbering)
	}
	return c
}

// asserted returns the party of P-Asserted-Identity, a number before a URI (RFC 3325
// section 9.1 allows one of each).
func asserted(req *sipcore.Message, numbering sipidentity.Numbering) passport.Party {
	var first passport.Party
	for _, value := range req.List("P-Asserted-Identity") {
		a, err := sipcore.ParseNameAddr(value)
		if err != nil || withheld(a.URI()) {
			continue
		}
		p := party(a.URI().String(), numbering)
		if p.TN != "" {
			return p
		}
		if first.IsZero() {
			first = p
		}
	}
	return first
}

// withheld reports whether a URI stands for a number that is not shown (RFC 3323
// section 4.1.1.3; 3GPP TS 29.163 for what comes out of telephone networks).
func withheld(u sipcore.URI) bool {
	switch strings.ToLower(u.User()) {
	case "", "anonymous", "restricted", "unavailable", "unknown":
		return true
	}
	return strings.HasSuffix(strings.ToLower(u.Host()), ".invalid")
}

// party returns whom a URI names, and nobody if that cannot be told.
func party(uri string, numbering sipidentity.Numbering) passport.Party {
	p, err := numbering.PartyOf(uri)
	if err == nil {
		return p
	}
	if strings.HasPrefix(strings.ToLower(uri), "urn:") {
		return passport.Party{URI: uri}
	}
	return passport.Party{}
}

// sipDate is the form of the Date header field (RFC 3261 section 20.17).
const sipDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func date(req *sipcore.Message) time.Time {
	t, err := time.Parse(sipDate, req.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// fingerprints returns the values of the a=fingerprint lines of an SDP (RFC 8122
// section 5), those of the session and those of its media. The SDP may be one part of
// several in the body. Without a body it is not known yet what the call will offer, and
// the answer is nil; with one that has no such line the answer is an empty list.
func fingerprints(body []byte) []string {
	if len(body) == 0 {
		return nil
	}
	values := []string{}
	for line := range strings.Lines(string(body)) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=fingerprint:")
		if ok && len(values) < maxFingerprints {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// isEmergency reports whether a Request-URI is that of an emergency service.
func isEmergency(uri string, numbers []string) bool {
	if service, ok := strings.CutPrefix(strings.ToLower(uri), "urn:service:sos"); ok {
		return service == "" || service[0] == '.'
	}
	u, err := sipcore.ParseURI(uri)
	if err != nil {
		return false
	}
	n, err := tn.Parse(u.User())
	return err == nil && slices.Contains(numbers, n.String())
}
