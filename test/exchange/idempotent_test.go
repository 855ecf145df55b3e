package exchange

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	mkafka "moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/test/apachekafka"
)

// pinnedProducer is an idempotent producer that does not notice that its broker
// is another one: the broker must know its sequence numbers.
type pinnedProducer struct {
	id         mkafka.ProducerID
	sequence   int32
	last       record.Batch
	lastOffset int64
}

// send writes a batch and checks that it is appended, and once only: sent again
// it is answered with the same offset, and with a gap it is refused.
func (p *pinnedProducer) send(ctx context.Context, t *testing.T, w *writer) {
	t.Helper()
	if p.last != nil {
		p.expectDuplicate(ctx, t, w)
		if code, _ := p.produce(ctx, t, w, p.batch(p.sequence+10)); code != kerr.OutOfOrderSequenceNumber.Code {
			t.Errorf("a gap in the sequence is answered with %v", kerr.ErrorForCode(code))
		}
	}
	b := p.batch(p.sequence)
	code, offset := p.produce(ctx, t, w, b)
	check(t, kerr.ErrorForCode(code), "idempotent produce")
	if offset <= p.lastOffset {
		t.Errorf("a new batch got offset %d after %d", offset, p.lastOffset)
	}
	p.last, p.lastOffset, p.sequence = b, offset, p.sequence+b.Count()
	p.expectDuplicate(ctx, t, w)
}

func (p *pinnedProducer) expectDuplicate(ctx context.Context, t *testing.T, w *writer) {
	t.Helper()
	code, offset := p.produce(ctx, t, w, p.last)
	if err := kerr.ErrorForCode(code); err != nil || offset != p.lastOffset {
		t.Errorf("a batch sent again is answered with %v at %d, it is at %d", err, offset, p.lastOffset)
	}
}

func (p *pinnedProducer) batch(sequence int32) record.Batch {
	o := record.NewOptions(0)
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = p.id, 0, sequence
	b := record.NewBuilder(o)
	for i := range 3 {
		b.Append(time.Now().UnixMilli(), nil, fmt.Appendf(nil, "sequence %d", sequence+int32(i)))
	}
	return b.Build()
}

func (p *pinnedProducer) produce(ctx context.Context, t *testing.T, w *writer, b record.Batch) (code int16, offset int64) {
	t.Helper()
	meta, err := w.adm.Metadata(ctx, pinnedTopic)
	check(t, err, "metadata")
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID = pinnedTopic, meta.Topics[pinnedTopic].ID
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = b
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, w.cl.Broker(apachekafka.NodeID))
	check(t, err, "produce")
	answer := resp.Topics[0].Partitions[0]
	return answer.ErrorCode, answer.BaseOffset
}
