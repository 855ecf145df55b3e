package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/data"
	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// Handlers are the handlers of every group of APIs, and what ApiVersions tells
// of the node.
type Handlers struct {
	Data *data.Handlers

	Image     func() *metadata.Image
	ClusterID string
	NodeID    kafka.NodeID
}

// Table lists every API of the node. Both kinds of listeners are served from it.
func Table(h Handlers) []API {
	versions := &apiVersions{image: h.Image, clusterID: h.ClusterID, nodeID: h.NodeID}
	table := []API{
		// librdkafka takes a broker that does not offer version 0 of Produce for
		// one that cannot compress (KAFKA-18659).
		{Key: kmsg.Produce, Min: 3, Max: 13, Listeners: Broker, Raw: h.Data.Produce},
		{Key: kmsg.Fetch, Min: 4, AdvertisedMin: 4, Max: 18, Listeners: Broker, Raw: h.Data.Fetch},
		row(kmsg.ListOffsets, 1, 11, Broker, request.Adapt(h.Data.ListOffsets)),
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
