package coordinator

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// batch is the open batch of a partition: records that are replayed and not yet
// appended, and who waits for them. Without records nobody waits.
type batch[R any] struct {
	builder record.Builder
	waiters []waiter
	// begun is when the first record was added.
	begun time.Time
}

// due tells whether the batch has waited long enough.
func (b *batch[R]) due(now time.Time, linger time.Duration) bool {
	return b.builder.Count() > 0 && now.Sub(b.begun) >= linger
}

// recordOverhead bounds what a record needs beside key and value: its length,
// attributes, deltas, the lengths of key and value, and the header count.
const recordOverhead = 1 + 6*10

// append replays the records of one decision and adds them to the batch. The
// waiter belongs to the batch that takes the last one.
func (p *partition[S, R]) append(now time.Time, r Result[R], w waiter) {
	producer := NoProducer
	if r.Producer != nil {
		producer = *r.Producer
	}
	transactional := producer != NoProducer
	encoded, size := p.encode(r.Records)
	if err := p.checkSize(now, encoded, size, r.Atomic || transactional); err != nil {
		w.complete(now, err)
		return
	}
	if transactional {
		// A batch belongs to one producer.
		if err := p.flush(now); err != nil {
			w.complete(now, err)
			return
		}
	}
	if (r.Atomic || transactional) && p.batch.builder.Count() > 0 && !p.roomFor(size) {
		if err := p.flush(now); err != nil {
			w.complete(now, err)
			return
		}
	}
	for i, kv := range encoded {
		if !r.Atomic && !transactional && p.batch.builder.Count() > 0 && !p.roomFor(kv.size()) {
			if err := p.flush(now); err != nil {
				w.complete(now, err)
				return
			}
		}
		if p.batch.builder.Count() == 0 {
			p.begin(now, producer)
		}
		if !r.Applied {
			if err := p.shard.Replay(p.batch.builder.NextOffset(), producer, r.Records[i]); err != nil {
				p.batch.waiters = append(p.batch.waiters, w)
				p.abandon(now, fmt.Errorf("replay a record that was just decided: %w", err))
				return
			}
		}
		p.batch.builder.Append(now.UnixMilli(), kv.key, kv.value)
	}
	p.batch.waiters = append(p.batch.waiters, w)
	if transactional || p.rt.opts.AppendLinger == 0 || !p.roomFor(0) {
		// The failure is told to all who wait for the batch.
		_ = p.flush(now)
	}
}

type keyValue struct{ key, value []byte }

func (kv keyValue) size() int { return len(kv.key) + len(kv.value) + recordOverhead }

func (p *partition[S, R]) encode(records []R) (encoded []keyValue, size int) {
	encoded = make([]keyValue, len(records))
	for i, r := range records {
		key, value := p.rt.opts.Codec.Encode(r)
		encoded[i] = keyValue{key, value}
		size += encoded[i].size()
	}
	return encoded, size
}

// checkSize refuses records that the log will not take in any batch: all
// together if they are atomic, otherwise each. To find that out when they are
// appended would cost the whole shard.
func (p *partition[S, R]) checkSize(now time.Time, records []keyValue, size int, atomic bool) error {
	limit := p.rt.opts.Log.MaxBatchSize(p.tp)
	if limit <= 0 || record.HeaderSize+size <= limit {
		return nil // without a limit the log is not here any more, and says so.
	}
	if atomic {
		return p.checkBatch(now, records, limit)
	}
	for i := range records {
		if record.HeaderSize+records[i].size() <= limit {
			continue
		}
		if err := p.checkBatch(now, records[i:i+1], limit); err != nil {
			return err
		}
	}
	return nil
}

// checkBatch makes the batch to see how large it is, compressed as it will be.
func (p *partition[S, R]) checkBatch(now time.Time, records []keyValue, limit int) error {
	o := record.NewOptions(p.lastWritten)
	o.Codec = p.rt.opts.Compression
	builder := record.NewBuilder(o)
	for _, kv := range records {
		builder.Append(now.UnixMilli(), kv.key, kv.value)
	}
	if size := builder.Build().Size(); size > limit {
		return kafka.Errorf(kerr.MessageTooLarge, "what is to be stored needs a batch of %d bytes, %s takes %d: raise its max.message.bytes",
			size, p.tp.Topic, limit)
	}
	return nil
}

func (p *partition[S, R]) roomFor(size int) bool {
	return p.batch.builder.Len()+size < p.rt.opts.Log.MaxBatchSize(p.tp)
}

// begin opens a batch after the last record written.
func (p *partition[S, R]) begin(now time.Time, producer Producer) {
	o := record.NewOptions(p.lastWritten)
	o.Codec = p.rt.opts.Compression
	o.BaseSequence = 0 // As in Kafka, without a producer, too.
	if producer != NoProducer {
		o.ProducerID, o.ProducerEpoch = producer.ID, producer.Epoch
		o.Transactional = true
	}
	p.batch.builder.Reset(o)
	p.batch.begun = now
}

// flush appends the open batch, if any. On failure everyone in the batch is
// told, the shard is rebuilt, and the error returned.
func (p *partition[S, R]) flush(now time.Time) error {
	if p.batch.builder.Count() == 0 {
		return nil
	}
	want := p.batch.builder.NextOffset()
	end, err := p.rt.opts.Log.Append(p.tp, p.epoch, p.batch.builder.Build())
	if err == nil && end != want {
		err = fmt.Errorf("the log ends at %d, the state at %d: %w", end, want, kerr.NotCoordinator)
	}
	if err != nil {
		p.abandon(now, err)
		return err
	}
	p.appended(now, end)
	return nil
}

// appended parks the batch's waiters until the high watermark reaches end.
func (p *partition[S, R]) appended(now time.Time, end kafka.Offset) {
	p.lastWritten = end
	p.writeErr, p.writeBackoff = nil, 0
	for _, w := range p.batch.waiters {
		p.parked = append(p.parked, parked{waiter: w, offset: end})
	}
	p.resetBatch()
	p.raiseHighWatermark(p.rt.opts.Log.HighWatermark(p.tp))
	p.release(now)
}

// resetBatch empties the batch and keeps its memory if that is not too much.
func (p *partition[S, R]) resetBatch() {
	clear(p.batch.waiters)
	p.batch.waiters = p.batch.waiters[:0]
	if p.batch.builder.Len() > p.rt.opts.MaxCachedBuffer {
		p.batch.builder = record.Builder{}
		return
	}
	p.batch.builder.Reset(record.NewOptions(p.lastWritten))
}

// failBatch fails the open batch's waiters.
func (p *partition[S, R]) failBatch(now time.Time, err error) {
	waiters := append([]waiter(nil), p.batch.waiters...)
	p.resetBatch()
	for _, w := range waiters {
		w.complete(now, err)
	}
}

// abandon gives up a shard whose state is ahead of the log, and rebuilds it
// from there. Those of the batch learn err; who is parked in the shard, or
// waits for earlier batches, finds the coordinator again, as after a failover.
func (p *partition[S, R]) abandon(now time.Time, err error) {
	if notLeader(err) {
		p.log.Debug("Could not write: no longer the leader", "error", err)
	} else {
		p.log.Error("Could not write; the state is loaded again from the log", "error", err)
	}
	p.failBatch(now, err)
	if p.state != active {
		return // a waiter's hook has got us here before.
	}
	p.holdWrites(now, err)
	p.state = failed
	p.giveUp(now, kerr.NotCoordinator)
	if !notLeader(err) && !p.closed {
		p.startLoad()
	}
}

// After a second failure in a row writes are refused for minWriteBackoff, then
// for twice as long each time, up to maxWriteBackoff: on a full disk each try
// costs a load, and between them reads are served.
const (
	minWriteBackoff = time.Second
	maxWriteBackoff = 10 * time.Second
)

// holdWrites refuses writes for a while if this is not the first failure.
func (p *partition[S, R]) holdWrites(now time.Time, err error) {
	if p.writeErr != nil {
		p.writeBackoff = min(max(2*p.writeBackoff, minWriteBackoff), maxWriteBackoff)
	}
	p.writeErr = err
	p.writeAgain = now.Add(p.writeBackoff)
}

// writable gives the error with which a write is refused now.
func (p *partition[S, R]) writable(now time.Time) error {
	if p.writeErr != nil && now.Before(p.writeAgain) {
		return p.writeErr
	}
	return p.rt.opts.Log.CheckAppend(p.tp, p.epoch)
}

// Marker ends a producer's transaction on a partition.
type Marker struct {
	Producer
	Committed bool
	// CoordinatorEpoch is the transaction coordinator's.
	CoordinatorEpoch int32
}

// endTransaction appends and replays a marker.
func (p *partition[S, R]) endTransaction(now time.Time, m Marker, done func(error)) {
	if err := p.refusal(); err != nil {
		done(err)
		return
	}
	if err := p.writable(now); err != nil {
		done(err)
		return
	}
	if err := p.flush(now); err != nil {
		done(err)
		return
	}
	if err := p.shard.ReplayEndTransaction(m.Producer, m.Committed); err != nil {
		done(err)
		p.abandon(now, fmt.Errorf("replay a transaction marker: %w", err))
		return
	}
	marker := record.EndTxnMarker{Commit: m.Committed, CoordinatorEpoch: m.CoordinatorEpoch}
	end, err := p.rt.opts.Log.Append(p.tp, p.epoch, record.NewEndTxnBatch(marker, now.UnixMilli(), m.ID, m.Epoch))
	if err != nil {
		done(err)
		p.abandon(now, err)
		return
	}
	p.lastWritten = end
	p.raiseHighWatermark(p.rt.opts.Log.HighWatermark(p.tp))
	p.park(now, waiter{done: done, deadline: now.Add(p.rt.opts.WriteTimeout)})
	p.release(now)
}
