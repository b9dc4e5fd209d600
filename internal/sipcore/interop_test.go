package sipcore

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// The phones of this file are those of the SIP library, whole: transports,
// transactions and dialogs that share none of ours.

type peer struct {
	*testing.T
	ua     *sipgo.UserAgent
	server *sipgo.Server
	client *sipgo.Client
	addr   *net.UDPAddr
}

// newPeer makes a phone; ring fills in its handlers before it listens.
func newPeer(t *testing.T, ring func(p *peer)) *peer {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{T: t, ua: ua, addr: conn.LocalAddr().(*net.UDPAddr)}
	if p.server, err = sipgo.NewServer(ua, sipgo.WithServerLogger(quiet)); err != nil {
		t.Fatal(err)
	}
	if p.client, err = sipgo.NewClient(ua, sipgo.WithClientLogger(quiet), sipgo.WithClientConnectionAddr(conn.LocalAddr().String())); err != nil {
		t.Fatal(err)
	}
	if ring != nil {
		ring(p)
	}
	var serving sync.WaitGroup
	serving.Go(func() { p.server.ServeUDP(conn) })
	t.Cleanup(func() {
		ua.Close()
		conn.Close()
		serving.Wait()
	})
	// It may call only when it listens, which shows in that it answers.
	knock := newPhone(t, "127.0.0.1")
	knock.send(p.addr.AddrPort(), knock.request("KNOCK", "knock", "knock", p.addr.AddrPort()))
	knock.receive()
	return p
}

func (p *peer) contact() sip.ContactHeader {
	return sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "peer", Host: "127.0.0.1", Port: p.addr.Port}}
}

// answering makes a phone that rings, answers, and tells of ACK and BYE.
func answering(t *testing.T, told chan<- string) *peer {
	return newPeer(t, func(p *peer) {
		dialogs := sipgo.NewDialogServerCache(p.client, p.contact())
		p.server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
			d, err := dialogs.ReadInvite(req, tx)
			if err != nil {
				t.Errorf("the called phone: %v", err)
				return
			}
			d.Respond(180, "Ringing", nil)
			if err := d.Respond(200, "OK", nil); err != nil {
				t.Errorf("the called phone answered: %v", err)
			}
		})
		p.server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
			if err := dialogs.ReadAck(req, tx); err == nil {
				told <- "ACK"
			}
		})
		p.server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
			if err := dialogs.ReadBye(req, tx); err == nil {
				told <- "BYE"
			}
		})
	})
}

// routing is a proxy that sends new requests to the callee, and those of a dialog
// where their Route and Request-URI say.
func routing(e *Endpoint, to string) Handler {
	return func(ctx context.Context, tx *ServerTx) {
		req := tx.Request().Clone()
		if r, ok := req.TopRoute(); ok && e.Owns(r.URI()) {
			req.PopRoute()
		}
		if !req.InDialog() {
			req.Prepend("Record-Route", "<sip:"+e.SentBy()+";lr>")
			req.SetRequestURI("sip:callee@" + to)
		}
		hop, err := req.NextHop()
		if err != nil {
			tx.Reply(400, "")
			return
		}
		next, err := e.Resolve(ctx, hop)
		if err != nil {
			tx.Reply(404, "")
			return
		}
		e.Forward(ctx, tx, Hop{Request: req, Next: next})
	}
}

func TestPhonesOfAnotherImplementationCallEachOtherThroughUs(t *testing.T) {
	told := make(chan string, 8)
	callee := answering(t, told)
	proxy := runEndpoint(t, Config{}, func(e *Endpoint) Handler { return routing(e, callee.addr.String()) })
	caller := newPeer(t, nil)

	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	dialogs := sipgo.NewDialogClientCache(caller.client, caller.contact())
	d, err := dialogs.Invite(ctx, sip.Uri{Scheme: "sip", User: "callee", Host: "127.0.0.1", Port: int(proxy.Addr().Port())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		t.Fatalf("waiting for an answer: %v", err)
	}
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "ACK" {
		t.Fatalf("the callee was told %s, want ACK", got)
	}
	if err := d.Bye(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "BYE" {
		t.Errorf("the callee was told %s, want BYE", got)
	}
}

func TestWeCallAPhoneOfAnotherImplementation(t *testing.T) {
	told := make(chan string, 8)
	callee := answering(t, told)
	e := runEndpoint(t, Config{}, nil)
	to := callee.addr.AddrPort()

	req := newCall(MethodInvite)
	req.Add("Contact", "<sip:us@"+e.SentBy()+">")
	tx, err := e.Send(req, to)
	if err != nil {
		t.Fatal(err)
	}
	var resp *Message
	for resp == nil || resp.Status() < 200 {
		if resp, err = tx.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d, err := DialogFromResponse(req, resp)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Ack(d.NewRequest(MethodAck), to); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "ACK" {
		t.Fatalf("the callee was told %s, want ACK", got)
	}
	bye, err := e.Do(t.Context(), d.NewRequest(MethodBye), to)
	if err != nil || bye.Status() != 200 {
		t.Fatalf("BYE: %v, %v", bye, err)
	}
}

func TestAPhoneOfAnotherImplementationCallsUs(t *testing.T) {
	ended := make(chan struct{})
	e := runEndpoint(t, Config{}, func(e *Endpoint) Handler {
		return func(ctx context.Context, tx *ServerTx) {
			switch tx.Request().Method() {
			case MethodInvite:
				tx.Reply(180, "")
				ok := tx.Response(200, "")
				ok.Add("Contact", "<sip:us@"+e.SentBy()+">")
				if _, err := tx.Accept(ctx, ok); err != nil {
					t.Errorf("Accept() = %v", err)
				}
			case MethodBye:
				tx.Reply(200, "")
				close(ended)
			}
		}
	})
	caller := newPeer(t, nil)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	dialogs := sipgo.NewDialogClientCache(caller.client, caller.contact())
	d, err := dialogs.Invite(ctx, sip.Uri{Scheme: "sip", User: "us", Host: "127.0.0.1", Port: int(e.Addr().Port())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.Bye(ctx); err != nil {
		t.Fatal(err)
	}
	<-ended
}
