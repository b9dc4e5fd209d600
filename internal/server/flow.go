package server

import (
	"context"
	"errors"

	"countersign.example/internal/call"
	"countersign.example/internal/directory"
	"countersign.example/internal/evidence"
	"countersign.example/internal/gateway"
)

// claimed fills in which office a call seems to come from, before it is judged: the one
// whose number it shows.
type claimed struct {
	next gateway.Flow
	book *directory.Directory
}

// Handle implements [gateway.Flow].
func (f *claimed) Handle(ctx context.Context, c *call.Call) (call.Record, error) {
	c.Office = f.book.Claimed(c.Calling.TN)
	return f.next.Handle(ctx, c)
}

// observed tells somebody of every call.
type observed struct {
	next gateway.Flow
	tell func(call.Record, error)
}

// Handle implements [gateway.Flow].
func (f *observed) Handle(ctx context.Context, c *call.Call) (call.Record, error) {
	rec, err := f.next.Handle(ctx, c)
	if f.tell != nil {
		f.tell(rec, err)
	}
	return rec, err
}

// collector collects evidence until the server has no more patience: then calls that
// wait for evidence are decided without it.
type collector struct {
	sources  *evidence.Collector
	patience context.Context
}

// Collect answers every kind that is asked for, once.
func (col *collector) Collect(ctx context.Context, c *call.Call, have []call.Evidence, ask ...call.Kind) []call.Evidence {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(col.patience, cancel)()
	answers := col.sources.Collect(limited, c, have, ask...)
	if ctx.Err() == nil && limited.Err() != nil {
		for i := range answers {
			if answers[i].Result() == call.Failed {
				answers[i].Detail = "this server was stopped before there was an answer"
			}
		}
	}
	return answers
}

// signer is the authentication service.
type signer interface {
	Sign(ctx context.Context, c *call.Call, a call.Assertion) ([]string, error)
}

// errNoCredential is a policy that vouches for numbers without anything to sign with.
var errNoCredential = errors.New("the policy vouches for numbers of ours, but there is no key and certificate to sign with")

// unsigned stands where there is no credential, under a policy that vouches for nobody.
type unsigned struct{}

// Sign returns an error: it is never asked.
func (unsigned) Sign(context.Context, *call.Call, call.Assertion) ([]string, error) {
	return nil, errNoCredential
}
