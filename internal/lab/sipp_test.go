package lab

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign.example/internal/call"
	"countersign.example/internal/fetch"
	"countersign.example/internal/gateway"
	"countersign.example/internal/policy"
	"countersign.example/internal/server"
	"countersign.example/internal/store"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
)

// calls is how many calls SIPp places in each direction and manner.
const calls = 200

// sipp returns the path of SIPp. Without it the test is skipped, unless all peers are
// required.
func sipp(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sipp")
	if err == nil {
		return path
	}
	if os.Getenv("COUNTERSIGN_REQUIRE_PEERS") == "1" {
		t.Fatal("SIPp is required and not installed (Debian: sip-tester)")
	}
	t.Skip("SIPp is not installed (Debian: sip-tester)")
	return ""
}

// freePort returns the address of a UDP port on loopback that was free a moment ago.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// exchange is a server between two SIPps.
type exchange struct {
	t            *testing.T
	sipp         string
	folder       string
	authority    *authority
	server       *server.Server
	trunk, phone netip.AddrPort
}

func newExchange(t *testing.T) *exchange {
	x := &exchange{t: t, sipp: sipp(t), folder: t.TempDir(), trunk: freePort(t), phone: freePort(t)}
	repository, err := newRepository()
	if err != nil {
		t.Fatal(err)
	}
	if x.authority, err = newAuthority(time.Now(), repository.site); err != nil {
		t.Fatal(err)
	}
	repository.publish(x.authority.carrier, x.authority.own)
	rules := policy.Default()
	rules.Numbers = []tn.Number{ourNumber}
	x.server, err = server.New(server.Config{
		Gateway:    gateway.Config{Listen: "127.0.0.1:0", Trunk: x.trunk, Phone: x.phone, Key: make([]byte, 32), Grace: time.Second},
		Records:    filepath.Join(x.folder, "calls.db"),
		Trust:      trust.Set{Anchors: stircert.NewAnchors(x.authority.anchor)},
		Fetch:      fetch.Config{Lab: true},
		Offices:    offices,
		Policy:     rules,
		Credential: x.authority.own,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	for _, run := range []func(context.Context) error{x.server.Run, repository.run} {
		go func() { done <- run(ctx) }()
	}
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return x
}

// scenario writes a SIPp scenario with some of its text replaced.
func (x *exchange) scenario(name string, replace ...string) string {
	x.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		x.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			x.t.Fatalf("%s does not hold %q", name, replace[i])
		}
	}
	path := filepath.Join(x.folder, name)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return path
}

// start starts SIPp at an address.
func (x *exchange) start(at netip.AddrPort, args ...string) (*exec.Cmd, *bytes.Buffer) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 2*time.Minute)
	x.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, x.sipp, append([]string{"-i", "127.0.0.1", "-p", strconv.Itoa(int(at.Port())),
		"-m", strconv.Itoa(calls), "-nostdin", "-timeout", "100s", "-trace_err"}, args...)...)
	cmd.Dir = x.folder
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	return cmd, &said
}

// callee starts SIPp as a callee, and waits until it has its port.
func (x *exchange) callee(at netip.AddrPort, field, expected string) (wait func()) {
	x.t.Helper()
	// A repeated INVITE, on a machine that is busy, is no reason for a callee to hang up.
	cmd, _ := x.start(at, "-default_behaviors", "all,-abortunexp", "-sf", x.scenario("callee.xml", "FIELD", field, "EXPECTED", expected))
	for tries := 0; !listening(x.t, at); tries++ {
		if tries == 500 {
			x.t.Fatalf("SIPp never opened its port: %s", x.complaints())
		}
		time.Sleep(20 * time.Millisecond) // it is another program, and tells nobody
	}
	return func() {
		x.t.Helper()
		if err := cmd.Wait(); err != nil {
			x.t.Errorf("SIPp as callee: %v\n%s", err, x.complaints())
		}
	}
}

// listening reports whether somebody has the UDP port: else the kernel refuses what is
// sent there. A keep-alive (RFC 5626 section 4.4.1) is no call.
func listening(t *testing.T, at netip.AddrPort) bool {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\r\n\r\n")); err != nil {
		return false
	}
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err = conn.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// caller runs SIPp as a caller to its end, and checks its own statistics.
func (x *exchange) caller(at netip.AddrPort, args ...string) {
	x.t.Helper()
	stats := filepath.Join(x.folder, "caller.csv")
	cmd, said := x.start(at, append(args, "-r", "100", "-trace_stat", "-stf", stats, "-fd", "1", x.server.Addr().String())...)
	if err := cmd.Wait(); err != nil {
		x.t.Errorf("SIPp as caller: %v\n%s\n%s", err, x.complaints(), said)
	}
	text, err := os.ReadFile(stats)
	if err != nil {
		x.t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		x.t.Fatalf("SIPp's statistics: %v", err)
	}
	last := func(name string) string { return rows[len(rows)-1][slices.Index(rows[0], name)] }
	if last("SuccessfulCall(C)") != strconv.Itoa(calls) || last("FailedCall(C)") != "0" {
		x.t.Errorf("%s calls succeeded and %s failed, of %d", last("SuccessfulCall(C)"), last("FailedCall(C)"), calls)
	}
	x.t.Logf("%s retransmissions", last("Retransmissions(C)"))
}

// complaints are what SIPp wrote of unexpected messages.
func (x *exchange) complaints() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(x.folder, "*_errors.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		all.Write(text[:min(len(text), 4000)])
	}
	return all.String()
}

// recorded returns the records from that time on, each call once.
func (x *exchange) recorded(from time.Time) []call.Record {
	x.t.Helper()
	recs, err := x.server.Records().Calls(x.t.Context(), store.Filter{From: from, Limit: store.MaxLimit})
	if err != nil || len(recs) != calls {
		x.t.Fatalf("%d calls are recorded, %v; want %d", len(recs), err, calls)
	}
	return recs
}

// judgements counts what the records say.
func judgements(recs []call.Record) map[string]int {
	n := make(map[string]int)
	for i := range recs {
		r := &recs[i]
		reasons := make([]string, len(r.Verdict.Reasons))
		for k, reason := range r.Verdict.Reasons {
			reasons[k] = string(reason)
		}
		n[fmt.Sprintf("%s %s: %s (%s)", r.State, r.Action.Kind, r.Verdict.Standing, strings.Join(reasons, " "))]++
	}
	return n
}

func TestSIPpCallsThroughTheServerBothWays(t *testing.T) {
	if testing.Short() {
		t.Skip("SIPp places many calls")
	}
	x := newExchange(t)

	t.Run("unsigned calls that come in", func(t *testing.T) {
		x.t = t
		begun := time.Now()
		wait := x.callee(x.phone, "From", "verstat=No-TN-Validation")
		x.caller(x.trunk, "-sf", x.scenario("caller.xml"), "-key", "shown", "+"+ordinaryNumber.String(), "-s", "+"+ourNumber.String())
		wait()
		want := "settled connect: unverified (no-identity not-listed)"
		if got := judgements(x.recorded(begun)); got[want] != calls {
			t.Errorf("judged %v, want all %q", got, want)
		}
	})

	t.Run("signed calls that come in", func(t *testing.T) {
		x.t = t
		begun := time.Now()
		wait := x.callee(x.phone, "From", "partly verified.*verstat=TN-Validation-Passed")
		x.caller(x.trunk, "-sf", x.scenario("caller.xml", "Content-Type:", "Identity: [field0];info=<[field1]>;alg=ES256;ppt=shaken\nContent-Type:"),
			"-inf", x.passports(), "-key", "shown", "+"+presidentsNumber.String(), "-s", "+"+ourNumber.String())
		wait()
		want := "settled connect: partly verified (attested-full office-number)"
		if got := judgements(x.recorded(begun)); got[want] != calls {
			t.Errorf("judged %v, want all %q", got, want)
		}
	})

	t.Run("calls that leave", func(t *testing.T) {
		x.t = t
		begun := time.Now()
		wait := x.callee(x.trunk, "Identity", `ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+;info=&lt;http://127.0.0.1:[0-9]+/artist-management.pem>;alg=ES256;ppt=shaken`)
		x.caller(x.phone, "-sf", x.scenario("caller.xml"), "-key", "shown", "+"+ourNumber.String(), "-s", "+"+presidentsNumber.String())
		wait()
		signed := 0
		for _, rec := range x.recorded(begun) {
			if rec.Call.Direction == call.Outbound && rec.State == call.Settled && len(rec.Signed) == 1 {
				signed++
			}
		}
		if signed != calls {
			t.Errorf("%d of %d calls left signed", signed, calls)
		}
	})
}

// passports writes a file of SIPp's with a fresh PASSporT for each call.
func (x *exchange) passports() string {
	x.t.Helper()
	c := x.authority.carrier
	lines := []string{"SEQUENTIAL"}
	for i := range calls {
		text, err := passport.Sign(c.Key, passport.Header{Ppt: passport.Shaken, X5U: c.X5U}, passport.Claims{
			IssuedAt: time.Now().Unix(), Orig: passport.Party{TN: presidentsNumber}, Dest: passport.Parties{TN: []tn.Number{ourNumber}},
			Attest: passport.AttestFull, Origid: fmt.Sprintf("2c7d1d4e-5b1f-4c0e-9a51-%012d", i),
		})
		if err != nil {
			x.t.Fatal(err)
		}
		if _, err := sipidentity.Parse(text + ";info=<" + c.X5U + ">"); err != nil {
			x.t.Fatal(err)
		}
		lines = append(lines, text+";"+c.X5U)
	}
	path := filepath.Join(x.folder, "passports.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return path
}
