// Package credential is what we sign with: a private key, the certificate chain that
// goes with it, and the URL where others fetch the chain.
//
// Start with [Load], which reads all from files and refuses what can not work: a key
// that others may read, a key that does not fit the certificate, a certificate that has
// expired or is for issuing others. [ReadKey], [ReadPublicKey] and [ReadChain] read one
// file each. A key in hardware is a signer of package remote; [LoadFor] reads the
// chain that goes with it. What is wrong with a file is a [*FileError] whose one
// sentence names it and says what to do.
//
// A program that runs for long keeps its credential in a [Holder], which takes up a new
// one between two calls, and asks [Credential.Remind] what will have to be renewed. One
// that has none at all makes its own with [Lab]; nobody else believes it, and it says so.
//
// A Credential is read-only, and a Holder may be used by many goroutines. The package
// does not decide what may be signed (package policy), does not sign (package
// authentication) and does not serve the chain (package repository); whom others trust
// is package trust's business.
package credential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"countersign.example/passport"
	"countersign.example/stircert"
)

// maxFile is how much of a key or certificate file is read, in bytes.
const maxFile = 256 << 10

// FileError is a file that can not be used, in words for whoever runs the program.
type FileError struct {
	// Path is the file.
	Path string
	// Problem is what is wrong with it, Do what to do about it.
	Problem, Do string
	// Err is the cause, nil if Problem says it all.
	Err error
}

// Error returns one sentence with the file and the problem.
func (e *FileError) Error() string {
	s := e.Path + ": " + e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Credential is a key with its certificate chain.
type Credential struct {
	// Key signs. Its public part is that of the first certificate.
	Key crypto.Signer
	// Chain is the signer's certificate and those above it.
	Chain []*x509.Certificate
	// X5U is the URL where others fetch the chain.
	X5U string
	// Judged is the chain as our own verification sees it. [Load] leaves it nil; a
	// [Holder] sets it.
	Judged *stircert.Chain
	// Lab says that it is one that [Lab] has made: nobody else believes it.
	Lab bool
}

// Load reads a private key and a certificate chain in PEM and checks that they belong
// together and can sign PASSporTs now.
func Load(keyPath, chainPath, x5u string, now time.Time) (*Credential, error) {
	key, err := ReadKey(keyPath)
	if err != nil {
		return nil, err
	}
	return LoadFor(key, keyPath, chainPath, x5u, now)
}

// LoadFor is [Load] for a key that is not in a file, such as one in hardware. keyName is
// what errors call it.
func LoadFor(key crypto.Signer, keyName, chainPath, x5u string, now time.Time) (*Credential, error) {
	chain, err := ReadChain(chainPath)
	if err != nil {
		return nil, err
	}
	c := &Credential{Key: key, Chain: chain, X5U: x5u}
	if err := c.check(keyName, chainPath, now); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Credential) check(keyName, chainPath string, now time.Time) error {
	leaf := c.Chain[0]
	pub, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || !pub.Equal(c.Key.Public()):
		return &FileError{chainPath, "the first certificate is not for the key in " + keyName,
			"give the certificate that was issued for this key, first in the file", nil}
	case leaf.IsCA:
		return &FileError{chainPath, "the first certificate is for issuing certificates, not for signing calls",
			"put the signer's own certificate first", nil}
	case now.After(leaf.NotAfter):
		return &FileError{chainPath, "the certificate expired on " + leaf.NotAfter.Format(time.DateOnly),
			"renew it before signing any call", nil}
	case now.Before(leaf.NotBefore):
		return &FileError{chainPath, "the certificate is valid only from " + leaf.NotBefore.Format(time.RFC3339),
			"wait, or check the clock of this machine", nil}
	}
	return nil
}

// ReadKey reads a P-256 private key in PEM, PKCS #8 or SEC 1. It refuses a file that
// anybody but its owner may read or write.
func ReadKey(path string) (*ecdsa.PrivateKey, error) {
	// A file that holds no key is told so first: its mode is nobody's concern.
	var loose error
	data, err := read(path, func(path string, info fs.FileInfo) error {
		loose = private(path, info)
		return nil
	})
	if err != nil {
		return nil, err
	}
	key, err := findKey(path, data)
	if err != nil {
		return nil, err
	}
	if loose != nil {
		return nil, loose
	}
	return key, nil
}

// ReadLooseKey is [ReadKey] for the laboratory: it does not mind who else may read the
// file.
func ReadLooseKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return findKey(path, data)
}

// private says what is wrong with the mode of a file that holds a key. The file is
// already open, so it is this one and not another put in its place.
func private(path string, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	if info.IsDir() || mode&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	return &FileError{path, fmt.Sprintf("others may read or write this private key (mode %04o)", mode),
		"chmod 600 it, and take a new key if somebody may have read this one", nil}
}

func findKey(path string, data []byte) (*ecdsa.PrivateKey, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case strings.Contains(block.Type, "ENCRYPTED"):
			return nil, &FileError{path, "the private key is encrypted", "decrypt it first, for instance with openssl pkey", nil}
		case block.Type == "EC PARAMETERS":
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseKey(path, block.Bytes)
		}
	}
	return nil, &FileError{path, "there is no private key in it", "give a file with a PEM block PRIVATE KEY or EC PRIVATE KEY", nil}
}

func parseKey(path string, der []byte) (*ecdsa.PrivateKey, error) {
	var key any
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if key, err = x509.ParseECPrivateKey(der); err != nil {
			return nil, &FileError{path, "the private key can not be read", "PASSporTs need an elliptic-curve key on P-256", nil}
		}
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve.Params().Name != "P-256" {
		return nil, &FileError{path, "the private key is not on P-256", "PASSporTs are signed with ES256 only; make a P-256 key", nil}
	}
	return ec, nil
}

// ReadPublicKey reads a P-256 public key in PEM: a public key, the key of a
// certificate, or the public part of a private key.
func ReadPublicKey(path string) (*ecdsa.PublicKey, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		switch {
		case block.Type == "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case block.Type == "CERTIFICATE":
			var cert *x509.Certificate
			if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = cert.PublicKey
			}
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err := findKey(path, data)
			if err != nil {
				return nil, err
			}
			return &key.PublicKey, nil
		default:
			continue
		}
		if ec, ok := key.(*ecdsa.PublicKey); ok && err == nil && ec.Curve.Params().Name == "P-256" {
			return ec, nil
		}
		return nil, &FileError{path, "the key in it is not a P-256 key", "PASSporTs are signed with ES256 only", err}
	}
	return nil, &FileError{path, "there is no key in it", "give a file with a PEM block PUBLIC KEY or CERTIFICATE", nil}
}

// ReadChain reads a certificate chain, the signer's certificate first, in PEM, or one
// certificate in DER.
func ReadChain(path string) ([]*x509.Certificate, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	certs, err := stircert.ParsePEM(data)
	if err != nil {
		detail := ""
		if f, ok := errors.AsType[*passport.Finding](err); ok {
			detail = f.Detail
		}
		e := &FileError{path, "there is no certificate in it that can be read", "give the chain in PEM, the signer's certificate first", nil}
		if detail != "" {
			e.Problem += " (" + detail + ")"
		}
		return nil, e
	}
	return certs, nil
}

// read reads a file, after those who mind its mode have looked at it.
func read(path string, mind ...func(string, fs.FileInfo) error) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close()
	for _, m := range mind {
		info, err := f.Stat()
		if err != nil {
			return nil, openError(path, err)
		}
		if err := m(path, info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, &FileError{path, "it can not be read", "check that it is a file", err}
	case len(data) > maxFile:
		return nil, &FileError{path, fmt.Sprintf("it is larger than %d KiB", maxFile>>10), "check that it is the right file", nil}
	}
	return data, nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FileError{path, "there is no such file", "check the path", nil}
	case errors.Is(err, fs.ErrPermission):
		return &FileError{path, "this user may not read it", "change its owner or mode", nil}
	}
	return &FileError{path, "it can not be opened", "check the path", err}
}
