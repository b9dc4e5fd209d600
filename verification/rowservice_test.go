package verification_test

import (
	"time"
)

func at(d time.Duration) pass { return withClaims(shaken.with("iat", iat(noon.Add(d)))) }

// compactOfRFC8224 is the compact form that RFC 8224 section 5.1 should have had.
var compactOfRFC8224 = compactVector{"derived-rfc8224-s5.1-numeric-iat", passportInfo + ";alg=ES256"}

// serviceRows are those about the verification service (RFC 8224 section 6.2).
var serviceRows = []minted{
	{"048-no-identity", "8224 section 6.2", "a call without an Identity header field", usual, unsigned("identity-absent", useIdentity), nil},
	{"049-only-unsupported", "8224 section 6.2 step 1", "a call with a type that is not known is as good as unsigned", usual,
		unsigned("ppt-unsupported", useSupported), []any{pass{by: "caller", ppt: "foo", body: plain}}},
	{"049-unsupported-and-broken", "8224 section 6.2 step 1", "a field of such a type is passed over whatever else is wrong with it", usual,
		unsigned("ppt-unsupported", useSupported), []any{"x;ppt=foo"}},
	{"050-one-fetchable", "8224 section 6.2.2", "436 only if all fail: one certificate is out of reach", "chain: caller\n" + when + parties,
		ok() + "fields: could not be checked, valid", []any{pass{by: "provider", ppt: "shaken", body: shaken}, signed()}},
	{"050-one-unfetchable-one-wrong", "8224 section 6.2.2", "with another fault beside it the answer is not 436", "chain: caller\n" + when + parties,
		"expect: could not be checked\ncode: signature-invalid\nstatus: " + invalidHeader + "\nverstat: No-TN-Validation\nfields: could not be checked, not valid",
		[]any{pass{by: "provider", ppt: "shaken", body: shaken}, tampered}},
	{"051-none-fetchable", "8224 section 6.2.2", "436 when both are", "chain: stranger\n" + when + parties, unchecked("certificate-unavailable", badInfo),
		[]any{pass{by: "provider", ppt: "shaken", body: shaken}, signed()}},
	{"052-unknown-anchor", "8224 section 6.2.2", "a good chain to a root that is not believed", "chain: stranger\n" + when + parties,
		failed("certificate-untrusted", unsupported, "authority-by-spc"), []any{pass{by: "stranger", ppt: "shaken", body: shaken}}},
	{"052-expired", "8224 section 6.2.2", "a certificate that has expired", "chain: expired\n" + when + parties,
		failed("certificate-expired", unsupported, "authority-by-spc"), []any{pass{by: "expired", ppt: "shaken", body: shaken}}},
	{"053-tampered", "8224 section 6.2.2", "one character of the claims was changed", usual, failed("signature-invalid", invalidHeader), []any{tampered}},
	{"053-tampered-and-stale", "8224 section 6.2.1", "of two bad fields the least damning decides, since anybody on the way can add a worse one", usual,
		refused("iat-stale", staleDate) + "fields: not valid, not valid", []any{tampered, at(-61 * time.Second)}},
	{"054-stale", "8224 section 6.2.2", "signed 61 seconds before the call", usual, refused("iat-stale", staleDate), []any{at(-61 * time.Second)}},
	{"054-future", "8224 section 6.2.2", "signed 61 seconds after it", usual, refused("iat-stale", staleDate), []any{at(61 * time.Second)}},
	{"055-edge-before", "8224 section 6.2 step 4", "60 seconds are fresh", usual, ok(), []any{at(-60 * time.Second)}},
	{"055-edge-after", "8224 section 6.2 step 4", "either way", usual, ok(), []any{at(60 * time.Second)}},
	{"056-date-differs", "8224 section 6.2 step 4", "Date was altered on the way; iat decides, and it is said",
		"date: Fri, 02 Jan 2026 15:04:15 GMT\n" + usual, ok("date-mismatch"), []any{signed()}},
	{"056-date-stale", "8224 section 6.2 step 4", "also if it is not fresh", "date: Fri, 02 Jan 2026 15:02:05 GMT\n" + usual,
		ok("date-mismatch", "date-stale"), []any{signed()}},
	{"056-date-equal", "8224 section 6.2 step 4", "nothing is said of a Date that fits", "date: Fri, 02 Jan 2026 15:04:05 GMT\n" + usual, ok(), []any{signed()}},
	{"057-replayed", "8224 section 12.1", "the same PASSporT was seen with another call", "callid: b@carrier.example\nseen-with: a@carrier.example\n" + usual,
		refused("replayed", invalidHeader), []any{signed()}},
	{"057-retransmitted", "8224 section 12.1", "the same call again is no replay", "callid: a@carrier.example\nseen-with: a@carrier.example\n" + usual, ok(), []any{signed()}},
	{"058-caller-differs", "8224 section 6.2.4", "the caller is the one that signalling names",
		"chain: caller\n" + when + "orig: tel:+12155551299\ndest: tel:+12155551213", refused("orig-mismatch", invalidHeader), []any{signed()}},
	{"059-called-differs", "8224 section 6.2.4", "cut from a call to somebody else",
		"chain: caller\n" + thirdCall, refused("dest-mismatch", invalidHeader), []any{signed()}},
	{"058-uri", "8224 section 8.5", "URIs are compared in canonical form, and the certificate is one of the domain",
		"chain: domain\n" + when + "orig: sip:desk@example.com\ndest: sip:Alice@office.example:5060;transport=tcp", ok("sct-missing"),
		[]any{pass{by: "domain", body: plain.with("orig", `{"uri":"sip:Desk@EXAMPLE.com:5060"}`).with("dest", `{"uri":["sip:bob@office.example","sip:alice@office.example"]}`)}}},
	{"058-uri-other-domain", "8224 section 8.2", "one of another domain covers it not",
		"chain: domain\n" + when + "orig: sip:desk@office.example\ndest: sip:alice@office.example", failed("not-covered", unsupported, "sct-missing"),
		[]any{pass{by: "domain", body: plain.with("orig", `{"uri":"sip:desk@office.example"}`).with("dest", `{"uri":["sip:alice@office.example"]}`)}}},
	{"060-compact", "8224 section 5.1", "the compact form is rebuilt from the INVITE",
		"key: rfc8946\ndate: Fri, 25 Sep 2015 19:12:25 GMT\nto: sip:alice@example.com\n" + aliceCall, ok(), []any{compactOfRFC8224}},
	{"060-compact-without-date", "8224 section 5.1", "which it cannot be without a Date",
		"key: rfc8946\nto: sip:alice@example.com\n" + aliceCall, refused("compact-incomplete", invalidHeader), []any{compactOfRFC8224}},
	{"060-compact-name", "9795 section 8", "the display name is part of a compact rcd", "date: Fri, 02 Jan 2026 15:04:05 GMT\ndisplay-name: The Press Office\n" + usual,
		ok() + "shown: name", []any{compact{pass{by: "caller", ppt: "rcd", body: plain.with("rcd", `{"nam":"The Press Office"}`)}}}},
	{"060-compact-name-altered", "9795 section 8", "so another one breaks it", "date: Fri, 02 Jan 2026 15:04:05 GMT\ndisplay-name: The President\n" + usual,
		failed("signature-invalid", invalidHeader), []any{compact{pass{by: "caller", ppt: "rcd", body: plain.with("rcd", `{"nam":"The Press Office"}`)}}}},
	{"060-compact-keys", "8224 section 4.1", "and so are the media keys", "date: Fri, 02 Jan 2026 15:04:05 GMT\nfingerprint: sha-256 4A:AD\n" + usual,
		ok(), []any{compact{pass{by: "caller", body: plain.with("mky", `[{"alg":"sha-256","dig":"4AAD"}]`)}}}},
	{"060-compact-retargeted", "8224 section 3.3", "it was for the party in To", "date: Fri, 02 Jan 2026 15:04:05 GMT\nto: tel:+12155551213\nchain: caller\n" + thirdCall,
		refused("dest-mismatch", invalidHeader), []any{compact{pass{by: "caller", body: plain}}}},
	{"060-compact-caller-unknown", "8224 section 4.1", "nobody's compact form can be rebuilt", "date: Fri, 02 Jan 2026 15:04:05 GMT\nchain: caller\n" + when + "dest: tel:+12155551213",
		refused("compact-incomplete", invalidHeader), []any{compact{pass{by: "caller", body: plain}}}},
	{"061-compact-date-changed", "8224 section 3.3", "and breaks when the Date is changed",
		"key: rfc8946\ndate: Fri, 25 Sep 2015 19:12:26 GMT\nto: sip:alice@example.com\n" + aliceCall, failed("signature-invalid", invalidHeader), []any{compactOfRFC8224}},
	{"022-mky", "8224 section 4.1", "the media keys of the call are those signed, in whatever order",
		"key: rfc8946\nfingerprint: " + fingerprint1 + "\nfingerprint: " + fingerprint2 + "\n" + aliceCall, ok(), []any{fromVector("derived-mky")}},
	{"022-mky-other", "8224 section 4.1", "others are a fault",
		"key: rfc8946\nfingerprint: " + fingerprint1 + "\n" + aliceCall, refused("mky-mismatch", invalidHeader), []any{fromVector("derived-mky")}},
	{"022-mky-stripped", "8224 section 4.1", "and so are none", "key: rfc8946\nfingerprint: none\n" + aliceCall, refused("mky-mismatch", invalidHeader),
		[]any{fromVector("derived-mky")}},
	{"022-mky-unknown", "8224 section 4.1", "where the SDP is not known, that is said", "key: rfc8946\n" + aliceCall, ok("not-compared"), []any{fromVector("derived-mky")}},
	{"022-mky-missing", "8224 section 4.1", "keys that are not signed are worth a note",
		"fingerprint: " + fingerprint1 + "\n" + usual, ok("mky-missing"), []any{signed()}},
}

const (
	fingerprint1 = "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1"
	fingerprint2 = "SHA-256 02:1a:cc:54:27:ab:eb:9c:53:3f:3e:4b:65:2e:7d:46:3f:54:42:cd:54:f1:7a:03:a2:7d:f9:b0:7f:46:19:b2"
)

// by is a shaken PASSporT by another signer, with claims beside the usual.
func by(name string, more ...string) pass {
	c := shaken
	for i := 0; i+1 < len(more); i += 2 {
		c = c.with(more[i], more[i+1])
	}
	return pass{by: name, ppt: "shaken", body: c}
}

func with(chain string) string { return "chain: " + chain + "\n" + when + parties }

// certificateRows are those about certificates, through the whole pipeline.
var certificateRows = []minted{
	{"073-must-include", "8226 section 8", "the certificate demands a claim that is missing", with("include"), refused("constraint-must-include", invalidHeader), []any{by("include")}},
	{"073-included", "8226 section 8", "it is there", with("include"), ok(), []any{by("include", "confidence", `"any"`)}},
	{"074-permitted-absent", "9118 section 4", "a claim that is limited may be absent", with("permitted"), ok(), []any{by("permitted")}},
	{"074-permitted-other", "8226 section 8", "if it is there its value is one of those", with("permitted"), refused("constraint-permitted", invalidHeader), []any{by("permitted", "confidence", `"low"`)}},
	{"076-high", "9118 section 5", "confidence high", with("confidence"), ok(), []any{by("confidence", "confidence", `"high"`)}},
	{"076-medium", "9118 section 5", "confidence medium", with("confidence"), ok(), []any{by("confidence", "confidence", `"medium"`)}},
	{"076-low", "9118 section 5", "confidence low is not permitted", with("confidence"), refused("constraint-permitted", invalidHeader), []any{by("confidence", "confidence", `"low"`)}},
	{"076-none", "9118 section 5", "confidence must be there", with("confidence"), refused("constraint-must-include", invalidHeader), []any{by("confidence")}},
	{"076-priority", "9118 section 5", "and priority must not", with("confidence"), refused("constraint-must-exclude", invalidHeader),
		[]any{by("confidence", "confidence", `"high"`, "priority", "1")}},
	{"077-excludes-iat", "9118 section 3", "limits that exclude what every PASSporT has are as if absent", with("excludes-iat"), ok("constraints-ignored"), []any{by("excludes-iat")}},
	{"078-both-missing", "9118 section 6", "both extensions apply: the first", with("both"), refused("constraint-must-include", invalidHeader, "constraints-both"), []any{by("both")}},
	{"078-both-excluded", "9118 section 6", "and the second", with("both"), refused("constraint-must-exclude", invalidHeader, "constraints-both"),
		[]any{by("both", "confidence", `"any"`, "priority", "1")}},
	{"078-both-kept", "9118 section 6", "and what keeps to both is valid", with("both"), ok("constraints-both"), []any{by("both", "confidence", `"any"`)}},
	{"085-signed-by-ca", "9060 section 4", "a CA certificate signs no PASSporT", with("delegate-ca"), failed("key-usage-wrong", unsupported), []any{by("delegate-ca")}},
	{"139-bound", "draft-wendt-stir-tn-domain-binding section 5", "a bound certificate that was logged shows its domain", with("bound"), ok() + "domain: office.example", []any{by("bound")}},
	{"139-unlogged", "draft-wendt-stir-tn-domain-binding section 5", "one that was not does not", with("unlogged"), ok("sct-missing"), []any{by("unlogged")}},
	{"140-other-number", "draft-wendt-stir-tn-domain-binding section 5", "nothing is inferred for a number that is not listed",
		"chain: bound\n" + when + "orig: tel:+12155551214\ndest: tel:+12155551213", failed("not-covered", unsupported), []any{by("bound", "orig", one(third))}},
	{"142-sct-from-future", "6962 section 3.2", "a proof from the future shows no domain", with("logged-later"), ok("sct-from-future"), []any{by("logged-later")}},
}
