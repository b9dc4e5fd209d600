package stircert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"countersign.example/passport"
	"countersign.example/tn"
)

// Chain is a signer's certificate with those above it, and all that can be said
// about them without a call. It is made by [Build] and must not be changed.
type Chain struct {
	// Certificates are the certificates as they were served, the signer's first.
	// The trust anchor may or may not be the last.
	Certificates []*x509.Certificate
	// Anchor is the configured trust anchor that the path leads to, nil if it leads
	// to none or path validation failed.
	Anchor *x509.Certificate
	// Key is the signer's key, nil if it is no P-256 key.
	Key *ecdsa.PublicKey
	// TNs is what the signer's certificate is for, by value and by reference.
	TNs TNAuthList
	// Constraints are those of the signer's certificate; all of them apply.
	Constraints []Constraints
	// NotBefore and NotAfter bound the time in which every certificate of the path
	// is valid, ends and anchor included. NotAfter lies before NotBefore if there is
	// no such time.
	NotBefore, NotAfter time.Time
	// Findings are all that is wrong or worth knowing regardless of the call, each
	// code at most once for one certificate. Claim names the certificate by its
	// place: "certificate 1" is the signer's.
	Findings []passport.Finding
	// Domain is the domain bound to the numbers, a lower-case A-label, or empty. It
	// is set only if the path leads to an anchor, the certificate has exactly one
	// dNSName and a TN Authorization List, and an embedded signed certificate
	// timestamp of a configured log holds (draft-wendt-stir-tn-domain-binding
	// section 5).
	Domain string
	// Fingerprint is the SHA-256 of the signer's certificate.
	Fingerprint [32]byte
	// SPKI is the SHA-256 of the signer's SubjectPublicKeyInfo.
	SPKI [32]byte
	// Delegate says that the signer's certificate was issued under another that
	// has a TN Authorization List (RFC 9060).
	Delegate bool
	// Lab says that the certificates were fetched in lab mode. [Build] leaves it
	// false; whoever fetches sets it before sharing the chain.
	Lab bool

	numbers *index
	path    []*x509.Certificate
}

// Options are what [Build] judges by.
type Options struct {
	// Anchors are the trust anchors. Nil trusts nobody.
	Anchors *Anchors
	// CRLs are the revocation lists. Nil or empty: revocation is not spoken of.
	CRLs *CRLSet
	// Logs are the certificate transparency logs whose timestamps count. With none
	// no domain is ever shown.
	Logs []Log
	// At is the time by which revocation lists and timestamps are judged. The
	// validity of certificates is judged by [Chain.At].
	At time.Time
	// FetchList fetches a TN Authorization List that a certificate names by
	// reference (RFC 8226 section 10.1). Nil: such a list is unavailable. It is
	// asked for https URLs of trusted paths only, a few times at most, and should
	// read no more than [MaxListBytes].
	FetchList func(ctx context.Context, url string) ([]byte, error)
}

// Build makes a chain of the certificates, the signer's first, and says all that can
// be said about them without a call. It never fails: what is wrong is in
// [Chain.Findings]. ctx bounds the fetching of lists kept elsewhere.
func Build(ctx context.Context, certs []*x509.Certificate, o Options) *Chain {
	b := &builder{
		chain: &Chain{
			Certificates: slices.DeleteFunc(slices.Clone(certs), func(c *x509.Certificate) bool { return c == nil }),
			numbers:      newIndex(TNAuthList{}),
			NotBefore:    time.Unix(1, 0).UTC(),
			NotAfter:     time.Unix(0, 0).UTC(),
		},
		options: o,
		lists:   make(map[*x509.Certificate]*authority),
		fetches: maxListFetches,
	}
	switch n := len(b.chain.Certificates); {
	case n == 0:
		b.found(passport.CertificateMalformed, "", "there is no certificate")
		return b.chain
	case n > MaxCertificates:
		b.found(passport.CertificateMalformed, "", fmt.Sprintf("there are %d certificates, more than the %d that are read", n, MaxCertificates))
		return b.chain
	}
	b.signer()
	b.order()
	b.validate()
	b.window()
	b.authority(ctx)
	b.keyIdentifiers()
	b.delegation()
	b.constraints()
	b.revocation()
	b.domain()
	b.profile()
	return b.chain
}

// builder makes one chain.
type builder struct {
	chain   *Chain
	options Options
	// lists are the TN Authorization Lists of the path and the anchor.
	lists map[*x509.Certificate]*authority
	// fetches is how many more lists may be fetched.
	fetches int
}

// found adds a finding, once for each code and certificate.
func (b *builder) found(code passport.Code, claim, detail string) {
	known := func(f passport.Finding) bool { return f.Code == code && f.Claim == claim }
	if !slices.ContainsFunc(b.chain.Findings, known) {
		b.chain.Findings = append(b.chain.Findings, *passport.Found(code, claim, detail))
	}
}

// name is how findings call a certificate of the chain or the anchor.
func (c *Chain) name(cert *x509.Certificate) string {
	for i, x := range c.Certificates {
		if x == cert {
			return certificateName(i + 1)
		}
	}
	return "trust anchor"
}

func (b *builder) leaf() *x509.Certificate { return b.chain.Certificates[0] }

// signer looks at the certificate of the signer by itself.
func (b *builder) signer() {
	c, leaf := b.chain, b.leaf()
	c.Fingerprint = sha256.Sum256(leaf.Raw)
	c.SPKI = sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	// RFC 8225 section 4.2: ES256 is the algorithm, so the key is on P-256.
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P256() {
		c.Key = key
	} else {
		b.found(passport.KeyUnsupported, certificateName(1), "its key is "+keyName(leaf))
	}
	// RFC 5280 section 4.2.1.3. A certificate without the extension departs from
	// the profile, which is said with the rest of the profile.
	if extension(leaf, oidKeyUsage) != nil && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		b.found(passport.KeyUsageWrong, certificateName(1), "its key usage does not include digitalSignature")
	}
	if !policyKnown(leaf) {
		b.found(passport.PolicyMissing, certificateName(1), "")
	}
	for _, cert := range c.Certificates {
		// RFC 8226 sections 8 and 9: these extensions are not critical.
		for _, id := range criticalOurs(cert) {
			b.found(passport.CriticalExtension, c.name(cert), extensionName(id)+" is marked critical")
		}
	}
}

func keyName(cert *x509.Certificate) string {
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
		return "ECDSA on " + key.Curve.Params().Name
	}
	if cert.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return "of an unknown kind"
	}
	return cert.PublicKeyAlgorithm.String()
}

// window finds the time in which every certificate of the path is valid.
func (b *builder) window() {
	c := b.chain
	c.NotBefore, c.NotAfter = c.path[0].NotBefore, c.path[0].NotAfter
	for _, cert := range c.timed() {
		if cert.NotBefore.After(c.NotBefore) {
			c.NotBefore = cert.NotBefore
		}
		if cert.NotAfter.Before(c.NotAfter) {
			c.NotAfter = cert.NotAfter
		}
	}
}

// timed are the certificates whose validity counts.
func (c *Chain) timed() []*x509.Certificate {
	if c.Anchor == nil {
		return c.path
	}
	return append(slices.Clip(c.path), c.Anchor)
}

// At judges the validity of the chain for a call at now with a PASSporT signed at
// iat (RFC 8224 section 6.2.2): CertificateExpired, CertificateNotYetValid,
// CertificateInvalidAtIat. It returns nil if all is well. A zero iat is not judged.
func (c *Chain) At(now, iat time.Time) []passport.Finding {
	good := func(t time.Time) bool { return !t.Before(c.NotBefore) && !t.After(c.NotAfter) }
	if good(now) && (iat.IsZero() || good(iat)) {
		return nil
	}
	var out []passport.Finding
	for _, cert := range c.timed() {
		name := c.name(cert)
		switch {
		case now.After(cert.NotAfter):
			out = append(out, *passport.Found(passport.CertificateExpired, name, "it was valid until "+stamp(cert.NotAfter)))
		case now.Before(cert.NotBefore):
			out = append(out, *passport.Found(passport.CertificateNotYetValid, name, "it is valid from "+stamp(cert.NotBefore)))
		}
		if !iat.IsZero() && (iat.After(cert.NotAfter) || iat.Before(cert.NotBefore)) {
			out = append(out, *passport.Found(passport.CertificateInvalidAtIat, name,
				fmt.Sprintf("it is valid from %s to %s", stamp(cert.NotBefore), stamp(cert.NotAfter))))
		}
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Covers reports how the signer's certificate covers n.
func (c *Chain) Covers(n tn.Number) Coverage {
	if c.numbers == nil {
		return CoverNone
	}
	return c.numbers.covers(n)
}

// Has reports whether a finding of the code was made.
func (c *Chain) Has(code passport.Code) bool {
	return slices.ContainsFunc(c.Findings, func(f passport.Finding) bool { return f.Code == code })
}
