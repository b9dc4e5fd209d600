package remote

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var digest = sha256.Sum256([]byte("a call"))

// process is one end, which can be stopped and started again.
type process struct {
	t      testing.TB
	path   string
	cancel context.CancelFunc
	done   chan error
}

func start(t testing.TB, path string, keys Keys) *process {
	t.Helper()
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t, path, cancel, make(chan error, 1)}
	go func() { p.done <- Serve(ctx, l, keys) }()
	t.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	if p.cancel == nil {
		return
	}
	p.cancel()
	p.cancel = nil
	if err := <-p.done; err != nil {
		p.t.Errorf("Serve = %v, want nil", err)
	}
}

func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hsm") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
}

func dial(t testing.TB, cfg Config) *Signer {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second // it must never matter how fast the machine is
	}
	s, err := Dial(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func signs(t testing.TB, s *Signer, key *ecdsa.PrivateKey) error {
	t.Helper()
	signature, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err == nil && !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
		t.Error("the signature is not the key's")
	}
	return err
}

func TestAKeyInAnotherProcessSigns(t *testing.T) {
	key, other, path := newKey(t), newKey(t), socket(t)
	start(t, path, Keys{"own": key, "other": other})
	for name, want := range map[string]*ecdsa.PrivateKey{"own": key, "other": other} {
		s := dial(t, Config{Socket: path, Key: name})
		if !want.PublicKey.Equal(s.Public()) {
			t.Errorf("%s: Public is another key's", name)
		}
		for range 3 {
			if err := signs(t, s, want); err != nil {
				t.Errorf("%s: Sign = %v", name, err)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestWhatCannotBeSignedIsRefused(t *testing.T) {
	key, path := newKey(t), socket(t)
	start(t, path, Keys{"own": key})
	s := dial(t, Config{Socket: path, Key: "own"})
	for name, try := range map[string]func() ([]byte, error){
		"a short hash":     func() ([]byte, error) { return s.Sign(nil, digest[:31], crypto.SHA256) },
		"another hash":     func() ([]byte, error) { return s.Sign(nil, digest[:], crypto.SHA512) },
		"no hash function": func() ([]byte, error) { return s.Sign(nil, digest[:], nil) },
		"a bare message":   func() ([]byte, error) { return s.Sign(nil, digest[:], crypto.Hash(0)) },
	} {
		if signature, err := try(); err == nil || signature != nil {
			t.Errorf("%s: Sign = %v, want an error", name, err)
		}
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	second := socket(t)
	start(t, second, Keys{"rsa": rsaKey, "broken": broken{key}})
	if _, err := Dial(t.Context(), Config{Socket: second, Key: "rsa"}); err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("Dial of an RSA key = %v, want it refused", err)
	}
	if err := signs(t, dial(t, Config{Socket: second, Key: "broken"}), key); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "no power") {
		t.Errorf("Sign with a broken device = %v, want ErrFailed with its words", err)
	}
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if _, err := Dial(t.Context(), Config{Socket: path, Key: name}); err == nil {
			t.Errorf("Dial for a name of %d bytes = nil, want an error", len(name))
		}
	}
	if _, err := Dial(t.Context(), Config{Socket: path, Key: "none"}); !errors.Is(err, ErrNoKey) {
		t.Errorf("Dial for no key = %v, want ErrNoKey", err)
	}
	if _, err := Dial(t.Context(), Config{Socket: socket(t), Key: "own"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Dial where nobody is = %v, want ErrUnavailable", err)
	}
}

// broken is a device that does not sign.
type broken struct{ key *ecdsa.PrivateKey }

func (b broken) Public() crypto.PublicKey { return b.key.Public() }

func (b broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no power")
}

func TestTheOtherProcessMayBeStartedAgain(t *testing.T) {
	key, path := newKey(t), socket(t)
	first := start(t, path, Keys{"own": key})
	s := dial(t, Config{Socket: path, Key: "own"})
	if err := signs(t, s, key); err != nil {
		t.Fatal(err)
	}
	first.stop()
	if err := signs(t, s, key); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Sign while it is away = %v, want ErrUnavailable", err)
	}
	second := start(t, path, Keys{"own": key})
	if err := signs(t, s, key); err != nil {
		t.Errorf("Sign after it is back = %v", err)
	}
	// Nobody has asked while it was away: the connection that waits is dead.
	second.stop()
	third := start(t, path, Keys{"own": key})
	if err := signs(t, s, key); err != nil {
		t.Errorf("Sign on a connection that died waiting = %v", err)
	}
	third.stop()
	start(t, path, Keys{"own": newKey(t)})
	if err := signs(t, s, key); !errors.Is(err, ErrOtherKey) {
		t.Errorf("Sign with a key that was replaced = %v, want ErrOtherKey", err)
	}
}

func TestASocketThatAKilledProcessLeftIsTakenOver(t *testing.T) {
	path := socket(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if _, err := Listen(path, 0o600); err == nil {
		t.Error("Listen where another process listens = nil, want an error")
	}
	l.Close()
	key := newKey(t)
	start(t, path, Keys{"own": key}).stop()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after it stopped the socket is there: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600); err == nil {
		t.Error("Listen in the place of a file = nil, want an error")
	}
	if _, err := Listen(filepath.Join(path, "below"), 0o600); err == nil {
		t.Error("Listen below a file = nil, want an error")
	}
}

// slow is a device that signs when it is told to.
type slow struct {
	*ecdsa.PrivateKey
	begun, proceed chan struct{}
}

func (s slow) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.begun <- struct{}{}
	<-s.proceed
	return s.PrivateKey.Sign(r, digest, opts)
}

func TestNobodyWaitsWithoutEnd(t *testing.T) {
	device := slow{newKey(t), make(chan struct{}, 9), make(chan struct{})}
	path := socket(t)
	p := start(t, path, Keys{"own": device})
	s := dial(t, Config{Socket: path, Key: "own", MaxConns: 1})
	s.cfg.Timeout = 50 * time.Millisecond
	if err := signs(t, s, device.PrivateKey); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Sign with a device that hangs = %v, want ErrUnavailable", err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := signs(t, s, device.PrivateKey); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Sign beside one that hangs = %v, want ErrUnavailable", err)
			}
		})
	}
	group.Wait()
	close(device.proceed)
	p.stop()
}

func TestASignatureInHandIsFinishedBeforeStopping(t *testing.T) {
	device := slow{newKey(t), make(chan struct{}), make(chan struct{})}
	path := socket(t)
	p := start(t, path, Keys{"own": device})
	s := dial(t, Config{Socket: path, Key: "own"})
	result := make(chan error, 1)
	go func() { result <- signs(t, s, device.PrivateKey) }()
	<-device.begun
	p.cancel()
	close(device.proceed)
	if err := <-result; err != nil {
		t.Errorf("Sign = %v, want it finished", err)
	}
	p.stop()
}

func TestManySignAtOnce(t *testing.T) {
	key, path := newKey(t), socket(t)
	start(t, path, Keys{"own": key})
	s := dial(t, Config{Socket: path, Key: "own", MaxConns: 4})
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 8 {
				if err := signs(t, s, key); err != nil {
					t.Errorf("Sign = %v", err)
				}
			}
		})
	}
	group.Wait()
	if n := len(s.idle); n > 4 {
		t.Errorf("%d connections wait, want 4 at most", n)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	key, path := newKey(t), socket(t)
	start(t, path, Keys{"own": key})
	ask := func(conn net.Conn) error {
		if err := writeMessage(conn, (&request{op: opKey, name: "own"}).encode()); err != nil {
			return err
		}
		_, err := readMessage(conn)
		return err
	}
	for i := range maxServed + 1 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := ask(conn); (err == nil) != (i < maxServed) {
			t.Errorf("connection %d: %v, want it served: %v", i, err, i < maxServed)
		}
	}
}

func TestJunkIsAnsweredOrHungUpOn(t *testing.T) {
	key, path := newKey(t), socket(t)
	start(t, path, Keys{"own": key})
	for name, tc := range map[string]struct {
		sent   []byte
		answer bool
	}{
		"an empty message":       {[]byte{0, 0}, false},
		"a long message":         {[]byte{0xff, 0xff, 1}, false},
		"another version":        {[]byte{0, 3, 2, opKey, 0}, true},
		"an unknown operation":   {[]byte{0, 3, 1, 'X', 0}, true},
		"a name beyond the end":  {[]byte{0, 3, 1, opKey, 9}, true},
		"a hash that is missing": {[]byte{0, 6, 1, opSign, 3, 'o', 'w', 'n'}, true},
	} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(tc.sent); err != nil {
			t.Fatal(err)
		}
		answer, err := readMessage(conn)
		if (err == nil) != tc.answer || err == nil && answer[0] != statusMalformed {
			t.Errorf("%s: %q, %v, want an answer: %v", name, answer, err, tc.answer)
		}
		conn.Close()
	}
}

func FuzzRequest(f *testing.F) {
	f.Add((&request{op: opKey, name: "own"}).encode())
	f.Add((&request{op: opSign, name: "own", digest: digest}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, ok := decodeRequest(b); ok && !bytes.Equal(q.encode(), b) {
			t.Fatalf("%x is read as %+v, which is written otherwise", b, q)
		}
		(&server{}).answer(b)
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if body, err := readMessage(bytes.NewReader(b)); err == nil {
			if len(body) == 0 || len(body) > maxMessage {
				t.Fatalf("readMessage = %d bytes", len(body))
			}
			read(body)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	key, path := newKey(b), socket(b)
	start(b, path, Keys{"own": key})
	s := dial(b, Config{Socket: path, Key: "own"})
	for b.Loop() {
		if _, err := s.Sign(nil, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}
