package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxDelta is what a number of seconds too large to count in stands for (RFC 9111
// section 1.2.2).
const maxDelta = (1 << 31) * time.Second

// freshFor returns how long a response with header h, received now, is good.
func (f *Fetcher) freshFor(h http.Header, now time.Time) time.Duration {
	life, stated := lifetime(h, now)
	if !stated {
		// standards.md section 3.6: honour HTTP caching, otherwise 24 h.
		life = f.cfg.DefaultFresh
	}
	return min(max(life, f.cfg.MinFresh), f.cfg.MaxFresh)
}

// lifetime returns the freshness lifetime that a server states (RFC 9111 section
// 4.2.1), less the age the response has already. It may be negative. What cannot be
// read counts as stale, as the RFC encourages.
func lifetime(h http.Header, now time.Time) (life time.Duration, stated bool) {
	life, stated = cacheControl(h)
	if !stated {
		expires := h.Get("Expires")
		if expires == "" {
			return 0, false
		}
		life = untilExpires(expires, h.Get("Date"), now)
	}
	// RFC 9111 §4.2.3: what a cache on the way says of its age; the time the
	// request took is too short to count.
	if age, ok := delta(h.Get("Age")); ok {
		life -= age
	}
	return life, true
}

// cacheControl reads the directives that concern a private cache, which is what we
// are: s-maxage is for others.
func cacheControl(h http.Header) (life time.Duration, stated bool) {
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				// RFC 9111 §5.2.2.4 and §5.2.2.5. Kept to the floor
				// all the same: one call asks several times.
				return 0, true
			case "max-age":
				// RFC 9111 §5.2.2.1; of several the shortest counts.
				age, _ := delta(strings.Trim(value, `"`))
				if !stated || age < life {
					life, stated = age, true
				}
			}
		}
	}
	return life, stated
}

// untilExpires reads an Expires field (RFC 9111 section 5.3) against the server's
// own clock where it shows one, since its clock may be wrong.
func untilExpires(expires, date string, now time.Time) time.Duration {
	end, err := http.ParseTime(expires)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(date); err == nil {
		now = sent
	}
	return min(max(end.Sub(now), 0), maxDelta)
}

// delta reads a number of seconds (RFC 9111 section 1.2.2).
func delta(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(maxDelta/time.Second) {
		return maxDelta, true
	}
	return time.Duration(n) * time.Second, true
}
