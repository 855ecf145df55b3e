package groups

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// OffsetFetch serves the API. Versions to 7 ask for one group, version 1 cannot
// ask for all its topics; from version 10 on topics are named by id.
func (h *Handlers) OffsetFetch(ctx context.Context, _ *request.Context, req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	image := h.Image()
	if req.Version < 8 {
		g := singleGroup(req)
		addIDs(image, g.Topics)
		answers := h.Groups.OffsetFetch(ctx, []kmsg.OffsetFetchRequestGroup{g}, req.RequireStable)
		flatten(resp, req, &answers[0])
		return resp
	}
	byID := req.Version >= 10
	groups := askedOnce(req.Groups)
	unknown := make([][]kmsg.OffsetFetchResponseGroupTopic, len(groups))
	for i := range groups {
		if byID {
			groups[i].Topics, unknown[i] = resolve(image, groups[i].Topics)
		} else {
			addIDs(image, groups[i].Topics)
		}
	}
	resp.Groups = h.Groups.OffsetFetch(ctx, groups, req.RequireStable)
	for i := range resp.Groups {
		g := &resp.Groups[i]
		switch {
		case g.ErrorCode != 0:
		case groups[i].Topics == nil && byID:
			g.Topics = withIDs(image, g.Topics)
		default:
			g.Topics = append(g.Topics, unknown[i]...)
		}
	}
	return resp
}

// askedOnce leaves out the groups that are asked for all they have a second time.
//
// Differs from Kafka: it answers each. A request of one megabyte can name a large
// group a hundred thousand times.
func askedOnce(groups []kmsg.OffsetFetchRequestGroup) []kmsg.OffsetFetchRequestGroup {
	seen := make(map[string]struct{})
	once := make([]kmsg.OffsetFetchRequestGroup, 0, len(groups))
	for _, g := range groups {
		if _, again := seen[g.Group]; again && g.Topics == nil {
			continue
		}
		if g.Topics == nil {
			seen[g.Group] = struct{}{}
		}
		once = append(once, g)
	}
	return once
}

// addIDs gives topics that are named the ids they have now, so that what was
// committed for an older topic of that name is not found.
//
// Differs from Kafka: it goes by the name alone, and hands out such an offset if
// its coordinator has missed the deletion.
func addIDs(image *metadata.Image, topics []kmsg.OffsetFetchRequestGroupTopic) {
	for i := range topics {
		if topic := image.Topic(topics[i].Topic); topic != nil {
			topics[i].TopicID = topic.ID
		}
	}
}

// singleGroup turns a request up to version 7 into one group of version 8.
func singleGroup(req *kmsg.OffsetFetchRequest) kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics == nil && req.Version >= 2 {
		return g
	}
	g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, len(req.Topics))
	for i, t := range req.Topics {
		g.Topics[i] = kmsg.NewOffsetFetchRequestGroupTopic()
		g.Topics[i].Topic, g.Topics[i].Partitions = t.Topic, t.Partitions
	}
	return g
}

// flatten writes one group as versions up to 7 have it. Version 1 has no place
// for an error but at the partitions.
func flatten(resp *kmsg.OffsetFetchResponse, req *kmsg.OffsetFetchRequest, g *kmsg.OffsetFetchResponseGroup) {
	if g.ErrorCode != 0 && req.Version >= 2 {
		resp.ErrorCode = g.ErrorCode
		return
	}
	if g.ErrorCode != 0 {
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetFetchResponseTopic()
			rt.Topic = t.Topic
			for _, partition := range t.Partitions {
				rp := kmsg.NewOffsetFetchResponseTopicPartition()
				rp.Partition, rp.Offset, rp.ErrorCode = partition, -1, g.ErrorCode
				rp.Metadata = new(string)
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return
	}
	for _, t := range g.Topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch = p.Partition, p.Offset, p.LeaderEpoch
			rp.Metadata, rp.ErrorCode = p.Metadata, p.ErrorCode
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
}

// resolve gives the topics their names; those whose id is not known become
// answers. Nil, for all topics, stays nil.
func resolve(image *metadata.Image, topics []kmsg.OffsetFetchRequestGroupTopic) (known []kmsg.OffsetFetchRequestGroupTopic, unknown []kmsg.OffsetFetchResponseGroupTopic) {
	if topics == nil {
		return nil, nil
	}
	known = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(topics))
	for _, t := range topics {
		if topic := image.TopicByID(t.TopicID); topic != nil {
			t.Topic = topic.Name
			known = append(known, t)
			continue
		}
		rt := kmsg.NewOffsetFetchResponseGroupTopic()
		rt.TopicID = t.TopicID
		for _, partition := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch = partition, -1, -1
			rp.ErrorCode = kerr.UnknownTopicID.Code
			rp.Metadata = new(string)
			rt.Partitions = append(rt.Partitions, rp)
		}
		unknown = append(unknown, rt)
	}
	return known, unknown
}

// withIDs gives the topics that were found by group their ids. A topic that is
// no more has none and cannot be named to the client.
func withIDs(image *metadata.Image, topics []kmsg.OffsetFetchResponseGroupTopic) []kmsg.OffsetFetchResponseGroupTopic {
	named := topics[:0]
	for _, t := range topics {
		if kafka.UUID(t.TopicID).IsZero() {
			topic := image.Topic(t.Topic)
			if topic == nil {
				continue
			}
			t.TopicID = topic.ID
		}
		named = append(named, t)
	}
	return named
}
