package sipcore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// headers are texts whose fields both splitters must find the same.
func headers(t testing.TB) [][]byte {
	texts := [][]byte{
		[]byte(plain), []byte(odd), []byte(inviteText),
		[]byte("A b SIP/2.0\r\n\r\n"),
		[]byte("A b SIP/2.0\r\n:\r\n\r\n"),
		[]byte("A b SIP/2.0\r\nx\r\n y: z\r\n\r\n"),
		[]byte("A b SIP/2.0\r\nX :\r\n\r\n"),
		[]byte("A b SIP/2.0\r\nX:\r\n \r\n\t\r\nY:z\r\n\r\n"),
		[]byte("A b SIP/2.0\r\nX: a:b \r\n\r\n"),
		[]byte("A b SIP/2.0\r\nX: a\x0b\r\n\xa0b\xc2\x85: c\xc2\xa0\r\n\r\n"),
	}
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) == 0 {
		t.Fatalf("no torture messages, %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

// compareSplitters fails where ours and the reference differ.
func compareSplitters(t *testing.T, b []byte) {
	t.Helper()
	end, err := bounds(b)
	if err != nil {
		return
	}
	got, gotOK := splitFields(b[:end])
	want, wantOK := referenceFields(b[:end])
	if gotOK != wantOK || gotOK && !slices.Equal(got, want) {
		t.Errorf("splitFields(%q)\n = %q, %v\nthe reference\n = %q, %v", b[:end], got, gotOK, want, wantOK)
	}
}

func TestFieldsAreSplitAsTheReferenceDoes(t *testing.T) {
	for _, text := range headers(t) {
		compareSplitters(t, text)
	}
}

func FuzzSplitFields(f *testing.F) {
	for _, text := range headers(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) { compareSplitters(t, b) })
}

func TestAFieldKeptInATransactionDoesNotKeepItsMessage(t *testing.T) {
	m, err := parseWire([]byte(strings.Replace(plain, "Call-ID", "X: "+strings.Repeat("y", 4000)+"\r\nCall-ID", 1)))
	if err != nil {
		t.Fatal(err)
	}
	v, _ := m.topVia()
	before := v.branch()
	key := newServerKey(m, &v, MethodInvite)
	if key.branch != before {
		t.Fatalf("the key has branch %q, want %q", key.branch, before)
	}
	if sameBytes(key.branch, before) || sameBytes(key.sentBy, v.sentBy) || sameBytes(key.method, m.method) {
		t.Error("the key of a transaction shares memory with its message")
	}
}

// sameBytes reports whether two equal strings are the same memory.
func sameBytes(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }
