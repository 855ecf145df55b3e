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
		remote(kmsg.CreateTopics, 2, 7, Broker|Controller, request.Adapt(h.Topics.CreateTopics)),
		remote(kmsg.DeleteTopics, 1, 6, Broker|Controller, request.Adapt(h.Topics.DeleteTopics)),
		remote(kmsg.CreatePartitions, 0, 3, Broker|Controller, request.Adapt(h.Topics.CreatePartitions)),
		row(kmsg.DescribeTopicPartitions, 0, 0, Broker, request.Adapt(h.Topics.DescribeTopicPartitions)),
		row(kmsg.DescribeConfigs, 1, 4, Broker|Controller, request.Adapt(h.Configs.DescribeConfigs)),
		remote(kmsg.AlterConfigs, 0, 2, Broker|Controller, request.Adapt(h.Configs.AlterConfigs)),
		remote(kmsg.IncrementalAlterConfigs, 0, 1, Broker|Controller, request.Adapt(h.Configs.IncrementalAlterConfigs)),
		row(kmsg.ListConfigResources, 0, 1, Broker, request.Adapt(h.Configs.ListConfigResources)),
		row(kmsg.DescribeCluster, 0, 2, Broker|Controller, request.Adapt(h.Cluster.DescribeCluster)),
		row(kmsg.DescribeLogDirs, 1, 5, Broker, request.Adapt(h.Cluster.DescribeLogDirs)),
		remote(kmsg.DescribeQuorum, 0, 2, Broker|Controller, request.Adapt(h.Cluster.DescribeQuorum)),
		remote(kmsg.UpdateFeatures, 0, 2, Broker|Controller, request.Adapt(h.Cluster.UpdateFeatures)),
		remote(kmsg.UnregisterBroker, 0, 0, Broker|Controller, request.Adapt(h.Cluster.UnregisterBroker)),
		remote(kmsg.ElectLeaders, 0, 2, Broker|Controller, request.Adapt(h.Cluster.ElectLeaders)),
		remote(kmsg.AlterPartitionAssignments, 0, 1, Broker|Controller, request.Adapt(h.Cluster.AlterPartitionReassignments)),
		remote(kmsg.ListPartitionReassignments, 0, 0, Broker|Controller, request.Adapt(h.Cluster.ListPartitionReassignments)),
		remote(kmsg.OffsetCommit, 2, 10, Broker, request.Adapt(h.Groups.OffsetCommit)),
		remote(kmsg.OffsetFetch, 1, 10, Broker, request.Adapt(h.Groups.OffsetFetch)),
		row(kmsg.FindCoordinator, 0, 6, Broker, request.Adapt(h.Groups.FindCoordinator)),
		remote(kmsg.JoinGroup, 0, 9, Broker, request.Adapt(h.Groups.JoinGroup)),
		remote(kmsg.Heartbeat, 0, 4, Broker, request.Adapt(h.Groups.Heartbeat)),
		remote(kmsg.LeaveGroup, 0, 5, Broker, request.Adapt(h.Groups.LeaveGroup)),
		remote(kmsg.SyncGroup, 0, 5, Broker, request.Adapt(h.Groups.SyncGroup)),
		remote(kmsg.DescribeGroups, 0, 6, Broker, request.Adapt(h.Groups.DescribeGroups)),
		remote(kmsg.ListGroups, 0, 5, Broker, request.Adapt(h.Groups.ListGroups)),
		remote(kmsg.DeleteGroups, 0, 3, Broker, request.Adapt(h.Groups.DeleteGroups)),
		remote(kmsg.OffsetDelete, 0, 0, Broker, request.Adapt(h.Groups.OffsetDelete)),
		row(kmsg.ApiVersions, 0, 5, Broker|Controller, request.Adapt(versions.ApiVersions)),
		remote(kmsg.DeleteRecords, 0, 2, Broker, request.Adapt(h.Data.DeleteRecords)),
		remote(kmsg.InitProducerID, 0, 5, Broker, request.Adapt(h.Data.InitProducerID)),
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

// remote is a row whose handler mostly waits for others.
func remote(key kmsg.Key, first, last int16, listeners Listener, handle request.Handler) API {
	api := row(key, first, last, listeners, handle)
	api.Remote = true
	return api
}
