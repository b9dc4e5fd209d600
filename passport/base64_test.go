package passport

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzBase64 holds the decoder against the strict one of the standard library, which
// passes over line breaks where none may stand.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "AAAA=", "AA==", "-_-_", "+/+/", "AA\nAA", "AAAA\r\n", " AAA", "AAAAA", "é", "AA\xff="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := appendDecoded([]byte("x"), s)
		want, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if valid := err == nil && !strings.ContainsAny(s, "\r\n"); ok != valid {
			t.Fatalf("appendDecoded(%q) says %v, want %v", s, ok, valid)
		}
		if !ok {
			return
		}
		if !bytes.Equal(got, append([]byte("x"), want...)) {
			t.Fatalf("appendDecoded(%q) = %q, want %q after an x", s, got, want)
		}
		if back := string(appendEncoded(nil, want)); back != s {
			t.Fatalf("appendEncoded(%q) = %q, want %q", want, back, s)
		}
	})
}

func TestBase64RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		text := string(appendEncoded(nil, data))
		if want := base64.RawURLEncoding.EncodeToString(data); text != want {
			t.Fatalf("appendEncoded(%q) = %q, want %q", data, text, want)
		}
		if got, ok := appendDecoded(nil, text); !ok || !bytes.Equal(got, data) {
			t.Fatalf("appendDecoded(%q) = %q, %v", text, got, ok)
		}
	})
}
