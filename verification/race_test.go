//go:build race

package verification_test

// racing says that the race detector is on, which allocates by itself.
const racing = true
