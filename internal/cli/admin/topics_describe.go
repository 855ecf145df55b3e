package admin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsDescribe() *cobra.Command {
	var describe topicsDescribe
	cmd := &cobra.Command{
		Use:     "describe NAME...",
		Aliases: []string{"desc", "show", "info"},
		Short:   "Show partitions with leaders, replicas and offsets, and what configurations are set",
		Long: `Show topics: each partition with its leader, replicas, offsets and size, and the
configurations that differ from Kafka's defaults, with where they are set.`,
		Example: `  moldau topics describe orders
  moldau topics describe -r 'orders-.*'
  moldau topics describe orders -o json | jq '.[].partitions[].leader'`,
		Args:              cmdline.Args(1, cmdline.Many),
		ValidArgsFunction: t.conn.CompleteTopics,
		RunE:              t.run(describe.run),
	}
	describe.addFlags(cmd, "topics")
	return cmd
}

type topicsDescribe struct{ selection }

// describedTopic is a topic in JSON.
type describedTopic struct {
	Topic      string               `json:"topic"`
	TopicID    string               `json:"topicId"`
	Internal   bool                 `json:"internal"`
	Replicas   int                  `json:"replicas"`
	Records    *int64               `json:"records"`
	SizeBytes  *int64               `json:"sizeBytes"`
	Health     health               `json:"health"`
	Partitions []describedPartition `json:"partitions"`
	Configs    []entry              `json:"configs"`

	count int
}

// describedPartition is a partition in JSON. The leader is -1 where there is none.
type describedPartition struct {
	Partition       int32   `json:"partition"`
	Leader          int32   `json:"leader"`
	LeaderEpoch     int32   `json:"leaderEpoch"`
	Replicas        []int32 `json:"replicas"`
	ISR             []int32 `json:"isr"`
	OfflineReplicas []int32 `json:"offlineReplicas"`
	StartOffset     *int64  `json:"startOffset"`
	EndOffset       *int64  `json:"endOffset"`
	SizeBytes       *int64  `json:"sizeBytes"`
}

func (d *topicsDescribe) run(ctx context.Context, s *session, args []string) error {
	names, failed, details, err := s.pickTopics(ctx, &d.selection, args)
	if err != nil {
		return err
	}
	details = only(details, names)
	logs, err := s.readLogs(ctx, details)
	if err != nil {
		return err
	}
	resources := make([]resource, len(names))
	for i, name := range names {
		resources[i] = resource{kmsg.ConfigResourceTypeTopic, name}
	}
	configs, configFailures := map[resource][]entry{}, map[resource]error{}
	if len(names) > 0 {
		if configs, configFailures, err = s.describe(ctx, nil, resources...); err != nil {
			return err
		}
	}
	topics := []describedTopic{}
	for i, name := range names {
		failed.add(configFailures[resources[i]], "describe the configurations of topic %q", name)
		topics = append(topics, describeTopic(details[name], logs, configs[resources[i]]))
	}
	return s.finish(s.out.Write(topics, func() error {
		for i, topic := range topics {
			if i > 0 {
				if err := s.env.Printf(""); err != nil {
					return err
				}
			}
			if err := s.writeTopic(topic); err != nil {
				return err
			}
		}
		return nil
	}), failed)
}

func describeTopic(d kadm.TopicDetail, logs *logs, configs []entry) describedTopic {
	topic := describedTopic{
		Topic: d.Topic, TopicID: uuid(d.ID), Internal: d.IsInternal, Replicas: d.Partitions.NumReplicas(), Health: healthOf(d),
		Records: knownOrNil(sum(d, logs.records)), SizeBytes: knownOrNil(sum(d, logs.size)), count: len(d.Partitions), Configs: []entry{},
	}
	for _, p := range d.Partitions.Sorted() {
		topic.Partitions = append(topic.Partitions, describedPartition{
			Partition: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: list(p.Replicas), ISR: list(p.ISR), OfflineReplicas: list(p.OfflineReplicas),
			StartOffset: knownOrNil(offset(logs.starts, d.Topic, p.Partition)), EndOffset: knownOrNil(offset(logs.ends, d.Topic, p.Partition)),
			SizeBytes: knownOrNil(logs.size(d.Topic, p.Partition)),
		})
	}
	for _, e := range configs {
		if e.differs(kmsg.ConfigResourceTypeTopic) {
			topic.Configs = append(topic.Configs, e)
		}
	}
	return topic
}

// list makes sure that JSON has [] and not null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func (s *session) writeTopic(t describedTopic) error {
	facts := cmdline.NewFacts(s.env)
	facts.Add("Topic", s.env.Bold(t.Topic))
	facts.Add("Id", t.TopicID)
	if t.Internal {
		facts.Add("Internal", "yes")
	}
	facts.Add("Partitions", t.count)
	facts.Add("Replicas", t.Replicas)
	facts.Add("Records", known(orUnknown(t.Records)))
	facts.Add("Size", knownSize(orUnknown(t.SizeBytes)))
	facts.Add("Health", t.Health.paint(s.env))
	if err := facts.Write(); err != nil {
		return err
	}
	table := cmdline.NewTable(s.env, ">PARTITION", ">LEADER", ">EPOCH", "REPLICAS", "ISR", ">START", ">END", ">SIZE")
	for _, p := range t.Partitions {
		leader, isr := known(int64(p.Leader)), ids(p.ISR)
		if p.Leader < 0 {
			leader = s.env.Bad("none")
		}
		if len(p.ISR) < len(p.Replicas) {
			isr = s.env.Warn(isr)
		}
		table.Row(p.Partition, leader, p.LeaderEpoch, ids(p.Replicas), isr, number(p.StartOffset), number(p.EndOffset), knownSize(orUnknown(p.SizeBytes)))
	}
	if err := s.section(table); err != nil || len(t.Configs) == 0 {
		return err
	}
	return s.section(s.configTable(t.Configs))
}

// section writes a table below something else.
func (s *session) section(table *cmdline.Table) error {
	if err := s.env.Printf(""); err != nil {
		return err
	}
	return table.Write()
}

// configTable is the table of configurations.
func (s *session) configTable(entries []entry) *cmdline.Table {
	table := cmdline.NewTable(s.env, "CONFIG", "~VALUE", "~DEFAULT", "SOURCE")
	for _, e := range entries {
		value := e.text()
		if e.set() {
			value = s.env.Bold(value)
		}
		source := e.Source
		if e.ReadOnly {
			source = strings.TrimSpace(source + " (read-only)")
		}
		table.Row(e.Key, value, e.defaultText(), source)
	}
	return table
}
