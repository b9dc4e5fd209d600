package gateway

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"countersign.example/internal/call"
	"countersign.example/internal/sipcore"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sealsOf(t testing.TB, key string) *seals {
	t.Helper()
	s, err := newSeals([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inDialog is a request of the dialog with that Call-ID.
func inDialog(callID, fromTag, toTag string) *sipcore.Message {
	m := sipcore.NewRequest("BYE", "sip:a@b.example")
	m.Add("From", "<sip:from@a.example>;tag="+fromTag)
	m.Add("To", "<sip:to@a.example>;tag="+toTag)
	m.Add("Call-ID", callID)
	return m
}

var anyAddr = rapid.Custom(func(t *rapid.T) netip.AddrPort {
	port := rapid.Uint16Min(1).Draw(t, "port")
	if rapid.Bool().Draw(t, "v6") {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6 address"))).Unmap(), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4 address"))), port)
})

var anyName = rapid.Custom(func(t *rapid.T) string {
	return cut(rapid.String().Draw(t, "name"), maxName)
})

var anyPassage = rapid.Custom(func(t *rapid.T) passage {
	p := passage{
		direction: rapid.SampledFrom([]call.Direction{call.Inbound, call.Outbound}).Draw(t, "direction"),
		caller:    anyAddr.Draw(t, "caller"),
		callee:    anyAddr.Draw(t, "callee"),
		shown:     rapid.Bool().Draw(t, "shown"),
	}
	if p.shown {
		p.verstat = rapid.Uint8().Draw(t, "verstat")
		p.sent, p.name = anyName.Draw(t, "sent"), anyName.Draw(t, "name")
		p.uri = [digestLen]byte(rapid.SliceOfN(rapid.Byte(), digestLen, digestLen).Draw(t, "uri"))
	}
	return p
})

var tag = rapid.StringMatching(`[a-z0-9]{1,8}`)

func TestWhatIsSealedIsOpenedForBothPartiesOfTheDialogAndNobodyElse(t *testing.T) {
	s, other := sealsOf(t, "a key of sixteen bytes"), sealsOf(t, "another of sixteen bytes")
	rapid.Check(t, func(t *rapid.T) {
		p := anyPassage.Draw(t, "passage")
		id, caller, callee := tag.Draw(t, "call"), "1"+tag.Draw(t, "caller"), "2"+tag.Draw(t, "callee")
		user := s.seal(p, id, caller)
		if len(user) > maxSeal || strings.Trim(user, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("seal() = %q is no user part of at most %d characters", user, maxSeal)
		}
		if got, fromCaller, ok := s.open(user, inDialog(id, caller, callee)); !ok || !fromCaller || got != p {
			t.Fatalf("open() for the caller = %+v, %v, %v, want %+v", got, fromCaller, ok, p)
		}
		if got, fromCaller, ok := s.open(user, inDialog(id, callee, caller)); !ok || fromCaller || got != p {
			t.Fatalf("open() for the callee = %+v, %v, %v, want %+v", got, fromCaller, ok, p)
		}
		for _, m := range []*sipcore.Message{inDialog(id+"x", caller, callee), inDialog(id, callee, callee), inDialog(id[1:], id[:1]+caller, callee)} {
			if _, _, ok := s.open(user, m); ok {
				t.Fatalf("open() in the dialog %q %q %q, want not", m.CallID(), m.FromTag(), m.ToTag())
			}
		}
		if _, _, ok := other.open(user, inDialog(id, caller, callee)); ok {
			t.Fatal("open() with another key, want not")
		}
		raw, _ := base64.RawURLEncoding.DecodeString(user)
		bit := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := s.open(base64.RawURLEncoding.EncodeToString(raw), inDialog(id, caller, callee)); ok {
			t.Fatalf("open() with bit %d flipped, want not", bit)
		}
	})
}

func TestNeitherPartyCanReadTheSeal(t *testing.T) {
	s := sealsOf(t, "a key of sixteen bytes")
	p := passage{direction: call.Inbound, caller: netip.MustParseAddrPort("192.0.2.1:5060"), callee: netip.MustParseAddrPort("192.0.2.2:5060"),
		shown: true, name: "◐ President's Office (partly verified)"}
	raw, err := base64.RawURLEncoding.DecodeString(s.seal(p, "id", "tag"))
	if err != nil || bytes.Contains(raw, []byte("President")) || bytes.Contains(raw, []byte{192, 0, 2}) {
		t.Errorf("the seal shows what it holds: %q, %v", raw, err)
	}
}

func FuzzOpen(f *testing.F) {
	s := sealsOf(f, "a key of sixteen bytes")
	a := netip.MustParseAddrPort("192.0.2.1:5060")
	f.Add(s.seal(passage{direction: call.Inbound, caller: a, callee: a, shown: true, sent: "x"}, "id", "tag"), []byte{})
	f.Add("", (&passage{direction: call.Outbound, caller: a, callee: a}).append(nil))
	f.Add("====", []byte{1, 0, 6, 1, 2, 3, 4, 0, 80, 255})
	f.Fuzz(func(t *testing.T, user string, plain []byte) {
		s.open(user, inDialog("id", "tag", "other"))
		if p, ok := parsePassage(plain); ok {
			if again, ok := parsePassage(p.append(nil)); !ok || again != p {
				t.Errorf("parsePassage(%x) = %+v, and written again %+v", plain, p, again)
			}
		}
	})
}
