package config

import (
	"maps"
	"slices"
)

// ResolveBroker lays the dynamic configurations of the metadata over the
// node's start-up configuration: first the cluster's default, then this
// broker's own. Entries that cannot be changed while the node runs, or whose
// value cannot be used, count as not set; ValidateBroker keeps clients from
// setting such.
func ResolveBroker(static *Static, dynDefault, dynBroker map[string]string) *Broker {
	if len(dynDefault) == 0 && len(dynBroker) == 0 {
		return static.Broker
	}
	v, raw := static.values.clone(), maps.Clone(static.explicit)
	overlay(v, raw, usable(dynDefault, false))
	overlay(v, raw, usable(dynBroker, true))
	clampIntervals(v, raw)
	b, err := newBroker(v, raw)
	if err != nil {
		// The values are right one by one, but not together, for instance
		// listeners without a protocol. Better the old ones than none.
		return static.Broker
	}
	b.fillAdvertised(static.hostname)
	return b
}

// usable drops what ResolveBroker must not apply.
func usable(dynamic map[string]string, perBroker bool) map[string]string {
	out := make(map[string]string, len(dynamic))
	for name, raw := range dynamic {
		base, listener := listenerBase(name)
		k, known := dynamicKey(base)
		if known {
			if _, err := k.Parse(raw); err != nil {
				continue
			}
		} else if isReadOnly(name) {
			continue
		}
		if !listener && securityFiles[name] || !perBroker && perBrokerOnly(name) {
			continue
		}
		out[name] = raw
	}
	return out
}

// overlay sets values by name. Setting one name of a value that has several
// unsets the others, so that the dynamic value counts whatever its unit.
func overlay(v values, raw, set map[string]string) {
	for name, text := range set {
		for _, synonym := range brokerSynonyms(name, false) {
			delete(raw, synonym)
			if k, ok := brokerDef.Lookup(synonym); ok {
				v[synonym] = k.Default
			}
		}
		raw[name] = text
		if k, ok := dynamicKey(name); ok {
			v[name], _ = k.Parse(text) // usable has checked it.
		}
	}
}

// clampIntervals keeps the dynamic assignment intervals within their bounds.
func clampIntervals(v values, raw map[string]string) {
	for _, group := range []string{"consumer", "share", "streams"} {
		name := "group." + group + ".assignment.interval.ms"
		n := v.int(name)
		clamped := max(min(n, v.int("group."+group+".max.assignment.interval.ms")), v.int("group."+group+".min.assignment.interval.ms"))
		if _, set := raw[name]; set && clamped != n {
			v[name] = int32(clamped)
			raw[name] = format(v[name])
		}
	}
}

// IgnoredDynamic gives the names that ResolveBroker leaves out of a dynamic
// configuration, this broker's own if perBroker, sorted. They are worth a line
// in the log: another version of the cluster let them in.
func IgnoredDynamic(dynamic map[string]string, perBroker bool) []string {
	used := usable(dynamic, perBroker)
	var ignored []string
	for _, name := range slices.Sorted(maps.Keys(dynamic)) {
		if _, ok := used[name]; !ok {
			ignored = append(ignored, name)
		}
	}
	return ignored
}
