package rcd_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/rcd"
)

func TestClaimsMadeHereAreProvedHere(t *testing.T) {
	photo, icon := picture(2), picture(1)
	inside, err := rcd.NewCard(
		rcd.Property{Name: "fn", Type: "text", Values: [][]string{{"Q Branch"}}},
		rcd.Property{Name: "photo", Type: "uri", Values: [][]string{{photoURI}}},
		rcd.Property{Name: "tel", Type: "uri", Values: [][]string{{"tel:+12025551002"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	s := site{bodies: map[string]string{iconURI: icon, photoURI: photo, cardURI: loose(inside.JSON())}}
	for _, alg := range []string{"", rcd.SHA256, rcd.SHA384, rcd.SHA512} {
		for why, d := range map[string]rcd.Data{
			"a name":          {Name: "Röhm & Söhne <x>"},
			"no name":         {AlternateNumber: "12025551002"},
			"a reason":        {CallReason: "About the car"},
			"an icon":         {Name: "Q", Icon: iconURI},
			"a card inside":   {Name: "Q", Card: inside},
			"a card":          {Name: "Q", CardLink: cardURI, Icon: iconURI, AlternateNumber: "911", CallReason: "x"},
			"a third party's": {Name: "Q", ThirdParty: "Example Names Inc."},
		} {
			more, err := d.Claims(t.Context(), alg, s.fetch)
			if err != nil {
				t.Fatalf("%s: Claims: %v", why, err)
			}
			byName := claims{}
			for _, c := range more {
				byName[c.Name] = c.JSON
			}
			ppt := passport.Rcd
			if byName["rcd"]+byName["crn"] == "" {
				t.Fatalf("%s: Claims = %v, want some", why, more)
			}
			token := mintedAs(t, ppt, byName)
			for name, json := range byName {
				if got, _ := token.Claims.Raw(name); got != json {
					t.Errorf("%s: %s was signed as %s, want the deterministic form as made, %s", why, name, got, json)
				}
			}
			got, findings := rcd.Parse(token)
			wantCodes(t, findings)
			shown, findings := got.Check(t.Context(), s.fetch)
			wantCodes(t, findings)
			if shown.Name != d.Name || shown.AlternateNumber != d.AlternateNumber || shown.Reason != d.CallReason ||
				shown.ThirdParty != d.ThirdParty || (shown.Icon != nil) != (d.Icon != "") ||
				(len(shown.Images) == 1) != (d.Card != nil || d.CardLink != "") {
				t.Errorf("%s: Check = %+v, want all of it", why, shown)
			}
			if (len(got.Digests) > 0) != (d.Icon != "" || d.Card != nil || d.CardLink != "") {
				t.Errorf("%s: Digests = %v, want some only for URIs", why, got.Digests)
			}
		}
	}
	if claims, err := (rcd.Data{}).Claims(t.Context(), "", nil); claims != nil || err != nil {
		t.Errorf("Claims of nothing = %v, %v", claims, err)
	}
}

func TestClaimsGiveEveryItemItsDigest(t *testing.T) {
	card, _ := rcd.NewCard(
		rcd.Property{Name: "photo", Type: "uri", Values: [][]string{{photoURI}}},
		rcd.Property{Name: "url", Type: "uri", Values: [][]string{{"https://example.com/"}}},
	)
	s := site{bodies: map[string]string{iconURI: "i", photoURI: "p", "https://example.com/": "u"}}
	more, err := rcd.Data{Name: "Q", Icon: iconURI, Card: card}.Claims(t.Context(), "", s.fetch)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := rcd.Parse(minted(t, claims{"rcd": more[0].JSON, "rcdi": more[1].JSON}))
	var pointers []string
	for _, digest := range d.Digests {
		pointers = append(pointers, digest.Pointer)
	}
	if want := []string{"/icn", "/jcd", "/jcd/1/1/3", "/jcd/1/2/3", "/nam"}; !slices.Equal(pointers, want) {
		t.Errorf("digests of %q, want %q", pointers, want)
	}
}

func TestClaimsRefuseWhatTheStandardRefuses(t *testing.T) {
	card, _ := rcd.NewCard(rcd.Property{Name: "photo", Type: "uri", Values: [][]string{{photoURI}}})
	plain, _ := rcd.NewCard(rcd.Property{Name: "photo", Type: "uri", Values: [][]string{{"http://example.com/a.png"}}})
	s := site{bodies: map[string]string{cardURI: "<html>"}}
	for _, c := range []struct {
		why  string
		data rcd.Data
		want error
	}{
		{"both cards", rcd.Data{Card: card, CardLink: cardURI}, passport.RcdInvalid},
		{"a number with a plus sign", rcd.Data{AlternateNumber: "+12025551002"}, passport.NumberNotCanonical},
		{"an icon over http", rcd.Data{Icon: "http://example.com/a.png"}, passport.RcdItemUnusable},
		{"a card over http", rcd.Data{CardLink: "http://example.com/card"}, passport.RcdItemUnusable},
		{"a photo over http", rcd.Data{Card: plain}, passport.RcdItemUnusable},
		{"a card that is none", rcd.Data{CardLink: cardURI}, passport.RcdItemUnusable},
		{"an icon that is not there", rcd.Data{Icon: iconURI}, errNotThere},
		{"a photo that is not there", rcd.Data{Card: card}, errNotThere},
	} {
		if got, err := c.data.Claims(t.Context(), "", s.fetch); got != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: Claims = %v, %v, want error %v", c.why, got, err, c.want)
		}
	}
	if _, err := (rcd.Data{Icon: iconURI}).Claims(t.Context(), "", nil); !errors.Is(err, passport.RcdItemUnusable) {
		t.Errorf("Claims without a fetch: %v, want a finding", err)
	}
	if _, err := (rcd.Data{Name: "Q"}).Claims(t.Context(), "md5", nil); err == nil || !strings.Contains(err.Error(), "md5") {
		t.Errorf("Claims with md5: %v, want an error that names it", err)
	}
}

func TestDigestReadsAndPrints(t *testing.T) {
	for _, alg := range []string{rcd.SHA256, rcd.SHA384, rcd.SHA512} {
		text := rcd.DigestOf(alg, []byte("Hello, Alice"))
		for _, padding := range []string{"", strings.Repeat("=", (4-len(strings.TrimPrefix(text, alg+"-"))%4)%4)} {
			d, ok := rcd.ParseDigest(text + padding)
			if !ok || !d.Usable() || d.String() != text || d.Padded != (padding != "") {
				t.Errorf("ParseDigest(%s) = %+v, %v", text+padding, d, ok)
			}
			if !d.Fits([]byte("Hello, Alice")) || d.Fits([]byte("Hello, Alicf")) || d.Fits(nil) {
				t.Errorf("Fits of %s is wrong", text)
			}
		}
	}
	// V:derived-msg-msgi, whose form is the same.
	if got, want := rcd.DigestOf(rcd.SHA256, []byte("Hello, Alice")), "sha256-dtWRc5WAvlBEJQFggLRn6WC+UQOZCM6EZellfNQCqiY"; got != want {
		t.Errorf("DigestOf = %s, want %s", got, want)
	}
	if got := rcd.DigestOf("sha1", nil); got != "" {
		t.Errorf("DigestOf(sha1) = %q, want nothing", got)
	}
	if d, ok := rcd.ParseDigest("sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00"); ok || d.Usable() || d.Fits(nil) || d.String() != "" || d.Alg != "sha1" {
		t.Errorf("ParseDigest(sha1) = %+v, %v, want it unusable", d, ok)
	}
}
