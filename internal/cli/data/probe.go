package data

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probeAfter is how long a reader with an end waits for records before it looks
// itself at what is left of the partitions.
const probeAfter = 500 * time.Millisecond

// probeBytes bounds what a probe reads at once, but for a batch that is larger.
const probeBytes = 1 << 20

// prober moves cursors over offsets that hold no record for a consumer: aborted
// transactions, and batches of which compaction has left nothing. The client
// skips those without a word, so that a reader would wait for their end forever.
type prober struct {
	client    *kgo.Client
	topicIDs  map[string][16]byte
	isolation int8
}

// advance moves a cursor to the first offset with a record, or to its end. What
// fails is no failure of the command: the client meets it too, and tells or
// retries.
func (p *prober) advance(ctx context.Context, cursors *cursors, cur *cursor) {
	for !cur.done {
		leader, _, err := p.client.PartitionLeader(cur.id.topic, cur.id.partition)
		if err != nil || leader < 0 {
			return
		}
		resp, err := p.client.Broker(int(leader)).RetriableRequest(ctx, p.request(cur))
		if err != nil {
			return
		}
		answer, ok := partitionAnswer(resp)
		if !ok {
			return
		}
		level := kgo.ReadUncommitted()
		if p.isolation == 1 {
			level = kgo.ReadCommitted()
		}
		fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
			Offset: cur.next, IsolationLevel: level, Topic: cur.id.topic, Partition: cur.id.partition,
		}, answer, kgo.DefaultDecompressor(), nil)
		if fetched.Err != nil || len(fetched.Records) > 0 || next <= cur.next {
			return
		}
		cursors.advance(cur, next)
	}
}

func (p *prober) request(cur *cursor) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes = 1, probeBytes
	req.IsolationLevel = p.isolation
	req.SessionEpoch = -1 // No session.
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = cur.id.topic, p.topicIDs[cur.id.topic]
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = cur.id.partition, cur.next, probeBytes
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return req
}

func partitionAnswer(resp kmsg.Response) (*kmsg.FetchResponseTopicPartition, bool) {
	fetch, ok := resp.(*kmsg.FetchResponse)
	if !ok || kerr.ErrorForCode(fetch.ErrorCode) != nil || len(fetch.Topics) != 1 || len(fetch.Topics[0].Partitions) != 1 {
		return nil, false
	}
	return &fetch.Topics[0].Partitions[0], true
}
