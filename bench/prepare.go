package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/asipto/secsipidx/secsipid"

	"countersign.example/internal/fetch"
	"countersign.example/internal/trust"
	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/stircert"
	"countersign.example/tn"
	"countersign.example/verification"
)

// The names of the operations that others are compared with.
const (
	bareVerify = "ecdsa.VerifyASN1"
	bareSign   = "ecdsa.SignASN1"
)

const (
	origTN = "12025550100"
	destTN = "12025550199"
)

// laboratory is a signer with its repository, and a call signed by it.
type laboratory struct {
	key    *ecdsa.PrivateKey
	keyPEM []byte
	pubPEM []byte
	chain  []byte
	anchor *x509.Certificate
	server *httptest.Server
	url    string
	now    time.Time
	field  string
	facts  verification.Facts
	claims passport.Claims
	header passport.Header
}

func newLaboratory() (*laboratory, error) {
	l := &laboratory{now: time.Now()}
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if l.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	from, to := l.now.Add(-time.Hour), l.now.AddDate(1, 0, 0)
	der, err := stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: from, NotAfter: to})
	if err != nil {
		return nil, err
	}
	if l.anchor, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	der, err = stircert.Issue(l.anchor, anchorKey, stircert.Template{
		Role: stircert.RoleProvider, Key: &l.key.PublicKey, NotBefore: from, NotAfter: to,
		TNs: stircert.TNAuthList{SPCs: []string{"1234"}},
	})
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	l.chain = stircert.EncodePEM(leaf)
	l.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(l.chain) }))
	l.url = l.server.URL + "/chain.pem"
	return l, l.sign()
}

func (l *laboratory) sign() error {
	private, err := x509.MarshalECPrivateKey(l.key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&l.key.PublicKey)
	if err != nil {
		return err
	}
	l.keyPEM = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	l.pubPEM = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	l.header = passport.Header{Ppt: passport.Shaken, X5U: l.url}
	l.claims = passport.Claims{
		Attest: passport.AttestFull, Origid: "123e4567-e89b-12d3-a456-426655440000", IssuedAt: l.now.Unix(),
		Orig: passport.Party{TN: origTN}, Dest: passport.Parties{TN: []tn.Number{destTN}},
	}
	l.facts = verification.Facts{Calling: l.claims.Orig, Called: passport.Party{TN: destTN}, Date: l.now}
	text, err := passport.Sign(l.key, l.header, l.claims)
	l.field = sipidentity.Header{Passport: text, Info: l.url, Alg: "ES256", Ppt: passport.Shaken}.String()
	return err
}

// prepare returns the operations, and what ends what they started.
func prepare() ([]op, func(), error) {
	l, err := newLaboratory()
	if err != nil {
		return nil, nil, fmt.Errorf("making the laboratory: %w", err)
	}
	cache, err := os.MkdirTemp("", "bench-peer-cache")
	if err != nil {
		return nil, nil, err
	}
	fetcher := fetch.New(fetch.Config{Lab: true})
	done := func() {
		fetcher.Close()
		l.server.Close()
		os.RemoveAll(cache)
	}
	secsipid.SetURLFileCacheOptions(cache, 3600)
	ops := append(l.verifying(fetcher), l.parsing()...)
	return append(ops, l.signing()...), done, nil
}

func (l *laboratory) verifying(fetcher *fetch.Fetcher) []op {
	ctx := context.Background()
	token, err := passport.Parse(mustField(l.field).Passport)
	check(err)
	digest := token.Digest()
	der, err := l.key.Sign(nil, digest[:], crypto.SHA256)
	check(err)
	repository := trust.New(trust.Config{Fetcher: fetcher, Set: trust.Set{Anchors: stircert.NewAnchors(l.anchor)}})
	service := &verification.Service{Certificates: repository}
	fields := []string{l.field}
	atis := sipidentity.ATIS1000074()
	return []op{
		{bareVerify, "", func() { require(ecdsa.VerifyASN1(&l.key.PublicKey, digest[:], der)) }},
		{"verify shaken, certificate cached", bareVerify, func() {
			r, err := service.VerifyAt(ctx, fields, l.facts, l.now, atis)
			require(err == nil && r.Result == verification.Valid)
		}},
		{"peer secsipid 1.3.2: verify, key in memory", bareVerify, func() {
			code, err := secsipid.SJWTCheckFullIdentityPubKey(l.field, 3600, string(l.pubPEM))
			require(code == 0 && err == nil)
		}},
		{"peer secsipid 1.3.2: verify, URL cache", bareVerify, func() {
			code, err := secsipid.SJWTCheckFullIdentityURL(l.field, 3600, 5)
			require(code == 0 && err == nil)
		}},
	}
}

// parsing reads an Identity header field of 1.5 kB into checked claims.
func (l *laboratory) parsing() []op {
	claims := l.claims
	claims.More = []passport.Claim{{Name: "rcd", JSON: `{"nam":"` + strings.Repeat("The Press Office ", 47) + `"}`}}
	text, err := passport.Sign(l.key, l.header, claims)
	check(err)
	field := sipidentity.Header{Passport: text, Info: l.url, Alg: "ES256", Ppt: passport.Shaken}.String()
	t, err := passport.Parse(text)
	check(err)
	payload := []byte(t.ClaimsJSON())
	return []op{
		{fmt.Sprintf("parse an Identity field of %d bytes", len(field)), bareVerify, func() {
			h, err := sipidentity.Parse(field)
			check(err)
			token, err := passport.Parse(h.Passport)
			require(err == nil && token.Claims.Orig.TN == origTN)
		}},
		{"encoding/json, the claims alone, no check", bareVerify, func() {
			var v map[string]any
			check(json.Unmarshal(payload, &v))
		}},
	}
}

func (l *laboratory) signing() []op {
	digest := sha256.Sum256([]byte(l.field))
	return []op{
		{bareSign, "", func() {
			_, err := ecdsa.SignASN1(rand.Reader, l.key, digest[:])
			check(err)
		}},
		{"ecdsa, deterministic (RFC 6979)", bareSign, func() {
			_, err := l.key.Sign(nil, digest[:], crypto.SHA256)
			check(err)
		}},
		{"sign shaken", bareSign, func() {
			_, err := passport.Sign(l.key, l.header, l.claims)
			check(err)
		}},
		{"peer secsipid 1.3.2: sign", bareSign, func() {
			_, code, err := secsipid.SJWTGetIdentityPrvKey(origTN, destTN, "A", l.claims.Origid, l.url, l.keyPEM)
			require(code == 0 && err == nil)
		}},
	}
}

func mustField(field string) sipidentity.Header {
	h, err := sipidentity.Parse(field)
	check(err)
	return h
}

func require(ok bool) {
	if !ok {
		check(errors.New("an operation did not come to the result it must"))
	}
}

// check ends the program: a figure of an operation that fails means nothing.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}
