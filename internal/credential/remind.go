package credential

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"
)

// Urgency is how soon a certificate must be renewed. A higher one is more urgent.
type Urgency int

const (
	// Soon: 30 days are left, or a third of a short life.
	Soon Urgency = iota + 1
	// Now: 14 days are left, or a sixth of a short life.
	Now
	// Late: 7 days are left, or a twelfth of a short life.
	Late
	// LastDay: one day is left, or a forty-eighth of a short life.
	LastDay
	// Expired: nothing is left. Calls that are signed with it are refused elsewhere.
	Expired
)

// String returns the urgency in one or two words.
func (u Urgency) String() string {
	switch u {
	case Soon:
		return "soon"
	case Now:
		return "now"
	case Late:
		return "late"
	case LastDay:
		return "last day"
	case Expired:
		return "expired"
	}
	return "none"
}

// steps are when reminders begin. A life is short if the fraction of it is less than
// the days: certificates of a year are renewed by the calendar, those of a day by the
// hour.
var steps = []struct {
	urgency  Urgency
	days     time.Duration
	fraction time.Duration
}{
	{LastDay, 1, 48},
	{Late, 7, 12},
	{Now, 14, 6},
	{Soon, 30, 3},
}

// Reminder says that a certificate must be renewed.
type Reminder struct {
	// Certificate is its place in the chain: 1 is the signer's.
	Certificate int
	// Subject is its common name.
	Subject string
	// NotAfter is when it ends, and Left how long that is from now, below zero if it
	// has.
	NotAfter time.Time
	Left     time.Duration
	// Urgency is how soon it must be renewed.
	Urgency Urgency
	// Lab says that it is a laboratory's, which is renewed at the next start.
	Lab bool
}

// Remind returns a reminder for every certificate of the chain that must be renewed
// soon, the signer's first; at most one for each, with the highest urgency.
func (c *Credential) Remind(now time.Time) []Reminder {
	var due []Reminder
	for i, cert := range c.Chain {
		if u := urgency(cert, now); u > 0 {
			due = append(due, Reminder{i + 1, cert.Subject.CommonName, cert.NotAfter, cert.NotAfter.Sub(now), u, c.Lab})
		}
	}
	return due
}

func urgency(cert *x509.Certificate, now time.Time) Urgency {
	left, life := cert.NotAfter.Sub(now), cert.NotAfter.Sub(cert.NotBefore)
	if left <= 0 {
		return Expired
	}
	for _, s := range steps {
		if left <= min(s.days*24*time.Hour, life/s.fraction) {
			return s.urgency
		}
	}
	return 0
}

// Facts are what may be shown of a credential: nothing of the key.
type Facts struct {
	// X5U is where the chain is fetched.
	X5U string
	// Subject is the common name of the signer's certificate, Issuer that of who
	// issued it.
	Subject, Issuer string
	// Fingerprint is the SHA-256 of the signer's certificate, in hexadecimal.
	Fingerprint string
	// NotBefore and NotAfter bound its validity, and Ends is when the first
	// certificate of the chain ends.
	NotBefore, NotAfter, Ends time.Time
	// Lab says that nobody else believes it.
	Lab bool
}

// Facts returns what may be shown of the credential.
func (c *Credential) Facts() Facts {
	leaf := c.Chain[0]
	f := Facts{
		X5U: c.X5U, Subject: leaf.Subject.CommonName, Issuer: leaf.Issuer.CommonName, Fingerprint: fingerprint(leaf),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Ends: leaf.NotAfter, Lab: c.Lab,
	}
	for _, cert := range c.Chain {
		if cert.NotAfter.Before(f.Ends) {
			f.Ends = cert.NotAfter
		}
	}
	return f
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
