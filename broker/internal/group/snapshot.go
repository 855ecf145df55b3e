package group

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// Snapshot is what this broker coordinates, for metrics.
type Snapshot struct {
	// Groups are sorted by id.
	Groups []Info
	// Active, Loading and Failed count the partitions of __consumer_offsets: those
	// whose groups are in Groups, and those that are being loaded or could not be.
	Active, Loading, Failed int
}

// Info is the state of one group.
type Info struct {
	ID    string
	Type  Type
	State string
	// Members is the number of members.
	Members int
	// Offsets is the number of committed offsets.
	Offsets int
}

// Commit is one committed offset of a group.
type Commit struct {
	Group          string
	TopicPartition kafka.TopicPartition
	Offset         kafka.Offset
}

// Snapshot looks at every group. The error is that of ctx.
func (s *Service) Snapshot(ctx context.Context) (Snapshot, error) {
	tps := s.runtime.Partitions()
	found := make([][]Info, len(tps))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (result, error) {
		found[i] = shard.infos()
		return result{}, nil
	})
	if err := ctx.Err(); err != nil {
		return Snapshot{}, err
	}
	var snapshot Snapshot
	for i, err := range errs {
		switch {
		case err == nil:
			snapshot.Active++
			snapshot.Groups = append(snapshot.Groups, found[i]...)
		case errors.Is(err, kerr.CoordinatorLoadInProgress):
			snapshot.Loading++
		case errors.Is(err, kerr.NotCoordinator):
			// It has moved to another broker.
		default:
			snapshot.Failed++
		}
	}
	slices.SortFunc(snapshot.Groups, func(a, b Info) int { return strings.Compare(a.ID, b.ID) })
	return snapshot, nil
}

// Commits gives what the groups have committed, sorted by group, topic and
// partition. Groups that are not here any more have none. The error is that of ctx.
func (s *Service) Commits(ctx context.Context, ids []string) ([]Commit, error) {
	tps, idsOf := s.byPartition(ids)
	found := make([][]Commit, len(tps))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (result, error) {
		found[i] = shard.commits(idsOf[i])
		return result{}, nil
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []Commit
	for i, err := range errs {
		if err == nil {
			all = append(all, found[i]...)
		}
	}
	slices.SortStableFunc(all, func(a, b Commit) int { return strings.Compare(a.Group, b.Group) })
	return all, nil
}

func (s *Shard) infos() []Info {
	infos := make([]Info, 0, len(s.groups))
	for id, g := range s.groups {
		infos = append(infos, Info{ID: id, Type: g.groupType(), State: g.state(), Members: g.size(), Offsets: s.offsets.Len(id)})
	}
	return infos
}

func (s *Shard) commits(ids []string) []Commit {
	var all []Commit
	for _, id := range ids {
		for _, k := range s.offsets.Keys(id) {
			if c, ok := s.offsets.Get(k); ok {
				all = append(all, Commit{Group: id, TopicPartition: kafka.TopicPartition{Topic: k.Topic, Partition: k.Partition}, Offset: c.Offset})
			}
		}
	}
	return all
}
