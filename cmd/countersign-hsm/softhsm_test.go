package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign.example/internal/authentication"
	"countersign.example/internal/call"
	"countersign.example/internal/credential"
	"countersign.example/internal/credential/remote"
	"countersign.example/passport"
	"countersign.example/stircert"
	"countersign.example/tn"
)

const (
	pin    = "987654"
	label  = "countersign test"
	number = tn.Number("12025550100")
)

// hsm is a SoftHSM token of its own, with keys made by pkcs11-tool, and this program,
// built.
type hsm struct {
	t                    *testing.T
	dir, module, pinFile string
	program, socket      string
}

// need skips the test, visibly, if a peer is missing; where none may be, it fails.
func need(t *testing.T, what string, there bool) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("COUNTERSIGN_REQUIRE_PEERS") == "1":
		t.Fatalf("%s is missing; install the Debian packages softhsm2 and opensc", what)
	default:
		t.Skipf("SKIPPED: %s is missing; install the Debian packages softhsm2 and opensc", what)
	}
}

func newHSM(t *testing.T) *hsm {
	t.Helper()
	h := &hsm{t: t}
	for _, path := range []string{os.Getenv("COUNTERSIGN_SOFTHSM"), "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil && h.module == "" {
			h.module = path
		}
	}
	need(t, "the library of SoftHSM", h.module != "")
	for _, tool := range []string{"softhsm2-util", "pkcs11-tool"} {
		_, err := exec.LookPath(tool)
		need(t, tool, err == nil)
	}
	var err error
	if h.dir, err = os.MkdirTemp("", "hsm"); err != nil { // the path of a socket must be short
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(h.dir) })
	h.program, h.socket, h.pinFile = filepath.Join(h.dir, "countersign-hsm"), filepath.Join(h.dir, "socket"), filepath.Join(h.dir, "pin")
	h.write("pin", pin+"\n")
	h.write("softhsm2.conf", "directories.tokendir = "+h.dir+"\nobjectstore.backend = file\nlog.level = ERROR\n")
	h.command("go", "build", "-o", h.program, ".")
	h.command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "12345678")
	for id, key := range map[string]string{"01": "EC:prime256v1 own", "02": "EC:secp384r1 long", "03": "EC:prime256v1 second"} {
		kind, name, _ := strings.Cut(key, " ")
		h.command("pkcs11-tool", "--module", h.module, "--token-label", label, "--login", "--pin", pin, "--keypairgen", "--key-type", kind, "--label", name, "--id", id)
	}
	return h
}

func (h *hsm) write(name, body string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(body), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hsm) env() []string {
	return append(os.Environ(), "SOFTHSM2_CONF="+filepath.Join(h.dir, "softhsm2.conf"))
}

func (h *hsm) command(name string, args ...string) {
	h.t.Helper()
	c := exec.Command(name, args...)
	c.Env = h.env()
	if out, err := c.CombinedOutput(); err != nil {
		h.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (h *hsm) args(change ...string) []string {
	a := []string{"--module", h.module, "--token", label, "--pin-file", h.pinFile, "--socket", h.socket}
	return append(a, change...)
}

// start starts the program and waits until it says that it is ready.
func (h *hsm) start(keys ...string) *exec.Cmd {
	h.t.Helper()
	var args []string
	for _, k := range keys {
		args = append(args, "--key", k)
	}
	c := exec.Command(h.program, h.args(args...)...)
	c.Env = h.env()
	out, err := c.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "signing with") {
		h.t.Fatalf("the program says %q, %v", line, err)
	}
	return c
}

func (h *hsm) dial(key string) *remote.Signer {
	h.t.Helper()
	s, err := remote.Dial(context.Background(), remote.Config{Socket: h.socket, Key: key, Timeout: 30 * time.Second})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { s.Close() })
	return s
}

// verifies signs a hash and checks the signature.
func verifies(s *remote.Signer) error {
	digest := sha256.Sum256([]byte("a call"))
	signature, err := s.Sign(nil, digest[:], crypto.SHA256)
	if err == nil && !ecdsa.VerifyASN1(s.Public().(*ecdsa.PublicKey), digest[:], signature) {
		return errors.New("the signature does not fit the key")
	}
	return err
}

func TestPASSporTsAreSignedByATokenOverTheSocket(t *testing.T) {
	h := newHSM(t)
	h.start("own", "second")
	own, second := h.dial("own"), h.dial("second")
	if own.Public().(*ecdsa.PublicKey).Equal(second.Public()) {
		t.Error("two keys are one")
	}
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(der []byte, err error) *x509.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	anchor := certificate(stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}))
	leaf := certificate(stircert.Issue(anchor, anchorKey, stircert.Template{Role: stircert.RoleProvider, Key: own.Public().(*ecdsa.PublicKey),
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), TNs: stircert.TNAuthList{Numbers: []tn.Number{number}}}))
	h.write("chain.pem", string(stircert.EncodePEM(leaf)))
	chainPath := filepath.Join(h.dir, "chain.pem")
	c, err := credential.LoadFor(own, "the token", chainPath, "https://certs.example/own.pem", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credential.LoadFor(second, "the token", chainPath, c.X5U, now); err == nil || !strings.Contains(err.Error(), "the token") {
		t.Errorf("a certificate for another key of the token: %v, want it refused", err)
	}
	chain := stircert.Build(context.Background(), c.Chain, stircert.Options{Anchors: stircert.NewAnchors(anchor), At: now})
	service := authentication.Service{Key: c.Key, X5U: c.X5U, Chain: chain}
	for range 20 {
		fields, err := service.Sign(context.Background(), &call.Call{}, call.Assertion{Attest: passport.AttestFull, Orig: passport.Party{TN: number},
			Dest: passport.Parties{TN: []tn.Number{"12025550199"}}, IssuedAt: now, Origid: "123e4567-e89b-12d3-a456-426655440000"})
		// The service has verified what it returns.
		if err != nil || len(fields) != 1 {
			t.Fatalf("Sign = %q, %v, want one field", fields, err)
		}
	}
}

func TestAProgramThatWasKilledIsFoundAgain(t *testing.T) {
	h := newHSM(t)
	first := h.start("own")
	s := h.dial("own")
	for range 3 {
		if err := verifies(s); err != nil {
			t.Fatal(err)
		}
		first.Process.Kill()
		first.Wait()
		if err := verifies(s); !errors.Is(err, remote.ErrUnavailable) {
			t.Errorf("Sign while it is away = %v, want ErrUnavailable", err)
		}
		first = h.start("own")
		if err := verifies(s); err != nil {
			t.Errorf("Sign after it is back = %v", err)
		}
	}
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("after TERM: %v, want it to stop by itself", err)
	}
	if _, err := os.Lstat(h.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after TERM the socket is there: %v", err)
	}
}

func TestWhatIsWrongAtStartIsSaid(t *testing.T) {
	h := newHSM(t)
	h.write("wrong", "111111")
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a wrong PIN":        {h.args("--key", "own", "--pin-file", filepath.Join(h.dir, "wrong")), "PIN"},
		"no such key":        {h.args("--key", "none"), `the key "none" of the token`},
		"a key on P-384":     {h.args("--key", "long"), "not on P-256"},
		"no such token":      {h.args("--key", "own", "--token", "none"), `the token "none"`},
		"no such library":    {h.args("--key", "own", "--module", "/nonexistent.so"), "/nonexistent.so"},
		"no such PIN file":   {h.args("--key", "own", "--pin-file", "/nonexistent"), "/nonexistent"},
		"a file as a socket": {h.args("--key", "own", "--socket", h.pinFile), "something else of that name"},
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command(h.program, tc.args...)
			c.Env = h.env()
			var out bytes.Buffer
			c.Stdout, c.Stderr = &out, &out
			err := c.Run()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != 1 || !strings.Contains(out.String(), tc.want) {
				t.Errorf("it says %q, %v, want %q and status 1", out.String(), err, tc.want)
			}
			if strings.Contains(out.String(), pin) || strings.Contains(out.String(), "111111") {
				t.Errorf("it tells the PIN: %q", out.String())
			}
		})
	}
}
