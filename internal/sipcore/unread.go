package sipcore

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
)

// ErrOver says that a client transaction has no more responses to give.
var ErrOver = errors.New("sipcore: no more responses")

// maxUnread is how many responses may wait to be read by [ClientTx.Next]; beyond
// it provisional and repeated ones are dropped.
const maxUnread = 256

// Next returns the next response, provisional ones and 100 included, in order. It
// blocks until there is one. After the final response of a transaction that has
// no more to give the error is ErrOver; it is ErrTimeout or ErrClosed if there
// will be no final response, or that of ctx.
func (tx *ClientTx) Next(ctx context.Context) (*Message, error) { return tx.unread.next(ctx, tx.done) }

// Do sends a request as Send does and returns its final response. If ctx ends
// first, an INVITE is cancelled and Do goes on waiting for its end, so that a 2xx
// that crossed the CANCEL is not lost: it must be acknowledged like any other. For
// other requests the error is then that of ctx.
func (e *Endpoint) Do(ctx context.Context, req *Message, next netip.AddrPort) (*Message, error) {
	return e.DoTo(ctx, req, udp(next))
}

// DoTo is Do over any transport.
func (e *Endpoint) DoTo(ctx context.Context, req *Message, to Target) (*Message, error) {
	tx, err := e.SendTo(req, to)
	if err != nil {
		return nil, err
	}
	for {
		m, err := tx.Next(ctx)
		switch {
		case err == nil && m.status >= 200:
			return m, nil
		case err == nil:
		case ctx.Err() != nil && tx.isInvite():
			tx.Cancel()
			ctx = context.WithoutCancel(ctx)
		default:
			return nil, err
		}
	}
}

// unread holds responses until they are read, any number of them.
type unread struct {
	wake chan struct{} // has room for one

	mu    sync.Mutex
	queue []*Message
	err   error
}

func (u *unread) response(m *Message, again bool) {
	u.mu.Lock()
	if len(u.queue) < maxUnread || m.status >= 200 && !again {
		u.queue = append(u.queue, m)
	}
	if m.status >= 300 || m.status >= 200 && m.Method() != MethodInvite {
		u.err = ErrOver
	}
	u.mu.Unlock()
	u.signal()
}

func (u *unread) over(err error) {
	u.mu.Lock()
	u.err = err
	u.mu.Unlock()
	u.signal()
}

func (u *unread) signal() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

func (u *unread) next(ctx context.Context, done <-chan struct{}) (*Message, error) {
	for {
		u.mu.Lock()
		var m *Message
		err := u.err
		if len(u.queue) > 0 {
			m = u.queue[0]
			u.queue = slices.Delete(u.queue, 0, 1)
		}
		u.mu.Unlock()
		switch {
		case m != nil:
			return m, nil
		case err != nil:
			u.signal() // for another reader
			return nil, err
		}
		select {
		case <-u.wake:
		case <-done:
			u.mu.Lock()
			if u.err == nil {
				u.err = ErrOver
			}
			u.mu.Unlock()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
