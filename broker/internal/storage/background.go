package storage

import (
	"context"
	"time"
)

// idleCheckInterval is how often files that nobody used since the last time are
// closed, and deletions that are due are done.
const idleCheckInterval = 30 * time.Second

// flushCheckInterval is how often flush.ms is looked after.
const flushCheckInterval = 100 * time.Millisecond

// Run does the background work until ctx ends: it deletes old segments, syncs
// for flush.ms, writes the checkpoints, forgets silent producers, and removes
// files that were deleted. A node without traffic does next to nothing here.
func (m *Manager) Run(ctx context.Context) error {
	tasks := []struct {
		every time.Duration
		do    func()
		next  time.Time
	}{
		{every: m.opts.RetentionCheckInterval, do: m.deleteOldSegments},
		{every: m.opts.RecoveryPointInterval, do: m.checkpointRecoveryPoints},
		{every: m.opts.LogStartInterval, do: m.checkpointLogStarts},
		{every: m.opts.HighWatermarkInterval, do: m.checkpointHighWatermarks},
		{every: m.opts.ProducerExpiryInterval, do: m.expireProducers},
		{every: idleCheckInterval, do: m.closeIdle},
		{every: flushCheckInterval, do: m.flushTimed},
	}
	now := m.opts.Now()
	for i := range tasks {
		tasks[i].next = now.Add(tasks[i].every)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := m.opts.Now()
		next := now.Add(time.Hour)
		for i := range tasks {
			t := &tasks[i]
			if !now.Before(t.next) {
				t.do()
				t.next = now.Add(t.every)
			}
			if t.every == flushCheckInterval && m.env.timedFlushes.Load() == 0 {
				continue // Looked at with the next task; idle nodes sleep.
			}
			if t.next.Before(next) {
				next = t.next
			}
		}
		timer.Reset(max(next.Sub(m.opts.Now()), time.Millisecond))
	}
}

// deleteOldSegments applies retention to every log.
func (m *Manager) deleteOldSegments() {
	now := m.opts.Now()
	for _, l := range m.Logs() {
		if l.usable() != nil {
			continue
		}
		if _, err := l.DeleteOldSegments(now); err != nil {
			m.env.logger.Warn("Could not delete old segments", "partition", l.name, "error", err)
		}
	}
	m.env.removeDoomed(now.UnixMilli(), false)
}

// checkpointRecoveryPoints writes the recovery points that have moved. Logs that
// nobody appended to since the last time are synced first: the kernel has
// written most of them by now, and after a crash they need no recovery.
//
// Differs from Kafka: it syncs at a roll and a shutdown only, so that a restart
// after a crash reads every active segment from its start.
func (m *Manager) checkpointRecoveryPoints() {
	for _, d := range m.dirs {
		if d.err() != nil || !d.recoveryPointsChanged.Load() {
			continue
		}
		more := m.settle(d)
		if err := errorUnlessFull(m.writeRecoveryPoints(d)); err != nil {
			d.fail(err)
		}
		if more {
			d.recoveryPointsChanged.Store(true)
		}
	}
}

// settle syncs the logs of a directory that have become idle, and waits for it.
// more says that some others are still being appended to.
func (m *Manager) settle(d *logDir) (more bool) {
	done := make(chan struct{}, settleBatch)
	pending := 0
	for _, l := range m.logsIn(d) {
		end := l.LogEndOffset()
		if end == l.RecoveryPoint() {
			continue
		}
		if l.settledEnd.Swap(int64(end)) != int64(end) {
			more = true
			continue
		}
		if err := l.snapshotSettled(end); err != nil {
			m.env.logger.Warn("Could not write a producer snapshot", "partition", l.name, "error", err)
			continue
		}
		if pending == settleBatch {
			<-done
			pending--
		}
		pending++
		l.OnSynced(SyncToken{end}, func(error) { done <- struct{}{} })
	}
	for ; pending > 0; pending-- {
		<-done
	}
	return more
}

// settleBatch bounds how many idle logs wait for their sync at a time.
const settleBatch = 64

func (m *Manager) checkpointLogStarts() {
	for _, d := range m.dirs {
		if d.err() == nil && d.startOffsetsChanged.Load() {
			if err := errorUnlessFull(m.writeLogStarts(d)); err != nil {
				d.fail(err)
			}
		}
	}
}

func (m *Manager) checkpointHighWatermarks() {
	for _, d := range m.dirs {
		if d.err() == nil && d.highWatermarksChanged.Load() {
			if err := errorUnlessFull(m.writeHighWatermarks(d)); err != nil {
				d.fail(err)
			}
		}
	}
}

func (m *Manager) expireProducers() {
	nowMs := m.env.nowMs()
	for _, l := range m.Logs() {
		l.expireProducers(nowMs)
	}
}

func (m *Manager) closeIdle() {
	m.env.handles.CloseIdle()
	m.env.removeDoomed(m.env.nowMs(), false)
}

// flushTimed asks for the syncs that flush.ms is due for.
func (m *Manager) flushTimed() {
	if m.env.timedFlushes.Load() == 0 {
		return
	}
	nowMs := m.env.nowMs()
	for _, l := range m.Logs() {
		c := l.Config()
		if end := l.LogEndOffset(); end > l.RecoveryPoint() && nowMs-l.lastFlush.Load() >= c.FlushMs && l.usable() == nil {
			l.requestSync(end)
		}
	}
}
