package fetch

import (
	"errors"
	"strings"
	"testing"
)

func TestAFailureCanBeShownWhateverAStrangerSays(t *testing.T) {
	tests := []struct{ said, want string }{
		{"certificate is valid for café.example, not b", "certificate is valid for café.example, not b"},
		{"a\r\nb\x00c\x1b[2Jd", "a??b?c?[2Jd"},
		{"a\u202eb\u200bc\u2028d", "a?b?c?d"},
		{"a\xffb\ufffdc", "a?b?c"},
		{strings.Repeat("a", 256<<10), strings.Repeat("a", maxText) + "..."},
		{strings.Repeat("a", maxText-1) + "é", strings.Repeat("a", maxText-1) + "?..."},
	}
	for _, test := range tests {
		fail := failure(TLSFailed, "%v", errors.New(test.said))
		if got, want := fail.Error(), string(TLSFailed)+": "+test.want; got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
}

func TestAFailureAfterARedirectSaysWhere(t *testing.T) {
	fail := failure(Unreachable, "refused")
	fail.Location = "https://example.com/\"there"
	const want = `no connection: after a redirect to "https://example.com/\"there": refused`
	if got := fail.Error(); got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
