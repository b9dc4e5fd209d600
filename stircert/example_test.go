package stircert_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"time"

	"countersign.example/stircert"
	"countersign.example/tn"
)

// A trust anchor issues a certificate for ten numbers; then the chain is judged as a
// verification service would judge it.
func Example() {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	anchorKey, signerKey := newKey(), newKey()
	anchor := parse(stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}))
	signer := parse(stircert.Issue(anchor, anchorKey, stircert.Template{
		Role:      stircert.RoleDelegate,
		Key:       &signerKey.PublicKey,
		NotBefore: now,
		NotAfter:  now.Add(24 * time.Hour),
		TNs:       stircert.TNAuthList{Ranges: []tn.Range{{Start: "12155551210", Count: 10}}},
	}))

	certs, err := stircert.ParsePEM(stircert.EncodePEM(signer))
	if err != nil {
		log.Fatal(err)
	}
	chain := stircert.Build(context.Background(), certs, stircert.Options{Anchors: stircert.NewAnchors(anchor), At: now})
	fmt.Println("trusted:", chain.Anchor != nil)
	fmt.Println("12155551212:", chain.Covers("12155551212"))
	fmt.Println("12155551220:", chain.Covers("12155551220"))
	for _, f := range chain.At(now.AddDate(0, 0, 2), now) {
		fmt.Println(f.Code.Sentence())
	}
	// Output:
	// trusted: true
	// 12155551212: covered
	// 12155551220: not covered
	// the certificate has expired
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func parse(der []byte, err error) *x509.Certificate {
	if err != nil {
		log.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return cert
}
