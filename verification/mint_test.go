package verification_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign.example/tn"
)

// The numbers of the published examples: who calls, who is called, and to whom the
// call is diverted.
const (
	caller tn.Number = "12155551212"
	called tn.Number = "12155551213"
	third  tn.Number = "12155551214"
)

// noon is when everything happens that has no reason to happen at another time.
var noon = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// claims are claims, or members of a header, by name, each as JSON.
type claims map[string]string

// with returns the claims with one more, or with another value for one.
func (c claims) with(name, value string) claims {
	c = maps.Clone(c)
	c[name] = value
	return c
}

func (c claims) without(names ...string) claims {
	c = maps.Clone(c)
	for _, name := range names {
		delete(c, name)
	}
	return c
}

// String writes the claims in the deterministic form of RFC 8225 section 9.
func (c claims) String() string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(c)) {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(quote(name) + ":" + c[name])
	}
	if len(c) == 0 {
		b.WriteByte('{')
	}
	return b.String() + "}"
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func iat(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func one(n tn.Number) string { return `{"tn":` + quote(string(n)) + `}` }

func all(numbers ...tn.Number) string {
	b, err := json.Marshal(map[string][]tn.Number{"tn": numbers})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// The claims that most PASSporTs of the tests have.
var (
	plain  = claims{"iat": iat(noon), "orig": one(caller), "dest": all(called)}
	shaken = plain.with("attest", `"A"`).with("origid", `"123e4567-e89b-12d3-a456-426655440000"`)
)

// diverted are the claims of a diversion from one number to another.
func diverted(from, to tn.Number) claims {
	return plain.with("div", one(from)).with("dest", all(to))
}

// pass is a PASSporT to be minted, and the Identity header field value around it.
type pass struct {
	// by is the name of the signer's key, and of the chain that x5u names unless header
	// says something else.
	by  string
	ppt string
	// body are the claims; raw stands in for them as text if it is set.
	body claims
	raw  string
	// header holds members that differ from the usual; with the value "" one is left out.
	// rawHeader stands in for all of it.
	header    claims
	rawHeader string
	// params stands in for what follows the digest.
	params string
	// bare leaves out what follows the digest.
	bare bool
	// sign makes another signature than that of the key.
	sign func(input string) []byte
}

func (p pass) headerJSON() string {
	if p.rawHeader != "" {
		return p.rawHeader
	}
	h := claims{"alg": `"ES256"`, "typ": `"passport"`, "x5u": quote(urlOf(p.by))}
	if p.ppt != "" {
		h["ppt"] = quote(p.ppt)
	}
	for name, value := range p.header {
		h[name] = value
		if value == "" {
			delete(h, name)
		}
	}
	return h.String()
}

// token returns the PASSporT in full form.
func (p pass) token() string {
	text := p.raw
	if text == "" {
		text = p.body.String()
	}
	input := b64([]byte(p.headerJSON())) + "." + b64([]byte(text))
	if p.sign != nil {
		return input + "." + b64(p.sign(input))
	}
	return input + "." + b64(signature(p.by, input))
}

// String returns the header field value.
func (p pass) String() string {
	switch {
	case p.bare:
		return p.token()
	case p.params != "":
		return p.token() + p.params
	}
	value := p.token() + ";info=<" + urlOf(p.by) + ">;alg=ES256"
	if p.ppt != "" {
		value += ";ppt=" + p.ppt
	}
	return value
}

// compact returns the header field value with the PASSporT in compact form.
func (p pass) compact() string {
	value := p.String()
	digest, params, _ := strings.Cut(value, ";")
	return ".." + digest[strings.LastIndexByte(digest, '.')+1:] + ";" + params
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signature is r and s by the key of that name, with the nonce of RFC 6979.
func signature(by, input string) []byte {
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(derSignature(by, input), &rs); err != nil {
		panic(err)
	}
	out := make([]byte, 64)
	rs.R.FillBytes(out[:32])
	rs.S.FillBytes(out[32:])
	return out
}

func derSignature(by, input string) []byte {
	sum := sha256.Sum256([]byte(input))
	der, err := keyOf(by).Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return der
}

// vectorFile is what the tests read of testdata/vectors.json.
type vectorFile struct {
	Passport, KnownBad []vector
	MKY                struct{ SDPFingerprints []string }
}

type vector struct {
	Name           string
	Token          string
	CompactForm    string
	PublicKeyPEM   string
	PrivateKeyPEM  string
	IdentityHeader string
	Verified       bool
}

var vectors = sync.OnceValue(func() vectorFile {
	data, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		panic(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file); err != nil {
		panic(err)
	}
	return file
})

// vectorNamed returns the published or derived vector of that name.
func vectorNamed(name string) vector {
	for _, v := range slices.Concat(vectors().Passport, vectors().KnownBad) {
		if v.Name == name {
			return v
		}
	}
	panic("no vector is called " + name)
}

// field returns the Identity header field value of a vector: as published, or made of
// what its PASSporT says.
func (v vector) field() string {
	if v.IdentityHeader != "" {
		return v.IdentityHeader
	}
	header, _, _ := strings.Cut(v.Token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(header)
	var h struct{ X5U, Ppt string }
	if err := json.Unmarshal(text, &h); err != nil {
		panic(err)
	}
	value := v.Token + ";info=<" + h.X5U + ">"
	if h.Ppt != "" {
		value += ";ppt=" + h.Ppt
	}
	return value
}

// publishedKey is the private key of RFC 8946 appendix A.
func publishedKey() *ecdsa.PrivateKey {
	block, _ := pem.Decode([]byte(vectorNamed("rfc8946-s5-opt-inner").PrivateKeyPEM))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key
}

// publicKeys are those that a row can name.
func publicKeyNamed(name string) *ecdsa.PublicKey {
	switch name {
	case "rfc8225-a2":
		return publicOf(vectorNamed("rfc8225-appA-with-A2-key"))
	case "rfc8225-a1":
		return publicOf(vectorNamed("rfc8225-appA-with-A1-derived-key"))
	}
	return &keyOf(name).PublicKey
}

func publicOf(v vector) *ecdsa.PublicKey {
	block, _ := pem.Decode([]byte(v.PublicKeyPEM))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(*ecdsa.PublicKey)
}
