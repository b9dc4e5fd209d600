package stircert

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"countersign.example/passport"
)

// maxRSABits is the longest RSA key that signatures are checked with: a longer one
// is there to keep us busy.
const maxRSABits = 4096

// order looks whether each certificate is followed by the one that its issuer is
// named in (RFC 9060 section 7: the order is a MUST).
func (b *builder) order() {
	certs := b.chain.Certificates
	for i, cert := range certs {
		if i+1 < len(certs) && bytes.Equal(cert.RawIssuer, certs[i+1].RawSubject) {
			continue
		}
		elsewhere := 0
		for j, other := range certs {
			if j != i && bytes.Equal(cert.RawIssuer, other.RawSubject) && !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
				elsewhere = j + 1
			}
		}
		switch {
		case elsewhere > 0:
			b.found(passport.ChainOrder, certificateName(i+1),
				fmt.Sprintf("its issuer is certificate %d, not the one after it", elsewhere))
		case i+1 < len(certs):
			b.found(passport.ChainBroken, certificateName(i+1), "the one after it does not bear its issuer's name")
		}
	}
	// A CA certificate in the first place has signed nothing here if it is only
	// misplaced.
	if b.leaf().BasicConstraintsValid && b.leaf().IsCA && !b.chain.Has(passport.ChainOrder) {
		b.found(passport.SignedByCA, certificateName(1), "")
	}
}

// validate validates the path to the configured anchors and to nothing else (RFC
// 5280 section 6). It sets the anchor, and the path without it. If there is no valid
// path, the certificates as they were served stand in for it.
func (b *builder) validate() {
	c := b.chain
	c.path = c.Certificates
	for _, cert := range c.Certificates {
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			b.found(passport.CertificateUntrusted, c.name(cert),
				fmt.Sprintf("its RSA key has %d bits, signatures are checked up to %d", key.N.BitLen(), maxRSABits))
			return
		}
	}
	above := x509.NewCertPool()
	for _, cert := range c.Certificates[1:] {
		above.AddCert(timeless(cert))
	}
	chains, err := timeless(b.leaf()).Verify(x509.VerifyOptions{
		Roots:         b.options.Anchors.roots(),
		Intermediates: above,
		CurrentTime:   pathTime,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil || len(chains) == 0 {
		name, detail := b.explain(err)
		b.found(passport.CertificateUntrusted, name, detail)
		return
	}
	b.take(chains)
}

// take chooses the path as it was served, if that is among the valid ones.
func (b *builder) take(chains [][]*x509.Certificate) {
	chosen := chains[0]
	for _, chain := range chains {
		if b.asServed(chain) {
			chosen = chain
			break
		}
	}
	last := len(chosen) - 1
	b.chain.Anchor = b.options.Anchors.find(chosen[last])
	b.chain.path = nil
	for _, cert := range chosen[:max(last, 1)] {
		b.chain.path = append(b.chain.path, b.original(cert))
	}
}

func (b *builder) asServed(chain []*x509.Certificate) bool {
	served := b.chain.Certificates
	for i, cert := range chain[:len(chain)-1] {
		if i >= len(served) || !bytes.Equal(cert.Raw, served[i].Raw) {
			return false
		}
	}
	return true
}

// original returns the certificate that a timeless copy was made of.
func (b *builder) original(of *x509.Certificate) *x509.Certificate {
	for _, cert := range b.chain.Certificates {
		if bytes.Equal(cert.Raw, of.Raw) {
			return cert
		}
	}
	return b.options.Anchors.find(of)
}

// above returns the certificate above the one at i of the path, nil if there is none.
func (b *builder) above(i int) *x509.Certificate {
	c := b.chain
	if i+1 < len(c.path) {
		return c.path[i+1]
	}
	if same(c.Anchor, c.path[i]) {
		return nil
	}
	return c.Anchor
}

// same reports whether both are one certificate, neither of them nil.
func same(a, b *x509.Certificate) bool {
	return a != nil && b != nil && bytes.Equal(a.Raw, b.Raw)
}

// explain says why no path is valid. The text of crypto/x509 may hold names of a
// stranger's certificates, so only its kind is used.
func (b *builder) explain(err error) (name, detail string) {
	if b.options.Anchors.Len() == 0 {
		return "", "no trust anchor is configured"
	}
	certs := b.chain.Certificates
	for i, cert := range certs {
		t := timeless(cert)
		switch {
		case len(t.UnhandledCriticalExtensions) > 0:
			return certificateName(i + 1), fmt.Sprintf("it has an extension marked critical that is not known here (%v)", t.UnhandledCriticalExtensions[0])
		case i > 0 && !(cert.BasicConstraintsValid && cert.IsCA):
			return certificateName(i + 1), "it is no CA certificate"
		}
	}
	for i, cert := range certs {
		if i+1 == len(certs) || !bytes.Equal(cert.RawIssuer, certs[i+1].RawSubject) {
			continue
		}
		if err := cert.CheckSignatureFrom(certs[i+1]); err != nil {
			return certificateName(i + 1), fmt.Sprintf("certificate %d did not sign it: %s", i+2, signatureFault(err))
		}
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if ok {
		return "", invalidReason(invalid.Reason)
	}
	last := certs[len(certs)-1]
	for _, anchor := range b.options.Anchors.Certificates() {
		if !bytes.Equal(last.RawIssuer, anchor.RawSubject) {
			continue
		}
		if err := last.CheckSignatureFrom(anchor); err != nil {
			return certificateName(len(certs)), "the trust anchor of its issuer's name did not sign it: " + signatureFault(err)
		}
	}
	return certificateName(len(certs)), "no configured trust anchor issued it"
}

func signatureFault(err error) string {
	if _, ok := errors.AsType[x509.InsecureAlgorithmError](err); ok {
		return "the algorithm is no longer accepted"
	}
	if _, ok := errors.AsType[x509.ConstraintViolationError](err); ok {
		return "its key is not for signing certificates"
	}
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return "the algorithm is not known"
	}
	return "the signature does not fit"
}

func invalidReason(r x509.InvalidReason) string {
	switch r {
	case x509.NotAuthorizedToSign:
		return "a certificate that is no CA certificate has issued another"
	case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName:
		return "a CA above it may not issue certificates for its names"
	case x509.TooManyIntermediates:
		return "a CA above it allows fewer certificates below"
	case x509.TooManyConstraints:
		return "its name constraints are too many to check"
	case x509.NameMismatch:
		return "an issuer's name differs"
	}
	return "the policies or uses of the certificates leave no valid path"
}

// keyIdentifiers looks whether each certificate of the path names the key of the one
// above it (RFC 5280 section 4.2.1.1; RFC 9060 section 4 for delegation).
func (b *builder) keyIdentifiers() {
	for i, cert := range b.chain.path {
		parent := b.above(i)
		if parent == nil || !bytes.Equal(cert.RawIssuer, parent.RawSubject) {
			continue
		}
		names := len(cert.AuthorityKeyId) > 0 && len(parent.SubjectKeyId) > 0
		switch {
		case names && !bytes.Equal(cert.AuthorityKeyId, parent.SubjectKeyId):
			b.found(passport.ChainBroken, b.chain.name(cert), "its authority key identifier is not the subject key identifier of "+b.chain.name(parent))
		case !names && b.lists[parent] != nil:
			b.found(passport.ChainBroken, b.chain.name(cert), "it does not name the key of "+b.chain.name(parent)+" that delegates to it")
		}
	}
}
