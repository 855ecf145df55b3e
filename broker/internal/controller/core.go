package controller

import (
	"log/slog"
	"math/rand/v2"
	"time"

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
	Rand   *rand.Rand
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

// Core is the controller's state machine. It belongs to one goroutine.
type Core struct {
	options    Options
	image      *metadata.Image
	nextOffset kafka.Offset
	active     bool
}

// New returns a Core that knows of nothing yet.
func New(options Options) *Core { return &Core{options: options, image: metadata.EmptyImage()} }

// Load replaces all metadata by that of the Image and forgets all soft state:
// at start, after a snapshot, and on losing or getting the leadership.
func (c *Core) Load(image *metadata.Image) { c.image = image }

// Replay applies one record, committed or just proposed, in the order of the log.
func (c *Core) Replay(record metadata.Record) error {
	d := metadata.NewDelta(c.image)
	if err := d.Replay(record); err != nil {
		return err
	}
	c.image = d.Apply(c.image.Offset(), c.image.Epoch())
	return nil
}

// Image gives the metadata as the Core sees it, with records that are not
// committed yet. The Image itself never changes.
func (c *Core) Image() *metadata.Image { return c.image }

// SetNextOffset says which offset the first record of the next Result will
// get. The caller calls it before each operation: a broker's epoch is the
// offset of its registration.
func (c *Core) SetNextOffset(offset kafka.Offset) { c.nextOffset = offset }

// Activate makes the Core the active controller's. It must have replayed all
// of the log, or been loaded with it. The records complete what a new leader
// has to write first: the bootstrap records if the log holds no metadata yet,
// the end of a metadata transaction its predecessor left open, and fencing of
// nothing else. Brokers get a whole session timeout from now.
func (c *Core) Activate(now time.Time, bootstrap []metadata.Record) Result { return Result{} }

// Deactivate ends the time as the active controller. The caller loads the
// committed Image afterwards.
func (c *Core) Deactivate() { c.active = false }

// Tick does what is due by the clock: fences brokers whose session has
// expired, moves leadership back to preferred replicas, elects uncleanly where
// that is allowed. Next gives the time at which to call it again at the latest.
func (c *Core) Tick(now time.Time) (result Result, next time.Time) { return Result{}, now }
