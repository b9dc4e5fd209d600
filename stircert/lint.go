package stircert

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// Role is what a certificate is for; the profile differs by role.
type Role int

// The roles.
const (
	// RoleAnchor is a trust anchor, a root.
	RoleAnchor Role = iota
	// RoleIntermediate is a CA certificate below an anchor.
	RoleIntermediate
	// RoleProvider is the end-entity certificate of a service provider.
	RoleProvider
	// RoleDelegateCA is a CA certificate with a TN Authorization List (RFC 9060).
	RoleDelegateCA
	// RoleDelegate is an end-entity certificate for listed numbers (RFC 9060).
	RoleDelegate
	// RoleCRLSigner is the certificate of one who signs revocation lists only, as
	// the STI-PA does.
	RoleCRLSigner
)

// String returns the role in words.
func (r Role) String() string {
	switch r {
	case RoleAnchor:
		return "trust anchor"
	case RoleIntermediate:
		return "intermediate CA certificate"
	case RoleProvider:
		return "service provider certificate"
	case RoleDelegateCA:
		return "delegate CA certificate"
	case RoleDelegate:
		return "delegate certificate"
	case RoleCRLSigner:
		return "certificate of a CRL signer"
	}
	return fmt.Sprintf("Role(%d)", int(r))
}

// RoleOf guesses the role of a certificate from its basic constraints, its key usage
// and its TN Authorization List. An end-entity certificate that lists a service
// provider code and no number is taken for a provider's.
func RoleOf(cert *x509.Certificate) Role {
	ext := extension(cert, oidTNAuthList)
	if cert.BasicConstraintsValid && cert.IsCA {
		switch {
		case ext != nil || len(listURLs(cert)) > 0:
			return RoleDelegateCA
		case slices.Equal(cert.RawIssuer, cert.RawSubject):
			return RoleAnchor
		}
		return RoleIntermediate
	}
	if cert.KeyUsage == x509.KeyUsageCRLSign && ext == nil {
		return RoleCRLSigner
	}
	if ext != nil {
		l, err := ParseTNAuthList(ext.Value)
		if err == nil && len(l.Ranges)+len(l.Numbers)+len(l.AtEdge) > 0 {
			return RoleDelegate
		}
	}
	return RoleProvider
}

// LintFinding is one departure from the profile.
type LintFinding struct {
	// Field names the part of the certificate.
	Field string
	// Sentence says what the profile asks for.
	Sentence string
	// Section names the source.
	Section string
	// Detail says what the certificate has instead. It may be empty.
	Detail string
}

// String returns the finding in one line.
func (f LintFinding) String() string {
	s := f.Field + ": " + f.Sentence
	if f.Detail != "" {
		s += "; it has " + f.Detail
	}
	return s + " (" + f.Section + ")"
}

// Lint compares a certificate with the SHAKEN certificate profile (ATIS-1000080 and
// the certificate policy of the United States; delegate certificates with RFC 9060)
// for the role. It returns nil if the certificate keeps to it. It says nothing about
// signatures and validity.
func Lint(cert *x509.Certificate, role Role) []LintFinding {
	var out []LintFinding
	for _, r := range rules {
		if !slices.Contains(r.roles, role) {
			continue
		}
		if detail, ok := r.check(cert, role); !ok {
			out = append(out, LintFinding{r.field, r.sentence, r.section, detail})
		}
	}
	return out
}

// rule is one row of the profile.
type rule struct {
	field, sentence, section string
	roles                    []Role
	// check says whether the certificate keeps to the rule and, if it does not, what
	// it has instead.
	check func(cert *x509.Certificate, role Role) (detail string, ok bool)
}
