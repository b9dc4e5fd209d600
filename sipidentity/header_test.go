package sipidentity

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign.example/passport"
)

// digest is one in full form that nothing is wrong with, as far as a header field goes.
const digest = "eyJ0eXAiOiJwYXNzcG9ydCJ9.eyJpYXQiOjF9.AA-_"

const place = "https://cert.example.org/a?b=1&c=2;d=3,e"

// vectors are the published and derived vectors that concern this package.
type vectors struct {
	Passport, KnownBad []struct{ Name, IdentityHeader, CompactForm string }
	CanonicalURI       struct {
		Cases []struct{ In, Out, Why string }
	}
	CanonicalTN struct {
		Cases []struct{ In, Out, Why string }
	}
	RFC9410PPI []struct {
		Value, Why string
		Valid      bool
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Passport) == 0 || len(v.CanonicalURI.Cases) == 0 || len(v.CanonicalTN.Cases) == 0 || len(v.RFC9410PPI) == 0 {
		t.Fatal("the vectors lack what concerns this package")
	}
	return v
}

func TestParseReadsWhatTheGrammarAllows(t *testing.T) {
	want := Header{Passport: digest, Info: place, Alg: "ES256", Ppt: "shaken"}
	for name, value := range map[string]string{
		"row 26: in the order of the grammar": digest + ";info=<" + place + ">;alg=ES256;ppt=shaken",
		"row 26: info last":                   digest + ";alg=ES256;ppt=shaken;info=<" + place + ">",
		"row 26: ppt first":                   digest + ";ppt=shaken;info=<" + place + ">;alg=ES256",
		"row 29: quoted":                      digest + ";info=<" + place + `>;alg="ES256";ppt="shaken"`,
		"row 29: quoted, with an escape":      digest + ";info=<" + place + `>;alg="ES256";ppt="sh\aken"`,
		"row 31: folded":                      " " + digest + " ;\r\n info\t=\r\n\t<" + place + "> ; alg = ES256\r\n ;ppt= shaken ",
		"names in capitals":                   digest + ";INFO=<" + place + ">;Alg=ES256;pPT=shaken",
	} {
		t.Run(name, func(t *testing.T) {
			h, err := Parse(value)
			if err != nil || h.Passport != want.Passport || h.Info != want.Info || h.Alg != want.Alg || h.Ppt != want.Ppt || len(h.More) != 0 {
				t.Errorf("Parse(%q) = %+v, %v", value, h, err)
			}
			// Row 27: on output info comes first.
			if got := h.String(); got != digest+";info=<"+place+">;alg=ES256;ppt=shaken" {
				t.Errorf("String() = %q", got)
			}
		})
	}
}

func TestParseKeepsParametersThatAreNotKnown(t *testing.T) {
	h, err := Parse(digest + `;canon="a;b \"c\"";info=<` + place + `>;flag;n=1`)
	if err != nil || len(h.More) != 3 || h.More[0] != (Param{"canon", `a;b "c"`}) || h.More[1] != (Param{"flag", ""}) || h.More[2] != (Param{"n", "1"}) {
		t.Errorf("Parse = %+v, %v", h, err)
	}
}

func TestParseRefusesByName(t *testing.T) {
	info := ";info=<" + place + ">"
	for name, c := range map[string]struct {
		value string
		code  passport.Code
	}{
		"row 37: nothing":                     {"", passport.DigestMalformed},
		"row 37: two parts":                   {"a.b" + info, passport.DigestMalformed},
		"row 37: three dots":                  {"..." + info, passport.DigestMalformed},
		"row 37: two dots":                    {".." + info, passport.DigestMalformed},
		"row 37: a header without claims":     {"a..b" + info, passport.DigestMalformed},
		"row 37: claims without a header":     {".a.b" + info, passport.DigestMalformed},
		"a space in the digest":               {"a.b c.d" + info, passport.DigestMalformed},
		"a line break in the digest":          {"a.b.c\r\nX: y.d" + info, passport.DigestMalformed},
		"row 39: longer than is read":         {strings.Repeat("A", MaxLen) + ".b.c" + info, passport.FieldTooLong},
		"row 32: no info":                     {digest, passport.InfoMissing},
		"row 32: other parameters only":       {digest + ";alg=ES256", passport.InfoMissing},
		"row 33: without brackets":            {digest + ";info=https://a.example/", passport.InfoMalformed},
		"quotes in place of brackets":         {digest + `;info="https://a.example/"`, passport.InfoMalformed},
		"info without a value":                {digest + ";info", passport.InfoMalformed},
		"empty brackets":                      {digest + ";info=<>", passport.InfoMalformed},
		"a relative reference":                {digest + ";info=</cert.pem>", passport.InfoMalformed},
		"a URI with a line break":             {digest + ";info=<https://a.example/\r\n>", passport.InfoMalformed},
		"info twice":                          {digest + info + info, passport.ParameterRepeated},
		"alg twice":                           {digest + info + ";alg=ES256;alg=ES256", passport.ParameterRepeated},
		"ppt twice":                           {digest + info + ";ppt=shaken;ppt=div", passport.ParameterRepeated},
		"alg without a value":                 {digest + info + ";alg", passport.HeaderSyntax},
		"alg that is empty":                   {digest + info + `;alg=""`, passport.HeaderSyntax},
		"ppt without a value, then with one":  {digest + info + ";ppt;ppt=shaken", passport.HeaderSyntax},
		"ppt in brackets":                     {digest + info + ";ppt=<shaken>", passport.HeaderSyntax},
		"ppt of two words":                    {digest + info + `;ppt="a b"`, passport.HeaderSyntax},
		"ppt with a line break":               {digest + info + ";ppt=\"a\r\nX: y\"", passport.HeaderSyntax},
		"a bracket that is not closed":        {digest + ";info=<https://a.example/", passport.HeaderSyntax},
		"a quotation mark not closed":         {digest + info + `;x="`, passport.HeaderSyntax},
		"a quotation mark escaped at the end": {digest + info + `;x="\`, passport.HeaderSyntax},
		"no name":                             {digest + info + ";=x", passport.HeaderSyntax},
		"no value":                            {digest + info + ";x=", passport.HeaderSyntax},
		"two semicolons":                      {digest + info + ";;alg=ES256", passport.HeaderSyntax},
		"two values in one":                   {digest + info + ", " + digest + info, passport.HeaderSyntax},
		"seventeen parameters":                {digest + info + strings.Repeat(";x", 16), passport.HeaderSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.value)
			if !errors.Is(err, c.code) {
				t.Errorf("Parse(%.80q) = %v, want %v", c.value, err, c.code)
			}
			if _, ok := errors.AsType[*passport.Finding](err); !ok {
				t.Errorf("the error is %T", err)
			}
		})
	}
	if _, err := Parse(digest + info + strings.Repeat(";x", 15)); err != nil {
		t.Errorf("sixteen parameters: %v", err)
	}
}

func TestParseReadsTheTypeOfAFieldWhosePASSporTIsBroken(t *testing.T) {
	h, err := Parse("broken;ppt=foo;info=<" + place + ">")
	if !errors.Is(err, passport.DigestMalformed) || h.Ppt != "foo" || h.Info != place {
		t.Errorf("Parse = %+v, %v", h, err)
	}
}

func TestCompactFormIsKnownByItsDots(t *testing.T) {
	for value, want := range map[string]bool{"..AA": true, digest: false, "": false} {
		if got := (Header{Passport: value}).Compact(); got != want {
			t.Errorf("Compact(%q) = %t", value, got)
		}
	}
}

// header draws a Header that can stand in a message.
func header(t *rapid.T) Header {
	part := rapid.StringMatching(`[A-Za-z0-9_-]{1,20}`)
	h := Header{
		Passport: part.Draw(t, "header") + "." + part.Draw(t, "claims") + "." + part.Draw(t, "signature"),
		Info:     rapid.StringMatching(`[a-z][a-z0-9+.-]{0,5}:[!-;=?-~]{1,30}`).Filter(func(s string) bool { return !strings.Contains(s, `"`) }).Draw(t, "info"),
		Alg:      rapid.StringMatching("[A-Za-z0-9.!%*_+`'~-]{0,6}").Draw(t, "alg"),
		Ppt:      rapid.StringMatching("[A-Za-z0-9.!%*_+`'~-]{0,6}").Draw(t, "ppt"),
	}
	if rapid.Bool().Draw(t, "compact") {
		h.Passport = ".." + part.Draw(t, "signature")
	}
	return h
}

func TestHeaderIsReadAsItWasPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := header(t)
		got, err := Parse(want.String())
		if err != nil || len(got.More) != 0 || got.Passport != want.Passport || got.Info != want.Info || got.Alg != want.Alg || got.Ppt != want.Ppt {
			t.Fatalf("Parse(%q) = %+v, %v, want %+v", want.String(), got, err, want)
		}
	})
}

// FuzzParse: what is read is printed on one line and read as the same again.
func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f).Passport {
		f.Add(v.IdentityHeader)
		f.Add(v.CompactForm + ";info=<https://cert.example.org/passport.cer>")
	}
	for _, value := range []string{
		"", "..", "a.b.c", digest + ";info=<" + place + `>;alg="ES256";ppt="sh\aken";x;y="a;b"`, digest + ";info=<a:b",
		" " + digest + " ;\r\n info = <a:b> ; ppt = div", digest + ";info=<a:b>;info=<a:b>", digest + `;info=<a:b>;x="\`,
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h, err := Parse(value)
		if err != nil {
			if _, ok := errors.AsType[*passport.Finding](err); !ok {
				t.Fatalf("the error is %T", err)
			}
			return
		}
		text := h.String()
		if strings.ContainsAny(text, "\r\n\t") {
			t.Fatalf("Parse(%q).String() = %q, which is not one line", value, text)
		}
		again, err := Parse(text)
		if err != nil || again.Passport != h.Passport || again.Info != h.Info || again.Alg != h.Alg || again.Ppt != h.Ppt || again.String() != text {
			t.Fatalf("Parse(%q) = %+v, %v; was %+v", text, again, err, h)
		}
	})
}
