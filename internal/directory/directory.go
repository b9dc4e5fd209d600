// Package directory is this office's own address book of other offices: which of them
// there are, what we call them, how far we know them, and their numbers.
//
// Start with [New], then [Directory.Claimed], which says whose number a call shows,
// and [Directory.Ask], by which the directory is a source of evidence.
//
// It is a book to look up in: entries are held in memory and replaced as a whole by
// [Directory.Replace], never changed in place, so any number of calls may read while
// it is replaced. Looking up takes no time and cannot fail. Every number belongs to
// one office at most.
//
// That a number is listed says nothing by itself, since anybody can show a number:
// what it is worth is package verdict's business. Look-alike names, keys and contacts
// of record are not kept here yet.
package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"countersign.example/internal/call"
	"countersign.example/tn"
)

// ErrEntry is wrapped by every error of [New] and [Directory.Replace]: an entry of the
// book is wrong, and the error names the office.
var ErrEntry = errors.New("directory: wrong entry")

// Office is one entry of the directory.
type Office struct {
	call.Office
	// Numbers are the numbers that the office calls from, canonical and international
	// where they are.
	Numbers []tn.Number
}

// Directory is the address book. Make one with [New]; the zero Directory is empty.
type Directory struct {
	book atomic.Pointer[map[tn.Number]call.Office]
}

// New returns a directory of the offices.
func New(offices ...Office) (*Directory, error) {
	d := new(Directory)
	if err := d.Replace(offices...); err != nil {
		return nil, err
	}
	return d, nil
}

// Replace makes the offices the whole content of the directory, or changes nothing and
// returns an error: a domain must be a lower-case name and stand once, a number must be
// canonical and belong to one office.
func (d *Directory) Replace(offices ...Office) error {
	book := make(map[tn.Number]call.Office)
	domains := make(map[string]bool, len(offices))
	for _, o := range offices {
		switch {
		case !domainLike(o.Domain):
			return fmt.Errorf("%w: %q is not a lower-case domain", ErrEntry, o.Domain)
		case domains[o.Domain]:
			return fmt.Errorf("%w: %s stands twice", ErrEntry, o.Domain)
		}
		domains[o.Domain] = true
		for _, n := range o.Numbers {
			if !n.Canonical() {
				return fmt.Errorf("%w: %s lists %q, which is not in canonical form", ErrEntry, o.Domain, n.Masked())
			}
			if other, taken := book[n]; taken && other.Domain != o.Domain {
				return fmt.Errorf("%w: %s and %s both list %s", ErrEntry, other.Domain, o.Domain, n.Masked())
			}
			book[n] = o.Office
		}
	}
	d.book.Store(&book)
	return nil
}

// Claimed returns the office for which n is listed: the one that a call from n seems to
// come from. It is the zero Office if there is none.
func (d *Directory) Claimed(n tn.Number) call.Office {
	if book := d.book.Load(); book != nil {
		return (*book)[n]
	}
	return call.Office{}
}

// Kind returns [call.Directory].
func (d *Directory) Kind() call.Kind { return call.Directory }

// Ask answers whether the number that c shows is listed for the office that c seems to
// come from, for another one, or not. A call that shows no number, or names no office,
// learns nothing from the directory and is not listed. Ask does not wait.
func (d *Directory) Ask(_ context.Context, c *call.Call) call.Evidence {
	e := call.Evidence{Kind: call.Directory, Reason: call.NotListed, Source: "directory"}
	if c.Calling.TN.IsZero() {
		e.Detail = "the call shows no number"
		return e
	}
	owner := d.Claimed(c.Calling.TN)
	switch {
	case owner.IsZero():
		e.Detail = "no office lists the number"
	case c.Office.IsZero():
		e.Detail = fmt.Sprintf("%s lists the number, but the call is judged for no office", owner.Domain)
	case owner.Domain == c.Office.Domain:
		e.Reason = call.OfficeNumber
		e.Detail = fmt.Sprintf("%s lists the number", owner.Domain)
	default:
		e.Reason = call.OtherOfficeNumber
		e.Detail = fmt.Sprintf("%s lists the number, not %s", owner.Domain, c.Office.Domain)
	}
	return e
}

// domainLike reports whether s can be a DNS name in lower-case A-labels. Whether it is
// one is found out when it is first looked up.
func domainLike(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	return !slices.ContainsFunc(strings.Split(s, "."), func(label string) bool {
		return label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
			label[0] == '-' || label[len(label)-1] == '-'
	})
}
