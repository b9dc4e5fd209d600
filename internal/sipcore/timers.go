package sipcore

import (
	"strconv"
	"time"
)

// Timers are the timer values of RFC 3261 section 17 (table 4); all others are
// multiples of these. Zero values become the standard's.
type Timers struct {
	// T1 is the estimate of the round trip, 500 ms. Timers A, E and G begin
	// there; B, F, H, J and those of RFC 6026 (L, M) are 64 times T1.
	T1 time.Duration
	// T2 is the longest interval between retransmissions of a request that is
	// not an INVITE and of a response to an INVITE, 4 s.
	T2 time.Duration
	// T4 is the longest a message stays in the network, 5 s; Timers I and K.
	T4 time.Duration
	// D is how long repeated refusals of an INVITE are acknowledged, 32 s or
	// more.
	D time.Duration
	// C is how long a proxy lets a call ring without hearing of it, more than
	// three minutes (section 16.6 step 11); 190 s.
	C time.Duration
	// Trying is how long an INVITE may go unanswered before 100 is sent, 200 ms
	// (section 17.2.1).
	Trying time.Duration
}

func (t Timers) withDefaults() Timers {
	t.T1 = orDefault(t.T1, 500*time.Millisecond)
	t.T2 = orDefault(t.T2, 4*time.Second)
	t.T4 = orDefault(t.T4, 5*time.Second)
	t.D = orDefault(t.D, 32*time.Second)
	t.C = orDefault(t.C, 190*time.Second)
	t.Trying = orDefault(t.Trying, 200*time.Millisecond)
	return t
}

// patience is Timers B, F, H, J, L and M.
func (t *Timers) patience() time.Duration { return 64 * t.T1 }

// seconds writes d as a Retry-After value, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// alarm is the one clock of a transaction: it wakes it for the next
// retransmission or for the end of its state, whichever comes first. It is
// guarded by the transaction's mutex.
type alarm struct {
	timer    *time.Timer
	interval time.Duration // until the next retransmission; 0 for none
	longest  time.Duration // the interval doubles up to this; 0 without limit
	next     time.Time     // of the next retransmission
	deadline time.Time
	due      time.Time // what timer is set to
}

// set begins a state: its retransmissions, if interval is not 0, and how long it
// lasts.
func (a *alarm) set(wake func(), interval, longest, lasts time.Duration) {
	now := time.Now()
	a.interval, a.longest = interval, longest
	a.deadline = now.Add(lasts)
	if interval > 0 {
		a.next = now.Add(interval)
	}
	a.arm(now, wake)
}

func (a *alarm) arm(now time.Time, wake func()) {
	a.due = a.deadline
	if a.interval > 0 && a.next.Before(a.due) {
		a.due = a.next
	}
	if a.timer == nil {
		a.timer = time.AfterFunc(a.due.Sub(now), wake)
		return
	}
	a.timer.Reset(a.due.Sub(now))
}

// rang says what the alarm went off for. Both are false if it has been set anew
// meanwhile.
func (a *alarm) rang(wake func()) (repeat, over bool) {
	now := time.Now()
	switch {
	case a.timer == nil || now.Before(a.due):
		return false, false
	case !now.Before(a.deadline):
		return false, true
	}
	a.interval *= 2
	if a.longest > 0 {
		a.interval = min(a.interval, a.longest)
	}
	a.next = now.Add(a.interval)
	a.arm(now, wake)
	return true, false
}

// slow makes later intervals this long without moving the next retransmission
// (RFC 3261 section 17.1.2.2, Proceeding).
func (a *alarm) slow(longest time.Duration) { a.interval, a.longest = longest, longest }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}
