package topics

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// maxCreating bounds how many topics wait to be created in the background.
const maxCreating = 1000

// Creator creates topics that are needed and missing: those that clients ask
// for (auto.create.topics.enable) and the cluster's own, with the configs that
// they must have. It may be used from any goroutine.
type Creator struct {
	controller peer.Controller
	config     *config.Static
	logger     *slog.Logger
	queue      chan string

	mu      sync.Mutex // Guards waiting.
	waiting map[string]struct{}
}

// NewCreator returns a Creator. Request needs Run to have an effect.
func NewCreator(controller peer.Controller, static *config.Static, logger *slog.Logger) *Creator {
	return &Creator{
		controller: controller, config: static, logger: logger,
		queue: make(chan string, maxCreating), waiting: map[string]struct{}{},
	}
}

// Create creates the topics and returns when this node knows of them. Topics
// that exist are fine. The error is that of the first topic that could not be
// created; all are tried.
func (c *Creator) Create(ctx context.Context, principal string, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = req.MaxVersion()
	req.TimeoutMillis = int32(c.config.Broker.RequestTimeout.Milliseconds())
	for _, name := range names {
		req.Topics = append(req.Topics, c.topic(name))
	}
	resp, err := c.controller.Forward(ctx, principal, req)
	if err != nil {
		return fmt.Errorf("create topics %v: %w", names, err)
	}
	created, ok := resp.(*kmsg.CreateTopicsResponse)
	if !ok {
		return fmt.Errorf("create topics %v: the controller answered with a %T", names, resp)
	}
	var first error
	for _, t := range created.Topics {
		code := kerr.TypedErrorForCode(t.ErrorCode)
		if code == nil || code == kerr.TopicAlreadyExists || first != nil {
			continue
		}
		message := code.Description
		if t.ErrorMessage != nil {
			message = *t.ErrorMessage
		}
		first = fmt.Errorf("create topic %q: %w", t.Topic, kafka.Errorf(code, "%s", message))
	}
	return first
}

// Request has the topic created in the background, once however often it is
// asked for meanwhile. It never blocks; with very many topics waiting it does
// nothing, since whoever needs the topic asks again.
func (c *Creator) Request(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.waiting[name]; ok {
		return
	}
	select {
	case c.queue <- name:
		c.waiting[name] = struct{}{}
	default:
	}
}

// Run creates the topics that are requested, until ctx ends; it returns nil then.
func (c *Creator) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case name := <-c.queue:
			if err := c.Create(ctx, "", name); err != nil && ctx.Err() == nil {
				c.logger.Warn("Auto topic creation failed", "topic", name, "error", err)
			}
			c.mu.Lock()
			delete(c.waiting, name)
			c.mu.Unlock()
		}
	}
}

// topic describes the topic as it has to be. What the node's configuration does
// not set is left to the controller's.
func (c *Creator) topic(name string) kmsg.CreateTopicsRequestTopic {
	b := c.config.Broker
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic = name
	switch name {
	case kafka.ConsumerOffsetsTopic:
		t.NumPartitions, t.ReplicationFactor = int32(b.OffsetsTopicNumPartitions), b.OffsetsTopicReplicationFactor
		addConfigs(&t, "cleanup.policy", "compact", "compression.type", "producer", "segment.bytes", strconv.Itoa(b.OffsetsTopicSegmentBytes))
	case kafka.TransactionStateTopic:
		t.NumPartitions, t.ReplicationFactor = int32(b.TransactionStateLogNumPartitions), b.TransactionStateLogReplicationFactor
		addConfigs(&t, "unclean.leader.election.enable", "false", "compression.type", "uncompressed", "cleanup.policy", "compact",
			"min.insync.replicas", strconv.Itoa(b.TransactionStateLogMinISR), "segment.bytes", strconv.Itoa(b.TransactionStateLogSegmentBytes))
	case kafka.ShareGroupStateTopic:
		t.NumPartitions, t.ReplicationFactor = int32(b.ShareCoordinatorStateTopicNumPartitions), b.ShareCoordinatorStateTopicReplicationFactor
		addConfigs(&t, "cleanup.policy", "delete", "compression.type", "producer",
			"min.insync.replicas", strconv.Itoa(int(b.ShareCoordinatorStateTopicMinISR)),
			"segment.bytes", strconv.Itoa(b.ShareCoordinatorStateTopicSegmentBytes), "retention.ms", "-1")
	default:
		t.NumPartitions, t.ReplicationFactor = -1, -1
		explicit := c.config.Explicit()
		if _, ok := explicit["num.partitions"]; ok {
			t.NumPartitions = int32(b.NumPartitions)
		}
		if _, ok := explicit["default.replication.factor"]; ok {
			t.ReplicationFactor = int16(b.DefaultReplicationFactor)
		}
	}
	return t
}

// addConfigs adds name and value pairs.
func addConfigs(t *kmsg.CreateTopicsRequestTopic, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		entry := kmsg.NewCreateTopicsRequestTopicConfig()
		entry.Name, entry.Value = pairs[i], &pairs[i+1]
		t.Configs = append(t.Configs, entry)
	}
}
