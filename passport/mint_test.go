package passport_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// minter writes PASSporTs that no honest signer would, signed all the same.
type minter struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// rs returns r and s over input, deterministically (RFC 6979).
func (m minter) rs(input string) []byte {
	m.t.Helper()
	digest := sha256.Sum256([]byte(input))
	der, err := m.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		m.t.Fatal(err)
	}
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		m.t.Fatal(err)
	}
	out := make([]byte, 64)
	v.R.FillBytes(out[:32])
	v.S.FillBytes(out[32:])
	return out
}

// sign signs header and claims as they stand, whatever they are.
func (m minter) sign(header, claims string) string {
	m.t.Helper()
	input := encode(header) + "." + encode(claims)
	return input + "." + encode(string(m.rs(input)))
}

const certificate = `"x5u":"https://cert.example.org/passport.cer"`

// header returns a protected header of that ppt.
func header(ppt string) string {
	if ppt != "" {
		ppt = `"ppt":"` + ppt + `",`
	}
	return `{"alg":"ES256",` + ppt + `"typ":"passport",` + certificate + `}`
}

// plain signs claims in a PASSporT without a ppt.
func (m minter) plain(claims string) string { return m.sign(header(""), claims) }

// shaken signs a shaken PASSporT with that attest and origid, as JSON, either of which
// may be left out.
func (m minter) shaken(attest, origid string) string {
	if attest != "" {
		attest = `"attest":` + attest + `,`
	}
	if origid != "" {
		origid = `,"origid":` + origid
	}
	return m.sign(header("shaken"), `{`+attest+`"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"}`+origid+`}`)
}

// shakenA is V:derived-shaken-A, in its parts.
func (m minter) shakenA() (head, claims, signature string) {
	m.t.Helper()
	parts := strings.Split(vectorNamed(m.t, "derived-shaken-A").Token, ".")
	return parts[0], parts[1], parts[2]
}

// withHMAC signs with HS256 by the text of the public key, the classical confusion.
func (m minter) withHMAC(pem string) string {
	_, claims, _ := m.shakenA()
	input := encode(strings.Replace(header("shaken"), "ES256", "HS256", 1)) + "." + claims
	mac := hmac.New(sha256.New, []byte(pem))
	mac.Write([]byte(input))
	return input + "." + encode(string(mac.Sum(nil)))
}

// asDER returns the signature of V:derived-shaken-A in the form used in certificates.
func (m minter) asDER() string {
	m.t.Helper()
	head, claims, signature := m.shakenA()
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		m.t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		m.t.Fatal(err)
	}
	return head + "." + claims + "." + encode(string(der))
}

// mintedRows are the rows of testdata/rows.
func mintedRows(t testing.TB) []row {
	m := minter{t, rfc8946Key(t)}
	var rows []row
	for _, part := range []func(minter) []row{headerRows, signatureRows, claimRows, partyRows, shakenRows, extensionRows} {
		rows = append(rows, part(m)...)
	}
	return rows
}

func headerRows(m minter) []row {
	const claims = `{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"}}`
	head := func(members string) string { return m.sign(`{`+members+`,`+certificate+`}`, claims) }
	_, shaken, signature := m.shakenA()
	public := vectorNamed(m.t, "derived-shaken-A").PublicKeyPEM
	return []row{
		{5, "typ-in-upper-case", "typ-wrong", "", "", "typ is Passport", "8225 §4.1", head(`"alg":"ES256","typ":"Passport"`)},
		{5, "typ-jwt", "typ-wrong", "", "", "typ is JWT", "8225 §4.1", head(`"alg":"ES256","typ":"JWT"`)},
		{5, "typ-missing", "member-missing", "", "", "there is no typ", "8225 §4.1", head(`"alg":"ES256"`)},
		{5, "typ-empty", "typ-wrong", "", "", "typ is empty", "8225 §4.1", head(`"alg":"ES256","typ":""`)},
		{5, "typ-null", "member-type", "", "", "typ is null", "8225 §4.1", head(`"alg":"ES256","typ":null`)},
		{5, "x5u-missing", "member-missing", "", "", "there is no x5u", "8225 §4.3", m.sign(`{"alg":"ES256","typ":"passport"}`, claims)},
		{5, "x5u-empty", "member-missing", "", "", "x5u is empty", "8225 §4.3", m.sign(`{"alg":"ES256","typ":"passport","x5u":""}`, claims)},
		{5, "crit", "crit-unsupported", "", "", "crit names an extension that nobody knows", "7515 §4.1.11", m.sign(`{"alg":"ES256","crit":["exp"],"exp":1,"typ":"passport",`+certificate+`}`, claims)},

		{6, "alg-none", "alg-unsupported", "", "", "alg is none and there is no signature", "8225 §4.2", encode(strings.Replace(header("shaken"), "ES256", "none", 1)) + "." + shaken + "."},
		{6, "alg-none-signed", "alg-unsupported", "", "", "alg is none and the signature is that of another PASSporT", "8225 §4.2", encode(strings.Replace(header("shaken"), "ES256", "none", 1)) + "." + shaken + "." + signature},
		{6, "alg-hs256", "alg-unsupported", "", "", "alg is HS256, keyed with the text of the public key", "8225 §4.2", m.withHMAC(public)},
		{6, "alg-rs256", "alg-unsupported", "", "", "alg is RS256, with a signature of 256 bytes", "8225 §4.2", encode(strings.Replace(header("shaken"), "ES256", "RS256", 1)) + "." + shaken + "." + encode(strings.Repeat("\x01", 256))},
		{6, "alg-es384", "alg-unsupported", "", "", "alg is ES384, with a signature of 96 bytes", "8225 §4.2", encode(strings.Replace(header("shaken"), "ES256", "ES384", 1)) + "." + shaken + "." + encode(strings.Repeat("\x01", 96))},
		{6, "alg-in-lower-case", "alg-unsupported", "", "", "alg is es256", "8225 §4.2", head(`"alg":"es256","typ":"passport"`)},
		{6, "alg-missing", "member-missing", "", "", "there is no alg", "8225 §4.2", m.sign(`{"typ":"passport",`+certificate+`}`, claims)},
		{6, "alg-list", "member-type", "", "", "alg is a list", "8225 §4.2", head(`"alg":["ES256"],"typ":"passport"`)},

		{14, "header", "member-repeated", "", "", "the header has alg twice", "8225 §9", head(`"alg":"ES256","alg":"ES256","typ":"passport"`)},
		{15, "header", "member-missing", "", "", "the header has ALG and no alg", "8225 §9", head(`"ALG":"ES256","typ":"passport"`)},
		{16, "header-order", "valid", "not-canonical-json", "", "the header is ordered alg, typ, ppt, x5u, as an early server wrote it", "8225 §9", m.sign(`{"alg":"ES256","typ":"passport","ppt":"shaken",`+certificate+`}`, `{"attest":"A","dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"origid":"123e4567-e89b-12d3-a456-426655440000"}`)},
		{16, "white-space", "valid", "not-canonical-json", "", "there is white space in the claims", "8225 §9", m.plain(`{ "dest": {"tn": ["12155550131"]}, "iat": 1443208345, "orig": {"tn": "12155550121"} }` + "\n")},
		{16, "needless-escape", "valid", "not-canonical-json", "", "a solidus is escaped", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"uri":"http:\/\/example.com"}}`)},
		{23, "unknown-ppt", "valid", "", "", "ppt is foo: the PASSporT is read, and whoever judges calls must ignore it", "8225 §8", m.sign(header("foo"), claims)},
	}
}

func signatureRows(m minter) []row {
	head, claims, signature := m.shakenA()
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		m.t.Fatal(err)
	}
	// The standard's alphabet has other characters for 62 and 63.
	standard := strings.NewReplacer("-", "+", "_", "/")
	// Of the last character only the first bits count, so its neighbour says the same.
	tail := func(part string) string { return part[:len(part)-1] + string(part[len(part)-1]+1) }
	opt := vectorNamed(m.t, "rfc8946-s5-opt-inner").Token
	appendixA := vectorNamed(m.t, "rfc8225-appA-with-A2-key").Token
	return []row{
		{1, "baseline", "valid", "", "", "the inner PASSporT of RFC 8946 section 5, the one sound example of the standards", "8225 §4, §5", opt},
		{3, "with-printed-key", "signature-invalid", "", "rfc8225-a2", "the example of RFC 8225 appendix A does not fit the key printed in A.2", "8225 §6", appendixA},
		{3, "with-derived-key", "signature-invalid", "", "rfc8225-a1", "the example of RFC 8225 appendix A does not fit the private key of A.1 either", "8225 §6", appendixA},
		{9, "der", "signature-is-der", "", "", "the signature is in DER", "7518 §3.4", m.asDER()},
		{10, "63-bytes", "signature-length", "", "", "the signature is 63 bytes long", "7518 §3.4", join(head, claims, encode(string(raw[:63])))},
		{10, "65-bytes", "signature-length", "", "", "the signature is 65 bytes long", "7518 §3.4", join(head, claims, encode(string(raw)+"\x00"))},
		{10, "0-bytes", "signature-length", "", "", "the signature is empty", "7518 §3.4", join(head, claims, "")},
		{10, "4-kib", "signature-length", "", "", "the signature is 4 KiB long", "7518 §3.4", join(head, claims, encode(strings.Repeat("\x01", 4<<10)))},
		{10, "all-zero", "signature-invalid", "", "", "r and s are zero", "7518 §3.4", join(head, claims, encode(strings.Repeat("\x00", 64)))},
		{11, "padded-header", "base64-malformed", "", "", "the header is padded with =", "7515 §2", join(head+"=", claims, signature)},
		{11, "padded-claims", "base64-malformed", "", "", "the claims are padded with ==", "7515 §2", join(head, claims+"==", signature)},
		{11, "padded-signature", "base64-malformed", "", "", "the signature is padded with ==", "7515 §2", join(head, claims, signature+"==")},
		{11, "standard-alphabet", "base64-malformed", "", "", "the signature uses + and /", "7515 §2", join(head, claims, standard.Replace(signature))},
		{11, "line-break-in-claims", "base64-malformed", "", "", "a line break in the claims", "7515 §2", join(head, claims[:8]+"\n"+claims[8:], signature)},
		{11, "line-break-at-end", "base64-malformed", "", "", "a line break after the signature", "7515 §2", join(head, claims, signature+"\r\n")},
		{11, "space", "base64-malformed", "", "", "a space before the header", "7515 §2", join(" "+head, claims, signature)},
		{11, "tail-bits-of-signature", "base64-malformed", "", "", "the last character of the signature has bits that do not count", "4648 §3.5", join(head, claims, tail(signature))},
		{11, "tail-bits-of-claims", "base64-malformed", "", "", "the last character of the claims has bits that do not count", "4648 §3.5", join(head, tail(encode(`{"iat":1443208345}`)), signature)},
		{11, "one-character-over", "base64-malformed", "", "", "one character more than whole bytes", "7515 §2", join(head, encode("{}x")+"A", signature)},
	}
}

func claimRows(m minter) []row {
	iat := func(v string) string {
		return m.plain(`{"dest":{"tn":["12155550131"]},"iat":` + v + `,"orig":{"tn":"12155550121"}}`)
	}
	return []row{
		{4, "published", "iat-is-text", "", "rfc8225-a2", "the example of RFC 8225 section 7.1: its signature holds, its iat is text", "8225 §5.1.1", vectorNamed(m.t, "rfc8225-s7.1-and-rfc8224-s4.1.1").Token},
		{4, "other-text", "claim-type", "", "", "iat is text that is no number", "8225 §5.1.1", iat(`"now"`)},
		{4, "fraction", "claim-value", "", "", "iat has a fraction", "8225 §5.1.1", iat(`1443208345.5`)},
		{4, "exponent", "claim-value", "", "", "iat is written with an exponent", "8225 §9", iat(`1.443208345e9`)},
		{4, "negative", "claim-value", "", "", "iat is before 1970", "8225 §5.1.1", iat(`-1`)},
		{4, "zero", "claim-value", "", "", "iat is zero", "8225 §5.1.1", iat(`0`)},
		{4, "beyond-time", "claim-value", "", "", "iat is in the year 10000", "8225 §5.1.1", iat(`253402300800`)},
		{4, "beyond-64-bits", "claim-value", "", "", "iat does not fit 64 bits", "8225 §5.1.1", iat(`1443208345000000000000`)},
		{4, "null", "claim-type", "", "", "iat is null", "8225 §5.1.1", iat(`null`)},
		{14, "orig", "member-repeated", "", "", "the claims have orig twice", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"orig":{"tn":"12155550122"}}`)},
		{14, "orig-escaped", "member-repeated", "", "", "the second orig is written with an escape", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"\u006frig":{"tn":"12155550122"}}`)},
		{14, "inside-orig", "member-repeated", "", "", "orig has tn twice", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121","tn":"12155550122"}}`)},
		{14, "inside-unknown-claim", "member-repeated", "", "", "a claim that nobody knows has a member twice", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"zzz":[{"a":1,"a":2}]}`)},
		{15, "claims", "claim-missing", "", "", "the claims are called IAT and Orig", "8225 §9", m.plain(`{"IAT":1443208345,"Orig":{"tn":"12155550121"},"dest":{"tn":["12155550131"]}}`)},
		{15, "inside-orig", "orig-not-one", "", "", "the number in orig is called TN", "8225 §9", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"TN":"12155550121"}}`)},
		{24, "unknown-claim", "valid", "", "", "there is a claim zzz that nobody knows", "8225 §8.3", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},"zzz":{"a":[1,null]}}`)},
		{24, "claims-are-a-list", "json-malformed", "", "", "the claims are a list", "8225 §5", m.plain(`[]`)},
		{24, "claims-are-nothing", "json-malformed", "", "", "the claims are empty", "8225 §5", m.plain(``)},
		{24, "claims-too-deep", "json-too-large", "", "", "a claim that nobody knows is nested a thousand times", "8225 §5", m.plain(`{"zzz":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`)},
		{116, "rfc8443", "json-malformed", "", "", "the example of RFC 8443 section 4.1, whose claims are not JSON", "8443 §4.1", vectorNamed(m.t, "rfc8443-s4.1-rph").Token},
	}
}

func partyRows(m minter) []row {
	orig := func(v string) string {
		return m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":` + v + `}`)
	}
	dest := func(v string) string {
		return m.plain(`{"dest":` + v + `,"iat":1443208345,"orig":{"tn":"12155550121"}}`)
	}
	return []row{
		{17, "two", "orig-not-one", "", "", "orig has tn and uri", "8225 §5.2.1", orig(`{"tn":"12155550121","uri":"sip:alice@example.com"}`)},
		{17, "none", "orig-not-one", "", "", "orig is empty", "8225 §5.2.1", orig(`{}`)},
		{17, "list", "orig-not-one", "", "", "orig is a list", "8225 §5.2.1", orig(`[{"tn":"12155550121"}]`)},
		{17, "text", "orig-not-one", "", "", "orig is text", "8225 §5.2.1", orig(`"12155550121"`)},
		{17, "number-list", "claim-type", "", "", "the number in orig is a list", "8225 §5.2.1", orig(`{"tn":["12155550121"]}`)},
		{17, "plus", "number-not-canonical", "", "", "the number in orig has a plus sign", "8224 §8.3", orig(`{"tn":"+12155550121"}`)},
		{17, "no-number", "claim-value", "", "", "the number in orig is a name", "8224 §8.3", orig(`{"tn":"alice"}`)},
		{17, "no-uri", "claim-value", "", "", "the URI in orig has no scheme", "8225 §5.2.1", orig(`{"uri":"alice"}`)},
		{17, "uri", "valid", "", "", "orig is a URI", "8225 §5.2.1", orig(`{"uri":"sip:alice@example.com"}`)},
		{18, "published", "dest-is-text", "", "", "the outer PASSporT of RFC 8946 section 5: its signature holds, its dest.tn is text", "8225 §5.2.1", vectorNamed(m.t, "rfc8946-s5-div-o").Token},
		{18, "uri", "dest-is-text", "", "", "dest.uri is text", "8225 §5.2.1", dest(`{"uri":"sip:bob@example.com"}`)},
		{18, "object", "claim-type", "", "", "dest.tn is an object", "8225 §5.2.1", dest(`{"tn":{}}`)},
		{18, "list", "claim-type", "", "", "dest is a list", "8225 §5.2.1", dest(`["12155550131"]`)},
		{19, "two-numbers", "valid", "", "", "dest has two numbers", "8225 §5.2.1", dest(`{"tn":["12155550131","12155550132"]}`)},
		{19, "number-and-uri", "valid", "", "", "dest has a number and a URI", "8225 §5.2.1", dest(`{"tn":["12155550131"],"uri":["sip:bob@example.com"]}`)},
		{20, "object", "dest-empty", "", "", "dest is empty", "8225 §5.2.1", dest(`{}`)},
		{20, "numbers", "dest-empty", "", "", "dest.tn is empty", "8225 §5.2.1", dest(`{"tn":[]}`)},
		{20, "numbers-and-uris", "dest-empty", "", "", "dest.tn and dest.uri are empty", "8225 §5.2.1", dest(`{"tn":[],"uri":[]}`)},
		{20, "missing", "claim-missing", "", "", "there is no dest", "8225 §5.2.1", m.plain(`{"iat":1443208345,"orig":{"tn":"12155550121"}}`)},
		{21, "mky", "valid", "", "", "mky has the two fingerprints of RFC 8225 section 5.2.2 in order", "8225 §5.2.2", vectorNamed(m.t, "derived-mky").Token},
		{21, "mky-object", "claim-type", "", "", "mky is one object, not a list", "8225 §5.2.2", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"mky":{"alg":"sha-256","dig":"02"},"orig":{"tn":"12155550121"}}`)},
		{21, "mky-without-digest", "claim-type", "", "", "an element of mky has no dig", "8225 §5.2.2", m.plain(`{"dest":{"tn":["12155550131"]},"iat":1443208345,"mky":[{"alg":"sha-256"}],"orig":{"tn":"12155550121"}}`)},
	}
}

func shakenRows(m minter) []row {
	const id = `"123e4567-e89b-12d3-a456-426655440000"`
	return []row{
		{89, "full", "valid", "", "", "attest is A", "8588 §4", m.shaken(`"A"`, id)},
		{89, "partial", "valid", "", "", "attest is B", "8588 §4", m.shaken(`"B"`, id)},
		{89, "gateway", "valid", "", "", "attest is C", "8588 §4", m.shaken(`"C"`, id)},
		{89, "lower-case", "attest-wrong", "", "", "attest is a", "8588 §4", m.shaken(`"a"`, id)},
		{89, "other-letter", "attest-wrong", "", "", "attest is D", "8588 §4", m.shaken(`"D"`, id)},
		{89, "number", "attest-wrong", "", "", "attest is 1", "8588 §4", m.shaken(`1`, id)},
		{89, "empty", "attest-wrong", "", "", "attest is empty", "8588 §4", m.shaken(`""`, id)},
		{89, "missing", "claim-missing", "", "", "there is no attest", "8588 §4", m.shaken(``, id)},
		{90, "missing", "claim-missing", "", "", "there is no origid", "8588 §5", m.shaken(`"A"`, ``)},
		{90, "no-uuid", "valid", "origid-not-uuid", "", "origid is not a UUID", "8588 §5", m.shaken(`"A"`, `"carrier-7"`)},
		{90, "braces", "valid", "origid-not-uuid", "", "origid is a UUID in braces", "8588 §5", m.shaken(`"A"`, `"{123e4567-e89b-12d3-a456-426655440000}"`)},
		{90, "upper-case", "valid", "", "", "origid is in upper case", "4122 §3", m.shaken(`"A"`, strings.ToUpper(id))},
		{90, "empty", "claim-value", "", "", "origid is empty", "8588 §5", m.shaken(`"A"`, `""`)},
		{90, "number", "claim-type", "", "", "origid is a number", "8588 §5", m.shaken(`"A"`, `7`)},
		{91, "compact", "compact-not-allowed", "", "", "a shaken PASSporT in compact form", "8588 §3", vectorNamed(m.t, "derived-shaken-A").CompactForm},
	}
}

func extensionRows(m minter) []row {
	const parties = `"dest":{"tn":["12155550132"]},"div":{"tn":"12155550131"},"iat":1443208345,"opt":`
	opt := func(ppt, v string) string {
		return m.sign(header(ppt), `{`+parties+v+`,"orig":{"tn":"12155550121"}}`)
	}
	inner := vectorNamed(m.t, "derived-div-original")
	rph := func(members string) string {
		return m.sign(header("rph"), `{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"},`+members+`}`)
	}
	msgi := func(ppt, v string) string {
		return m.sign(header(ppt), `{"attest":"A","dest":{"tn":["12155550131"]},"iat":1443208345,"msgi":`+v+`,"orig":{"tn":"12155550121"},"origid":"123e4567-e89b-12d3-a456-426655440000"}`)
	}
	return []row{
		{101, "opt-in-div", "div-holds-opt", "", "", "a div PASSporT with opt", "8946 §3", opt("div", `"`+inner.Token+`"`)},
		{102, "nested", "valid", "", "", "a div-o PASSporT with the original in full form", "8946 §5", vectorNamed(m.t, "derived-div-o-corrected").Token},
		{103, "compact", "opt-invalid", "", "", "opt is in compact form", "8946 §6", opt("div-o", `"`+inner.CompactForm+`"`)},
		{103, "two-parts", "opt-invalid", "", "", "opt has two parts", "8946 §6", opt("div-o", `"a.b"`)},
		{103, "empty", "opt-invalid", "", "", "opt is empty", "8946 §6", opt("div-o", `""`)},
		{103, "object", "claim-type", "", "", "opt is an object", "8946 §6", opt("div-o", `{}`)},
		{103, "missing", "claim-missing", "", "", "there is no opt", "8946 §5", m.sign(header("div-o"), `{"dest":{"tn":["12155550132"]},"div":{"tn":"12155550131"},"iat":1443208345,"orig":{"tn":"12155550121"}}`)},
		{115, "psap-callback", "valid", "", "", "an emergency centre calls back", "9027 §4", vectorNamed(m.t, "derived-rph-esnet-psap-callback").Token},
		{115, "esnet", "valid", "", "", "auth is esnet.1", "9027 §3", rph(`"rph":{"auth":["esnet.1"]}`)},
		{115, "no-list", "claim-type", "", "", "rph has no auth", "8443 §4", rph(`"rph":{"ets":["ets.0"]}`)},
		{115, "empty-list", "claim-value", "", "", "auth is empty", "8443 §4", rph(`"rph":{"auth":[]}`)},
		{117, "other-value", "sph-wrong", "", "", "sph is normal", "9027 §4", rph(`"rph":{"auth":["esnet.0"]},"sph":"normal"`)},
		{117, "upper-case", "sph-wrong", "", "", "sph is PSAP-callback", "9027 §4", rph(`"rph":{"auth":["esnet.0"]},"sph":"PSAP-callback"`)},
		{117, "empty", "sph-wrong", "", "", "sph is empty", "9027 §4", rph(`"rph":{"auth":["esnet.0"]},"sph":""`)},
		{117, "without-esnet", "sph-wrong", "", "", "sph stands beside a priority of another namespace", "9027 §4", rph(`"rph":{"auth":["ets.0"]},"sph":"psap-callback"`)},
		{118, "msgi", "valid", "", "", "msgi in a msg PASSporT", "9475 §3.2", vectorNamed(m.t, "derived-msg-msgi").Token},
		{118, "msgi-number", "claim-type", "", "", "msgi is a number", "9475 §3.2", msgi("msg", `1`)},
		{119, "msgi-in-shaken", "valid", "msgi-ignored", "", "msgi in a shaken PASSporT is ignored, though it is wrong", "9475 §3.2", msgi("shaken", `"sha256-AAAA"`)},
		{119, "msgi-in-shaken-number", "valid", "msgi-ignored", "", "msgi in a shaken PASSporT is ignored, though it is a number", "9475 §3.2", msgi("shaken", `1`)},
	}
}
