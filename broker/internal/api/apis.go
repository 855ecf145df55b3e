package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/cluster"
	"moldau.dev/moldau/broker/internal/api/configs"
	"moldau.dev/moldau/broker/internal/api/data"
	"moldau.dev/moldau/broker/internal/api/groups"
	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/api/topics"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// Handlers are the handlers of every group of APIs, and what ApiVersions tells
// of the node.
type Handlers struct {
	Data    *data.Handlers
	Groups  *groups.Handlers
	Topics  *topics.Handlers
	Configs *configs.Handlers
	Cluster *cluster.Handlers

	Image     func() *metadata.Image
	ClusterID string
	NodeID    kafka.NodeID
	// KRaftVersion is the level of kraft.version, which is no part of the Image.
	KRaftVersion func() int16
}

// Table lists every API of the node. Both kinds of listeners are served from it.
func Table(h Handlers) []API {
	versions := &apiVersions{image: h.Image, clusterID: h.ClusterID, nodeID: h.NodeID, kraftVersion: h.KRaftVersion}
	table := []API{
		// librdkafka takes a broker that does not offer version 0 of Produce for
		// one that cannot compress (KAFKA-18659).
		{Key: kmsg.Produce, Min: 3, Max: 13, Listeners: Broker, Raw: h.Data.Produce},
		{Key: kmsg.Fetch, Min: 4, AdvertisedMin: 4, Max: 18, Listeners: Broker, Raw: h.Data.Fetch},
		row(kmsg.ListOffsets, 1, 11, Broker, request.Adapt(h.Data.ListOffsets)),
		row(kmsg.Metadata, 0, 13, Broker, request.Adapt(h.Topics.Metadata)),
		row(kmsg.CreateTopics, 2, 7, Broker|Controller, request.Adapt(h.Topics.CreateTopics)),
		row(kmsg.DeleteTopics, 1, 6, Broker|Controller, request.Adapt(h.Topics.DeleteTopics)),
		row(kmsg.CreatePartitions, 0, 3, Broker|Controller, request.Adapt(h.Topics.CreatePartitions)),
		row(kmsg.DescribeTopicPartitions, 0, 0, Broker, request.Adapt(h.Topics.DescribeTopicPartitions)),
		row(kmsg.DescribeConfigs, 1, 4, Broker|Controller, request.Adapt(h.Configs.DescribeConfigs)),
		row(kmsg.AlterConfigs, 0, 2, Broker|Controller, request.Adapt(h.Configs.AlterConfigs)),
		row(kmsg.IncrementalAlterConfigs, 0, 1, Broker|Controller, request.Adapt(h.Configs.IncrementalAlterConfigs)),
		row(kmsg.ListConfigResources, 0, 1, Broker, request.Adapt(h.Configs.ListConfigResources)),
		row(kmsg.DescribeCluster, 0, 2, Broker|Controller, request.Adapt(h.Cluster.DescribeCluster)),
		row(kmsg.DescribeLogDirs, 1, 5, Broker, request.Adapt(h.Cluster.DescribeLogDirs)),
		row(kmsg.DescribeQuorum, 0, 2, Broker|Controller, request.Adapt(h.Cluster.DescribeQuorum)),
		row(kmsg.UpdateFeatures, 0, 2, Broker|Controller, request.Adapt(h.Cluster.UpdateFeatures)),
		row(kmsg.UnregisterBroker, 0, 0, Broker|Controller, request.Adapt(h.Cluster.UnregisterBroker)),
		row(kmsg.ElectLeaders, 0, 2, Broker|Controller, request.Adapt(h.Cluster.ElectLeaders)),
		row(kmsg.AlterPartitionAssignments, 0, 1, Broker|Controller, request.Adapt(h.Cluster.AlterPartitionReassignments)),
		row(kmsg.ListPartitionReassignments, 0, 0, Broker|Controller, request.Adapt(h.Cluster.ListPartitionReassignments)),
		row(kmsg.OffsetCommit, 2, 10, Broker, request.Adapt(h.Groups.OffsetCommit)),
		row(kmsg.OffsetFetch, 1, 10, Broker, request.Adapt(h.Groups.OffsetFetch)),
		row(kmsg.FindCoordinator, 0, 6, Broker, request.Adapt(h.Groups.FindCoordinator)),
		row(kmsg.JoinGroup, 0, 9, Broker, request.Adapt(h.Groups.JoinGroup)),
		row(kmsg.Heartbeat, 0, 4, Broker, request.Adapt(h.Groups.Heartbeat)),
		row(kmsg.LeaveGroup, 0, 5, Broker, request.Adapt(h.Groups.LeaveGroup)),
		row(kmsg.SyncGroup, 0, 5, Broker, request.Adapt(h.Groups.SyncGroup)),
		row(kmsg.DescribeGroups, 0, 6, Broker, request.Adapt(h.Groups.DescribeGroups)),
		row(kmsg.ListGroups, 0, 5, Broker, request.Adapt(h.Groups.ListGroups)),
		row(kmsg.DeleteGroups, 0, 3, Broker, request.Adapt(h.Groups.DeleteGroups)),
		row(kmsg.OffsetDelete, 0, 0, Broker, request.Adapt(h.Groups.OffsetDelete)),
		row(kmsg.ApiVersions, 0, 5, Broker|Controller, request.Adapt(versions.ApiVersions)),
		row(kmsg.DeleteRecords, 0, 2, Broker, request.Adapt(h.Data.DeleteRecords)),
		row(kmsg.InitProducerID, 0, 5, Broker, request.Adapt(h.Data.InitProducerID)),
		row(kmsg.OffsetForLeaderEpoch, 2, 4, Broker, request.Adapt(h.Data.OffsetForLeaderEpoch)),
		row(kmsg.DescribeProducers, 0, 0, Broker, request.Adapt(h.Data.DescribeProducers)),
	}
	versions.table = table
	return table
}

// row is an API that advertises what it serves.
func row(key kmsg.Key, first, last int16, listeners Listener, handle request.Handler) API {
	return API{Key: key, Min: first, AdvertisedMin: first, Max: last, Listeners: listeners, Handle: handle}
}
