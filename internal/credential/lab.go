package credential

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"countersign.example/internal/atomicfile"
	"countersign.example/stircert"
)

// The files of a laboratory's credential, in the folder given to [Lab].
const (
	// labAuthority has the private key and the certificate of the trust anchor.
	labAuthority = "lab-authority.pem"
	// labAnchor has that certificate alone, for whoever is to believe it.
	labAnchor = "lab-anchor.pem"
	// labCredential has the private key that signs, and its chain.
	labCredential = "lab-credential.pem"
)

// Names in a laboratory's certificates, which say what they are to whoever reads them.
const (
	labOrganization = "LAB ONLY, believed by nobody else"
	labAnchorName   = "LAB SHAKEN ROOT"
	labCAName       = "LAB SHAKEN Delegate CA"
	labSignerName   = "LAB SHAKEN Signer"
)

const (
	labAnchorLife = 10 * 365 * 24 * time.Hour
	labSignerLife = 365 * 24 * time.Hour
)

// LabCredential is a credential for trying things out, with the trust anchor that it
// leads to.
type LabCredential struct {
	// Credential signs. Its Lab is true, and its X5U empty: it is served by whoever
	// tries things out.
	*Credential
	// Anchor is the trust anchor, and AnchorPath the file with its certificate.
	Anchor     *x509.Certificate
	AnchorPath string
	// Fresh says that the credential was made by this call.
	Fresh bool
}

// Lab returns the laboratory's own trust anchor and a credential below it for the
// numbers given, which must be some. What is in the folder is used again; what is
// missing is made, as is a credential that is for other numbers or near its end. The
// folder and what is in it are the owner's alone, except for the anchor's certificate.
// What is wrong with a file is a [*FileError].
func Lab(dir string, numbers stircert.TNAuthList, now time.Time) (*LabCredential, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for the laboratory's keys: %w", err)
	}
	if err := atomicfile.Sweep(dir); err != nil {
		return nil, err
	}
	authority, _, err := pair(filepath.Join(dir, labAuthority), func() (*bundle, error) { return newAuthority(now) })
	if err != nil {
		return nil, err
	}
	anchor := authority.chain[0]
	l := &LabCredential{Anchor: anchor, AnchorPath: filepath.Join(dir, labAnchor)}
	if body, err := os.ReadFile(l.AnchorPath); err != nil || !bytes.Equal(body, stircert.EncodePEM(anchor)) {
		if err := atomicfile.Write(l.AnchorPath, stircert.EncodePEM(anchor), 0o644); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(dir, labCredential)
	signer, fresh, err := pair(path, func() (*bundle, error) { return newSigner(authority, numbers, now) })
	if err != nil {
		return nil, err
	}
	if !fresh && !signer.serves(anchor, numbers, now) {
		if signer, err = newSigner(authority, numbers, now); err != nil {
			return nil, err
		}
		if err := atomicfile.Write(path, signer.encode(), 0o600); err != nil {
			return nil, err
		}
		fresh = true
	}
	l.Fresh = fresh
	l.Credential = &Credential{Key: signer.key, Chain: signer.chain, Lab: true}
	if err := l.check(path, path, now); err != nil {
		return nil, err
	}
	return l, nil
}

// bundle is a key and the chain that goes with it, in one file so that both are there
// or neither is.
type bundle struct {
	key   *ecdsa.PrivateKey
	chain []*x509.Certificate
	der   []byte // the key, PKCS #8
}

func (b *bundle) encode() []byte {
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b.der}), stircert.EncodePEM(b.chain...)...)
}

// pair reads the bundle at path, or makes it if there is none. Of two who make it at
// the same time the first is used by both.
func pair(path string, forge func() (*bundle, error)) (b *bundle, fresh bool, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		b, err := forge()
		if err != nil {
			return nil, false, fmt.Errorf("making the laboratory's certificates: %w", err)
		}
		err = atomicfile.Create(path, b.encode(), 0o600)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return b, true, err
		}
	}
	b, err = readBundle(path)
	return b, false, err
}

func readBundle(path string) (*bundle, error) {
	data, err := read(path, private)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, &FileError{path, "it does not begin with a private key", "remove it: a new one is made at the next start", nil}
	}
	b := &bundle{der: block.Bytes}
	if b.key, err = parseKey(path, block.Bytes); err != nil {
		return nil, err
	}
	if b.chain, err = stircert.ParsePEM(rest); err != nil {
		return nil, &FileError{path, "its certificates can not be read", "remove it: a new one is made at the next start", nil}
	}
	if !b.key.PublicKey.Equal(b.chain[0].PublicKey) {
		return nil, &FileError{path, "its certificate is not for its key", "remove it: a new one is made at the next start", nil}
	}
	return b, nil
}

func newBundle(issue func(*ecdsa.PrivateKey) ([]byte, error), above ...*x509.Certificate) (*bundle, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := issue(key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	b := &bundle{key: key, chain: append([]*x509.Certificate{cert}, above...)}
	b.der, err = x509.MarshalPKCS8PrivateKey(key)
	return b, err
}

func newAuthority(now time.Time) (*bundle, error) {
	return newBundle(func(key *ecdsa.PrivateKey) ([]byte, error) {
		return stircert.NewAnchor(key, stircert.Template{
			Organization: labOrganization, CommonName: labAnchorName, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(labAnchorLife),
		})
	})
}

// newSigner makes a signer for the numbers, below a CA whose key is kept nowhere: the
// next one is issued below another.
func newSigner(authority *bundle, numbers stircert.TNAuthList, now time.Time) (*bundle, error) {
	anchor := authority.chain[0]
	end := now.Add(labSignerLife)
	if anchor.NotAfter.Before(end) {
		end = anchor.NotAfter
	}
	below := func(parent *bundle, role stircert.Role, name string, above ...*x509.Certificate) (*bundle, error) {
		return newBundle(func(key *ecdsa.PrivateKey) ([]byte, error) {
			return stircert.Issue(parent.chain[0], parent.key, stircert.Template{
				Role: role, Organization: labOrganization, CommonName: name, Key: &key.PublicKey, TNs: numbers,
				NotBefore: now.Add(-time.Hour), NotAfter: end,
			})
		}, above...)
	}
	ca, err := below(authority, stircert.RoleDelegateCA, labCAName)
	if err != nil {
		return nil, err
	}
	return below(ca, stircert.RoleDelegate, labSignerName, ca.chain[0])
}

// serves reports whether a signer is below the anchor, for these numbers and not near
// its end.
func (b *bundle) serves(anchor *x509.Certificate, numbers stircert.TNAuthList, now time.Time) bool {
	chain := stircert.Build(context.Background(), b.chain, stircert.Options{Anchors: stircert.NewAnchors(anchor), At: now})
	want, err := numbers.Marshal()
	if err != nil {
		return false
	}
	got, err := chain.TNs.Marshal()
	return err == nil && bytes.Equal(got, want) && chain.Anchor != nil && len(chain.At(now, now)) == 0 && urgency(b.chain[0], now) == 0
}
