package verification_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"time"

	"countersign.example/tn"
)

// shakenRows are those about RFC 8588.
var shakenRows = []minted{
	{"089-attest-a", "8588 section 4", "attestation A", usual, ok(), []any{signed()}},
	{"089-attest-b", "8588 section 4", "attestation B", usual, ok(), []any{withClaims(shaken.with("attest", `"B"`))}},
	{"089-attest-c", "8588 section 4", "attestation C", usual, ok(), []any{withClaims(shaken.with("attest", `"C"`))}},
	{"089-attest-lower", "8588 section 4", "a is none", usual, refused("attest-wrong", invalidHeader), []any{withClaims(shaken.with("attest", `"a"`))}},
	{"089-attest-d", "8588 section 4", "nor is D", usual, refused("attest-wrong", invalidHeader), []any{withClaims(shaken.with("attest", `"D"`))}},
	{"089-attest-number", "8588 section 4", "nor is 1", usual, refused("attest-wrong", invalidHeader), []any{withClaims(shaken.with("attest", `1`))}},
	{"090-origid-missing", "8588 section 5", "origid must be there", usual, refused("claim-missing", invalidPass), []any{withClaims(shaken.without("origid"))}},
	{"090-origid-no-uuid", "8588 section 5", "one that is no UUID is noted", usual, ok("origid-not-uuid"), []any{withClaims(shaken.with("origid", `"call-17"`))}},
	{"091-compact", "8588 section 3", "shaken has full form only", "date: Fri, 02 Jan 2026 15:04:05 GMT\n" + usual,
		refused("compact-not-allowed", invalidHeader), []any{compact{signed()}}},
}

// div is a diversion, signed with the certificate of the number it diverts from.
func div(by string, from, to tn.Number) pass {
	return pass{by: by, ppt: "div", body: diverted(from, to)}
}

// divO is one that holds another PASSporT.
func divO(by string, from, to tn.Number, inner pass) pass {
	return pass{by: by, ppt: "div-o", body: diverted(from, to).with("opt", quote(inner.token()))}
}

// hops are a first PASSporT and n diversions from one number to the next.
func hops(n int) []any {
	fields := []any{pass{by: "provider", ppt: "shaken", body: shaken}}
	at := called
	for i := range n {
		to := tn.Number(fmt.Sprintf("1215556%04d", i))
		fields = append(fields, div("provider", at, to))
		at = to
	}
	return fields
}

// diversionRows are those about RFC 8946.
var diversionRows = []minted{
	{"092-chain", "8946 section 4.2", "a diversion explains the called party", "key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		ok() + "fields: valid, valid", []any{fromVector("derived-div-original"), fromVector("derived-div-corrected")}},
	{"092-chain-turned-round", "8946 section 4.2", "in whatever order they come", "key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		ok() + "fields: valid, valid", []any{fromVector("derived-div-corrected"), fromVector("derived-div-original")}},
	{"093-two-hops", "8946 section 4.2", "over two diversions to the last called party",
		"chain: caller, called, third\n" + when + "orig: tel:+12155551212\ndest: tel:+12155551215", ok() + "fields: valid, valid, valid",
		[]any{div("third", third, "12155551215"), signed(), div("called", called, third)}},
	{"094-typo", "8946 section 4.2", "the published diversion is from a number with a digit too many",
		"key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214", refused("dest-mismatch", invalidHeader) + "finds: div-broken\nfields: not valid, not valid",
		[]any{fromVector("derived-div-original"), fromVector("rfc8946-s3-div")}},
	{"095-orig-changed", "8946 section 4.2 step 3", "a chain with another orig in it is invalid as a whole", toThird,
		refused("dest-mismatch", invalidHeader) + "finds: div-orig-changed\nfields: not valid, not valid",
		[]any{signed(), pass{by: "called", ppt: "div", body: diverted(called, third).with("orig", one("12155551299"))}}},
	{"096-no-authority", "8946 section 4.2 step 2", "a diversion is signed by whom it diverts from, not by the caller", toThird,
		refused("dest-mismatch", invalidHeader) + "finds: not-covered\nfields: not valid, not valid", []any{signed(), div("caller", called, third)}},
	{"097-other-target", "8946 section 4.2 step 1", "the last diversion leads to the called party",
		"chain: caller, called\n" + when + "orig: tel:+12155551212\ndest: tel:+12155551299", refused("dest-mismatch", invalidHeader) + "finds: div-target-mismatch\nfields: not valid, not valid",
		[]any{signed(), div("called", called, third)}},
	{"098-inner-stale", "8946 section 4.2 step 4", "the call was first signed ten minutes before it was diverted", toThird,
		refused("div-inner-stale", staleDate) + "fields: not valid, not valid", []any{at(-10 * time.Minute), div("called", called, third)}},
	{"098-inner-stale-atis", "8946 section 4.2 step 4", "so in North American networks", "profile: atis-1000074\n" + toThird,
		refused("div-inner-stale", staleDate) + "fields: not valid, not valid", []any{at(-10 * time.Minute), div("called", called, third)}},
	{"098-inner-stale-lenient", "8946 section 4.2 step 4", "a transfer may take so long, for who bends the rule", "profile: lenient\n" + toThird,
		ok() + "bent: div-inner-stale\nfields: valid, valid", []any{at(-10 * time.Minute), div("called", called, third)}},
	{"098-inner-old", "8946 section 4.2 step 4", "but not four hours", "profile: lenient\n" + toThird,
		refused("iat-stale", staleDate) + "fields: not valid, not valid", []any{at(-4 * time.Hour), div("called", called, third)}},
	{"101-div-holds-opt", "8946 section 3", "a div holds no other PASSporT", toThird, refused("div-holds-opt", invalidHeader),
		[]any{pass{by: "called", ppt: "div", body: diverted(called, third).with("opt", quote(signed().token()))}}},
	{"102-nested", "8946 section 5", "the first PASSporT inside the diversion", "key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		ok() + "fields: valid, valid", []any{fromVector("derived-div-o-corrected")}},
	{"102-nested-twice", "8946 section 5", "two deep", "chain: caller, called, third\n" + when + "orig: tel:+12155551212\ndest: tel:+12155551215",
		ok() + "fields: valid, valid, valid", []any{divO("third", third, "12155551215", divO("called", called, third, signed()))}},
	{"102-nested-in-a-broken-one", "8946 section 5", "what stands only inside a diversion is worth what that is worth", "chain: caller, stranger\n" + when + parties,
		refused("div-incomplete", invalidHeader, "authority-by-spc") + "fields: not valid, not valid", []any{divO("stranger", called, third, signed())}},
	{"103-opt-compact", "8946 section 6", "what is inside has full form", toThird, refused("opt-invalid", invalidHeader),
		[]any{pass{by: "called", ppt: "div-o", body: diverted(called, third).with("opt", quote(".."+strings.Repeat("A", 86)))}}},
	{"104-circle", "8946 section 4.2", "a diversion that leads back", "chain: caller, called, third\n" + when + "orig: tel:+12155551212\ndest: tel:+12155551299",
		refused("dest-mismatch", invalidHeader) + "finds: div-loop\nfields: not valid, not valid, not valid", []any{signed(), div("called", called, third), div("third", third, called)}},
	{"104-ten-hops", "8946 section 4.2", "ten are followed", "chain: provider\n" + when + "orig: tel:+12155551212\ndest: tel:+12155560009", ok("authority-by-spc"), hops(10)},
	{"104-twelve-hops", "8946 section 4.2", "not twelve", "chain: provider\n" + when + "orig: tel:+12155551212\ndest: tel:+12155560011",
		refused("dest-mismatch", invalidHeader, "authority-by-spc") + "finds: div-too-deep", hops(12)},
	{"104-fifty-hops", "8946 section 4.2", "nor fifty", "chain: provider\n" + when + "orig: tel:+12155551212\ndest: tel:+12155560049",
		refused("dest-mismatch", invalidHeader, "authority-by-spc") + "finds: div-too-deep, too-many-fields", hops(50)},
	{"023-diverted-unknown", "8946 section 4.2", "a chain from a type that is not known is ignored", toThird, unsigned("ppt-unsupported", useSupported) + "fields: unsigned, unsigned",
		[]any{pass{by: "caller", ppt: "foo", body: plain}, div("called", called, third)}},
}

const (
	iconURI = "https://example.com/q.png"
	// icon is a PNG of one pixel, in base64.
	icon = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func iconBytes() string {
	b, err := base64.StdEncoding.DecodeString(icon)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func withIcon(digest string) pass {
	return withClaims(shaken.with("rcd", `{"icn":`+quote(iconURI)+`,"nam":"Q"}`).with("rcdi", `{"/icn":`+quote(digest)+`}`))
}

func withRcd(rcd string) pass { return withClaims(shaken.with("rcd", rcd)) }

func namesInc(iss string) pass {
	return pass{by: "names-inc", ppt: "rcd", body: plain.with("iss", quote(iss)).with("rcd", `{"nam":"Q"}`)}
}

// richRows are those about RFC 9795, through the whole pipeline.
var richRows = []minted{
	{"107-body-digest", "9795 section 6.1", "the digest of an image is that of the bytes served", "serve: " + iconURI + " " + icon + "\n" + usual,
		ok() + "shown: icon, name", []any{withIcon(digestOf(iconBytes()))}},
	{"107-uri-digest", "9795 section 6.1", "not that of its URI, as the standard's own examples have it", "serve: " + iconURI + " " + icon + "\n" + usual,
		ok() + "shown: name\ndropped: rcd/icn", []any{withIcon(digestOf(quote(iconURI)))}},
	{"108-two-cards", "9795 section 4", "jcd and jcl exclude each other", usual, ok("rcd-invalid"), []any{withRcd(`{"jcd":["vcard",[]],"jcl":"https://example.com/card.json","nam":"Q"}`)}},
	{"109-no-name", "9795 section 4", "nam must be there; the call is valid without", usual, ok("rcd-invalid"), []any{withRcd(`{}`)}},
	{"110-icon-without-digest", "9795 section 6", "an image without a digest is not used", "serve: " + iconURI + " " + icon + "\n" + usual,
		ok() + "shown: name\ndropped: rcd/icn", []any{withRcd(`{"icn":` + quote(iconURI) + `,"nam":"Q"}`)}},
	{"111-wrong-digest", "9795 section 8", "a digest that does not fit drops its item alone", usual, ok() + "shown: reason\ndropped: rcd/nam",
		[]any{withClaims(shaken.with("crn", `"About the car"`).with("rcd", `{"nam":"Q"}`).with("rcdi", `{"/nam":`+quote(digestOf(`"M"`))+`}`))}},
	{"112-third-party-alone", "9795 section 11", "a third party's data need somebody who vouches for the number", with("names-inc"),
		unsigned("", useIdentity, "rcd-third-party") + "fields: valid", []any{namesInc("Example Names Inc.")}},
	{"112-third-party-vouched", "9795 section 11", "here is one", with("caller, names-inc"), ok() + "fields: valid, valid\nshown: name, third-party",
		[]any{namesInc("Example Names Inc."), signed()}},
	{"112-third-party-and-bad", "9795 section 11", "here is one that is not valid", with("caller, names-inc"),
		failed("signature-invalid", invalidHeader, "rcd-third-party") + "fields: valid, not valid", []any{namesInc("Example Names Inc."), tampered}},
	{"112-third-party-other-name", "9795 section 10", "a third party signs in the name that its certificate has", with("caller, names-inc"),
		ok("rcd-invalid") + "fields: valid, valid", []any{namesInc("The President's Office"), signed()}},
	{"113-digest-unknown", "9795 section 5", "a digest of an unknown kind proves nothing", "serve: " + iconURI + " " + icon + "\n" + usual,
		ok() + "shown: name\ndropped: rcd/icn", []any{withIcon("sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00")}},
}

func rph(more claims) pass {
	c := plain.with("rph", `{"auth":["wps.0"]}`)
	for name, value := range more {
		c = c.with(name, value)
	}
	return pass{by: "provider", ppt: "rph", body: c}
}

// messageDigest is the msgi claim for the message of the examples.
func messageDigest(name string, h hash.Hash) string {
	h.Write([]byte("Hello, Alice"))
	return name + "-" + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

func rsp(by string, dest string) pass {
	return pass{by: by, ppt: "rsp", body: plain.with("dest", dest)}
}

// otherRows are those about priorities, messages and connected identity.
var otherRows = []minted{
	{"114-rph-mismatch", "8443 section 4.2", "the priority is not the one signed: it is taken off, and the call an ordinary one",
		"resource-priority: ets.0\n" + spc, unsigned("rph-mismatch", invalidHeader) + "fields: not valid", []any{rph(nil)}},
	{"114-rph-mismatch-signed", "8443 section 4.2", "an ordinary call may be a signed one", "resource-priority: ets.0\n" + with("caller, provider"),
		ok() + "fields: not valid, valid", []any{rph(nil), signed()}},
	{"114-rph-mismatch-unfetchable", "8443 section 4.2", "nor does the priority decide what is answered to a call that could not be checked",
		"resource-priority: ets.0\n" + spc, unchecked("certificate-unavailable", badInfo) + "fields: not valid, could not be checked",
		[]any{rph(nil), signed()}},
	{"114-rph-match", "8443 section 4.2", "the priority that was signed", "resource-priority: wps.0\n" + spc, unsigned("", useIdentity) + "fields: valid", []any{rph(nil)}},
	{"115-rph-esnet", "8443 section 4", "a call back from the emergency service",
		"key: rfc8946\nat: 2021-03-11T14:03:48Z\norig: tel:+12155551213\ndest: tel:+12155551212\nresource-priority: esnet.0\npriority: psap-callback",
		unsigned("", useIdentity) + "fields: valid", []any{fromVector("derived-rph-esnet-psap-callback")}},
	{"116-rph-published", "8443 section 4.1", "the published one is not even JSON", vectorCall, refused("json-malformed", invalidHeader), []any{fromVector("rfc8443-s4.1-rph")}},
	{"117-sph-value", "9027 section 4", "sph has one value", spc, unsigned("sph-wrong", invalidHeader) + "fields: not valid",
		[]any{rph(claims{"rph": `{"auth":["esnet.0"]}`, "sph": `"normal"`})}},
	{"117-sph-other-priority", "9027 section 4", "and it is the Priority of the call", "priority: emergency\n" + spc, unsigned("sph-wrong", invalidHeader) + "fields: not valid",
		[]any{rph(claims{"rph": `{"auth":["esnet.0"]}`, "sph": `"psap-callback"`})}},
	{"118-msgi", "9475 section 3.2", "the message is the one signed", "key: rfc8946\nbody: Hello, Alice\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		ok(), []any{fromVector("derived-msg-msgi")}},
	{"118-msgi-altered", "9475 section 3.2", "here it is not", "key: rfc8946\nbody: Hello, Malice\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		refused("msgi-mismatch", invalidHeader), []any{fromVector("derived-msg-msgi")}},
	{"118-msgi-sha384", "9475 section 3.2", "three hash functions are allowed", "body: Hello, Alice\n" + usual, ok(),
		[]any{pass{by: "caller", ppt: "msg", body: plain.with("msgi", quote(messageDigest("sha384", sha512.New384())))}}},
	{"118-msgi-sha512", "9475 section 3.2", "this is the third", "body: Hello, Alice\n" + usual, ok(),
		[]any{pass{by: "caller", ppt: "msg", body: plain.with("msgi", quote(messageDigest("sha512", sha512.New())+"=="))}}},
	{"118-msgi-sha1", "9475 section 3.2", "and this is none", "body: Hello, Alice\n" + usual, refused("msgi-mismatch", invalidHeader),
		[]any{pass{by: "caller", ppt: "msg", body: plain.with("msgi", quote(messageDigest("sha1", sha1.New())))}}},
	{"118-msgi-published", "9475 section 3.2", "the published example is no digest of its kind", "body: Hello, Alice\n" + usual, refused("msgi-mismatch", invalidHeader),
		[]any{pass{by: "caller", ppt: "msg", body: plain.with("msgi", `"sha256-H8BRh8j48O9oYatfu5AZzq6A9R6dQZngK7T62em8MUt1FLm52t+eX6xO"`)}}},
	{"119-msgi-elsewhere", "9475 section 3.2", "in another type it has no meaning", "body: Hello, Alice\n" + usual, ok("msgi-ignored"),
		[]any{withClaims(shaken.with("msgi", `"sha256-wrong"`))}},
	{"120-rsp-in-request", "9970", "the answer of the called side has no place in a request", "key: rfc8946\n" + published + "orig: tel:+12155551212\ndest: tel:+12155551214",
		unsigned("ppt-misplaced", useSupported), []any{fromVector("derived-rsp")}},
	{"121-rsp", "9970", "the party called has answered", "response: yes\nchain: called\n" + when + parties, ok(), []any{rsp("called", all(called))}},
	{"121-rsp-elsewhere", "9970", "another has, and no diversion says why", "response: yes\nchain: third\n" + when + parties,
		refused("rsp-dest-mismatch", invalidHeader), []any{rsp("third", all(third))}},
	{"121-rsp-diverted", "9970", "here one does", "response: yes\nchain: called, third\n" + when + parties, ok() + "fields: valid, valid",
		[]any{rsp("third", all(third)), div("called", called, third)}},
	{"121-rsp-uri", "9970", "a party may be a URI", "response: yes\nchain: domain\n" + when + "orig: tel:+12155551212\ndest: sip:desk@example.com", ok("sct-missing"),
		[]any{rsp("domain", `{"uri":["sip:desk@example.com"]}`)}},
	{"121-rsp-of-two", "9970", "who answers must have authority over every party that it says was reached", "response: yes\nchain: third\n" + when + parties,
		failed("not-covered", unsupported), []any{rsp("third", all(third, called))}},
	{"122-rsp-by-caller", "9970", "the answer is signed by the called side, not by the caller", "response: yes\nchain: caller\n" + when + parties,
		failed("not-covered", unsupported), []any{rsp("caller", all(called))}},
}
