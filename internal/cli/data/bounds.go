package data

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// partitionID names a partition of a topic.
type partitionID struct {
	topic     string
	partition int32
}

func (p partitionID) String() string { return fmt.Sprintf("%s-%d", p.topic, p.partition) }

// The timestamps that ListOffsets takes for the ends of a log.
const (
	listEnd   = -1
	listStart = -2
)

// leaderPatience bounds how long to wait for partitions whose leader is moving
// or new.
const leaderPatience = 15 * time.Second

// resolver turns positions into offsets.
type resolver struct {
	client    *kgo.Client
	isolation int8 // 0 reads uncommitted, 1 reads committed.

	starts, ends map[partitionID]int64 // Filled by the first need.
}

// resolve gives the offset of a position in each of the partitions. It is within
// the log: an offset outside is moved to the nearer end.
func (r *resolver) resolve(ctx context.Context, p position, partitions []partitionID) (map[partitionID]int64, error) {
	if err := r.load(ctx, partitions); err != nil {
		return nil, err
	}
	var at map[partitionID]int64
	if p.kind == atTime {
		var err error
		if at, err = r.list(ctx, p.at.UnixMilli(), partitions); err != nil {
			return nil, err
		}
	}
	offsets := make(map[partitionID]int64, len(partitions))
	for _, id := range partitions {
		start, end := r.starts[id], r.ends[id]
		offset := end
		switch p.kind {
		case atStart:
			offset = start
		case atOffset:
			offset = p.n
		case beforeEnd:
			offset = end - min(p.n, end) // No overflow: end is not negative.
		case atTime:
			if found := at[id]; found >= 0 { // -1: no record is as young.
				offset = found
			}
		}
		offsets[id] = min(max(offset, start), end)
	}
	return offsets, nil
}

// load learns where the logs start and end, once: every position is about the
// same moment.
func (r *resolver) load(ctx context.Context, partitions []partitionID) (err error) {
	if r.starts != nil {
		return nil
	}
	if r.ends, err = r.list(ctx, listEnd, partitions); err != nil {
		return err
	}
	r.starts, err = r.list(ctx, listStart, partitions)
	return err
}

// list asks the leaders for offsets, and again where a leader is only moving.
func (r *resolver) list(ctx context.Context, timestamp int64, partitions []partitionID) (map[partitionID]int64, error) {
	found := make(map[partitionID]int64, len(partitions))
	deadline := time.Now().Add(leaderPatience)
	for wanted := partitions; ; {
		again, err := r.listOnce(ctx, timestamp, wanted, found)
		if err == nil {
			return found, nil
		}
		if len(again) == 0 || time.Now().After(deadline) {
			return nil, err
		}
		if err := pause(ctx, unknownTopicPause); err != nil {
			return nil, err
		}
		wanted = again
	}
}

// listOnce asks once, adds the answers to found, and gives the partitions that
// are worth another attempt with the error of the last of them. An error
// without partitions is final.
func (r *resolver) listOnce(ctx context.Context, timestamp int64, partitions []partitionID, found map[partitionID]int64) ([]partitionID, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = r.isolation
	topics := map[string]int{}
	for _, id := range partitions {
		at, ok := topics[id.topic]
		if !ok {
			at = len(req.Topics)
			topics[id.topic] = at
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = id.topic
			req.Topics = append(req.Topics, topic)
		}
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = id.partition, timestamp
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, partition)
	}
	var again []partitionID
	var last error
	for _, shard := range r.client.RequestSharded(ctx, req) {
		if shard.Err != nil && !errors.Is(shard.Err, kerr.LeaderNotAvailable) {
			return nil, fmt.Errorf("list offsets: %w", shard.Err)
		}
		if shard.Err != nil {
			for _, topic := range shard.Req.(*kmsg.ListOffsetsRequest).Topics {
				for _, p := range topic.Partitions {
					again = append(again, partitionID{topic.Topic, p.Partition})
				}
			}
			last = cmdline.KafkaError(shard.Err, "")
			continue
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				id := partitionID{topic.Topic, p.Partition}
				err := kerr.ErrorForCode(p.ErrorCode)
				if err == nil {
					found[id] = p.Offset
					continue
				}
				last = fmt.Errorf("list offsets of %s: %w", id, cmdline.KafkaError(err, ""))
				if !kerr.IsRetriable(err) {
					return nil, last
				}
				again = append(again, id)
			}
		}
	}
	return again, last
}

// offsetFor is the position as the client takes it for partitions of a group
// without committed offsets.
func (p position) offsetFor() kgo.Offset {
	switch p.kind {
	case atEnd:
		return kgo.NewOffset().AtEnd()
	case atOffset:
		return kgo.NewOffset().At(p.n)
	case beforeEnd:
		return kgo.NewOffset().AtEnd().Relative(-p.n)
	case atTime:
		return kgo.NewOffset().AfterMilli(p.at.UnixMilli())
	default:
		return kgo.NewOffset().AtStart()
	}
}

// cursor tells how far a partition has been read.
type cursor struct {
	id   partitionID
	next int64 // The first offset that has not been read.
	end  int64 // The first offset that need not be read.
	done bool  // next has reached end, and it has been said.
}

// unbounded is the end of a cursor that has none.
const unbounded = math.MaxInt64

// cursors are those of a reader, by partition.
type cursors struct {
	all  map[partitionID]*cursor
	open int // Those not done.
}

func newCursors() *cursors { return &cursors{all: map[partitionID]*cursor{}} }

func (c *cursors) add(id partitionID, next, end int64) {
	c.remove(id)
	cur := &cursor{id: id, next: next, end: end}
	c.all[id] = cur
	c.open++
	c.advance(cur, next)
}

func (c *cursors) remove(id partitionID) {
	if cur, ok := c.all[id]; ok && !cur.done {
		c.open--
	}
	delete(c.all, id)
}

// advance says that everything below next has been read.
func (c *cursors) advance(cur *cursor, next int64) {
	cur.next = max(cur.next, next)
	if !cur.done && cur.next >= cur.end {
		cur.done = true
		c.open--
	}
}

// partitionsOf gives all partitions of topics, or the chosen ones of each.
func partitionsOf(topics kadm.TopicDetails, chosen []int32) ([]partitionID, error) {
	var ids []partitionID
	for _, topic := range topics.Sorted() {
		numbers := partitionNumbers(topic)
		if len(chosen) > 0 {
			for _, p := range chosen {
				if _, ok := topic.Partitions[p]; !ok {
					return nil, noPartition(topic.Topic, p, len(numbers))
				}
			}
			numbers = chosen
		}
		for _, p := range numbers {
			ids = append(ids, partitionID{topic.Topic, p})
		}
	}
	return ids, nil
}
