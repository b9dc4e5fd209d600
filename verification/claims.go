package verification

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"countersign.example/passport"
	"countersign.example/rcd"
)

// finish does what needs every field's judgement so far: the claims of the type
// against the call, and the replay memory. Diversions go first, since what they lead
// from is worth no more than they are. The error is that of the context.
func (j *judge) finish(ctx context.Context) error {
	for _, diversions := range [...]bool{true, false} {
		for i := range j.report.Fields {
			f := &j.report.Fields[i]
			if f.Signed && isDiversion(f) == diversions {
				if err := j.finishField(ctx, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (j *judge) finishField(ctx context.Context, f *Field) error {
	f.ran(passport.StepClaims)
	switch f.Token.Header.Ppt {
	case passport.Rph:
		j.checkPriority(f)
	case passport.Msg:
		j.checkMessage(f)
	}
	j.takeOver(f)
	if !j.report.sound(f) {
		return nil
	}
	if err := j.remember(ctx, f); err != nil {
		return err
	}
	if j.report.sound(f) {
		// RFC 9795 section 8: nothing of the data is used unless all else is valid.
		var findings []passport.Finding
		f.Rcd, findings = rcd.Parse(f.Token)
		f.Findings = append(f.Findings, findings...)
	}
	return nil
}

// takeOver lets a PASSporT share what the replay memory said of its diversions.
func (j *judge) takeOver(f *Field) {
	for _, i := range f.Diversions {
		switch d := &j.report.Fields[i]; {
		case d.Has(passport.Replayed):
			f.found(passport.DivBroken, "", "a diversion that leads to the called party was seen with another call")
			return
		case d.Has(passport.ReplayUnchecked):
			f.found(passport.ReplayUnchecked, "", "of a diversion that leads to the called party")
			return
		}
	}
}

// checkPriority is RFC 8443 section 4.2: what the call asks for must have been signed.
func (j *judge) checkPriority(f *Field) {
	for _, value := range j.facts.ResourcePriority {
		if !slices.ContainsFunc(f.Token.Claims.Rph, func(signed string) bool { return strings.EqualFold(signed, value) }) {
			f.found(passport.RphMismatch, "rph", brief(value))
			break
		}
	}
	// RFC 9027 section 4: sph must equal the Priority header field.
	if sph := f.Token.Claims.Sph; sph != "" && j.facts.Priority != "" && !strings.EqualFold(sph, j.facts.Priority) {
		f.found(passport.SphWrong, "sph", "")
	}
}

// checkMessage is RFC 9475 section 3.2: the digest is over the whole MIME body.
func (j *judge) checkMessage(f *Field) {
	msgi := f.Token.Claims.Msgi
	if msgi == "" || j.facts.Body == nil {
		return
	}
	alg, encoded, _ := strings.Cut(msgi, "-")
	var sum []byte
	switch alg {
	case "sha256":
		s := sha256.Sum256(j.facts.Body)
		sum = s[:]
	case "sha384":
		s := sha512.Sum384(j.facts.Body)
		sum = s[:]
	case "sha512":
		s := sha512.Sum512(j.facts.Body)
		sum = s[:]
	default:
		f.found(passport.MsgiMismatch, "msgi", "the hash function is not one that is allowed")
		return
	}
	// The standard is silent on padding, so both forms are read.
	signed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	switch {
	case err != nil || len(signed) != len(sum):
		f.found(passport.MsgiMismatch, "msgi", "it is no digest of that hash function")
	case string(signed) != string(sum):
		f.found(passport.MsgiMismatch, "msgi", "")
	}
}

// remember is RFC 8224 section 12.1. Only a PASSporT that is otherwise sound is
// entered: one that was cut from a true call and does not fit must not make the true
// call look like its replay.
func (j *judge) remember(ctx context.Context, f *Field) error {
	if j.service.Memory == nil || j.facts.CallID == "" {
		return nil
	}
	window := j.report.Profile.Window()
	until := f.Token.IssuedAt().Add(window + time.Second)
	if least := j.report.At.Add(window); until.Before(least) {
		until = least
	}
	seen, err := j.service.Memory.Remember(ctx, f.Token.Digest(), j.facts.CallID, j.report.At, until)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		f.found(passport.ReplayUnchecked, "", err.Error())
	case seen == SeenElsewhere:
		f.found(passport.Replayed, "", "")
	}
	return nil
}

// thirdParties takes back the data of third parties in a call for whose number nobody
// vouches, and those of one whose certificate is in another name than it gives itself
// (RFC 9795 sections 10 and 11).
func (j *judge) thirdParties() {
	for i := range j.report.Fields {
		f := &j.report.Fields[i]
		switch {
		case !f.ThirdParty:
		case j.report.Result != Valid:
			f.Rcd = rcd.Data{}
			f.found(passport.RcdThirdParty, "rcd", "")
		case f.Chain != nil && !f.Rcd.IsZero() && !ownName(f.Rcd.ThirdParty, f.Chain.Certificates[0]):
			f.Rcd = rcd.Data{}
			f.found(passport.RcdInvalid, "iss", "the certificate is in another name")
		}
	}
}
