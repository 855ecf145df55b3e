package metadata

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// Topic is a topic and its partitions in an Image. It never changes.
type Topic struct {
	Name       string
	ID         kafka.UUID
	partitions tree[int32, *Partition]
}

// NumPartitions gives how many partitions the topic has.
func (t *Topic) NumPartitions() int { return t.partitions.len() }

// Partition gives one partition, or nil.
func (t *Topic) Partition(partition int32) *Partition {
	p, _ := t.partitions.get(partition)
	return p
}

// Partitions yields the partitions in order.
func (t *Topic) Partitions() iter.Seq2[int32, *Partition] { return t.partitions.all() }

// with returns the topic with one partition replaced.
func (t *Topic) with(id int32, p *Partition) *Topic {
	return &Topic{Name: t.Name, ID: t.ID, partitions: t.partitions.put(id, p)}
}

// Partition is the state of a partition in an Image. It never changes.
type Partition struct {
	Replicas         []kafka.NodeID // In the order of preference.
	Directories      []kafka.UUID   // The log directory of each replica, in the order of Replicas.
	ISR              []kafka.NodeID
	RemovingReplicas []kafka.NodeID
	AddingReplicas   []kafka.NodeID
	// ELR holds the eligible leader replicas: no longer in the ISR, but known
	// to have all committed data (KIP-966).
	ELR                 []kafka.NodeID
	LastKnownELR        []kafka.NodeID
	Leader              kafka.NodeID // kafka.NoNode when there is none.
	LeaderRecoveryState LeaderRecoveryState
	LeaderEpoch         kafka.LeaderEpoch
	PartitionEpoch      kafka.PartitionEpoch
}

// HasReplica tells whether the node is one of the replicas.
func (p *Partition) HasReplica(node kafka.NodeID) bool { return slices.Contains(p.Replicas, node) }

// HasPreferredLeader tells whether the first replica leads.
func (p *Partition) HasPreferredLeader() bool {
	return len(p.Replicas) > 0 && p.Leader == p.Replicas[0]
}

// Reassigning tells whether a reassignment is under way.
func (p *Partition) Reassigning() bool {
	return len(p.AddingReplicas) > 0 || len(p.RemovingReplicas) > 0
}

// Directory gives the log directory of a replica; ok is false for a node that
// is not a replica.
func (p *Partition) Directory(node kafka.NodeID) (dir kafka.UUID, ok bool) {
	i := slices.Index(p.Replicas, node)
	if i < 0 || i >= len(p.Directories) {
		return kafka.UUID{}, false
	}
	return p.Directories[i], true
}

// PartitionOf builds the partition a PartitionRecord describes.
func PartitionOf(r *PartitionRecord) (*Partition, error) {
	dirs, err := directories(r.Directories, len(r.Replicas))
	if err != nil {
		return nil, err
	}
	return &Partition{
		Replicas:            r.Replicas,
		Directories:         dirs,
		ISR:                 r.ISR,
		RemovingReplicas:    r.RemovingReplicas,
		AddingReplicas:      r.AddingReplicas,
		ELR:                 r.ELR,
		LastKnownELR:        r.LastKnownELR,
		Leader:              r.Leader,
		LeaderRecoveryState: r.LeaderRecoveryState,
		LeaderEpoch:         r.LeaderEpoch,
		PartitionEpoch:      r.PartitionEpoch,
	}, nil
}

// directories checks the directories of that many replicas. Records of before
// 3.7-IV2 have none, which is the same as all being "migrating".
func directories(dirs []kafka.UUID, replicas int) ([]kafka.UUID, error) {
	if !slices.ContainsFunc(dirs, func(d kafka.UUID) bool { return d != kafka.MigratingDirectory }) {
		return slices.Repeat([]kafka.UUID{kafka.MigratingDirectory}, replicas), nil
	}
	if len(dirs) != replicas {
		return nil, fmt.Errorf("%d log directories for %d replicas", len(dirs), replicas)
	}
	return dirs, nil
}

// Merge returns the partition with the change applied.
func (p *Partition) Merge(r *PartitionChangeRecord) (*Partition, error) {
	next := *p
	next.PartitionEpoch++
	for _, f := range []struct {
		to   *[]kafka.NodeID
		from []kafka.NodeID
	}{
		{&next.Replicas, r.Replicas},
		{&next.ISR, r.ISR},
		{&next.RemovingReplicas, r.RemovingReplicas},
		{&next.AddingReplicas, r.AddingReplicas},
		{&next.ELR, r.ELR},
		{&next.LastKnownELR, r.LastKnownELR},
	} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if r.Directories != nil {
		next.Directories = r.Directories
	}
	dirs, err := directories(next.Directories, len(next.Replicas))
	if err != nil {
		return nil, err
	}
	next.Directories = dirs
	if r.Leader != LeaderUnchanged {
		next.Leader = r.Leader
		next.LeaderEpoch++
	}
	if r.LeaderRecoveryState != RecoveryUnchanged {
		next.LeaderRecoveryState = r.LeaderRecoveryState
	}
	return &next, nil
}

// Record gives the record that describes the whole partition.
func (p *Partition) Record(topicID kafka.UUID, id int32, v MetadataVersion) *PartitionRecord {
	r := &PartitionRecord{
		Version:             v.PartitionVersion(),
		PartitionID:         id,
		TopicID:             topicID,
		Replicas:            p.Replicas,
		ISR:                 p.ISR,
		RemovingReplicas:    p.RemovingReplicas,
		AddingReplicas:      p.AddingReplicas,
		Leader:              p.Leader,
		LeaderRecoveryState: p.LeaderRecoveryState,
		LeaderEpoch:         p.LeaderEpoch,
		PartitionEpoch:      p.PartitionEpoch,
	}
	if v.DirectoriesSupported() {
		r.Directories = p.Directories
	}
	if v.ELRSupported() && len(p.ELR) > 0 {
		r.ELR = p.ELR
	}
	if v.ELRSupported() && len(p.LastKnownELR) > 0 {
		r.LastKnownELR = p.LastKnownELR
	}
	return r
}

// Equal tells whether both say the same.
func (p *Partition) Equal(q *Partition) bool {
	return p == q || p != nil && q != nil &&
		p.Leader == q.Leader && p.LeaderEpoch == q.LeaderEpoch && p.PartitionEpoch == q.PartitionEpoch &&
		p.LeaderRecoveryState == q.LeaderRecoveryState &&
		slices.Equal(p.Replicas, q.Replicas) && slices.Equal(p.Directories, q.Directories) &&
		slices.Equal(p.ISR, q.ISR) && slices.Equal(p.ELR, q.ELR) && slices.Equal(p.LastKnownELR, q.LastKnownELR) &&
		slices.Equal(p.AddingReplicas, q.AddingReplicas) && slices.Equal(p.RemovingReplicas, q.RemovingReplicas)
}

// Equal tells whether both say the same.
func (t *Topic) Equal(u *Topic) bool {
	if t == u {
		return true
	}
	if t == nil || u == nil || t.Name != u.Name || t.ID != u.ID || t.NumPartitions() != u.NumPartitions() {
		return false
	}
	for id, p := range t.Partitions() {
		if !p.Equal(u.Partition(id)) {
			return false
		}
	}
	return true
}

func compareUUID(a, b kafka.UUID) int { return slices.Compare(a[:], b[:]) }

func comparePartitionID(a, b int32) int { return cmp.Compare(a, b) }
