package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// op is one operation to be measured, beside the one it is compared with.
type op struct {
	name    string
	against string
	run     func()
}

func main() {
	rounds := flag.Int("rounds", 11, "how many `ROUNDS` to take; medians are of these")
	each := flag.Duration("each", 100*time.Millisecond, "how long one operation runs in a round")
	flag.Parse()
	set, done, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
	defer done()
	fmt.Printf("%s %s/%s, %d rounds of %v an operation, processor time of this process\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, *rounds, *each)
	report(set, measure(set, *rounds, *each))
}

// measure runs the operations in turn, round after round, and returns the time of
// each in nanoseconds, by operation and round.
func measure(set []op, rounds int, each time.Duration) map[string][]float64 {
	counts := make(map[string]int, len(set))
	for _, o := range set {
		counts[o.name] = calibrate(o.run, each)
	}
	times := make(map[string][]float64, len(set))
	for r := range rounds {
		for i := range set {
			// Every other round runs backwards, so that nobody always follows the same.
			o := set[i]
			if r%2 == 1 {
				o = set[len(set)-1-i]
			}
			n := counts[o.name]
			runtime.GC()
			before := processorTime()
			for range n {
				o.run()
			}
			times[o.name] = append(times[o.name], float64(processorTime()-before)/float64(n))
		}
	}
	return times
}

func calibrate(run func(), each time.Duration) int {
	n := 1
	for {
		before := processorTime()
		for range n {
			run()
		}
		spent := processorTime() - before
		if spent > each/4 {
			return max(1, int(float64(n)*float64(each)/float64(spent)))
		}
		n *= 4
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(set []op, times map[string][]float64) {
	fmt.Printf("%-44s %10s  %7s  %s\n", "operation", "median us", "ratio", "(range) of")
	for _, o := range set {
		line := fmt.Sprintf("%-44s %10.2f", o.name, median(times[o.name])/1000)
		if o.against != "" {
			ratios := make([]float64, len(times[o.name]))
			for i, t := range times[o.name] {
				ratios[i] = t / times[o.against][i]
			}
			line += fmt.Sprintf("  %7.3f  (%.3f-%.3f) of %s", median(ratios), slices.Min(ratios), slices.Max(ratios), o.against)
		}
		fmt.Println(line)
	}
}

func median(v []float64) float64 {
	s := slices.SortedFunc(slices.Values(v), cmp.Compare[float64])
	return s[len(s)/2]
}
