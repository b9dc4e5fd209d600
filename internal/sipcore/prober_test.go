package sipcore

import (
	"context"
	"slices"
	"testing"
	"time"
)

func TestATargetIsDownAfterFailuresInARowAndUpAfterAnswersInARow(t *testing.T) {
	for _, c := range []struct {
		results string // + an answer, - a failure
		want    string // what Up is after each
	}{
		{"----", "UDDD"},
		{"-+-+-+", "UUUUUU"},
		{"--+-++", "UDDDDU"},
		{"--++--", "UDDUUD"},
	} {
		h := &Health{Up: true}
		var got []byte
		for _, r := range c.results {
			h.note(r == '+', 2, 2)
			got = append(got, map[bool]byte{true: 'U', false: 'D'}[h.Up])
		}
		if string(got) != c.want {
			t.Errorf("after %s: %s, want %s", c.results, got, c.want)
		}
	}
}

func TestWhoDoesNotAnswerOptionsIsTriedLast(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		p := NewProber(b.e, ProberConfig{Interval: 10 * time.Second, Timeout: 3 * time.Second})
		silent, alive := udp(desks[0]), udp(desks[1])
		p.Watch(silent, alive)
		ctx, stop := context.WithCancel(b.Context())
		ran := make(chan error, 1)
		go func() { ran <- p.Run(ctx) }()
		sent := b.pass(0)
		for round := range 3 {
			for _, d := range sent {
				m := d.parse(t)
				if m.Method() != "OPTIONS" || m.Get("Max-Forwards") != "1" {
					t.Errorf("sent %v with Max-Forwards %s", m, m.Get("Max-Forwards"))
				}
				if d.peer == alive.Addr {
					// Who refuses it is there all the same; 503 is as if nobody were.
					b.deliver(alive.Addr, answer(m, []int{405, 503, 200}[round]))
				}
			}
			sent = b.pass(10 * time.Second)
		}
		state := p.State()
		if len(state) != 2 || state[0].Up || !state[1].Up || state[1].Status != 200 || state[0].Since.Sub(b.begun) != 13*time.Second {
			t.Errorf("State() = %+v", state)
		}
		other := udp(desks[2])
		if got := p.Order([]Target{silent, other, alive}); !slices.Equal(got, []Target{other, alive, silent}) {
			t.Errorf("Order() = %v", got)
		}
		p.Watch(alive)
		if state := p.State(); len(state) != 1 || state[0].Status != 200 {
			t.Errorf("after Watch: State() = %+v", state)
		}
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
}
