package stircert

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"countersign.example/passport"
)

// CRLSet is the revocation lists to judge by, with the certificates allowed to sign
// them besides the issuers themselves. It may be shared. A nil *CRLSet is empty.
type CRLSet struct {
	lists   []*CRL
	signers []*x509.Certificate
	folded  []string // the signers' names

	// mu guards proved, which remembers by which key a list is signed: one for each
	// list, whatever strangers send. It is never held while a signature is checked.
	mu     sync.Mutex
	proved map[*CRL][32]byte
}

// NewCRLSet returns the lists as a set. A list counts for a certificate if it is
// signed by the certificate's issuer, or by one of the signers: those sign indirect
// lists, as the STI-PA does (RFC 5280 section 6.3.3, ATIS-1000080). The lists and the
// signers must not be changed afterwards.
func NewCRLSet(lists []*CRL, signers []*x509.Certificate) *CRLSet {
	s := &CRLSet{
		lists:   slices.Clone(lists),
		signers: slices.Clone(signers),
		proved:  make(map[*CRL][32]byte),
	}
	for _, c := range signers {
		s.folded = append(s.folded, foldedName(c.RawSubject))
	}
	return s
}

// With returns a set with more lists and the same signers. A nil set may be asked.
func (s *CRLSet) With(lists ...*CRL) *CRLSet {
	if s == nil {
		return NewCRLSet(lists, nil)
	}
	return NewCRLSet(append(slices.Clone(s.lists), lists...), s.signers)
}

// Signers returns the certificates allowed to sign lists besides the issuers
// themselves, in the order in which they were given.
func (s *CRLSet) Signers() []*x509.Certificate {
	if s == nil {
		return nil
	}
	return slices.Clone(s.signers)
}

// Len returns the number of lists.
func (s *CRLSet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.lists)
}

// revocation asks the lists about every certificate of a valid path (RFC 5280
// section 6.3.3). Where no list is meant for an issuer's certificates nothing is
// said, as if there were no lists.
func (b *builder) revocation() {
	set := b.options.CRLs
	if set.Len() == 0 || b.chain.Anchor == nil {
		return
	}
	for i, cert := range b.chain.path {
		issuer := b.above(i)
		if issuer == nil {
			continue
		}
		q := question{cert: cert, issuer: issuer, name: foldedName(cert.RawIssuer), at: b.options.At}
		if ext := extension(cert, oidCRLPoints); ext != nil {
			q.points = readDistribution(ext)
		}
		set.ask(&q)
		name := b.chain.name(cert)
		if q.refused != "" {
			b.found(passport.CRLRefused, name, q.refused)
		}
		switch {
		case q.revoked:
			b.found(passport.CertificateRevoked, name, "on "+stamp(q.when))
		case q.meant && !q.answered:
			b.found(passport.RevocationUnchecked, name, "no list that is meant for it can be used")
		}
	}
}

// question is whether one certificate has been revoked, and what came of asking.
type question struct {
	cert, issuer *x509.Certificate
	name         string // of the issuer, folded
	points       distribution
	at           time.Time

	meant    bool   // a list is there for certificates of this issuer
	answered bool   // one of them could be used
	refused  string // why one could not
	revoked  bool
	when     time.Time
}

func (s *CRLSet) ask(q *question) {
	for _, l := range s.lists {
		candidates := s.candidates(l, q)
		if len(candidates) == 0 {
			continue
		}
		q.meant = true
		if why := s.unusable(l, q, candidates); why != "" {
			q.refuse(why)
			continue
		}
		when, listed := l.revocation[q.name][string(q.cert.SerialNumber.Bytes())]
		why := l.outdated(q.at)
		switch {
		case listed && (why == "" || !when.After(q.at)):
			// A list that is out of date still proves what it says.
			q.revoked, q.answered, q.when = true, true, when
		case why != "":
			q.refuse(why)
		default:
			q.answered = true
		}
	}
}

func (q *question) refuse(why string) {
	if q.refused == "" {
		q.refused = why
	}
}

// candidates returns the certificates that may have signed the list, if it is meant
// for certificates of this issuer: the issuer, or a configured signer.
func (s *CRLSet) candidates(l *CRL, q *question) []*x509.Certificate {
	var out []*x509.Certificate
	if l.issuer == q.name {
		out = append(out, q.issuer)
	}
	for i, c := range s.signers {
		if s.folded[i] == l.issuer {
			out = append(out, c)
		}
	}
	// RFC 5280 section 6.3.3 step b: a certificate that names another CRL issuer has
	// its revocation told elsewhere.
	if l.issuer != q.name && len(q.points.crlIssuer) > 0 && !slices.Contains(q.points.crlIssuer, l.issuer) {
		return nil
	}
	return out
}

// unusable says why the list says nothing about the certificate, whatever its dates.
func (s *CRLSet) unusable(l *CRL, q *question, candidates []*x509.Certificate) string {
	ca := q.cert.BasicConstraintsValid && q.cert.IsCA
	overlap := func(uri string) bool { return slices.Contains(q.points.uris, uri) }
	switch {
	case l.unusable != "":
		return l.unusable
	case l.issuer != q.name && !l.scope.indirect:
		return "it is not an indirect list, and is signed by another than the issuer"
	case l.scope.otherOnly, l.scope.usersOnly && ca, l.scope.casOnly && !ca:
		return "it is for certificates of another kind"
	case l.scope.someOnly:
		return "it is for some reasons of revocation only"
	case len(l.scope.points) > 0 && len(q.points.uris) > 0 && !slices.ContainsFunc(l.scope.points, overlap):
		return "it is from another distribution point than the certificate names"
	}
	why := ""
	for _, signer := range candidates {
		if why = s.signedBy(l, signer, q.at); why == "" {
			return ""
		}
	}
	return why
}

// signedBy says why the list is not one that the signer may and did sign.
func (s *CRLSet) signedBy(l *CRL, signer *x509.Certificate, at time.Time) string {
	configured := slices.Contains(s.signers, signer)
	switch {
	case !maySignCRLs(signer):
		return "the certificate of its signer is not for signing revocation lists"
	case configured && (at.After(signer.NotAfter) || at.Before(signer.NotBefore)):
		return "the certificate of its signer is not valid at this time"
	}
	key := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	s.mu.Lock()
	proved, known := s.proved[l]
	s.mu.Unlock()
	if known && proved == key {
		return ""
	}
	if signer.CheckSignature(l.algorithm, l.tbs, l.signature) != nil {
		return "its signature does not fit"
	}
	s.mu.Lock()
	s.proved[l] = key
	s.mu.Unlock()
	return ""
}

// outdated says why the list does not count at a time.
func (l *CRL) outdated(at time.Time) string {
	switch {
	case at.Before(l.ThisUpdate):
		return "it is not valid before " + stamp(l.ThisUpdate)
	case l.NextUpdate.IsZero():
		// RFC 5280 section 5.1.2.5: nextUpdate is a MUST.
		return "it does not say when the next one comes"
	case at.After(l.NextUpdate):
		return "a newer one was due on " + stamp(l.NextUpdate)
	}
	return ""
}

// NextUpdate returns when the first of the lists runs out after the time given, or
// the zero time if none does: until then a [Chain] built with the set at that time
// would be built the same again.
func (s *CRLSet) NextUpdate(after time.Time) time.Time {
	var next time.Time
	if s == nil {
		return next
	}
	for _, l := range s.lists {
		for _, t := range []time.Time{l.ThisUpdate, l.NextUpdate} {
			if t.After(after) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}
