package explain

import (
	"strconv"

	"countersign.example/passport"
)

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func pptMeans(ppt string) string {
	switch ppt {
	case passport.Shaken:
		return "a provider vouches for the calling number (RFC 8588)"
	case passport.Div:
		return "the call was diverted (RFC 8946)"
	case passport.DivO:
		return "the call was diverted, with the PASSporT before inside (RFC 8946)"
	case passport.Rcd:
		return "what is to be shown of the caller is signed (RFC 9795)"
	case passport.Rph:
		return "the priority of the call is signed (RFC 8443)"
	case passport.Msg:
		return "a message is signed (RFC 9475)"
	case passport.Rsp:
		return "the party that was reached is signed (RFC 9970)"
	case "":
		return "the plain type (RFC 8225)"
	}
	return "a type that is not known here, so it would be ignored"
}

func attestMeans(a passport.Attestation) string {
	switch a {
	case passport.AttestFull:
		return "the provider knows its customer, and that the number is the customer's"
	case passport.AttestPartial:
		return "the provider knows its customer, not that the number is the customer's"
	case passport.AttestGateway:
		return "the provider only knows where the call entered its network"
	}
	return "none of A, B and C"
}

func claimMeans(name string) string {
	switch name {
	case "rcd":
		return "what is to be shown of the caller"
	case "rcdi":
		return "digests of what is to be shown"
	case "crn":
		return "the reason for the call"
	case "iss":
		return "who signed on behalf of somebody else"
	}
	return "not defined for this type; carried and ignored"
}
