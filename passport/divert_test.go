package passport_test

import (
	"errors"
	"testing"

	"countersign.example/passport"
	"countersign.example/tn"
)

func vectorToken(t *testing.T, name string) (*passport.Token, vector) {
	t.Helper()
	for _, v := range readVectors(t).Passport {
		if v.Name == name {
			token, err := passport.Parse(v.Token)
			if err != nil {
				t.Fatal(err)
			}
			return token, v
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil, vector{}
}

func TestADiversionFollowsOnFromWhatTheCallCarries(t *testing.T) {
	original, v := vectorToken(t, "derived-div-original")
	_, want := vectorToken(t, "derived-div-corrected")
	from, to := passport.Party{TN: "12155551213"}, passport.Party{TN: "12155551214"}
	// The second is for the same orig and iat, and needs no diversion of its own.
	claims, err := passport.Diverted([]*passport.Token{original, original}, from, to)
	if err != nil || len(claims) != 1 {
		t.Fatalf("Diverted = %v, %v, want one", claims, err)
	}
	got, err := passport.Sign(privateKey(t, v.PrivateKeyPEM), passport.Header{Ppt: passport.Div, X5U: original.Header.X5U}, claims[0])
	if err != nil || got != want.Token {
		t.Errorf("the diversion is %s, %v\nwant %s", got, err, want.Token)
	}
}

func TestRow099NoDiversionWithoutAChangeOfTheCalledParty(t *testing.T) {
	original, _ := vectorToken(t, "derived-div-original")
	from, err := tn.Parse("+1 (215) 555-1213")
	if err != nil {
		t.Fatal(err)
	}
	same := passport.Party{TN: "12155551213"}
	if claims, err := passport.Diverted([]*passport.Token{original}, passport.Party{TN: from}, same); !errors.Is(err, passport.ErrNotDiverted) {
		t.Errorf("Diverted = %v, %v, want %v", claims, err, passport.ErrNotDiverted)
	}
}

func TestRow100NoDiversionOfACallThatCarriesNoPASSporT(t *testing.T) {
	original, _ := vectorToken(t, "derived-div-original")
	from, to := passport.Party{TN: "12155551299"}, passport.Party{TN: "12155551214"}
	for name, carried := range map[string][]*passport.Token{"none at all": nil, "one for somebody else": {original}} {
		if claims, err := passport.Diverted(carried, from, to); !errors.Is(err, passport.ErrNothingToDivert) {
			t.Errorf("%s: Diverted = %v, %v, want %v", name, claims, err, passport.ErrNothingToDivert)
		}
	}
}
