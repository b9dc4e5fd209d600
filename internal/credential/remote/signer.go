package remote

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Config says where the key is.
type Config struct {
	// Socket is the path of the socket, and Key the name of the key.
	Socket, Key string
	// Timeout bounds one signature as a whole, a new connection included. The default
	// is one second.
	Timeout time.Duration
	// MaxConns bounds the signatures that are made at once. The default is 8. Those
	// beyond wait, within their Timeout.
	MaxConns int
}

// Signer is a key that another process holds. It is a crypto.Signer for SHA-256 on
// P-256 and may be used by many goroutines at once. Make one with [Dial].
type Signer struct {
	cfg    Config
	public *ecdsa.PublicKey
	spki   [hashLen]byte
	// places is full when as many signatures are being made as may be.
	places chan struct{}

	// mu guards what follows. It is never held while waiting for anything.
	mu     sync.Mutex
	closed bool
	idle   []net.Conn
}

// Dial asks the other process for the public key. ctx bounds that and nothing later.
// The error wraps one of those of this package, or says that the key is not on P-256.
func Dial(ctx context.Context, cfg Config) (*Signer, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Second
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 8
	}
	if cfg.Key == "" || len(cfg.Key) > 255 {
		return nil, fmt.Errorf("asking for a key at %s: its name must have 1 to 255 bytes", cfg.Socket)
	}
	s := &Signer{cfg: cfg, places: make(chan struct{}, cfg.MaxConns)}
	der, err := s.ask(ctx, &request{op: opKey, name: cfg.Key})
	if err != nil {
		return nil, fmt.Errorf("asking for the key %q at %s: %w", cfg.Key, cfg.Socket, err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	public, ok := key.(*ecdsa.PublicKey)
	if err != nil || !ok || public.Curve != elliptic.P256() {
		return nil, errors.Join(fmt.Errorf("the key %q at %s is not on P-256", cfg.Key, cfg.Socket), s.Close())
	}
	s.public, s.spki = public, sha256.Sum256(der)
	return s, nil
}

// Public returns the public key, as it was when Dial asked for it.
func (s *Signer) Public() crypto.PublicKey { return s.public }

// Sign signs the SHA-256 of a message and returns the signature as ASN.1. It returns
// within the Timeout; chance is the other process's, and the reader is not used. The
// error wraps one of those of this package.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() != crypto.SHA256 || len(digest) != hashLen {
		return nil, errors.New("signing by another process: only a SHA-256 can be signed")
	}
	q := &request{op: opSign, name: s.cfg.Key, spki: s.spki, digest: [hashLen]byte(digest)}
	signature, err := s.ask(context.Background(), q)
	if err != nil {
		return nil, fmt.Errorf("signing with the key %q at %s: %w", s.cfg.Key, s.cfg.Socket, err)
	}
	return signature, nil
}

// Close closes the connections that wait for the next signature. It returns nil.
func (s *Signer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.idle {
		c.Close()
	}
	s.idle = nil
	return nil
}

// ask makes one exchange. A connection that has waited may have been closed by the other
// process, which was perhaps started again: that is found out by using it, so the
// exchange is tried once more on a new one. To sign a hash twice does no harm.
func (s *Signer) ask(ctx context.Context, q *request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: too many signatures are being made", ErrUnavailable)
	}
	for {
		conn := s.waiting()
		used := conn != nil
		if !used {
			var err error
			if conn, err = new(net.Dialer).DialContext(ctx, "unix", s.cfg.Socket); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
		answer, err := exchange(ctx, conn, q)
		if err != nil {
			conn.Close()
			if used && ctx.Err() == nil {
				continue
			}
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		s.keep(conn)
		return read(answer)
	}
}

func exchange(ctx context.Context, conn net.Conn, q *request) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if err := writeMessage(conn, q.encode()); err != nil {
		return nil, err
	}
	return readMessage(conn)
}

// read takes what was asked for out of an answer.
func read(answer []byte) ([]byte, error) {
	status, rest := answer[0], answer[1:]
	if status == statusOK {
		return rest, nil
	}
	if err := statusErrors[status]; err != nil {
		return nil, fmt.Errorf("%w: %q", err, rest)
	}
	return nil, fmt.Errorf("the process that holds the key refuses: %q", rest)
}

// waiting returns a connection that waits for use, or nil.
func (s *Signer) waiting() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	conn := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	return conn
}

func (s *Signer) keep(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.idle = append(s.idle, conn)
}
