package passport

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"countersign.example/internal/strictjson"
	"countersign.example/tn"
)

// lastIat is the end of the year 9999: what lies beyond is no time of signing.
const lastIat = 253402300799

// reader turns the JSON of a Token into its Header and Claims, and collects what it
// finds wrong on the way.
type reader struct {
	t        *Token
	findings []Finding
}

func (r *reader) found(code Code, claim, detail string) {
	r.findings = append(r.findings, Finding{code, claim, detail})
}

// decode undoes the base64url of header and claims and parses both. It reports whether
// there is something to read.
func (r *reader) decode() bool {
	var room [2 << 10]byte
	t := r.t
	header, ok := appendDecoded(room[:0], t.text[:t.dots[0]])
	if !ok {
		r.found(Base64Malformed, "header", "")
		return false
	}
	claims, ok := appendDecoded(header[len(header):], t.text[t.dots[0]+1:t.dots[1]])
	if !ok {
		r.found(Base64Malformed, "claims", "")
		return false
	}
	return r.document(&t.header, header, "header") && r.document(&t.claims, claims, "claims")
}

// document parses one part. It reports whether there is an object to read.
func (r *reader) document(d *strictjson.Doc, text []byte, part string) bool {
	err := d.ParseBytes(text, strictjson.Limits{Bytes: MaxLen})
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		switch e.Problem {
		case strictjson.Repeated:
			r.found(MemberRepeated, e.Name, "in the "+part)
		case strictjson.TooLarge:
			r.found(JSONTooLarge, part, "")
		default:
			r.found(JSONMalformed, part, "at byte "+strconv.Itoa(e.Offset))
		}
		return false
	}
	if d.Root().Kind() != strictjson.Object {
		r.found(JSONMalformed, part, "it is "+d.Root().Kind().String()+", not an object")
		return false
	}
	return true
}

// text reads a string value, or says that it is none.
func (r *reader) text(code Code, name string, v strictjson.Value) string {
	s, ok := v.Text()
	if !ok {
		r.found(code, name, "it is "+v.Kind().String()+", not text")
	}
	return s
}

func (r *reader) readHeader() {
	h := &r.t.Header
	var seen [4]bool
	for name, v := range r.t.header.Root().Members() {
		switch name {
		case "alg":
			seen[0], h.Alg = true, r.text(MemberType, name, v)
		case "typ":
			seen[1], h.Typ = true, r.text(MemberType, name, v)
		case "x5u":
			seen[2], h.X5U = true, r.text(MemberType, name, v)
		case "ppt":
			seen[3], h.Ppt = true, r.text(MemberType, name, v)
		case "crit":
			r.found(CritUnsupported, name, "")
			fallthrough
		default:
			h.More = append(h.More, Claim{name, v.Raw()})
		}
	}
	// RFC 8225 section 4: typ, alg and x5u are mandatory; ppt only for extensions.
	for i, name := range [...]string{"alg", "typ", "x5u"} {
		if !seen[i] {
			r.found(MemberMissing, name, "")
		}
	}
	if v := r.t.header.Root().Member("x5u"); v.Kind() == strictjson.String && h.X5U == "" {
		r.found(MemberMissing, "x5u", "it is empty")
	}
	if seen[1] && h.Typ != "passport" {
		r.found(TypWrong, "typ", "")
	}
	if seen[0] && h.Alg != "ES256" {
		r.found(AlgUnsupported, "alg", "only ES256 is accepted")
	}
}

func (r *reader) readClaims() {
	c := &r.t.Claims
	var iat, orig, dest bool
	for name, v := range r.t.claims.Root().Members() {
		switch name {
		case "iat":
			iat, c.IssuedAt = true, r.iat(v)
		case "orig":
			orig, c.Orig = true, r.party(OrigNotOne, "orig", v)
		case "dest":
			dest, c.Dest = true, r.parties(v)
		case "mky":
			c.Mky = r.fingerprints(v)
		case "attest":
			c.Attest = Attestation(r.text(AttestWrong, name, v))
		case "origid":
			c.Origid = r.text(ClaimType, name, v)
		case "div":
			c.Div.Party = r.party(ClaimValue, "div", v)
			c.Div.HI, _ = v.Member("hi").Text()
		case "opt":
			c.Opt = r.text(ClaimType, name, v)
		case "rph":
			c.Rph = r.rph(v)
		case "sph":
			c.Sph = r.text(ClaimType, name, v)
		case "msgi":
			// RFC 9475 section 3.2: in a PASSporT of another type it is ignored,
			// whatever it is.
			if r.t.Header.Ppt != Msg && v.Kind() != strictjson.String {
				c.More = append(c.More, Claim{name, v.Raw()})
				continue
			}
			c.Msgi = r.text(ClaimType, name, v)
		default:
			c.More = append(c.More, Claim{name, v.Raw()})
		}
	}
	for i, seen := range [...]bool{iat, orig, dest} {
		if !seen {
			r.found(ClaimMissing, [...]string{"iat", "orig", "dest"}[i], "")
		}
	}
}

func (r *reader) iat(v strictjson.Value) int64 {
	n, ok := v.Int()
	if text, isText := v.Text(); isText {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n <= lastIat {
			r.found(IatIsText, "iat", "")
			return n
		}
	}
	switch {
	case v.Kind() != strictjson.Number:
		r.found(ClaimType, "iat", "it is "+v.Kind().String()+", not a number")
	case !ok || n <= 0 || n > lastIat:
		r.found(ClaimValue, "iat", "not a number of whole seconds since 1970")
	default:
		return n
	}
	return 0
}

// party reads an object with exactly one of tn and uri (RFC 8225 section 5.2.1).
func (r *reader) party(code Code, name string, v strictjson.Value) (p Party) {
	if v.Kind() != strictjson.Object {
		r.found(code, name, "it is "+v.Kind().String()+", not an object")
		return Party{}
	}
	n := 0
	for member, w := range v.Members() {
		switch member {
		case "tn":
			n++
			p.TN = r.number(name+".tn", w)
		case "uri":
			n++
			p.URI = r.uri(name+".uri", w)
		}
	}
	if n != 1 {
		r.found(code, name, "it has "+strconv.Itoa(n)+" parties")
	}
	return p
}

func (r *reader) parties(v strictjson.Value) (p Parties) {
	if v.Kind() != strictjson.Object {
		r.found(ClaimType, "dest", "it is "+v.Kind().String()+", not an object")
		return p
	}
	before := len(r.findings)
	for member, w := range v.Members() {
		switch member {
		case "tn":
			if r.list("dest.tn", w) {
				p.TN = append(p.TN, r.number("dest.tn", w))
			}
			for e := range w.Elements() {
				p.TN = append(p.TN, r.number("dest.tn", e))
			}
		case "uri":
			if r.list("dest.uri", w) {
				p.URI = append(p.URI, r.uri("dest.uri", w))
			}
			for e := range w.Elements() {
				p.URI = append(p.URI, r.uri("dest.uri", e))
			}
		}
	}
	if p.IsZero() && len(r.findings) == before {
		r.found(DestEmpty, "dest", "")
	}
	return p
}

// list notes that v is not the list that it must be. It reports whether v is a lone
// string, which signers are known to write in place of a list of one.
func (r *reader) list(name string, v strictjson.Value) (lone bool) {
	switch v.Kind() {
	case strictjson.Array:
	case strictjson.String:
		r.found(DestIsText, name, "")
		return true
	default:
		r.found(ClaimType, name, "it is "+v.Kind().String()+", not a list")
	}
	return false
}

func (r *reader) number(name string, v strictjson.Value) tn.Number {
	s, ok := v.Text()
	if !ok {
		r.found(ClaimType, name, "it is "+v.Kind().String()+", not text")
		return ""
	}
	n, err := tn.Parse(s)
	switch {
	case err != nil:
		r.found(ClaimValue, name, "not a telephone number")
	case string(n) != s:
		r.found(NumberNotCanonical, name, "")
	}
	return n
}

func (r *reader) uri(name string, v strictjson.Value) string {
	s := r.text(ClaimType, name, v)
	if v.Kind() == strictjson.String && !isURI(s) {
		r.found(ClaimValue, name, "not a URI")
	}
	return s
}

// isURI reports whether s has a scheme and something after it. What it may be is for
// those who compare it with the signalling.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && scheme != "" && rest != ""
}

func (r *reader) fingerprints(v strictjson.Value) []Fingerprint {
	fps := []Fingerprint{}
	if v.Kind() != strictjson.Array {
		r.found(ClaimType, "mky", "it is "+v.Kind().String()+", not a list")
		return fps
	}
	for e := range v.Elements() {
		alg, ok1 := e.Member("alg").Text()
		dig, ok2 := e.Member("dig").Text()
		if !ok1 || !ok2 {
			r.found(ClaimType, "mky", "an element lacks alg or dig")
			continue
		}
		fps = append(fps, Fingerprint{alg, dig})
	}
	return fps
}

// rph reads {"auth": [r-values]} (RFC 8443 section 4).
func (r *reader) rph(v strictjson.Value) (values []string) {
	auth := v.Member("auth")
	if auth.Kind() != strictjson.Array {
		r.found(ClaimType, "rph", `it has no list "auth"`)
		return nil
	}
	for e := range auth.Elements() {
		values = append(values, r.text(ClaimType, "rph.auth", e))
	}
	return values
}

// requireClaims checks what each type of PASSporT must have.
func (r *reader) requireClaims() {
	has := func(name string) bool { return r.t.claims.Root().Member(name).Kind() != strictjson.Invalid }
	require := func(name string) {
		if !has(name) {
			r.found(ClaimMissing, name, "")
		}
	}
	switch r.t.Header.Ppt {
	case Shaken:
		r.requireShaken(require)
	case Div:
		require("div")
		// RFC 8946 section 3: a div PASSporT must not hold opt.
		if has("opt") {
			r.found(DivHoldsOpt, "opt", "")
		}
	case DivO:
		require("div")
		require("opt")
		if v := r.t.claims.Root().Member("opt"); v.Kind() == strictjson.String && !isFullForm(r.t.Claims.Opt) {
			r.found(OptInvalid, "opt", "")
		}
	case Rph:
		require("rph")
		if r.t.claims.Root().Member("rph").Member("auth").Kind() == strictjson.Array && len(r.t.Claims.Rph) == 0 {
			r.found(ClaimValue, "rph", "it signs no priority")
		}
	case Rcd:
		// RFC 9795 section 7: at least one of rcd and crn.
		if !has("crn") {
			require("rcd")
		}
	}
	r.checkPriority()
	if has("msgi") && r.t.Header.Ppt != Msg {
		r.found(MsgiIgnored, "msgi", "")
	}
}

func (r *reader) requireShaken(require func(string)) {
	require("attest")
	require("origid")
	c := &r.t.Claims
	if c.Attest != "" && !c.Attest.Valid() {
		r.found(AttestWrong, "attest", "")
	}
	if v := r.t.claims.Root().Member("attest"); c.Attest == "" && v.Kind() == strictjson.String {
		r.found(AttestWrong, "attest", "it is empty")
	}
	if v := r.t.claims.Root().Member("origid"); c.Origid == "" && v.Kind() == strictjson.String {
		r.found(ClaimValue, "origid", "it is empty")
	}
	if c.Origid != "" && !isUUID(c.Origid) {
		r.found(OrigidNotUUID, "origid", "")
	}
}

// checkPriority holds sph to its only value, and to PASSporTs that sign an esnet
// priority (RFC 9027 section 4).
func (r *reader) checkPriority() {
	c := &r.t.Claims
	if r.t.Header.Ppt != Rph || r.t.claims.Root().Member("sph").Kind() == strictjson.Invalid {
		return
	}
	if !c.sphAllowed() {
		r.found(SphWrong, "sph", "")
	}
}

func (c *Claims) sphAllowed() bool {
	esnet := slices.ContainsFunc(c.Rph, func(value string) bool { return strings.HasPrefix(value, "esnet.") })
	return c.Sph == "psap-callback" && esnet
}

// isFullForm reports whether opt has the three parts of a full form (RFC 8946
// section 6).
func isFullForm(opt string) bool {
	return strings.Count(opt, ".") == 2 && !strings.HasPrefix(opt, "..")
}

func (r *reader) readSignature() {
	t := r.t
	part := t.text[t.dots[1]+1:]
	var room [2 * signatureLen]byte
	if len(part) > 4*signatureLen {
		r.found(SignatureLength, "", "")
		return
	}
	sig, ok := appendDecoded(room[:0], part)
	switch {
	case !ok:
		r.found(Base64Malformed, "signature", "")
	case len(sig) == signatureLen:
		copy(t.Signature[:], sig)
	case len(sig) >= 8 && sig[0] == 0x30 && int(sig[1]) == len(sig)-2 && sig[2] == 0x02:
		r.found(SignatureIsDER, "", "")
	default:
		r.found(SignatureLength, "", "it has "+strconv.Itoa(len(sig)))
	}
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			c := s[i] | 0x20
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
