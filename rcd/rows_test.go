package rcd_test

import (
	"context"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/rcd"
)

// The tests of this file are the rows of the conformance checklist about rich call
// data, by number. Every PASSporT is minted with the key of RFC 8946 appendix A and is
// itself valid, which is part of every row.

const (
	iconURI  = "https://example.com/icon.png"
	photoURI = "https://example.com/photos/quartermaster-256x256.png"
	cardURI  = "https://example.com/card.json"
)

func TestRow105NameDigestIsOfTheQuotedName(t *testing.T) {
	input, want := digest(t, "rcdi /nam")
	if got := rcd.DigestOf(rcd.SHA256, []byte(input)); got != want {
		t.Errorf("DigestOf(%s) = %s, want %s", input, got, want)
	}
	d, findings := rcd.Parse(minted(t, claims{
		"rcd":  object(claims{"nam": input}),
		"rcdi": object(claims{"/nam": quote(want)}),
	}))
	wantCodes(t, findings)
	shown, findings := d.Check(t.Context(), nil)
	wantCodes(t, findings)
	if shown.Name != "Q Branch Spy Gadgets" {
		t.Errorf("Name = %q, want the signed one", shown.Name)
	}
}

func TestRow106CardDigestIsOfTheDeterministicForm(t *testing.T) {
	for _, name := range []string{"rcdi /jcd and /jcl (s6)", "rcdi /jcl (s8.3)"} {
		input, want := digest(t, name)
		card, err := rcd.ParseCard(loose(input))
		if err != nil {
			t.Fatal(err)
		}
		if card.JSON() != input {
			t.Errorf("%s: JSON() = %s, want %s", name, card.JSON(), input)
		}
		if got := rcd.DigestOf(rcd.SHA256, []byte(card.JSON())); got != want {
			t.Errorf("%s: digest = %s, want %s", name, got, want)
		}
		d, _ := rcd.Parse(minted(t, claims{
			"rcd":  object(claims{"nam": `""`, "jcd": input}),
			"rcdi": object(claims{"/jcd": quote(want)}),
		}))
		shown, findings := d.Check(t.Context(), nil)
		// The card stands; its three images have no digests of their own.
		wantCodes(t, findings, "rcd-item-unusable rcd/jcd/1/3/3", "rcd-item-unusable rcd/jcd/1/4/3", "rcd-item-unusable rcd/jcd/1/5/3")
		if len(shown.Lines) != 2 || shown.Lines[0] != (rcd.Line{Property: "fn", Text: "Q Branch"}) {
			t.Errorf("%s: Lines = %v, want the name and the organization", name, shown.Lines)
		}
	}
}

// The digest of a linked card is of the body served; where the digest is of the
// deterministic form, as in the standard's example, the card is shown and it is said.
func TestRow106LinkedCardIsDigestedAsServedOrWithANote(t *testing.T) {
	input, canonical := digest(t, "rcdi /jcl (s8.3)")
	served := loose(input)
	for _, c := range []struct {
		name, digest string
		want         []string
	}{
		{"of the bytes", rcd.DigestOf(rcd.SHA256, []byte(served)), nil},
		{"of the deterministic form", canonical, []string{"rcd-digest-compat rcd/jcl"}},
		{"of something else", rcd.DigestOf(rcd.SHA256, nil), []string{"rcd-item-unusable rcd/jcl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := rcd.Parse(minted(t, claims{
				"rcd":  object(claims{"nam": `"Q"`, "jcl": quote(cardURI)}),
				"rcdi": object(claims{"/jcl": quote(c.digest)}),
			}))
			s := site{bodies: map[string]string{cardURI: served}}
			shown, findings := d.Check(t.Context(), s.fetch)
			if c.digest == canonical || c.want == nil {
				// The images of the card have no digests.
				findings = findings[:len(findings)-3]
			}
			wantCodes(t, findings, c.want...)
			if got, want := len(shown.Lines) > 0, c.name != "of something else"; got != want {
				t.Errorf("card shown: %v, want %v", got, want)
			}
			if shown.Name != "Q" {
				t.Errorf("Name = %q, want it whatever becomes of the card", shown.Name)
			}
		})
	}
}

func TestRow107DigestOfAURIIsOfTheBodyServed(t *testing.T) {
	// The published digest is that of the quoted URI, against the standard's own text.
	input, published := digest(t, "rcdi photo URL example")
	if got := rcd.DigestOf(rcd.SHA256, []byte(input)); got != published {
		t.Fatalf("DigestOf(%s) = %s, want %s", input, got, published)
	}
	body := picture(3)
	for _, c := range []struct {
		name, digest string
		shown        bool
	}{
		{"of the body", rcd.DigestOf(rcd.SHA256, []byte(body)), true},
		{"of the body by sha384", rcd.DigestOf(rcd.SHA384, []byte(body)), true},
		{"of the body by sha512", rcd.DigestOf(rcd.SHA512, []byte(body)), true},
		{"of the body, padded", rcd.DigestOf(rcd.SHA256, []byte(body)) + "=", true},
		{"of the quoted URI", published, false},
		{"of the bare URI", rcd.DigestOf(rcd.SHA256, []byte(photoURI)), false},
		{"of another body", rcd.DigestOf(rcd.SHA256, []byte(picture(4))), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := site{bodies: map[string]string{photoURI: body}}
			for _, at := range []struct{ member, value, pointer string }{
				{"icn", quote(photoURI), "/icn"},
				{"jcd", `["vcard",[["version",{},"text","4.0"],["photo",{},"uri",` + quote(photoURI) + `]]]`, "/jcd/1/1/3"},
			} {
				d, findings := rcd.Parse(minted(t, claims{
					"rcd":  object(claims{"nam": `"Q"`, at.member: at.value}),
					"rcdi": object(claims{at.pointer: quote(c.digest)}),
				}))
				wantCodes(t, findings)
				shown, findings := d.Check(t.Context(), s.fetch)
				if got := shown.Icon != nil || len(shown.Images) == 1; got != c.shown {
					t.Errorf("%s shown: %v, want %v", at.member, got, c.shown)
				}
				if c.shown {
					wantCodes(t, findings)
				} else {
					wantCodes(t, findings, "rcd-item-unusable rcd"+at.pointer)
				}
			}
		})
	}
}

func TestRow108CardInsideAndElsewhereTogetherAreInvalid(t *testing.T) {
	d, findings := rcd.Parse(minted(t, claims{
		"rcd": object(claims{"nam": `"Q"`, "jcd": `["vcard",[["fn",{},"text","Q"]]]`, "jcl": quote(cardURI)}),
		"crn": `"About the car"`,
	}))
	wantCodes(t, findings, "rcd-invalid rcd")
	if d.Name != "" || d.Card != nil || d.CardLink != "" {
		t.Errorf("Parse = %+v, want nothing of rcd", d)
	}
	if d.CallReason != "About the car" {
		t.Errorf("CallReason = %q, want it: it is a claim of its own", d.CallReason)
	}
}

func TestRow109MissingNameInvalidatesRichCallDataAlone(t *testing.T) {
	for _, value := range []string{`{}`, `{"icn":"https://example.com/a.png"}`, `{"nam":null}`, `{"nam":1}`, `[]`, `["nam"]`, `"Q"`, `null`} {
		for _, ppt := range []string{passport.Rcd, passport.Shaken} {
			d, findings := rcd.Parse(mintedAs(t, ppt, claims{"rcd": value, "rcdi": `{}`}))
			if len(findings) != 1 || findings[0].Code != passport.RcdInvalid {
				t.Errorf("Parse of rcd %s in %s: findings = %v, want rcd-invalid", value, ppt, codes(findings))
			}
			if !d.IsZero() {
				t.Errorf("Parse of rcd %s in %s = %+v, want nothing", value, ppt, d)
			}
		}
	}
	d, findings := rcd.Parse(minted(t, claims{"rcd": `{"nam":""}`}))
	wantCodes(t, findings)
	if d.IsZero() {
		t.Error("an empty nam was taken for none")
	}
}

func TestRow110IconWithoutDigestIsNotUsed(t *testing.T) {
	s := site{bodies: map[string]string{iconURI: picture(1)}}
	for _, more := range []claims{
		{"rcd": object(claims{"nam": `"Q"`, "icn": quote(iconURI)})},
		{"rcd": object(claims{"nam": `"Q"`, "icn": quote(iconURI)}), "rcdi": object(claims{"/nam": of(`"Q"`)})},
	} {
		d, findings := rcd.Parse(minted(t, more))
		wantCodes(t, findings)
		for _, fetch := range []rcd.Fetch{s.fetch, nil} {
			shown, findings := d.Check(t.Context(), fetch)
			wantCodes(t, findings, "rcd-item-unusable rcd/icn")
			if shown.Icon != nil || len(shown.NotFetched) != 0 || shown.Name != "Q" {
				t.Errorf("Check = %+v, want the name alone", shown)
			}
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("asked for %q, want nothing: there was nothing to prove it by", s.asked)
	}
}

func TestRow111WrongDigestDropsItsItemAlone(t *testing.T) {
	icon, photo := picture(1), picture(2)
	card := `["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"],["org",{},"text","MI6"],["photo",{},"uri",` + quote(photoURI) + `]]]`
	good := claims{
		"/nam": of(`"Q"`), "/apn": of(`"12025551002"`), "/icn": of(icon), "/jcd": of(card),
		"/jcd/1/1": of(`["fn",{},"text","Q Branch"]`), "/jcd/1/3/3": of(photo),
	}
	for _, c := range []struct {
		wrong string
		want  rcd.Shown
	}{
		{"/nam", rcd.Shown{AlternateNumber: "12025551002", Icon: &rcd.Image{}, Lines: make([]rcd.Line, 2), Images: make([]rcd.Image, 1)}},
		{"/apn", rcd.Shown{Name: "Q", Icon: &rcd.Image{}, Lines: make([]rcd.Line, 2), Images: make([]rcd.Image, 1)}},
		{"/icn", rcd.Shown{Name: "Q", AlternateNumber: "12025551002", Lines: make([]rcd.Line, 2), Images: make([]rcd.Image, 1)}},
		{"/jcd", rcd.Shown{Name: "Q", AlternateNumber: "12025551002", Icon: &rcd.Image{}}},
		{"/jcd/1/1", rcd.Shown{Name: "Q", AlternateNumber: "12025551002", Icon: &rcd.Image{}, Lines: make([]rcd.Line, 1), Images: make([]rcd.Image, 1)}},
		{"/jcd/1/3/3", rcd.Shown{Name: "Q", AlternateNumber: "12025551002", Icon: &rcd.Image{}, Lines: make([]rcd.Line, 2)}},
	} {
		t.Run(strings.ReplaceAll(c.wrong, "/", " "), func(t *testing.T) {
			digests := claims{}
			for pointer, digest := range good {
				digests[pointer] = digest
			}
			digests[c.wrong] = of("something else")
			d, findings := rcd.Parse(minted(t, claims{
				"rcd":  object(claims{"nam": `"Q"`, "apn": `"12025551002"`, "icn": quote(iconURI), "jcd": card}),
				"rcdi": object(digests),
			}))
			wantCodes(t, findings)
			s := site{bodies: map[string]string{iconURI: icon, photoURI: photo}}
			shown, findings := d.Check(t.Context(), s.fetch)
			wantCodes(t, findings, "rcd-item-unusable rcd"+c.wrong)
			if shown.Name != c.want.Name || shown.AlternateNumber != c.want.AlternateNumber ||
				(shown.Icon != nil) != (c.want.Icon != nil) || len(shown.Lines) != len(c.want.Lines) || len(shown.Images) != len(c.want.Images) {
				t.Errorf("Check = %+v, want all but %s", shown, c.wrong)
			}
		})
	}
}

func TestRow112ThirdPartyAloneIsNotUsed(t *testing.T) {
	d, findings := rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`, "crn": `"About the car"`, "iss": `"Example Names Inc."`}))
	wantCodes(t, findings)
	if d.ThirdParty != "Example Names Inc." {
		t.Errorf("ThirdParty = %q", d.ThirdParty)
	}
	alone, findings := d.Vouched(false)
	wantCodes(t, findings, "rcd-third-party iss")
	if !alone.IsZero() {
		t.Errorf("Vouched(false) = %+v, want nothing", alone)
	}
	vouched, findings := d.Vouched(true)
	wantCodes(t, findings)
	if shown, _ := vouched.Check(context.Background(), nil); shown.Name != "Q" || shown.ThirdParty != "Example Names Inc." {
		t.Errorf("Check = %+v, want the name, and whose it is", shown)
	}
	first, _ := rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`}))
	if first, findings := first.Vouched(false); first.Name != "Q" || len(findings) != 0 {
		t.Errorf("Vouched(false) of a first party = %+v, %v, want it unchanged", first, findings)
	}
	for _, iss := range []string{`""`, `" "`, `1`, `null`} {
		d, findings := rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`, "iss": iss}))
		wantCodes(t, findings, "rcd-invalid iss")
		if !d.IsZero() {
			t.Errorf("Parse with iss %s = %+v, want nothing", iss, d)
		}
	}
}

func TestRow113DigestByAnUnknownAlgorithmProvesNothing(t *testing.T) {
	body := picture(1)
	sum := rcd.DigestOf(rcd.SHA256, []byte(body))
	encoded := strings.TrimPrefix(sum, "sha256-")
	for _, digest := range []string{
		"sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00", "SHA256-" + encoded, "sha-256-" + encoded, "sha512-" + encoded,
		encoded, "", "sha256-", "sha256", "md5-" + encoded, sum + "==", sum + "=\n", sum[:len(sum)-1], sum[:20] + "\n" + sum[20:], "sha256--_" + encoded[2:],
	} {
		d, findings := rcd.Parse(minted(t, claims{
			"rcd":  object(claims{"nam": `"Q"`, "icn": quote(iconURI)}),
			"rcdi": object(claims{"/icn": quote(digest)}),
		}))
		wantCodes(t, findings)
		s := site{bodies: map[string]string{iconURI: body}}
		shown, findings := d.Check(t.Context(), s.fetch)
		wantCodes(t, findings, "rcd-item-unusable rcd/icn")
		if shown.Icon != nil || shown.Name != "Q" || len(s.asked) != 0 {
			t.Errorf("digest %q: Check = %+v after asking for %q, want the name alone, and nothing asked", digest, shown, s.asked)
		}
		// The same holds for a value inside the PASSporT.
		d, _ = rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`, "rcdi": object(claims{"/nam": quote(digest)})}))
		shown, findings = d.Check(t.Context(), nil)
		wantCodes(t, findings, "rcd-item-unusable rcd/nam")
		if shown.Name != "" {
			t.Errorf("digest %q: Name = %q, want none", digest, shown.Name)
		}
	}
}

// loose writes JSON with white space, as the standard's examples are shown.
func loose(text string) string {
	return "\n " + strings.NewReplacer("],", "] ,\r\n\t", `",`, `" , `).Replace(text) + "\n"
}
