package controller

import (
	"strconv"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// Configs that the controller itself looks at.
const (
	minInSyncReplicas           = "min.insync.replicas"
	uncleanLeaderElectionEnable = "unclean.leader.election.enable"
	cordonedLogDirs             = "cordoned.log.dirs"
)

// brokerResource names the configs of a node.
func brokerResource(id kafka.NodeID) metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.ResourceBroker, Name: strconv.Itoa(int(id))}
}

// clusterResource names the configs that hold for all brokers.
var clusterResource = metadata.ConfigResource{Type: metadata.ResourceBroker}

// dynamicTopicConfig gives a topic's config where it is set dynamically: for
// the topic, for this node, or for the cluster, in this order. Both configs
// that are asked for have the same name at all three levels.
func (c *Core) dynamicTopicConfig(topic, name string) (string, bool) {
	for _, resource := range []metadata.ConfigResource{
		{Type: metadata.ResourceTopic, Name: topic}, brokerResource(c.options.NodeID), clusterResource,
	} {
		if value, ok := c.image.Config(resource)[name]; ok {
			return value, true
		}
	}
	return "", false
}

func (c *Core) staticMinInSyncReplicas() int {
	return c.options.Config.Broker.TopicDefaults.MinInSyncReplicas
}

// effectiveMinISR gives how many replicas of the topic must be in sync for
// records to be committed. It is never more than the topic has.
func (c *Core) effectiveMinISR(topic *metadata.Topic) int {
	minISR := c.staticMinInSyncReplicas()
	if value, ok := c.dynamicTopicConfig(topic.Name, minInSyncReplicas); ok {
		if n, err := strconv.Atoi(value); err == nil {
			minISR = n
		}
	}
	if first := topic.Partition(0); first != nil {
		minISR = min(minISR, len(first.Replicas))
	}
	return minISR
}

// uncleanElectionEnabled tells whether the topic rather loses records than
// having no leader.
func (c *Core) uncleanElectionEnabled(topic string) bool {
	if value, ok := c.dynamicTopicConfig(topic, uncleanLeaderElectionEnable); ok {
		return value == "true"
	}
	return c.options.Config.Broker.TopicDefaults.UncleanLeaderElectionEnable
}

func clusterConfigRecord(name string, value int) metadata.Record {
	text := strconv.Itoa(value)
	return &metadata.ConfigRecord{ResourceType: metadata.ResourceBroker, Name: name, Value: &text}
}
