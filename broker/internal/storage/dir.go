package storage

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/histogram"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// env is what all logs of a node share.
type env struct {
	fs      vfs.FS
	handles *segment.Handles
	logger  *slog.Logger
	now     func() time.Time
	// producerConfig is shared by the producer states of all logs.
	producerConfig *producerstate.Config
	// timedFlushes counts the logs that have flush.ms set.
	timedFlushes atomic.Int64
	doomed       doomed
	// flushes is how long syncs of segments take.
	flushes histogram.Durations

	settingsMu   sync.Mutex // Guards lastSettings; leaf lock.
	lastSettings *settings
}

func (e *env) nowMs() int64 { return e.now().UnixMilli() }

// settingsFor derives the settings, sharing them with the log that asked last:
// topics without configuration of their own have the same.
func (e *env) settingsFor(c *config.Topic) *settings {
	e.settingsMu.Lock()
	defer e.settingsMu.Unlock()
	if e.lastSettings == nil || e.lastSettings.config != c {
		e.lastSettings = newSettings(c)
	}
	return e.lastSettings
}

// logDir is one log directory. Once failed it stays offline until a restart.
type logDir struct {
	env     *env
	manager *Manager
	path    string
	id      kafka.UUID
	lock    io.Closer
	count   int // Number of logs, to pick a directory for new ones; guarded by Manager.mu.
	// clean says that the directory was shut down cleanly, by brokerEpoch.
	clean bool
	// recovered says that it was not, and held logs.
	recovered   bool
	brokerEpoch kafka.BrokerEpoch

	failure atomic.Pointer[dirFailure]
	onFail  func(d *logDir, err error)

	// Which checkpoints are behind the memory.
	highWatermarksChanged atomic.Bool
	startOffsetsChanged   atomic.Bool
	recoveryPointsChanged atomic.Bool
	checkpointing         sync.Mutex // Serialises checkpoint writes; below no other lock.

	// outdated are the partitions without a log here that the checkpoint files may still
	// name; guarded by Manager.creating.
	outdated map[kafka.TopicPartition]bool
	// incomplete says that a full disk kept out something that a clean shutdown
	// vouches for.
	incomplete atomic.Bool

	// noSpace is when a full disk was last reported, ms: once a minute is enough.
	noSpace atomic.Int64

	flusher flusher
	// bulk is the file system for the files that Close writes for every log.
	bulk bulkFS
}

type dirFailure struct{ err error }

// err gives why the directory is offline, nil while it is not.
func (d *logDir) err() error {
	if f := d.failure.Load(); f != nil {
		return f.err
	}
	return nil
}

// fail takes the directory offline: the first error counts.
func (d *logDir) fail(err error) {
	if d.failure.CompareAndSwap(nil, &dirFailure{err}) && d.onFail != nil {
		d.onFail(d, err)
	}
}

// errTruncated answers those who wait for records that were truncated.
var errTruncated = kafka.Errorf(kerr.NotLeaderForPartition, "the records were truncated")

// errClosed answers operations on a log that was closed or deleted.
var errClosed = kafka.Errorf(kerr.KafkaStorageError, "the log is closed")

// usable gives the error for a log that cannot be used any more.
func (l *Log) usable() error {
	if l.closed.Load() {
		return errClosed
	}
	return l.dir.offline()
}

// offline gives KAFKA_STORAGE_ERROR if the directory has failed.
func (d *logDir) offline() error {
	if err := d.err(); err != nil {
		return kafka.Errorf(kerr.KafkaStorageError, "the log directory %s is offline", d.path)
	}
	return nil
}

// ioError turns the error of a file operation into what the client gets,
// KAFKA_STORAGE_ERROR, and takes the directory offline unless the disk is just
// full. Protocol errors pass through.
func (l *Log) ioError(operation string, err error) error {
	if err == nil {
		return nil
	}
	if protocol := (*kerr.Error)(nil); errors.As(err, &protocol) {
		return err
	}
	d := l.dir
	if segment.IsNoSpace(err) {
		now := d.env.nowMs()
		if last := d.noSpace.Load(); now-last >= time.Minute.Milliseconds() && d.noSpace.CompareAndSwap(last, now) {
			d.env.logger.Error("Appends are refused until the system lets go of what they need", "dir", d.path, "partition", l.name, "error", err,
				"cure", noSpaceCure(err))
		}
		return kafka.Errorf(kerr.KafkaStorageError, "the disk of log directory %s is full, or too many files are open", d.path)
	}
	d.fail(fmt.Errorf("%s %v: %w", operation, l.tp, err))
	return d.offline()
}

// noSpaceCure says what to do about a lack of space or of descriptors.
func noSpaceCure(err error) string {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return "raise the limit of open files (ulimit -n, LimitNOFILE) and restart"
	}
	return "delete topics or records, lower retention.bytes, or enlarge the disk"
}
