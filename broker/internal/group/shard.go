package group

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/classic"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
)

type result = coordinator.Result[Record]

// Shard is the state machine of one partition of __consumer_offsets: the groups
// that hash to it and their offsets. See coordinator.Shard for who calls it.
//
// What a classic group does takes effect at once and is stored afterwards
// (Result.Applied); everything else changes by Replay only.
type Shard struct {
	config  Config
	log     *slog.Logger
	groups  map[string]group
	offsets *offset.Store
	env     *classic.Env
	// cleanUpAt is when expired offsets and empty groups are looked for.
	cleanUpAt time.Time
}

// newShard gives an empty shard. suffix makes member ids unique.
func newShard(config Config, log *slog.Logger, suffix func() string) *Shard {
	return &Shard{
		config:  config,
		log:     log,
		groups:  make(map[string]group),
		offsets: offset.NewStore(),
		env: &classic.Env{
			InitialRebalanceDelay: config.InitialRebalanceDelay,
			MaxSize:               config.MaxSize,
			Timers:                coordinator.NewTimers[classic.TimerKey](),
			UniqueSuffix:          suffix,
			Logger:                log,
		},
	}
}

// randomSuffix is a random UUID in the text form of RFC 9562.
func randomSuffix() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails.
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Replay is coordinator.Shard's.
func (s *Shard) Replay(at kafka.Offset, producer coordinator.Producer, r Record) error {
	switch r := r.(type) {
	case OffsetCommit:
		if r.Value != nil && s.groups[r.Group] == nil {
			// Nobody is in the group; it only stores offsets.
			s.groups[r.Group] = classicGroup{classic.NewGroup(time.UnixMilli(r.Value.CommitTimestamp), r.Group, s.env)}
		}
		s.offsets.Replay(at, producer, r.Key, r.Value)
	case Metadata:
		if old, ok := s.groups[r.Group].(classicGroup); ok {
			old.Kill(time.Time{}, kerr.GroupIDNotFound)
		}
		if r.Value == nil {
			delete(s.groups, r.Group)
			break
		}
		s.groups[r.Group] = classicGroup{classic.FromRecord(r.Group, r.Value, s.env)}
	}
	return nil
}

// ReplayEndTransaction is coordinator.Shard's.
func (s *Shard) ReplayEndTransaction(producer coordinator.Producer, committed bool) error {
	s.offsets.EndTransaction(producer.ID, committed)
	return nil
}

// Loaded is coordinator.Shard's.
func (s *Shard) Loaded(now time.Time) {
	s.cleanUpAt = now.Add(s.config.OffsetsRetentionCheckInterval)
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		if g, ok := s.groups[id].(classicGroup); ok {
			g.StartSessions(now)
			// With members there is nothing to store before the join phase ends.
			g.RebalanceIfOverCapacity(now)
		}
	}
}

// Unloaded is coordinator.Shard's.
func (s *Shard) Unloaded(now time.Time, err error) {
	code := kerr.NotCoordinator
	_ = errors.As(err, &code)
	for _, g := range s.groups {
		if g, ok := g.(classicGroup); ok {
			g.Kill(now, code)
		}
	}
}

// NextTimer is coordinator.Shard's.
func (s *Shard) NextTimer() (time.Time, bool) {
	if at, ok := s.env.Timers.Next(); ok && at.Before(s.cleanUpAt) {
		return at, true
	}
	return s.cleanUpAt, true
}

// FireTimer is coordinator.Shard's.
func (s *Shard) FireTimer(now time.Time) (result, bool) {
	if key, ok := s.env.Timers.Pop(now); ok {
		if g, ok := s.groups[key.Group].(classicGroup); ok {
			return s.stored(g, g.Expire(now, key)), true
		}
		return result{}, true
	}
	if !s.cleanUpAt.After(now) {
		s.cleanUpAt = now.Add(s.config.OffsetsRetentionCheckInterval)
		return s.cleanUp(now), true
	}
	return result{}, false
}

// stored turns what a classic group wants written into a result.
func (s *Shard) stored(g classicGroup, store *classic.Store) result {
	if store == nil {
		return result{}
	}
	return result{
		Records: []Record{Metadata{Group: g.ID(), Value: store.Value}},
		Applied: true,
		Done: func(now time.Time, err error) {
			if store.Done != nil {
				store.Done(now, err)
			}
			if current, ok := s.groups[g.ID()].(classicGroup); ok && current == g && g.State() == classic.Dead {
				delete(s.groups, g.ID())
			}
		},
	}
}

// cleanUp decides which offsets have expired, and deletes empty groups that
// have none left (KIP-211).
func (s *Shard) cleanUp(now time.Time) result {
	var r result
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		keys, all := s.offsets.Expired(id, g.expiry(), now, s.config.OffsetsRetention)
		r.Records = append(r.Records, offsetTombstones(keys)...)
		if all && g.isEmpty() {
			r.Records = append(r.Records, g.tombstones()...)
		}
	}
	if len(r.Records) > 0 {
		s.log.Info("Expired offsets and groups", "tombstones", len(r.Records))
	}
	return r
}

func offsetTombstones(keys []offset.Key) []Record {
	records := make([]Record, len(keys))
	for i, k := range keys {
		records[i] = OffsetCommit{Key: k}
	}
	return records
}

// joinGroup handles JoinGroup. A group comes into being when somebody without a
// member id asks for it.
func (s *Shard) joinGroup(now time.Time, c classic.Client, req *kmsg.JoinGroupRequest, reply classic.JoinReply) result {
	refuse := func(err *kerr.Error) result {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.MemberID, resp.ErrorCode = req.MemberID, err.Code
		reply(resp)
		return result{}
	}
	switch g := s.groups[req.Group].(type) {
	case classicGroup:
		return s.stored(g, g.Join(now, c, req, reply))
	case nil:
		if req.MemberID != "" {
			return refuse(kerr.UnknownMemberID)
		}
		created := classicGroup{classic.NewGroup(now, req.Group, s.env)}
		s.groups[req.Group] = created
		store := created.Join(now, c, req, reply)
		if store == nil {
			store = created.StoreNew()
		}
		return s.stored(created, store)
	default:
		return refuse(kerr.InconsistentGroupProtocol)
	}
}

// syncGroup handles SyncGroup.
func (s *Shard) syncGroup(now time.Time, req *kmsg.SyncGroupRequest, reply classic.SyncReply) result {
	g, ok := s.groups[req.Group].(classicGroup)
	if !ok || g.isEmpty() {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode = kerr.UnknownMemberID.Code
		reply(resp)
		return result{}
	}
	return s.stored(g, g.Sync(now, req, reply))
}

// heartbeat handles Heartbeat.
func (s *Shard) heartbeat(now time.Time, req *kmsg.HeartbeatRequest) error {
	g, ok := s.groups[req.Group].(classicGroup)
	if !ok {
		return kerr.UnknownMemberID
	}
	if err := g.Heartbeat(now, req); err != nil {
		return err
	}
	return nil
}

// leaveGroup handles LeaveGroup.
func (s *Shard) leaveGroup(now time.Time, id string, leaving []kmsg.LeaveGroupRequestMember) ([]kmsg.LeaveGroupResponseMember, result, error) {
	g, ok := s.groups[id].(classicGroup)
	if !ok {
		return nil, result{}, kerr.UnknownMemberID
	}
	answers, store := g.Leave(now, leaving)
	return answers, s.stored(g, store), nil
}

// describeGroups handles DescribeGroups.
func (s *Shard) describeGroups(ids []string, version int16) []kmsg.DescribeGroupsResponseGroup {
	described := make([]kmsg.DescribeGroupsResponseGroup, 0, len(ids))
	for _, id := range ids {
		g, ok := s.groups[id].(classicGroup)
		if ok {
			described = append(described, g.Describe())
			continue
		}
		d := kmsg.NewDescribeGroupsResponseGroup()
		d.Group = id
		d.State = classic.Dead.String()
		if version >= 6 {
			d.ErrorCode = kerr.GroupIDNotFound.Code
			message := fmt.Sprintf("Group %s not found.", id)
			if s.groups[id] != nil {
				message = fmt.Sprintf("Group %s is not a classic group.", id)
			}
			d.ErrorMessage = &message
		}
		described = append(described, d)
	}
	return described
}

// listGroups handles ListGroups.
func (s *Shard) listGroups(f filter) []kmsg.ListGroupsResponseGroup {
	var list []kmsg.ListGroupsResponseGroup
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		if g := s.groups[id]; f.matches(g) {
			list = append(list, listed(id, g))
		}
	}
	return list
}

// deleteGroups handles DeleteGroups: groups without members go, with their offsets.
func (s *Shard) deleteGroups(ids []string) ([]kmsg.DeleteGroupsResponseGroup, result) {
	var r result
	answers := make([]kmsg.DeleteGroupsResponseGroup, len(ids))
	for i, id := range ids {
		answers[i] = kmsg.NewDeleteGroupsResponseGroup()
		answers[i].Group = id
		g := s.groups[id]
		if g == nil {
			answers[i].ErrorCode = kerr.GroupIDNotFound.Code
			continue
		}
		if err := g.validateDelete(); err != nil {
			answers[i].ErrorCode = err.Code
			continue
		}
		r.Records = append(r.Records, offsetTombstones(s.offsets.Keys(id))...)
		r.Records = append(r.Records, g.tombstones()...)
		s.log.Info("Deleted a group", "group", id)
	}
	return answers, r
}
