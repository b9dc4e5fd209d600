package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"countersign.example/passport"
	"countersign.example/stircert"
)

// Set is what is believed. The zero Set believes nobody.
type Set struct {
	// Anchors are the trust anchors.
	Anchors *stircert.Anchors
	// CRLs are the revocation lists, with those allowed to sign them.
	CRLs *stircert.CRLSet
	// Logs are the certificate transparency logs that count.
	Logs []stircert.Log
}

// Files names the files of a [Set].
type Files struct {
	// Anchors are PEM files of trust anchors, one or more in each.
	Anchors []string
	// AnchorLists are signed lists of trust anchors, as the STI-PA publishes them.
	AnchorLists []string
	// ListSigners are PEM files of who may sign those lists (see [Authority]):
	// certificates of CAs, and of signers. Since nothing is fetched here the signer's
	// own must be among them.
	ListSigners []string
	// ListSignerName is [Authority].Name.
	ListSignerName string
	// CRLs are revocation lists, PEM or DER, one in each.
	CRLs []string
	// CRLSigners are PEM files of certificates that sign revocation lists for
	// others, as the STI-PA does.
	CRLSigners []string
	// Logs are public keys of certificate transparency logs, PEM or DER, one in
	// each.
	Logs []string
	// At is the time by which signed lists are judged; zero means now.
	At time.Time
}

// maxFile bounds the files that are read.
const maxFile = stircert.MaxCRL

// FileError says what is wrong with a file of ours.
type FileError struct {
	// Path is the file.
	Path string
	// What was read from it, such as "trust anchors".
	What string
	// Hint says what to do. It may be empty.
	Hint string
	// Err says what is wrong.
	Err error
}

// Error names the file and what is wrong with it. The hint is for the command line.
func (e *FileError) Error() string {
	err := e.Err
	// An error of the file system names the file too.
	if p, ok := errors.AsType[*os.PathError](err); ok {
		err = p.Err
	}
	return fmt.Sprintf("reading %s from %s: %v", e.What, e.Path, err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Load reads a [Set] from files. The error is a [*FileError].
func Load(f Files) (Set, error) {
	var s Set
	var err error
	if s.Anchors, err = LoadAnchors(f.Anchors...); err != nil {
		return Set{}, err
	}
	if s.Anchors, err = withLists(s.Anchors, f); err != nil {
		return Set{}, err
	}
	if s.CRLs, err = LoadCRLs(f.CRLs, f.CRLSigners); err != nil {
		return Set{}, err
	}
	if s.Logs, err = LoadLogs(f.Logs...); err != nil {
		return Set{}, err
	}
	return s, nil
}

// LoadAnchors reads trust anchors from PEM files. Each file must hold at least one CA
// certificate and nothing else. The error is a [*FileError].
func LoadAnchors(paths ...string) (*stircert.Anchors, error) {
	const what = "trust anchors"
	var all []*x509.Certificate
	for _, path := range paths {
		certs, err := loadCertificates(path, what)
		if err != nil {
			return nil, err
		}
		for i, c := range certs {
			if !c.BasicConstraintsValid || !c.IsCA {
				return nil, &FileError{path, what,
					"give the certificate of the CA that issued it, or of the root above",
					fmt.Errorf("certificate %d is a signer's, not a CA's", i+1)}
			}
		}
		all = append(all, certs...)
	}
	return stircert.NewAnchors(all...), nil
}

// withLists adds the trust anchors of signed lists.
func withLists(anchors *stircert.Anchors, f Files) (*stircert.Anchors, error) {
	if len(f.AnchorLists) == 0 {
		return anchors, nil
	}
	who, err := LoadAuthority(f.ListSignerName, f.ListSigners...)
	if err != nil {
		return nil, err
	}
	at := f.At
	if at.IsZero() {
		at = time.Now()
	}
	all := anchors.Certificates()
	for _, path := range f.AnchorLists {
		list, err := LoadAnchorList(path, who, at)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Anchors...)
	}
	return stircert.NewAnchors(all...), nil
}

// LoadAuthority reads from PEM files who may sign lists of trust anchors; name is
// [Authority].Name. The error is a [*FileError].
func LoadAuthority(name string, paths ...string) (Authority, error) {
	who := Authority{Name: name}
	for _, path := range paths {
		certs, err := loadCertificates(path, "the signers of lists of trust anchors")
		if err != nil {
			return Authority{}, err
		}
		who.Certificates = append(who.Certificates, certs...)
	}
	return who, nil
}

// LoadAnchorList reads a signed list of trust anchors from a file and verifies it at a
// time. The error is a [*FileError].
func LoadAnchorList(path string, who Authority, at time.Time) (*AnchorList, error) {
	const what = "a list of trust anchors"
	body, err := read(path, what)
	if err != nil {
		return nil, err
	}
	list, err := OpenAnchorList(body, who, nil, at)
	if err == nil {
		return list, nil
	}
	hint := "fetch the list again, from who publishes it"
	if errors.Is(err, ErrListSigner) {
		hint = "give the certificate of the list's signer"
		if url, e := ListSigner(body); e == nil && url != "" {
			hint += ", which stands at " + url
		}
	}
	return nil, &FileError{path, what, hint, err}
}

// LoadCRLs reads revocation lists, and the certificates of those who sign them for
// others. The error is a [*FileError].
func LoadCRLs(paths, signers []string) (*stircert.CRLSet, error) {
	var lists []*stircert.CRL
	for _, path := range paths {
		body, err := read(path, "a revocation list")
		if err != nil {
			return nil, err
		}
		l, err := stircert.ParseCRL(body)
		if err != nil {
			return nil, &FileError{path, "a revocation list",
				"give a CRL as PEM (\"X509 CRL\") or DER; see 'openssl crl -in FILE -noout -text'", detail(err)}
		}
		lists = append(lists, l)
	}
	var certs []*x509.Certificate
	for _, path := range signers {
		c, err := loadCertificates(path, "the signers of revocation lists")
		if err != nil {
			return nil, err
		}
		certs = append(certs, c...)
	}
	return stircert.NewCRLSet(lists, certs), nil
}

// LoadLogs reads the public keys of certificate transparency logs. The error is a
// [*FileError].
func LoadLogs(paths ...string) ([]stircert.Log, error) {
	var logs []stircert.Log
	for _, path := range paths {
		body, err := read(path, "a log key")
		if err != nil {
			return nil, err
		}
		l, err := stircert.ParseLog(body)
		if err != nil {
			return nil, &FileError{path, "a log key", "give the log's public key on P-256 as PEM (PUBLIC KEY)", err}
		}
		logs = append(logs, l)
	}
	return logs, nil
}

func loadCertificates(path, what string) ([]*x509.Certificate, error) {
	body, err := read(path, what)
	if err != nil {
		return nil, err
	}
	fault := func(hint string, err error) error { return &FileError{path, what, hint, err} }
	var certs []*x509.Certificate
	for rest := body; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fault("take everything but certificates out of the file", fmt.Errorf("it holds a PEM block of type %q", block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault("see 'openssl x509 -in FILE -noout -text'", fmt.Errorf("certificate %d: %w", len(certs)+1, err))
		}
		certs = append(certs, c)
	}
	if begun := bytes.Count(body, []byte("-----BEGIN ")); begun != len(certs) {
		return nil, fault("copy the file again, whole", fmt.Errorf("%d of its %d PEM blocks cannot be read", begun-len(certs), begun))
	}
	if len(certs) == 0 {
		return nil, fault("give certificates as PEM; 'openssl x509 -inform DER' makes PEM of DER", errors.New("it holds no certificate"))
	}
	return certs, nil
}

func read(path, what string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &FileError{path, what, "check the path, and that this user may read the file", err}
	}
	if info.IsDir() || info.Size() > maxFile {
		return nil, &FileError{path, what, "name a file", fmt.Errorf("it is a folder, or larger than %d bytes", maxFile)}
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, &FileError{path, what, "check the path, and that this user may read the file", err}
	}
	return body, nil
}

// detail takes from a finding what an operator needs: the code's sentence speaks of a
// stranger's call.
func detail(err error) error {
	if f, ok := errors.AsType[*passport.Finding](err); ok && f.Detail != "" {
		return errors.New(f.Detail)
	}
	return err
}
