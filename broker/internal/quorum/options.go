package quorum

import (
	"errors"
	"log/slog"
	"time"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs"
)

// Options says how to open the quorum's local part.
type Options struct {
	FS vfs.FS
	// Dir is the metadata log directory (metadata.log.dir); the log lies in its
	// folder __cluster_metadata-0, which is created if it is missing.
	Dir string
	// NodeID and DirectoryID identify this controller. DirectoryID is that of
	// Dir's meta.properties.
	NodeID      kafka.NodeID
	DirectoryID kafka.UUID
	// Voters is controller.quorum.voters. It counts as long as snapshot and log
	// do not name voters themselves (kraft.version 0). Directory ids are ignored.
	Voters []Voter
	// Listeners are this node's own controller endpoints. A leader that finds
	// others in the voters' record corrects it. Empty leaves the record alone.
	Listeners []Endpoint
	// Core decides; it belongs to the quorum from Open on.
	Core *controller.Core
	// Bootstrap is appended by the first leader of an empty log, unless the
	// bootstrap snapshot of Format has records of its own.
	Bootstrap []metadata.Record
	// Transport reaches the other voters; nil for a quorum of one.
	Transport Transport
	Logger    *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// SegmentBytes is metadata.log.segment.bytes, SegmentAge metadata.log.segment.ms.
	SegmentBytes int64
	SegmentAge   time.Duration
	// RetentionBytes is metadata.max.retention.bytes, Retention
	// metadata.max.retention.ms; negative is without bound.
	RetentionBytes int64
	Retention      time.Duration
	// SnapshotBytes is metadata.log.max.record.bytes.between.snapshots,
	// SnapshotInterval metadata.log.max.snapshot.interval.ms (0 is never by time).
	SnapshotBytes    int64
	SnapshotInterval time.Duration
	// MaxIdleInterval is metadata.max.idle.interval.ms: how often a leader with
	// followers appends a NoOpRecord when there is nothing else (0 is never).
	// Differs from Kafka: a single voter does not, since nobody reads it.
	MaxIdleInterval time.Duration
	// ElectionTimeout is controller.quorum.election.timeout.ms. Raft waits one
	// to two of them for a sign of the leader.
	ElectionTimeout time.Duration
}

// Defaults of Kafka's configs.
const (
	defaultSegmentBytes    = 1 << 30
	defaultSegmentAge      = 7 * 24 * time.Hour
	defaultRetentionBytes  = 100 << 20
	defaultRetention       = 7 * 24 * time.Hour
	defaultSnapshotBytes   = 20 << 20
	defaultElectionTimeout = time.Second
)

// withDefaults fills in Kafka's defaults for sizes and times that are 0. (0 has
// no meaning of its own for these; SnapshotInterval and MaxIdleInterval are left
// alone.)
func (o Options) withDefaults() Options {
	setDefault(&o.SegmentBytes, defaultSegmentBytes)
	setDefault(&o.SegmentAge, defaultSegmentAge)
	setDefault(&o.RetentionBytes, defaultRetentionBytes)
	setDefault(&o.Retention, defaultRetention)
	setDefault(&o.SnapshotBytes, defaultSnapshotBytes)
	setDefault(&o.ElectionTimeout, defaultElectionTimeout)
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (o Options) validate() error {
	switch {
	case o.Dir == "":
		return errors.New("quorum: Dir is empty")
	case o.NodeID < 0:
		return errors.New("quorum: NodeID is negative")
	case o.Core == nil:
		return errors.New("quorum: Core is nil")
	}
	return nil
}
