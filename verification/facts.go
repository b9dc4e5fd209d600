package verification

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"time"

	"countersign.example/passport"
	"countersign.example/stircert"
)

// Facts are what the signalling says of a call. A zero field means that it is not
// known, and what depends on it is not checked; the report says so. The parties are
// canonical (package sipidentity).
type Facts struct {
	// Calling is the caller as signalled: From, or P-Asserted-Identity inside the
	// trust domain.
	Calling passport.Party
	// Called is the party that is really called: the Request-URI. In a response it is
	// the party that the request was for.
	Called passport.Party
	// To is the party in the To header field; Called is taken for it if it is zero. It
	// matters only for rebuilding a compact PASSporT.
	To passport.Party
	// Date is the Date header field.
	Date time.Time
	// CallID is the Call-ID header field, by which a replay is told from a
	// retransmission.
	CallID string
	// Fingerprints are the values of the SDP's a=fingerprint lines. Nil means that they
	// are not known; an SDP that has none is an empty list that is not nil, and does not
	// fit a PASSporT that signs media keys.
	Fingerprints []string
	// DisplayName is the display name of From.
	DisplayName string
	// Response is set if the fields came with a response to the call (RFC 9970).
	Response bool
	// ResourcePriority and Priority are those header fields.
	ResourcePriority []string
	Priority         string
	// Body is the body of a MESSAGE, nil if there is none to compare.
	Body []byte
}

// Certificates finds certificate chains.
type Certificates interface {
	// Chain returns the chain that stands at an x5u URL, judged against the trust
	// anchors; at is the time of the call. The error is a *passport.Finding, such as
	// CertificateUnavailable, or that of the context. Chain may be called by many
	// goroutines, and the chain it returns is shared and read-only.
	Chain(ctx context.Context, url string, at time.Time) (*stircert.Chain, error)
}

// Seen is what a [Memory] knows of a PASSporT.
type Seen uint8

// What a Memory can answer.
const (
	// SeenNever: it is new, and is remembered from now on.
	SeenNever Seen = iota
	// SeenHere: it came with the same call: a retransmission, a fork, a re-INVITE.
	SeenHere
	// SeenElsewhere: it came with another call.
	SeenElsewhere
)

// Memory remembers PASSporTs for as long as they would be accepted again (RFC 8224
// section 12.1).
type Memory interface {
	// Remember looks a PASSporT up by the digest of its signing input, and enters it
	// if it is new. The entry is kept until the time given; an implementation that can
	// not keep it so long, for want of room or of a network, returns an error and must
	// not forget others instead. Remember may be called by many goroutines; of two
	// calls with one new digest only one is told that it is new.
	Remember(ctx context.Context, digest [sha256.Size]byte, callID string, now, until time.Time) (Seen, error)
}

// Signature checks one ECDSA signature on P-256. It is where a faster check than the
// standard library's is put in.
type Signature interface {
	// Verify reports whether r and s in signature fit the digest and the key. It keeps
	// none of them.
	Verify(key *ecdsa.PublicKey, digest *[sha256.Size]byte, signature *[64]byte) bool
}
