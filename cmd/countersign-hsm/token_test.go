package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// device is a token that can be taken out.
type device struct {
	key    *ecdsa.PrivateKey
	out    bool
	opened int
}

func (d *device) open() (session, error) {
	d.opened++
	if d.out {
		return session{}, errors.New("no token")
	}
	return session{signers: map[string]crypto.Signer{"own": &held{d, d.opened, d.key}}, close: func() error { return nil }}, nil
}

// held is a key of one session; it does not sign once the token was out.
type held struct {
	*device
	session int
	key     *ecdsa.PrivateKey
}

func (h *held) Public() crypto.PublicKey { return h.key.Public() }

func (h *held) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if h.out || h.session != h.opened {
		return nil, errors.New("session lost")
	}
	return h.key.Sign(r, digest, opts)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestATokenThatCameBackSignsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{key: newKey(t)}
		tok, err := newToken(d.open)
		if err != nil {
			t.Fatal(err)
		}
		own := tok.keys()["own"]
		digest := sha256.Sum256(nil)
		sign := func() error {
			_, err := own.Sign(rand.Reader, digest[:], crypto.SHA256)
			return err
		}
		if err := sign(); err != nil || d.opened != 1 {
			t.Errorf("Sign = %v after opening %d times, want once", err, d.opened)
		}
		// A session that is lost while the token is there costs nobody a signature.
		d.opened++
		if err := sign(); err != nil {
			t.Errorf("Sign after a session was lost = %v", err)
		}
		d.out = true
		time.Sleep(reopenPause)
		opened := d.opened
		for range 9 {
			if err := sign(); err == nil {
				t.Error("Sign without a token = nil, want an error")
			}
		}
		if n := d.opened - opened; n != 1 {
			t.Errorf("it was opened %d times within a second, want once", n)
		}
		d.out = false
		time.Sleep(reopenPause)
		if err := sign(); err != nil {
			t.Errorf("Sign after it came back = %v", err)
		}
		// Another key of the same label is not the one that we have a certificate for.
		d.key = newKey(t)
		d.opened++
		time.Sleep(reopenPause)
		if err := sign(); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Errorf("Sign with another key = %v, want it refused", err)
		}
		if err := tok.close(); err != nil {
			t.Errorf("close = %v", err)
		}
	})
}

func TestAPINThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pin")
	for _, tc := range []struct {
		body string
		mode os.FileMode
		want string
	}{
		{"1234\n", 0o600, "1234"}, {"1234", 0o400, "1234"}, {" 12 34\r\n", 0o600, " 12 34"},
		{"1234", 0o640, ""}, {"1234", 0o604, ""}, {"", 0o600, ""}, {"\n", 0o600, ""}, {strings.Repeat("1", maxPIN+1), 0o600, ""},
	} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(tc.body), tc.mode); err != nil {
			t.Fatal(err)
		}
		got, err := readPIN(path)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q with mode %04o: readPIN = %q, %v, want %q", tc.body, tc.mode, got, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "1234") {
			t.Errorf("the error tells the PIN: %v", err)
		}
	}
	if _, err := readPIN(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("readPIN of no file = %v, want ErrNotExist", err)
	}
}

func TestArgumentsThatCannotWorkAreRefused(t *testing.T) {
	all := []string{"--module", "m", "--token", "t", "--pin-file", "p", "--key", "k", "--key", "l", "--socket", "s", "--mode", "660"}
	o, err := parse(all, io.Discard)
	if err != nil || len(o.keys) != 2 || o.mode != 0o660 {
		t.Errorf("parse = %+v, %v", o, err)
	}
	for _, args := range [][]string{nil, all[2:], append(all, "more"), append(all, "--mode", "9"), append(all, "--mode", "7777"), {"--unknown"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("parse(%q) = nil, want an error", args)
		}
	}
	var out bytes.Buffer
	if err := run(context.Background(), []string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "PKCS #11") {
		t.Errorf("run --help = %v, %q", err, out.String())
	}
}
