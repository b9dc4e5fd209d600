package sipidentity

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign.example/passport"
	"countersign.example/tn"
)

func TestRow63CanonicalURIOfTheTable(t *testing.T) {
	for _, c := range readVectors(t).CanonicalURI.Cases {
		if got, err := CanonicalURI(c.In); err != nil || got != c.Out {
			t.Errorf("CanonicalURI(%q) = %q, %v, want %q: %s", c.In, got, err, c.Out, c.Why)
		}
	}
}

func TestCanonicalURI(t *testing.T) {
	for in, want := range map[string]string{
		"sip:caf%c3%a9@example.com":                   "sip:caf%C3%A9@example.com",
		"sip:%2561@example.com":                       "sip:%2561@example.com",
		"sip:a;b=c?d@example.com":                     "sip:a;b=c?d@example.com",
		"sip:alice@example.com:":                      "sip:alice@example.com",
		"sip:alice@192.0.2.1:5060":                    "sip:alice@192.0.2.1",
		"sip:alice@example.com?x=y":                   "sip:alice@example.com",
		"sip:alice@example.com;user=phone":            "sip:alice@example.com",
		"urn:service:sos":                             "urn:service:sos",
		"urn:service:sos.Police":                      "urn:service:sos.Police",
		"https://Example.com/A":                       "https://Example.com/A",
		"sip:":                                        "",
		"sip:example.com":                             "",
		"sip:@example.com":                            "",
		"sip::secret@example.com":                     "",
		"sip:alice@":                                  "",
		"sip:alice@:5060":                             "",
		"sip:a%zz@example.com":                        "",
		"sip:a%4@example.com":                         "",
		"sip:victim@office.example?x=a@evil.example":  "",
		"sip:victim@office.example;x=a@evil.example":  "",
		"sip:victim@evil.example@office.example":      "",
		"sip:alice@[2001:db8::1":                      "",
		"sip:alice@[2001:db8::1]evil.example":         "",
		"sip:alice@[]":                                "",
		"sip:alice@[evil.example]":                    "",
		"sip:alice@exa mple.com":                      "",
		"sip:alice@example.com:5o60":                  "",
		"sip:alice@example.com:5060:1":                "",
		"sip:al ice@example.com":                      "",
		"sip:al\r\nice@example.com":                   "",
		"sip:<alice@example.com":                      "",
		"tel:+12155551212":                            "",
		"alice@example.com":                           "",
		"":                                            "",
		"sip:" + strings.Repeat("a", 3000) + "@h":     "",
		"mailto:" + strings.Repeat("a", 3000) + "@h.": "mailto:" + strings.Repeat("a", 3000) + "@h.",
	} {
		got, err := CanonicalURI(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("CanonicalURI(%.60q) = %q, %v, want %q", in, got, err, want)
		}
		if err != nil && !errors.Is(err, passport.ClaimValue) {
			t.Errorf("CanonicalURI(%.60q): the error is %v", in, err)
		}
	}
}

func TestRow62And64PartyOf(t *testing.T) {
	const number = "12155551212"
	for in, want := range map[string]passport.Party{
		// Row 64: user=phone and tel are decisive, "+" says so too.
		"sip:+12155551212@h.example;user=phone":                        {TN: number},
		"sip:+12155551212@h.example":                                   {TN: number},
		"sips:+12155551212@h.example":                                  {TN: number},
		"sip:12155551212@h.example;user=phone":                         {TN: number},
		"sip:12155551212@h.example;transport=tcp;User=Phone?Subject=x": {TN: number},
		"sip:12345@h.example":                                          {URI: "sip:12345@h.example"},
		"sip:12345@h.example;user=ip":                                  {URI: "sip:12345@h.example"},
		"sip:12345;user=phone@h.example":                               {URI: "sip:12345;user=phone@h.example"},
		"tel:+1-215-555-1212;ext=44":                                   {TN: number},
		"TEL:+1(215)555-1212":                                          {TN: number},
		"sip:+12155551212;npdi;rn=+12155550000@h.example":              {TN: number},
		"sip:%2B12155551212@h.example":                                 {TN: number},
		"sip:+alice@h.example":                                         {URI: "sip:+alice@h.example"},
		"sip:911@h.example;user=phone":                                 {TN: "911"},
		"urn:service:sos":                                              {URI: "urn:service:sos"},
		// What was encoded is decoded once, and no parameter begins in it.
		"sip:12155551212%3Bevil@h.example;user=phone": {},
		"sip:%252B12155551212@h.example;user=phone":   {},
		"sip:alice@h.example;user=phone":              {},
		"tel:alice":                                   {},
		"tel:":                                        {},
		"sip:h.example":                               {},
		"not a URI":                                   {},
	} {
		got, err := PartyOf(in)
		if got != want || (err == nil) != (want != passport.Party{}) {
			t.Errorf("PartyOf(%q) = %+v, %v, want %+v", in, got, err, want)
		}
		if err != nil && !errors.Is(err, passport.ClaimValue) {
			t.Errorf("PartyOf(%q): the error is %v", in, err)
		}
	}
	for _, c := range readVectors(t).CanonicalTN.Cases {
		user := strings.ReplaceAll(strings.TrimPrefix(c.In, "tel:"), " ", "%20")
		if got, err := PartyOf("sip:" + user + "@h.example;user=phone"); err != nil || string(got.TN) != c.Out {
			t.Errorf("PartyOf(%q) = %+v, %v, want %q: %s", c.In, got, err, c.Out, c.Why)
		}
	}
}

func TestNumberingIsLocalPolicy(t *testing.T) {
	n := Numbering{
		Plan:     tn.Plan{Country: "44", Trunk: "0", International: "00"},
		Dialable: func(user string) bool { return len(user) > 4 && strings.Trim(user, "0123456789") == "" },
	}
	for in, want := range map[string]passport.Party{
		"sip:02079460018@h.example":            {TN: "442079460018"},
		"sip:0012155551212@h.example":          {TN: "12155551212"},
		"sip:+442079460018@h.example":          {TN: "442079460018"},
		"sip:02079460018;phone-context=x@h.uk": {TN: "442079460018"},
		"sip:4711@h.example":                   {URI: "sip:4711@h.example"},
		"sip:4711@h.example;user=phone":        {TN: "4711"},
		"sip:alice@h.example":                  {URI: "sip:alice@h.example"},
	} {
		if got, err := n.PartyOf(in); err != nil || got != want {
			t.Errorf("PartyOf(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestCanonicalURIIsItsOwnForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uri := rapid.StringMatching(`[sS][iI][pP][sS]?:(?:[a-z0-9A-Z;?&=+$,/_.!~*'()-]|%[0-9a-fA-F]{2}){1,20}(:[a-z]{1,4})?@[a-zA-Z0-9.-]{1,15}(:[0-9]{1,5})?(;[a-z=]{0,10}){0,3}(\?[a-z=&]{1,8})?`).Draw(t, "uri")
		once, err := CanonicalURI(uri)
		if err != nil {
			t.Fatalf("CanonicalURI(%q): %v", uri, err)
		}
		if again, err := CanonicalURI(once); err != nil || again != once {
			t.Fatalf("CanonicalURI(%q) = %q, and of that %q, %v", uri, once, again, err)
		}
		// The party is named by that form, or by its number.
		p, err := PartyOf(uri)
		if err != nil {
			return // user=phone about something else
		}
		if p.TN == "" && p.URI != once {
			t.Fatalf("PartyOf(%q) = %q, want %q", uri, p.URI, once)
		}
		consistent(t, p)
	})
}

// consistent checks that a party, written as a URI again, is the same party.
func consistent(t interface{ Fatalf(string, ...any) }, p passport.Party) {
	uri := p.URI
	if p.TN != "" {
		// "#" ends a URI where it is not encoded.
		uri = "tel:" + strings.ReplaceAll(string(p.TN), "#", "%23")
	}
	if (p.TN == "") == (p.URI == "") {
		t.Fatalf("%+v is not one party", p)
	}
	if again, err := PartyOf(uri); err != nil || again != p {
		t.Fatalf("PartyOf(%q) = %+v, %v, want %+v", uri, again, err, p)
	}
}

// FuzzCanonicalURI: the form is its own form, and the party of a URI is one party.
func FuzzCanonicalURI(f *testing.F) {
	for _, c := range readVectors(f).CanonicalURI.Cases {
		f.Add(c.In)
	}
	for _, uri := range []string{"tel:+1-215-555-1212;ext=44", "sip:a@b@c", "sip:%2525@h", "sip:a@[::1]:5", "urn:service:sos", "sip:+1;x@h;user=phone", "sip:é@h", "sip:a@h%41"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if once, err := CanonicalURI(uri); err == nil {
			again, err := CanonicalURI(once)
			if err != nil || again != once {
				t.Fatalf("CanonicalURI(%q) = %q, and of that %q, %v", uri, once, again, err)
			}
		}
		if p, err := PartyOf(uri); err == nil {
			consistent(t, p)
		}
	})
}
