package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// apply takes in committed batches: they become one Delta and one new Image,
// which is visible before anybody hears that they are committed.
func (q *Quorum) apply(entries []*raftpb.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	first, last := entries[0].GetIndex(), entries[len(entries)-1].GetIndex()
	invariant.Assert(first == q.applied.index+1, "committed entry %d after %d", first, q.applied.index)
	delta := metadata.NewDelta(q.Image())
	var (
		size      int64
		timestamp int64
	)
	for next := first; next <= last; {
		// Raft may hold its own form of an entry; the log has the batch.
		batches, err := q.log.read(next, last+1, maxApplyBytes)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := q.applyBatch(delta, b); err != nil {
				return fmt.Errorf("apply the committed batch at offset %d: %w", b.BaseOffset(), err)
			}
			size += int64(len(b))
			timestamp = b.MaxTimestamp()
			q.applied = logPosition{index: next, offset: b.NextOffset(), epoch: b.LeaderEpoch()}
			next++
		}
	}
	image := delta.Apply(q.applied.offset-1, q.applied.epoch)
	q.image.Store(image)
	q.gauges.highWatermark.Store(int64(q.applied.offset))
	q.publisher.add(delta, image)
	q.complete()
	q.snapshots.note(image, q.applied, size, timestamp, delta.InTransaction())
	if q.elected && !q.active && q.activateAt > 0 && q.applied.index >= q.activateAt {
		return q.activate()
	}
	return nil
}

func (q *Quorum) applyBatch(delta *metadata.Delta, b record.Batch) error {
	if b.IsControl() {
		if latest, at := q.log.votersAt(b.NextOffset()); at.offset >= b.BaseOffset() && latest.offset > q.conf.offset {
			q.reconfigure(at)
		}
		return nil
	}
	return eachRecord(b, func(_ kafka.Offset, r metadata.Record) error { return delta.Replay(r) })
}

// reconfigure makes raft count votes by another set of voters.
func (q *Quorum) reconfigure(next voterSet) {
	if change := q.conf.change(next); change != nil {
		q.node.ApplyConfChange(change)
		q.logger.Info("The voters of the metadata quorum have changed", "voters", len(next.voters), "offset", int64(next.offset))
	}
	q.conf = next
	q.storage.conf = next.confState()
}

func decodeConfChange(data []byte) (*raftpb.ConfChangeV2, error) {
	cc := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(data, cc); err != nil {
		return nil, fmt.Errorf("change of voters: %w", err)
	}
	return cc, nil
}

// complete answers the operations whose records are committed.
func (q *Quorum) complete() {
	n := 0
	for n < len(q.parked) && q.parked[n].until <= q.applied.offset {
		op := q.parked[n]
		var err error
		if op.check != nil {
			err = op.check()
		}
		op.finish(op.response, err)
		n++
	}
	clear(q.parked[:n])
	q.parked = q.parked[n:]
}

// activate makes this node the active controller: its own epoch has begun in the
// log, so everything before is committed and in the Image.
func (q *Quorum) activate() error {
	q.core().Load(q.Image())
	q.tail = q.log.position().offset
	q.core().SetNextOffset(q.tail)
	now := q.o.Now()
	q.active, q.idleSince, q.nextTick = true, now, now.Add(maxCoreTick)
	result := q.core().Activate(now, q.bootstrap)
	if result.Err != nil {
		return fmt.Errorf("activate the controller: %w", result.Err)
	}
	if _, err := q.propose(result); err != nil {
		return err
	}
	waiting := q.waiting
	q.waiting = nil
	for _, op := range waiting {
		if err := q.admit(op); err != nil {
			return err
		}
	}
	return nil
}
