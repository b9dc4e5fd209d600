// Package remote lets another process hold the private key: a protocol of two messages
// over a unix socket, for a key in hardware that needs code (PKCS #11, cgo) which the
// program itself should be free of.
//
// Start with [Dial], which returns a crypto.Signer, and with [Serve], which is the other
// end; countersign-hsm is a program around it. [Listen] makes the socket.
//
// A message is a length of two bytes, the most significant first, and that many bytes.
// A request is
//
//	version (1 byte, 1) · operation (1 byte) · length of the key's name (1 byte) · name
//
// and, for operation S, the SHA-256 of the public key that is expected (32 bytes) and the
// SHA-256 to sign (32 bytes). The answer to operation K is a status byte, 0, and the
// public key as SubjectPublicKeyInfo; that to S the same byte and the signature as
// ASN.1. Any other status is followed by words. One request is answered before the next
// is read.
//
// What it guarantees: nothing waits without end, since every exchange has a deadline;
// connections are bounded in number on both ends, and made anew after the other process
// was started again; a key that was replaced meanwhile signs nothing.
//
// Who may reach the socket may sign: it is protected by its mode and its folder, and by
// nothing else. The protocol carries hashes and never a private key.
package remote

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
)

// The ways in which a signature cannot be had. Each is a fault of our own side, not of
// the call that was to be signed.
var (
	// ErrUnavailable: the other process is not there, or does not answer in time.
	ErrUnavailable = errors.New("the process that holds the key does not answer")
	// ErrNoKey: the other process has no key of that name.
	ErrNoKey = errors.New("the process that holds the key knows none of that name")
	// ErrOtherKey: the key of that name is not the one it was.
	ErrOtherKey = errors.New("the key is another than it was when the program started")
	// ErrFailed: the key's device would not sign.
	ErrFailed = errors.New("the device that holds the key did not sign")
)

// maxMessage bounds a message, in bytes.
const maxMessage = 1024

const version = 1

// The operations.
const (
	opKey  = 'K'
	opSign = 'S'
)

// The status bytes.
const (
	statusOK = iota
	statusNoKey
	statusOtherKey
	statusFailed
	statusMalformed
)

// statusErrors are the errors of the status bytes but the first.
var statusErrors = map[byte]error{statusNoKey: ErrNoKey, statusOtherKey: ErrOtherKey, statusFailed: ErrFailed}

// hashLen is the length of what is signed.
const hashLen = 32

func writeMessage(w io.Writer, body []byte) error {
	if len(body) > maxMessage {
		return fmt.Errorf("a message of %d bytes is longer than is sent", len(body))
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...))
	return err
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(head[:])
	if n == 0 || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes is not read", n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

// request is what is asked of a key.
type request struct {
	op     byte
	name   string
	spki   [hashLen]byte
	digest [hashLen]byte
}

func (q *request) encode() []byte {
	b := append([]byte{version, q.op, byte(len(q.name))}, q.name...)
	if q.op == opSign {
		b = append(append(b, q.spki[:]...), q.digest[:]...)
	}
	return b
}

func decodeRequest(b []byte) (q request, ok bool) {
	if len(b) < 3 || b[0] != version || len(b) < 3+int(b[2]) {
		return q, false
	}
	q.op, q.name = b[1], string(b[3:3+int(b[2])])
	rest := b[3+int(b[2]):]
	switch {
	case q.op == opKey && len(rest) == 0:
		return q, true
	case q.op == opSign && len(rest) == 2*hashLen:
		copy(q.spki[:], rest)
		copy(q.digest[:], rest[hashLen:])
		return q, true
	}
	return q, false
}

// Listen makes the socket at path with the mode given, such as 0600, in place of one
// that a killed process left behind. It refuses to take the place of a process that
// still listens, or of anything that is no socket.
func Listen(path string, mode os.FileMode) (net.Listener, error) {
	if err := clear(path); err != nil {
		return nil, err
	}
	// It is made where nobody else can reach it, so that it never has another mode.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".hsm")
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w", path, err)
	}
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(filepath.Join(dir, "s"), mode)
	if err == nil {
		err = os.Rename(filepath.Join(dir, "s"), path)
	}
	if err != nil {
		return nil, fmt.Errorf("making the socket %s: %w", path, errors.Join(err, l.Close()))
	}
	return &listener{l, path}, nil
}

// listener takes its socket away when it is closed.
type listener struct {
	net.Listener
	path string
}

// Close implements net.Listener.
func (l *listener) Close() error {
	err := l.Listener.Close()
	if !errors.Is(err, net.ErrClosed) {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}

func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("making the socket %s: %w", path, err)
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("making the socket %s: there is something else of that name", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("making the socket %s: another process listens there", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("making the socket %s: %w", path, err)
	}
	return nil
}
