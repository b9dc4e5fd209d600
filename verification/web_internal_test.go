package verification

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
)

// unsigned is a PASSporT with a signature that is not looked at here.
func unsigned(t *testing.T, ppt, more string, dest []string) *passport.Token {
	t.Helper()
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	head := `{"alg":"ES256","ppt":"` + ppt + `","typ":"passport","x5u":"https://x.example/"}`
	body := `{"dest":{"tn":["` + strings.Join(dest, `","`) + `"]},` + more + `"iat":1443208345,"orig":{"tn":"12155551212"}}`
	token, findings := passport.Examine(part(head) + "." + part(body) + "." + strings.Repeat("A", 86))
	for _, f := range findings {
		if f.Code.Gravity() == passport.Fault && f.Code != passport.ClaimMissing {
			t.Fatal(findings)
		}
	}
	return token
}

func place(i int) string { return fmt.Sprintf("1215555%04d", i) }

// tangle is a call with one PASSporT and as many diversions as are looked at, each from
// place i to all the places that to names.
func tangle(t *testing.T, to func(i int) []string) *judge {
	t.Helper()
	r := &Report{Profile: sipidentity.RFC8224(), Best: -1}
	r.Fields = append(r.Fields, Field{Token: unsigned(t, "", "", []string{place(0)}), Signed: true, goesOn: true})
	for i := range MaxFields - 1 {
		div := `"div":{"tn":"` + place(i) + `"},`
		r.Fields = append(r.Fields, Field{Token: unsigned(t, "div", div, to(i)), Signed: true, goesOn: true})
	}
	j := &judge{service: &Service{}, report: r}
	j.facts.Called = passport.Party{TN: "12155559999"}
	return j
}

func upTo(from, to int) (places []string) {
	for i := from; i < to; i++ {
		places = append(places, place(i))
	}
	return places
}

// Where every diversion leads to every later one there are 2^14 ways through them, and
// far more where each leads to all the others. Following them compares each diversion
// with each other once.
func TestFollowingDiversionsIsBoundedWhateverTheyLeadTo(t *testing.T) {
	const n = MaxFields - 1
	for name, to := range map[string]func(i int) []string{
		"each to every later one": func(i int) []string { return upTo(i+1, n+1) },
		"each to every other":     func(i int) []string { return append(upTo(0, i), upTo(i+1, n)...) },
		"each to every one":       func(int) []string { return upTo(0, n) },
		"in a row":                func(i int) []string { return upTo(i+1, i+2) },
		"in layers of three":      func(i int) []string { return upTo(i/3*3+3, i/3*3+6) },
	} {
		t.Run(name, func(t *testing.T) {
			j := tangle(t, to)
			w := newWeb(j.report)
			first := &j.report.Fields[0]
			c := w.follow(first, first.Token.Claims.Dest, func(passport.Parties) bool { return false })
			if c.arrived || len(c.path) > maxHops {
				t.Errorf("followed to %v", c.path)
			}
			if most := MaxFields * MaxFields; w.looked > most {
				t.Errorf("%d pairs were compared, %d are enough", w.looked, most)
			}
			// Every PASSporT that begins a chain costs that much, so sixteen of them cost
			// at most sixteen times as much, with and without a way to the called party.
			j.followDiversions()
			for i := range j.report.Fields {
				if len(j.report.Fields[i].Findings) == 0 {
					t.Errorf("field %d leads nowhere, and nothing is said", i)
				}
			}
		})
	}
}

// Of several chains the shortest is followed, wherever its diversions stand.
func TestTheShortestChainIsFollowed(t *testing.T) {
	const target = "12155559999"
	for name, c := range map[string]struct {
		to   map[int][]string
		want string
	}{
		"the shorter one first":   {map[int][]string{0: {place(1), place(2)}, 1: {target}, 2: {place(3)}, 3: {target}}, "[1 2]"},
		"the longer one first":    {map[int][]string{0: {place(1), place(3)}, 1: {place(2)}, 2: {target}, 3: {target}}, "[1 4]"},
		"one that goes no nearer": {map[int][]string{0: {place(1), place(2)}, 1: {place(0)}, 2: {target}}, "[1 3]"},
	} {
		j := tangle(t, func(i int) []string {
			if to := c.to[i]; to != nil {
				return to
			}
			return []string{"12155558888"}
		})
		j.followDiversions()
		first := &j.report.Fields[0]
		if len(first.Findings) != 0 || fmt.Sprint(first.Diversions) != c.want {
			t.Errorf("%s: Diversions = %v: %v, want %s", name, first.Diversions, first.Findings, c.want)
		}
	}
}

// RFC 5922 section 7.2: a name of the subject alternative names, without wildcards.
func TestADomainIsCoveredByItsNamesAlone(t *testing.T) {
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, c := range map[string]struct {
		leaf x509.Certificate
		want bool
	}{
		"a dNSName":             {x509.Certificate{DNSNames: []string{"other.example", "Example.com"}}, true},
		"a SIP URI":             {x509.Certificate{URIs: []*url.URL{uri("https://example.com"), uri("sip:example.com")}}, true},
		"a wildcard":            {x509.Certificate{DNSNames: []string{"*.com", "*"}}, false},
		"a domain above":        {x509.Certificate{DNSNames: []string{"com"}}, false},
		"a person's SIP URI":    {x509.Certificate{URIs: []*url.URL{uri("sip:alice@example.com")}}, false},
		"a common name":         {x509.Certificate{Subject: pkix.Name{CommonName: "example.com"}}, false},
		"a URI of another kind": {x509.Certificate{URIs: []*url.URL{uri("https://example.com")}}, false},
	} {
		chain := &stircert.Chain{Certificates: []*x509.Certificate{&c.leaf}}
		if got := domainCovered(chain, "sip:desk@EXAMPLE.com:5060"); got != c.want {
			t.Errorf("%s: covered %t", name, got)
		}
		if domainCovered(chain, "urn:service:sos") || domainCovered(&stircert.Chain{}, "sip:desk@example.com") {
			t.Errorf("%s: what has no domain is covered", name)
		}
	}
}
