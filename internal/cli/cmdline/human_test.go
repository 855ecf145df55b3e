package cmdline

import (
	"math"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 30: "1.0 GiB", -2048: "-2.0 KiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1500 * time.Microsecond: "1ms", 250 * time.Millisecond: "250ms", 1500 * time.Millisecond: "1.5s", 59990 * time.Millisecond: "59.9s",
		150 * time.Second: "2m30s", time.Hour: "1h", 90 * time.Minute: "1h30m", 7 * 24 * time.Hour: "7d", 76 * time.Hour: "3d4h", -time.Second: "-1s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 topic": Count(1, "topic"), "0 topics": Count(0, "topic"), "2 entries": Count(2, "entry"), "1 entry": Count(int64(1), "entry"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	if got := Timestamp(1577836800123); got != "2020-01-01T00:00:00.123Z" {
		t.Errorf("got %s", got)
	}
	if got := Timestamp(-1); got != "" {
		t.Errorf("got %s for no timestamp", got)
	}
}

func TestWrap(t *testing.T) {
	if got, want := Wrap("one two  three four", 11, "  "), "  one two\n  three\n  four"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseInstant(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 1, 31, 18, 30, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"now":                         now,
		"10m":                         now.Add(-10 * time.Minute),
		"-10m":                        now.Add(-10 * time.Minute),
		"7d":                          now.AddDate(0, 0, -7),
		"1w2d12h":                     now.Add(-(9*24 + 12) * time.Hour),
		"2026-01-30T12:00:00Z":        time.Date(2026, 1, 30, 12, 0, 0, 0, time.UTC),
		"2026-01-30T12:00:00.5+02:00": time.Date(2026, 1, 30, 10, 0, 0, 5e8, time.UTC),
		"2026-01-30 12:00":            time.Date(2026, 1, 30, 12, 0, 0, 0, zone),
		"2026-01-30":                  time.Date(2026, 1, 30, 0, 0, 0, 0, zone),
		"09:15":                       time.Date(2026, 1, 31, 9, 15, 0, 0, zone),
		"1577836800000":               time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		got, err := ParseInstant(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "noon", "10", "-5", "10x", "2026-13-01", "d", "1.5d"} {
		if got, err := ParseInstant(text, now); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "1d1s": 24*time.Hour + time.Second, "0s": 0,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "d", "-1d", "1h-2m", "-1s", "1d1w", "99999999999d", "200000w", "106751d24h"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}
