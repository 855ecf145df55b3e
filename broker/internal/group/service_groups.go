package group

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
)

type now = time.Time

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }

// each runs op on the shards of several partitions at once and waits for all.
// What op sets for i must only be looked at if errs[i] is nil.
func (s *Service) each(ctx context.Context, tps []kafka.TopicPartition, op func(i int, shard *Shard) (result, error)) (errs []error) {
	type outcome struct {
		i   int
		err error
	}
	outcomes := make(chan outcome, len(tps))
	for i, tp := range tps {
		s.runtime.Submit(tp, func(shard *Shard, _ now) (result, error) { return op(i, shard) },
			func(err error) { outcomes <- outcome{i, err} })
	}
	errs = make([]error, len(tps))
	for i := range errs {
		errs[i] = context.Canceled
	}
	for range tps {
		select {
		case o := <-outcomes:
			errs[o.i] = o.err
		case <-ctx.Done():
			return errs
		}
	}
	return errs
}

// byPartition sorts group ids by the partition they live in.
func (s *Service) byPartition(ids []string) (tps []kafka.TopicPartition, idsOf [][]string) {
	for _, id := range ids {
		tp := s.topicPartition(id)
		i := slices.Index(tps, tp)
		if i < 0 {
			i = len(tps)
			tps, idsOf = append(tps, tp), append(idsOf, nil)
		}
		idsOf[i] = append(idsOf[i], id)
	}
	return tps, idsOf
}

// DescribeGroups serves the API; the empty group id is allowed, as ever.
func (s *Service) DescribeGroups(ctx context.Context, ids []string, version int16) []kmsg.DescribeGroupsResponseGroup {
	tps, idsOf := s.byPartition(ids)
	found := make([][]kmsg.DescribeGroupsResponseGroup, len(tps))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (result, error) {
		found[i] = shard.describeGroups(idsOf[i], version)
		return result{}, nil
	})
	described := make([]kmsg.DescribeGroupsResponseGroup, 0, len(ids))
	for i, err := range errs {
		if err == nil {
			described = append(described, found[i]...)
			continue
		}
		for _, id := range idsOf[i] {
			d := kmsg.NewDescribeGroupsResponseGroup()
			d.Group, d.ErrorCode = id, s.code("DescribeGroups", err).Code
			described = append(described, d)
		}
	}
	return described
}

// ListGroups lists the groups this broker coordinates, or gives the error when
// some of them are not loaded yet. Empty filters match everything.
func (s *Service) ListGroups(ctx context.Context, states, types []string) ([]kmsg.ListGroupsResponseGroup, *kerr.Error) {
	tps := s.runtime.Partitions()
	slices.SortFunc(tps, kafka.TopicPartition.Compare)
	found := make([][]kmsg.ListGroupsResponseGroup, len(tps))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (result, error) {
		found[i] = shard.listGroups(filter{states: states, types: types})
		return result{}, nil
	})
	var list []kmsg.ListGroupsResponseGroup
	for i, err := range errs {
		switch {
		case err == nil:
			list = append(list, found[i]...)
		case errors.Is(err, kerr.NotCoordinator):
			// It has moved, and is listed by another broker.
		default:
			return nil, s.code("ListGroups", err)
		}
	}
	return list, nil
}

// DeleteGroups deletes groups without members, with their offsets. ids must be
// distinct; the empty group id is allowed.
func (s *Service) DeleteGroups(ctx context.Context, ids []string) []kmsg.DeleteGroupsResponseGroup {
	tps, idsOf := s.byPartition(ids)
	found := make([][]kmsg.DeleteGroupsResponseGroup, len(tps))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (r result, err error) {
		found[i], r = shard.deleteGroups(idsOf[i])
		return r, nil
	})
	answers := make([]kmsg.DeleteGroupsResponseGroup, 0, len(ids))
	for i, err := range errs {
		if err == nil {
			answers = append(answers, found[i]...)
			continue
		}
		for _, id := range idsOf[i] {
			d := kmsg.NewDeleteGroupsResponseGroup()
			d.Group, d.ErrorCode = id, s.code("DeleteGroups", err).Code
			answers = append(answers, d)
		}
	}
	return answers
}

// OffsetCommit serves the API. Every topic must have its name and, if it is
// known, its id.
func (s *Service) OffsetCommit(ctx context.Context, req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	var resp *kmsg.OffsetCommitResponse
	err := s.runtime.Write(ctx, s.topicPartition(req.Group), func(shard *Shard, now now) (r result, err error) {
		resp, r, err = shard.commitOffsets(now, req)
		return r, err
	})
	if err == nil {
		return resp
	}
	code := s.code("OffsetCommit", err).Code
	failed := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		failed.Topics = append(failed.Topics, rt)
	}
	return failed
}

// TxnOffsetCommit serves the API; the transaction has been verified.
func (s *Service) TxnOffsetCommit(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) *kmsg.TxnOffsetCommitResponse {
	var resp *kmsg.TxnOffsetCommitResponse
	err := s.runtime.Write(ctx, s.topicPartition(req.Group), func(shard *Shard, now now) (r result, err error) {
		resp, r, err = shard.commitTxnOffsets(now, req)
		return r, err
	})
	if err == nil {
		return resp
	}
	code := s.code("TxnOffsetCommit", err).Code
	failed := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		failed.Topics = append(failed.Topics, rt)
	}
	return failed
}

// OffsetFetch serves the groups of an OffsetFetch request, as of version 8: a
// group without topics (nil) is asked for all it has. An error stands at the
// group. With requireStable, offsets that a transaction is about to change are
// UNSTABLE_OFFSET_COMMIT (KIP-447).
func (s *Service) OffsetFetch(ctx context.Context, groups []kmsg.OffsetFetchRequestGroup, requireStable bool) []kmsg.OffsetFetchResponseGroup {
	tps := make([]kafka.TopicPartition, len(groups))
	for i := range groups {
		tps[i] = s.topicPartition(groups[i].Group)
	}
	found := make([]kmsg.OffsetFetchResponseGroup, len(groups))
	errs := s.each(ctx, tps, func(i int, shard *Shard) (result, error) {
		found[i] = shard.fetchOffsets(&groups[i], requireStable)
		return result{}, nil
	})
	answers := make([]kmsg.OffsetFetchResponseGroup, len(groups))
	for i, err := range errs {
		switch {
		case err == nil:
			answers[i] = found[i]
			continue
		case errors.Is(err, kerr.RequestTimedOut), errors.Is(err, kerr.NotEnoughReplicas), errors.Is(err, kerr.UnknownTopicOrPartition):
			// Consumers before 3.9 do not retry what the other APIs answer here.
			err = kerr.NotCoordinator
		}
		answers[i] = kmsg.NewOffsetFetchResponseGroup()
		answers[i].Group = groups[i].Group
		answers[i].ErrorCode = s.code("OffsetFetch", err).Code
	}
	return answers
}

// OffsetDelete serves the API.
func (s *Service) OffsetDelete(ctx context.Context, req *kmsg.OffsetDeleteRequest) *kmsg.OffsetDeleteResponse {
	failed := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	if req.Group == "" {
		failed.ErrorCode = kerr.InvalidGroupID.Code
		return failed
	}
	var resp *kmsg.OffsetDeleteResponse
	err := s.runtime.Write(ctx, s.topicPartition(req.Group), func(shard *Shard, _ now) (r result, err error) {
		resp, r, err = shard.deleteOffsets(req)
		return r, err
	})
	if err != nil {
		failed.ErrorCode = s.code("OffsetDelete", err).Code
		return failed
	}
	return resp
}
