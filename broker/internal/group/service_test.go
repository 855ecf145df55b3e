package group_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/coordinator/coordinatortest"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 3

// world is a group coordinator on a log in memory.
type world struct {
	t   *testing.T
	ctx context.Context
	log *coordinatortest.Log
	*group.Service
}

func run(t *testing.T, f func(w *world)) {
	runOn(t, func(log *coordinatortest.Log) coordinator.Log { return log }, f)
}

// runOn is run with something put before the log.
func runOn(t *testing.T, wrap func(*coordinatortest.Log) coordinator.Log, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var mu sync.Mutex
		w := &world{t: t, ctx: t.Context(), log: coordinatortest.NewLog()}
		w.Service = group.NewService(group.Options{
			Log: wrap(w.log), Logger: slog.New(slog.DiscardHandler),
			MemberIDSuffix: func() string {
				mu.Lock()
				defer mu.Unlock()
				n++
				return fmt.Sprint(n)
			},
			Config: group.Config{
				Threads: 2, AppendLinger: -1, WriteTimeout: 5 * time.Second, Partitions: partitions,
				MinSessionTimeout: 6 * time.Second, MaxSessionTimeout: 30 * time.Minute,
				InitialRebalanceDelay: 3 * time.Second, MaxSize: 1000, OffsetMetadataMaxSize: 10,
				OffsetsRetention: 7 * 24 * time.Hour, OffsetsRetentionCheckInterval: 10 * time.Minute,
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = w.Run(ctx) })
		for p := range int32(partitions) {
			w.OnElection(p, 1)
		}
		synctest.Wait()
		f(w)
		cancel()
		running.Wait()
	})
}

// failover moves the coordinator away and back.
func (w *world) failover(epoch kafka.LeaderEpoch) {
	for p := range int32(partitions) {
		w.OnResignation(p, epoch)
		w.OnElection(p, epoch+1)
	}
	synctest.Wait()
}

func (w *world) join(groupID, member string) *kmsg.JoinGroupResponse {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = 9
	req.Group, req.MemberID, req.ProtocolType = groupID, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10000, 60000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = "range"
	p.Metadata = []byte{0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0, 0, 0, 0, 0} // subscribed to t.
	req.Protocols = append(req.Protocols, p)
	return w.JoinGroup(w.ctx, group.Client{ID: "c", Host: "/10.0.0.1"}, req)
}

// enter joins, with the id it is told.
func (w *world) enter(groupID string) *kmsg.JoinGroupResponse {
	w.t.Helper()
	first := w.join(groupID, "")
	wantCode(w.t, "first join", first.ErrorCode, kerr.MemberIDRequired)
	resp := w.join(groupID, first.MemberID)
	wantCode(w.t, "second join", resp.ErrorCode, nil)
	return resp
}

func (w *world) sync(groupID string, joined *kmsg.JoinGroupResponse, assignments map[string]string) *kmsg.SyncGroupResponse {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = 5
	req.Group, req.MemberID, req.Generation = groupID, joined.MemberID, joined.Generation
	req.ProtocolType, req.Protocol = joined.ProtocolType, joined.Protocol
	for member, work := range assignments {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = member, []byte(work)
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	return w.SyncGroup(w.ctx, req)
}

func (w *world) heartbeat(groupID string, joined *kmsg.JoinGroupResponse) int16 {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = groupID, joined.MemberID, joined.Generation
	return w.Heartbeat(w.ctx, req).ErrorCode
}

func commitRequest(groupID, topic string, partition int32, o int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = 9
	req.Group = groupID
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = partition, o
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func (w *world) commit(groupID string, joined *kmsg.JoinGroupResponse, o int64) int16 {
	req := commitRequest(groupID, "t", 0, o)
	if joined != nil {
		req.MemberID, req.Generation = joined.MemberID, joined.Generation
	}
	return w.OffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode
}

func (w *world) fetch(groupID string) (o int64, code int16) {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = groupID
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.Partitions = "t", []int32{0}
	g.Topics = append(g.Topics, t)
	resp := w.OffsetFetch(w.ctx, []kmsg.OffsetFetchRequestGroup{g}, true)[0]
	if resp.ErrorCode != 0 {
		return -1, resp.ErrorCode
	}
	return resp.Topics[0].Partitions[0].Offset, resp.Topics[0].Partitions[0].ErrorCode
}

func (w *world) wantFetch(groupID string, want int64) {
	w.t.Helper()
	if o, code := w.fetch(groupID); o != want || code != 0 {
		w.t.Errorf("offset of %s is %d (error %d), want %d", groupID, o, code, want)
	}
}

func (w *world) state(groupID string) string {
	return w.DescribeGroups(w.ctx, []string{groupID}, 6)[0].State
}

func wantCode(t *testing.T, what string, got int16, want *kerr.Error) {
	t.Helper()
	code := int16(0)
	if want != nil {
		code = want.Code
	}
	if got != code {
		t.Errorf("%s: error %v, want %v", what, kerr.ErrorForCode(got), want)
	}
}

func TestAGroupFromJoinToCommit(t *testing.T) {
	run(t, func(w *world) {
		var joined [2]*kmsg.JoinGroupResponse
		var group sync.WaitGroup
		for i := range joined {
			group.Go(func() { joined[i] = w.enter("g") })
		}
		group.Wait()
		leader, follower := joined[0], joined[1]
		if follower.LeaderID == follower.MemberID {
			leader, follower = follower, leader
		}
		if len(leader.Members) != 2 || len(follower.Members) != 0 || leader.Generation != 1 || follower.Generation != 1 {
			t.Fatalf("leader %+v, follower %+v", leader, follower)
		}
		synced := make(chan *kmsg.SyncGroupResponse, 1)
		go func() { synced <- w.sync("g", follower, nil) }()
		resp := w.sync("g", leader, map[string]string{leader.MemberID: "x", follower.MemberID: "y"})
		if string(resp.MemberAssignment) != "x" || resp.Version != 5 || *resp.Protocol != "range" {
			t.Errorf("the leader's sync: %+v", resp)
		}
		if resp = <-synced; string(resp.MemberAssignment) != "y" {
			t.Errorf("the follower's sync: %+v", resp)
		}
		wantCode(t, "heartbeat", w.heartbeat("g", leader), nil)
		wantCode(t, "commit", w.commit("g", leader, 42), nil)
		w.wantFetch("g", 42)

		list, err := w.ListGroups(w.ctx, []string{"stable"}, []string{"Classic"})
		if err != nil || len(list) != 1 || list[0].Group != "g" || list[0].GroupState != "Stable" || list[0].GroupType != "classic" {
			t.Errorf("list: %+v, %v", list, err)
		}
		if list, _ = w.ListGroups(w.ctx, nil, []string{"consumer"}); len(list) != 0 {
			t.Errorf("consumer groups: %+v", list)
		}

		// The next coordinator knows it all.
		w.failover(2)
		if got := w.state("g"); got != "Stable" {
			t.Errorf("after the failover the group is %s", got)
		}
		wantCode(t, "heartbeat after failover", w.heartbeat("g", follower), nil)
		w.wantFetch("g", 42)

		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group, leave.MemberID = 2, "g", leader.MemberID
		wantCode(t, "leave", w.LeaveGroup(w.ctx, leave).ErrorCode, nil)
		wantCode(t, "leave again", w.LeaveGroup(w.ctx, leave).ErrorCode, kerr.UnknownMemberID)
		wantCode(t, "heartbeat", w.heartbeat("g", follower), kerr.RebalanceInProgress)
		time.Sleep(time.Minute)
		if got := w.state("g"); got != "Empty" {
			t.Errorf("after all members have failed the group is %s", got)
		}
	})
}

func TestRequestsAreChecked(t *testing.T) {
	run(t, func(w *world) {
		join := kmsg.NewPtrJoinGroupRequest()
		join.Version, join.Group, join.SessionTimeoutMillis = 5, "g", 5999
		wantCode(t, "short session", w.JoinGroup(w.ctx, group.Client{}, join).ErrorCode, kerr.InvalidSessionTimeout)
		join.SessionTimeoutMillis = 1800001
		wantCode(t, "long session", w.JoinGroup(w.ctx, group.Client{}, join).ErrorCode, kerr.InvalidSessionTimeout)
		wantCode(t, "join without group", w.join("", "").ErrorCode, kerr.InvalidGroupID)
		wantCode(t, "join without protocol", w.JoinGroup(w.ctx, group.Client{}, &kmsg.JoinGroupRequest{
			Version: 5, Group: "g", SessionTimeoutMillis: 6000,
		}).ErrorCode, kerr.InconsistentGroupProtocol)
		wantCode(t, "join with unknown id", w.join("nobody", "ghost").ErrorCode, kerr.UnknownMemberID)
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Version, sync.Group = 5, "g"
		wantCode(t, "sync without protocol", w.SyncGroup(w.ctx, sync).ErrorCode, kerr.InconsistentGroupProtocol)
		sync.Group = ""
		wantCode(t, "sync without protocol and group", w.SyncGroup(w.ctx, sync).ErrorCode, kerr.InconsistentGroupProtocol)
		sync.Version, sync.Group = 4, "g"
		wantCode(t, "sync of an empty group", w.SyncGroup(w.ctx, sync).ErrorCode, kerr.UnknownMemberID)
		wantCode(t, "heartbeat", w.heartbeat("nobody", &kmsg.JoinGroupResponse{}), kerr.UnknownMemberID)
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group = 3, "nobody"
		leave.Members = append(leave.Members, kmsg.NewLeaveGroupRequestMember())
		wantCode(t, "leave", w.LeaveGroup(w.ctx, leave).Members[0].ErrorCode, kerr.UnknownMemberID)
		wantCode(t, "describe", w.DescribeGroups(w.ctx, []string{"nobody"}, 6)[0].ErrorCode, kerr.GroupIDNotFound)
		if d := w.DescribeGroups(w.ctx, []string{"nobody"}, 5)[0]; d.ErrorCode != 0 || d.State != "Dead" {
			t.Errorf("describe v5: %+v", d)
		}
		wantCode(t, "delete", w.DeleteGroups(w.ctx, []string{"nobody"})[0].ErrorCode, kerr.GroupIDNotFound)
		del := kmsg.NewPtrOffsetDeleteRequest()
		del.Group = "nobody"
		wantCode(t, "offset delete", w.OffsetDelete(w.ctx, del).ErrorCode, kerr.GroupIDNotFound)
	})
}

func TestSimpleGroupsOnlyStoreOffsets(t *testing.T) {
	run(t, func(w *world) {
		req := commitRequest("simple", "t", 0, 7)
		req.Generation = 3
		wantCode(t, "commit with generation", w.OffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode, kerr.GroupIDNotFound)
		req.Version = 8
		wantCode(t, "commit with generation, v8", w.OffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode, kerr.IllegalGeneration)
		wantCode(t, "commit", w.commit("simple", nil, 7), nil)
		w.wantFetch("simple", 7)
		w.wantFetch("other", -1)
		req = commitRequest("simple", "t", 1, 8)
		req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("äöüäöüäöüä") // 10 characters.
		wantCode(t, "metadata at the limit", w.OffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode, nil)
		req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("01234567890")
		wantCode(t, "large metadata", w.OffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode, kerr.OffsetMetadataTooLarge)

		all := kmsg.NewOffsetFetchRequestGroup()
		all.Group = "simple"
		resp := w.OffsetFetch(w.ctx, []kmsg.OffsetFetchRequestGroup{all}, false)[0]
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 || *resp.Topics[0].Partitions[1].Metadata != "äöüäöüäöüä" {
			t.Errorf("all offsets: %+v", resp)
		}
		if list, _ := w.ListGroups(w.ctx, nil, nil); len(list) != 1 || list[0].ProtocolType != "" || list[0].GroupState != "Empty" {
			t.Errorf("list: %+v", list)
		}
	})
}

func TestDeletedGroupsLeaveNothing(t *testing.T) {
	run(t, func(w *world) {
		joined := w.enter("g")
		w.sync("g", joined, map[string]string{joined.MemberID: "x"})
		wantCode(t, "commit", w.commit("g", joined, 1), nil)
		wantCode(t, "delete with members", w.DeleteGroups(w.ctx, []string{"g"})[0].ErrorCode, kerr.NonEmptyGroup)

		del := kmsg.NewPtrOffsetDeleteRequest()
		del.Group = "g"
		topic := kmsg.NewOffsetDeleteRequestTopic()
		topic.Topic = "t"
		topic.Partitions = append(topic.Partitions, kmsg.NewOffsetDeleteRequestTopicPartition())
		del.Topics = append(del.Topics, topic)
		wantCode(t, "delete the offset of a subscribed topic", w.OffsetDelete(w.ctx, del).Topics[0].Partitions[0].ErrorCode, kerr.GroupSubscribedToTopic)

		time.Sleep(time.Minute) // its session ends.
		wantCode(t, "delete the offset", w.OffsetDelete(w.ctx, del).Topics[0].Partitions[0].ErrorCode, nil)
		w.wantFetch("g", -1)
		wantCode(t, "commit", w.commit("g", nil, 2), nil)
		wantCode(t, "delete", w.DeleteGroups(w.ctx, []string{"g"})[0].ErrorCode, nil)
		if got := w.state("g"); got != "Dead" {
			t.Errorf("a deleted group is %s", got)
		}
		w.failover(2)
		w.wantFetch("g", -1)
		if got := w.state("g"); got != "Dead" {
			t.Errorf("a deleted group is %s after a failover", got)
		}
	})
}

func TestOffsetsOfAnEmptyGroupExpire(t *testing.T) {
	run(t, func(w *world) {
		joined := w.enter("g")
		w.sync("g", joined, map[string]string{joined.MemberID: "x"})
		wantCode(t, "commit", w.commit("g", joined, 1), nil)
		time.Sleep(6 * 24 * time.Hour)
		w.wantFetch("g", 1)
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		w.wantFetch("g", -1)
		if list, _ := w.ListGroups(w.ctx, nil, nil); len(list) != 0 {
			t.Errorf("the group is still there: %+v", list)
		}
		w.failover(2)
		w.wantFetch("g", -1)
	})
}

func TestOffsetsOfDeletedTopicsGo(t *testing.T) {
	run(t, func(w *world) {
		wantCode(t, "commit", w.commit("g", nil, 1), nil)
		w.OnTopicsDeleted(map[string]kafka.UUID{"t": {1}})
		synctest.Wait()
		w.wantFetch("g", -1)
	})
}

func TestTransactionalOffsetsAreUnstableUntilTheMarker(t *testing.T) {
	run(t, func(w *world) {
		wantCode(t, "commit", w.commit("g", nil, 1), nil)
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		req.Version, req.Group, req.ProducerID, req.Generation = 3, "g", 77, -1
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = "t"
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Offset = 2
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
		wantCode(t, "commit in a transaction", w.TxnOffsetCommit(w.ctx, req).Topics[0].Partitions[0].ErrorCode, nil)
		_, code := w.fetch("g")
		wantCode(t, "fetch", code, kerr.UnstableOffsetCommit)
		w.failover(2)
		_, code = w.fetch("g")
		wantCode(t, "fetch after failover", code, kerr.UnstableOffsetCommit)
		marker := coordinator.Marker{Producer: coordinator.Producer{ID: 77}, Committed: true}
		if err := w.EndTransaction(w.ctx, w.PartitionFor("g"), marker); err != nil {
			t.Error(err)
		}
		w.wantFetch("g", 2)
	})
}

func TestErrorsAreThoseOfACoordinator(t *testing.T) {
	run(t, func(w *world) {
		w.log.FailCheck(kerr.NotEnoughReplicas)
		wantCode(t, "commit", w.commit("g", nil, 1), kerr.CoordinatorNotAvailable)
		wantCode(t, "a new group", w.join("g", "").ErrorCode, kerr.MemberIDRequired) // it was answered before.
		if got := w.state("g"); got != "Dead" {
			t.Errorf("a group that could not be written is %s", got)
		}
		w.log.FailCheck(nil)

		w.log.HoldCommits()
		wantCode(t, "commit that is not replicated", w.commit("g", nil, 1), kerr.CoordinatorNotAvailable)
		_, code := w.fetch("g")
		wantCode(t, "fetch of what is not replicated", code, kerr.NotCoordinator)
		for p := range int32(partitions) {
			w.log.Commit(kafka.TopicPartition{Topic: kafka.ConsumerOffsetsTopic, Partition: p})
		}
		w.wantFetch("g", 1)

		gate := make(chan struct{})
		w.log.GateReads(gate)
		w.failover(2)
		wantCode(t, "commit while loading", w.commit("g", nil, 1), kerr.CoordinatorLoadInProgress)
		wantCode(t, "heartbeat while loading", w.heartbeat("g", &kmsg.JoinGroupResponse{}), nil)
		if _, err := w.ListGroups(w.ctx, nil, nil); err != kerr.CoordinatorLoadInProgress {
			t.Errorf("list while loading: %v", err)
		}
		for p := range int32(partitions) {
			w.OnResignation(p, 9)
		}
		synctest.Wait()
		wantCode(t, "commit elsewhere", w.commit("g", nil, 1), kerr.NotCoordinator)
		wantCode(t, "join elsewhere", w.join("g", "").ErrorCode, kerr.NotCoordinator)
		if list, err := w.ListGroups(w.ctx, nil, nil); err != nil || len(list) != 0 {
			t.Errorf("list elsewhere: %v, %v", list, err)
		}
	})
}

func TestAWaitingJoinIsAnsweredWhenTheCoordinatorMoves(t *testing.T) {
	run(t, func(w *world) {
		first := w.join("g", "")
		outcome := make(chan int16, 1)
		go func() { outcome <- w.join("g", first.MemberID).ErrorCode }()
		synctest.Wait()
		w.OnResignation(w.PartitionFor("g"), 5)
		wantCode(t, "join", <-outcome, kerr.NotCoordinator)
	})
}

func TestAWaitingJoinIsAnsweredAtShutdown(t *testing.T) {
	var code int16
	run(t, func(w *world) {
		first := w.join("g", "")
		go func() { code = w.join("g", first.MemberID).ErrorCode }()
		synctest.Wait()
	})
	wantCode(t, "join", code, kerr.CoordinatorNotAvailable)
}

func TestAnAppendFailureSendsMembersBackAndKeepsWhatWasStored(t *testing.T) {
	run(t, func(w *world) {
		joined := w.enter("g")
		w.sync("g", joined, map[string]string{joined.MemberID: "x"})
		wantCode(t, "commit", w.commit("g", joined, 1), nil)
		w.log.FailAppends(kerr.KafkaStorageError)
		wantCode(t, "commit", w.commit("g", joined, 2), kerr.NotCoordinator)
		synctest.Wait()
		wantCode(t, "heartbeat", w.heartbeat("g", joined), nil)
		w.wantFetch("g", 1)
	})
}

// stallingLog keeps whoever is about to append from going on.
type stallingLog struct {
	*coordinatortest.Log
	stall atomic.Pointer[chan struct{}]
}

func (l *stallingLog) CheckAppend(tp kafka.TopicPartition, epoch kafka.LeaderEpoch) error {
	if stall := l.stall.Load(); stall != nil {
		<-*stall
	}
	return l.Log.CheckAppend(tp, epoch)
}

// When its client has gone, a request's memory is used for another one. What the
// request asks for may still be done, and must be what it has asked for.
func TestARequestThatIsGivenUpKeepsItsMeaning(t *testing.T) {
	var stalling stallingLog
	runOn(t, func(log *coordinatortest.Log) coordinator.Log {
		stalling.Log = log
		return &stalling
	}, func(w *world) {
		joined := w.enter("g")
		stall := make(chan struct{})
		stalling.stall.Store(&stall)
		held := make(chan struct{})
		go func() {
			defer close(held)
			w.commit(sibling("g"), nil, 1)
		}()
		synctest.Wait()

		ctx, cancel := context.WithCancel(w.ctx)
		req := kmsg.NewPtrSyncGroupRequest()
		req.Version = 4
		req.Group, req.MemberID, req.Generation = "g", joined.MemberID, joined.Generation
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = joined.MemberID, []byte("work")
		req.GroupAssignment = append(req.GroupAssignment, a)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			w.SyncGroup(ctx, req)
		}()
		synctest.Wait()
		cancel()
		<-gone
		copy(a.MemberAssignment, "XXXX") // As the network does.
		stalling.stall.Store(nil)
		close(stall)
		<-held
		if resp := w.sync("g", joined, nil); string(resp.MemberAssignment) != "work" {
			t.Errorf("assignment %q, error %v", resp.MemberAssignment, kerr.ErrorForCode(resp.ErrorCode))
		}
	})
}

// sibling is another group of the same partition.
func sibling(groupID string) string {
	for i := 0; ; i++ {
		if s := fmt.Sprint("sibling", i); kafka.CoordinatorPartition(s, partitions) == kafka.CoordinatorPartition(groupID, partitions) {
			return s
		}
	}
}
