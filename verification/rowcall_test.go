package verification_test

import "strings"

// What most rows say of the call and of what comes of it.
const (
	when      = "at: 2026-01-02T15:04:05Z\n"
	published = "at: 2015-09-25T19:12:25Z\n"
	parties   = "orig: sip:+12155551212@carrier.example;user=phone\ndest: sip:+12155551213@office.example;user=phone\n"
	// usual is a call at noon with a certificate that lists the calling number.
	usual = "chain: caller\n" + when + parties
	// spc is one with a certificate that names the provider.
	spc = "chain: provider\n" + when + parties
	// vectorCall is the call of the published examples, checked against their key.
	vectorCall = "key: rfc8946\n" + published + parties
	// aliceCall is that of those that call a URI.
	aliceCall = published + "orig: tel:+12155551212\ndest: sip:alice@example.com\n"
	// thirdCall reaches the third party.
	thirdCall = when + "orig: tel:+12155551212\ndest: tel:+12155551214\n"
	toThird   = "chain: caller, called, third\n" + thirdCall
)

// The responses.
const (
	useIdentity   = "428 Use Identity Header"
	useSupported  = "428 Use Supported PASSporT Format"
	badInfo       = "436 Bad Identity Info"
	unsupported   = "437 Unsupported Credential"
	invalidHeader = "438 Invalid Identity Header"
	invalidPass   = "438 Invalid PASSporT"
	staleDate     = "403 Stale Date"
)

// ok wants a valid call, and exactly these notes.
func ok(noted ...string) string { return verdict("valid", "", "", "TN-Validation-Passed", noted) }

// refused wants a call that is not valid for a reason other than its certificate and
// signature, and failed one that is not valid for one of these.
func refused(code, status string, noted ...string) string {
	return verdict("not valid", code, status, "No-TN-Validation", noted)
}

func failed(code, status string, noted ...string) string {
	return verdict("not valid", code, status, "TN-Validation-Failed", noted)
}

func unsigned(code, status string, noted ...string) string {
	return verdict("unsigned", code, status, "No-TN-Validation", noted)
}

func unchecked(code, status string) string {
	return verdict("could not be checked", code, status, "No-TN-Validation", nil)
}

func verdict(expect, code, status, verstat string, noted []string) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	line("expect", expect)
	line("code", code)
	line("status", status)
	line("verstat", verstat)
	line("noted", strings.Join(noted, ", "))
	return b.String()
}

// signed is the shaken PASSporT of most rows.
func signed() pass { return pass{by: "caller", ppt: "shaken", body: shaken} }

// withClaims is that one with other claims.
func withClaims(c claims) pass { return pass{by: "caller", ppt: "shaken", body: c} }

// edited is a header field value with a change made to it.
type edited struct {
	pass
	edit func(value string) string
}

func (e edited) String() string { return e.edit(e.pass.String()) }

// compact is a PASSporT sent in compact form.
type compact struct{ pass }

func (c compact) String() string { return c.pass.compact() }

// fromVector is the header field value of a vector.
type fromVector string

func (v fromVector) String() string { return vectorNamed(string(v)).field() }

// vectorWith is the PASSporT of a vector with other parameters.
type vectorWith struct{ name, params string }

func (v vectorWith) String() string { return vectorNamed(v.name).Token + v.params }

// compactVector is the compact form of a vector.
type compactVector struct{ name, params string }

func (v compactVector) String() string { return vectorNamed(v.name).CompactForm + v.params }
