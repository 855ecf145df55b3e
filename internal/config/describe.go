package config

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Entry is one line of a DescribeConfigs response.
type Entry struct {
	Name      string
	Value     *string // nil is null: not set, or sensitive.
	Source    kmsg.ConfigSource
	ReadOnly  bool
	Sensitive bool
	Type      kmsg.ConfigType
	// Synonyms are all places the value can come from, the strongest first;
	// the first one is in force.
	Synonyms []Synonym
	Doc      string
}

// Synonym is one of the places a value comes from.
type Synonym struct {
	Name   string
	Value  *string
	Source kmsg.ConfigSource
}

// Sources of values.
const (
	sourceTopic         = kmsg.ConfigSourceDynamicTopicConfig
	sourceBroker        = kmsg.ConfigSourceDynamicBrokerConfig
	sourceDefaultBroker = kmsg.ConfigSourceDynamicDefaultBrokerConfig
	sourceStatic        = kmsg.ConfigSourceStaticBrokerConfig
	sourceDefault       = kmsg.ConfigSourceDefaultConfig
	sourceClientMetrics = kmsg.ConfigSourceClientMetricsConfig
	sourceGroup         = kmsg.ConfigSourceGroupConfig
)

// describer knows the levels below a resource's own configuration.
type describer struct {
	static                *Static
	dynBroker, dynDefault map[string]string
	broker                *Broker
}

func newDescriber(static *Static, dynDefault, dynBroker map[string]string) *describer {
	return &describer{
		static:     static,
		dynDefault: usable(dynDefault, false),
		dynBroker:  usable(dynBroker, true),
		broker:     ResolveBroker(static, dynDefault, dynBroker),
	}
}

// synonyms lists where a broker key's value may come from. As in Kafka, what
// comes before the first entry of that very name is left out: when only
// log.roll.hours is set, log.roll.ms has no synonyms.
func (d *describer) synonyms(name string, sensitive bool) []Synonym {
	var out []Synonym
	names := brokerSynonyms(name, true)
	add := func(level map[string]string, source kmsg.ConfigSource) {
		for _, n := range names {
			if raw, ok := level[n]; ok {
				out = append(out, Synonym{Name: n, Value: hide(raw, sensitive), Source: source})
			}
		}
	}
	add(d.dynBroker, sourceBroker)
	add(d.dynDefault, sourceDefaultBroker)
	add(d.static.explicit, sourceStatic)
	for _, n := range names {
		if k, ok := staticKey(n); ok && k.Default != nil {
			out = append(out, Synonym{Name: n, Value: hide(format(k.Default), sensitive), Source: sourceDefault})
		}
	}
	first := slices.IndexFunc(out, func(s Synonym) bool { return s.Name == name })
	if first < 0 {
		return nil
	}
	return out[first:]
}

// staticKey finds a key of server.properties, ours included.
func staticKey(name string) (*Key, bool) {
	if k, ok := brokerDef.Lookup(name); ok {
		return k, true
	}
	return ownDef.Lookup(name)
}

func hide(value string, sensitive bool) *string {
	if sensitive {
		return nil
	}
	return &value
}

func text(value any, sensitive bool) *string {
	if value == nil {
		return nil
	}
	return hide(format(value), sensitive)
}

// finish sets what follows from the synonyms.
func (e Entry) finish() Entry {
	e.Source = sourceDefault
	if len(e.Synonyms) > 0 {
		e.Source = e.Synonyms[0].Source
	}
	return e
}

// DescribeTopic lists the configuration of a topic with these own values.
func DescribeTopic(static *Static, dynDefault, dynBroker, topic map[string]string) []Entry {
	d := newDescriber(static, dynDefault, dynBroker)
	v := topicValues(d.broker.values, topic)
	out := make([]Entry, 0, len(topicDef.keys))
	for i := range topicDef.keys {
		k := &topicDef.keys[i]
		_, own := topic[k.Name]
		if k.Internal && !own {
			continue
		}
		e := Entry{Name: k.Name, Value: text(v[k.Name], k.Sensitive()), Sensitive: k.Sensitive(), Type: k.Type, Doc: k.Doc}
		if own {
			e.Synonyms = append(e.Synonyms, Synonym{Name: k.Name, Value: e.Value, Source: sourceTopic})
		}
		if len(k.Synonyms) > 0 {
			e.Synonyms = append(e.Synonyms, d.synonyms(k.Synonyms[0], k.Sensitive())...)
		}
		out = append(out, e.finish())
	}
	return out
}

// DescribeGroup lists the configuration of a group with these own values.
func DescribeGroup(static *Static, dynDefault, dynBroker, group map[string]string) []Entry {
	d := newDescriber(static, dynDefault, dynBroker)
	v := groupValues(d.broker.values, group)
	out := make([]Entry, 0, len(groupDef.keys))
	for i := range groupDef.keys {
		k := &groupDef.keys[i]
		_, own := group[k.Name]
		if k.Internal && !own && !d.setOnBroker(k) {
			continue
		}
		e := Entry{Name: k.Name, Value: text(v[k.Name], false), Type: k.Type, Doc: k.Doc}
		if own {
			e.Synonyms = append(e.Synonyms, Synonym{Name: k.Name, Value: e.Value, Source: sourceGroup})
		}
		if len(k.Synonyms) > 0 {
			e.Synonyms = append(e.Synonyms, d.synonyms(k.Synonyms[0], false)...)
		} else if k.Default != nil {
			e.Synonyms = append(e.Synonyms, Synonym{Name: k.Name, Value: text(k.Default, false), Source: sourceDefault})
		}
		out = append(out, e.finish())
	}
	return out
}

func (d *describer) setOnBroker(k *Key) bool {
	return slices.ContainsFunc(k.Synonyms, func(s string) bool { _, set := d.broker.raw[s]; return set })
}

// DescribeClientMetrics lists the configuration of a client-metrics
// subscription with these own values.
func DescribeClientMetrics(subscription map[string]string) []Entry {
	out := make([]Entry, 0, len(clientMetricsDef.keys))
	for i := range clientMetricsDef.keys {
		k := &clientMetricsDef.keys[i]
		e := Entry{Name: k.Name, Value: text(k.Default, false), Type: k.Type, Doc: k.Doc}
		if raw, own := subscription[k.Name]; own {
			if value, err := k.Parse(raw); err == nil {
				e.Value = text(value, false)
			}
			e.Synonyms = []Synonym{{Name: k.Name, Value: e.Value, Source: sourceClientMetrics}}
		}
		out = append(out, e.finish())
	}
	return out
}

// DescribeBroker lists the configuration of this node.
func DescribeBroker(static *Static, dynDefault, dynBroker map[string]string) []Entry {
	d := newDescriber(static, dynDefault, dynBroker)
	var out []Entry
	described := map[string]bool{}
	for _, def := range []*Def{brokerDef, ownDef} {
		for i := range def.keys {
			if k := &def.keys[i]; !k.Internal {
				out = append(out, d.brokerEntry(k.Name, text(d.broker.values[k.Name], k.Sensitive())))
				described[k.Name] = true
			}
		}
	}
	// What is set under other names: internal keys, overrides of listeners,
	// throttles, settings of plug-ins.
	for _, name := range slices.Sorted(maps.Keys(d.broker.raw)) {
		if !described[name] {
			raw := d.broker.raw[name]
			out = append(out, d.brokerEntry(name, &raw))
		}
	}
	return out
}

// DescribeBrokerDefaults lists the dynamic configuration that holds for every
// broker of the cluster: only what is set.
func DescribeBrokerDefaults(static *Static, dynDefault map[string]string) []Entry {
	d := newDescriber(static, dynDefault, nil)
	out := make([]Entry, 0, len(d.dynDefault))
	for _, name := range slices.Sorted(maps.Keys(d.dynDefault)) {
		raw := d.dynDefault[name]
		e := d.brokerEntry(name, &raw)
		e.Synonyms = slices.DeleteFunc(e.Synonyms, func(s Synonym) bool { return s.Source != sourceDefaultBroker })
		out = append(out, e.finish())
	}
	return out
}

// brokerEntry describes one broker key. Names that are no keys are taken for
// secrets: they may be a plug-in's password.
func (d *describer) brokerEntry(name string, value *string) Entry {
	e := Entry{Name: name, Value: value, ReadOnly: true, Sensitive: true}
	if k, ok := d.describedKey(name); ok {
		e.Type, e.Sensitive = k.Type, k.Sensitive()
		if k.Name == name {
			e.Doc = k.Doc
		}
	}
	if _, dynamic := dynamicKey(name); dynamic {
		e.ReadOnly = false
	}
	if e.Sensitive {
		e.Value = nil
	}
	e.Synonyms = d.synonyms(name, e.Sensitive)
	return e.finish()
}

// describedKey finds the key that gives a name its type: the key itself, or
// for an override of a listener the key that is overridden.
func (d *describer) describedKey(name string) (*Key, bool) {
	if k, ok := staticKey(name); ok {
		return k, true
	}
	if k, ok := dynamicQuotaDef.Lookup(name); ok {
		return k, true
	}
	for _, synonym := range brokerSynonyms(name, true) {
		if k, ok := brokerDef.Lookup(synonym); ok {
			return k, true
		}
	}
	return nil, false
}
