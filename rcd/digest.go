package rcd

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
)

// The digest algorithms of RFC 9795 section 6, all of which everybody must support.
// There are no others.
const (
	SHA256 = "sha256"
	SHA384 = "sha384"
	SHA512 = "sha512"
)

// Digest is one member of the rcdi claim: what Pointer points at has that digest
// (RFC 9795 section 6.1).
type Digest struct {
	// Pointer is a JSON pointer into the rcd claim (RFC 6901), or, below "/jcl",
	// into the card fetched from there.
	Pointer string
	// Alg is the algorithm as named.
	Alg string
	// Sum is the digest. It is nil if the text was not a digest by an algorithm that
	// is known here, and then nothing fits it.
	Sum []byte
	// Padded says that the base64 text ended in "=", which the standard's examples do
	// not have and its text does not forbid.
	Padded bool
}

// Usable reports whether d is a digest by an algorithm that is known here.
func (d Digest) Usable() bool { return d.Sum != nil }

// Fits reports whether d is the digest of content.
func (d Digest) Fits(content []byte) bool {
	return d.Sum != nil && bytes.Equal(d.Sum, sum(d.Alg, content))
}

// String returns d as it stands in rcdi, without padding, or the empty string if it
// is not usable.
func (d Digest) String() string {
	if d.Sum == nil {
		return ""
	}
	return d.Alg + "-" + base64.RawStdEncoding.EncodeToString(d.Sum)
}

// DigestOf returns the digest of content as it stands in rcdi: the algorithm, a hyphen,
// and base64 of the standard alphabet without padding. It is empty for an algorithm
// that is not known.
func DigestOf(alg string, content []byte) string {
	return Digest{Alg: alg, Sum: sum(alg, content)}.String()
}

// ParseDigest reads a digest as it stands in rcdi and in msgi (RFC 9475 section 3.2).
// It reports false, and the Digest is not usable, if the algorithm is not known, its
// name is not in lower case, the base64 is not strict and of the standard alphabet, or
// the length is not the algorithm's.
func ParseDigest(text string) (Digest, bool) {
	alg, encoded, _ := strings.Cut(text, "-")
	d := Digest{Alg: alg}
	n := len(sum(alg, nil))
	// The standard library's decoder passes over line breaks.
	if n == 0 || len(encoded) > 2*n || strings.ContainsAny(encoded, "\r\n") {
		return d, false
	}
	encoding := base64.RawStdEncoding.Strict()
	if strings.HasSuffix(encoded, "=") {
		d.Padded = true
		encoding = base64.StdEncoding.Strict()
	}
	b, err := encoding.DecodeString(encoded)
	if err != nil || len(b) != n {
		return d, false
	}
	d.Sum = b
	return d, true
}

func sum(alg string, content []byte) []byte {
	switch alg {
	case SHA256:
		s := sha256.Sum256(content)
		return s[:]
	case SHA384:
		s := sha512.Sum384(content)
		return s[:]
	case SHA512:
		s := sha512.Sum512(content)
		return s[:]
	}
	return nil
}
