package fetch

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestVet(t *testing.T) {
	tests := []struct {
		addr    string
		dialled string // empty: refused
	}{
		{"93.184.215.14", "93.184.215.14"},
		{"2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"},
		{"::ffff:93.184.215.14", "93.184.215.14"},
		{"64:ff9b::93.184.215.14", "64:ff9b::5db8:d70e"},
		{"100.63.255.255", "100.63.255.255"},
		{"100.128.0.0", "100.128.0.0"},
		{"172.15.255.255", "172.15.255.255"},
		{"172.32.0.0", "172.32.0.0"},
		{"198.17.255.255", "198.17.255.255"},
		{"198.20.0.0", "198.20.0.0"},
		{"223.255.255.255", "223.255.255.255"},
		{"2001:200::1", "2001:200::1"},
		{"2003::1", "2003::1"},

		{"0.0.0.0", ""}, {"0.1.2.3", ""},
		{"10.0.0.1", ""}, {"10.255.255.255", ""},
		{"100.64.0.0", ""}, {"100.100.100.200", ""}, {"100.127.255.255", ""},
		{"127.0.0.1", ""}, {"127.255.255.254", ""},
		{"168.63.129.16", ""}, {"169.254.169.254", ""}, {"169.254.0.1", ""},
		{"172.16.0.1", ""}, {"172.31.255.255", ""},
		{"192.0.0.192", ""}, {"192.0.2.1", ""}, {"192.88.99.1", ""}, {"192.168.1.1", ""},
		{"198.18.0.1", ""}, {"198.19.255.255", ""}, {"198.51.100.1", ""}, {"203.0.113.9", ""},
		{"224.0.0.1", ""}, {"239.255.255.255", ""}, {"240.0.0.1", ""}, {"255.255.255.255", ""},

		{"::", ""}, {"::1", ""},
		{"::ffff:127.0.0.1", ""}, {"::ffff:10.0.0.1", ""}, {"::ffff:169.254.169.254", ""},
		{"::127.0.0.1", ""}, {"::93.184.215.14", ""},
		{"64:ff9b::127.0.0.1", ""}, {"64:ff9b::10.0.0.1", ""}, {"64:ff9b:1::93.184.215.14", ""},
		{"100::1", ""}, {"2001:2::1", ""}, {"2001:db8::1", ""}, {"3fff::1", ""}, {"5f00::1", ""},
		{"2001:0:4136:e378:8000:63bf:3fff:fdd2", ""},
		{"2002:7f00:1::1", ""}, {"2002:5db8:d70e::1", ""},
		{"fc00::1", ""}, {"fd00:ec2::254", ""}, {"fe80::1", ""}, {"fe80::1%eth0", ""}, {"fec0::1", ""},
		{"2606:2800::1%eth0", ""}, {"ff02::1", ""}, {"ff0e::1", ""},
	}
	for _, test := range tests {
		got, err := vet(netip.MustParseAddr(test.addr), false)
		switch {
		case test.dialled == "" && err == nil:
			t.Errorf("vet(%s) = %s, want it refused", test.addr, got)
		case test.dialled != "" && (err != nil || got.String() != test.dialled):
			t.Errorf("vet(%s) = %s, %v, want %s", test.addr, got, err, test.dialled)
		}
	}
	if got, err := vet(netip.Addr{}, true); err == nil {
		t.Errorf("vet(no address) = %s, want it refused", got)
	}
}

func TestLabModeAddsLoopbackAndNothingElse(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"} {
		if _, err := vet(netip.MustParseAddr(addr), true); err != nil {
			t.Errorf("vet(%s) in lab mode: %v, want it allowed", addr, err)
		}
	}
	for _, addr := range []string{
		"10.0.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::", "fe80::1", "fd00::1",
		"::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1",
	} {
		if got, err := vet(netip.MustParseAddr(addr), true); err == nil {
			t.Errorf("vet(%s) in lab mode = %s, want it refused", addr, got)
		}
	}
}

// TestSSRFCorpus is attack 70 of protocol.md section 4.1: none reaches its target.
func TestSSRFCorpus(t *testing.T) {
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request reached the server on loopback")
	}))
	defer target.Close()
	dns := zone{
		"localhost":             {netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()},
		"inside.example":        {netip.MustParseAddr("10.0.0.1")},
		"metadata.example":      {netip.MustParseAddr("169.254.169.254")},
		"mapped.example":        {netip.MustParseAddr("::ffff:10.0.0.1")},
		"only-inside.example":   {netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00::1")},
		"127.0.0.1.nip.example": {netip.MustParseAddr("127.0.0.1")},
	}
	tests := []struct {
		url    string
		reason Reason
	}{
		{"https://127.0.0.1/c", AddressRefused},
		{"https://127.0.0.1:8443/c", AddressRefused},
		{"https://127.0.0.1./c", AddressRefused},
		{"https://[::1]/c", AddressRefused},
		{"https://[::ffff:10.0.0.1]/c", AddressRefused},
		{"https://[::ffff:7f00:1]/c", AddressRefused},
		{"https://[64:ff9b::7f00:1]/c", AddressRefused},
		{"https://169.254.169.254/latest/meta-data/", AddressRefused},
		{"https://localhost/c", AddressRefused},
		{"https://LOCALHOST./c", AddressRefused},
		{"https://inside.example/c", AddressRefused},
		{"https://metadata.example/c", AddressRefused},
		{"https://mapped.example/c", AddressRefused},
		{"https://only-inside.example/c", AddressRefused},
		{"https://127.0.0.1.nip.example/c", AddressRefused},
		{"https://2130706433/c", BadURL},
		{"https://0x7f000001/c", BadURL},
		{"https://0x7f.1/c", BadURL},
		{"https://017700000001/c", BadURL},
		{"https://0177.0.0.1/c", BadURL},
		{"https://127.1/c", BadURL},
		{"https://127.0.0.1.1/c", BadURL},
		{"https://[127.0.0.1]/c", BadURL},
		{"https://[fe80::1%25eth0]/c", BadURL},
		{"https://%31%32%37.0.0.1/c", BadURL},
		{"https://１２７.0.0.1/c", BadURL},
		{"https://%EF%BC%91.example/c", BadURL},
		{"https://127。0。0。1/c", BadURL},
		{"http://example.com/c", BadURL},
		{"file:///etc/passwd", BadURL},
		{"gopher://127.0.0.1:6379/_x", BadURL},
		{"https://user@127.0.0.1/c", BadURL},
		{"https://example.com@127.0.0.1/c", BadURL},
		{"https://example.com:443@127.0.0.1/c", BadURL},
		{"https://example.com\\@127.0.0.1/c", BadURL},
		{"https://127.0.0.1#@example.com/c", BadURL},
		{"https://127.0.0.1 @example.com/c", BadURL},
		{"https://example.com:22/c", BadURL},
		{"https:///c", BadURL},
		{"https:127.0.0.1/c", BadURL},
		{"//127.0.0.1/c", BadURL},
		{"https://nowhere.example/c", Unresolved},
	}
	for _, test := range tests {
		t.Run(test.url, func(t *testing.T) {
			f := New(Config{Resolver: dns})
			defer f.Close()
			f.dial = func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
				t.Errorf("dialled %s", to)
				return net.Dial("tcp", target.Listener.Addr().String())
			}
			doc, err := f.Get(t.Context(), test.url, Options{})
			fail := wantFailure(t, doc, err, test.reason)
			if fail.URL != test.url || fail.Lab {
				t.Errorf("Failure = %+v, want URL %q, not of the lab", fail, test.url)
			}
		})
	}
}

// turncoat answers the first lookup with one thing, and later ones with another.
type turncoat struct {
	first, later netip.Addr
	asked        int
}

func (r *turncoat) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.asked++; r.asked == 1 {
		return []netip.Addr{r.first}, nil
	}
	return []netip.Addr{r.later}, nil
}

func TestARebindingDNSIsAskedOnceAndThenRefused(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	dns := &turncoat{first: public, later: netip.MustParseAddr("127.0.0.1")}
	f := o.fetcher(t, Config{Resolver: dns})
	const url = "https://example.com/c"

	doc, err := f.Get(t.Context(), url, Options{})
	wantBody(t, doc, err, "certificate")
	if dns.asked != 1 {
		t.Errorf("the DNS was asked %d times for one request, want 1", dns.asked)
	}
	f.Forget(url)
	doc, err = f.Get(t.Context(), url, Options{})
	wantFailure(t, doc, err, AddressRefused)
	if got := o.addresses(); !slices.Equal(got, []netip.AddrPort{netip.AddrPortFrom(public, 443)}) {
		t.Errorf("dialled %v, want only %v", got, public)
	}
}

func TestTheNextVettedAddressIsTried(t *testing.T) {
	o := newOutside(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("certificate")) })
	dead := netip.MustParseAddr("2606:2800::dead")
	o.dns["example.com"] = []netip.Addr{dead, netip.MustParseAddr("10.0.0.1"), public}
	f := o.fetcher(t, Config{})
	f.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		conn, err := o.dial(ctx, to)
		if err == nil && to.Addr() == dead {
			conn.Close()
			return nil, errors.New("connection refused")
		}
		return conn, err
	}
	doc, err := f.Get(t.Context(), "https://example.com:8443/c", Options{})
	wantBody(t, doc, err, "certificate")
	want := []netip.AddrPort{netip.AddrPortFrom(dead, 8443), netip.AddrPortFrom(public, 8443)}
	if got := o.addresses(); !slices.Equal(got, want) {
		t.Errorf("dialled %v, want %v", got, want)
	}
}

func TestAStallingAddressLeavesTimeForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alive := netip.MustParseAddr("93.184.215.15")
		f := wired(Config{Resolver: zone{"host.test": {public, alive}}}, func(conn net.Conn) {
			reply(conn, func(*http.Request) string { return ok("certificate") })
		})
		defer f.Close()
		dial := f.dial
		f.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			if to.Addr() != alive {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return dial(ctx, to)
		}
		doc, err := f.Get(t.Context(), "http://host.test/c", Options{})
		wantBody(t, doc, err, "certificate")
	})
}

// mayDial is the rule once more, by other means than vet: the reference of the
// property below.
func mayDial(a netip.Addr) bool {
	if a.Is4() {
		n := binary.BigEndian.Uint32(a.AsSlice())
		in := func(prefix string, bits int) bool {
			p := binary.BigEndian.Uint32(netip.MustParseAddr(prefix).AsSlice())
			return n>>(32-bits) == p>>(32-bits)
		}
		return a.IsGlobalUnicast() && !a.IsPrivate() && n>>24 != 0 && n>>28 != 0xf &&
			!in("100.64.0.0", 10) && !in("192.0.0.0", 24) && !in("192.0.2.0", 24) &&
			!in("192.88.99.0", 24) && !in("198.18.0.0", 15) && !in("198.51.100.0", 24) &&
			!in("203.0.113.0", 24) && !in("168.63.129.16", 32)
	}
	b := a.As16()
	if strings.HasPrefix(a.StringExpanded(), "0064:ff9b:0000:0000:0000:0000:") {
		return mayDial(netip.AddrFrom4([4]byte(b[12:])))
	}
	first, second := binary.BigEndian.Uint16(b[:]), binary.BigEndian.Uint16(b[2:])
	return b[0]>>5 == 1 && first != 0x2002 && !(first == 0x2001 && (second < 0x200 || second == 0xdb8)) &&
		!(first == 0x3fff && second < 0x1000)
}

// anyAddress draws addresses of every sort, also from inside every refused range and
// from the tunnels' forms of IPv4 addresses.
func anyAddress() *rapid.Generator[netip.Addr] {
	v4 := rapid.Custom(func(t *rapid.T) netip.Addr {
		n := rapid.Uint32().Draw(t, "v4")
		if rapid.Bool().Draw(t, "special") {
			p := rapid.SampledFrom(refused4).Draw(t, "range").prefix
			base := binary.BigEndian.Uint32(p.Addr().AsSlice())
			n = base | n&(1<<(32-p.Bits())-1)
		}
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
	})
	v6 := rapid.Custom(func(t *rapid.T) netip.Addr {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")
		if rapid.Bool().Draw(t, "special") {
			p := rapid.SampledFrom(refused6).Draw(t, "range").prefix
			base := p.Addr().As16()
			for i := range p.Bits() {
				mask := byte(0x80 >> (i % 8))
				b[i/8] = b[i/8]&^mask | base[i/8]&mask
			}
		}
		return netip.AddrFrom16([16]byte(b))
	})
	wrapped := rapid.Custom(func(t *rapid.T) netip.Addr {
		inner := v4.Draw(t, "inner").As4()
		b := netip.MustParseAddr(rapid.SampledFrom([]string{
			"::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::", "2001::",
		}).Draw(t, "form")).As16()
		copy(b[12:], inner[:])
		return netip.AddrFrom16(b)
	})
	sixToFour := rapid.Custom(func(t *rapid.T) netip.Addr {
		inner := v4.Draw(t, "inner").As4()
		b := netip.MustParseAddr("2002::1").As16()
		copy(b[2:], inner[:])
		return netip.AddrFrom16(b)
	})
	return rapid.OneOf(v4, v6, wrapped, sixToFour)
}

// TestDialledAddressesAreAllowed is property P21 of protocol.md: for random DNS answers
// the dialled address is in the allowed set. And none that is allowed is passed
// over, up to the number that is tried.
func TestDialledAddressesAreAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dns := rapid.SliceOfN(anyAddress(), 0, 8).Draw(t, "dns")
		var want []netip.Addr
		for _, a := range dns {
			if a = a.Unmap(); mayDial(a) && len(want) < maxAddresses {
				want = append(want, a)
			}
		}
		var dialled []netip.Addr
		f := New(Config{Resolver: zone{"example.com": dns}})
		f.dial = func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
			if to.Port() != 443 {
				t.Errorf("dialled port %d, want 443", to.Port())
			}
			dialled = append(dialled, to.Addr())
			return nil, errors.New("connection refused")
		}
		_, err := f.Get(context.Background(), "https://example.com/c", Options{})
		f.Close()
		if !slices.Equal(dialled, want) {
			t.Errorf("for DNS answer %v dialled %v, want %v", dns, dialled, want)
		}
		reason := Unreachable
		switch {
		case len(dns) == 0:
			reason = Unresolved
		case len(want) == 0:
			reason = AddressRefused
		}
		if fail, isFailure := errors.AsType[*Failure](err); !isFailure || fail.Reason != reason {
			t.Errorf("for DNS answer %v got %v, want reason %q", dns, err, reason)
		}
	})
}
