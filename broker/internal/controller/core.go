package controller

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// Options says what a Core needs to know that is not in the metadata.
type Options struct {
	ClusterID string
	// NodeID is the id of the controller the Core runs in.
	NodeID kafka.NodeID
	// Config is the node's static configuration: defaults of new topics, the
	// session timeout of brokers, and the static layer below dynamic configs.
	Config *config.Static
	// Voters gives the ids of the controllers of the quorum, which all have to
	// support a feature level before it is finalized. Nil means this node alone.
	Voters []kafka.NodeID
	// NewUUID makes topic ids; nil means kafka.NewUUID.
	NewUUID func() kafka.UUID
	// Rand places replicas; nil means a random seed.
	Rand *rand.Rand
	// Logger tells of decisions that an operator looks for; nil means none.
	Logger *slog.Logger
}

// Result is what an operation decided.
type Result struct {
	// Records do what was asked. They are to be appended in this order, and
	// replayed onto the Core before the next operation. There may be none.
	Records []metadata.Record
	// Response is the operation's kmsg response. It is given to the client once
	// the records are committed; with Err set it is nil.
	Response any
	// Err refuses the whole request, with a kerr code.
	Err error
	// Atomic says that the records count together or not at all: they must be
	// in one batch, or within a metadata transaction.
	Atomic bool
}

// maxRecordsPerOperation bounds what one request of a client may do.
const maxRecordsPerOperation = 10_000

// bounded refuses a Result that is too large to be appended as one batch.
func (r Result) bounded() Result {
	if len(r.Records) > maxRecordsPerOperation {
		return refuse(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	}
	return r
}

func refuse(code *kerr.Error, format string, args ...any) Result {
	return Result{Err: kafka.Errorf(code, format, args...)}
}

// Core is the controller's state machine. It belongs to one goroutine.
type Core struct {
	options    Options
	log        *slog.Logger
	image      *metadata.Image
	nextOffset kafka.Offset

	// collisions holds the names of topics by the form that some metrics give
	// them, in which '.' and '_' are the same; only names that have one of them.
	collisions map[string]map[string]struct{}

	// active says that this is the active controller's Core. What follows is
	// soft state that only it has.
	active  bool
	brokers map[kafka.NodeID]*brokerState
	// nextRebalance and nextUncleanElection are when Tick next looks for
	// partitions that are not led by their preferred replica, or by none.
	nextRebalance       time.Time
	nextUncleanElection time.Time
}

// New returns a Core that knows of nothing yet.
func New(options Options) *Core {
	if options.NewUUID == nil {
		options.NewUUID = kafka.NewUUID
	}
	if options.Rand == nil {
		options.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Core{options: options, log: options.Logger}
	c.Load(metadata.EmptyImage())
	return c
}

// Load replaces all metadata by that of the Image and forgets all soft state:
// at start, after a snapshot, and on losing the leadership.
func (c *Core) Load(image *metadata.Image) {
	c.image = image
	c.active = false
	c.brokers = map[kafka.NodeID]*brokerState{}
	c.collisions = map[string]map[string]struct{}{}
	for topic := range image.Topics() {
		c.addCollision(topic.Name)
	}
}

// Replay applies one record, committed or just proposed, in the order of the
// log. The error says that it does not fit what was before.
func (c *Core) Replay(record metadata.Record) error {
	d := metadata.NewDelta(c.image)
	if err := d.Replay(record); err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	next := d.Apply(c.image.Offset(), c.image.Epoch())
	for _, change := range d.Topics() {
		switch {
		case change.New == nil:
			c.removeCollision(change.Old.Name)
		case change.Old == nil:
			c.addCollision(change.New.Name)
		}
	}
	if r, ok := record.(*metadata.ConfigRecord); ok && r.Name == uncleanLeaderElectionEnable {
		c.nextUncleanElection = time.Time{}
	}
	c.image = next
	return nil
}

// Image gives the metadata as the Core sees it, with records that are not
// committed yet. The Image itself never changes.
func (c *Core) Image() *metadata.Image { return c.image }

// SetNextOffset says which offset the first record of the next Result will
// get. The caller calls it before each operation: a broker's epoch is an
// offset of the metadata log.
func (c *Core) SetNextOffset(offset kafka.Offset) { c.nextOffset = offset }

// Activate makes the Core the active controller's. It must have replayed all
// of the log. The records are what a new leader has to write first: the end of
// a metadata transaction that its predecessor left open, and the bootstrap
// records if there is no metadata yet. Brokers that are not fenced get a whole
// session timeout from now.
func (c *Core) Activate(now time.Time, bootstrap []metadata.Record) Result {
	c.active = true
	c.brokers = map[kafka.NodeID]*brokerState{}
	for b := range c.image.Brokers() {
		state := c.brokerState(b)
		if !b.Fenced {
			state.lastContact = now
		}
	}
	c.nextRebalance = now.Add(c.rebalanceInterval())
	c.nextUncleanElection = now.Add(c.uncleanElectionInterval())

	result := Result{Atomic: true}
	if c.image.InTransaction() {
		reason := "Controller failover"
		result.Records = append(result.Records, &metadata.AbortTransactionRecord{Reason: &reason})
	}
	if c.image.MetadataVersion() == 0 {
		result.Records = append(result.Records, c.bootstrapRecords(bootstrap)...)
	}
	return result
}

// bootstrapRecords completes the bootstrap records of a new cluster: with
// eligible leader replicas, min.insync.replicas must be set for the whole
// cluster, since brokers that disagree on it would lose data.
func (c *Core) bootstrapRecords(bootstrap []metadata.Record) []metadata.Record {
	records := append([]metadata.Record(nil), bootstrap...)
	for _, record := range bootstrap {
		r, ok := record.(*metadata.FeatureLevelRecord)
		if ok && r.Name == metadata.FeatureEligibleLeaderReplicas && r.Level > 0 {
			records = append(records, clusterConfigRecord(minInSyncReplicas, c.staticMinInSyncReplicas()))
		}
	}
	version := metadata.OldestMetadataVersion
	for _, record := range bootstrap {
		if r, ok := record.(*metadata.FeatureLevelRecord); ok && r.Name == metadata.FeatureMetadataVersion {
			version = metadata.MetadataVersion(r.Level)
		}
	}
	if !version.TransactionsSupported() {
		return records
	}
	name := "Bootstrap records"
	records = append([]metadata.Record{&metadata.BeginTransactionRecord{Name: &name}}, records...)
	return append(records, &metadata.EndTransactionRecord{})
}

// Deactivate ends the time as the active controller. The caller loads the
// committed Image afterwards, since the Core has seen records that may never
// be committed.
func (c *Core) Deactivate() {
	c.active = false
	c.brokers = map[kafka.NodeID]*brokerState{}
}

// version gives the finalized metadata.version, which says what may be written.
func (c *Core) version() metadata.MetadataVersion { return c.image.MetadataVersion() }

// unifyCollisionChars gives the form of a topic's name in metrics that do not
// know '.'; ok is false if the name has no character that could collide.
func unifyCollisionChars(topic string) (unified string, ok bool) {
	return strings.ReplaceAll(topic, ".", "_"), strings.ContainsAny(topic, "._")
}

func (c *Core) addCollision(topic string) {
	unified, ok := unifyCollisionChars(topic)
	if !ok {
		return
	}
	if c.collisions[unified] == nil {
		c.collisions[unified] = map[string]struct{}{}
	}
	c.collisions[unified][topic] = struct{}{}
}

func (c *Core) removeCollision(topic string) {
	unified, ok := unifyCollisionChars(topic)
	if !ok {
		return
	}
	delete(c.collisions[unified], topic)
	if len(c.collisions[unified]) == 0 {
		delete(c.collisions, unified)
	}
}
