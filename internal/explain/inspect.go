package explain

import (
	"encoding/json"
	"strings"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

// Inspect explains a PASSporT, an Identity header field or certificates in PEM,
// whichever the text is, field by field. It reports false for text that is none of
// them. The time is needed to say how old things are.
func Inspect(text string, now time.Time) (Page, bool) {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "-----BEGIN CERTIFICATE"):
		return inspectChain(text, now)
	case strings.HasPrefix(text, "..") || strings.Contains(text, ";") || hasName(text):
		return inspectField(TrimName(text), now), true
	case strings.Count(text, ".") == 2 && !strings.ContainsAny(text, " \t\n"):
		page, _ := inspectPassport(text, now)
		return page, true
	}
	return Page{}, false
}

// TrimName cuts "Identity:" or "y:" from the start of a header field.
func TrimName(text string) string {
	if hasName(text) {
		_, text, _ = strings.Cut(text, ":")
	}
	return strings.TrimSpace(text)
}

func hasName(text string) bool {
	name, _, ok := strings.Cut(text, ":")
	name = strings.TrimSpace(name)
	return ok && (strings.EqualFold(name, "Identity") || strings.EqualFold(name, "y"))
}

func inspectChain(text string, now time.Time) (Page, bool) {
	certs, err := stircert.ParsePEM([]byte(text))
	if err != nil {
		f, ok := err.(*passport.Finding)
		if !ok {
			return Page{}, false
		}
		return Page{Kind: "certificate", Title: "A certificate that can not be read.", Unusual: unusual([]passport.Finding{*f})}, true
	}
	return Certificates(certs, now), true
}

func inspectField(text string, now time.Time) Page {
	h, err := sipidentity.Parse(text)
	p := Page{Kind: "identity", Title: "An Identity header field (RFC 8224)."}
	s := Section{Name: "Header field"}
	form := "full form: header and claims are carried"
	if h.Compact() {
		form = "compact form: header and claims are rebuilt from From, To and Date"
	}
	s.add("PASSporT", abbreviate(h.Passport), form)
	if h.Info != "" {
		s.add("info", h.Info, "where the certificate is")
	}
	if h.Alg != "" {
		s.add("alg", h.Alg, "the signature algorithm")
	}
	if h.Ppt != "" {
		s.add("ppt", h.Ppt, pptMeans(h.Ppt))
	}
	for _, m := range h.More {
		s.add(m.Name, m.Value, "not defined by the standard; ignored")
	}
	p.Sections = append(p.Sections, s)
	var findings []passport.Finding
	if f, ok := err.(*passport.Finding); ok {
		findings = append(findings, *f)
	}
	if h.Passport != "" && !h.Compact() {
		inner, token := inspectPassport(h.Passport, now)
		p.Title = "An Identity header field (RFC 8224) with a " + inner.Title[len("A "):]
		p.Sections = append(p.Sections, inner.Sections...)
		p.Unusual = append(unusual(findings), inner.Unusual...)
		if token != nil && err == nil {
			p.Unusual = append(p.Unusual, unusual(h.Mismatches(token.Header))...)
		}
		return p
	}
	p.Unusual = unusual(findings)
	return p
}

// inspectPassport explains a PASSporT, and returns it if it could be read.
func inspectPassport(text string, now time.Time) (Page, *passport.Token) {
	t, findings := passport.Examine(text)
	p := Page{Kind: "passport", Title: "A PASSporT (RFC 8225) that can not be read.", Unusual: unusual(findings)}
	if t == nil {
		return p, nil
	}
	p.Title = "A PASSporT (RFC 8225)."
	if ppt := t.Header.Ppt; ppt != "" {
		p.Title = "A PASSporT of type " + clean(ppt) + ": " + pptMeans(ppt) + "."
	}
	p.Sections = append(p.Sections, headerSection(t), claimsSection(t, now))
	s := Section{Name: "Signature"}
	s.add("length", lengthOf(t), "r and s of ECDSA on P-256, 32 bytes each")
	p.Sections = append(p.Sections, s)
	return p, t
}

func lengthOf(t *passport.Token) string {
	if t.Signature == [64]byte{} {
		return "not 64 bytes"
	}
	return "64 bytes"
}

func headerSection(t *passport.Token) Section {
	s := Section{Name: "PASSporT header"}
	h := t.Header
	s.add("alg", h.Alg, "the signature algorithm")
	s.add("typ", h.Typ, "that it is a PASSporT")
	if h.Ppt != "" {
		s.add("ppt", h.Ppt, pptMeans(h.Ppt))
	}
	s.add("x5u", h.X5U, "where the certificate is")
	for _, m := range h.More {
		s.add(m.Name, abbreviate(m.JSON), "not acted on")
	}
	return s
}

func claimsSection(t *passport.Token, now time.Time) Section {
	s := Section{Name: "Claims"}
	c := &t.Claims
	s.add("iat", t.IssuedAt().Format(time.RFC3339), "signed "+ago(now.Sub(t.IssuedAt())))
	addParty(&s, "orig", c.Orig, "the calling party, as signed")
	for _, n := range c.Dest.TN {
		s.add("dest.tn", number(string(n)), "the called number, as signed")
	}
	for _, u := range c.Dest.URI {
		s.add("dest.uri", u, "the called party, as signed")
	}
	if c.Attest != "" {
		s.add("attest", string(c.Attest), attestMeans(c.Attest))
	}
	if c.Origid != "" {
		s.add("origid", c.Origid, "an opaque mark by which the signer can trace the call")
	}
	addParty(&s, "div", c.Div.Party, "the party the call was diverted from")
	if c.Opt != "" {
		s.add("opt", abbreviate(c.Opt), "the PASSporT before the diversion; inspect it by itself")
	}
	for _, f := range c.Mky {
		s.add("mky", f.Alg+" "+f.Dig, "the fingerprint of a media key")
	}
	for _, v := range c.Rph {
		s.add("rph.auth", v, "a priority that is authorised")
	}
	if c.Sph != "" {
		s.add("sph", c.Sph, "the Priority header field")
	}
	if c.Msgi != "" {
		s.add("msgi", c.Msgi, "the digest of the message")
	}
	for _, m := range c.More {
		s.add(m.Name, abbreviate(m.JSON), claimMeans(m.Name))
	}
	return s
}

func addParty(s *Section, name string, p passport.Party, means string) {
	switch {
	case p.TN != "":
		s.add(name+".tn", number(string(p.TN)), means)
	case p.URI != "":
		s.add(name+".uri", p.URI, means)
	}
}

func number(digits string) string {
	if strings.Trim(digits, "0123456789") == "" && len(digits) >= 7 {
		return "+" + digits
	}
	return digits
}

func abbreviate(s string) string {
	const keep = 36
	if json.Valid([]byte(s)) && len(s) <= 400 {
		return s
	}
	if len(s) > 2*keep {
		return s[:keep] + "…" + s[len(s)-keep/2:]
	}
	return s
}

func ago(d time.Duration) string {
	switch {
	case d < -time.Second:
		return inWords(-d) + " from now"
	case d < time.Second:
		return "just now"
	}
	return inWords(d) + " ago"
}

func inWords(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Second).String()
	}
	days := int(d.Hours() / 24)
	if days < 730 {
		return plural(days, "day")
	}
	return plural(days/365, "year")
}
