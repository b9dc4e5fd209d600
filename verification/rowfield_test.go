package verification_test

import "strings"

// fieldRows are those about the Identity header field (RFC 8224 section 4).
var fieldRows = []minted{
	{"025-compact-shaken", "8224 section 9", "no compact form with claims that signalling does not imply",
		"date: Fri, 02 Jan 2026 15:04:05 GMT\n" + usual, refused("compact-not-allowed", invalidHeader), []any{compact{signed()}}},
	{"026-order-info-last", "8224 section 4", "parameters may come in any order", usual, ok(),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";alg=ES256;ppt=shaken;info=<https://cert.example.org/caller.pem>"}}},
	{"026-order-ppt-first", "8224 section 4", "parameters may come in any order", usual, ok(),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";ppt=shaken;info=<https://cert.example.org/caller.pem>;alg=ES256"}}},
	{"026-order-unknown-between", "8224 section 4", "parameters that are not known are ignored, wherever they stand", usual, ok(),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: `;x;y="a;b";info=<https://cert.example.org/caller.pem>;z=1;ppt=shaken`}}},
	{"028-info-with-everything", "8224 section 4", "inside its brackets the URI may hold what it likes",
		"key: rfc8946\n" + published + "orig: sip:bob@example.com\ndest: sip:alice@example.com", ok() + "shown: name",
		[]any{fromVector("derived-escape")}},
	{"029-ppt-bare", "8224 section 4", "ppt as the grammar has it", "key: rfc8946\n" + published + "orig: tel:+12155550121\ndest: tel:+12155550131", ok(),
		[]any{fromVector("derived-shaken-A")}},
	{"029-ppt-quoted", "8224 section 4", "ppt as most print it", "key: rfc8946\n" + published + "orig: tel:+12155550121\ndest: tel:+12155550131", ok(),
		[]any{vectorWith{"derived-shaken-A", passportInfo + `;alg="ES256";ppt="shaken"`}}},
	{"031-folded", "8224 section 4", "lines may be folded and spaces stand around the marks", usual, ok(),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: " ;\r\n info = <https://cert.example.org/caller.pem> ;\r\n\talg=ES256\r\n ; ppt = shaken "}}},
	{"032-info-missing", "8224 section 4", "info must be there", usual, refused("info-missing", badInfo),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, bare: true}}},
	{"033-info-without-brackets", "8224 section 4", "info has angle brackets, and nothing is guessed", usual, refused("info-malformed", badInfo),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=https://cert.example.org/caller.pem;ppt=shaken"}}},
	{"034-x5u-port", "8224 section 4.1", "x5u and info are compared as text", usual, refused("x5u-mismatch", badInfo),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://cert.example.org:443/caller.pem>;ppt=shaken"}}},
	{"034-x5u-case", "8224 section 4.1", "letter by letter", usual, refused("x5u-mismatch", badInfo),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://CERT.example.org/caller.pem>;ppt=shaken"}}},
	{"035-published-field", "8224 section 4.1", "the field of RFC 8224 names another certificate than its PASSporT, whose iat is wrong before that",
		"key: rfc8225-a2\n" + aliceCall, refused("iat-is-text", invalidHeader), []any{fromVector("rfc8225-s7.1-and-rfc8224-s4.1.1")}},
	{"035-published-field-lenient", "8224 section 4.1", "with iat forgiven, the certificates still differ",
		"key: rfc8225-a2\nprofile: lenient\n" + aliceCall, refused("x5u-mismatch", badInfo) + "bent: iat-is-text",
		[]any{fromVector("rfc8225-s7.1-and-rfc8224-s4.1.1")}},
	{"036-alg-parameter", "8224 section 4.1", "alg mirrors the PASSporT's header", usual, refused("alg-mismatch", unsupported),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://cert.example.org/caller.pem>;alg=ES384;ppt=shaken"}}},
	{"036-ppt-parameter", "8224 section 4.1", "and so does ppt", usual, refused("ppt-mismatch", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://cert.example.org/caller.pem>;ppt=rcd"}}},
	{"036-ppt-left-out", "8224 section 4.1", "ppt must be there for a type that is not the plain one", usual, refused("ppt-omitted", invalidHeader),
		[]any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://cert.example.org/caller.pem>"}}},
	{"036-ppt-left-out-atis", "8224 section 4.1", "networks leave it out, and that is bent", "profile: atis-1000074\n" + usual,
		ok() + "bent: ppt-omitted", []any{pass{by: "caller", ppt: "shaken", body: shaken, params: ";info=<https://cert.example.org/caller.pem>"}}},
	{"037-two-parts", "8224 section 4", "a digest has two dots", usual, refused("digest-malformed", invalidHeader), []any{"a.b;info=<https://cert.example.org/caller.pem>"}},
	{"037-three-dots", "8224 section 4", "not three", usual, refused("digest-malformed", invalidHeader), []any{"...;info=<https://cert.example.org/caller.pem>"}},
	{"037-no-signature", "8224 section 4", "and a signature", usual, refused("digest-malformed", invalidHeader), []any{"..;info=<https://cert.example.org/caller.pem>"}},
	{"037-nothing", "8224 section 4", "nothing is no digest", usual, refused("digest-malformed", invalidHeader), []any{";info=<https://cert.example.org/caller.pem>"}},
	{"037-one-part-empty", "8224 section 4", "a compact one has neither header nor claims", usual, refused("digest-malformed", invalidHeader), []any{"a..b;info=<https://cert.example.org/caller.pem>"}},
	{"038-several-fields", "8224 section 4", "one good field beats bad ones, and each is reported", usual, ok() + "fields: valid, not valid, unsigned",
		[]any{signed(), tampered, pass{by: "caller", ppt: "foo", body: plain}}},
	{"038-good-one-last", "8224 section 4", "wherever it stands", usual, ok() + "fields: unsigned, not valid, valid",
		[]any{pass{by: "caller", ppt: "foo", body: plain}, tampered, signed()}},
}

// tampered has one character of its claims changed after it was signed.
var tampered = pass{by: "caller", ppt: "shaken", body: shaken.with("attest", `"B"`), sign: func(input string) []byte {
	header, _, _ := strings.Cut(input, ".")
	return signature("caller", header+"."+b64([]byte(shaken.String())))
}}
