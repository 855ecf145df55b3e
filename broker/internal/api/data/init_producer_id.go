package data

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// IDBlock is a range [First, First+Size) of producer ids that the controller
// has set aside for this broker.
type IDBlock struct {
	First kafka.ProducerID
	Size  int32
}

// ProducerIDs hands out producer ids, each once in the life of the cluster, from
// blocks that the controller allocates (KIP-730).
type ProducerIDs struct {
	// Allocate asks the controller for a block.
	Allocate func(ctx context.Context) (IDBlock, error)

	// mu is a lock that can be waited for with a context: holding it means
	// having taken the one token. It is held while the controller is asked, so
	// that many producers that come at once share one block.
	once  sync.Once
	mu    chan struct{}
	block IDBlock
}

// Next returns a producer id that nobody else has. An id that is not used, for
// instance after a restart, is lost, not reused. While the controller has none,
// the error is COORDINATOR_LOAD_IN_PROGRESS, on which producers try again.
func (p *ProducerIDs) Next(ctx context.Context) (kafka.ProducerID, error) {
	p.once.Do(func() { p.mu = make(chan struct{}, 1) })
	select {
	case p.mu <- struct{}{}:
	case <-ctx.Done():
		return kafka.NoProducerID, kafka.Errorf(kerr.CoordinatorLoadInProgress, "no producer ids are at hand: %v", ctx.Err())
	}
	defer func() { <-p.mu }()
	if p.block.Size == 0 {
		block, err := p.Allocate(ctx)
		if err != nil {
			return kafka.NoProducerID, kafka.Errorf(kerr.CoordinatorLoadInProgress, "no producer ids are at hand: %v", err)
		}
		p.block = block
	}
	id := p.block.First
	p.block.First++
	p.block.Size--
	return id, nil
}

// InitProducerID gives an idempotent producer its id.
func (h *Handlers) InitProducerID(ctx context.Context, _ *request.Context, req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = int64(kafka.NoProducerID), int16(kafka.NoProducerEpoch)
	id, err := h.initProducerID(ctx, req)
	if err != nil {
		resp.ErrorCode = protocol.Code(err)
		if errors.Is(err, kerr.CoordinatorLoadInProgress) {
			h.Logger.Warn("A producer waits for its id", "error", err)
		}
		return resp
	}
	resp.ProducerID, resp.ProducerEpoch = int64(id), 0
	return resp
}

func (h *Handlers) initProducerID(ctx context.Context, req *kmsg.InitProducerIDRequest) (kafka.ProducerID, error) {
	hasID, hasEpoch := req.ProducerID != int64(kafka.NoProducerID), req.ProducerEpoch != int16(kafka.NoProducerEpoch)
	switch {
	case req.Version >= 3 && hasID != hasEpoch:
		return kafka.NoProducerID, kerr.InvalidRequest
	case req.TransactionalID != nil:
		// There is no transaction coordinator: FindCoordinator has refused
		// already, so that only a client that did not ask gets here.
		return kafka.NoProducerID, kerr.InvalidRequest
	}
	return h.ProducerIDs.Next(ctx)
}
