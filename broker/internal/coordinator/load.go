package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// A load that fails is tried again after minLoadBackoff, then after twice as
// long each time, up to maxLoadBackoff.
const (
	minLoadBackoff = time.Second
	maxLoadBackoff = 30 * time.Second
)

// maxLoadedBatch bounds the decompressed size of a batch that is loaded.
const maxLoadedBatch = 512 << 20

// startLoad builds a new shard from the log on a goroutine of its own.
func (p *partition[S, R]) startLoad() {
	rt := p.rt
	ctx, cancel := context.WithCancel(context.Background())
	rt.mu.Lock()
	if rt.mu.closed {
		rt.mu.Unlock()
		cancel()
		return
	}
	rt.mu.loaders.Add(1)
	p.loadCancel.Store(&cancel)
	rt.mu.Unlock()

	if p.state == idle {
		p.loop.partitions = append(p.loop.partitions, p)
	}
	p.state = loading
	p.retryAt = time.Time{}
	p.attempt++
	attempt := p.attempt
	begun := time.Now()
	go func() {
		defer rt.mu.loaders.Done()
		defer cancel()
		l := loader[S, R]{p: p, shard: rt.opts.NewShard(p.tp)}
		err := l.run(ctx)
		p.loop.post(func(now time.Time) {
			if p.attempt == attempt && !p.closed {
				p.loaded(now, &l, err, begun)
			}
		})
	}()
}

// cancelLoad ends the load that runs, if any. Safe from any goroutine.
func (p *partition[S, R]) cancelLoad() {
	if cancel := p.loadCancel.Load(); cancel != nil {
		(*cancel)()
	}
}

// loaded takes over what the loader has built.
func (p *partition[S, R]) loaded(now time.Time, l *loader[S, R], err error, begun time.Time) {
	if err != nil {
		p.loadFailed(now, err)
		return
	}
	p.loadBackoff = 0
	p.state = active
	p.shard = l.shard
	p.lastWritten = l.end
	p.resetBatch()
	p.highWatermark.Store(0)
	p.cancelListener = p.rt.opts.Log.OnHighWatermark(p.tp, p.onHighWatermark)
	p.raiseHighWatermark(p.rt.opts.Log.HighWatermark(p.tp))
	p.log.Log(context.Background(), p.routine(), "Loaded the coordinator's state", "epoch", int32(p.epoch), "records", l.records,
		"bytes", l.bytes, "skipped", l.unknown, "took", now.Sub(begun))
	p.shard.Loaded(now)
}

// routine is the level of what every partition says at each start and stop of the
// broker. Nobody has to read it fifty times of partitions that hold nothing.
func (p *partition[S, R]) routine() slog.Level {
	if p.lastWritten == 0 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// loadFailed leaves the partition without coordinator.
//
// Differs from Kafka: unless another broker leads, the load is tried again. There
// the groups are lost until the next election, which a lone broker never sees.
func (p *partition[S, R]) loadFailed(now time.Time, err error) {
	p.state = failed
	if notLeader(err) {
		p.log.Info("Could not load the coordinator's state: not the leader", "epoch", int32(p.epoch))
		return
	}
	level := slog.LevelError
	if p.loadBackoff == maxLoadBackoff {
		level = slog.LevelDebug // It has been said often enough.
	}
	p.loadBackoff = min(max(2*p.loadBackoff, minLoadBackoff), maxLoadBackoff)
	p.retryAt = now.Add(p.loadBackoff)
	p.log.Log(context.Background(), level, "Could not load the coordinator's state", "epoch", int32(p.epoch), "error", err, "retry_in", p.loadBackoff)
}

// loader replays a log onto a shard that nobody else knows yet.
type loader[S Shard[R], R any] struct {
	p     *partition[S, R]
	shard S
	end   kafka.Offset

	records, bytes, unknown int
}

func (l *loader[S, R]) run(ctx context.Context) (err error) {
	select {
	case l.p.rt.loading <- struct{}{}:
		defer func() { <-l.p.rt.loading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.end, err = l.p.rt.opts.Log.Read(ctx, l.p.tp, l.replay)
	return err
}

func (l *loader[S, R]) replay(b record.Batch) error {
	l.bytes += b.Size()
	producer := NoProducer
	if b.IsTransactional() {
		producer = Producer{ID: b.ProducerID(), Epoch: b.ProducerEpoch()}
	}
	for r, err := range b.Records(maxLoadedBatch) {
		if err != nil {
			return fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
		}
		l.records++
		if b.IsControl() {
			err = l.replayControl(producer, r)
		} else {
			err = l.replayRecord(b.Offset(&r), producer, r)
		}
		if err != nil {
			return fmt.Errorf("record at offset %d: %w", b.Offset(&r), err)
		}
	}
	return nil
}

func (l *loader[S, R]) replayControl(producer Producer, r record.Record) error {
	t, err := record.ParseControlKey(r.Key)
	if err != nil {
		return err
	}
	switch t {
	case record.ControlCommit:
		return l.shard.ReplayEndTransaction(producer, true)
	case record.ControlAbort:
		return l.shard.ReplayEndTransaction(producer, false)
	default:
		return nil
	}
}

func (l *loader[S, R]) replayRecord(offset kafka.Offset, producer Producer, r record.Record) error {
	decoded, err := l.p.rt.opts.Codec.Decode(r.Key, r.Value)
	if errors.Is(err, ErrUnknownRecord) {
		if l.unknown++; l.unknown == 1 {
			l.p.log.Warn("Skipped a record; a newer version may have left it", "offset", int64(offset), "error", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return l.shard.Replay(offset, producer, decoded)
}
