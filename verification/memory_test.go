package verification_test

import (
	"context"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign.example/passport"
	"countersign.example/sipidentity"
	"countersign.example/verification"
)

func digestNumber(n int) [sha256.Size]byte { return sha256.Sum256(fmt.Append(nil, n)) }

// A model of the memory that has all the room in the world.
func TestMemoryForgetsNothingTooSoonAndSaysWhenItIsFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &verification.RecentMemory{Capacity: rapid.IntRange(1, 8).Draw(t, "capacity")}
		type entry struct {
			call  string
			until time.Time
		}
		model := map[int]entry{}
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds passed")) * time.Second)
			which := rapid.IntRange(0, 12).Draw(t, "PASSporT")
			callID := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "call")
			until := now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "kept for")) * time.Second)
			got, err := m.Remember(t.Context(), digestNumber(which), callID, now, until)
			want := verification.SeenNever
			if e, ok := model[which]; ok && !e.until.Before(now) {
				want = verification.SeenElsewhere
				if e.call == callID {
					want = verification.SeenHere
				}
			}
			if got != want {
				t.Fatalf("Remember = %v, %v, want %v", got, err, want)
			}
			if m.Len() > m.Capacity {
				t.Fatalf("%d are held, of %d", m.Len(), m.Capacity)
			}
			switch {
			case err == nil && want == verification.SeenNever:
				model[which] = entry{callID, until}
			case err == nil:
			case !errors.Is(err, verification.ErrMemoryFull) || want != verification.SeenNever:
				t.Fatalf("Remember = %v, %v", got, err)
			case m.Len() < m.Capacity:
				t.Fatalf("full with %d of %d", m.Len(), m.Capacity)
			}
		}
		// When all have run out there is room again.
		if _, err := m.Remember(t.Context(), digestNumber(99), "c", now.Add(time.Hour), now.Add(time.Hour)); err != nil || m.Len() != 1 {
			t.Fatalf("after an hour: %v, %d are held", err, m.Len())
		}
	})
}

func TestMemoryTellsOneOfManyThatItIsNew(t *testing.T) {
	m := new(verification.RecentMemory)
	const callers, passports = 32, 64
	var all sync.WaitGroup
	var mu sync.Mutex
	never := map[int]int{}
	for c := range callers {
		all.Go(func() {
			for p := range passports {
				seen, err := m.Remember(context.Background(), digestNumber(p), fmt.Sprint(c), noon, noon.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if seen == verification.SeenNever {
					mu.Lock()
					never[p]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	for p := range passports {
		if never[p] != 1 {
			t.Errorf("%d callers were told that %d is new", never[p], p)
		}
	}
	if m.Len() != passports || m.Capacity != verification.DefaultCapacity {
		t.Errorf("%d are held, of %d", m.Len(), m.Capacity)
	}
}

// withMemory judges one field with a memory and a Call-ID.
func withMemory(t *testing.T, m verification.Memory, callID string, at time.Time, p *sipidentity.Profile, fields ...any) *verification.Report {
	t.Helper()
	facts := fromCaller
	facts.CallID = callID
	if len(fields) > 1 {
		facts.Called.TN = third
	}
	s := &verification.Service{Certificates: everything(), Memory: m}
	r, err := s.VerifyAt(t.Context(), situation{fields: fields}.values(), facts, at, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// twin returns the field with the other signature that fits as well: (r, n-s).
func twin(value string) string {
	digest, params, _ := strings.Cut(value, ";")
	dot := strings.LastIndexByte(digest, '.')
	sig, err := base64.RawURLEncoding.DecodeString(digest[dot+1:])
	if err != nil {
		panic(err)
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return digest[:dot+1] + b64(sig) + ";" + params
}

func TestRow57TheTwinOfASignatureIsTheSamePASSporT(t *testing.T) {
	m := new(verification.RecentMemory)
	other := twin(signed().String())
	if other == signed().String() {
		t.Fatal("the twin is the same")
	}
	if r := withMemory(t, m, "a", noon, nil, signed()); r.Result != verification.Valid {
		t.Fatalf("the first call: %v", r.Fields[0].Findings)
	}
	if r := withMemory(t, m, "a", noon, nil, other); r.Result != verification.Valid {
		t.Errorf("the twin in the same call: %v", r.Fields[0].Findings)
	}
	if r := withMemory(t, m, "b", noon, nil, other); r.Result != verification.Invalid || !r.Fields[0].Has(passport.Replayed) || !r.Fields[0].Signed {
		t.Errorf("the twin in another call: %v", r.Fields[0].Findings)
	}
}

func TestAReplayIsKnownForAsLongAsThePASSporTIsFresh(t *testing.T) {
	for _, signedAt := range []time.Duration{-60 * time.Second, 0, 60 * time.Second} {
		m := new(verification.RecentMemory)
		if r := withMemory(t, m, "a", noon, nil, at(signedAt)); r.Result != verification.Valid {
			t.Fatalf("%v: %v", signedAt, r.Fields[0].Findings)
		}
		// Until the last second in which it is accepted it is known.
		for later := time.Duration(0); later <= signedAt+60*time.Second; later += 5 * time.Second {
			if r := withMemory(t, m, "b", noon.Add(later), nil, at(signedAt)); !r.Fields[0].Has(passport.Replayed) {
				t.Errorf("signed at %v, again %v later: %v", signedAt, later, r.Fields[0].Findings)
			}
		}
		if r := withMemory(t, m, "b", noon.Add(signedAt+61*time.Second), nil, at(signedAt)); !r.Fields[0].Has(passport.IatStale) {
			t.Errorf("signed at %v, too late: %v", signedAt, r.Fields[0].Findings)
		}
	}
}

func TestOnlyWhatIsSoundIsRemembered(t *testing.T) {
	for name, field := range map[string]any{
		"a wrong signature":    tampered,
		"another caller":       withClaims(shaken.with("orig", one("12155551299"))),
		"another called party": withClaims(shaken.with("dest", all("12155551299"))),
		"a stale one":          at(-2 * time.Minute),
		"no certificate":       by("nowhere"),
		"an unknown anchor":    by("stranger"),
		"a broken constraint":  by("confidence"),
		"a diversion alone":    div("called", called, third),
		"a wrong attestation":  withClaims(shaken.with("attest", `"D"`)),
	} {
		m := new(verification.RecentMemory)
		if r := withMemory(t, m, "a", noon, nil, field); r.Result == verification.Valid || m.Len() != 0 {
			t.Errorf("%s: %v, and %d are remembered", name, r.Result, m.Len())
		}
	}
	// Without a Call-ID a replay could not be told from a retransmission.
	m := new(verification.RecentMemory)
	if r := withMemory(t, m, "", noon, nil, signed()); r.Result != verification.Valid || m.Len() != 0 {
		t.Errorf("without a Call-ID: %v, and %d are remembered", r.Result, m.Len())
	}
}

func TestOneThatWasCutOutDoesNotMakeTheTrueCallItsReplay(t *testing.T) {
	m := new(verification.RecentMemory)
	s := &verification.Service{Certificates: everything(), Memory: m}
	facts := fromCaller
	facts.CallID, facts.Called.TN = "thief", third
	if r, err := s.VerifyAt(t.Context(), []string{signed().String()}, facts, noon, nil); err != nil || r.Result != verification.Invalid {
		t.Fatalf("the thief: %v, %v", r.Result, err)
	}
	if r := withMemory(t, m, "true", noon, nil, signed()); r.Result != verification.Valid {
		t.Errorf("the true call: %v", r.Fields[0].Findings)
	}
}

func TestAFullMemorySaysSo(t *testing.T) {
	for _, c := range []struct {
		profile *sipidentity.Profile
		want    verification.Result
	}{{sipidentity.RFC8224(), verification.Unchecked}, {sipidentity.ATIS1000074(), verification.Unchecked}, {sipidentity.Lenient(), verification.Valid}} {
		m := &verification.RecentMemory{Capacity: 1}
		withMemory(t, m, "a", noon, c.profile, at(time.Second))
		r := withMemory(t, m, "b", noon, c.profile, signed())
		if f := &r.Fields[0]; r.Result != c.want || !f.Has(passport.ReplayUnchecked) {
			t.Errorf("%s: %v, %v", c.profile.Name(), r.Result, f.Findings)
		}
		// What is remembered still is.
		if r := withMemory(t, m, "b", noon, c.profile, at(time.Second)); !r.Fields[0].Has(passport.Replayed) {
			t.Errorf("%s: %v", c.profile.Name(), r.Fields[0].Findings)
		}
	}
}

func TestAReplayShowsNoRichCallData(t *testing.T) {
	m := new(verification.RecentMemory)
	if r := withMemory(t, m, "a", noon, nil, withRcd(`{"nam":"Q"}`)); r.Fields[0].Rcd.Name != "Q" {
		t.Fatalf("the first call: %+v", r.Fields[0].Rcd)
	}
	if r := withMemory(t, m, "b", noon, nil, withRcd(`{"nam":"Q"}`)); !r.Fields[0].Rcd.IsZero() || r.Result != verification.Invalid {
		t.Errorf("its replay: %v, %+v", r.Result, r.Fields[0].Rcd)
	}
}

func TestADiversionThatIsReplayedLeadsNowhere(t *testing.T) {
	m := new(verification.RecentMemory)
	again := withClaims(shaken.with("origid", `"123e4567-e89b-12d3-a456-426655440001"`))
	if r := withMemory(t, m, "a", noon, nil, signed(), div("called", called, third)); r.Result != verification.Valid {
		t.Fatalf("the first call: %v", r.Result)
	}
	r := withMemory(t, m, "b", noon, nil, again, div("called", called, third))
	if r.Result != verification.Invalid || !r.Fields[0].Has(passport.DivBroken) || !r.Fields[1].Has(passport.Replayed) {
		t.Errorf("another call: %v, %v, %v", r.Result, r.Fields[0].Findings, r.Fields[1].Findings)
	}
	full := &verification.RecentMemory{Capacity: 1}
	withMemory(t, full, "x", noon, nil, at(time.Second))
	if r := withMemory(t, full, "a", noon, nil, again, div("called", called, third)); r.Result != verification.Unchecked {
		t.Errorf("with a full memory: %v", r.Result)
	}
}

// failing is a Memory that is out of reach.
type failing struct{ end context.CancelFunc }

func (f failing) Remember(ctx context.Context, _ [sha256.Size]byte, _ string, _, _ time.Time) (verification.Seen, error) {
	if f.end != nil {
		f.end()
	}
	return verification.SeenNever, errors.Join(ctx.Err(), errors.New("the cluster is out of reach"))
}

func TestAMemoryThatFailsIsOurFaultOnlyWhenTheContextEnds(t *testing.T) {
	if r := withMemory(t, failing{}, "a", noon, nil, signed()); r.Result != verification.Unchecked {
		t.Errorf("result %v", r.Result)
	}
	ctx, end := context.WithCancel(t.Context())
	s := &verification.Service{Certificates: everything(), Memory: failing{end}}
	if r, err := s.VerifyAt(ctx, []string{signed().String()}, fromCaller, noon, nil); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("VerifyAt = %v, %v", r, err)
	}
}
