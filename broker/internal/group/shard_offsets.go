package group

import (
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
)

// validateCommit tells whether a member may commit. A group that does not exist
// may be committed to by anybody who does not claim to be a member: it is a
// simple group, and comes into being with its first offset.
func (s *Shard) validateCommit(id, memberID string, instanceID *string, generation int32, transactional, groupIDNotFound bool) error {
	g := s.groups[id]
	switch {
	case g != nil:
		if err := g.validateCommit(memberID, instanceID, generation, transactional); err != nil {
			return err
		}
		return nil
	case generation < 0:
		return nil
	case groupIDNotFound:
		return kafka.Errorf(kerr.GroupIDNotFound, "Group %s not found.", id)
	default:
		return kerr.IllegalGeneration
	}
}

// commitOffsets handles OffsetCommit. Names and ids of the topics are both known.
func (s *Shard) commitOffsets(now time.Time, req *kmsg.OffsetCommitRequest) (*kmsg.OffsetCommitResponse, result, error) {
	if err := s.validateCommit(req.Group, req.MemberID, req.InstanceID, req.Generation, false, req.Version >= 9); err != nil {
		return nil, result{}, err
	}
	if g, ok := s.groups[req.Group].(classicGroup); ok {
		g.Committed(now, req.MemberID)
	}
	expire := offset.NoExpiry
	if req.RetentionTimeMillis != -1 {
		expire = now.UnixMilli() + req.RetentionTimeMillis
	}
	var r result
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			if s.tooLarge(p.Metadata) {
				rp.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			} else {
				r.Records = append(r.Records, OffsetCommit{
					Key: offset.Key{Group: req.Group, Topic: t.Topic, Partition: p.Partition},
					Value: &offset.Committed{
						Offset: kafka.Offset(p.Offset), LeaderEpoch: kafka.LeaderEpoch(p.LeaderEpoch),
						Metadata: orEmpty(p.Metadata), CommitTimestamp: now.UnixMilli(), ExpireTimestamp: expire,
						TopicID: t.TopicID,
					},
				})
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, r, nil
}

// commitTxnOffsets handles TxnOffsetCommit: the offsets wait for the marker.
func (s *Shard) commitTxnOffsets(now time.Time, req *kmsg.TxnOffsetCommitRequest) (*kmsg.TxnOffsetCommitResponse, result, error) {
	if err := s.validateCommit(req.Group, req.MemberID, req.InstanceID, req.Generation, true, req.Version >= 6); err != nil {
		return nil, result{}, err
	}
	r := result{Producer: &coordinator.Producer{
		ID: kafka.ProducerID(req.ProducerID), Epoch: kafka.ProducerEpoch(req.ProducerEpoch),
	}}
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			if s.tooLarge(p.Metadata) {
				rp.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			} else {
				r.Records = append(r.Records, OffsetCommit{
					Key: offset.Key{Group: req.Group, Topic: t.Topic, Partition: p.Partition},
					Value: &offset.Committed{
						Offset: kafka.Offset(p.Offset), LeaderEpoch: kafka.LeaderEpoch(p.LeaderEpoch),
						Metadata: orEmpty(p.Metadata), CommitTimestamp: now.UnixMilli(), ExpireTimestamp: offset.NoExpiry,
						TopicID: t.TopicID,
					},
				})
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, r, nil
}

// tooLarge measures as Kafka does: in UTF-16 units.
func (s *Shard) tooLarge(metadata *string) bool {
	if metadata == nil || len(*metadata) <= s.config.OffsetMetadataMaxSize {
		return false
	}
	n := 0
	for _, r := range *metadata {
		n += max(utf16.RuneLen(r), 1)
	}
	return n > s.config.OffsetMetadataMaxSize
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// fetchOffsets handles OffsetFetch for one group; without topics (nil), for all
// that it has committed.
func (s *Shard) fetchOffsets(req *kmsg.OffsetFetchRequestGroup, requireStable bool) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	topics := req.Topics
	if topics == nil {
		for _, topic := range s.offsets.Topics(req.Group) {
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic = topic
			t.Partitions = s.offsets.Partitions(req.Group, topic)
			topics = append(topics, t)
		}
	}
	for _, t := range topics {
		rt := kmsg.NewOffsetFetchResponseGroupTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, partition := range t.Partitions {
			k := offset.Key{Group: req.Group, Topic: t.Topic, Partition: partition}
			rt.Partitions = append(rt.Partitions, s.fetchOffset(k, t.TopicID, requireStable))
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (s *Shard) fetchOffset(k offset.Key, topicID kafka.UUID, requireStable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	rp.Partition = k.Partition
	rp.Offset = -1
	rp.LeaderEpoch = -1
	rp.Metadata = kmsg.StringPtr("")
	if requireStable && s.offsets.Pending(k) {
		rp.ErrorCode = kerr.UnstableOffsetCommit.Code
		return rp
	}
	c, ok := s.offsets.Get(k)
	if !ok || !c.TopicID.IsZero() && !topicID.IsZero() && c.TopicID != topicID {
		return rp // nothing, or of an older topic of that name.
	}
	rp.Offset = int64(c.Offset)
	rp.LeaderEpoch = int32(c.LeaderEpoch)
	rp.Metadata = &c.Metadata
	return rp
}

// deleteOffsets handles OffsetDelete.
func (s *Shard) deleteOffsets(req *kmsg.OffsetDeleteRequest) (*kmsg.OffsetDeleteResponse, result, error) {
	g := s.groups[req.Group]
	if g == nil {
		return nil, result{}, kerr.GroupIDNotFound
	}
	if err := g.validateOffsetDelete(); err != nil {
		return nil, result{}, err
	}
	var r result
	resp := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.Topic
		subscribed := g.subscribed(t.Topic)
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = p.Partition
			k := offset.Key{Group: req.Group, Topic: t.Topic, Partition: p.Partition}
			_, committed := s.offsets.Get(k)
			switch {
			case subscribed:
				rp.ErrorCode = kerr.GroupSubscribedToTopic.Code
			case committed || s.offsets.Pending(k):
				r.Records = append(r.Records, OffsetCommit{Key: k})
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, r, nil
}

// topicsDeleted forgets what was committed for topics that are no more.
func (s *Shard) topicsDeleted(deleted map[string]kafka.UUID) result {
	return result{Records: offsetTombstones(s.offsets.OfTopics(deleted))}
}
