package metadata

import (
	"errors"
	"iter"
	"maps"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// Delta replays records on top of an Image and remembers what they touched. It
// belongs to one goroutine; the Images at both ends are free.
//
// Records of a metadata transaction (KIP-868) take effect when it ends. One
// that is still open when Apply is called stays pending in the new Image, and
// goes on in the Delta that is built on it.
type Delta struct {
	base    *Image
	next    state
	changes changes
	// before holds the state and changes from before the transaction that is
	// open; nil outside of one.
	before *openTransaction
}

// changes names what has been touched.
type changes struct {
	topics      map[kafka.UUID]map[int32]struct{}
	brokers     map[kafka.NodeID]struct{}
	controllers map[kafka.NodeID]struct{}
	configs     map[ConfigResource]struct{}
	features    bool
	producerIDs bool
	quotas      bool
	acls        bool
	scram       bool
	tokens      bool
}

func newChanges() changes {
	return changes{
		topics:      map[kafka.UUID]map[int32]struct{}{},
		brokers:     map[kafka.NodeID]struct{}{},
		controllers: map[kafka.NodeID]struct{}{},
		configs:     map[ConfigResource]struct{}{},
	}
}

func (c *changes) topic(id kafka.UUID) map[int32]struct{} {
	partitions := c.topics[id]
	if partitions == nil {
		partitions = map[int32]struct{}{}
		c.topics[id] = partitions
	}
	return partitions
}

// add returns both changes together, in memory of its own.
func (c *changes) add(other changes) changes {
	sum := newChanges()
	for _, from := range []changes{*c, other} {
		for id, partitions := range from.topics {
			maps.Copy(sum.topic(id), partitions)
		}
		maps.Copy(sum.brokers, from.brokers)
		maps.Copy(sum.controllers, from.controllers)
		maps.Copy(sum.configs, from.configs)
	}
	sum.features = c.features || other.features
	sum.producerIDs = c.producerIDs || other.producerIDs
	sum.quotas = c.quotas || other.quotas
	sum.acls = c.acls || other.acls
	sum.scram = c.scram || other.scram
	sum.tokens = c.tokens || other.tokens
	return sum
}

// NewDelta starts a Delta on top of base.
func NewDelta(base *Image) *Delta {
	d := &Delta{base: base, next: base.state, changes: newChanges()}
	if base.txn != nil {
		d.before = &openTransaction{state: base.state, changes: d.changes}
		d.next = base.txn.state
		d.changes = newChanges()
		d.changes = d.changes.add(base.txn.changes)
	}
	return d
}

// Base gives the Image the Delta started from.
func (d *Delta) Base() *Image { return d.base }

// InTransaction tells whether a metadata transaction is open.
func (d *Delta) InTransaction() bool { return d.before != nil }

// Apply returns the Image after the records replayed so far, as of the offset
// and leader epoch of the last of them. The Delta may be used on afterwards.
func (d *Delta) Apply(offset kafka.Offset, epoch kafka.LeaderEpoch) *Image {
	im := &Image{state: d.next, offset: offset, epoch: epoch}
	if d.before != nil {
		im.state = d.before.state
		im.txn = &openTransaction{state: d.next, changes: d.changes.add(newChanges())}
	}
	return im
}

var (
	errNestedTransaction = errors.New("a metadata transaction begins inside another")
	errNoTransaction     = errors.New("a metadata transaction ends that has not begun")
)

func (d *Delta) begin() error {
	if d.before != nil {
		return errNestedTransaction
	}
	d.before = &openTransaction{state: d.next, changes: d.changes}
	d.changes = newChanges()
	return nil
}

func (d *Delta) end() error {
	if d.before == nil {
		return errNoTransaction
	}
	d.changes = d.before.changes.add(d.changes)
	d.before = nil
	return nil
}

func (d *Delta) abort() error {
	if d.before == nil {
		return errNoTransaction
	}
	d.next, d.changes = d.before.state, d.before.changes
	d.before = nil
	return nil
}

// visible gives the state and changes that readers of Apply's Image see.
func (d *Delta) visible() (*state, *changes) {
	if d.before != nil {
		return &d.before.state, &d.before.changes
	}
	return &d.next, &d.changes
}

// TopicChange says what happened to one topic between two Images.
type TopicChange struct {
	// Old is nil for a new topic, New for a deleted one. A topic deleted and
	// created again under its old name is two changes, since its id differs.
	Old, New *Topic
	// Partitions lists the partitions that are new, changed or deleted, in order.
	Partitions []int32
}

// Topics lists the topics that changed: deleted ones first, so that a name is
// free before it is taken again, otherwise by id.
func (d *Delta) Topics() []TopicChange {
	next, changed := d.visible()
	var deleted, others []TopicChange
	for _, id := range slices.SortedFunc(maps.Keys(changed.topics), compareUUID) {
		c := TopicChange{Old: d.base.TopicByID(id)}
		c.New, _ = next.topicsByID.get(id)
		switch {
		case c.New == nil && c.Old == nil:
			// Created and deleted within the Delta.
		case c.New == nil:
			for p := range c.Old.Partitions() {
				c.Partitions = append(c.Partitions, p)
			}
			deleted = append(deleted, c)
		default:
			c.Partitions = slices.Sorted(maps.Keys(changed.topics[id]))
			others = append(others, c)
		}
	}
	return append(deleted, others...)
}

// Brokers lists the brokers that were registered, changed or unregistered.
func (d *Delta) Brokers() []kafka.NodeID {
	_, changed := d.visible()
	return slices.Sorted(maps.Keys(changed.brokers))
}

// Controllers lists the controllers that were registered or unregistered.
func (d *Delta) Controllers() []kafka.NodeID {
	_, changed := d.visible()
	return slices.Sorted(maps.Keys(changed.controllers))
}

// Configs lists the resources of which a config changed, also those of deleted topics.
func (d *Delta) Configs() []ConfigResource {
	_, changed := d.visible()
	return slices.SortedFunc(maps.Keys(changed.configs), ConfigResource.compare)
}

// FeaturesChanged tells whether a feature level changed.
func (d *Delta) FeaturesChanged() bool { _, c := d.visible(); return c.features }

// ProducerIDsChanged tells whether a block of producer ids was handed out.
func (d *Delta) ProducerIDsChanged() bool { _, c := d.visible(); return c.producerIDs }

// ClientQuotasChanged tells whether a client quota changed.
func (d *Delta) ClientQuotasChanged() bool { _, c := d.visible(); return c.quotas }

// ACLsChanged tells whether an ACL was added or removed.
func (d *Delta) ACLsChanged() bool { _, c := d.visible(); return c.acls }

// ScramChanged tells whether a SCRAM credential changed.
func (d *Delta) ScramChanged() bool { _, c := d.visible(); return c.scram }

// DelegationTokensChanged tells whether a delegation token changed.
func (d *Delta) DelegationTokensChanged() bool { _, c := d.visible(); return c.tokens }

// Diff returns the Delta from base to next, where next was loaded from a
// snapshot instead of being reached by replaying records. Its cost is the size
// of both Images.
func Diff(base, next *Image) *Delta {
	d := &Delta{base: base, next: next.state, changes: newChanges()}
	for id := range touched(base.topicsByID, next.topicsByID, (*Topic).Equal) {
		d.diffTopic(id)
	}
	for id := range touched(base.brokers, next.brokers, equalDeep[*Broker]) {
		d.changes.brokers[id] = struct{}{}
	}
	for id := range touched(base.controllers, next.controllers, equalDeep[*Controller]) {
		d.changes.controllers[id] = struct{}{}
	}
	for r := range touched(base.configs, next.configs, maps.Equal[map[string]string, map[string]string]) {
		d.changes.configs[r] = struct{}{}
	}
	d.changes.features = base.metadataVersion != next.metadataVersion ||
		!equalTrees(base.features, next.features, func(a, b int16) bool { return a == b })
	d.changes.producerIDs = base.nextProducerID != next.nextProducerID
	d.changes.quotas = !equalTrees(base.quotas, next.quotas, equalDeep[*ClientQuota])
	d.changes.acls = !equalTrees(base.acls, next.acls, equalDeep[*AccessControlEntryRecord])
	d.changes.scram = !equalTrees(base.scram, next.scram, equalDeep[*UserScramCredentialRecord])
	d.changes.tokens = !equalTrees(base.tokens, next.tokens, equalDeep[*DelegationTokenRecord])
	return d
}

func (d *Delta) diffTopic(id kafka.UUID) {
	partitions := d.changes.topic(id)
	topic, ok := d.next.topicsByID.get(id)
	if !ok {
		return
	}
	old := d.base.TopicByID(id)
	for i, p := range topic.Partitions() {
		if old == nil || !p.Equal(old.Partition(i)) {
			partitions[i] = struct{}{}
		}
	}
}

// touched yields the keys of which the value is not the same in both.
func touched[K, V any](a, b tree[K, V], equal func(V, V) bool) iter.Seq[K] {
	return func(yield func(K) bool) {
		for key, value := range a.all() {
			if other, ok := b.get(key); (!ok || !equal(value, other)) && !yield(key) {
				return
			}
		}
		for key := range b.all() {
			if _, ok := a.get(key); !ok && !yield(key) {
				return
			}
		}
	}
}
