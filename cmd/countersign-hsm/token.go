package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ThalesGroup/crypto11"

	"countersign.example/internal/credential/remote"
)

// session is a token that has been opened.
type session struct {
	signers map[string]crypto.Signer
	close   func() error
}

const (
	// maxSessions bounds the signatures that the token makes at once.
	maxSessions = 16
	// sessionWait is how long a signature waits for one of them.
	sessionWait = time.Second
	// reopenPause is how long a token that failed is left alone.
	reopenPause = time.Second
)

// open opens a token and finds its keys.
func open(module, label, pin string, keys []string) (session, error) {
	ctx, err := crypto11.Configure(&crypto11.Config{
		Path: module, TokenLabel: label, Pin: pin, MaxSessions: maxSessions, PoolWaitTimeout: sessionWait,
	})
	if err != nil {
		return session{}, fmt.Errorf("opening the token %q with %s: %w", label, module, err)
	}
	s := session{signers: make(map[string]crypto.Signer), close: ctx.Close}
	for _, name := range keys {
		pair, err := ctx.FindKeyPair(nil, []byte(name))
		if err == nil {
			err = fit(pair)
		}
		if err != nil {
			return session{}, errors.Join(fmt.Errorf("looking for the key %q of the token %q: %w", name, label, err), ctx.Close())
		}
		s.signers[name] = pair
	}
	return s, nil
}

// fit says why PASSporTs cannot be signed with a key.
func fit(pair crypto11.Signer) error {
	if pair == nil {
		return errors.New("there is no such key")
	}
	public, ok := pair.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return errors.New("it is not on P-256")
	}
	return nil
}

// token keeps a session, and opens another when it fails.
type token struct {
	open func() (session, error)

	// mu is held for reading while a signature is made, and for writing while another
	// session is opened.
	mu      sync.RWMutex
	session session
	// number is that of the session, and opened when the last was tried.
	number int
	opened time.Time
}

func newToken(open func() (session, error)) (*token, error) {
	s, err := open()
	if err != nil {
		return nil, err
	}
	return &token{open: open, session: s}, nil
}

func (t *token) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session.close == nil {
		return nil
	}
	return t.session.close()
}

// keys returns the keys of the token, which outlive a session.
func (t *token) keys() remote.Keys {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make(remote.Keys)
	for name, s := range t.session.signers {
		all[name] = &key{t, name, s.Public()}
	}
	return all
}

// key is one key of a token.
type key struct {
	token  *token
	name   string
	public crypto.PublicKey
}

// Public implements crypto.Signer.
func (k *key) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer. It tries once more with a new session.
func (k *key) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, number, err := k.try(r, digest, opts)
	if err == nil {
		return signature, nil
	}
	if e := k.token.reopen(number); e != nil {
		return nil, errors.Join(err, e)
	}
	signature, _, err = k.try(r, digest, opts)
	return signature, err
}

func (k *key) try(r io.Reader, digest []byte, opts crypto.SignerOpts) (signature []byte, number int, err error) {
	k.token.mu.RLock()
	defer k.token.mu.RUnlock()
	number = k.token.number
	s := k.token.session.signers[k.name]
	if s == nil {
		return nil, number, errors.New("the token is not open")
	}
	if public, ok := s.Public().(*ecdsa.PublicKey); !ok || !public.Equal(k.public) {
		return nil, number, errors.New("the token has another key of that name than before")
	}
	signature, err = s.Sign(r, digest, opts)
	return signature, number, err
}

// reopen opens another session in place of the one with the number, unless somebody has
// done so, or has just tried.
func (t *token) reopen(number int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.number != number {
		return nil
	}
	if time.Since(t.opened) < reopenPause {
		return errors.New("opening it again was tried just now")
	}
	t.opened = time.Now()
	if t.session.close != nil {
		// It has failed: that it cannot be closed is no news.
		_ = t.session.close()
	}
	t.session = session{}
	t.number++
	s, err := t.open()
	if err != nil {
		return err
	}
	t.session = s
	return nil
}

// maxPIN bounds a file with a PIN, in bytes.
const maxPIN = 256

// readPIN reads the PIN. A line break at its end is not part of it.
func readPIN(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the PIN: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("reading the PIN: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("reading the PIN: others may read or write %s (mode %04o): chmod 600 it", path, mode)
	}
	body, err := io.ReadAll(io.LimitReader(f, maxPIN+1))
	if err != nil {
		return "", fmt.Errorf("reading the PIN: %w", err)
	}
	pin := bytes.TrimRight(body, "\r\n")
	if len(pin) == 0 || len(body) > maxPIN {
		return "", fmt.Errorf("reading the PIN: %s is empty, or longer than %d bytes", path, maxPIN)
	}
	return string(pin), nil
}
