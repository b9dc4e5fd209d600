package verification_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

const passportInfo = ";info=<https://cert.example.org/passport.cer>"

// noAlg are the parameters of a field that does not name the algorithm.
const noAlg = ";info=<https://cert.example.org/caller.pem>;ppt=shaken"

// formRows are those about the PASSporT itself (RFC 8225).
var formRows = []minted{
	{"001-baseline", "8225 section 4", "the one published PASSporT that is right in every way", vectorCall, ok(),
		[]any{fromVector("rfc8946-s5-opt-inner")}},
	{"003-app-a-with-a2-key", "8225 section 6", "the PASSporT of appendix A does not verify with the key of A.2",
		"key: rfc8225-a2\nat: 2016-08-16T19:23:38Z\norig: tel:+12155551212\ndest: sip:alice@example.com",
		failed("signature-invalid", invalidHeader), []any{vectorWith{"rfc8225-appA-with-A2-key", passportInfo}}},
	{"003-app-a-with-a1-key", "8225 section 6", "nor does it with the key of A.1",
		"key: rfc8225-a1\nat: 2016-08-16T19:23:38Z\norig: tel:+12155551212\ndest: sip:alice@example.com",
		failed("signature-invalid", invalidHeader), []any{vectorWith{"rfc8225-appA-with-A1-derived-key", passportInfo}}},
	{"004-iat-text", "8225 section 5.1.1", "iat is a number; here the signature is right and iat is text",
		"key: rfc8225-a2\n" + aliceCall, refused("iat-is-text", invalidHeader),
		[]any{vectorWith{"rfc8225-s7.1-and-rfc8224-s4.1.1", passportInfo}}},
	{"004-iat-text-lenient", "8225 section 5.1.1", "the lenient profile reads the text and says so",
		"key: rfc8225-a2\nprofile: lenient\n" + aliceCall, ok() + "bent: iat-is-text",
		[]any{vectorWith{"rfc8225-s7.1-and-rfc8224-s4.1.1", passportInfo}}},
	{"005-typ-case", "8225 section 4.1", "typ is exactly passport", usual, refused("typ-wrong", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"typ": `"Passport"`}}}},
	{"005-typ-jwt", "8225 section 4.1", "another signed object is no PASSporT", usual, refused("typ-wrong", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"typ": `"JWT"`}}}},
	{"005-typ-jwt-atis", "8225 section 4.1", "the interface of ATIS-1000082 counts typ among the credential",
		"profile: atis-1000074\n" + usual, refused("typ-wrong", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"typ": `"JWT"`}}}},
	{"005-typ-missing", "8225 section 4.1", "typ must be there", usual, refused("member-missing", invalidPass),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"typ": ""}}}},
	{"005-typ-missing-atis", "8225 section 4.1", "for a header without its members the interface of ATIS-1000082 has only 436",
		"profile: atis-1000074\n" + usual, refused("member-missing", badInfo),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"typ": ""}}}},
	{"006-alg-none", "8225 section 4.2", "alg none is refused, whatever the signature", usual, refused("alg-unsupported", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"none"`}, params: noAlg}}},
	{"006-alg-none-unsigned", "8225 section 4.2", "a PASSporT without a signature is no digest", usual, refused("digest-malformed", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"none"`}, params: noAlg, sign: func(string) []byte { return nil }}}},
	{"006-alg-hs256", "8225 section 4.2", "the public key is not taken for a shared secret", usual, refused("alg-unsupported", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"HS256"`}, params: noAlg, sign: hs256}}},
	{"006-alg-hs256-as-es256", "8225 section 4.2", "nor is it if the header says ES256", usual, failed("signature-length", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, sign: hs256}}},
	{"006-alg-rs256", "8225 section 4.2", "RS256 is refused", usual, refused("alg-unsupported", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"RS256"`}, params: noAlg}}},
	{"006-alg-es384", "8225 section 4.2", "ES384 is refused", usual, refused("alg-unsupported", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, header: claims{"alg": `"ES384"`}, params: noAlg}}},
	{"007-deterministic", "8225 section 6", "signed with the nonce of RFC 6979: the very bytes of the derived vector",
		"key: rfc8946\n" + published + "orig: tel:+12155550121\ndest: tel:+12155550131", ok(), []any{deterministic}},
}

// deterministic is minted to be equal to a derived vector.
var deterministic = pass{
	by: "rfc8946", ppt: "shaken", header: claims{"x5u": `"https://cert.example.org/passport.cer"`},
	params: passportInfo + ";alg=ES256;ppt=shaken",
	body: claims{"attest": `"A"`, "dest": all("12155550131"), "iat": "1443208345", "orig": one("12155550121"),
		"origid": `"123e4567-e89b-12d3-a456-426655440000"`},
}

// hs256 is the signature of the confusion of algorithms: an HMAC by the public key.
func hs256(input string) []byte {
	der, err := x509.MarshalPKIXPublicKey(&keyOf("caller").PublicKey)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

// resized is a signature of another length.
func resized(n int) func(string) []byte {
	return func(input string) []byte { return append(signature("caller", input), 0)[:n] }
}

// inDigest makes a change to the digest alone.
func inDigest(edit func(digest string) string) func(string) string {
	return func(value string) string {
		digest, params, _ := strings.Cut(value, ";")
		return edit(digest) + ";" + params
	}
}

// tailBits sets a bit of the last character that no byte has.
func tailBits(digest string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, digest[len(digest)-1])
	return digest[:len(digest)-1] + string(alphabet[last|1])
}

func otherAlphabet(digest string) string {
	edited := strings.NewReplacer("-", "+", "_", "/").Replace(digest)
	if edited == digest {
		panic("the signature happens to have neither - nor _")
	}
	return edited
}

// repeated are claims with orig in them twice.
var repeated = `{"attest":"A","dest":` + shaken["dest"] + `,"iat":` + shaken["iat"] + `,"orig":` + one(third) + `,"orig":` + one(caller) +
	`,"origid":` + shaken["origid"] + `}`

// unsorted is a header as an early server wrote it.
const unsorted = `{"alg":"ES256","typ":"passport","ppt":"shaken","x5u":"https://cert.example.org/caller.pem"}`

// signatureRows are those about signature, encoding and claims.
var signatureRows = []minted{
	{"009-der", "7518 section 3.4", "a signature in the form of certificates is refused by name", usual, failed("signature-is-der", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, sign: func(input string) []byte { return derSignature("caller", input) }}}},
	{"010-length-63", "7518 section 3.4", "a signature has 64 bytes", usual, failed("signature-length", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(63)}}},
	{"010-length-65", "7518 section 3.4", "not one more either", usual, failed("signature-length", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(65)}}},
	{"010-length-0", "7518 section 3.4", "and none is no digest", usual, refused("digest-malformed", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, sign: resized(0)}}},
	{"011-padding", "7515 section 2", "base64url has no padding", usual, refused("base64-malformed", invalidHeader),
		[]any{edited{signed(), inDigest(func(d string) string { return d + "==" })}}},
	{"011-alphabet", "7515 section 2", "base64url has - and _, not + and /", usual, refused("base64-malformed", invalidHeader),
		[]any{edited{signed(), inDigest(otherAlphabet)}}},
	{"011-folded", "7515 section 2", "white space has no place in the digest", usual, refused("digest-malformed", invalidHeader),
		[]any{edited{signed(), inDigest(func(d string) string { return d[:40] + "\r\n " + d[40:] })}}},
	{"011-tail-bits", "7515 section 2", "the bits left over are zero", usual, refused("base64-malformed", invalidHeader),
		[]any{edited{signed(), inDigest(tailBits)}}},
	{"014-member-twice", "8225 section 9", "a member given twice is refused, whichever would be taken", usual, refused("member-repeated", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", raw: repeated}}},
	{"015-member-case", "8225 section 9", "IAT is not iat", usual, refused("claim-missing", invalidPass),
		[]any{withClaims(shaken.without("iat", "orig").with("IAT", shaken["iat"]).with("Orig", shaken["orig"]))}},
	{"016-unsorted", "8225 section 5", "what was received is checked, in whatever order its members are", usual, ok("not-canonical-json"),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, rawHeader: unsorted}}},
	{"016-unsorted-lenient", "8225 section 5", "the lenient profile counts it among the rules that were bent",
		"profile: lenient\n" + usual, ok() + "bent: not-canonical-json",
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, rawHeader: unsorted}}},
	{"017-orig-two", "8225 section 5.2.1", "orig has one party", usual, refused("orig-not-one", invalidHeader),
		[]any{withClaims(shaken.with("orig", `{"tn":"12155551212","uri":"sip:a@carrier.example"}`))}},
	{"017-orig-none", "8225 section 5.2.1", "orig has one party, not none", usual, refused("orig-not-one", invalidHeader),
		[]any{withClaims(shaken.with("orig", `{}`))}},
	{"017-orig-list", "8225 section 5.2.1", "orig is no list", usual, refused("orig-not-one", invalidHeader),
		[]any{withClaims(shaken.with("orig", `["12155551212"]`))}},
	{"018-dest-text", "8225 section 5.2.1", "dest.tn is a list", usual, refused("dest-is-text", invalidHeader),
		[]any{withClaims(shaken.with("dest", `{"tn":"12155551213"}`))}},
	{"018-published-div-o", "8225 section 5.2.1", "so the published div-o leads nowhere, and what it holds was for another party",
		"key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214", refused("dest-mismatch", invalidHeader) + "finds: dest-is-text\nfields: not valid, not valid",
		[]any{fromVector("rfc8946-s5-div-o")}},
	{"019-several-dest", "8225 section 5.2.1", "any of several called parties will do", "chain: caller\n" + thirdCall, ok(),
		[]any{withClaims(shaken.with("dest", all(called, third)))}},
	{"020-dest-empty", "8225 section 5.2.1", "dest names somebody", usual, refused("dest-empty", invalidHeader),
		[]any{withClaims(shaken.with("dest", `{}`))}},
	{"020-dest-tn-empty", "8225 section 5.2.1", "an empty list names nobody", usual, refused("dest-empty", invalidHeader),
		[]any{withClaims(shaken.with("dest", `{"tn":[]}`))}},
	{"023-ppt-unknown", "8225 section 8", "a type that is not known is carried, not judged", usual, unsigned("ppt-unsupported", useSupported),
		[]any{pass{by: "caller", ppt: "foo", body: plain}}},
	{"023-ppt-unknown-inside", "8225 section 8", "also if only the PASSporT itself says so", usual, unsigned("ppt-unsupported", useSupported),
		[]any{pass{by: "caller", ppt: "foo", body: plain, params: noAlg}}},
	{"024-claim-unknown", "8225 section 8.3", "a claim that is not known does no harm", usual, ok(),
		[]any{withClaims(shaken.with("zzz", `[1,{"a":null}]`))}},
}
