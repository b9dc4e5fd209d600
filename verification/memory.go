package verification

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash/maphash"
	"sync"
	"time"
)

// DefaultCapacity is how many PASSporTs a [RecentMemory] holds if not told otherwise:
// a minute and more of 4,000 calls a second, in about 25 MB when full.
const DefaultCapacity = 1 << 18

// ErrMemoryFull is returned by [RecentMemory] when it holds as many PASSporTs as it
// may and none of them may be forgotten yet.
var ErrMemoryFull = errors.New("verification: the replay memory is full")

// RecentMemory is a [Memory] of one process. It never forgets a PASSporT that could
// still be accepted: when it is full it says so. The zero RecentMemory is ready and has
// the default capacity.
type RecentMemory struct {
	// Capacity is how many PASSporTs are held at most. It is set before first use.
	Capacity int

	// mu guards everything below.
	mu      sync.Mutex
	seed    maphash.Seed
	entries map[[sha256.Size]byte]entry
	// queue holds the digests in the order entered, which is nearly the order in which
	// they may be forgotten; head is the first that has not been.
	queue []queued
	head  int
}

type entry struct {
	call  uint64
	until int64
}

type queued struct {
	digest [sha256.Size]byte
	until  int64
}

// Remember implements [Memory]. Calls are told apart by a keyed hash of the Call-ID,
// which nobody outside can find a twin for. The error is [ErrMemoryFull] or nil.
func (m *RecentMemory) Remember(_ context.Context, digest [sha256.Size]byte, callID string, now, until time.Time) (Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = make(map[[sha256.Size]byte]entry)
		m.seed = maphash.MakeSeed()
		if m.Capacity <= 0 {
			m.Capacity = DefaultCapacity
		}
	}
	call := maphash.String(m.seed, callID)
	if e, ok := m.entries[digest]; ok && e.until >= now.Unix() {
		if e.call == call {
			return SeenHere, nil
		}
		return SeenElsewhere, nil
	}
	m.forget(now.Unix())
	if len(m.entries) >= m.Capacity {
		return SeenNever, ErrMemoryFull
	}
	m.entries[digest] = entry{call, until.Unix()}
	m.queue = append(m.queue, queued{digest, until.Unix()})
	return SeenNever, nil
}

// Len returns how many PASSporTs are held.
func (m *RecentMemory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// forget drops what may be forgotten from the front of the queue. An entry behind one
// that must stay waits with it: that only makes the memory full sooner, never leaky.
func (m *RecentMemory) forget(now int64) {
	for m.head < len(m.queue) && m.queue[m.head].until < now {
		q := m.queue[m.head]
		// A digest entered again later has a younger entry, which stays.
		if e, ok := m.entries[q.digest]; ok && e.until < now {
			delete(m.entries, q.digest)
		}
		m.head++
	}
	if m.head > len(m.queue)/2 {
		m.queue = append(m.queue[:0], m.queue[m.head:]...)
		m.head = 0
	}
}
