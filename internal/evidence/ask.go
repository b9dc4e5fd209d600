package evidence

import (
	"context"
	"fmt"
	"runtime/debug"

	"countersign.example/internal/call"
)

// askOne asks one source and makes its answer keep the promises of Collect.
func askOne(ctx context.Context, c *call.Call, kind call.Kind, s Limited) (e call.Evidence, p *Panic) {
	defer func() {
		if v := recover(); v != nil {
			p = &Panic{Kind: kind, Value: v, Stack: debug.Stack()}
			e = failed(kind, "a fault of our own: the source panicked")
		}
	}()
	limited, cancel := context.WithTimeout(ctx, s.Budget)
	defer cancel()
	answer := s.Source.Ask(limited, c)
	answer.Kind = kind
	late := limited.Err() != nil
	switch reason := answer.Reason; {
	// A source that was cut short has not looked everywhere: its "absent" would be a
	// failed check in disguise, and its failure explains itself better than ours.
	case late && belongs(reason, kind) && reason.Result() == call.Failed:
		return answer, nil
	case ctx.Err() != nil:
		return failed(kind, "the caller hung up before there was an answer"), nil
	case late:
		return failed(kind, fmt.Sprintf("no answer within %v", s.Budget)), nil
	case !belongs(reason, kind):
		return failed(kind, fmt.Sprintf("the source answered %q, which is no answer to this", reason)), nil
	}
	return answer, nil
}

// belongs reports whether reason can be an answer of that kind.
func belongs(reason call.Reason, kind call.Kind) bool {
	return reason == call.CheckFailed || reason.Kind() == kind && kind != ""
}

// failed is the answer of a check that could not be made.
func failed(kind call.Kind, detail string) call.Evidence {
	return call.Evidence{Kind: kind, Reason: kind.Failed(), Detail: detail}
}
