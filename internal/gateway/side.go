package gateway

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"countersign.example/internal/sipcore"
)

// Side is where a message comes from.
type Side uint8

// The sides.
const (
	// Trunk: the outside. Calls from there come in.
	Trunk Side = iota
	// Phone: the PBX or phone that we stand before. Calls from there leave.
	Phone
)

// String returns the name of the side, as it stands in a call's Trunk.
func (s Side) String() string {
	if s == Phone {
		return "phone"
	}
	return "trunk"
}

// side tells where a message came from. Only the phone side's own address is the phone
// side; anything else is a stranger until shown otherwise.
func (g *Gateway) side(source netip.AddrPort) Side {
	if source == g.phone {
		return Phone
	}
	return Trunk
}

// verdictFields are header fields by which a network says what it verified
// (ATIS-1000074, 3GPP TS 24.229). They mean something inside a trust domain only, and
// ours ends at this gateway.
var verdictFields = []string{"P-Attestation-Indicator", "P-Origination-ID", "Attestation-Info", "Origination-ID"}

// clean takes out of a message what its side has no right to say.
func clean(m *sipcore.Message, from Side) {
	for _, name := range verdictFields {
		m.Remove(name)
	}
	if m.IsRequest() {
		if a, err := sipcore.ParseNameAddr(m.Get("From")); err == nil {
			if b := withoutVerstat(a); b != a {
				m.Set("From", b.String())
			}
		}
	}
	changeAsserted(m, withoutVerstat)
	if from == Phone {
		// What leaves in our name is signed by us or not at all.
		m.Remove("Identity")
		return
	}
	if !m.IsRequest() || m.InDialog() {
		// Only what the first request says is judged, and no later name is shown.
		changeAsserted(m, func(a sipcore.NameAddr) sipcore.NameAddr { return a.WithDisplayName("") })
	}
	// The predecessor of P-Asserted-Identity, which PBXs still show, and what RFC 3325
	// section 9.2 lets no proxy pass on.
	m.Remove("Remote-Party-ID")
	m.Remove("P-Preferred-Identity")
}

// changeAsserted changes every P-Asserted-Identity. One that we cannot read is removed:
// the phone might read it differently.
func changeAsserted(m *sipcore.Message, change func(sipcore.NameAddr) sipcore.NameAddr) {
	if !m.Has("P-Asserted-Identity") {
		return
	}
	var values []string
	changed := false
	for _, value := range m.List("P-Asserted-Identity") {
		a, err := sipcore.ParseNameAddr(value)
		if err != nil {
			changed = true
			continue
		}
		b := change(a)
		changed = changed || b != a
		values = append(values, b.String())
	}
	if !changed {
		return
	}
	m.Remove("P-Asserted-Identity")
	for _, v := range values {
		m.Add("P-Asserted-Identity", v)
	}
}

// withoutVerstat takes verstat out of an address, wherever it may stand: behind the
// number, behind the host, or behind the address.
func withoutVerstat(a sipcore.NameAddr) sipcore.NameAddr {
	a = a.WithoutParam("verstat")
	u := a.URI()
	clean := u.WithoutTelParam("verstat").WithoutParam("verstat")
	// A name may be written with percent signs, and the phone may decode it. Then all
	// parameters go.
	if saysVerstat(clean) {
		bare, err := sipcore.ParseURI(bareURI(clean))
		if err != nil {
			bare, _ = sipcore.ParseURI("sip:anonymous@anonymous.invalid")
		}
		clean = bare
	}
	if clean == u {
		return a
	}
	return a.WithURI(clean)
}

func saysVerstat(u sipcore.URI) bool {
	s := u.String()
	for range 3 { // nobody decodes more often than that
		if strings.Contains(strings.ToLower(s), "verstat") {
			return true
		}
		decoded := unescaped(s)
		if decoded == s {
			return false
		}
		s = decoded
	}
	return true
}

// unescaped undoes percent-encoding. What is not an encoding stays.
func unescaped(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// bareURI returns scheme, user and host of a URI and nothing else.
func bareURI(u sipcore.URI) string {
	if u.Host() == "" {
		return u.Scheme() + ":" + u.User()
	}
	at := ""
	if u.User() != "" {
		at = u.User() + "@"
	}
	return u.Scheme() + ":" + at + u.Host()
}
