package sipcore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// everywhere is an endpoint with a socket of every transport at one address.
func everywhere(t *testing.T, host string, handler func(*Endpoint) Handler) *Endpoint {
	t.Helper()
	cert, _ := certificate(t)
	server := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }}
	var listen []Listen
	for _, transport := range []Transport{UDP, TCP, TLS, WS, WSS} {
		l := Listen{Transport: transport, Addr: netip.AddrPortFrom(netip.MustParseAddr(host), 0).String()}
		if transport.Secure() {
			l.TLS = server
		}
		listen = append(listen, l)
	}
	return runEndpoint(t, Config{Listen: listen, TLS: &tls.Config{InsecureSkipVerify: true}}, handler)
}

func TestACallPassesFromEveryTransportToEveryOther(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		called := everywhere(t, host, func(e *Endpoint) Handler {
			return func(ctx context.Context, tx *ServerTx) {
				if tx.Request().Method() != MethodInvite {
					tx.Reply(200, "", Field{"X-Over", tx.Request().Arrived().Transport.String()})
					return
				}
				tx.Reply(180, "")
				ok := tx.Response(200, "")
				ok.Add("X-Over", tx.Request().Arrived().Transport.String())
				ok.Add("Contact", "<sip:callee@example.com>")
				if _, err := tx.Accept(ctx, ok); err != nil {
					t.Errorf("Accept() = %v", err)
				}
			}
		})
		var to atomic.Pointer[Target]
		proxy := everywhere(t, host, func(e *Endpoint) Handler {
			return func(ctx context.Context, tx *ServerTx) {
				if _, err := e.Forward(ctx, tx, Hop{Request: tx.Request().Clone(), Targets: []Target{*to.Load()}}); err != nil {
					t.Errorf("Forward(%v) = %v", to.Load(), err)
				}
			}
		})
		calls := everywhere(t, host, nil)
		for _, in := range []Transport{UDP, TCP, TLS, WS, WSS} {
			for _, out := range []Transport{UDP, TCP, TLS, WS, WSS} {
				t.Run(fmt.Sprintf("%s %v to %v", host, in, out), func(t *testing.T) {
					to.Store(&Target{Transport: out, Addr: called.AddrOf(out)})
					call(t, calls, Target{Transport: in, Addr: proxy.AddrOf(in)}, out)
				})
			}
		}
	}
}

// call makes a call and ends it.
func call(t *testing.T, from *Endpoint, to Target, out Transport) {
	t.Helper()
	invite := newCall(MethodInvite)
	invite.Set("Call-ID", random())
	tx, err := from.SendTo(invite, to)
	if err != nil {
		t.Fatal(err)
	}
	var final *Message
	for final == nil {
		m, err := tx.Next(t.Context())
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		if m.Status() >= 200 {
			final = m
		}
	}
	via := final.Get("Via")
	if final.Status() != 200 || final.Get("X-Over") != out.String() || !strings.HasPrefix(via, "SIP/2.0/"+to.Transport.String()+" ") {
		t.Fatalf("answered %v over %s with Via %q", final, final.Get("X-Over"), via)
	}
	d, err := DialogFromResponse(invite, final)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.AckTo(d.NewRequest(MethodAck), to); err != nil {
		t.Fatal(err)
	}
	if m, err := from.DoTo(t.Context(), d.NewRequest(MethodBye), to); err != nil || m.Status() != 200 {
		t.Fatalf("BYE: %v, %v", m, err)
	}
}

func TestACertificateForAnotherNameIsNotTrusted(t *testing.T) {
	cert, pool := certificate(t)
	server := runEndpoint(t, Config{Listen: []Listen{{Transport: TLS, Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}}}, echo)
	client := runEndpoint(t, Config{TLS: &tls.Config{RootCAs: pool}}, nil)
	for name, trusted := range map[string]bool{"": true, "sip.example": true, "other.example": false} {
		m, err := client.DoTo(t.Context(), newCall("OPTIONS"), Target{Transport: TLS, Addr: server.Addr(), Name: name})
		switch {
		case trusted && (err != nil || m.Status() != 200):
			t.Errorf("to %q: %v, %v, want 200", name, m, err)
		case !trusted && !errors.Is(err, ErrLost):
			t.Errorf("to %q: %v, %v, want ErrLost", name, m, err)
		}
	}
}

func TestAHandlerSeesTheCertificateOfItsClient(t *testing.T) {
	cert, pool := certificate(t)
	seen := make(chan string, 1)
	server := runEndpoint(t, Config{Listen: []Listen{{Transport: TLS, Addr: "127.0.0.1:0", TLS: &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert,
	}}}}, func(*Endpoint) Handler {
		return func(_ context.Context, tx *ServerTx) {
			seen <- tx.Request().Security().PeerCertificates[0].Subject.CommonName
			tx.Reply(200, "")
		}
	})
	client := runEndpoint(t, Config{TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}, nil)
	if _, err := client.DoTo(t.Context(), newCall("OPTIONS"), Target{Transport: TLS, Addr: server.Addr()}); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != "sipcore test" {
		t.Errorf("the handler saw %q", got)
	}
}

func TestARequestGoesBackOverTheConnectionAClientOpened(t *testing.T) {
	phoneOf := make(chan Target, 1)
	server := runEndpoint(t, Config{Listen: []Listen{{Transport: WS, Addr: "127.0.0.1:0"}}}, func(*Endpoint) Handler {
		return func(_ context.Context, tx *ServerTx) {
			phoneOf <- tx.Request().Arrived()
			tx.Reply(200, "")
		}
	})
	client := runEndpoint(t, Config{}, echo)
	if _, err := client.DoTo(t.Context(), newCall("OPTIONS"), Target{Transport: WS, Addr: server.Addr()}); err != nil {
		t.Fatal(err)
	}
	if m, err := server.DoTo(t.Context(), newCall("MESSAGE"), <-phoneOf); err != nil || m.Status() != 200 {
		t.Errorf("a request to the phone: %v, %v, want 200", m, err)
	}
}

func TestSipsIsNeverSentInTheClear(t *testing.T) {
	result := make(chan error, 1)
	proxy := runEndpoint(t, Config{Listen: []Listen{{Transport: TCP, Addr: "127.0.0.1:0"}}}, func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			req := tx.Request().Clone()
			req.SetRequestURI("sips:a@example.com")
			_, err := e.Forward(ctx, tx, Hop{Request: req, Targets: []Target{{Transport: TCP, Addr: e.Addr()}}})
			result <- err
		}
	})
	client := runEndpoint(t, Config{}, nil)
	m, err := client.DoTo(t.Context(), newCall("OPTIONS"), Target{Transport: TCP, Addr: proxy.Addr()})
	if err != nil || m.Status() != 503 {
		t.Errorf("answered %v, %v, want 503", m, err)
	}
	if err := <-result; !errors.Is(err, ErrInsecure) {
		t.Errorf("Forward() = %v, want ErrInsecure", err)
	}
}

func TestTransportsHaveNamesAndPorts(t *testing.T) {
	for transport, want := range map[Transport]string{UDP: "UDP 5060 false", TCP: "TCP 5060 false", TLS: "TLS 5061 true", WS: "WS 80 false", WSS: "WSS 443 true"} {
		if got := fmt.Sprint(transport, transport.Port(), transport.Secure()); got != want {
			t.Errorf("%d is %q, want %q", transport, got, want)
		}
		if back, ok := ParseTransport(strings.ToLower(transport.String())); !ok || back != transport {
			t.Errorf("ParseTransport(%v) = %v, %v", transport, back, ok)
		}
	}
	if _, ok := ParseTransport("sctp"); ok || Transport(9).String() != "?" {
		t.Error("a transport that is none has a name")
	}
}
