package stircert

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign.example/passport"
)

// bound is the template of a bound certificate for ten numbers.
func (n *network) bound() Template {
	return Template{Role: RoleDelegate, TNs: block(10), Domain: "office.example", Log: n.log}
}

func TestABoundCertificateYieldsItsDomain(t *testing.T) {
	n := newNetwork(t)
	c := n.build(n.issue(n.delegate, n.bound()), n.delegate, n.ca)
	expect(t, c, "")
	if c.Domain != "office.example" {
		t.Errorf("Domain = %q", c.Domain)
	}
}

func TestADomainIsShownOnlyWithProof(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	template := func(change func(*Template)) party {
		b := n.bound()
		change(&b)
		return n.issue(n.delegate, b)
	}
	twoNames := pkix.Extension{Id: oidSAN, Value: element(tagSequence,
		element(implicit(2), []byte("office.example")), element(implicit(2), []byte("bank.example")))}
	name := func(s string) party {
		return template(func(b *Template) {
			b.Domain, b.Extra = "", []pkix.Extension{{Id: oidSAN, Value: element(tagSequence, element(implicit(2), []byte(s)))}}
		})
	}
	for label, tc := range map[string]struct {
		signer party
		logs   []Log
		want   string
	}{
		"row 138: two dNSNames":           {template(func(b *Template) { b.Domain, b.Extra = "", []pkix.Extension{twoNames} }), n.logs, "domain-unbound 1"},
		"row 139: no timestamp":           {template(func(b *Template) { b.Log = nil }), n.logs, "sct-missing 1"},
		"row 142: an hour in the future":  {template(func(b *Template) { b.LoggedAt = noon.Add(time.Hour) }), n.logs, "sct-from-future 1"},
		"a log that is not configured":    {template(func(b *Template) { b.Log = other.log }), n.logs, "sct-log-unknown 1"},
		"no log configured":               {template(func(*Template) {}), nil, "sct-log-unknown 1"},
		"a log's name with another's key": {template(func(*Template) {}), []Log{{ID: n.logs[0].ID, Key: other.logs[0].Key}}, "sct-invalid 1"},
		"a wildcard":                      {name("*.office.example"), n.logs, "domain-unbound 1"},
		"a final dot":                     {name("office.example."), n.logs, "domain-unbound 1"},
		"an address":                      {name("192.0.2.1"), n.logs, "domain-unbound 1"},
		"no dots":                         {name("localhost"), n.logs, "domain-unbound 1"},
	} {
		t.Run(label, func(t *testing.T) {
			o := n.options()
			o.Logs = tc.logs
			c := n.served(o, tc.signer, n.delegate, n.ca)
			expect(t, c, tc.want)
			if c.Domain != "" || c.Anchor == nil || c.Covers("12125551005") != CoverNumber {
				t.Errorf("Domain %q, Anchor %v, Covers %v", c.Domain, c.Anchor, c.Covers("12125551005"))
			}
		})
	}
}

func TestCaseAndSkewAreForgiven(t *testing.T) {
	n := newNetwork(t)
	upper := pkix.Extension{Id: oidSAN, Value: element(tagSequence, element(implicit(2), []byte("OFFICE.Example")))}
	b := n.bound()
	b.Domain, b.Extra, b.LoggedAt = "", []pkix.Extension{upper}, noon.Add(SCTSkew)
	if c := n.build(n.issue(n.delegate, b), n.delegate, n.ca); c.Domain != "office.example" {
		t.Errorf("Domain = %q, %v", c.Domain, c.Findings)
	}
}

func TestRow140TheDomainSaysNothingOfOtherNumbers(t *testing.T) {
	n := newNetwork(t)
	c := n.build(n.issue(n.delegate, n.bound()), n.delegate, n.ca)
	if got := c.Covers("12125551010"); got != CoverNone {
		t.Errorf("Covers = %v, want %v", got, CoverNone)
	}
}

func TestNoTrustNoListNoDomain(t *testing.T) {
	n := newNetwork(t)
	signer := n.issue(n.delegate, n.bound())
	o := n.options()
	o.Anchors = nil
	if c := n.served(o, signer, n.delegate, n.ca); c.Domain != "" {
		t.Errorf("untrusted: Domain = %q", c.Domain)
	}
	b := n.bound()
	b.TNs, b.ListURL = TNAuthList{}, "https://lists.example/list"
	c := n.build(n.issue(n.delegate, b), n.delegate, n.ca)
	if c.Domain != "" || c.Has(passport.SCTInvalid) {
		t.Errorf("list elsewhere: Domain = %q", c.Domain)
	}
}

func TestOneTimestampThatHoldsIsEnough(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	signer := n.issue(n.delegate, n.bound())
	list, ok := parseSCTList(extension(signer.Certificate, oidSCTList).Value)
	if !ok || len(list) != 1 {
		t.Fatalf("parseSCTList = %v, %t", list, ok)
	}
	good := list[0]
	unknown, wrong, later := good, good, good
	unknown.log = other.logs[0].ID
	wrong.signature = slices.Clone(good.signature)
	wrong.signature[len(wrong.signature)-1] ^= 1
	later.millis += 1 << 40
	b := n.bound()
	b.Log = nil
	with := func(scts ...timestamp) *Chain {
		c := *signer.Certificate
		c.Extensions = slices.Clone(c.Extensions)
		for i := range c.Extensions {
			if c.Extensions[i].Id.Equal(oidSCTList) {
				c.Extensions[i].Value = marshalSCTs(scts...)
			}
		}
		// The signature of the certificate is not looked at again: only its raw bytes
		// are, in which the list is left out anyway.
		return Build(t.Context(), []*x509.Certificate{&c, n.delegate.Certificate, n.ca.Certificate}, n.options())
	}
	if c := with(unknown, wrong, later, good); c.Domain != "office.example" {
		t.Errorf("Domain = %q, %v", c.Domain, c.Findings)
	}
	expect(t, with(unknown, wrong), "sct-invalid 1")
	expect(t, with(slices.Repeat([]timestamp{wrong}, maxSCTs+1)...), "sct-invalid 1")
}

func TestRow141AnyFlippedByteOfTheCertificateSpoilsTheTimestamp(t *testing.T) {
	n := newNetwork(t)
	signer := n.issue(n.delegate, n.bound())
	list, _ := parseSCTList(extension(signer.Certificate, oidSCTList).Value)
	tbs, ok := withoutSCTs(signer.RawTBSCertificate)
	if !ok {
		t.Fatal("the certificate cannot be taken apart")
	}
	check := func(tbs []byte) passport.Code {
		// A certificate that differs in one byte may not parse, so its parts are put
		// together here as logged does it.
		c := *signer.Certificate
		c.RawTBSCertificate = tbs
		code, _ := logged(&c, n.delegate.Certificate, n.logs, noon)
		return code
	}
	if code := check(signer.RawTBSCertificate); code != passport.NoCode {
		t.Fatalf("untouched: %v", code)
	}
	if code := check(tbs); code != passport.NoCode {
		t.Fatalf("without the list: %v", code)
	}
	rapid.Check(t, func(t *rapid.T) {
		flipped := slices.Clone(tbs)
		flipped[rapid.IntRange(0, len(tbs)-1).Draw(t, "place")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if code := check(flipped); code != passport.SCTInvalid {
			t.Fatalf("flipped: %v, want %v", code, passport.SCTInvalid)
		}
	})
	if code, _ := logged(signer.Certificate, n.ca.Certificate, n.logs, noon); code != passport.SCTInvalid || len(list) != 1 {
		t.Errorf("another issuer: %v, want %v", code, passport.SCTInvalid)
	}
}

func TestTakingTheTimestampsOutLeavesWhatTheLogSaw(t *testing.T) {
	n := newNetwork(t)
	b := n.bound()
	b.Log, b.Serial = nil, serial(9)
	plainKey := newKey(t)
	b.Key, b.NotBefore, b.NotAfter = &plainKey.PublicKey, noon.Add(-time.Hour), noon.Add(time.Hour)
	der, err := Issue(n.delegate.Certificate, n.delegate.key, b)
	unlogged := n.party(der, err, plainKey)
	b.Log = n.log
	der, err = Issue(n.delegate.Certificate, n.delegate.key, b)
	with := n.party(der, err, plainKey)
	got, ok := withoutSCTs(with.RawTBSCertificate)
	if !ok || !slices.Equal(got, unlogged.RawTBSCertificate) {
		t.Errorf("withoutSCTs = %x, want %x", got, unlogged.RawTBSCertificate)
	}
	same, ok := withoutSCTs(unlogged.RawTBSCertificate)
	if !ok || !slices.Equal(same, unlogged.RawTBSCertificate) {
		t.Errorf("withoutSCTs of a certificate without = %x", same)
	}
}

// The certificate in testdata/logged was made here; that its timestamp holds was
// checked with the Python library cryptography, which takes the list out on its own.
func TestRow141ATimestampThatOthersHaveChecked(t *testing.T) {
	read := func(name string) []byte { return []byte(readSource(t, filepath.Join("testdata", "logged", name))) }
	leaf, err := ParsePEM(read("leaf.pem"))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := ParsePEM(read("issuer.pem"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := ParseLog(read("log.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if code, detail := logged(leaf[0], issuer[0], []Log{log}, leaf[0].NotAfter); code != passport.NoCode {
		t.Errorf("logged = %v: %s", code, detail)
	}
}

// Build judges timestamps with no way to reach a log: it is given none, and the
// package imports nothing that opens connections.
func TestRow143NoNetworkOnTheCallPath(t *testing.T) {
	n := newNetwork(t)
	o := n.options()
	o.FetchList = nil
	if c := n.served(o, n.issue(n.delegate, n.bound()), n.delegate, n.ca); c.Domain != "office.example" {
		t.Errorf("Domain = %q", c.Domain)
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if path := strings.Trim(i.Path.Value, `"`); path == "net" || strings.HasPrefix(path, "net/http") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestBoundNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"office.example": "office.example", "A.B": "a.b", "xn--rhm-sna.example": "xn--rhm-sna.example", long + ".example": long + ".example",
		"": "", "a": "", ".a": "", "a..b": "", "-a.b": "", "a-.b": "", "a_b.c": "", "ä.example": "", long + "a.b": "", "a.1": "",
		strings.Repeat("a.", 127) + "aa": "",
	} {
		if got, ok := boundName(in); got != want || ok != (want != "") {
			t.Errorf("boundName(%q) = %q, %t, want %q", in, got, ok, want)
		}
	}
}

func FuzzSCTList(f *testing.F) {
	f.Add(marshalSCTs(timestamp{millis: 1, signature: []byte{1, 2}}))
	f.Add(element(tagOctetString, appendVector(nil, appendVector(nil, []byte{1, 2, 3}))))
	f.Add([]byte{4, 2, 0, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		list, ok := parseSCTList(der)
		if !ok {
			return
		}
		if len(list) > maxSCTs {
			t.Fatalf("%d timestamps", len(list))
		}
		if len(list) == 0 {
			return
		}
		if again, ok := parseSCTList(marshalSCTs(list...)); !ok || len(again) != len(list) {
			t.Fatalf("what was read cannot be read again: %v", list)
		}
	})
}

func FuzzWithoutSCTs(f *testing.F) {
	n := newNetwork(f)
	f.Add(n.issue(n.delegate, n.bound()).RawTBSCertificate)
	f.Add(n.provider.RawTBSCertificate)
	f.Fuzz(func(t *testing.T, tbs []byte) {
		out, ok := withoutSCTs(tbs)
		if !ok {
			return
		}
		again, ok := withoutSCTs(out)
		if !ok || !slices.Equal(out, again) || len(out) > len(tbs) {
			t.Fatalf("withoutSCTs(%x) = %x, then %x", tbs, out, again)
		}
	})
}
