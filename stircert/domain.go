package stircert

import (
	"fmt"
	"strings"

	"countersign.example/passport"
)

// domain finds the domain bound to the numbers of the signer's certificate
// (draft-wendt-stir-tn-domain-binding section 5). A certificate without a dNSName
// binds nothing and nothing is said of it.
func (b *builder) domain() {
	names := b.leaf().DNSNames
	switch {
	case len(names) == 0:
		return
	case len(names) > 1:
		b.found(passport.DomainUnbound, certificateName(1), fmt.Sprintf("it has %d dNSNames", len(names)))
		return
	}
	name, ok := boundName(names[0])
	if !ok {
		b.found(passport.DomainUnbound, certificateName(1), "its dNSName is not the name of one domain")
		return
	}
	issuer := b.above(0)
	if b.chain.Anchor == nil || issuer == nil || extension(b.leaf(), oidTNAuthList) == nil || b.chain.TNs.Empty() {
		// What is wrong has been said already.
		return
	}
	code, detail := logged(b.leaf(), issuer, b.options.Logs, b.options.At)
	if code != passport.NoCode {
		b.found(code, certificateName(1), detail)
		return
	}
	b.chain.Domain = name
}

// boundName returns a dNSName in lower case if it names one domain exactly: the
// draft leaves comparison open, so there is no wildcard, no final dot and nothing
// that is not an A-label.
func boundName(s string) (string, bool) {
	s = strings.ToLower(s)
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return "", false
	}
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return "", false
		}
		if strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return "", false
		}
	}
	// A name that ends in a number is an address to many readers.
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", false
	}
	return s, true
}
