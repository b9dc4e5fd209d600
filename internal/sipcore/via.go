package sipcore

import (
	"encoding/base32"
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
)

const defaultPort = 5060

// cookie begins every branch made by the rules of RFC 3261 section 8.1.1.7.
const cookie = "z9hG4bK"

// via is the first element of the Via fields: whom a request came from last, and
// whom a response goes to.
type via struct {
	proto  string // "SIP/2.0/UDP " as written
	sentBy string // host and port as written
	host   string // without brackets
	port   uint16 // 0 if not given
	params string
}

func (v *via) String() string { return v.proto + v.sentBy + v.params }

func (v *via) branch() string {
	branch, _ := getParam(v.params, "branch")
	return branch
}

// parseVia parses one Via element (RFC 3261 section 20.42). White space may stand
// around slashes and colon.
func parseVia(s string) (v via, ok bool) {
	name, rest, ok1 := strings.Cut(s, "/")
	_, transport, ok2 := strings.Cut(rest, "/")
	if !ok1 || !ok2 || !strings.EqualFold(strings.TrimSpace(name), "SIP") {
		return v, false
	}
	transport = strings.TrimLeft(transport, " \t")
	_, by := cutAt(transport, " \t")
	by = strings.TrimLeft(by, " \t")
	v.proto = s[:len(s)-len(by)]
	v.sentBy, v.params = cutAt(by, ";")
	v.sentBy = strings.TrimRight(v.sentBy, " \t")
	host, port, ok := cutHostPort(v.sentBy)
	host = strings.TrimSpace(host)
	if !ok || !validHost(host) {
		return v, false
	}
	v.host, v.port = strings.Trim(host, "[]"), port
	return v, true
}

// topVia returns the first Via element.
func (m *Message) topVia() (v via, ok bool) {
	i := m.index("Via", 0)
	if i < 0 {
		return v, false
	}
	element, _ := cutElement(m.fields[i].Value)
	return parseVia(element)
}

// setTopVia replaces the first Via element.
func (m *Message) setTopVia(v *via) {
	f := &m.fields[m.index("Via", 0)]
	if _, rest := cutElement(f.Value); rest != "" {
		f.Value = v.String() + "," + rest
		return
	}
	f.Value = v.String()
}

// popElement removes the first element of a field that holds a list, and reports
// whether there was one.
func (m *Message) popElement(name string) bool {
	i := m.index(name, 0)
	if i < 0 {
		return false
	}
	_, rest := cutElement(m.fields[i].Value)
	if rest = strings.TrimSpace(rest); rest != "" {
		m.fields[i].Value = rest
		return true
	}
	m.fields = append(m.fields[:i], m.fields[i+1:]...)
	return true
}

// wayBack notes on the top Via where a request really came from, and returns where
// its responses go (RFC 3261 section 18.2.2).
func (m *Message) wayBack(v *via, from path) path {
	src := from.Addr
	from.Addr = m.arrivedFrom(v, src)
	if from.conn != nil {
		// The connection is the way. If it is gone, the port that the sender says
		// he listens on, at the address he has.
		port := v.port
		if port == 0 {
			port = from.Transport.Port()
		}
		from.Addr = netip.AddrPortFrom(src.Addr(), port)
		if from.Name = ""; from.Transport.Secure() {
			from.Name = v.host
		}
	}
	return from
}

// arrivedFrom notes on the top Via where a request really came from, and returns
// where its responses go.
func (m *Message) arrivedFrom(v *via, src netip.AddrPort) netip.AddrPort {
	named, err := netip.ParseAddr(v.host)
	from := src.Addr().WithZone("") // a zone means nothing to others
	_, rport := getParam(v.params, "rport")
	_, received := getParam(v.params, "received")
	same := err == nil && named == from
	switch {
	case rport:
		// RFC 3581 section 4: both are set whenever the client asks for rport.
		v.params = setParam(v.params, "rport", strconv.Itoa(int(src.Port())))
		v.params = setParam(v.params, "received", from.String())
	case !same:
		// RFC 3261 section 18.2.1: received is added whenever sent-by is a name
		// or another address, whether or not there is an rport.
		v.params = setParam(v.params, "received", from.String())
	case received:
		// The sender cannot tell us where we saw it.
		v.params = dropParam(v.params, "received")
	}
	if rport || !same || received {
		m.setTopVia(v)
	}
	// RFC 3261 section 18.2.2; maddr is not followed, it would let a stranger
	// aim our responses at somebody else.
	if rport {
		return src
	}
	port := v.port
	if port == 0 {
		port = defaultPort
	}
	return netip.AddrPortFrom(src.Addr(), port)
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// random returns 13 characters that a stranger cannot guess: 64 bits of the
// runtime's generator, which is cryptographically strong.
func random() string { return encode64(rand.Uint64()) }

func encode64(n uint64) string {
	var raw [8]byte
	var text [13]byte
	binary.BigEndian.PutUint64(raw[:], n)
	base32Lower.Encode(text[:], raw[:])
	return string(text[:])
}

// loopMark condenses everything that decides where we send a request (RFC 3261
// section 16.6 step 8). A request that comes back with the same mark loops; with
// another one it spirals, which is allowed: so a request that was signed anew
// after a 438 (RFC 8224 section 6.1.1) has another Identity and may return.
func loopMark(seed maphash.Seed, m *Message) string {
	var h maphash.Hash
	h.SetSeed(seed)
	write := func(s string) { h.WriteString(s); h.WriteByte(0) }
	write(m.uri)
	write(m.FromTag())
	write(m.ToTag())
	for i := range m.fields {
		f := &m.fields[i]
		switch {
		case f.is("Route"), f.is("Call-ID"), f.is("CSeq"), f.is("Identity"),
			f.is("Proxy-Require"), f.is("Proxy-Authorization"):
			write(f.Value)
		}
	}
	return encode64(h.Sum64())
}

// loops reports whether this request has passed through us before, unchanged in
// everything that decides where it goes. ours tells our own Via.
func loops(m *Message, ours func(sentBy string) bool, mark string) bool {
	for _, element := range m.List("Via") {
		v, ok := parseVia(element)
		if ok && ours(v.sentBy) && strings.HasSuffix(v.branch(), "-"+mark) {
			return true
		}
	}
	return false
}

// serverKey matches requests to server transactions (RFC 3261 section 17.2.3).
type serverKey struct{ branch, sentBy, method string }

func newServerKey(m *Message, v *via, method string) serverKey {
	if method == MethodAck {
		method = MethodInvite
	}
	branch := v.branch()
	if !strings.HasPrefix(branch, cookie) {
		// RFC 2543 clients: the request as a whole is its name.
		number, _ := m.CSeq()
		branch = strings.Join([]string{m.uri, m.FromTag(), m.CallID(), strconv.Itoa(int(number)), branch}, "\x00")
	}
	// A transaction outlives its message by 32 seconds.
	return serverKey{strings.Clone(branch), strings.Clone(strings.ToLower(v.sentBy)), internMethod(method)}
}

// internMethod returns method in memory of its own.
func internMethod(method string) string {
	switch method {
	case MethodInvite:
		return MethodInvite
	case MethodBye:
		return MethodBye
	}
	return strings.Clone(method)
}

// clientKey matches responses to client transactions (RFC 3261 section 17.1.3).
type clientKey struct{ branch, method string }
