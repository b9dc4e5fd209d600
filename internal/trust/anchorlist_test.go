package trust

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign.example/stircert"
)

func TestASignedListIsRead(t *testing.T) {
	p, w, other := newPolicyAdmin(t), newWorld(t), newWorld(t)
	good := payload(7, w.anchor, other.anchor, w.anchor)
	jws := p.sign(header(), good)
	envelope, err := json.Marshal(map[string]string{"status": "success", "caList": string(jws)})
	if err != nil {
		t.Fatal(err)
	}
	der := with(payload(7), "trustList", []string{base64.StdEncoding.EncodeToString(w.anchor.Raw), string(stircert.EncodePEM(other.anchor))})
	for name, tc := range map[string]struct {
		body  []byte
		who   Authority
		chain []*x509.Certificate
	}{
		"by a signer below a CA":          {jws, p.authority(), []*x509.Certificate{p.cert}},
		"with the CA in the chain":        {jws, p.authority(), []*x509.Certificate{p.cert, p.ca}},
		"by a signer of a certain name":   {jws, Authority{p.authority().Certificates, "PA LIST"}, []*x509.Certificate{p.cert}},
		"by the authority's certificate":  {jws, Authority{Certificates: []*x509.Certificate{p.cert}}, nil},
		"in the object that a PA returns": {envelope, p.authority(), []*x509.Certificate{p.cert}},
		"with white space around it":      {append(append([]byte("\n "), jws...), '\n'), p.authority(), []*x509.Certificate{p.cert}},
		"with DER in base64":              {p.sign(header(), der), p.authority(), []*x509.Certificate{p.cert}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := OpenAnchorList(tc.body, tc.who, tc.chain, noon)
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Anchors) != 2 || l.Sequence != 7 || !l.Signer.Equal(p.cert) || !l.Expires.Equal(noon.AddDate(0, 1, 0)) || len(l.Passed) != 0 {
				t.Errorf("OpenAnchorList = %d anchors, number %d until %v, %v", len(l.Anchors), l.Sequence, l.Expires, l.Passed)
			}
		})
	}
}

func TestOnlyWhoMaySignTheListIsBelieved(t *testing.T) {
	p, impostor, w := newPolicyAdmin(t), newPolicyAdmin(t), newWorld(t)
	body := p.sign(header(), payload(1, w.anchor))
	key := &p.signerKey.PublicKey
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		body  []byte
		who   Authority
		chain []*x509.Certificate
	}{
		"nobody's certificate at hand":   {body, p.authority(), nil},
		"another authority":              {body, impostor.authority(), []*x509.Certificate{p.cert}},
		"another signer":                 {impostor.sign(header(), payload(1, w.anchor)), p.authority(), []*x509.Certificate{p.cert}},
		"an impostor with his own chain": {impostor.sign(header(), payload(1, w.anchor)), p.authority(), []*x509.Certificate{impostor.cert, impostor.ca}},
		"no authority at all":            {body, Authority{}, []*x509.Certificate{p.cert}},
		"the CA itself":                  {signWith(t, p.caKey, header(), payload(1, w.anchor)), p.authority(), []*x509.Certificate{p.ca}},
		"another name":                   {body, Authority{p.authority().Certificates, "SOMEBODY"}, []*x509.Certificate{p.cert}},
		"one who signs calls": {body, p.authority(), []*x509.Certificate{p.issue(key, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: oidTNAuthList, Value: []byte{0x30, 0}}}
		})}},
		"one who signs revocation lists only": {body, p.authority(), []*x509.Certificate{p.issue(key, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })}},
		"one whose time is over":              {body, p.authority(), []*x509.Certificate{p.issue(key, func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Hour) })}},
		"one whose time has not come":         {body, p.authority(), []*x509.Certificate{p.issue(key, func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) })}},
		"a key of another kind":               {body, p.authority(), []*x509.Certificate{p.issue(&rsaKey.PublicKey, nil)}},
		"a payload that was changed":          {bytes.Replace(body, []byte("."), []byte(".e"), 1), p.authority(), []*x509.Certificate{p.cert}},
	} {
		t.Run(name, func(t *testing.T) {
			if l, err := OpenAnchorList(tc.body, tc.who, tc.chain, noon); !errors.Is(err, ErrListSigner) && !errors.Is(err, ErrListMalformed) || l != nil {
				t.Errorf("OpenAnchorList = %v, %v, want ErrListSigner", l, err)
			}
		})
	}
}

func TestAListThatIsNotOneIsRefused(t *testing.T) {
	p, w := newPolicyAdmin(t), newWorld(t)
	good := func() map[string]any { return payload(1, w.anchor) }
	signed := p.sign(header(), good())
	for name, body := range map[string][]byte{
		"nothing":                    nil,
		"a page":                     []byte("<html>"),
		"too long":                   bytes.Repeat([]byte("a"), MaxAnchorList+1),
		"an object without a list":   []byte(`{"status":"success"}`),
		"an object with two lists":   []byte(`{"caList":"a.b.c","caList":"a.b.c"}`),
		"two parts":                  []byte("a.b"),
		"four parts":                 append(bytes.Clone(signed), ".a"...),
		"an empty part":              []byte("eyJh..c2ln"),
		"padding":                    append(bytes.Clone(signed), '='),
		"a line break within":        bytes.Replace(signed, []byte("."), []byte("\n."), 1),
		"a short signature":          signed[:len(signed)-4],
		"no algorithm":               p.sign(with(header(), "alg", nil), good()),
		"the algorithm none":         p.sign(with(header(), "alg", "none"), good()),
		"an algorithm in lower case": p.sign(with(header(), "alg", "es256"), good()),
		"a MAC":                      p.sign(with(header(), "alg", "HS256"), good()),
		"two algorithms":             p.sign(`{"alg":"ES256","alg":"none"}`, good()),
		"a key of its own":           p.sign(with(header(), "jwk", map[string]any{}), good()),
		"a critical member":          p.sign(with(header(), "crit", []string{"exp"}), good()),
		"a payload not encoded":      p.sign(with(header(), "b64", false), good()),
		"an x5u that is no text":     p.sign(with(header(), "x5u", 1), good()),
		"a header that is no object": p.sign(`"ES256"`, good()),
		"no trust list":              p.sign(header(), with(good(), "trustList", nil)),
		"a trust list in words":      p.sign(header(), with(good(), "trustList", "all")),
		"an empty trust list":        p.sign(header(), with(good(), "trustList", []string{})),
		"no CA in it":                p.sign(header(), payload(1, w.signer(nil))),
		"a number in words":          p.sign(header(), with(good(), "sequence", "one")),
		"a number below zero":        p.sign(header(), with(good(), "sequence", -1)),
		"an end in words":            p.sign(header(), with(good(), "exp", "never")),
		"a time without bounds":      p.sign(header(), with(good(), "iat", 1e15)),
		"too many entries":           p.sign(header(), with(good(), "trustList", strings.Split(strings.Repeat("x ", MaxAnchors+1), " "))),
		"deeper than is read":        p.sign(header(), with(good(), "more", json.RawMessage(strings.Repeat("[", 99)+strings.Repeat("]", 99)))),
		"a payload that is no JSON":  p.sign(header(), "trustList"),
	} {
		t.Run(name, func(t *testing.T) {
			if l, err := OpenAnchorList(body, p.authority(), []*x509.Certificate{p.cert}, noon); !errors.Is(err, ErrListMalformed) || l != nil {
				t.Errorf("OpenAnchorList = %v, %v, want ErrListMalformed", l, err)
			}
		})
	}
}

func TestOneOddEntryDoesNotSpoilTheOthers(t *testing.T) {
	p, w := newPolicyAdmin(t), newWorld(t)
	entries := []string{"", "junk", string(pemOf("CERTIFICATE", []byte{1})), string(stircert.EncodePEM(w.signer(nil))), string(stircert.EncodePEM(w.anchor))}
	l, err := OpenAnchorList(p.sign(header(), with(payload(1), "trustList", entries)), p.authority(), []*x509.Certificate{p.cert}, noon)
	if err != nil || len(l.Anchors) != 1 || len(l.Passed) != 4 {
		t.Errorf("OpenAnchorList = %+v, %v, want one anchor and four entries passed over", l, err)
	}
}

func TestAListEndsWhenItSays(t *testing.T) {
	p, w := newPolicyAdmin(t), newWorld(t)
	body := p.sign(header(), payload(1, w.anchor))
	for _, tc := range []struct {
		at   time.Time
		want error
	}{{noon.AddDate(0, 1, 0).Add(-1), nil}, {noon.AddDate(0, 1, 0), ErrListExpired}} {
		if _, err := OpenAnchorList(body, p.authority(), []*x509.Certificate{p.cert}, tc.at); !errors.Is(err, tc.want) {
			t.Errorf("at %v: %v, want %v", tc.at, err, tc.want)
		}
	}
}

func TestAListDoesNotRollBack(t *testing.T) {
	a, b := newWorld(t).anchor, newWorld(t).anchor
	list := func(sequence int64, issued, expires time.Duration, anchors ...*x509.Certificate) *AnchorList {
		l := &AnchorList{Sequence: sequence, Anchors: anchors}
		if issued != 0 {
			l.IssuedAt = noon.Add(issued)
		}
		if expires != 0 {
			l.Expires = noon.Add(expires)
		}
		return l
	}
	for name, tc := range map[string]struct {
		old, next *AnchorList
		ok        bool
	}{
		"the first":                               {nil, list(1, 0, 0, a), true},
		"a higher number":                         {list(1, 0, 0, a), list(2, 0, 0, b), true},
		"a lower number":                          {list(2, 0, 0, a), list(1, 0, 0, a), false},
		"no number after one":                     {list(2, 0, 0, a), list(-1, time.Hour, 0, a), false},
		"the same number and anchors":             {list(2, 0, 0, a, b), list(2, 0, 0, b, a), true},
		"the same number, other anchors":          {list(2, 0, 0, a), list(2, 0, 0, b), false},
		"the same number, fewer anchors":          {list(2, 0, 0, a, b), list(2, 0, 0, a), false},
		"a number after none":                     {list(-1, time.Hour, 0, a), list(0, 0, 0, b), false},
		"issued later":                            {list(-1, time.Hour, 0, a), list(-1, 2*time.Hour, 0, b), true},
		"issued earlier":                          {list(-1, 2*time.Hour, 0, a), list(-1, time.Hour, 0, a), false},
		"not saying when it was issued":           {list(-1, 2*time.Hour, 0, a), list(-1, 0, 0, a), false},
		"expiring earlier, and nothing else":      {list(-1, 0, 2*time.Hour, a), list(-1, 0, time.Hour, b), false},
		"expiring later, and nothing else":        {list(-1, 0, time.Hour, a), list(-1, 0, 2*time.Hour, b), true},
		"neither number nor time, before or now":  {list(-1, 0, 0, a), list(-1, 0, 0, b), true},
		"expiring earlier but with higher number": {list(1, 0, 2*time.Hour, a), list(2, 0, time.Hour, b), true},
	} {
		if err := tc.next.follows(tc.old); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrListRollback) {
			t.Errorf("%s: %v, want it taken: %v", name, err, tc.ok)
		}
	}
}

func TestASignedListIsReadFromAFile(t *testing.T) {
	p, w, own := newPolicyAdmin(t), newWorld(t), newWorld(t)
	list := file(t, "list.jws", p.sign(header(), payload(1, w.anchor)))
	ca, both := file(t, "ca.pem", stircert.EncodePEM(p.ca)), file(t, "both.pem", stircert.EncodePEM(p.ca, p.cert))
	s, err := Load(Files{Anchors: []string{file(t, "own.pem", stircert.EncodePEM(own.anchor))}, AnchorLists: []string{list}, ListSigners: []string{both}, At: noon})
	if err != nil || s.Anchors.Len() != 2 {
		t.Errorf("Load = %d anchors, %v, want the file's and the list's", s.Anchors.Len(), err)
	}
	for name, tc := range map[string]struct {
		files      Files
		want, hint string
	}{
		"not there":            {Files{AnchorLists: []string{"/nonexistent"}, ListSigners: []string{both}}, "no such file", "path"},
		"no list":              {Files{AnchorLists: []string{ca}, ListSigners: []string{both}}, "cannot be read", "again"},
		"no signer at hand":    {Files{AnchorLists: []string{list}, ListSigners: []string{ca}}, "not signed by", signerURL},
		"no signer given":      {Files{AnchorLists: []string{list}}, "not signed by", signerURL},
		"signers not there":    {Files{AnchorLists: []string{list}, ListSigners: []string{"/nonexistent"}}, "no such file", "path"},
		"another signer's":     {Files{AnchorLists: []string{list}, ListSigners: []string{both}, ListSignerName: "X"}, `is not "X"'s`, signerURL},
		"over since long":      {Files{AnchorLists: []string{list}, ListSigners: []string{both}, At: noon.AddDate(0, 2, 0)}, "has expired", "again"},
		"over by today's date": {Files{AnchorLists: []string{file(t, "old", p.sign(header(), with(payload(1, w.anchor), "exp", 1)))}, ListSigners: []string{both}, At: noon}, "has expired", "again"},
	} {
		if tc.files.At.IsZero() {
			tc.files.At = noon
		}
		_, err := Load(tc.files)
		f, ok := errors.AsType[*FileError](err)
		if !ok || !strings.Contains(err.Error(), tc.want) || !strings.Contains(f.Hint, tc.hint) {
			t.Errorf("%s: Load = %v (%+v), want %q and a hint of %q", name, err, f, tc.want, tc.hint)
		}
	}
}

func FuzzAnchorList(f *testing.F) {
	p, w := newPolicyAdmin(f), newWorld(f)
	good := p.sign(header(), payload(1, w.anchor))
	f.Add(good)
	f.Add([]byte(`{"caList":"` + string(good) + `"}`))
	f.Add(p.sign(with(header(), "alg", "none"), payload(1, w.anchor)))
	f.Add(p.sign(header(), with(payload(1), "trustList", []any{"x", 1, nil})))
	who := p.authority()
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := OpenAnchorList(body, who, []*x509.Certificate{p.cert}, noon)
		switch {
		case err == nil && len(l.Anchors) == 0:
			t.Fatal("a list without anchors was taken")
		case err == nil:
		case !errors.Is(err, ErrListMalformed) && !errors.Is(err, ErrListSigner) && !errors.Is(err, ErrListExpired):
			t.Fatalf("OpenAnchorList = %v, which is none of the errors there are", err)
		}
		ListSigner(body)
	})
}

// FuzzAnchorListPayload is for what lies behind a signature that holds.
func FuzzAnchorListPayload(f *testing.F) {
	w := newWorld(f)
	for _, p := range []any{payload(1, w.anchor), with(payload(1), "trustList", []any{"x", 1, nil}), map[string]any{}} {
		text, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := readList(base64.RawURLEncoding.EncodeToString(text))
		if err != nil {
			if !errors.Is(err, ErrListMalformed) {
				t.Fatalf("readList = %v, want ErrListMalformed", err)
			}
			return
		}
		if len(l.Anchors) == 0 || len(l.Anchors) > MaxAnchors*stircert.MaxCertificates || l.Sequence < -1 || l.follows(l) != nil {
			t.Fatalf("readList = %+v, which cannot be", l)
		}
	})
}
