package credential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign.example/stircert"
	"countersign.example/tn"
)

// signer makes a credential for a key, below an anchor of its own.
func signer(t *testing.T, key *ecdsa.PrivateKey, x5u string, life time.Duration) *Credential {
	t.Helper()
	anchorKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(der []byte, err error) *x509.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	anchor := cert(stircert.NewAnchor(anchorKey, stircert.Template{NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(9, 0, 0)}))
	leaf := cert(stircert.Issue(anchor, anchorKey, stircert.Template{Role: stircert.RoleDelegate, Key: &key.PublicKey,
		TNs: stircert.TNAuthList{Numbers: []tn.Number{"12025550100"}}, NotBefore: now, NotAfter: now.Add(life)}))
	return &Credential{Key: key, Chain: []*x509.Certificate{leaf}, X5U: x5u}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAKeyThatOthersMayReadIsRefused(t *testing.T) {
	f := newFiles(t)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o666: false} {
		if err := os.Chmod(f.key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := ReadKey(f.key)
		_, loaded := Load(f.key, f.chain, x5uOld, now)
		if (err == nil) != ok || (loaded == nil) != ok || !ok && !isFileError(err, "others may read or write") {
			t.Errorf("mode %04o: ReadKey = %v, Load = %v, want it read: %v", mode, err, loaded, ok)
		}
		if _, err := ReadLooseKey(f.key); err != nil {
			t.Errorf("mode %04o: ReadLooseKey = %v", mode, err)
		}
		if _, err := ReadPublicKey(f.key); err != nil {
			t.Errorf("mode %04o: ReadPublicKey = %v", mode, err)
		}
	}
}

const x5uOld, x5uNew = "https://certs.example/old.pem", "https://certs.example/new.pem"

func TestANewCredentialIsTakenUpBetweenTwoCalls(t *testing.T) {
	first, second := signer(t, newKey(t), x5uOld, time.Hour), signer(t, newKey(t), x5uNew, time.Hour)
	next := first
	h, err := OpenHolder(HolderConfig{Load: func(time.Time) (*Credential, error) { return next, nil }, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	before := h.Current()
	if changed, err := h.Reload(); changed || err != nil || h.Current().X5U != x5uOld {
		t.Errorf("Reload of the same = %v, %v, want no change", changed, err)
	}
	next = second
	if changed, err := h.Reload(); !changed || err != nil || h.Current().X5U != x5uNew || h.Current().Key != second.Key {
		t.Errorf("Reload = %v, %v, want the new credential", changed, err)
	}
	if before.X5U != x5uOld || before.Key != first.Key {
		t.Error("a call in hand lost the credential it had")
	}
}

func TestWhatIsNoGoodIsNotTakenUp(t *testing.T) {
	key := newKey(t)
	first := signer(t, key, x5uOld, time.Hour)
	failure := errors.New("no")
	var load, judge, publish error
	next, judged := first, 0
	h, err := OpenHolder(HolderConfig{
		Load:    func(time.Time) (*Credential, error) { return next, load },
		Judge:   func(*Credential) (*stircert.Chain, error) { judged++; return new(stircert.Chain), judge },
		Publish: func([]*x509.Certificate) (string, error) { return x5uNew, publish },
	})
	if err != nil || h.Current().X5U != x5uNew || h.Current().Judged == nil || first.X5U != x5uOld {
		t.Fatalf("OpenHolder = %+v, %v, want it published and judged, and what was loaded unchanged", h.Current(), err)
	}
	in := h.Current()
	next = signer(t, newKey(t), x5uOld, time.Hour)
	for name, set := range map[string]*error{"loading": &load, "judging": &judge, "publishing": &publish} {
		*set = failure
		if changed, err := h.Reload(); changed || !errors.Is(err, failure) || h.Current() != in {
			t.Errorf("%s fails: Reload = %v, %v, want the one in use kept", name, changed, err)
		}
		*set = nil
	}
	n := judged
	if err := h.Rejudge(); err != nil || judged != n+1 || h.Current().Key != in.Key {
		t.Errorf("Rejudge = %v, want the same credential judged once more", err)
	}
	judge = failure
	if err := h.Rejudge(); !errors.Is(err, failure) || h.Current().Judged == nil {
		t.Errorf("Rejudge = %v, want the judgement kept", err)
	}
	load = failure
	if _, err := OpenHolder(HolderConfig{Load: func(time.Time) (*Credential, error) { return nil, failure }}); !errors.Is(err, failure) {
		t.Errorf("OpenHolder = %v, want the error of loading", err)
	}
}

func TestANewKeyNeedsANewURL(t *testing.T) {
	key := newKey(t)
	next := signer(t, key, x5uOld, time.Hour)
	h, err := OpenHolder(HolderConfig{Load: func(time.Time) (*Credential, error) { return next, nil }})
	if err != nil {
		t.Fatal(err)
	}
	// What is kept elsewhere of the old certificate verifies what the same key signs.
	next = signer(t, key, x5uOld, 2*time.Hour)
	if changed, err := h.Reload(); !changed || err != nil {
		t.Errorf("Reload of a certificate renewed for the same key = %v, %v, want it taken up", changed, err)
	}
	next = signer(t, newKey(t), x5uOld, time.Hour)
	if changed, err := h.Reload(); changed || !errors.Is(err, ErrSameURL) {
		t.Errorf("Reload of a new key at the old URL = %v, %v, want ErrSameURL", changed, err)
	}
}

func TestEveryCallIsSignedByTheKeyOfItsURLWhileCredentialsChange(t *testing.T) {
	all := []*Credential{signer(t, newKey(t), x5uOld, time.Hour), signer(t, newKey(t), x5uNew, time.Hour)}
	i := 0
	h, err := OpenHolder(HolderConfig{Load: func(time.Time) (*Credential, error) { i++; return all[i%2], nil }})
	if err != nil {
		t.Fatal(err)
	}
	byURL := map[string]*Credential{x5uOld: all[0], x5uNew: all[1]}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c := h.Current()
				digest := sha256.Sum256([]byte("call"))
				signature, err := c.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
				if err != nil || !ecdsa.VerifyASN1(byURL[c.X5U].Chain[0].PublicKey.(*ecdsa.PublicKey), digest[:], signature) {
					t.Error("a call is signed by another key than that of its URL")
					return
				}
			}
		})
	}
	for range 200 {
		if _, err := h.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	group.Wait()
}

func TestRemindersComeInTime(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		life, left time.Duration
		want       Urgency
	}{
		{365 * day, 31 * day, 0}, {365 * day, 30 * day, Soon}, {365 * day, 14*day + 1, Soon}, {365 * day, 14 * day, Now},
		{365 * day, 7 * day, Late}, {365 * day, day, LastDay}, {365 * day, 1, LastDay}, {365 * day, 0, Expired}, {365 * day, -day, Expired},
		{day, 9 * time.Hour, 0}, {day, 8 * time.Hour, Soon}, {day, 4 * time.Hour, Now}, {day, 2 * time.Hour, Late}, {day, 30 * time.Minute, LastDay},
		{30 * day, 11 * day, 0}, {30 * day, 10 * day, Soon},
	} {
		c := signer(t, newKey(t), x5uOld, tc.life)
		at := c.Chain[0].NotAfter.Add(-tc.left)
		got := c.Remind(at)
		switch {
		case tc.want == 0 && len(got) != 0:
			t.Errorf("%v left of %v: %+v, want nothing", tc.left, tc.life, got)
		case tc.want == 0:
		case len(got) != 1 || got[0].Urgency != tc.want || got[0].Left != tc.left || got[0].Certificate != 1 || got[0].Subject == "":
			t.Errorf("%v left of %v: %+v, want %v", tc.left, tc.life, got, tc.want)
		case strings.TrimSpace(got[0].Urgency.String()) == "" || got[0].Urgency.String() == "none":
			t.Errorf("urgency %d has no words", got[0].Urgency)
		}
	}
	if Urgency(0).String() != "none" {
		t.Error("no urgency has words")
	}
}

func TestFactsAreOfTheWholeChain(t *testing.T) {
	l, err := Lab(t.TempDir(), labNumbers, now)
	if err != nil {
		t.Fatal(err)
	}
	l.X5U = x5uOld
	f := l.Facts()
	if f.X5U != x5uOld || f.Subject != labSignerName || f.Issuer != labCAName || len(f.Fingerprint) != 64 || !f.Lab || f.Ends.After(f.NotAfter) {
		t.Errorf("Facts = %+v", f)
	}
	if due := l.Remind(l.Chain[0].NotAfter); len(due) != 2 || due[1].Certificate != 2 || !due[0].Lab {
		t.Errorf("Remind = %+v, want one for each certificate of the chain", due)
	}
}
