package verification

import (
	"context"
	"slices"
	"sync"

	"countersign.example/stircert"
)

// answer is what came of asking for one chain.
type answer struct {
	chain *stircert.Chain
	err   error
}

// fetch asks for the chains of several fields at once, each URL once, so that one
// repository that stalls holds up the call no longer than it would alone. A single
// chain is asked for where it is needed.
func (j *judge) fetch(ctx context.Context) {
	if j.service.Key != nil || j.service.Certificates == nil {
		return
	}
	var room [MaxFields]string
	urls := room[:0]
	for i := range j.report.Fields {
		f := &j.report.Fields[i]
		if f.goesOn && !malformedSignature(f) && !slices.Contains(urls, f.Token.Header.X5U) {
			urls = append(urls, f.Token.Header.X5U)
		}
	}
	if len(urls) < 2 {
		return
	}
	certificates, at := j.service.Certificates, j.report.At
	answers := make([]answer, len(urls))
	var all sync.WaitGroup
	for i, url := range urls {
		all.Go(func() {
			answers[i].chain, answers[i].err = certificates.Chain(ctx, url, at)
		})
	}
	all.Wait()
	j.chains = make(map[string]answer, len(urls))
	for i, url := range urls {
		j.chains[url] = answers[i]
	}
}

// chainAt returns the chain that stands at a URL, if need be by asking for it.
func (j *judge) chainAt(ctx context.Context, url string) (*stircert.Chain, error) {
	if a, ok := j.chains[url]; ok {
		return a.chain, a.err
	}
	return j.service.Certificates.Chain(ctx, url, j.report.At)
}
