package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// maxBatchRecords bounds the records of one batch, as in Apache Kafka.
const maxBatchRecords = 10_000

// operation is one call of Do on its way through the loop.
type operation struct {
	decide Operation
	// taken is set by whoever comes first: the loop that begins to decide, or
	// the caller that gives up.
	taken    atomic.Bool
	response any
	err      error
	done     chan struct{}
	// until is the end offset of all it has written and seen.
	until kafka.Offset
	// check, if set, says when that is committed whether it came out as planned.
	check func() error
}

func (op *operation) finish(response any, err error) {
	op.response, op.err = response, err
	close(op.done)
}

func errNotController(leader kafka.NodeID) error {
	if leader == kafka.NoNode {
		return kafka.Errorf(kerr.NotController, "No controller appears to be active.")
	}
	return kafka.Errorf(kerr.NotController, "The active controller appears to be node %d.", leader)
}

// ErrTimedOut is REQUEST_TIMED_OUT: an operation may have been too late to begin,
// or not committed yet.
var ErrTimedOut = kafka.Errorf(kerr.RequestTimedOut, "The controller did not commit the operation in time.")

// Do lets the active controller decide on an operation, and returns its response
// once its records are committed, together with all that the operation saw. On
// another node, and when leadership is lost before that, it is NOT_CONTROLLER; in
// the latter case nobody knows whether the records will be committed. While an
// election is under way it waits. A timeout of 0 or less leaves the time to ctx;
// when it runs out the error is REQUEST_TIMED_OUT, and records already written
// may still be committed.
func (q *Quorum) Do(ctx context.Context, timeout time.Duration, decide func(c *controller.Core, now time.Time) controller.Result) (any, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	op := &operation{decide: decide, done: make(chan struct{})}
	select {
	case q.ops <- op:
	case <-q.stopped:
		return nil, errNotController(kafka.NoNode)
	case <-ctx.Done():
		return nil, timeoutError(ctx)
	}
	select {
	case <-op.done:
		return op.response, op.err
	case <-q.stopped:
		// The loop may have finished it just before it stopped.
		select {
		case <-op.done:
			return op.response, op.err
		default:
			return nil, errNotController(kafka.NoNode)
		}
	case <-ctx.Done():
		op.taken.CompareAndSwap(false, true) // If it has not begun, it never will.
		return nil, timeoutError(ctx)
	}
}

func timeoutError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimedOut
	}
	return ctx.Err()
}

// execute runs an operation that has reached the active controller.
func (q *Quorum) execute(op *operation) error {
	if !op.taken.CompareAndSwap(false, true) {
		return nil // The caller gave up before.
	}
	q.core().SetNextOffset(q.tail)
	result := op.decide(q.core(), q.o.Now())
	if result.Err != nil {
		op.finish(nil, result.Err)
		return nil
	}
	op.response = result.Response
	proposed, err := q.propose(result)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, kerr.KafkaStorageError):
		op.finish(nil, err)
		return nil
	case err != nil:
		return err
	case !proposed:
		op.finish(nil, errNotController(kafka.NoNode))
		return nil
	}
	op.until = q.tail
	if op.until <= q.applied.offset {
		op.finish(op.response, nil)
		return nil
	}
	q.parked = append(q.parked, op)
	return nil
}

var errTooLarge = kafka.Errorf(kerr.InvalidRequest, "One metadata record of the operation exceeds the largest batch of %d bytes.", maxBatchBytes)

// propose replays a result's records on the core and hands them to raft. It
// tells whether raft took them; it does not when leadership is about to go.
func (q *Quorum) propose(result controller.Result) (bool, error) {
	if len(result.Records) == 0 {
		return true, nil
	}
	batches, err := encodeResult(result, q.tail, q.leadership.epoch, q.o.Now().UnixMilli())
	if err != nil {
		return false, err
	}
	size := q.unwritten
	for _, b := range batches {
		size += int64(len(b))
	}
	if err := q.log.room(size, growing(result)); err != nil {
		return false, err
	}
	for _, r := range result.Records {
		if err := q.core().Replay(r); err != nil {
			return false, fmt.Errorf("the controller cannot replay the record it decided on (%T): %w", r, err)
		}
	}
	for _, b := range batches {
		if err := q.node.Propose(b); err != nil {
			q.logger.Debug("Raft dropped a proposal", "offset", int64(b.BaseOffset()), "err", err)
			q.deactivate(kafka.NoNode)
			return false, nil
		}
		q.tail = b.NextOffset()
		q.unwritten += int64(len(b))
		q.idleSince = q.o.Now()
	}
	return true, nil
}

// growing tells whether a result makes the metadata larger, which a full disk
// refuses while it still takes deletions and what keeps the cluster going.
func growing(result controller.Result) bool {
	for _, r := range result.Records {
		switch r := r.(type) {
		case *metadata.TopicRecord, *metadata.PartitionRecord, *metadata.AccessControlEntryRecord,
			*metadata.UserScramCredentialRecord, *metadata.DelegationTokenRecord:
			return true
		case *metadata.ConfigRecord:
			if r.Value != nil {
				return true
			}
		case *metadata.ClientQuotaRecord:
			if !r.Remove {
				return true
			}
		}
	}
	return false
}

// encodeResult makes the batches of a result. What does not fit into one batch
// is spread over several; if it counts together or not at all, within a metadata
// transaction (KIP-868).
func encodeResult(result controller.Result, base kafka.Offset, epoch kafka.LeaderEpoch, nowMs int64) ([]record.Batch, error) {
	values := make([][]byte, len(result.Records))
	size := 0
	for i, r := range result.Records {
		values[i] = metadata.Encode(r)
		size += len(values[i]) + recordOverhead
		if len(values[i])+recordOverhead+record.HeaderSize > maxBatchBytes {
			return nil, errTooLarge
		}
	}
	if result.Atomic && (len(values) > maxBatchRecords || size+record.HeaderSize > maxBatchBytes) {
		name := "Large operation"
		values = append([][]byte{metadata.Encode(&metadata.BeginTransactionRecord{Name: &name})}, values...)
		values = append(values, metadata.Encode(&metadata.EndTransactionRecord{}))
	}
	var batches []record.Batch
	for len(values) > 0 {
		o := record.NewOptions(base)
		o.LeaderEpoch = epoch
		b := record.NewBuilder(o)
		n := 0
		for n < len(values) && n < maxBatchRecords && (n == 0 || b.Len()+len(values[n])+recordOverhead <= maxBatchBytes) {
			b.Append(nowMs, nil, values[n])
			n++
		}
		batches = append(batches, b.Build())
		base += kafka.Offset(n)
		values = values[n:]
	}
	return batches, nil
}

// recordOverhead bounds what a record takes in a batch beside its value: length,
// attributes, timestamp and offset deltas, key and value lengths, header count.
const recordOverhead = 5 + 1 + 10 + 5 + 1 + 5 + 1
