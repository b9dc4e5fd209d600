package sipcore

import "sync"

// maxWaiting is how many requests of one call may wait for their turn.
const maxWaiting = 64

// order keeps the requests of one call in order. The reader hands them over in
// the order of arrival; each has the turn until it was sent on, answered or
// dropped, and then the next begins.
type order struct {
	mu    sync.Mutex
	calls map[string]*lane
}

// lane holds the requests of one call that wait behind the one whose turn it is.
// It is there as long as somebody has the turn.
type lane struct{ waiting []*ServerTx }

// enter says what becomes of a new request: it begins at once, it waits, or
// neither, because too many do.
func (o *order) enter(call string, tx *ServerTx) (begin, waits bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.calls[call]
	if l == nil {
		if o.calls == nil {
			o.calls = make(map[string]*lane)
		}
		o.calls[call] = new(lane)
		return true, false
	}
	if len(l.waiting) >= maxWaiting {
		return false, false
	}
	l.waiting = append(l.waiting, tx)
	return false, true
}

// leave passes the turn on and returns who has it now, or nil.
func (o *order) leave(call string) *ServerTx {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.calls[call]
	if len(l.waiting) == 0 {
		delete(o.calls, call)
		return nil
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	return next
}
