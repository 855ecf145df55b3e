package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// createTopicTimeout bounds how long a client waits for an internal topic.
const createTopicTimeout = 10 * time.Second

// createInternalTopic creates a coordinator's topic and returns when this node
// knows of it. It is no error if somebody else was faster.
func (n *Node) createInternalTopic(ctx context.Context, topic string) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = req.MaxVersion()
	req.TimeoutMillis = int32(createTopicTimeout.Milliseconds())
	t, err := internalTopic(n.settings.broker(), topic)
	if err != nil {
		return err
	}
	req.Topics = append(req.Topics, t)
	response, err := n.controller.Forward(ctx, principalOfBroker, req)
	if err != nil {
		return err
	}
	created := response.(*kmsg.CreateTopicsResponse).Topics[0]
	switch created.ErrorCode {
	case 0:
		n.logger.Info("created internal topic", "topic", topic, "partitions", t.NumPartitions, "replication factor", t.ReplicationFactor)
		return nil
	case kerr.TopicAlreadyExists.Code:
		return nil
	}
	reason := kerr.ErrorForCode(created.ErrorCode).Error()
	if created.ErrorMessage != nil {
		reason = *created.ErrorMessage
	}
	n.logger.Warn("internal topic cannot be created, and what needs it does not work", "topic", topic, "error", reason,
		"cure", "a single node needs offsets.topic.replication.factor=1")
	return kerr.ErrorForCode(created.ErrorCode)
}

// principalOfBroker stands for the broker itself in requests to the controller.
const principalOfBroker = "User:ANONYMOUS"

// internalTopic is the topic as the broker's configuration wants it.
func internalTopic(b *config.Broker, topic string) (kmsg.CreateTopicsRequestTopic, error) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic = topic
	set := func(name, value string) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, &value
		t.Configs = append(t.Configs, c)
	}
	switch topic {
	case kafka.ConsumerOffsetsTopic:
		t.NumPartitions, t.ReplicationFactor = int32(b.OffsetsTopicNumPartitions), int16(b.OffsetsTopicReplicationFactor)
		set("cleanup.policy", "compact")
		set("segment.bytes", fmt.Sprint(b.OffsetsTopicSegmentBytes))
		set("compression.type", "producer")
	default:
		return t, fmt.Errorf("%s is not an internal topic that this node creates", topic)
	}
	return t, nil
}
