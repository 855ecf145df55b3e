package config

import (
	"maps"
	"time"

	"moldau.dev/moldau/internal/invariant"
)

// values holds the parsed value of every broker key, nil for null.
type values map[string]any

// defaultValues gives the defaults of all broker keys.
func defaultValues() values {
	v := make(values, len(brokerDef.keys)+len(ownDef.keys)+len(dynamicQuotaDef.keys))
	for _, d := range []*Def{brokerDef, ownDef, dynamicQuotaDef} {
		for i := range d.keys {
			v[d.keys[i].Name] = d.keys[i].Default
		}
	}
	return v
}

func (v values) clone() values { return maps.Clone(v) }

func get[T any](v values, name string) T {
	value, known := v[name]
	invariant.Assert(known, "no broker config %q", name)
	var zero T
	if value == nil {
		return zero
	}
	t, ok := value.(T)
	invariant.Assert(ok, "broker config %q has type %T, not %T", name, value, zero)
	return t
}

func (v values) int(name string) int       { return int(get[int32](v, name)) }
func (v values) int16(name string) int16   { return get[int16](v, name) }
func (v values) int64(name string) int64   { return get[int64](v, name) }
func (v values) bool(name string) bool     { return get[bool](v, name) }
func (v values) text(name string) string   { return get[string](v, name) }
func (v values) float(name string) float64 { return get[float64](v, name) }
func (v values) list(name string) []string { return get[[]string](v, name) }

// duration reads an integer key of any width as a count of units.
func (v values) duration(name string, unit time.Duration) time.Duration {
	n, _ := v.integer(name)
	return duration(n, unit)
}

// integer reads an integer key of any width; not ok is null.
func (v values) integer(name string) (n int64, ok bool) {
	switch n := v[name].(type) {
	case int16:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	invariant.Assert(v[name] == nil, "broker config %q is no integer", name)
	return 0, false
}

const (
	millisPerMinute = int64(time.Minute / time.Millisecond)
	millisPerHour   = int64(time.Hour / time.Millisecond)
)

// rollMs, rollJitterMs, retentionMs and flushMs resolve the values that have
// several keys: the one with the finest unit counts.
func (v values) rollMs() int64 {
	if ms, ok := v.integer("log.roll.ms"); ok {
		return ms
	}
	return int64(v.int("log.roll.hours")) * millisPerHour
}

func (v values) rollJitterMs() int64 {
	if ms, ok := v.integer("log.roll.jitter.ms"); ok {
		return ms
	}
	return int64(v.int("log.roll.jitter.hours")) * millisPerHour
}

func (v values) retentionMs() int64 {
	ms, ok := v.integer("log.retention.ms")
	if !ok {
		var minutes int64
		if minutes, ok = v.integer("log.retention.minutes"); ok {
			ms = minutes * millisPerMinute
		} else {
			ms = int64(v.int("log.retention.hours")) * millisPerHour
		}
	}
	return max(ms, -1)
}

func (v values) flushMs() int64 {
	if ms, ok := v.integer("log.flush.interval.ms"); ok {
		return ms
	}
	return v.int64("log.flush.scheduler.interval.ms")
}
