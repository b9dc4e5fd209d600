package main

import (
	"fmt"
	"time"

	"countersign.example/internal/evidence/inband"
	"countersign.example/internal/gateway"
	"countersign.example/internal/sipcore"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// readInvite reads a whole SIP request from a file: its Identity header fields and what
// it says of the call, just as the gateway reads a call that comes in.
func readInvite(path string, at time.Time) ([]string, verification.Facts, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, verification.Facts{}, err
	}
	req, err := sipcore.ParseRequest([]byte(text))
	if err != nil {
		return nil, verification.Facts{}, usage(fmt.Errorf("%s: not a SIP request: %w", path, err),
			"the file must hold a whole request, from the line with the method to the end of the header at least")
	}
	c := gateway.ReadCall(req, gateway.Trunk, at, sipidentity.Numbering{})
	return c.Signalling.Identity, inband.Facts(c), nil
}
