package stircert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// timestamp returns the SCT list extension with one timestamp over a certificate
// without it (RFC 6962 sections 3.2 and 3.3).
func (t *Template) timestamp(issuer *x509.Certificate, tbs []byte) (pkix.Extension, error) {
	key, _ := t.Log.Public().(*ecdsa.PublicKey)
	log, err := NewLog(key)
	if err != nil {
		return pkix.Extension{}, err
	}
	at := t.LoggedAt
	if at.IsZero() {
		at = t.NotBefore
	}
	sct := timestamp{log: log.ID, millis: uint64(at.UnixMilli())}
	digest := sha256.Sum256(sct.signed(issuer, tbs))
	if sct.signature, err = t.Log.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
		return pkix.Extension{}, fmt.Errorf("signing a certificate timestamp: %w", err)
	}
	return pkix.Extension{Id: oidSCTList, Value: marshalSCTs(sct)}, nil
}

// marshalSCTs returns the value of the SCT list extension.
func marshalSCTs(scts ...timestamp) []byte {
	var list []byte
	for _, s := range scts {
		one := append([]byte{0}, s.log[:]...)
		one = binary.BigEndian.AppendUint64(one, s.millis)
		one = appendVector(one, s.extensions)
		one = append(one, 4, 3)
		list = appendVector(list, appendVector(one, s.signature))
	}
	return element(tagOctetString, appendVector(nil, list))
}

func appendVector(to, content []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(content))), content...)
}

// CRLTemplate describes a revocation list to make.
type CRLTemplate struct {
	// Number is the CRL number.
	Number int64
	// ThisUpdate and NextUpdate bound the time in which the list counts. Both are
	// required.
	ThisUpdate, NextUpdate time.Time
	// Revoked are the entries.
	Revoked []Revoked
	// Indirect makes it a list for certificates of others (RFC 5280 section
	// 5.2.5).
	Indirect bool
	// DistributionPoint is the URL in the issuing distribution point. It may be
	// empty.
	DistributionPoint string
	// Extra are further extensions of the list.
	Extra []pkix.Extension
}

// Revoked is one entry of a revocation list.
type Revoked struct {
	// Issuer is the CA that issued the certificate; an indirect list needs it, any
	// other passes over it.
	Issuer *x509.Certificate
	// Serial is the serial number of the certificate.
	Serial *big.Int
	// At is the time of revocation.
	At time.Time
}

// NewCRL makes a revocation list signed by signer, whose key is key, and returns its
// DER. The signer's key usage must include cRLSign.
func NewCRL(signer *x509.Certificate, key crypto.Signer, t CRLTemplate) ([]byte, error) {
	list := &x509.RevocationList{
		Number:          big.NewInt(t.Number),
		ThisUpdate:      t.ThisUpdate,
		NextUpdate:      t.NextUpdate,
		ExtraExtensions: t.Extra,
	}
	if t.Indirect || t.DistributionPoint != "" {
		var parts [][]byte
		if t.DistributionPoint != "" {
			parts = append(parts, distributionPoint(t.DistributionPoint))
		}
		if t.Indirect {
			parts = append(parts, element(implicit(4), []byte{0xff}))
		}
		list.ExtraExtensions = append(list.ExtraExtensions,
			pkix.Extension{Id: oidIDP, Critical: true, Value: element(tagSequence, parts...)})
	}
	for _, r := range t.Revoked {
		entry := x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At}
		if t.Indirect {
			if r.Issuer == nil {
				return nil, errors.New("making a revocation list: an entry of an indirect list has no issuer")
			}
			entry.ExtraExtensions = []pkix.Extension{{Id: oidEntryIssuer, Critical: true,
				Value: element(tagSequence, element(explicit(4), r.Issuer.RawSubject))}}
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, entry)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, signer, key)
	if err != nil {
		return nil, fmt.Errorf("making a revocation list: %w", err)
	}
	return der, nil
}
