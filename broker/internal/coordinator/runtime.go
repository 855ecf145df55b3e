package coordinator

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/invariant"
	"moldau.dev/moldau/internal/kafka"
)

// Options configures a Runtime. Log, Codec, NewShard and Logger are required.
type Options[S Shard[R], R any] struct {
	// Name stands in log lines: GroupCoordinator.
	Name string
	Log  Log
	// Codec is used from several goroutines.
	Codec Codec[R]
	// NewShard makes the empty state machine of a partition.
	NewShard func(tp kafka.TopicPartition) S
	Logger   *slog.Logger

	// Threads is the number of event loops (group.coordinator.threads); 0 is 1.
	Threads int
	// AppendLinger is how long a batch waits for more records, in full: 0 appends
	// after every write. With AdaptiveLinger all that is queued when a batch is
	// begun goes into it, and nothing waits (group.coordinator.append.linger.ms).
	AppendLinger time.Duration
	// WriteTimeout bounds how long an operation waits to be committed
	// (offsets.commit.timeout.ms); 0 is 5 seconds.
	WriteTimeout time.Duration
	// Compression is applied to the batches (offsets.topic.compression.codec).
	Compression compress.Codec
	// MaxCachedBuffer bounds the buffer kept per partition for the next batch, in
	// bytes (group.coordinator.cached.buffer.max.bytes); 0 is 1 MiB.
	MaxCachedBuffer int
}

// AdaptiveLinger is the AppendLinger that batches what is queued.
const AdaptiveLinger time.Duration = -1

// Runtime runs the shards of one internal topic. Safe for concurrent use; Run
// must be running for anything to be answered.
type Runtime[S Shard[R], R any] struct {
	opts  Options[S, R]
	loops []*loop[S, R]
	// loading bounds the number of logs read at once.
	loading chan struct{}

	mu struct {
		sync.Mutex
		partitions map[kafka.TopicPartition]*partition[S, R]
		closed     bool
		loaders    sync.WaitGroup
	}
}

// New gives a Runtime without any partition.
func New[S Shard[R], R any](opts Options[S, R]) *Runtime[S, R] {
	invariant.Assert(opts.Log != nil && opts.Codec != nil && opts.NewShard != nil && opts.Logger != nil,
		"runtime %q lacks a part", opts.Name)
	opts.Threads = max(opts.Threads, 1)
	if opts.WriteTimeout == 0 {
		opts.WriteTimeout = 5 * time.Second
	}
	if opts.MaxCachedBuffer == 0 {
		opts.MaxCachedBuffer = 1 << 20
	}
	rt := &Runtime[S, R]{opts: opts, loading: make(chan struct{}, opts.Threads)}
	rt.mu.partitions = make(map[kafka.TopicPartition]*partition[S, R])
	for range opts.Threads {
		rt.loops = append(rt.loops, &loop[S, R]{wake: make(chan struct{}, 1)})
	}
	return rt
}

// Run runs the event loops until ctx ends; then every partition is unloaded
// and everything that waits fails with COORDINATOR_NOT_AVAILABLE. It returns
// when no goroutine of the runtime is left.
func (rt *Runtime[S, R]) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, l := range rt.loops {
		g.Go(func() error {
			l.run(ctx)
			return nil
		})
	}
	<-ctx.Done()
	rt.mu.Lock()
	rt.mu.closed = true
	for _, p := range rt.mu.partitions {
		p.cancelLoad()
	}
	rt.mu.Unlock()
	rt.mu.loaders.Wait()
	return g.Wait()
}

// Load makes this broker the coordinator of a partition, as its leader since
// that leader epoch. The log is read in the background. A partition that is
// already loaded, or loading, keeps its state: the broker has led it all along.
func (rt *Runtime[S, R]) Load(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.mu.closed {
		return
	}
	p, ok := rt.mu.partitions[tp]
	if !ok {
		p = newPartition(rt, rt.loopOf(tp), tp)
		rt.mu.partitions[tp] = p
	}
	p.loadsQueued++
	p.loop.post(func(time.Time) {
		p.load(epoch)
		rt.mu.Lock()
		defer rt.mu.Unlock()
		p.loadsQueued--
	})
}

// Unload ends being the coordinator of a partition, because another broker
// leads it since that epoch, or with NoLeaderEpoch unconditionally (the
// partition was deleted). A Load of a later epoch is not undone by it.
func (rt *Runtime[S, R]) Unload(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) {
	if p := rt.partition(tp); p != nil {
		p.loop.post(func(now time.Time) {
			if epoch == kafka.NoLeaderEpoch || epoch >= p.epoch {
				p.unload(now, kerr.NotCoordinator)
				rt.drop(p)
			}
		})
	}
}

// Partitions lists the partitions this broker is, or is becoming, the
// coordinator of, in no order.
func (rt *Runtime[S, R]) Partitions() []kafka.TopicPartition {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	tps := make([]kafka.TopicPartition, 0, len(rt.mu.partitions))
	for tp := range rt.mu.partitions {
		tps = append(tps, tp)
	}
	return tps
}

// Submit runs op on the partition's shard and calls done once, on an event
// loop, when its outcome is committed or has failed; done must not block. The
// errors are those of op and of the log (see ResponseError), and
// COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE,
// REQUEST_TIMED_OUT.
func (rt *Runtime[S, R]) Submit(tp kafka.TopicPartition, op func(s S, now time.Time) (Result[R], error), done func(error)) {
	p := rt.partition(tp)
	if p == nil {
		done(kerr.NotCoordinator)
		return
	}
	if !p.loop.post(func(now time.Time) { p.execute(now, op, done) }) {
		done(kerr.CoordinatorNotAvailable)
	}
}

// Write is Submit for a caller that waits. If ctx ends first its error is
// returned, op may still run, and whatever op set must not be looked at.
func (rt *Runtime[S, R]) Write(ctx context.Context, tp kafka.TopicPartition, op func(s S, now time.Time) (Result[R], error)) error {
	outcome := make(chan error, 1)
	rt.Submit(tp, op, func(err error) { outcome <- err })
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read runs op on the partition's shard and returns when all that op may have
// seen is committed.
//
// Differs from Kafka: there a read sees an older, committed state at once. Here
// it waits for what it saw, so that it is never behind a write its client knows of.
func (rt *Runtime[S, R]) Read(ctx context.Context, tp kafka.TopicPartition, op func(s S, now time.Time) error) error {
	return rt.Write(ctx, tp, func(s S, now time.Time) (Result[R], error) {
		return Result[R]{}, op(s, now)
	})
}

// EndTransaction appends a transaction marker to the partition, after all that
// was written before, and replays it.
func (rt *Runtime[S, R]) EndTransaction(ctx context.Context, tp kafka.TopicPartition, m Marker) error {
	p := rt.partition(tp)
	if p == nil {
		return kerr.NotCoordinator
	}
	outcome := make(chan error, 1)
	if !p.loop.post(func(now time.Time) { p.endTransaction(now, m, func(err error) { outcome <- err }) }) {
		return kerr.CoordinatorNotAvailable
	}
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (rt *Runtime[S, R]) partition(tp kafka.TopicPartition) *partition[S, R] {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.mu.partitions[tp]
}

// drop forgets an unloaded partition, unless a load is queued behind.
func (rt *Runtime[S, R]) drop(p *partition[S, R]) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if p.loadsQueued == 0 {
		delete(rt.mu.partitions, p.tp)
	}
}

func (rt *Runtime[S, R]) loopOf(tp kafka.TopicPartition) *loop[S, R] {
	return rt.loops[int(uint32(tp.Partition))%len(rt.loops)]
}
