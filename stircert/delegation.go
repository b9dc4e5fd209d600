package stircert

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"

	"countersign.example/passport"
)

// maxListFetches bounds how many TN Authorization Lists kept elsewhere one chain can
// make us fetch.
const maxListFetches = 4

// authority is what the TN Authorization Lists of one certificate say together.
type authority struct {
	list TNAuthList
	// known is false if a part of it could not be read or fetched.
	known bool
}

// authority reads the lists of the path and of the anchor.
func (b *builder) authority(ctx context.Context) {
	c := b.chain
	for _, cert := range c.timed() {
		if b.lists[cert] == nil {
			b.readAuthority(ctx, cert)
		}
	}
	a := b.lists[b.leaf()]
	if a == nil {
		b.found(passport.TNAuthListMissing, certificateName(1), "")
		return
	}
	c.TNs = a.list
	c.numbers = newIndex(a.list)
	if n := len(a.list.AtEdge); n > 0 {
		b.found(passport.RangeAtEdge, certificateName(1), "the range starts at "+a.list.AtEdge[0].Start.Masked())
	}
}

// readAuthority reads the lists of one certificate, by value and by reference. It
// leaves nothing for a certificate that has none.
func (b *builder) readAuthority(ctx context.Context, cert *x509.Certificate) {
	ext, urls := extension(cert, oidTNAuthList), listURLs(cert)
	if ext == nil && len(urls) == 0 {
		return
	}
	a := &authority{known: true}
	b.lists[cert] = a
	if ext != nil {
		b.join(a, cert, ext.Value, "")
	}
	for _, url := range urls {
		der, why := b.fetchList(ctx, url)
		if why != "" {
			// RFC 8226 section 10.1 leaves it open; without its list a certificate
			// covers nothing.
			b.found(passport.TNAuthListUnavailable, b.chain.name(cert), why)
			a.known = false
			continue
		}
		b.join(a, cert, der, "the list kept elsewhere: ")
	}
}

// join adds one list in DER to a.
func (b *builder) join(a *authority, cert *x509.Certificate, der []byte, where string) {
	l, err := ParseTNAuthList(der)
	if f, ok := errors.AsType[*passport.Finding](err); ok {
		b.found(f.Code, b.chain.name(cert), where+f.Detail)
		a.known = false
		return
	}
	a.list.add(l)
}

// fetchList fetches a list kept elsewhere, or says why not. A certificate that
// nobody vouches for does not make us fetch.
func (b *builder) fetchList(ctx context.Context, url string) (der []byte, why string) {
	switch {
	case len(url) < 8 || !strings.EqualFold(url[:8], "https://"):
		return nil, "its URL is not https"
	case b.chain.Anchor == nil:
		return nil, "it is not fetched for a certificate that is not trusted"
	case b.options.FetchList == nil:
		return nil, "lists kept elsewhere are not fetched here"
	case b.fetches == 0:
		return nil, "the certificates name more lists than are fetched"
	}
	b.fetches--
	der, err := b.options.FetchList(ctx, url)
	if err != nil {
		return nil, plain(err.Error())
	}
	return der, ""
}

// delegation compares each list with the nearest one above it (RFC 9060 section 4;
// RFC 8226 section 9: in a CA certificate the list limits the path).
func (b *builder) delegation() {
	c := b.chain
	for i, cert := range c.path {
		parent := b.delegator(i)
		if parent == nil {
			continue
		}
		if i == 0 {
			c.Delegate = true
		}
		child, limit := b.lists[cert], b.lists[parent]
		if child == nil || !child.known || !limit.known {
			continue
		}
		switch ok, unproven := limit.list.Encompasses(child.list); {
		case !ok:
			b.found(passport.DelegationExceeds, c.name(cert), "it lists more than "+c.name(parent)+" does")
		case unproven:
			b.found(passport.ContainmentUnproven, c.name(cert), c.name(parent)+" names a provider, not the numbers")
		}
	}
}

// delegator returns the nearest certificate above the one at i of the path that has
// a list, or nil.
func (b *builder) delegator(i int) *x509.Certificate {
	for ; i < len(b.chain.path); i++ {
		parent := b.above(i)
		if parent == nil {
			return nil
		}
		if b.lists[parent] != nil {
			return parent
		}
	}
	return nil
}

// constraints reads the limits on claims of the signer's certificate.
func (b *builder) constraints() {
	both := 0
	for _, enhanced := range []bool{false, true} {
		id := oidConstraints
		if enhanced {
			id = oidEnhanced
		}
		ext := extension(b.leaf(), id)
		if ext == nil {
			continue
		}
		both++
		c, err := ParseConstraints(ext.Value, enhanced)
		if f, ok := errors.AsType[*passport.Finding](err); ok {
			b.found(f.Code, certificateName(1), extensionName(id)+": "+f.Detail)
			continue
		}
		// RFC 9118 section 3: such an extension is treated as absent.
		if claim := c.excludesBaseline(); claim != "" {
			b.found(passport.ConstraintsIgnored, certificateName(1), "they exclude "+claim)
			continue
		}
		b.chain.Constraints = append(b.chain.Constraints, c)
	}
	// RFC 9118 section 6 forbids both and does not say what to do: enforce both.
	if both == 2 {
		b.found(passport.ConstraintsBoth, certificateName(1), "")
	}
}

// profile names, for each certificate below the anchor, what departs from the SHAKEN
// profile.
func (b *builder) profile() {
	for _, cert := range b.chain.path {
		if same(cert, b.chain.Anchor) {
			continue
		}
		departures := Lint(cert, b.role(cert))
		if len(departures) == 0 {
			continue
		}
		var fields []string
		for _, d := range departures {
			fields = append(fields, d.Field)
		}
		b.found(passport.ProfileViolated, b.chain.name(cert), plain(strings.Join(fields, ", ")))
	}
}

// role is RoleOf, with what the path tells.
func (b *builder) role(cert *x509.Certificate) Role {
	if r := RoleOf(cert); cert != b.leaf() || r != RoleProvider || !b.chain.Delegate {
		if r == RoleAnchor {
			return RoleIntermediate
		}
		return r
	}
	return RoleDelegate
}
