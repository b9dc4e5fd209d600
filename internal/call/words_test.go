package call_test

import (
	"encoding/json"
	"testing"

	"countersign.example/internal/call"
)

func TestStandingsAndLevelsAreStoredAsWords(t *testing.T) {
	for s := call.Refuted; s <= call.Verified; s++ {
		text, err := json.Marshal(s)
		if err != nil || string(text) != `"`+s.String()+`"` {
			t.Errorf("Marshal(%v) = %s, %v", s, text, err)
		}
		var back call.Standing
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("Unmarshal(%s) = %v, %v, want %v", text, back, err, s)
		}
	}
	for l := call.LevelNone; l <= call.LevelRevoked; l++ {
		text, err := json.Marshal(l)
		if err != nil || string(text) != `"`+l.String()+`"` {
			t.Errorf("Marshal(%v) = %s, %v", l, text, err)
		}
		var back call.Level
		if err := json.Unmarshal(text, &back); err != nil || back != l {
			t.Errorf("Unmarshal(%s) = %v, %v, want %v", text, back, err, l)
		}
	}
}

func TestAWordThatIsNoneOfTheListIsRefused(t *testing.T) {
	standing, level := call.Verified, call.LevelVerified
	if err := json.Unmarshal([]byte(`"trusted"`), &standing); err == nil || standing != call.Refuted {
		t.Errorf("Unmarshal(trusted) = %v, %v, want an error and refuted", standing, err)
	}
	if err := json.Unmarshal([]byte(`"trusted"`), &level); err == nil || level != call.LevelNone {
		t.Errorf("Unmarshal(trusted) = %v, %v, want an error and none", level, err)
	}
	if _, err := json.Marshal(call.Verified + 1); err == nil {
		t.Error("a standing beyond the list was written")
	}
}

func TestEveryKindHasAFailedReasonOfItsOwnOrTheCommonOne(t *testing.T) {
	kinds := map[call.Kind]bool{"": true, "no-such-kind": true}
	for _, r := range call.Reasons() {
		kinds[r.Kind()] = true
	}
	for k := range kinds {
		r := k.Failed()
		if r.Result() != call.Failed {
			t.Errorf("%q.Failed() = %q, which is %q", k, r, r.Result())
		}
		if r != call.CheckFailed && r.Kind() != k {
			t.Errorf("%q.Failed() = %q, which is of kind %q", k, r, r.Kind())
		}
	}
	for _, r := range call.Reasons() {
		if r.Result() == call.Failed && r.Kind().Failed() != r {
			t.Errorf("%q failed has two reasons, %q and %q", r.Kind(), r, r.Kind().Failed())
		}
	}
}
