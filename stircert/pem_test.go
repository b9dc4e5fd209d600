package stircert

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"countersign.example/passport"
)

func readSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARepositoryServesPEMOrOneDER(t *testing.T) {
	n := newNetwork(t)
	two := EncodePEM(n.provider.Certificate, n.ca.Certificate)
	for name, tc := range map[string]struct {
		body []byte
		want int
	}{
		"two in PEM":                {two, 2},
		"one in DER":                {n.provider.Raw, 1},
		"text before the first":     {append([]byte("Certificate:\n    Data:\n"), two...), 2},
		"a line after the last":     {append(bytes.Clone(two), '\n', '\n'), 2},
		"lines end in CR LF":        {bytes.ReplaceAll(two, []byte("\n"), []byte("\r\n")), 2},
		"as many as are ever read":  {bytes.Repeat(EncodePEM(n.ca.Certificate), MaxCertificates), MaxCertificates},
		"a byte order mark at head": {append([]byte("\xef\xbb\xbf"), two...), 0},
	} {
		certs, err := ParsePEM(tc.body)
		if tc.want == 0 {
			if !errors.Is(err, passport.CertificateMalformed) {
				t.Errorf("%s: ParsePEM = %d certificates, %v", name, len(certs), err)
			}
			continue
		}
		if err != nil || len(certs) != tc.want || !certs[0].Equal(certs[0]) {
			t.Errorf("%s: ParsePEM = %d certificates, %v, want %d", name, len(certs), err, tc.want)
		}
	}
}

func TestWhatIsNoCertificateIsNamed(t *testing.T) {
	n := newNetwork(t)
	one := EncodePEM(n.provider.Certificate)
	key := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{1}})
	broken := bytes.Clone(n.provider.Raw)
	broken[8] ^= 0xff
	for name, tc := range map[string]struct {
		body   []byte
		detail string
	}{
		"nothing":                  {nil, "it is empty"},
		"blanks":                   {[]byte(" \n"), "it is empty"},
		"HTML":                     {[]byte("\n<!DOCTYPE html><html>404</html>"), "a page of HTML"},
		"JSON":                     {[]byte(`{"error":"gone"}`), "JSON"},
		"bare base64":              {[]byte("MIICpzCCAk2gAwIBAgIUH7Zd3rQ5"), "base64 without its PEM lines"},
		"text":                     {[]byte("moved to another place"), "something else"},
		"too long":                 {make([]byte, MaxBody+1), "longer than"},
		"too many":                 {bytes.Repeat(one, MaxCertificates+1), "more than 8 PEM blocks"},
		"a private key":            {append(bytes.Clone(one), key...), `a PEM block of type "EC PRIVATE KEY"`},
		"half a block":             {append(bytes.Clone(one), one[:200]...), "1 of its 2 PEM blocks cannot be read"},
		"a broken block in front":  {append([]byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), one...), "cannot be read"},
		"a certificate cut short":  {n.provider.Raw[:100], "crypto/x509 refused it"},
		"a certificate and more":   {append(bytes.Clone(n.provider.Raw), 0), "crypto/x509 refused it"},
		"a certificate with fault": {broken, "crypto/x509 refused it"},
	} {
		_, err := ParsePEM(tc.body)
		f, ok := errors.AsType[*passport.Finding](err)
		if !ok || f.Code != passport.CertificateMalformed || !strings.Contains(f.Detail, tc.detail) {
			t.Errorf("%s: ParsePEM = %v, want %q", name, err, tc.detail)
		}
	}
}

func TestDetailsAreFitToShow(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":                  "plain text",
		"a number 12155551212 inside": "a number 1215555•••• inside",
		"at the end 5551212":          "at the end 555••••",
		"a port 8443, a year 2026":    "a port 8443, a year 2026",
		"two\nlines\x1b[31m":          "two lines [31m",
		strings.Repeat("x", 200):      strings.Repeat("x", 160) + "…",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPEM(f *testing.F) {
	n := newNetwork(f)
	bound := n.issue(n.delegate, n.bound())
	f.Add(EncodePEM(bound.Certificate, n.delegate.Certificate, n.ca.Certificate))
	f.Add(EncodePEM(n.provider.Certificate, n.ca.Certificate, n.anchor.Certificate))
	f.Add(bound.Raw)
	f.Add([]byte(readVectors(f).Certificates[0].PEM))
	f.Fuzz(func(t *testing.T, body []byte) {
		certs, err := ParsePEM(body)
		if err != nil {
			if !errors.Is(err, passport.CertificateMalformed) {
				t.Fatalf("ParsePEM = %v, which is no such finding", err)
			}
			return
		}
		// What can be read can be judged, whatever it is.
		o := n.options()
		o.FetchList = func(context.Context, string) ([]byte, error) { return []byte{0x30, 0}, nil }
		c := Build(t.Context(), certs, o)
		c.At(noon, noon.Add(time.Second))
		c.Covers("12125551000")
		if c.Anchor != nil && !leadsTo(c, n.anchor.Certificate) {
			t.Fatal("a chain is trusted that nobody signed")
		}
	})
}

// leadsTo checks every signature of a path again, with none of the code under test.
func leadsTo(c *Chain, anchor *x509.Certificate) bool {
	for i, cert := range c.path {
		parent := anchor
		if i+1 < len(c.path) {
			parent = c.path[i+1]
		}
		if parent.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
			return false
		}
	}
	return true
}
