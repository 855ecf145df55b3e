package cmdline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes writes a size as a person reads it, in powers of 1024: "512 B", "1.5 MiB".
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n > -1024 && n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	size, unit := float64(n)/1024, 0
	for (size >= 999.95 || size <= -999.95) && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}

// Duration writes a duration as a person reads it, with two units at most:
// "250ms", "1.5s", "2m30s", "7d", "3d4h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Millisecond:
		return d.String()
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	case d < time.Hour:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return units(d, time.Hour, "h", time.Minute, "m")
	default:
		return units(d, day, "d", time.Hour, "h")
	}
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	s := strconv.FormatInt(int64(d/large), 10) + largeName
	if rest := d % large / small; rest > 0 {
		s += strconv.FormatInt(int64(rest), 10) + smallName
	}
	return s
}

// TimeLayout is how times are written: RFC 3339 with milliseconds, as Kafka has them.
const TimeLayout = "2006-01-02T15:04:05.000Z07:00"

// Time writes a time in UTC, so that outputs of two machines compare.
func Time(t time.Time) string { return t.UTC().Format(TimeLayout) }

// Timestamp writes a timestamp of Kafka's, milliseconds since 1970 where a
// negative one means none.
func Timestamp(ms int64) string {
	if ms < 0 {
		return ""
	}
	return Time(time.UnixMilli(ms))
}

// Count writes a number with a noun: "1 partition", "3 partitions".
func Count[N ~int | ~int32 | ~int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	plural := noun + "s"
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		plural = stem + "ies"
	}
	return fmt.Sprintf("%d %s", n, plural)
}

// Number writes a number for a table.
func Number[N ~int | ~int16 | ~int32 | ~int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// Wrap breaks a text into lines of at most width columns, each with that indent.
func Wrap(s string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
