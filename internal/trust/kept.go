package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"countersign.example/internal/atomicfile"
	"countersign.example/stircert"
)

// kept is a document that was fetched and found good, as it lies on the disk: one line
// of JSON about it, then the document as it came. What is read back is verified again:
// the disk says only what was fetched, and when.
type kept struct {
	// Format tells files of this form from others.
	Format string `json:"format"`
	// What is the kind of document.
	What Kind `json:"what"`
	// URL is where it was fetched, FetchedAt when.
	URL       string    `json:"url"`
	FetchedAt time.Time `json:"fetchedAt"`
	// SHA256 is that of the document, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Signers is PEM: the chain that a list of trust anchors named for its signer, or
	// the certificate whose key a revocation list was signed with.
	Signers string `json:"signers,omitempty"`

	body []byte
}

const keptFormat = "countersign kept document 1"

// keptSuffix ends the names of files with kept documents.
const keptSuffix = ".kept"

// maxKept bounds a file with a kept document, in bytes.
const maxKept = stircert.MaxCRL + 256<<10

// keptPath is the file of a document in a folder.
func keptPath(folder string, what Kind, url string) string {
	id := sha256.Sum256([]byte(url))
	return filepath.Join(folder, fmt.Sprintf("%s-%x%s", what.file(), id[:8], keptSuffix))
}

func (k *kept) write(folder string) error {
	k.Format = keptFormat
	sum := sha256.Sum256(k.body)
	k.SHA256 = hex.EncodeToString(sum[:])
	head, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", k.URL, err)
	}
	return atomicfile.Write(keptPath(folder, k.What, k.URL), append(append(head, '\n'), k.body...), 0o600)
}

// readKept reads a file with a kept document. Whether the document is any good has yet
// to be seen.
func readKept(path string) (*kept, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	if err != nil {
		return nil, err
	}
	head, body, found := bytes.Cut(all, []byte{'\n'})
	k := &kept{body: body}
	if len(all) > maxKept || !found || json.Unmarshal(head, k) != nil || k.Format != keptFormat {
		return nil, errors.New("it is no file with a kept document")
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != k.SHA256 {
		return nil, errors.New("it is not as it was written")
	}
	return k, nil
}

// signers returns the certificates that lie beside the document.
func (k *kept) signers() []*x509.Certificate {
	if k.Signers == "" {
		return nil
	}
	certs, err := stircert.ParsePEM([]byte(k.Signers))
	if err != nil {
		return nil
	}
	return certs
}
