package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// maxAddresses bounds how many addresses of one name are tried.
const maxAddresses = 4

// block is a range of addresses that nobody outside may make us connect to.
type block struct {
	prefix netip.Prefix
	what   string
}

func blocks(pairs ...string) []block {
	var bs []block
	for i := 0; i < len(pairs); i += 2 {
		bs = append(bs, block{netip.MustParsePrefix(pairs[i]), pairs[i+1]})
	}
	return bs
}

// refused4 are the IPv4 addresses that are not for everybody, after the IANA
// special-purpose address registry (RFC 6890). The first that matches names the
// reason, so the narrow ones stand before the wide.
var refused4 = blocks(
	"169.254.169.254/32", "the metadata service of a cloud",
	"168.63.129.16/32", "the platform service of a cloud",
	"0.0.0.0/8", "this network (RFC 1122)",
	"10.0.0.0/8", "private (RFC 1918)",
	"100.64.0.0/10", "shared by a carrier's customers (RFC 6598)",
	"127.0.0.0/8", "loopback (RFC 1122)",
	"169.254.0.0/16", "link-local (RFC 3927)",
	"172.16.0.0/12", "private (RFC 1918)",
	"192.0.0.0/24", "reserved for protocols (RFC 6890)",
	"192.0.2.0/24", "for documentation (RFC 5737)",
	"192.88.99.0/24", "a 6to4 relay (RFC 7526)",
	"192.168.0.0/16", "private (RFC 1918)",
	"198.18.0.0/15", "for benchmarks (RFC 2544)",
	"198.51.100.0/24", "for documentation (RFC 5737)",
	"203.0.113.0/24", "for documentation (RFC 5737)",
	"224.0.0.0/4", "multicast (RFC 5771)",
	"240.0.0.0/4", "reserved (RFC 1112)",
)

// refused6 are the same for IPv6. It begins with what carries an IPv4 address
// inside: tunnels end somewhere that was not vetted. Only 2000::/3 is in use for
// everybody (RFC 4291 section 2.4), so the last lines shut out all that is left.
var refused6 = blocks(
	"::/128", "unspecified (RFC 4291)",
	"::1/128", "loopback (RFC 4291)",
	"::/96", "IPv4-compatible (RFC 4291)",
	"64:ff9b:1::/48", "a local translation of IPv4 (RFC 8215)",
	"2002::/16", "a 6to4 tunnel (RFC 3056)",
	"2001::/32", "a Teredo tunnel (RFC 4380)",
	"2001::/23", "reserved for protocols (RFC 2928)",
	"2001:db8::/32", "for documentation (RFC 3849)",
	"3fff::/20", "for documentation (RFC 9637)",
	"fc00::/7", "unique local (RFC 4193)",
	"fe80::/10", "link-local (RFC 4291)",
	"fec0::/10", "site-local (RFC 3879)",
	"ff00::/8", "multicast (RFC 4291)",
	"::/3", "not global unicast (RFC 4291)",
	"4000::/2", "not global unicast (RFC 4291)",
	"8000::/1", "not global unicast (RFC 4291)",
)

// nat64 is how an IPv6-only network reaches IPv4 (RFC 6052). Names resolve to it
// there, so it is as good as the IPv4 address it ends in.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// vet returns the address to connect to when a is asked for, or why there is none.
// In lab mode, and only there, loopback passes.
func vet(a netip.Addr, lab bool) (netip.Addr, error) {
	if !a.IsValid() || a.Zone() != "" {
		return netip.Addr{}, errors.New("the address is not valid outside one machine")
	}
	// A mapped address (RFC 4291 section 2.5.5.2) reaches the IPv4 address.
	a = a.Unmap()
	if lab && a.IsLoopback() {
		return a, nil
	}
	if nat64.Contains(a) {
		b := a.As16()
		if _, err := vet(netip.AddrFrom4([4]byte(b[12:])), false); err != nil {
			return netip.Addr{}, fmt.Errorf("%s is translated to IPv4: %w", a, err)
		}
		return a, nil
	}
	refused := refused6
	if a.Is4() {
		refused = refused4
	}
	for _, b := range refused {
		if b.prefix.Contains(a) {
			return netip.Addr{}, fmt.Errorf("%s is %s", a, b.what)
		}
	}
	return a, nil
}

// connect opens a connection to t. This is the only place where a name becomes an
// address and an address a connection, with the vetting between the two, so
// what was vetted is what is dialled.
func (f *Fetcher) connect(ctx context.Context, t target) (net.Conn, error) {
	addrs := []netip.Addr{t.addr}
	if !t.addr.IsValid() {
		var err error
		if addrs, err = f.cfg.Resolver.LookupNetIP(ctx, "ip", t.host); err != nil {
			return nil, interrupted(ctx, Unresolved, "looking up "+t.host, err)
		}
	}
	if len(addrs) == 0 {
		return nil, failure(Unresolved, "%s has no address", t.host)
	}
	good, refusal := f.sift(addrs)
	if len(good) == 0 {
		return nil, failure(AddressRefused, "%v", refusal)
	}
	var err error
	for i, a := range good {
		var conn net.Conn
		if conn, err = f.try(ctx, netip.AddrPortFrom(a, t.port), len(good)-i); err == nil {
			return conn, nil
		}
	}
	return nil, interrupted(ctx, Unreachable, "connecting to "+t.host, err)
}

// sift returns the addresses that pass, and the first reason why one does not.
func (f *Fetcher) sift(addrs []netip.Addr) (good []netip.Addr, refusal error) {
	for _, a := range addrs {
		passed, err := vet(a, f.cfg.Lab)
		switch {
		case err == nil && len(good) < maxAddresses:
			good = append(good, passed)
		case err != nil && refusal == nil:
			refusal = err
		}
	}
	return good, refusal
}

// try connects to one of left addresses, leaving the others their share of the time.
func (f *Fetcher) try(ctx context.Context, to netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		share := time.Until(deadline) / time.Duration(left)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	return f.dial(ctx, to)
}

// dialTCP takes an address and can take nothing else: there is no name for it to
// look up a second time.
func dialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialTCP(ctx, "tcp", netip.AddrPort{}, to)
	if err != nil {
		// A nil *TCPConn in a net.Conn would not be nil.
		return nil, err
	}
	return conn, nil
}
