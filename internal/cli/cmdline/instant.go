package cmdline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// instantForms are what ParseInstant understands, for messages and help texts.
const instantForms = "a time such as 2026-01-31T18:00:00Z, '2026-01-31 18:00', 2026-01-31 or 18:00 (this machine's time zone where none is given), " +
	"how long ago (10m, 2h30m, 7d), milliseconds since 1970, or now"

// layouts are the forms of a point in time, the exact ones first.
var layouts = [...]string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseInstant reads a point in time as a person writes it: RFC 3339 or a part
// of it (in the zone of now where it names none), how long before now ("10m",
// "-10m", "7d"), milliseconds since 1970, or "now".
func ParseInstant(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range [...]string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		// Nobody means the first seconds of 1970: a small number is an offset or
		// a duration without its unit.
		if ms < 1e9 {
			return time.Time{}, fmt.Errorf("%q is neither a time nor milliseconds since 1970: write %ss for seconds ago", s, strings.TrimPrefix(s, "-"))
		}
		return time.UnixMilli(ms), nil
	}
	if ago, err := ParseDuration(strings.TrimPrefix(s, "-")); err == nil {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: want %s", s, instantForms)
}

// ParseDuration reads a duration as Go does ("1h30m", "250ms"), with d for days
// and w for weeks before the rest ("7d", "1w2d12h").
func ParseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	for _, unit := range [...]struct {
		name string
		size time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n < 0 || n > int64(math.MaxInt64-total)/int64(unit.size) {
			return 0, fmt.Errorf("%q is not a duration: want for example 250ms, 10s, 1h30m or 7d", s)
		}
		total += time.Duration(n) * unit.size
		rest = after
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-total {
		return 0, fmt.Errorf("%q is not a duration: want for example 250ms, 10s, 1h30m or 7d", s)
	}
	return total + d, nil
}
