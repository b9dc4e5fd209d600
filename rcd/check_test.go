package rcd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/rcd"
)

func TestPASSporTWithoutRichCallDataHasNone(t *testing.T) {
	for _, token := range []*passport.Token{nil, mintedAs(t, passport.Shaken, claims{"zzz": "1", "iss": `"x"`})} {
		d, findings := rcd.Parse(token)
		if !d.IsZero() || len(findings) != 0 {
			t.Errorf("Parse = %+v, %v, want nothing", d, findings)
		}
		shown, findings := d.Check(t.Context(), nil)
		if !shown.IsZero() || len(findings) != 0 {
			t.Errorf("Check = %+v, %v, want nothing", shown, findings)
		}
	}
}

func TestRichCallDataOfTheVectorsAreRead(t *testing.T) {
	want := map[string]string{"derived-shaken-rcd": "James Bond", "derived-rcd-nam": "James Bond", "derived-escape": "Röhm & Söhne <x>"}
	for _, p := range vectors(t).Passport {
		name, ok := want[p.Name]
		if !ok {
			continue
		}
		delete(want, p.Name)
		token, err := passport.Parse(p.Token)
		if err != nil {
			t.Fatal(err)
		}
		d, findings := rcd.Parse(token)
		wantCodes(t, findings)
		shown, findings := d.Check(t.Context(), nil)
		wantCodes(t, findings)
		if shown.Name != name {
			t.Errorf("%s: Name = %q, want %q", p.Name, shown.Name, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("vectors not found: %v", want)
	}
}

func TestParseLeavesOutWhatIsOfTheWrongKind(t *testing.T) {
	for _, c := range []struct {
		why  string
		more claims
		want string
	}{
		{"apn with a plus sign", claims{"rcd": `{"nam":"Q","apn":"+12025551002"}`}, "rcd-item-unusable rcd.apn"},
		{"apn a number", claims{"rcd": `{"nam":"Q","apn":12025551002}`}, "rcd-item-unusable rcd.apn"},
		{"apn a list", claims{"rcd": `{"nam":"Q","apn":["12025551002"]}`}, "rcd-item-unusable rcd.apn"},
		{"icn a list", claims{"rcd": `{"nam":"Q","icn":[]}`}, "rcd-item-unusable rcd.icn"},
		{"jcl an object", claims{"rcd": `{"nam":"Q","jcl":{}}`}, "rcd-item-unusable rcd.jcl"},
		{"jcd no card", claims{"rcd": `{"nam":"Q","jcd":["vcard"]}`}, "rcd-item-unusable rcd.jcd"},
		{"jcd text", claims{"rcd": `{"nam":"Q","jcd":"[]"}`}, "rcd-item-unusable rcd.jcd"},
		{"crn a list", claims{"rcd": `{"nam":"Q"}`, "crn": `[]`}, "rcd-item-unusable crn"},
	} {
		d, findings := rcd.Parse(minted(t, c.more))
		wantCodes(t, findings, c.want)
		shown, findings := d.Check(t.Context(), nil)
		wantCodes(t, findings)
		if shown.Name != "Q" || shown.AlternateNumber != "" || shown.Icon != nil || len(shown.Lines) != 0 || shown.Reason != "" {
			t.Errorf("%s: Check = %+v, want the name alone", c.why, shown)
		}
		for _, f := range findings {
			if strings.Contains(f.Error(), "2025551002") {
				t.Errorf("%s: %v tells the whole number", c.why, f)
			}
		}
	}
}

func TestFaultyDigestsLeaveNothingToBelieve(t *testing.T) {
	many := claims{}
	for i := range 65 {
		many[fmt.Sprintf("/x%d", i)] = `"sha256-"`
	}
	for why, rcdi := range map[string]string{"a list": `[]`, "text": `"sha256-"`, "null": `null`, "too many": object(many)} {
		d, findings := rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`, "rcdi": rcdi}))
		wantCodes(t, findings, "rcd-invalid rcdi")
		if !d.IsZero() {
			t.Errorf("rcdi %s: Parse = %+v, want nothing", why, d)
		}
	}
	// RFC 9795 section 6: rcdi stands only beside rcd. The call reason is apart.
	d, findings := rcd.Parse(minted(t, claims{"rcdi": `{}`, "crn": `"About the car"`}))
	wantCodes(t, findings, "rcd-invalid rcdi")
	if d.CallReason != "About the car" {
		t.Errorf("CallReason = %q, want it", d.CallReason)
	}
	// A digest of the whole claim covers every item.
	d, _ = rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q","apn":"12025551002"}`, "rcdi": object(claims{"": of("x")})}))
	shown, findings := d.Check(t.Context(), nil)
	wantCodes(t, findings, "rcd-item-unusable rcd")
	if !shown.IsZero() {
		t.Errorf("Check = %+v, want nothing", shown)
	}
}

func TestDigestOfNothingIsSaidAndHarmsNothing(t *testing.T) {
	for _, pointer := range []string{"/icn", "/jcl", "/jcl/1/2", "/jcd/1/0", "/nam/0", "nam", "/n~2", "/12155551212"} {
		d, _ := rcd.Parse(minted(t, claims{"rcd": `{"nam":"Q"}`, "rcdi": object(claims{pointer: of("x")})}))
		shown, findings := d.Check(t.Context(), nil)
		if shown.Name != "Q" || len(findings) != 1 || findings[0].Code != passport.RcdItemUnusable {
			t.Errorf("digest at %q: Check = %+v, %v, want the name and a note", pointer, shown, findings)
		}
		if strings.Contains(findings[0].Error(), "12155551212") {
			t.Errorf("%v repeats a number", findings[0])
		}
	}
}

func TestPointersAreEscapedAndCountedAsTheStandardSays(t *testing.T) {
	for pointer, fits := range map[string]bool{
		"/a~1b": true, "/m~0n": true, "/list/1": true, "/list/01": false, "/list/2": false, "/list/-": false, "/list/+1": false,
		"/a/b": false, "/m~n": false,
	} {
		d, _ := rcd.Parse(minted(t, claims{
			"rcd":  `{"nam":"Q","a/b":"x","m~n":"x","list":[0,"x"]}`,
			"rcdi": object(claims{pointer: of(`"x"`)}),
		}))
		if _, findings := d.Check(t.Context(), nil); (len(findings) == 0) != fits {
			t.Errorf("pointer %q: findings = %v, want it to fit: %v", pointer, findings, fits)
		}
	}
}

func TestWithoutAFetchWhatMustBeFetchedIsNamedAndNotShown(t *testing.T) {
	d, _ := rcd.Parse(minted(t, claims{
		"rcd":  object(claims{"nam": `"Q"`, "icn": quote(iconURI), "jcl": quote(cardURI)}),
		"rcdi": object(claims{"/icn": of("x"), "/jcl": of("x"), "/jcl/1/1/3": of("x"), "/nam": of(`"Q"`)}),
	}))
	shown, findings := d.Check(t.Context(), nil)
	wantCodes(t, findings)
	if shown.Name != "Q" || shown.Icon != nil || !slices.Equal(shown.NotFetched, []string{"/icn", "/jcl"}) {
		t.Errorf("Check = %+v, want the name, and icn and jcl not fetched", shown)
	}
}

func TestLinkedCardIsReadAsIfItStoodInside(t *testing.T) {
	photo := picture(2)
	card := `["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"],["photo",{},"uri",` + quote(photoURI) + `],["title",{},"text","Quartermaster"]]]`
	s := site{bodies: map[string]string{cardURI: card, photoURI: photo}}
	d, _ := rcd.Parse(minted(t, claims{
		"rcd": object(claims{"nam": `"Q"`, "jcl": quote(cardURI)}),
		"rcdi": object(claims{
			"/jcl": of(card), "/jcl/1/2/3": of(photo), "/jcl/1/1": of(`["fn",{},"text","Q Branch"]`), "/jcl/1/3/3": of(`"Clerk"`),
		}),
	}))
	shown, findings := d.Check(t.Context(), s.fetch)
	wantCodes(t, findings, "rcd-item-unusable rcd/jcl/1/3/3")
	if len(shown.Lines) != 1 || shown.Lines[0].Text != "Q Branch" {
		t.Errorf("Lines = %v, want the name and not the title", shown.Lines)
	}
	if len(shown.Images) != 1 || shown.Images[0].Width != 2 || shown.Images[0].URI != photoURI || string(shown.Images[0].Data) != photo {
		t.Errorf("Images = %v, want the photo", shown.Images)
	}
	if !slices.Equal(s.asked, []string{cardURI, photoURI}) {
		t.Errorf("asked for %q, want the card and then the photo", s.asked)
	}
}

func TestLinkedCardThatIsNoneIsNotShown(t *testing.T) {
	for why, body := range map[string]string{
		"a page": "<html>", "another card": `["vcard"]`, "nothing": "", "too long": strings.Repeat(" ", rcd.MaxCard) + `["vcard",[]]`,
	} {
		d, _ := rcd.Parse(minted(t, claims{
			"rcd": object(claims{"nam": `"Q"`, "jcl": quote(cardURI)}), "rcdi": object(claims{"/jcl": of(body)}),
		}))
		s := site{bodies: map[string]string{cardURI: body}}
		shown, findings := d.Check(t.Context(), s.fetch)
		wantCodes(t, findings, "rcd-item-unusable rcd/jcl")
		if shown.Name != "Q" {
			t.Errorf("%s: Name = %q, want it", why, shown.Name)
		}
	}
	for _, uri := range []string{"http://example.com/card.json", "data:application/json,[]", "card.json", "https:///card.json"} {
		d, _ := rcd.Parse(minted(t, claims{
			"rcd": object(claims{"nam": `"Q"`, "jcl": quote(uri)}), "rcdi": object(claims{"/jcl": of(`[]`)}),
		}))
		var s site
		_, findings := d.Check(t.Context(), s.fetch)
		wantCodes(t, findings, "rcd-item-unusable rcd/jcl")
		if len(s.asked) != 0 {
			t.Errorf("asked for %q", s.asked)
		}
	}
}

func TestOnlyHarmlessImagesAreShown(t *testing.T) {
	gif := "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 2, 2)), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, body, kind string }{
		{"PNG", picture(5), "image/png"},
		{"GIF", gif, "image/gif"},
		{"JPEG", photo.String(), "image/jpeg"},
		{"SVG", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, ""},
		{"a page", `<html>`, ""},
		{"nothing", ``, ""},
		{"a PNG without its inside", "\x89PNG\r\n\x1a\n", ""},
		{"a JPEG without its inside", "\xff\xd8\xff\xe0", ""},
		{"a PNG of too many pixels", picture(2049), ""},
		{"too long", picture(1) + strings.Repeat("x", 256<<10), ""},
	} {
		d, _ := rcd.Parse(minted(t, claims{
			"rcd": object(claims{"nam": `"Q"`, "icn": quote(iconURI)}), "rcdi": object(claims{"/icn": of(c.body)}),
		}))
		s := site{bodies: map[string]string{iconURI: c.body}}
		shown, findings := d.Check(t.Context(), s.fetch)
		switch {
		case c.kind == "" && shown.Icon == nil:
			wantCodes(t, findings, "rcd-item-unusable rcd/icn")
		case c.kind != "" && shown.Icon != nil && shown.Icon.Type == c.kind && shown.Icon.Property == "icn":
			wantCodes(t, findings)
			if text, _ := json.Marshal(shown); strings.Contains(string(text), "Data") {
				t.Errorf("%s: the image itself went into the JSON", c.why)
			}
		default:
			t.Errorf("%s: Icon = %+v, want kind %q", c.why, shown.Icon, c.kind)
		}
	}
}

func TestImageInsideThePASSporTNeedsNoDigest(t *testing.T) {
	body := picture(3)
	encoded := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(body))
	escaped := "data:image/png," + url.PathEscape(body)
	for _, c := range []struct {
		why, uri string
		rcdi     claims
		shown    bool
	}{
		{"no digest", encoded, nil, true},
		{"percent-encoded", escaped, nil, true},
		{"digest of what it holds", encoded, claims{"/icn": of(body)}, true},
		{"digest of the value", encoded, claims{"/icn": of(quote(encoded))}, true},
		{"wrong digest", encoded, claims{"/icn": of("x")}, false},
		{"faulty base64", "data:image/png;base64,%%%", nil, false},
		{"faulty escapes", "data:image/png,%zz", nil, false},
		{"no comma", "data:image/png;base64", nil, false},
		{"a script", "data:image/svg+xml,<svg/>", nil, false},
		{"a file", "file:///etc/passwd", nil, false},
		{"plain http", "http://example.com/a.png", claims{"/icn": of(body)}, false},
	} {
		more := claims{"rcd": object(claims{"nam": `"Q"`, "icn": quote(c.uri)})}
		if c.rcdi != nil {
			more["rcdi"] = object(c.rcdi)
		}
		d, _ := rcd.Parse(minted(t, more))
		var s site
		shown, findings := d.Check(t.Context(), s.fetch)
		if got := shown.Icon != nil && string(shown.Icon.Data) == body && shown.Icon.URI == ""; got != c.shown {
			t.Errorf("%s: shown %v, want %v: %v", c.why, got, c.shown, findings)
		}
		if !c.shown {
			wantCodes(t, findings, "rcd-item-unusable rcd/icn")
		}
		if len(s.asked) != 0 {
			t.Errorf("%s: asked for %q", c.why, s.asked)
		}
	}
}

func TestOneCallCausesFewFetches(t *testing.T) {
	properties, digests, bodies := []string{}, claims{}, map[string]string{}
	for i := range 40 {
		uri := fmt.Sprintf("https://example.com/%d.png", i%20)
		properties = append(properties, `["logo",{},"uri",`+quote(uri)+`]`)
		bodies[uri] = picture(1 + i%20)
		digests[fmt.Sprintf("/jcd/1/%d/3", i)] = of(bodies[uri])
	}
	d, _ := rcd.Parse(minted(t, claims{
		"rcd":  object(claims{"nam": `"Q"`, "jcd": `["vcard",[` + strings.Join(properties, ",") + `]]`}),
		"rcdi": object(digests),
	}))
	s := site{bodies: bodies}
	shown, findings := d.Check(t.Context(), s.fetch)
	if len(s.asked) > 8 || len(shown.Images) > 8 {
		t.Errorf("asked for %d URIs and showed %d images, want 8 at most", len(s.asked), len(shown.Images))
	}
	if len(findings) != 1 {
		t.Errorf("findings = %v, want one for the images beyond", findings)
	}
	// What fails counts too, and is not asked for twice.
	s = site{}
	shown, _ = d.Check(t.Context(), s.fetch)
	if len(s.asked) > 8 || len(shown.Images) != 0 {
		t.Errorf("asked for %d URIs that are not there, want 8 at most", len(s.asked))
	}
	seen := map[string]bool{}
	for _, uri := range s.asked {
		if seen[uri] {
			t.Errorf("asked twice for %s", uri)
		}
		seen[uri] = true
	}
}

func TestCheckPassesItsContextOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, _ := rcd.Parse(minted(t, claims{
		"rcd": object(claims{"nam": `"Q"`, "icn": quote(iconURI)}), "rcdi": object(claims{"/icn": of("x")}),
	}))
	_, findings := d.Check(ctx, func(ctx context.Context, _ string) ([]byte, error) { return nil, ctx.Err() })
	wantCodes(t, findings, "rcd-item-unusable rcd/icn")
}

func TestCardShowsTextsAndNeverNumbersOrLinks(t *testing.T) {
	d, _ := rcd.Parse(minted(t, claims{"rcd": object(claims{"nam": `"Q"`, "jcd": `["vcard",[
		["version",{},"text","4.0"],
		["fn",{},"text","Q\u202e Branch"],
		["org",{},"text",["MI6","Q Branch"]],
		["categories",{},"text","gadgets","cars"],
		["tel",{},"uri","tel:+12025551002"],
		["tel",{},"text","+12025551002"],
		["url",{},"uri","https://example.com/"],
		["note",{},"uri","https://example.com/"],
		["title",{},"text","\u200b"],
		["x-note",{},"text","secret"]]]`})}))
	shown, findings := d.Check(t.Context(), nil)
	wantCodes(t, findings)
	want := []rcd.Line{{"fn", "Q Branch"}, {"org", "MI6, Q Branch"}, {"categories", "gadgets, cars"}}
	if !slices.Equal(shown.Lines, want) {
		t.Errorf("Lines = %v, want %v", shown.Lines, want)
	}
}

// FuzzCheck: whatever stands in the claims and is served, Check does not panic, asks for
// little and only https, and finds nothing that would harm the call.
func FuzzCheck(f *testing.F) {
	card := `["vcard",[["fn",{},"text","Q"],["photo",{},"uri","https://h/p","data:,x"]]]`
	f.Add(`{"nam":"Q","icn":"https://h/i"}`, object(claims{"/icn": of("x"), "/nam": of(`"Q"`)}), `"why"`, `"who"`, "x")
	f.Add(`{"nam":"","jcl":"https://h/c"}`, object(claims{"/jcl": of(card), "/jcl/1/1/3": of(card), "/jcl/1/0": of("x")}), `""`, `1`, card)
	f.Add(`{"nam":"\u202e","apn":"911","jcd":`+card+`}`, `{"":"sha256-","/jcd/1/1/4":"sha1-x","/a~1":""}`, `[]`, `null`, picture(1))
	f.Fuzz(func(t *testing.T, data, digests, reason, issuer, served string) {
		token := &passport.Token{Claims: passport.Claims{More: []passport.Claim{
			{Name: "rcd", JSON: data}, {Name: "rcdi", JSON: digests}, {Name: "crn", JSON: reason}, {Name: "iss", JSON: issuer},
		}}}
		d, findings := rcd.Parse(token)
		n := 0
		shown, more := d.Check(t.Context(), func(_ context.Context, uri string) ([]byte, error) {
			if n++; n > 8 || !strings.EqualFold(uri[:6], "https:") {
				t.Fatalf("fetch %d of %q", n, uri)
			}
			return []byte(served), nil
		})
		for _, x := range append(findings, more...) {
			if x.Code.Gravity() != passport.Note {
				t.Fatalf("%v is not a note", x.Code)
			}
		}
		for _, text := range []string{shown.Name, shown.Reason, shown.ThirdParty} {
			if rcd.Clean(text, rcd.MaxLine) != text {
				t.Fatalf("%q is shown as it came", text)
			}
		}
		if without, _ := d.Check(t.Context(), nil); without.Name != shown.Name || without.Reason != shown.Reason {
			t.Fatalf("the texts depend on the fetching: %+v, %+v", without, shown)
		}
	})
}
