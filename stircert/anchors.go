package stircert

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"
)

// Anchors are trust anchors. They may be shared; nothing changes them. A nil
// *Anchors holds none, and trusts nobody.
type Anchors struct {
	certs []*x509.Certificate
	pool  *x509.CertPool
	byRaw map[string]*x509.Certificate
}

// NewAnchors returns the anchors as a set. Whether each is fit to be one is not
// looked at; see [Lint]. The certificates must not be changed afterwards.
func NewAnchors(certs ...*x509.Certificate) *Anchors {
	a := &Anchors{pool: x509.NewCertPool(), byRaw: make(map[string]*x509.Certificate)}
	for _, c := range certs {
		if _, known := a.byRaw[string(c.Raw)]; known {
			continue
		}
		a.certs = append(a.certs, c)
		a.byRaw[string(c.Raw)] = c
		a.pool.AddCert(timeless(c))
	}
	return a
}

// Len returns the number of anchors.
func (a *Anchors) Len() int {
	if a == nil {
		return 0
	}
	return len(a.certs)
}

// Certificates returns the anchors, in the order in which they were given.
func (a *Anchors) Certificates() []*x509.Certificate {
	if a == nil {
		return nil
	}
	return slices.Clone(a.certs)
}

// find returns the anchor that is this certificate, or nil.
func (a *Anchors) find(c *x509.Certificate) *x509.Certificate {
	if a == nil {
		return nil
	}
	return a.byRaw[string(c.Raw)]
}

func (a *Anchors) roots() *x509.CertPool {
	if a == nil {
		// Not nil, which would mean the roots of the system.
		return x509.NewCertPool()
	}
	return a.pool
}

// pathTime is when paths are validated. Any time will do, see timeless.
var pathTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// timeless returns a copy of the certificate that is valid at any time and has none
// of our own extensions among those that crypto/x509 does not know. So faults of the
// path are told from faults of time, which differ from call to call, and from the
// mark "critical" on an extension that is read here.
func timeless(c *x509.Certificate) *x509.Certificate {
	t := *c
	t.NotBefore, t.NotAfter = time.Time{}, pathTime.AddDate(8000, 0, -1)
	t.UnhandledCriticalExtensions = nil
	for _, id := range c.UnhandledCriticalExtensions {
		if !isOurs(id) {
			t.UnhandledCriticalExtensions = append(t.UnhandledCriticalExtensions, id)
		}
	}
	return &t
}

// criticalOurs returns those of our extensions that the certificate marks critical.
func criticalOurs(c *x509.Certificate) []asn1.ObjectIdentifier {
	var out []asn1.ObjectIdentifier
	for _, e := range c.Extensions {
		if e.Critical && isOurs(e.Id) {
			out = append(out, e.Id)
		}
	}
	return out
}

// extensionName names those of our extensions that findings speak of.
func extensionName(id asn1.ObjectIdentifier) string {
	switch {
	case id.Equal(oidTNAuthList):
		return "TNAuthList"
	case id.Equal(oidConstraints):
		return "JWTClaimConstraints"
	case id.Equal(oidEnhanced):
		return "EnhancedJWTClaimConstraints"
	}
	return id.String()
}
