package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Reason says in two or three words why there is no document. The constants are all
// there are.
type Reason string

const (
	// BadURL means the URL breaks a rule: scheme, port, userinfo, fragment,
	// query under [Options].StrictURL, or the form of the host.
	BadURL Reason = "bad URL"
	// NotAllowed means the host is not on the list [Config].Allow.
	NotAllowed Reason = "host not allowed"
	// NoPlace means that we were too busy ourselves: no place became free
	// before the deadline. It is no fault of the URL and is not remembered.
	NoPlace Reason = "no place free"
	// Unresolved means the DNS gave no address.
	Unresolved Reason = "no address found"
	// AddressRefused means the host has none but addresses that must not be
	// connected to.
	AddressRefused Reason = "address refused"
	// Unreachable means no vetted address accepted a connection.
	Unreachable Reason = "no connection"
	// TLSFailed means the handshake failed, or the web server's certificate is
	// not valid for its name.
	TLSFailed Reason = "TLS failed"
	// TimedOut means the deadline passed; Err says during what.
	TimedOut Reason = "timed out"
	// BadStatus means the response was neither 200 nor a redirect; Status
	// has it.
	BadStatus Reason = "unexpected status"
	// Redirected means a redirect that was not followed: any for an x5u; for
	// other documents the second, or one to a URL that is refused.
	Redirected Reason = "redirect refused"
	// TooLarge means the header or the body is larger than its limit.
	TooLarge Reason = "too large"
	// Malformed means the response is not HTTP, breaks off, or is compressed
	// though that was not asked for.
	Malformed Reason = "malformed response"
)

// Failure says why a document could not be had. It is about the stranger's URL,
// server or document, never about a fault of our own (but see [NoPlace]), and is
// shared like a [Document]: treat it as read-only.
type Failure struct {
	// URL is the URL asked for.
	URL string
	// Location is where a redirect led, if it happened there; else empty.
	Location string
	// Reason is the one reason of the closed list.
	Reason Reason
	// Status is the HTTP status, for [BadStatus] and [Redirected]; else 0.
	Status int
	// Lab says that the Fetcher was in lab mode.
	Lab bool
	// Err tells more, in plain words, and is never nil. Under [Redirected] it
	// wraps the Failure of the URL redirected to, if that was refused.
	Err error
}

// Error tells what happened, without the URL, which the caller has.
func (f *Failure) Error() string {
	if f.Location != "" {
		return fmt.Sprintf("%s: after a redirect to %q: %v", f.Reason, f.Location, f.Err)
	}
	return fmt.Sprintf("%s: %v", f.Reason, f.Err)
}

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }

// lasting reports whether asking again soon would be in vain, so that the failure
// is worth remembering.
func (f *Failure) lasting() bool { return f.Reason != NoPlace }

// failure makes a Failure that tells its text and no more. Errors of the network are
// not wrapped: some hold on to a whole certificate chain, which must not stay in
// memory for as long as a failure is remembered.
func failure(reason Reason, format string, args ...any) *Failure {
	return &Failure{Reason: reason, Err: errors.New(tame(fmt.Sprintf(format, args...)))}
}

// maxText bounds the text of a failure, in bytes.
const maxText = 400

// tame makes a text fit to show in which a stranger may have had a say, as the names
// in his certificate have in the message that none of them matches.
func tame(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// interrupted says why doing something with the network ended in err: because the
// Fetcher was closed, because the deadline passed, or else for reason.
//
// The network notices a deadline by a clock of its own, perhaps a moment before
// ctx does, so the clock is asked too.
func interrupted(ctx context.Context, reason Reason, doing string, err error) error {
	if errors.Is(context.Cause(ctx), ErrClosed) {
		return ErrClosed
	}
	deadline, ok := ctx.Deadline()
	if ctx.Err() != nil || ok && !time.Now().Before(deadline) {
		return failure(TimedOut, "the deadline passed while %s", doing)
	}
	return failure(reason, "%s: %v", doing, err)
}
