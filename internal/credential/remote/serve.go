package remote

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Keys are the keys to sign with, by name.
type Keys map[string]crypto.Signer

const (
	// maxServed bounds the connections of [Serve].
	maxServed = 64
	// patience is how long a connection may wait between two requests, and how long
	// one may take to be sent.
	patience = 5 * time.Minute
)

// Serve answers requests until ctx is done, then finishes those in hand, closes l and
// returns nil. Any other error is l's. A connection beyond the sixty-fourth is closed.
func Serve(ctx context.Context, l net.Listener, keys Keys) error {
	s := &server{keys: keys, conns: make(map[net.Conn]bool)}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		l.Close()
		s.hurry()
	})
	defer func() {
		if !stop() {
			<-stopped
		}
		s.group.Wait()
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			s.hurry()
			return errors.Join(fmt.Errorf("waiting for requests to sign: %w", err), l.Close())
		}
		if !s.enter(conn) {
			conn.Close()
			continue
		}
		s.group.Go(func() {
			defer s.leave(conn)
			s.serve(conn)
		})
	}
}

// server is one Serve.
type server struct {
	keys  Keys
	group sync.WaitGroup

	// mu guards what follows. It is never held while waiting for anything.
	mu       sync.Mutex
	stopping bool
	conns    map[net.Conn]bool // whether a request is in hand
}

func (s *server) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.conns) >= maxServed {
		return false
	}
	s.conns[conn] = false
	return true
}

func (s *server) leave(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	conn.Close()
}

// hurry ends the connections that wait for a request. Those with one in hand end after
// it.
func (s *server) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	for conn, busy := range s.conns {
		if !busy {
			conn.Close()
		}
	}
}

// busy marks whether a connection has a request in hand, and reports whether it may go
// on.
func (s *server) busy(conn net.Conn, now bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = now
	return now || !s.stopping
}

func (s *server) serve(conn net.Conn) {
	for {
		if conn.SetDeadline(time.Now().Add(patience)) != nil {
			return
		}
		body, err := readMessage(conn)
		if err != nil || !s.busy(conn, true) {
			return
		}
		if writeMessage(conn, s.answer(body)) != nil || !s.busy(conn, false) {
			return
		}
	}
}

func (s *server) answer(body []byte) []byte {
	q, ok := decodeRequest(body)
	if !ok {
		return refusal(statusMalformed, "the request cannot be read")
	}
	key := s.keys[q.name]
	if key == nil {
		return refusal(statusNoKey, q.name)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return refusal(statusFailed, err.Error())
	}
	if q.op == opKey {
		return append([]byte{statusOK}, der...)
	}
	if sha256.Sum256(der) != q.spki {
		return refusal(statusOtherKey, q.name)
	}
	signature, err := key.Sign(rand.Reader, q.digest[:], crypto.SHA256)
	if err != nil {
		return refusal(statusFailed, err.Error())
	}
	return append([]byte{statusOK}, signature...)
}

func refusal(status byte, words string) []byte {
	return append([]byte{status}, words[:min(len(words), 400)]...)
}
