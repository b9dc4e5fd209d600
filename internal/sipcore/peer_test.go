package sipcore

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// remote is the other end of a stream: it sends bytes and reads messages.
type remote struct {
	*testing.T
	net.Conn
	in inflow
}

func newRemote(t *testing.T, nc net.Conn) *remote {
	nothing := func() {}
	return &remote{t, nc, &framer{r: bufio.NewReader(nc), waits: nothing, begun: nothing, ping: nothing}}
}

func (p *remote) write(text string) {
	p.Helper()
	if _, err := p.Write([]byte(text)); err != nil {
		p.Fatalf("writing: %v", err)
	}
}

// message is the next message that comes.
func (p *remote) message() *Message {
	p.Helper()
	b, err := p.in.next()
	if err != nil {
		p.Fatalf("waiting for a message: %v", err)
	}
	m, err := parseWire(b)
	if err != nil {
		p.Fatalf("received what cannot be parsed: %v\n%s", err, b)
	}
	return m
}

// ended reads until the connection ends.
func (p *remote) ended() {
	p.Helper()
	for {
		if _, err := p.in.next(); err != nil {
			return
		}
	}
}

// addressed gives a pipe the address of the other end.
type addressed struct {
	net.Conn
	from netip.AddrPort
}

func (a addressed) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(a.from) }

// connect is a connection of a stranger to the endpoint of a bubble.
func (b *bubble) connect(from netip.AddrPort) *remote {
	ours, theirs := net.Pipe()
	d := &door{Listen: Listen{Transport: TCP}, sentBy: here.String(), addr: here}
	b.e.conns.accept(d, addressed{ours, from})
	b.Cleanup(func() { theirs.Close() })
	return newRemote(b.T, theirs)
}

// dials lets the endpoint of a bubble connect to peers that come out of the
// channel; a closed channel refuses.
func (b *bubble) dials() chan *remote {
	dialed := make(chan *remote, 8)
	b.e.conns.dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		b.Cleanup(func() { theirs.Close() })
		dialed <- newRemote(b.T, theirs)
		return ours, nil
	}
	return dialed
}

func (b *bubble) refusesConnections() {
	b.e.conns.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }
}

var errRefused = errors.New("connection refused")

// settled waits until everything that follows at once has happened.
func (b *bubble) settled() { synctest.Wait() }

// certificate is for localhost and the loopback addresses, and a pool that trusts
// it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "sipcore test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost", "sip.example"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
