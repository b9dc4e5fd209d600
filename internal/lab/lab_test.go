package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign.example/internal/call"
	"countersign.example/internal/gateway"
	"countersign.example/internal/store"
	"countersign.example/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is what a person would see.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	// wrote is sent to after every piece, if somebody waits.
	wrote chan struct{}
}

func newScreen() *screen { return &screen{wrote: make(chan struct{}, 1)} }

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits until the screen shows the text.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.wrote:
		case <-late.C:
			t.Fatalf("the screen never showed %q:\n%s", text, s)
		}
	}
}

// told runs a lab to its end and returns what was printed.
func told(t *testing.T, c Config) (string, bool) {
	t.Helper()
	out := newScreen()
	c.Out, c.Once = out, true
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := l.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), ok
}

func TestTheStoryEndsAsItShould(t *testing.T) {
	text, ok := told(t, Config{JSON: true})
	if !ok {
		t.Errorf("Run() = false:\n%s", text)
	}
	var outcomes []Outcome
	for line := range strings.Lines(text) {
		var o Outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, o)
	}
	for i, want := range []struct {
		verdict string
		reason  call.Reason
		status  int
		display string
		verstat string
	}{
		{"partly verified", call.AttestedFull, 200, "◐ President's Office (partly verified)", "TN-Validation-Passed"},
		{"refuted", call.NumberOfAnother, 603, "", ""},
		{"refuted", call.NumberNotCovered, 603, "", ""},
		{"unverified", call.CallToAnother, 200, "? unverified: President's Office", "No-TN-Validation"},
		{"unverified", call.NoIdentity, 200, "? unverified: 'Alice'", "No-TN-Validation"},
	} {
		if i >= len(outcomes) {
			t.Fatalf("%d calls were placed", len(outcomes))
		}
		got := outcomes[i]
		if got.Said == nil || got.Said.Verdict != want.verdict || !slices.Contains(got.Reasons, want.reason) || got.Status != want.status ||
			got.Display != want.display || got.Verstat != want.verstat || got.Problem != "" {
			t.Errorf("call %d: %+v, want %+v", i+1, got, want)
		}
	}
	if len(outcomes) != 6 {
		t.Fatalf("%d calls were placed, want 6", len(outcomes))
	}
	if last := outcomes[5]; last.Direction != call.Outbound || !last.Signed || last.Checked != "valid, attestation A" || last.Status != 200 || last.Problem != "" {
		t.Errorf("the call that left: %+v", last)
	}
}

func TestTheStoryIsToldInWordsWithTheNumberAndTheOfficeApart(t *testing.T) {
	text, _ := told(t, Config{})
	for _, want := range []string{
		"◐ PARTLY VERIFIED  The number is genuine, and it is that of the President's Office.",
		"number      genuine\n", "who         the President's Office, as far as the number goes\n",
		"✘ REFUTED  The number on your phone is not the caller's, so nothing shows that this is the President's Office.",
		"because     The signature that came with the call is for another number than the one on your\n                 phone.",
		"because     The caller signed with a certificate that is not for this number.",
		"because     The signature was made for a call to somebody else, so it may have been cut from",
		"? UNVERIFIED  Nobody vouches for this caller.",
		"done        refused before it rang (SIP 603)", "done        connected (SIP 200)",
		"✔ SIGNED  Your call says that it comes from your number", "All 6 calls became what they should",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	for _, never := range []string{"UNEXPECTED", "secure", "%", "\x1b"} {
		if strings.Contains(text, never) {
			t.Errorf("the story holds %q", never)
		}
	}
	coloured, _ := told(t, Config{Color: true})
	if !strings.Contains(coloured, "\x1b[1;31m✘ REFUTED\x1b[0m") {
		t.Error("with colours a refutation is not red")
	}
}

func TestAVerdictThatWasNotExpectedIsSaid(t *testing.T) {
	original := slices.Clone(story)
	t.Cleanup(func() { story = original })
	for name, change := range map[string]func(s []scene){
		"the verdict was partly verified, not verified": func(s []scene) { s[0].standing = call.Verified },
		"number-listed is not among the reasons":        func(s []scene) { s[0].reason = call.NumberListed },
		"the action was reject, not connect":            func(s []scene) { s[1].action = call.Connect },
		"the other side found it valid, not unsigned":   func(s []scene) { s[5].result = 0 },
	} {
		story = slices.Clone(original)
		change(story)
		text, ok := told(t, Config{})
		if ok || !strings.Contains(text, name) || !strings.Contains(text, "UNEXPECTED") {
			t.Errorf("want UNEXPECTED %s; Run() = %v:\n%s", name, ok, text)
		}
	}
}

func TestTheRecordsAreKeptWhereTheyShouldBe(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "made", "by", "it")
	for range 2 { // a second time in the same folder
		if text, _ := told(t, Config{Data: folder}); !strings.Contains(text, filepath.Join(folder, "calls.db")) {
			t.Errorf("the story does not say where the records are:\n%s", text)
		}
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(folder, "calls.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	recs, err := s.Calls(t.Context(), store.Filter{})
	if err != nil || len(recs) != 12 {
		t.Errorf("%d calls are recorded, %v; want 12", len(recs), err)
	}
	for name, mode := range map[string]os.FileMode{keyFile: 0o600, "calls.db": 0o600} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v; want %v", name, info.Mode(), err, mode)
		}
	}
}

func TestATemporaryFolderIsRemovedUnlessItIsToBeKept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	told(t, Config{})
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	text, _ := told(t, Config{Keep: true})
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*", "calls.db"))
	if len(left) != 1 || !strings.Contains(text, left[0]) {
		t.Errorf("kept %q, and said:\n%s", left, text)
	}
}

func TestAnAddressInUseIsSaid(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Setenv("TMPDIR", t.TempDir())
	_, err = New(Config{Out: newScreen(), Listen: taken.LocalAddr().String()})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), taken.LocalAddr().String()) {
		t.Errorf("New() = %v, want ErrInUse with the address", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestVisitorsAreJudgedAfterTheStoryAndCtrlCEndsIt(t *testing.T) {
	out := newScreen()
	l, err := New(Config{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		ok, err := l.Run(ctx)
		if !ok {
			err = errors.Join(err, errors.New("the story did not end as it should"))
		}
		done <- err
	}()
	out.until(t, "The network stays up")
	for _, hint := range []string{"sip:+12025550142@" + l.server.Addr().String(), "sipp -sf " + filepath.Join(l.folder, scenarioFile), "baresip", "Ctrl-C"} {
		if !strings.Contains(out.String(), hint) {
			t.Errorf("the hints lack %q:\n%s", hint, out)
		}
	}

	visitor, err := newAgent("visitor", nil)
	if err != nil {
		t.Fatal(err)
	}
	visitor.gateway = l.server.Addr()
	visiting, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- visitor.endpoint.Run(visiting) }()
	final, err := visitor.call(t.Context(), attempt{name: "Visitor", number: ordinaryNumber, called: ourNumber, callID: gateway.NewID(time.Now())}, time.Now())
	if err != nil || final.Status() != 200 {
		t.Errorf("the visitor's call ended with %v, %v", final, err)
	}
	out.until(t, "A call from +44207946••••.")
	out.until(t, "? unverified: 'Visitor'")
	leave()
	interrupt()
	if err := errors.Join(<-left, <-done); err != nil {
		t.Errorf("Run() = %v", err)
	}
}

func TestALabThatIsStoppedInTheMiddleOfTheStoryIsNotOk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := New(Config{Out: newScreen(), Once: true})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := l.Run(ctx); ok || err != nil {
		t.Errorf("Run() = %v, %v, want false and no error", ok, err)
	}
}
