package metrics

import (
	"context"
	"maps"
	"slices"
	"time"

	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/internal/kafka"
)

// classicStates are the gauges of the states of classic groups.
var classicStates = []struct {
	id    id
	state string
}{
	{numGroupsPreparingRebalance, "PreparingRebalance"},
	{numGroupsCompletingRebalance, "CompletingRebalance"},
	{numGroupsStable, "Stable"},
	{numGroupsEmpty, "Empty"},
	{numGroupsDead, "Dead"},
}

// writeGroups writes the state of the groups and how far they are behind, and gives
// the numbers of groups and of their partitions that are left out.
func (x *Exporter) writeGroups(ctx context.Context, e *exposition, s *Sources) (omitted, omittedPartitions int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	snapshot, err := s.Groups.Snapshot(ctx)
	if err != nil {
		return 0, 0 // The coordinator is very busy, or nobody waits any more.
	}
	writeGroupCounts(e, &snapshot)
	shown := snapshot.Groups
	if limit := x.options.Limits.Groups; len(shown) > limit {
		omitted = len(shown) - limit
		shown = shown[:limit]
	}
	e.begin(groupState)
	for i := range shown {
		e.sample(1, shown[i].ID, shown[i].State)
	}
	e.begin(groupMembers)
	for i := range shown {
		e.sample(float64(shown[i].Members), shown[i].ID)
	}
	var ids []string
	left := x.options.Limits.Partitions
	for i := range shown {
		if shown[i].Offsets > left {
			omittedPartitions += shown[i].Offsets
			continue
		}
		left -= shown[i].Offsets
		ids = append(ids, shown[i].ID)
	}
	commits, err := s.Groups.Commits(ctx, ids)
	if err == nil {
		writeLags(e, x.lags(s.Replicas, commits))
	}
	return omitted, omittedPartitions
}

func writeGroupCounts(e *exposition, s *group.Snapshot) {
	byState, byType, offsets := map[string]int{}, map[group.Type]int{group.Classic: 0}, 0
	for i := range s.Groups {
		byType[s.Groups[i].Type]++
		offsets += s.Groups[i].Offsets
		if s.Groups[i].Type == group.Classic {
			byState[s.Groups[i].State]++
		}
	}
	e.single(numGroups, float64(len(s.Groups)))
	for _, state := range classicStates {
		e.single(state.id, float64(byState[state.state]))
	}
	e.begin(groupCount)
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		e.sample(float64(byType[t]), string(t))
	}
	e.single(numOffsets, float64(offsets))
	e.begin(groupPartitions)
	e.sample(float64(s.Active), "active")
	e.sample(float64(s.Loading), "loading")
	e.sample(float64(s.Failed), "failed")
}

// lag is how far a group is behind in one partition.
type lag struct {
	*group.Commit
	partition string // The number as text.
	// known says that the partition is led here, so that records can be counted.
	known   bool
	records int64
	// aged says that age is known, too.
	aged bool
	age  time.Duration
}

// lagMemory remembers, from one scrape to the next, the timestamps of the first
// records that groups have not committed: as long as a group stands still, they
// are not read again.
type lagMemory map[lagKey]lagMark

type lagKey struct {
	group string
	tp    kafka.TopicPartition
}

type lagMark struct {
	offset    kafka.Offset
	timestamp int64
}

// lags compares committed offsets with the logs.
func (x *Exporter) lags(replicas *replica.Manager, commits []group.Commit) []lag {
	nowMs := x.options.Now().UnixMilli()
	seen := make(lagMemory)
	all := make([]lag, len(commits))
	for i := range commits {
		c := &commits[i]
		l := &all[i]
		*l = lag{Commit: c, partition: itoa(int(c.TopicPartition.Partition))}
		r, err := replicas.Replica(c.TopicPartition)
		if err != nil {
			continue
		}
		if _, _, leads := r.Leadership(); !leads {
			continue // How far the records go is known to the leader.
		}
		l.known = true
		l.records = max(0, int64(r.Log().HighWatermark()-c.Offset))
		if l.records == 0 {
			l.aged = true
			continue
		}
		// What retention has deleted cannot be read any more.
		first := max(c.Offset, r.Log().LogStartOffset())
		key := lagKey{c.Group, c.TopicPartition}
		mark, ok := x.lag[key]
		if !ok || mark.offset != first {
			timestamp, err := r.Log().TimestampAt(first)
			if err != nil {
				continue
			}
			mark = lagMark{first, timestamp}
		}
		seen[key] = mark
		if mark.timestamp >= 0 {
			l.aged, l.age = true, time.Duration(max(0, nowMs-mark.timestamp))*time.Millisecond
		}
	}
	x.lag = seen
	return all
}

func writeLags(e *exposition, all []lag) {
	each := func(which id, value func(l *lag) (float64, bool)) {
		e.begin(which)
		for i := range all {
			if v, ok := value(&all[i]); ok {
				e.sample(v, all[i].Group, all[i].TopicPartition.Topic, all[i].partition)
			}
		}
	}
	each(groupOffset, func(l *lag) (float64, bool) { return float64(l.Offset), true })
	each(groupLag, func(l *lag) (float64, bool) { return float64(l.records), l.known })
	each(groupLagSeconds, func(l *lag) (float64, bool) { return l.age.Seconds(), l.aged })
}
