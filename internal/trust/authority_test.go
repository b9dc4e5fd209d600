package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"
)

const (
	caListURL = "https://sti-pa.example/api/v1/ca-list"
	signerURL = "https://sti-pa.example/signer.pem"
)

// policyAdmin is an STI-PA: a CA, and the signer of its list below it.
type policyAdmin struct {
	t         testing.TB
	ca, cert  *x509.Certificate
	caKey     *ecdsa.PrivateKey
	signerKey *ecdsa.PrivateKey
}

func newPolicyAdmin(t testing.TB) *policyAdmin {
	t.Helper()
	p := &policyAdmin{t: t, caKey: newKey(t), signerKey: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "PA ROOT"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &p.caKey.PublicKey, p.caKey)
	p.ca = parse(t, der, err)
	p.cert = p.issue(&p.signerKey.PublicKey, nil)
	return p
}

// issue makes a certificate below the CA, by default a good signer's.
func (p *policyAdmin) issue(key any, change func(*x509.Certificate)) *x509.Certificate {
	p.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "PA LIST"}, BasicConstraintsValid: true,
		NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 6, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key, p.caKey)
	return parse(p.t, der, err)
}

func (p *policyAdmin) authority() Authority {
	return Authority{Certificates: []*x509.Certificate{p.ca}}
}

// header is that of a good list.
func header() map[string]any {
	return map[string]any{"alg": "ES256", "typ": "JWT", "x5u": signerURL}
}

// payload is that of a good list.
func payload(sequence int, anchors ...*x509.Certificate) map[string]any {
	var list []string
	for _, c := range anchors {
		list = append(list, string(pemOf("CERTIFICATE", c.Raw)))
	}
	return map[string]any{
		"version": 1, "sequence": sequence, "iat": noon.Add(time.Duration(sequence) * time.Second).Unix(),
		"exp": noon.AddDate(0, 1, 0).Unix(), "trustList": list,
	}
}

// sign makes a list, each part of it as JSON or, if it is text, as it stands.
func (p *policyAdmin) sign(header, payload any) []byte {
	p.t.Helper()
	return signWith(p.t, p.signerKey, header, payload)
}

func signWith(t testing.TB, key *ecdsa.PrivateKey, header, payload any) []byte {
	t.Helper()
	part := func(v any) string {
		text, isText := v.(string)
		if !isText {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		return base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	input := part(header) + "." + part(payload)
	digest := sha256.Sum256([]byte(input))
	der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	rs.R.FillBytes(signature[:32])
	rs.S.FillBytes(signature[32:])
	return []byte(input + "." + base64.RawURLEncoding.EncodeToString(signature[:]))
}

// with returns m with one member changed, or taken away if v is nil.
func with(m map[string]any, name string, v any) map[string]any {
	if v == nil {
		delete(m, name)
	} else {
		m[name] = v
	}
	return m
}
