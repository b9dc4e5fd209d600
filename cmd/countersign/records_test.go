package main

import (
	"context"
	"fmt"
	"os"

	"countersign.example/internal/call"
	"countersign.example/internal/store/database"
	"countersign.example/internal/store/storetest"
)

// recordCalls is a command of the scripts: it writes some calls to the place that it is
// given.
func recordCalls() {
	s, err := database.Open(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	refuted, left, person := storetest.Record(2), storetest.Record(3), storetest.Mentioning(storetest.Ways)
	refuted.Call.DisplayName = "\x1b[2J=1+1"
	refuted.Verdict = call.Verdict{Standing: call.Refuted, Conflict: true}
	refuted.Action = call.Action{Kind: call.Reject, Status: 603, Phrase: "Decline", Rule: "refuted"}
	left.Call.Direction, left.Assertion.Why = call.Outbound, "not one of our numbers"
	person.Acts = []call.Act{{Who: "Ms Example", What: "put through", At: storetest.Arrived}}
	for _, rec := range []call.Record{storetest.Record(1), refuted, left, person} {
		if err := s.RecordCall(context.Background(), rec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
