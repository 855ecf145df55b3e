// Package coordinatortest has an in-memory coordinator.Log for tests of the
// runtime and of the coordinators on it.
package coordinatortest

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// Log is a coordinator.Log in memory. Every partition exists and is led by this
// broker unless Resign was called. Safe for concurrent use.
type Log struct {
	mu         sync.Mutex
	partitions map[kafka.TopicPartition]*partition

	// manual stops high watermarks from following the appends.
	manual bool
	// checkErr, appendErrs and readErrs are given instead of doing what is asked.
	checkErr   error
	appendErrs []error
	readErrs   []error
	// maxBatchSize is what MaxBatchSize gives.
	maxBatchSize int
	// readGate, if set, is received from before Read begins.
	readGate chan struct{}
}

type partition struct {
	batches       []record.Batch
	end           kafka.Offset
	highWatermark kafka.Offset
	resigned      bool
	listeners     map[int]func(kafka.Offset)
	nextListener  int
	reads         int
}

var _ coordinator.Log = (*Log)(nil)

// NewLog gives an empty log whose high watermark follows the appends.
func NewLog() *Log {
	return &Log{partitions: make(map[kafka.TopicPartition]*partition), maxBatchSize: 1 << 20}
}

func (l *Log) partition(tp kafka.TopicPartition) *partition {
	p := l.partitions[tp]
	if p == nil {
		p = &partition{listeners: make(map[int]func(kafka.Offset))}
		l.partitions[tp] = p
	}
	return p
}

// CheckAppend is coordinator.Log's.
func (l *Log) CheckAppend(tp kafka.TopicPartition, _ kafka.LeaderEpoch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.partition(tp).resigned {
		return kerr.NotLeaderForPartition
	}
	return l.checkErr
}

// Append is coordinator.Log's.
func (l *Log) Append(tp kafka.TopicPartition, epoch kafka.LeaderEpoch, b record.Batch) (kafka.Offset, error) {
	l.mu.Lock()
	p := l.partition(tp)
	if len(l.appendErrs) > 0 {
		err := l.appendErrs[0]
		l.appendErrs = l.appendErrs[1:]
		if err != nil {
			l.mu.Unlock()
			return 0, err
		}
	}
	if p.resigned {
		l.mu.Unlock()
		return 0, kerr.NotLeaderForPartition
	}
	if err := b.Check(); err != nil {
		l.mu.Unlock()
		return 0, err
	}
	if b.Size() > l.maxBatchSize {
		l.mu.Unlock()
		return 0, kerr.MessageTooLarge
	}
	b = b.Clone()
	b.SetBaseOffset(p.end)
	b.SetLeaderEpoch(epoch)
	p.batches = append(p.batches, b)
	p.end = b.NextOffset()
	end := p.end
	call := func() {}
	if !l.manual {
		call = p.raise(p.end)
	}
	l.mu.Unlock()
	call()
	return end, nil
}

// raise sets the high watermark and gives what calls the listeners.
func (p *partition) raise(highWatermark kafka.Offset) (call func()) {
	p.highWatermark = max(p.highWatermark, highWatermark)
	var fns []func(kafka.Offset)
	for _, fn := range p.listeners {
		fns = append(fns, fn)
	}
	at := p.highWatermark
	return func() {
		for _, fn := range fns {
			fn(at)
		}
	}
}

// Read is coordinator.Log's.
func (l *Log) Read(ctx context.Context, tp kafka.TopicPartition, fn func(record.Batch) error) (kafka.Offset, error) {
	l.mu.Lock()
	gate := l.readGate
	l.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	l.mu.Lock()
	p := l.partition(tp)
	p.reads++
	if len(l.readErrs) > 0 {
		err := l.readErrs[0]
		l.readErrs = l.readErrs[1:]
		l.mu.Unlock()
		return 0, err
	}
	batches, end, resigned := append([]record.Batch(nil), p.batches...), p.end, p.resigned
	l.mu.Unlock()
	if resigned {
		return 0, kerr.NotLeaderForPartition
	}
	for _, b := range batches {
		if err := fn(b.Clone()); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// HighWatermark is coordinator.Log's.
func (l *Log) HighWatermark(tp kafka.TopicPartition) kafka.Offset {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partition(tp).highWatermark
}

// OnHighWatermark is coordinator.Log's.
func (l *Log) OnHighWatermark(tp kafka.TopicPartition, fn func(kafka.Offset)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(tp)
	id := p.nextListener
	p.nextListener++
	p.listeners[id] = fn
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(p.listeners, id)
	}
}

// MaxBatchSize is coordinator.Log's.
func (l *Log) MaxBatchSize(kafka.TopicPartition) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.maxBatchSize
}

// SetMaxBatchSize bounds the batches.
func (l *Log) SetMaxBatchSize(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maxBatchSize = n
}

// HoldCommits keeps high watermarks where they are until Commit.
func (l *Log) HoldCommits() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.manual = true
}

// Commit moves the partition's high watermark to its end.
func (l *Log) Commit(tp kafka.TopicPartition) {
	l.mu.Lock()
	p := l.partition(tp)
	call := p.raise(p.end)
	l.mu.Unlock()
	call()
}

// FailCheck makes CheckAppend give err; nil ends that.
func (l *Log) FailCheck(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checkErr = err
}

// FailAppends makes the next appends give these errors, one each; nil succeeds.
func (l *Log) FailAppends(errs ...error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendErrs = append(l.appendErrs, errs...)
}

// EndFailures makes appends and reads succeed again.
func (l *Log) EndFailures() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendErrs, l.readErrs = nil, nil
}

// FailReads makes the next reads give these errors, one each.
func (l *Log) FailReads(errs ...error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readErrs = append(l.readErrs, errs...)
}

// GateReads makes each Read wait for a value from the channel.
func (l *Log) GateReads(gate chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readGate = gate
}

// Resign makes the partition refuse everything.
func (l *Log) Resign(tp kafka.TopicPartition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partition(tp).resigned = true
}

// Reads counts how often the partition was read.
func (l *Log) Reads(tp kafka.TopicPartition) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partition(tp).reads
}

// Batches gives copies of what was appended.
func (l *Log) Batches(tp kafka.TopicPartition) []record.Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batches []record.Batch
	for _, b := range l.partition(tp).batches {
		batches = append(batches, b.Clone())
	}
	return batches
}
