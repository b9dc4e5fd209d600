package stircert

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"countersign.example/passport"
)

// MaxBody is the longest body of a certificate repository that is read, in bytes.
const MaxBody = 64 << 10

// MaxCertificates is the most certificates of one chain that are read.
const MaxCertificates = 8

var pemBegin = []byte("-----BEGIN ")

// ParsePEM reads the body that a certificate repository serves: a chain of PEM
// blocks, signer first (RFC 9060 section 7), or the DER of one certificate. The
// error is a *passport.Finding of CertificateMalformed, which says if crypto/x509
// refused a certificate: no profile can bend that.
func ParsePEM(body []byte) ([]*x509.Certificate, error) {
	switch {
	case len(body) > MaxBody:
		return nil, badCertificate("", "it is longer than %d bytes", MaxBody)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, badCertificate("", "it is empty")
	case bytes.Contains(body, pemBegin):
		return parseBlocks(body)
	case body[0] == tagSequence:
		cert, err := parseOne(body, 1)
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{cert}, nil
	}
	return nil, badCertificate("", "it is %s, neither PEM nor DER", looksLike(body))
}

func parseBlocks(body []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	begun := bytes.Count(body, pemBegin)
	if begun > MaxCertificates {
		return nil, badCertificate("", "it holds more than %d PEM blocks", MaxCertificates)
	}
	for rest := body; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, badCertificate("", "it holds a PEM block of type %q", plain(block.Type))
		}
		cert, err := parseOne(block.Bytes, len(certs)+1)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) != begun {
		// encoding/pem passes over a block that it cannot read, which would leave a
		// chain that nobody served.
		return nil, badCertificate("", "%d of its %d PEM blocks cannot be read", begun-len(certs), begun)
	}
	return certs, nil
}

func parseOne(der []byte, place int) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, badCertificate(certificateName(place), "crypto/x509 refused it: %s",
			plain(strings.TrimPrefix(err.Error(), "x509: ")))
	}
	return cert, nil
}

// looksLike names what is often found in place of a certificate.
func looksLike(body []byte) string {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return "a page of HTML or XML"
	case bytes.HasPrefix(start, []byte("{")):
		return "JSON"
	case bytes.HasPrefix(start, []byte("MII")), bytes.HasPrefix(start, []byte("mii")):
		return "base64 without its PEM lines"
	}
	return "something else"
}

// certificateName is how findings call the certificate at a place, the first being
// the signer's.
func certificateName(place int) string { return fmt.Sprintf("certificate %d", place) }

func badCertificate(name, format string, args ...any) error {
	return passport.Found(passport.CertificateMalformed, name, fmt.Sprintf(format, args...))
}
