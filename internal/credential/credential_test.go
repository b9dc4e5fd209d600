package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign.example/stircert"
)

var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// files are the files of a working credential, and of several that do not work.
type files struct {
	dir                                    string
	key, otherKey, rsaKey, p384, encrypted string
	chain, expired, future, authority      string
	text, empty, folder                    string
}

func (f *files) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func newFiles(t *testing.T) *files {
	t.Helper()
	must := func(key *ecdsa.PrivateKey, err error) *ecdsa.PrivateKey {
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	anchorKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &files{dir: t.TempDir()}
	f.key = f.write(t, "signer.key", pkcs8(t, key))
	f.otherKey = f.write(t, "other.key", pkcs8(t, anchorKey))
	f.rsaKey = f.write(t, "rsa.key", pkcs8(t, rsaKey))
	f.p384 = f.write(t, "p384.key", pkcs8(t, must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))))
	f.encrypted = f.write(t, "locked.key", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}))
	f.text, f.empty = f.write(t, "notes.txt", []byte("not a key")), f.write(t, "empty", nil)
	f.folder = f.dir
	der, err := stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string, role stircert.Role, from, to time.Time) string {
		der, err := stircert.Issue(anchor, anchorKey, stircert.Template{Role: role, Key: &key.PublicKey,
			NotBefore: from, NotAfter: to, TNs: stircert.TNAuthList{SPCs: []string{"1234"}}})
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return f.write(t, name, stircert.EncodePEM(cert))
	}
	f.chain = issue("chain.pem", stircert.RoleProvider, now.Add(-time.Hour), now.Add(time.Hour))
	f.expired = issue("expired.pem", stircert.RoleProvider, now.Add(-2*time.Hour), now.Add(-time.Hour))
	f.future = issue("future.pem", stircert.RoleProvider, now.Add(time.Hour), now.Add(2*time.Hour))
	f.authority = issue("authority.pem", stircert.RoleDelegateCA, now.Add(-time.Hour), now.Add(time.Hour))
	return f
}

func TestLoadSaysInOneSentenceWhatIsWrongWithAFile(t *testing.T) {
	f := newFiles(t)
	cases := []struct{ name, key, chain, file, problem string }{
		{"all is well", f.key, f.chain, "", ""},
		{"the key does not fit the certificate", f.otherKey, f.chain, "chain.pem", "not for the key in"},
		{"the certificate has expired", f.key, f.expired, "expired.pem", "expired on 2026-03-14"},
		{"the certificate is not valid yet", f.key, f.future, "future.pem", "valid only from"},
		{"the certificate is an authority's", f.key, f.authority, "authority.pem", "for issuing certificates"},
		{"the key is missing", filepath.Join(f.dir, "none.key"), f.chain, "none.key", "no such file"},
		{"the key is an RSA key", f.rsaKey, f.chain, "rsa.key", "not on P-256"},
		{"the key is on another curve", f.p384, f.chain, "p384.key", "not on P-256"},
		{"the key is encrypted", f.encrypted, f.chain, "locked.key", "encrypted"},
		{"the key file holds something else", f.text, f.chain, "notes.txt", "no private key"},
		{"the key file is a folder", f.folder, f.chain, filepath.Base(f.folder), "can not be read"},
		{"the chain file holds something else", f.key, f.text, "notes.txt", "no certificate"},
		{"the chain file is empty", f.key, f.empty, "empty", "no certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Load(c.key, c.chain, "https://cert.example.org/chain.pem", now)
			if c.problem == "" {
				if err != nil || len(got.Chain) != 1 || got.X5U == "" {
					t.Fatalf("Load = %v, %v, want a credential", got, err)
				}
				return
			}
			e, ok := errors.AsType[*FileError](err)
			if !ok {
				t.Fatalf("Load error = %v, want a *FileError", err)
			}
			if filepath.Base(e.Path) != c.file || !strings.Contains(e.Error(), c.problem) || e.Do == "" {
				t.Errorf("error = %q (do: %q), want file %s and %q", e, e.Do, c.file, c.problem)
			}
		})
	}
}

func TestAPublicKeyIsReadFromWhateverHoldsOne(t *testing.T) {
	f := newFiles(t)
	want, err := ReadKey(f.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&want.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := f.write(t, "public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, path := range []string{public, f.chain, f.key} {
		if got, err := ReadPublicKey(path); err != nil || !got.Equal(&want.PublicKey) {
			t.Errorf("ReadPublicKey(%s) = %v, %v, want the signer's key", filepath.Base(path), got, err)
		}
	}
	for _, path := range []string{f.text, f.rsaKey, f.empty} {
		if _, err := ReadPublicKey(path); err == nil {
			t.Errorf("ReadPublicKey(%s): no error", filepath.Base(path))
		}
	}
}

func TestAKeyInTheOlderFormIsRead(t *testing.T) {
	f := newFiles(t)
	want, err := ReadKey(f.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(want)
	if err != nil {
		t.Fatal(err)
	}
	// The form that openssl ecparam -genkey writes: parameters first.
	data := append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})...)
	if got, err := ReadKey(f.write(t, "sec1.key", data)); err != nil || !got.Equal(want) {
		t.Errorf("ReadKey = %v, %v, want the signer's key", got, err)
	}
}
