package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/config"
)

// resource is something that has configurations.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

func (r resource) String() string {
	switch {
	case r.kind == kmsg.ConfigResourceTypeBroker && r.name == "":
		return "the default of all brokers"
	default:
		return kindNames[r.kind] + " " + strconv.Quote(r.name)
	}
}

// kindNames are the kinds of resources, as a person writes them.
var kindNames = map[kmsg.ConfigResourceType]string{
	kmsg.ConfigResourceTypeTopic:         "topic",
	kmsg.ConfigResourceTypeBroker:        "broker",
	kmsg.ConfigResourceTypeBrokerLogger:  "broker-logger",
	kmsg.ConfigResourceTypeClientMetrics: "client-metrics",
	kmsg.ConfigResourceTypeGroupConfig:   "group",
}

// keys are the configurations that a kind of resource has, as Kafka 4.4 knows
// them; nil for those that are not fixed.
func keys(kind kmsg.ConfigResourceType) []config.Key {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return config.TopicKeys().Keys()
	case kmsg.ConfigResourceTypeBroker:
		return config.BrokerKeys().Keys()
	case kmsg.ConfigResourceTypeGroupConfig:
		return config.GroupKeys().Keys()
	case kmsg.ConfigResourceTypeClientMetrics:
		return config.ClientMetricsKeys().Keys()
	default:
		return nil
	}
}

func keyNames(kind kmsg.ConfigResourceType) []string {
	var names []string
	for _, k := range keys(kind) {
		if !k.Internal {
			names = append(names, k.Name)
		}
	}
	return names
}

// entry is one configuration of a resource.
type entry struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
	// Default is what holds when nothing is set; nil if the cluster does not tell.
	Default       *string   `json:"default"`
	Source        string    `json:"source"`
	Type          string    `json:"type"`
	ReadOnly      bool      `json:"readOnly"`
	Sensitive     bool      `json:"sensitive"`
	Synonyms      []synonym `json:"synonyms"`
	Documentation *string   `json:"documentation"`

	source kmsg.ConfigSource
}

// synonym is a place that a value may come from; the first one wins.
type synonym struct {
	Key    string  `json:"key"`
	Value  *string `json:"value"`
	Source string  `json:"source"`
}

// sources are where values come from.
var sources = map[kmsg.ConfigSource]string{
	kmsg.ConfigSourceDynamicTopicConfig:         "topic",
	kmsg.ConfigSourceDynamicBrokerConfig:        "broker",
	kmsg.ConfigSourceDynamicDefaultBrokerConfig: "broker default",
	kmsg.ConfigSourceStaticBrokerConfig:         "server.properties",
	kmsg.ConfigSourceDefaultConfig:              "default",
	kmsg.ConfigSourceDynamicBrokerLoggerConfig:  "broker logger",
	kmsg.ConfigSourceClientMetricsConfig:        "client metrics",
	kmsg.ConfigSourceGroupConfig:                "group",
}

func sourceName(s kmsg.ConfigSource) string { return cmp.Or(sources[s], s.String()) }

// set tells whether somebody has set the value, somewhere.
func (e *entry) set() bool { return e.source != kmsg.ConfigSourceDefaultConfig }

// differs tells whether the value is set on the resource itself, or is another
// than Kafka's default because of the broker.
func (e *entry) differs(kind kmsg.ConfigResourceType) bool {
	return e.own(kind) || e.set() && (e.Sensitive || e.Value == nil || e.Default == nil || *e.Value != *e.Default)
}

// own tells whether the value is set on the resource itself, and can be unset.
func (e *entry) own(kind kmsg.ConfigResourceType) bool {
	switch e.source {
	case kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigSourceGroupConfig, kmsg.ConfigSourceClientMetricsConfig, kmsg.ConfigSourceDynamicBrokerLoggerConfig:
		return true
	case kmsg.ConfigSourceDynamicBrokerConfig, kmsg.ConfigSourceDynamicDefaultBrokerConfig:
		return kind == kmsg.ConfigResourceTypeBroker
	default:
		return false
	}
}

// text writes the value for a table, with what its number means.
func (e *entry) text() string {
	switch {
	case e.Sensitive:
		return "(hidden)"
	case e.Value == nil:
		return "null"
	case *e.Value == "":
		return `""`
	default:
		return *e.Value + gloss(e.Key, *e.Value)
	}
}

func (e *entry) defaultText() string {
	switch {
	case e.Default == nil:
		return ""
	case *e.Default == "":
		return `""`
	default:
		return *e.Default + gloss(e.Key, *e.Default)
	}
}

// gloss says of a large number of milliseconds or bytes what a person calls it.
func gloss(key, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	const never = 1<<63 - 1
	switch {
	case err != nil || n < 1000 || n == never || n == 1<<31-1:
		return ""
	case strings.HasSuffix(key, ".ms"):
		return " (" + cmdline.Duration(time.Duration(min(n, never/1000000))*time.Millisecond) + ")"
	case strings.HasSuffix(key, ".bytes") && n >= 1024:
		return " (" + cmdline.Bytes(n) + ")"
	default:
		return ""
	}
}

// describe asks for the configurations of resources, of these keys or of all.
func (s *session) describe(ctx context.Context, names []string, resources ...resource) (map[resource][]entry, map[resource]error, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	for _, r := range resources {
		item := kmsg.NewDescribeConfigsRequestResource()
		item.ResourceType, item.ResourceName = r.kind, r.name
		if len(names) > 0 {
			item.ConfigNames = names
		}
		req.Resources = append(req.Resources, item)
	}
	described, failed := map[resource][]entry{}, map[resource]error{}
	var failures []error
	for _, shard := range s.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			failures = append(failures, shard.Err)
			continue
		}
		for _, got := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
			r := resource{got.ResourceType, got.ResourceName}
			if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
				failed[r] = cmdline.KafkaError(err, pointee(got.ErrorMessage))
				continue
			}
			described[r] = entries(r.kind, got.Configs)
		}
	}
	return described, failed, errors.Join(failures...)
}

func entries(kind kmsg.ConfigResourceType, configs []kmsg.DescribeConfigsResponseResourceConfig) []entry {
	list := make([]entry, 0, len(configs))
	for _, c := range configs {
		e := entry{
			Key: c.Name, Value: c.Value, source: c.Source, Source: sourceName(c.Source), Type: strings.ToLower(c.ConfigType.String()),
			ReadOnly: c.ReadOnly, Sensitive: c.IsSensitive, Synonyms: []synonym{}, Documentation: c.Documentation,
		}
		for _, syn := range c.ConfigSynonyms {
			e.Synonyms = append(e.Synonyms, synonym{syn.Name, syn.Value, sourceName(syn.Source)})
			// The last synonym of retention.ms is log.retention.hours.
			if syn.Source == kmsg.ConfigSourceDefaultConfig && unit(syn.Name) == unit(c.Name) {
				e.Default = syn.Value
			}
		}
		if c.Source == kmsg.ConfigSourceDefaultConfig {
			e.Default = c.Value
		}
		if e.Default == nil {
			e.Default = documentedDefault(kind, e.Key)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// unit is the end of a key's name, which says what its value counts.
func unit(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// documentedDefault is Kafka's default of a key whose cluster does not tell it
// beside a value: a topic's retention.ms falls back on three keys of the broker.
func documentedDefault(kind kmsg.ConfigResourceType, name string) *string {
	for _, k := range keys(kind) {
		if k.Name != name || k.Default == nil {
			continue
		}
		text := fmt.Sprint(k.Default)
		if items, ok := k.Default.([]string); ok {
			text = strings.Join(items, ",")
		}
		return &text
	}
	return nil
}

// change is one alteration of a configuration.
type change struct {
	key   string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

func (c change) String() string {
	switch c.op {
	case kmsg.IncrementalAlterConfigOpDelete:
		return "unset " + c.key
	case kmsg.IncrementalAlterConfigOpAppend:
		return c.key + "+=" + pointee(c.value)
	case kmsg.IncrementalAlterConfigOpSubtract:
		return c.key + "-=" + pointee(c.value)
	default:
		return c.key + "=" + pointee(c.value)
	}
}

// alter changes the configurations of resources; what fails is told for each.
func (s *session) alter(ctx context.Context, dryRun bool, changes []change, resources ...resource) (map[resource]error, error) {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = dryRun
	for _, r := range resources {
		item := kmsg.NewIncrementalAlterConfigsRequestResource()
		item.ResourceType, item.ResourceName = r.kind, r.name
		for _, c := range changes {
			item.Configs = append(item.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: c.key, Op: c.op, Value: c.value})
		}
		req.Resources = append(req.Resources, item)
	}
	failed := map[resource]error{}
	var failures []error
	for _, shard := range s.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			failures = append(failures, shard.Err)
			continue
		}
		for _, got := range shard.Resp.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			r := resource{got.ResourceType, got.ResourceName}
			if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
				message := pointee(got.ErrorMessage)
				failed[r] = hintKey(cmdline.KafkaError(err, message), message, r.kind, changed(changes))
			}
		}
	}
	return failed, errors.Join(failures...)
}

func changed(changes []change) []string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.key
	}
	return names
}

// hintKey adds to an error about a configuration the key that was meant, if one
// of those in the request is in the message and unknown.
func hintKey(err error, message string, kind kmsg.ConfigResourceType, names []string) error {
	if !errors.Is(err, kerr.InvalidConfig) {
		return err
	}
	known := keyNames(kind)
	for _, name := range names {
		if slices.Contains(known, name) {
			if strings.Contains(message, name) {
				return cmdline.WithHint(err, "%s", explainKey(kind, name))
			}
			continue
		}
		if near, ok := cmdline.Nearest(name, known); ok {
			return cmdline.WithHint(err, "did you mean %s?", near)
		}
	}
	return err
}

// explainKey says what a key does and takes.
func explainKey(kind kmsg.ConfigResourceType, name string) string {
	for _, k := range keys(kind) {
		if k.Name == name {
			return name + ": " + k.Doc
		}
	}
	return name
}

func (t *tool) completeTopicConfig(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return cmdline.CompleteKeys(keys(kmsg.ConfigResourceTypeTopic), "="), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func pointee(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
