package offset

import (
	"cmp"
	"maps"
	"slices"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/internal/kafka"
)

// Key names what an offset is committed for.
type Key struct {
	Group     string
	Topic     string
	Partition int32
}

// NoExpiry is the ExpireTimestamp of offsets without a retention of their own.
const NoExpiry int64 = -1

// Committed is one committed offset.
type Committed struct {
	Offset kafka.Offset
	// LeaderEpoch is that of the last consumed record, or NoLeaderEpoch.
	LeaderEpoch kafka.LeaderEpoch
	// Metadata is the client's own.
	Metadata string
	// CommitTimestamp is when it was committed, in milliseconds.
	CommitTimestamp int64
	// ExpireTimestamp is when it expires, in milliseconds, if a client before
	// KIP-211 has asked for a retention; otherwise NoExpiry.
	ExpireTimestamp int64
	// TopicID is zero in records of old brokers.
	TopicID kafka.UUID

	// recordOffset is the position of the commit in the log.
	recordOffset kafka.Offset
}

// Store holds the offsets of the groups of one shard. Not safe for concurrent use.
type Store struct {
	committed groups
	// pending are the offsets of open transactions, by producer.
	pending map[kafka.ProducerID]groups
	// open are the producers with a pending offset, by what it is for.
	open map[string]map[topicPartition]map[kafka.ProducerID]struct{}
}

type topicPartition struct {
	topic     string
	partition int32
}

// groups are offsets by group, topic and partition. No inner map is empty.
type groups map[string]map[string]map[int32]Committed

// NewStore gives an empty store.
func NewStore() *Store {
	return &Store{
		committed: make(groups),
		pending:   make(map[kafka.ProducerID]groups),
		open:      make(map[string]map[topicPartition]map[kafka.ProducerID]struct{}),
	}
}

// Replay applies a commit at that position of the log; a nil value is a
// tombstone, which drops pending offsets too.
func (s *Store) Replay(at kafka.Offset, producer coordinator.Producer, k Key, value *Committed) {
	tp := topicPartition{k.Topic, k.Partition}
	switch {
	case value == nil:
		s.committed.remove(k)
		for id := range s.open[k.Group][tp] {
			s.removePending(id, k)
		}
		s.closeAll(k.Group, tp)
	case producer == coordinator.NoProducer:
		v := *value
		v.recordOffset = at
		s.committed.put(k, v)
	default:
		v := *value
		v.recordOffset = at
		if s.pending[producer.ID] == nil {
			s.pending[producer.ID] = make(groups)
		}
		s.pending[producer.ID].put(k, v)
		s.openFor(k.Group, tp, producer.ID)
	}
}

// EndTransaction materialises or drops the offsets of the producer's open
// transaction.
func (s *Store) EndTransaction(id kafka.ProducerID, committed bool) {
	pending := s.pending[id]
	delete(s.pending, id)
	for group, topics := range pending {
		for topic, partitions := range topics {
			for partition, v := range partitions {
				s.close(group, topicPartition{topic, partition}, id)
				k := Key{group, topic, partition}
				// After compaction a record may come before the transaction that it
				// has overtaken, so the position decides.
				if old, ok := s.Get(k); committed && (!ok || v.recordOffset > old.recordOffset) {
					s.committed.put(k, v)
				}
			}
		}
	}
}

// Get gives a committed offset.
func (s *Store) Get(k Key) (Committed, bool) {
	v, ok := s.committed[k.Group][k.Topic][k.Partition]
	return v, ok
}

// Pending tells whether an open transaction has committed an offset for k, so
// that the committed one is about to change.
func (s *Store) Pending(k Key) bool {
	return len(s.open[k.Group][topicPartition{k.Topic, k.Partition}]) > 0
}

// Empty tells whether there is nothing for the group, pending offsets included.
func (s *Store) Empty(group string) bool {
	return len(s.committed[group]) == 0 && len(s.open[group]) == 0
}

// Len gives the number of offsets that the group has committed.
func (s *Store) Len(group string) int {
	n := 0
	for _, partitions := range s.committed[group] {
		n += len(partitions)
	}
	return n
}

// HasPending tells whether an open transaction has offsets for the group.
func (s *Store) HasPending(group string) bool { return len(s.open[group]) > 0 }

// Topics lists the topics the group has committed offsets for, sorted.
func (s *Store) Topics(group string) []string {
	return slices.Sorted(maps.Keys(s.committed[group]))
}

// Partitions lists the partitions of a topic the group has committed offsets
// for, sorted.
func (s *Store) Partitions(group, topic string) []int32 {
	return slices.Sorted(maps.Keys(s.committed[group][topic]))
}

// Keys lists all that a tombstone is needed for to forget the group: committed
// and pending offsets.
func (s *Store) Keys(group string) []Key {
	var keys []Key
	for topic, partitions := range s.committed[group] {
		for partition := range partitions {
			keys = append(keys, Key{group, topic, partition})
		}
	}
	for tp := range s.open[group] {
		k := Key{group, tp.topic, tp.partition}
		if _, ok := s.Get(k); !ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, Key.compare)
	return keys
}

// OfTopics lists what is committed for a topic that was deleted, by any group.
// Offsets with another topic id belong to a topic of the same name and stay.
func (s *Store) OfTopics(deleted map[string]kafka.UUID) []Key {
	seen := make(map[Key]struct{})
	collect := func(gs groups) {
		for group, topics := range gs {
			for topic, id := range deleted {
				for partition, v := range topics[topic] {
					if v.TopicID.IsZero() || v.TopicID == id {
						seen[Key{group, topic, partition}] = struct{}{}
					}
				}
			}
		}
	}
	collect(s.committed)
	for _, pending := range s.pending {
		collect(pending)
	}
	return slices.SortedFunc(maps.Keys(seen), Key.compare)
}

func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Group, other.Group), cmp.Compare(k.Topic, other.Topic), cmp.Compare(k.Partition, other.Partition))
}

func (gs groups) put(k Key, v Committed) {
	topics := gs[k.Group]
	if topics == nil {
		topics = make(map[string]map[int32]Committed, 1)
		gs[k.Group] = topics
	}
	partitions := topics[k.Topic]
	if partitions == nil {
		partitions = make(map[int32]Committed, 1)
		topics[k.Topic] = partitions
	}
	partitions[k.Partition] = v
}

func (gs groups) remove(k Key) {
	topics := gs[k.Group]
	partitions := topics[k.Topic]
	delete(partitions, k.Partition)
	if len(partitions) == 0 {
		delete(topics, k.Topic)
	}
	if len(topics) == 0 {
		delete(gs, k.Group)
	}
}

func (s *Store) removePending(id kafka.ProducerID, k Key) {
	if s.pending[id].remove(k); len(s.pending[id]) == 0 {
		delete(s.pending, id)
	}
}

func (s *Store) openFor(group string, tp topicPartition, id kafka.ProducerID) {
	if s.open[group] == nil {
		s.open[group] = make(map[topicPartition]map[kafka.ProducerID]struct{})
	}
	if s.open[group][tp] == nil {
		s.open[group][tp] = make(map[kafka.ProducerID]struct{})
	}
	s.open[group][tp][id] = struct{}{}
}

func (s *Store) close(group string, tp topicPartition, id kafka.ProducerID) {
	delete(s.open[group][tp], id)
	if len(s.open[group][tp]) == 0 {
		s.closeAll(group, tp)
	}
}

func (s *Store) closeAll(group string, tp topicPartition) {
	delete(s.open[group], tp)
	if len(s.open[group]) == 0 {
		delete(s.open, group)
	}
}
