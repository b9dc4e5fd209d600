package verification_test

import (
	"testing"
	"time"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

// judged is what must come of a published or derived PASSporT at its time, with the bare
// key that it is said to be of, and without a call to compare it with.
var judged = map[string]struct {
	result verification.Result
	code   passport.Code
}{
	"rfc8946-s5-opt-inner":             {verification.Valid, passport.NoCode},
	"derived-rfc8225-appA-A1":          {verification.Valid, passport.NoCode},
	"derived-rfc8224-s5.1-numeric-iat": {verification.Valid, passport.NoCode},
	"derived-shaken-A":                 {verification.Valid, passport.NoCode},
	"derived-shaken-rcd":               {verification.Valid, passport.NoCode},
	"derived-rcd-nam":                  {verification.Valid, passport.NoCode},
	"derived-mky":                      {verification.Valid, passport.NoCode},
	"derived-div-original":             {verification.Valid, passport.NoCode},
	"derived-div-o-corrected":          {verification.Valid, passport.NoCode},
	"derived-rph-esnet-psap-callback":  {verification.Valid, passport.NoCode},
	"derived-rsp":                      {verification.Valid, passport.NoCode},
	"derived-msg-msgi":                 {verification.Valid, passport.NoCode},
	"derived-escape":                   {verification.Valid, passport.NoCode},
	"derived-div-corrected":            {verification.Invalid, passport.DivIncomplete},
	"rfc8946-s3-div":                   {verification.Invalid, passport.DivIncomplete},
	"rfc8225-s7.1-and-rfc8224-s4.1.1":  {verification.Invalid, passport.IatIsText},
	"rfc8946-s5-div-o":                 {verification.Invalid, passport.DestIsText},
	"rfc7515-a3-es256":                 {verification.Invalid, passport.MemberMissing},
	"rfc8225-appA-with-A2-key":         {verification.Invalid, passport.SignatureInvalid},
	"rfc8225-appA-with-A1-derived-key": {verification.Invalid, passport.SignatureInvalid},
	"rfc8816-s9":                       {verification.Invalid, passport.IatIsText},
	"rfc8443-s4.1-rph":                 {verification.Invalid, passport.JSONMalformed},
}

func TestVectorsAgainstTheirKeys(t *testing.T) {
	known := 0
	for _, v := range append(vectors().Passport, vectors().KnownBad...) {
		want, ok := judged[v.Name]
		if !ok {
			t.Errorf("vector %s: nothing is said of it", v.Name)
			continue
		}
		known++
		t.Run(v.Name, func(t *testing.T) {
			at := time.Unix(1443208345, 0)
			header := sipidentity.Header{Passport: v.Token, Info: "https://unreadable.example/"}
			facts := verification.Facts{}
			if token, _ := passport.Examine(v.Token); token != nil {
				at = token.IssuedAt()
				header.Info, header.Ppt = token.Header.X5U, token.Header.Ppt
				facts.Response = header.Ppt == passport.Rsp
			}
			if header.Info == "" {
				header.Info = "https://absent.example/"
			}
			s := &verification.Service{Key: publicOf(v)}
			r, err := s.VerifyAt(t.Context(), []string{header.String()}, facts, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := &r.Fields[0]
			if f.Result != want.result {
				t.Errorf("result = %v, want %v; findings %v", f.Result, want.result, f.Findings)
			}
			if want.code != passport.NoCode && !f.Has(want.code) {
				t.Errorf("findings = %v, want %v among them", f.Findings, want.code)
			}
		})
	}
	if known != len(judged) {
		t.Errorf("%d vectors, want %d", known, len(judged))
	}
}

// Signing is deterministic: what the tests mint is, byte for byte, what was derived
// elsewhere with the same key.
func TestRow7MintedIsTheVector(t *testing.T) {
	if got, want := deterministic.String(), fromVector("derived-shaken-A").String(); got != want {
		t.Errorf("minted %s, want %s", got, want)
	}
	for _, name := range []string{"derived-div-corrected", "derived-rph-esnet-psap-callback"} {
		token, err := passport.Parse(vectorNamed(name).Token)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			text, err := passport.Sign(publishedKey(), token.Header, token.Claims)
			if err != nil || text != vectorNamed(name).Token {
				t.Errorf("%s: Sign = %s, %v, want %s", name, text, err, vectorNamed(name).Token)
			}
		}
	}
}
