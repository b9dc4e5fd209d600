package gateway

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// crockford is the alphabet of ULIDs, whose text sorts as the bytes do.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewID returns a fresh call ID: 26 letters and digits that sort by time to the
// millisecond, followed by 80 random bits. It has the form of a ULID.
func NewID(at time.Time) string {
	// A ULID is 130 bits of text for 128 of content, so two zero bits lead.
	var b [17]byte
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16)
	rand.Read(b[6:16])
	var shifted [17]byte
	for i := range b {
		shifted[i] = b[i] >> 2
		if i > 0 {
			shifted[i] |= b[i-1] << 6
		}
	}
	return crockford.EncodeToString(shifted[:])[:26]
}
