package controller

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// producerIDBlockSize is how many producer ids a broker gets at a time.
const producerIDBlockSize = 1000

// AllocateProducerIDs gives a broker a block of producer ids that no other
// broker ever gets (KIP-730). STALE_BROKER_EPOCH refuses it.
func (c *Core) AllocateProducerIDs(_ time.Time, req *kmsg.AllocateProducerIDsRequest) Result {
	if _, err := c.checkBrokerEpoch(kafka.NodeID(req.BrokerID), kafka.BrokerEpoch(req.BrokerEpoch)); err != nil {
		return Result{Err: err}
	}
	first := c.image.NextProducerID()
	if first > math.MaxInt64-producerIDBlockSize {
		return refuse(kerr.UnknownServerError, "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit")
	}
	resp := kmsg.NewPtrAllocateProducerIDsResponse()
	resp.Version = req.Version
	resp.ProducerIDStart = int64(first)
	resp.ProducerIDLen = producerIDBlockSize
	return Result{Response: resp, Records: []metadata.Record{&metadata.ProducerIDsRecord{
		BrokerID:       kafka.NodeID(req.BrokerID),
		BrokerEpoch:    kafka.BrokerEpoch(req.BrokerEpoch),
		NextProducerID: first + producerIDBlockSize,
	}}}
}
