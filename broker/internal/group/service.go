package group

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/classic"
	"moldau.dev/moldau/internal/kafka"
)

// Client is who sends a request: its client id and its host as "/127.0.0.1".
type Client = classic.Client

// Options configures a Service. Log, Config and Logger are required.
type Options struct {
	Log    coordinator.Log
	Config Config
	Logger *slog.Logger
	// PartitionCount gives the number of partitions __consumer_offsets has; 0, or
	// nil, while it does not exist: then it is Config.Partitions.
	PartitionCount func() int32
	// MemberIDSuffix makes member ids unique; nil is a random UUID.
	MemberIDSuffix func() string
}

// Service is the group coordinator of this broker. Its methods block until the
// outcome is committed, and answer with the error codes of Kafka: they give no
// other error. Requests are not authorised here, and topics of requests must
// exist. Safe for concurrent use; Run must be running.
type Service struct {
	opts    Options
	runtime *coordinator.Runtime[*Shard, Record]
}

// NewService gives a coordinator of no partition.
func NewService(opts Options) *Service {
	if opts.MemberIDSuffix == nil {
		opts.MemberIDSuffix = randomSuffix
	}
	c := opts.Config
	return &Service{opts: opts, runtime: coordinator.New(coordinator.Options[*Shard, Record]{
		Name:  "GroupCoordinator",
		Log:   opts.Log,
		Codec: codec{},
		NewShard: func(tp kafka.TopicPartition) *Shard {
			return newShard(c, opts.Logger.With("coordinator", "GroupCoordinator", "partition", tp.String()), opts.MemberIDSuffix)
		},
		Logger:          opts.Logger,
		Threads:         c.Threads,
		AppendLinger:    c.AppendLinger,
		WriteTimeout:    c.WriteTimeout,
		Compression:     c.Compression,
		MaxCachedBuffer: c.MaxCachedBuffer,
	})}
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.runtime.Run(ctx) }

// PartitionFor is the partition of __consumer_offsets whose leader coordinates
// the group.
func (s *Service) PartitionFor(groupID string) int32 {
	n := int32(0)
	if s.opts.PartitionCount != nil {
		n = s.opts.PartitionCount()
	}
	if n <= 0 {
		n = s.opts.Config.Partitions
	}
	return kafka.CoordinatorPartition(groupID, n)
}

func (s *Service) topicPartition(groupID string) kafka.TopicPartition {
	return offsetsPartition(s.PartitionFor(groupID))
}

func offsetsPartition(partition int32) kafka.TopicPartition {
	return kafka.TopicPartition{Topic: kafka.ConsumerOffsetsTopic, Partition: partition}
}

// OnElection makes this broker the coordinator of a partition of
// __consumer_offsets, which it leads since that epoch.
func (s *Service) OnElection(partition int32, epoch kafka.LeaderEpoch) {
	s.runtime.Load(offsetsPartition(partition), epoch)
}

// OnResignation ends it, because another broker leads since that epoch, or with
// NoLeaderEpoch because the partition is no more.
func (s *Service) OnResignation(partition int32, epoch kafka.LeaderEpoch) {
	s.runtime.Unload(offsetsPartition(partition), epoch)
}

// OnTopicsDeleted drops, in the background, what groups have committed for
// deleted topics, given by name with the id they had.
func (s *Service) OnTopicsDeleted(deleted map[string]kafka.UUID) {
	for _, tp := range s.runtime.Partitions() {
		s.runtime.Submit(tp, func(shard *Shard, _ now) (result, error) {
			return shard.topicsDeleted(deleted), nil
		}, func(err error) {
			if err != nil && !errors.Is(err, kerr.NotCoordinator) {
				s.opts.Logger.Warn("Could not delete the offsets of deleted topics", "partition", tp.String(), "error", err)
			}
		})
	}
}

// EndTransaction applies a transaction marker to the offsets committed in the
// transaction (WriteTxnMarkers on a partition of __consumer_offsets). The errors
// are those of coordinator.Runtime and of the log.
func (s *Service) EndTransaction(ctx context.Context, partition int32, m coordinator.Marker) error {
	return s.runtime.EndTransaction(ctx, offsetsPartition(partition), m)
}

// JoinGroup serves the API. It returns when the rebalance is through.
func (s *Service) JoinGroup(ctx context.Context, c Client, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	refused := func(memberID string, err *kerr.Error) *kmsg.JoinGroupResponse {
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.MemberID, resp.ErrorCode = memberID, err.Code
		return resp
	}
	if req.Group == "" {
		return refused(req.MemberID, kerr.InvalidGroupID)
	}
	session := millis(req.SessionTimeoutMillis)
	if session < s.opts.Config.MinSessionTimeout || session > s.opts.Config.MaxSessionTimeout {
		return refused(req.MemberID, kerr.InvalidSessionTimeout)
	}
	// The bytes of a request are the network's, which uses them again when we
	// return: if ctx ends, that is before the shard has looked at them.
	for i := range req.Protocols {
		req.Protocols[i].Metadata = bytes.Clone(req.Protocols[i].Metadata)
	}
	answers := make(chan *kmsg.JoinGroupResponse, 1)
	reply := func(resp *kmsg.JoinGroupResponse) { offer(answers, resp) }
	s.runtime.Submit(s.topicPartition(req.Group), func(shard *Shard, now now) (result, error) {
		return shard.joinGroup(now, c, req, reply), nil
	}, func(err error) {
		if err != nil {
			reply(refused("", s.code("JoinGroup", err)))
		}
	})
	select {
	case resp := <-answers:
		resp.Version = req.Version
		return resp
	case <-ctx.Done():
		return refused(req.MemberID, kerr.CoordinatorNotAvailable)
	}
}

// SyncGroup serves the API. It returns when the leader's assignment is stored.
func (s *Service) SyncGroup(ctx context.Context, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	refused := func(err *kerr.Error) *kmsg.SyncGroupResponse {
		resp := req.ResponseKind().(*kmsg.SyncGroupResponse)
		resp.ErrorCode = err.Code
		return resp
	}
	if req.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		return refused(kerr.InconsistentGroupProtocol) // mandatory since KIP-559.
	}
	if req.Group == "" {
		return refused(kerr.InvalidGroupID)
	}
	for i := range req.GroupAssignment { // See JoinGroup.
		req.GroupAssignment[i].MemberAssignment = bytes.Clone(req.GroupAssignment[i].MemberAssignment)
	}
	answers := make(chan *kmsg.SyncGroupResponse, 1)
	reply := func(resp *kmsg.SyncGroupResponse) { offer(answers, resp) }
	s.runtime.Submit(s.topicPartition(req.Group), func(shard *Shard, now now) (result, error) {
		return shard.syncGroup(now, req, reply), nil
	}, func(err error) {
		if err != nil {
			reply(refused(s.code("SyncGroup", err)))
		}
	})
	select {
	case resp := <-answers:
		resp.Version = req.Version
		return resp
	case <-ctx.Done():
		return refused(kerr.CoordinatorNotAvailable)
	}
}

// offer gives the first answer; later ones, of an operation that has timed out
// meanwhile, have no taker.
func offer[T any](answers chan<- T, answer T) {
	select {
	case answers <- answer:
	default:
	}
}

// Heartbeat serves the API.
func (s *Service) Heartbeat(ctx context.Context, req *kmsg.HeartbeatRequest) *kmsg.HeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
	if req.Group == "" {
		resp.ErrorCode = kerr.InvalidGroupID.Code
		return resp
	}
	err := s.runtime.Read(ctx, s.topicPartition(req.Group), func(shard *Shard, now now) error {
		return shard.heartbeat(now, req)
	})
	// While the group is loaded its members need not know.
	if err != nil && !errors.Is(err, kerr.CoordinatorLoadInProgress) {
		resp.ErrorCode = s.code("Heartbeat", err).Code
	}
	return resp
}

// LeaveGroup serves the API.
func (s *Service) LeaveGroup(ctx context.Context, req *kmsg.LeaveGroupRequest) *kmsg.LeaveGroupResponse {
	resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
	if req.Group == "" {
		resp.ErrorCode = kerr.InvalidGroupID.Code
		return resp
	}
	leaving := req.Members
	if req.Version < 3 {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = req.MemberID
		leaving = []kmsg.LeaveGroupRequestMember{m}
	}
	var answers []kmsg.LeaveGroupResponseMember
	err := s.runtime.Write(ctx, s.topicPartition(req.Group), func(shard *Shard, now now) (r result, err error) {
		answers, r, err = shard.leaveGroup(now, req.Group, leaving)
		return r, err
	})
	switch {
	case errors.Is(err, kerr.UnknownMemberID):
		answers = nil // the group is not known.
		for _, l := range leaving {
			m := kmsg.NewLeaveGroupResponseMember()
			m.MemberID, m.InstanceID, m.ErrorCode = l.MemberID, l.InstanceID, kerr.UnknownMemberID.Code
			answers = append(answers, m)
		}
	case err != nil:
		resp.ErrorCode = s.code("LeaveGroup", err).Code
		return resp
	}
	if req.Version < 3 {
		resp.ErrorCode = answers[0].ErrorCode
		return resp
	}
	resp.Members = answers
	return resp
}

// code is what a client is told of an error.
func (s *Service) code(api string, err error) *kerr.Error {
	var code *kerr.Error
	switch {
	case errors.As(coordinator.ResponseError(err), &code):
		return code
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return kerr.CoordinatorNotAvailable
	default:
		s.opts.Logger.Error("Unexpected error", "api", api, "error", err)
		return kerr.UnknownServerError
	}
}
