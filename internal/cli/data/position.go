package data

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// position is a place in every partition at once, as --from and --to name it.
type position struct {
	kind positionKind
	// n is the offset, or how many records before the end.
	n int64
	// at is the timestamp.
	at time.Time
}

type positionKind int

const (
	// atStart is the log start offset.
	atStart positionKind = iota
	// atEnd is the end of what a consumer of its isolation level can read.
	atEnd
	// atOffset is an offset, the same in each partition.
	atOffset
	// beforeEnd is n records before the end of each partition.
	beforeEnd
	// atTime is the first record whose timestamp is not before a time.
	atTime
)

const positionHelp = `start, end, an offset (12), a number before the end of each partition (-5),
how long ago (10m, 2h30m, 7d), a time (2026-01-31T18:00:00Z, "2026-01-31 18:00",
18:00) or @ and milliseconds since 1970`

// parsePosition reads a position; now and its time zone complete what the text
// leaves out.
func parsePosition(s string, now time.Time) (position, error) {
	switch s {
	case "start", "beginning", "earliest":
		return position{kind: atStart}, nil
	case "end", "latest":
		return position{kind: atEnd}, nil
	}
	if ms, ok := strings.CutPrefix(s, "@"); ok {
		if n, err := strconv.ParseInt(ms, 10, 64); err == nil && n >= 0 {
			return position{kind: atTime, at: time.UnixMilli(n)}, nil
		}
		at, err := cmdline.ParseInstant(ms, now)
		if err != nil {
			return position{}, fmt.Errorf("after the @: %w", err)
		}
		return position{kind: atTime, at: at}, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case strings.HasPrefix(s, "-") && n == 0:
			return position{kind: atEnd}, nil
		case n < 0:
			return position{kind: beforeEnd, n: -n}, nil
		}
		return position{kind: atOffset, n: n}, nil
	}
	at, err := cmdline.ParseInstant(s, now)
	if err != nil {
		return position{}, fmt.Errorf("%q is not a position: want %s", s, strings.ReplaceAll(positionHelp, "\n", " "))
	}
	return position{kind: atTime, at: at}, nil
}

// String is the position for messages.
func (p position) String() string {
	switch p.kind {
	case atStart:
		return "start"
	case atEnd:
		return "end"
	case beforeEnd:
		return strconv.FormatInt(-p.n, 10)
	case atTime:
		return cmdline.Time(p.at)
	default:
		return strconv.FormatInt(p.n, 10)
	}
}
