package data

import (
	"testing"
	"time"
)

func TestParsePosition(t *testing.T) {
	now := time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC)
	at := func(t time.Time) position { return position{kind: atTime, at: t} }
	for in, want := range map[string]position{
		"start":                {kind: atStart},
		"earliest":             {kind: atStart},
		"end":                  {kind: atEnd},
		"latest":               {kind: atEnd},
		"0":                    {kind: atOffset},
		"12":                   {kind: atOffset, n: 12},
		"-5":                   {kind: beforeEnd, n: 5},
		"-0":                   {kind: atEnd},
		"1767225600000":        {kind: atOffset, n: 1767225600000},
		"@1767225600000":       at(time.UnixMilli(1767225600000)),
		"@0":                   at(time.UnixMilli(0)),
		"10m":                  at(now.Add(-10 * time.Minute)),
		"-10m":                 at(now.Add(-10 * time.Minute)),
		"@10m":                 at(now.Add(-10 * time.Minute)),
		"7d":                   at(now.Add(-7 * 24 * time.Hour)),
		"now":                  at(now),
		"2026-01-30":           at(time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)),
		"2026-01-30T01:02:03Z": at(time.Date(2026, 1, 30, 1, 2, 3, 0, time.UTC)),
		"17:30":                at(time.Date(2026, 1, 31, 17, 30, 0, 0, time.UTC)),
	} {
		got, err := parsePosition(in, now)
		if err != nil || got.kind != want.kind || got.n != want.n || !got.at.Equal(want.at) {
			t.Errorf("parsePosition(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "foo", "1.5", "--5", "@", "@foo", "2026-13-01", "99999999999999999999"} {
		if p, err := parsePosition(in, now); err == nil {
			t.Errorf("parsePosition(%q) = %v, want an error", in, p)
		}
	}
}

func TestPositionString(t *testing.T) {
	for want, p := range map[string]position{
		"start": {kind: atStart}, "end": {kind: atEnd}, "7": {kind: atOffset, n: 7}, "-7": {kind: beforeEnd, n: 7},
		"1970-01-01T00:00:00.000Z": {kind: atTime, at: time.UnixMilli(0)},
	} {
		if got := p.String(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

func FuzzPosition(f *testing.F) {
	f.Add("10m")
	f.Add("@17")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePosition(s, time.Unix(1e9, 0))
		if err == nil && p.n < 0 {
			t.Errorf("parsePosition(%q) = %+v", s, p)
		}
	})
}
