package sipcore

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustAddr(t *testing.T, s string) NameAddr {
	t.Helper()
	a, err := ParseNameAddr(s)
	if err != nil {
		t.Fatalf("ParseNameAddr(%q) = %v", s, err)
	}
	return a
}

func TestParseNameAddr(t *testing.T) {
	for _, c := range []struct{ text, display, uri, tag string }{
		{`<sip:a@b>`, "", "sip:a@b", ""},
		{`sip:a@b`, "", "sip:a@b", ""},
		{`sip:a@b;tag=1`, "", "sip:a@b", "1"},
		{`sip:a@b ; tag=1`, "", "sip:a@b", "1"},
		{`Bob <sip:a@b;lr>;tag=1`, "Bob", "sip:a@b;lr", "1"},
		{`Bob  B. <sip:a@b>;x;tag=1;y`, "Bob  B.", "sip:a@b", "1"},
		{`"Bob" <sip:a@b>;TAG=1`, "Bob", "sip:a@b", "1"},
		{`"A \"quoted\" \\ name"<sip:a@b> ;tag=1`, `A "quoted" \ name`, "sip:a@b", "1"},
		{`"<sip:evil@x>;tag=0" <sip:a@b>;tag=1`, "<sip:evil@x>;tag=0", "sip:a@b", "1"},
		{`"semi; colon, comma" <sip:a@b>`, "semi; colon, comma", "sip:a@b", ""},
		{`<tel:+1-215-555-1212;verstat=TN-Validation-Passed>;tag=1`, "", "tel:+1-215-555-1212;verstat=TN-Validation-Passed", "1"},
		{`<sip:a@b>;x="tag=0;tag=0";tag=1`, "", "sip:a@b", "1"},
		// RFC 8224 section 5.1 prints this one.
		{`<sip:a@b>;tag=1928301774>`, "", "sip:a@b", "1928301774>"},
	} {
		a := mustAddr(t, c.text)
		tag, _ := a.Param("tag")
		if a.DisplayName() != c.display || a.URI().String() != c.uri || tag != c.tag {
			t.Errorf("%s is %q, %q, tag %q; want %q, %q, %q", c.text, a.DisplayName(), a.URI(), tag, c.display, c.uri, c.tag)
		}
		if got := tagOf(c.text); got != c.tag {
			t.Errorf("tagOf(%s) = %q, want %q", c.text, got, c.tag)
		}
		if strings.ReplaceAll(a.String(), " ", "") != strings.ReplaceAll(c.text, " ", "") {
			t.Errorf("%s is written %s", c.text, a)
		}
	}
}

func TestMalformedAddressesAreRefused(t *testing.T) {
	for _, s := range []string{"", "<>", "<sip:a@b", `"Bob <sip:a@b>`, `"Bob" sip:a@b`, "<sip:a@b> x", "<sip:a@b>,<sip:c@d>", "Bob", "<sip:a b@c>"} {
		if a, err := ParseNameAddr(s); err == nil {
			t.Errorf("ParseNameAddr(%q) = %v, want an error", s, a)
		}
	}
}

func TestNameAddrSettersKeepEverythingElse(t *testing.T) {
	const text = `"Old \"name\""   <sip:+12155551212;npdi:pw@b;user=phone;x=%41?h=1> ;tag=1;q="a;b"`
	for _, c := range []struct {
		name, text string
		change     func(a NameAddr) NameAddr
		want       string
	}{
		{"display name", text, func(a NameAddr) NameAddr { return a.WithDisplayName(`New "one"`) },
			`"New \"one\"" <sip:+12155551212;npdi:pw@b;user=phone;x=%41?h=1>;tag=1;q="a;b"`},
		{"display name removed", text, func(a NameAddr) NameAddr { return a.WithDisplayName("") },
			`<sip:+12155551212;npdi:pw@b;user=phone;x=%41?h=1>;tag=1;q="a;b"`},
		{"display name with a line break", "<sip:a@b>", func(a NameAddr) NameAddr { return a.WithDisplayName("a\r\nEvil: b\xff") },
			`"a  Evil: b?" <sip:a@b>`},
		{"display name of a bare address", "sip:a@b;tag=1", func(a NameAddr) NameAddr { return a.WithDisplayName("N") },
			`"N" <sip:a@b>;tag=1`},
		{"verstat of a sip URI", text, func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithTelParam("verstat", "No-TN-Validation")) },
			`"Old \"name\""   <sip:+12155551212;npdi;verstat=No-TN-Validation:pw@b;user=phone;x=%41?h=1>;tag=1;q="a;b"`},
		{"verstat of a tel URI", "<tel:+12155551212;verstat=x;a=b>;tag=1", func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithTelParam("verstat", "y")) },
			"<tel:+12155551212;verstat=y;a=b>;tag=1"},
		{"verstat removed", "<sip:1;verstat=x;a@b>", func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithoutTelParam("VERSTAT")) },
			"<sip:1;a@b>"},
		{"parameter of a bare address", "sip:a@b;tag=1", func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithParam("lr", "")) },
			"<sip:a@b;lr>;tag=1"},
		{"URI parameter", text, func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithParam("user", "ip")) },
			`"Old \"name\""   <sip:+12155551212;npdi:pw@b;user=ip;x=%41?h=1>;tag=1;q="a;b"`},
		{"URI parameter removed", text, func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithoutParam("x")) },
			`"Old \"name\""   <sip:+12155551212;npdi:pw@b;user=phone?h=1>;tag=1;q="a;b"`},
		{"header parameter", text, func(a NameAddr) NameAddr { return a.WithParam("tag", "2") },
			`"Old \"name\""   <sip:+12155551212;npdi:pw@b;user=phone;x=%41?h=1>;tag=2;q="a;b"`},
		{"header parameter removed", text, func(a NameAddr) NameAddr { return a.WithoutParam("q") },
			`"Old \"name\""   <sip:+12155551212;npdi:pw@b;user=phone;x=%41?h=1>;tag=1`},
		{"user and host", text, func(a NameAddr) NameAddr { return a.WithURI(a.URI().WithUser("9").WithHostPort("c:5080")) },
			`"Old \"name\""   <sip:9;npdi@c:5080;user=phone;x=%41?h=1>;tag=1;q="a;b"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.change(mustAddr(t, c.text)).String()
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			mustAddr(t, got)
		})
	}
}

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		text, scheme, user, host string
		port                     uint16
	}{
		{"sip:a@b", "sip", "a", "b", 0},
		{"SIPS:a:pw@b.example:5061;transport=tcp?x=y", "sips", "a", "b.example", 5061},
		{"sip:b", "sip", "", "b", 0},
		{"sip:[2001:db8::1]:5060", "sip", "", "[2001:db8::1]", 5060},
		{"sip:+12155551212;npdi;rn=+1@192.0.2.1;user=phone", "sip", "+12155551212", "192.0.2.1", 0},
		{"sip:%2B1?x@b", "sip", "%2B1?x", "b", 0},
		{"tel:+12155551212;ext=1", "tel", "+12155551212", "", 0},
		{"soap.beep://192.0.2.103:3002", "soap.beep", "//192.0.2.103", "", 0},
	} {
		u, err := ParseURI(c.text)
		if err != nil {
			t.Errorf("ParseURI(%q) = %v", c.text, err)
			continue
		}
		if u.Scheme() != c.scheme || u.User() != c.user || u.Host() != c.host || u.Port() != c.port || u.String() != c.text {
			t.Errorf("%s is %q %q %q %d, written %s", c.text, u.Scheme(), u.User(), u.Host(), u.Port(), u)
		}
	}
}

func TestMalformedURIsAreRefused(t *testing.T) {
	for _, s := range []string{"", "sip", "sip:", "sip:a@", ":a@b", "sip:a@b@c", "sip:a@b:0", "sip:a@b:65536", "sip:a@b:x",
		"sip:a@b:+5060", "sip:a@[::1", "sip:a@[192.0.2.1]", "sip:a@b c", "sip:a@b\r\n", "sip:<a@b", `sip:"a"@b`, "tel:", "sip:a@b/c"} {
		if u, err := ParseURI(s); err == nil {
			t.Errorf("ParseURI(%q) = %v, want an error", s, u)
		}
	}
}

func TestPropertyParametersAreReadAsTheyWereSet(t *testing.T) {
	name := rapid.StringMatching(`[a-z]{1,4}`)
	value := rapid.StringMatching(`[a-zA-Z0-9%]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		text, model := "", map[string]string{}
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			n, v := name.Draw(t, "name"), value.Draw(t, "value")
			if rapid.Bool().Draw(t, "set") {
				text = setParam(text, n, v)
				model[n] = v
			} else {
				text = dropParam(text, n)
				delete(model, n)
			}
			for _, n := range []string{n, "zzzzz"} {
				got, ok := getParam(text, strings.ToUpper(n))
				want, there := model[n]
				if got != want || ok != there {
					t.Fatalf("getParam(%q, %s) = %q, %v, want %q, %v", text, n, got, ok, want, there)
				}
			}
		}
	})
}

func FuzzParseNameAddr(f *testing.F) {
	for _, s := range []string{`"A" <sip:a@b;c?d>;tag=1`, "sip:a@b", `"\"" <tel:+1;verstat=x>`, "<sip:[::1]:5060;lr>", "<x:y>;", `a;"<`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseNameAddr(s)
		if err != nil {
			return
		}
		text := a.String()
		again, err := ParseNameAddr(text)
		if err != nil || again.String() != text {
			t.Fatalf("%q is written %q and read as %q, %v", s, text, again, err)
		}
		named := a.WithDisplayName(`N" <`).WithURI(a.URI().WithTelParam("verstat", "v")).WithParam("tag", "t")
		back, err := ParseNameAddr(named.String())
		if err != nil {
			t.Fatalf("%q was changed to %q, which is refused: %v", s, named, err)
		}
		v, _ := back.URI().TelParam("verstat")
		tag, _ := back.Param("tag")
		want := ""
		if u := back.URI(); u.isSIP() || u.isTel() {
			want = "v"
		}
		if back.DisplayName() != `N" <` || tag != "t" || v != want {
			t.Errorf("%q was changed to %q: %q, verstat %q, tag %q", s, named, back.DisplayName(), v, tag)
		}
	})
}
