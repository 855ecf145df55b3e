package admin

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func (t *tool) newTopicsCreate() *cobra.Command {
	var create topicsCreate
	cmd := &cobra.Command{
		Use:     "create NAME...",
		Aliases: []string{"new"},
		Short:   "Create topics",
		Long: `Create topics, and wait until they have leaders: the next command can use them.

Partitions and replicas that are left out are the cluster's defaults
(num.partitions, default.replication.factor).`,
		Example: `  moldau topics create orders
  moldau topics create orders payments -p 12 -r 3 -c min.insync.replicas=2
  moldau topics create profiles -c cleanup.policy=compact --if-not-exists
  moldau topics create orders -p 100000 --dry-run`,
		Args: cmdline.Args(1, cmdline.Many),
		RunE: t.run(create.run),
	}
	cmd.Flags().Int32VarP(&create.partitions, "partitions", "p", -1, "`number` of partitions (default: the cluster's)")
	cmd.Flags().Int16VarP(&create.replicas, "replicas", "r", -1, "`number` of replicas of each partition (default: the cluster's)")
	cmd.Flags().StringArrayVarP(&create.configs, "config", "c", nil, "a configuration of the topics, as `key=value` (repeatable)")
	cmd.Flags().BoolVar(&create.ifNotExists, "if-not-exists", false, "a topic that exists already is no failure, and stays as it is")
	cmd.Flags().BoolVar(&create.dryRun, "dry-run", false, "let the cluster check it, and create nothing")
	cmdline.HideDefault(cmd.Flags(), "partitions", "replicas")
	_ = cmd.RegisterFlagCompletionFunc("config", t.completeTopicConfig)
	return cmd
}

type topicsCreate struct {
	partitions  int32
	replicas    int16
	configs     []string
	ifNotExists bool
	dryRun      bool
}

// changedTopic is what became of a topic, in JSON.
type changedTopic struct {
	Topic      string  `json:"topic"`
	TopicID    *string `json:"topicId,omitempty"`
	Partitions *int32  `json:"partitions,omitempty"`
	Replicas   *int16  `json:"replicas,omitempty"`
	Status     string  `json:"status"`
	Error      *string `json:"error,omitempty"`
}

func (c *topicsCreate) run(ctx context.Context, s *session, args []string) error {
	configs, err := keyValues(c.configs)
	if err != nil {
		return err
	}
	create := s.admin.CreateTopics
	if c.dryRun {
		create = s.admin.ValidateCreateTopics
	}
	responses, err := create(ctx, c.partitions, c.replicas, configs, args...)
	if err != nil {
		return err
	}
	var failed failures
	var topics []changedTopic
	created := map[string]int{}
	for _, r := range inOrder(args, responses) {
		topic := changedTopic{Topic: r.Topic, Status: c.done()}
		switch {
		case r.Err == nil:
			created[r.Topic] = int(r.NumPartitions)
			topic.Partitions, topic.Replicas = &r.NumPartitions, &r.ReplicationFactor
			if !c.dryRun {
				topic.TopicID = textOrNil(uuid(r.ID))
			}
		case c.ifNotExists && errors.Is(r.Err, kerr.TopicAlreadyExists):
			topic.Status = "exists"
		default:
			err := hintKey(cmdline.KafkaError(r.Err, r.ErrMessage), r.ErrMessage, kmsg.ConfigResourceTypeTopic, slices.Sorted(maps.Keys(configs)))
			topic.Status, topic.Error = statusFailed, errorText(err)
			failed.add(err, "create topic %q", r.Topic)
		}
		topics = append(topics, topic)
	}
	if !c.dryRun {
		if err := s.awaitLeaders(ctx, created); err != nil {
			return err
		}
	}
	return s.finish(s.writeChanged(topics), failed)
}

func (c *topicsCreate) done() string {
	if c.dryRun {
		return "would be created"
	}
	return "created"
}

// statusFailed is the status of a thing to which the error did not let happen
// what was asked for.
const statusFailed = "failed"

// inOrder gives the responses in the order of the arguments, each once.
func inOrder[R any](args []string, responses map[string]R) []R {
	var ordered []R
	seen := map[string]bool{}
	for _, arg := range args {
		if r, ok := responses[arg]; ok && !seen[arg] {
			seen[arg] = true
			ordered = append(ordered, r)
		}
	}
	return ordered
}

// writeChanged writes what became of topics.
func (s *session) writeChanged(topics []changedTopic) error {
	return s.out.Write(topics, func() error {
		table := cmdline.NewTable(s.env, "~TOPIC", ">PARTITIONS", ">REPLICAS", "STATUS")
		for _, t := range topics {
			table.Row(t.Topic, number(t.Partitions), number(t.Replicas), s.status(t.Status))
		}
		return table.Write()
	})
}

func number[N int16 | int32 | int64](n *N) string {
	if n == nil || *n < 0 {
		return ""
	}
	return cmdline.Number(*n)
}

// status paints what became of a thing.
func (s *session) status(status string) string {
	switch {
	case status == statusFailed:
		return s.env.Bad(status)
	case strings.HasPrefix(status, "would"):
		return s.env.Warn(status)
	default:
		return s.env.Good(status)
	}
}

func errorText(err error) *string {
	text := err.Error()
	return &text
}

// keyValues reads key=value pairs.
func keyValues(pairs []string) (map[string]*string, error) {
	values := map[string]*string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			return nil, cmdline.Usagef("%q: want key=value", pair)
		}
		if _, twice := values[key]; twice {
			return nil, cmdline.Usagef("%s is given twice", key)
		}
		values[key] = &value
	}
	return values, nil
}
