package explain

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

var update = flag.Bool("update", false, "rewrite golden files")

// now is a minute after most of the vectors were signed.
var now = time.Unix(1443208345, 0).UTC().Add(time.Minute)

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the change:\n%s", path, got)
	}
}

type vectors struct {
	Passport, KnownBad []struct{ Name, Token, CompactForm, IdentityHeader string }
	Certificates       []struct{ PEM string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func token(t testing.TB, name string) string {
	t.Helper()
	v := readVectors(t)
	for _, p := range append(v.Passport, v.KnownBad...) {
		if p.Name == name {
			return p.Token
		}
	}
	t.Fatalf("there is no vector %s", name)
	return ""
}

func TestInspectionsReadWell(t *testing.T) {
	shaken := token(t, "derived-shaken-A")
	cases := map[string]string{
		"passport-shaken":     shaken,
		"passport-rcd":        token(t, "derived-shaken-rcd"),
		"passport-div-o":      token(t, "derived-div-o-corrected"),
		"passport-rph":        token(t, "derived-rph-esnet-psap-callback"),
		"passport-mky":        token(t, "derived-mky"),
		"passport-text-iat":   token(t, "rfc8225-s7.1-and-rfc8224-s4.1.1"),
		"passport-not-json":   token(t, "rfc8443-s4.1-rph"),
		"identity-full":       "Identity: " + shaken + ";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=shaken",
		"identity-mismatch":   shaken + `;info=<https://elsewhere.example/>;ppt="div";colour=red`,
		"identity-compact":    "..BuOEj7jvXtnbzdCr8wbRgkqvUU7mhB96bmzgU5u7kTDmEIpts_ziGWeGPGroPgI5tb7RWl8HdWk_91EupeMMfA;info=<https://cert.example.org/passport.cer>",
		"identity-no-info":    shaken + ";ppt=shaken",
		"certificate-rfc9118": readVectors(t).Certificates[0].PEM,
	}
	for name, input := range cases {
		t.Run(name, func(t *testing.T) {
			page, ok := Inspect(input, now)
			if !ok {
				t.Fatal("nothing was recognised")
			}
			golden(t, name, page.Text())
			if _, err := json.Marshal(page); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNoneOfTheThreeIsNotExplained(t *testing.T) {
	for _, text := range []string{"", "hello", "a.b", "a b.c.d", "https://example.com/a.b.c/d e"} {
		if page, ok := Inspect(text, now); ok {
			t.Errorf("Inspect(%q) = %q, want nothing", text, page.Title)
		}
	}
}

func TestJudgementsReadWell(t *testing.T) {
	shaken := token(t, "derived-shaken-A") + ";info=<https://cert.example.org/passport.cer>;ppt=shaken"
	call := verification.Facts{Calling: passport.Party{TN: "12155550121"}, Called: passport.Party{TN: "12155550131"}}
	key := publicKey(t)
	cases := []struct {
		name   string
		fields []string
		facts  verification.Facts
		late   time.Duration
	}{
		{"judgement-valid", []string{shaken}, call, 0},
		{"judgement-not-compared", []string{shaken}, verification.Facts{}, 0},
		{"judgement-stale", []string{shaken}, call, time.Hour},
		{"judgement-another-number", []string{shaken}, verification.Facts{Calling: passport.Party{TN: "12155550999"}, Called: call.Called}, 0},
		{"judgement-unsigned", nil, call, 0},
		{"judgement-unknown-type", []string{strings.Replace(shaken, "ppt=shaken", "ppt=foo", 1)}, call, 0},
		{"judgement-two-fields", []string{"broken", shaken}, call, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			service := verification.Service{Key: key}
			r, err := service.VerifyAt(context.Background(), c.fields, c.facts, time.Unix(1443208345, 0).Add(c.late), sipidentity.RFC8224())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, Judgement(r))
		})
	}
}

// What a stranger wrote can not move the cursor, hide text or turn its direction.
func FuzzInspect(f *testing.F) {
	f.Add("..x;info=<a:b>")
	f.Add("eyJhIjoiXHUwMDFiWzJKIn0.e30.x")
	f.Add(token(f, "derived-escape"))
	f.Add("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		page, ok := Inspect(text, now)
		if !ok {
			return
		}
		for _, s := range page.Sections {
			for _, i := range s.Items {
				if strings.ContainsFunc(i.Value, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
					t.Errorf("%s: %q is shown as it stands", i.Name, i.Value)
				}
			}
		}
	})
}
