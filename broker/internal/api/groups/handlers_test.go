package groups

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/coordinator/coordinatortest"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

var (
	topicID   = kafka.UUID{1}
	unknownID = kafka.UUID{99}
)

// image has broker 1, the topic t with two partitions, and one of groups.
func image(t *testing.T, withOffsetsTopic bool) *metadata.Image {
	t.Helper()
	records := []metadata.Record{
		&metadata.RegisterBrokerRecord{
			BrokerID: 1, BrokerEpoch: 5, IncarnationID: kafka.UUID{7},
			Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "here", Port: 9092}},
		},
		&metadata.TopicRecord{Name: "t", TopicID: topicID},
		partitionRecord(topicID, 0), partitionRecord(topicID, 1),
	}
	if withOffsetsTopic {
		id := kafka.UUID{2}
		records = append(records, &metadata.TopicRecord{Name: kafka.ConsumerOffsetsTopic, TopicID: id}, partitionRecord(id, 0))
	}
	d := metadata.NewDelta(metadata.EmptyImage())
	for _, r := range records {
		if err := d.Replay(r); err != nil {
			t.Fatal(err)
		}
	}
	return d.Apply(10, 1)
}

func partitionRecord(topicID kafka.UUID, partition int32) *metadata.PartitionRecord {
	return &metadata.PartitionRecord{
		PartitionID: partition, TopicID: topicID,
		Replicas: []kafka.NodeID{1}, ISR: []kafka.NodeID{1}, Leader: 1,
	}
}

// serve calls f with handlers of a coordinator that runs.
func serve(t *testing.T, f func(ctx context.Context, h *Handlers)) {
	synctest.Test(t, func(t *testing.T) {
		im := image(t, true)
		h := &Handlers{
			Image:               func() *metadata.Image { return im },
			CoordinatorTopics:   map[int8]string{GroupKey: kafka.ConsumerOffsetsTopic},
			CreateInternalTopic: func(context.Context, string) error { return errors.New("there is one") },
			Groups: group.NewService(group.Options{
				Log: coordinatortest.NewLog(), Logger: slog.New(slog.DiscardHandler),
				Config: group.Config{
					Threads: 1, AppendLinger: -1, WriteTimeout: 5 * time.Second, Partitions: 1, MaxSize: 10,
					MaxSessionTimeout: time.Hour, OffsetMetadataMaxSize: 100,
					OffsetsRetention: time.Hour, OffsetsRetentionCheckInterval: time.Hour,
				},
			}),
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = h.Groups.Run(ctx) })
		h.Groups.OnElection(0, 1)
		synctest.Wait()
		f(ctx, h)
		cancel()
		running.Wait()
	})
}

func commitRequest(version int16, topic string, id kafka.UUID, partitions ...int32) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = version, "g"
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = topic, id
	for _, partition := range partitions {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = partition, int64(100+partition), 3
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// codes gives the error of each partition of a response's only topic.
func codes(t *testing.T, resp *kmsg.OffsetCommitResponse) map[int32]int16 {
	t.Helper()
	if len(resp.Topics) != 1 {
		t.Fatalf("%d topics in the response", len(resp.Topics))
	}
	m := make(map[int32]int16)
	for _, p := range resp.Topics[0].Partitions {
		m[p.Partition] = p.ErrorCode
	}
	return m
}

func TestOffsetCommitRefusesWhatDoesNotExistAndCommitsTheRest(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		resp := h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 1, 7))
		if got := codes(t, resp); got[1] != 0 || got[7] != kerr.UnknownTopicOrPartition.Code || resp.Version != 9 {
			t.Errorf("by name: %v", got)
		}
		resp = h.OffsetCommit(ctx, nil, commitRequest(9, "missing", kafka.UUID{}, 0))
		if got := codes(t, resp); got[0] != kerr.UnknownTopicOrPartition.Code || resp.Topics[0].Topic != "missing" {
			t.Errorf("unknown name: %v", got)
		}
		resp = h.OffsetCommit(ctx, nil, commitRequest(10, "", topicID, 0))
		if got := codes(t, resp); got[0] != 0 || resp.Topics[0].TopicID != topicID {
			t.Errorf("by id: %v", got)
		}
		resp = h.OffsetCommit(ctx, nil, commitRequest(10, "", unknownID, 0))
		if got := codes(t, resp); got[0] != kerr.UnknownTopicID.Code || resp.Topics[0].TopicID != unknownID {
			t.Errorf("unknown id: %v", got)
		}
		twice := commitRequest(9, "t", kafka.UUID{}, 0)
		twice.Topics = append(twice.Topics, commitRequest(9, "t", kafka.UUID{}, 1).Topics...)
		resp = h.OffsetCommit(ctx, nil, twice)
		for i, want := range []int32{0, 1} {
			if got := resp.Topics[i].Partitions; len(got) != 1 || got[0].Partition != want || got[0].ErrorCode != 0 {
				t.Errorf("a topic twice, entry %d: %+v", i, got)
			}
		}
		resp = h.OffsetCommit(ctx, nil, commitRequest(9, "missing", kafka.UUID{}))
		if len(resp.Topics) != 1 || resp.Topics[0].Topic != "missing" || len(resp.Topics[0].Partitions) != 0 {
			t.Errorf("no partitions: %+v", resp.Topics)
		}
	})
}

func TestOffsetFetchInAllShapes(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 0, 1))

		old := kmsg.NewPtrOffsetFetchRequest()
		old.Version, old.Group = 5, "g"
		topic := kmsg.NewOffsetFetchRequestTopic()
		topic.Topic, topic.Partitions = "t", []int32{1, 9}
		old.Topics = append(old.Topics, topic)
		resp := h.OffsetFetch(ctx, nil, old)
		if ps := resp.Topics[0].Partitions; ps[0].Offset != 101 || ps[0].LeaderEpoch != 3 || ps[1].Offset != -1 || ps[1].ErrorCode != 0 {
			t.Errorf("v5: %+v", resp)
		}
		old.Topics = nil
		if resp = h.OffsetFetch(ctx, nil, old); len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 {
			t.Errorf("v5, all topics: %+v", resp)
		}
		old.Version = 1
		if resp = h.OffsetFetch(ctx, nil, old); len(resp.Topics) != 0 {
			t.Errorf("v1 cannot ask for all topics: %+v", resp)
		}

		batched := kmsg.NewPtrOffsetFetchRequest()
		batched.Version = 10
		named := kmsg.NewOffsetFetchRequestGroup()
		named.Group = "g"
		for _, id := range []kafka.UUID{topicID, unknownID} {
			gt := kmsg.NewOffsetFetchRequestGroupTopic()
			gt.TopicID, gt.Partitions = id, []int32{0}
			named.Topics = append(named.Topics, gt)
		}
		all, nobody := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroup()
		all.Group, nobody.Group = "g", "nobody"
		batched.Groups = append(batched.Groups, named, all, nobody)
		resp = h.OffsetFetch(ctx, nil, batched)
		if ts := resp.Groups[0].Topics; len(ts) != 2 || ts[0].Partitions[0].Offset != 100 || ts[1].Partitions[0].ErrorCode != kerr.UnknownTopicID.Code {
			t.Errorf("v10, by id: %+v", resp.Groups[0])
		}
		if ts := resp.Groups[1].Topics; len(ts) != 1 || ts[0].TopicID != topicID || len(ts[0].Partitions) != 2 {
			t.Errorf("v10, all topics: %+v", resp.Groups[1])
		}
		if g := resp.Groups[2]; g.ErrorCode != 0 || len(g.Topics) != 0 {
			t.Errorf("v10, a group without offsets: %+v", g)
		}

		h.Groups.OnResignation(0, 9)
		synctest.Wait()
		if resp = h.OffsetFetch(ctx, nil, batched); resp.Groups[0].ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("v10, elsewhere: %+v", resp.Groups[0])
		}
		old.Version = 2
		if resp = h.OffsetFetch(ctx, nil, old); resp.ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("v2, elsewhere: %+v", resp)
		}
		old.Version, old.Topics = 1, append(old.Topics, topic)
		if resp = h.OffsetFetch(ctx, nil, old); resp.Topics[0].Partitions[1].ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("v1, elsewhere: %+v", resp)
		}
	})
}

func TestOffsetDeleteAnswersEveryPartition(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 0))
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = "g"
		for _, name := range []string{"t", "missing"} {
			topic := kmsg.NewOffsetDeleteRequestTopic()
			topic.Topic = name
			for _, partition := range []int32{0, 9} {
				p := kmsg.NewOffsetDeleteRequestTopicPartition()
				p.Partition = partition
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
		}
		resp := h.OffsetDelete(ctx, nil, req)
		var got []string
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				got = append(got, fmt.Sprint(topic.Topic, p.Partition, " ", kerr.ErrorForCode(p.ErrorCode)))
			}
		}
		unknown := kerr.UnknownTopicOrPartition.Error()
		if want := []string{"t9 " + unknown, "t0 <nil>", "missing0 " + unknown, "missing9 " + unknown}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestGroupsAreDescribedListedAndDeleted(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 0))
		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Version, describe.Groups, describe.IncludeAuthorizedOperations = 5, []string{"g"}, true
		if g := h.DescribeGroups(ctx, nil, describe).Groups[0]; g.State != "Empty" || g.AuthorizedOperations != 3400 {
			t.Errorf("described: %+v", g)
		}
		list := kmsg.NewPtrListGroupsRequest()
		list.Version = 5
		if gs := h.ListGroups(ctx, nil, list).Groups; len(gs) != 1 || gs[0].Group != "g" {
			t.Errorf("listed: %+v", gs)
		}
		del := kmsg.NewPtrDeleteGroupsRequest()
		del.Version, del.Groups = 2, []string{"g", "nobody", "g"}
		resp := h.DeleteGroups(ctx, nil, del)
		if len(resp.Groups) != 2 || resp.Groups[0].ErrorCode != 0 || resp.Groups[1].ErrorCode != kerr.GroupIDNotFound.Code {
			t.Errorf("deleted: %+v", resp)
		}
		if gs := h.ListGroups(ctx, nil, list).Groups; len(gs) != 0 {
			t.Errorf("listed after the deletion: %+v", gs)
		}
	})
}

func TestFindCoordinator(t *testing.T) {
	created := 0
	im := image(t, false)
	h := &Handlers{
		Image:             func() *metadata.Image { return im },
		CoordinatorTopics: map[int8]string{GroupKey: kafka.ConsumerOffsetsTopic, ShareKey: kafka.ShareGroupStateTopic},
		CreateInternalTopic: func(_ context.Context, topic string) error {
			created++
			if topic != kafka.ConsumerOffsetsTopic {
				return errors.New("no controller")
			}
			im = image(t, true)
			return nil
		},
	}
	find := func(version int16, keyType int8, listener string, keys ...string) *kmsg.FindCoordinatorResponse {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.Version, req.CoordinatorType = version, keyType
		if version < 4 {
			req.CoordinatorKey = keys[0]
		} else {
			req.CoordinatorKeys = keys
		}
		return h.FindCoordinator(t.Context(), &request.Context{Version: version, Listener: listener}, req)
	}
	if resp := find(2, GroupKey, "PLAINTEXT", "g"); resp.ErrorCode != 0 || resp.NodeID != 1 || resp.Host != "here" || resp.Port != 9092 {
		t.Errorf("v2: %+v", resp)
	}
	if created != 1 {
		t.Errorf("the topic was created %d times", created)
	}
	if resp := find(4, GroupKey, "PLAINTEXT", "g", "h"); len(resp.Coordinators) != 2 || resp.Coordinators[1].Key != "h" || resp.Coordinators[1].NodeID != 1 {
		t.Errorf("v4: %+v", resp)
	}
	for name, c := range map[string]struct {
		version int16
		keyType int8
		key     string
		want    *kerr.Error
	}{
		"a listener the leader does not have":    {4, GroupKey, "g", kerr.CoordinatorNotAvailable},
		"a coordinator that is not served":       {4, TransactionKey, "txn", kerr.InvalidRequest},
		"share before version 6":                 {5, ShareKey, "g:" + topicID.String() + ":0", kerr.InvalidRequest},
		"a share key without partition":          {6, ShareKey, "g:" + topicID.String(), kerr.InvalidRequest},
		"a share key with a negative partition":  {6, ShareKey, "g:" + topicID.String() + ":-1", kerr.InvalidRequest},
		"a share key with a broken topic id":     {6, ShareKey, "g:t:0", kerr.InvalidRequest},
		"a share key without group":              {6, ShareKey, ":" + topicID.String() + ":0", kerr.InvalidRequest},
		"an internal topic that cannot be there": {6, ShareKey, "a:b:" + topicID.String() + ":0", kerr.CoordinatorNotAvailable},
	} {
		resp := find(c.version, c.keyType, "SSL", c.key)
		if got := resp.Coordinators[0]; got.ErrorCode != c.want.Code || got.NodeID != -1 || got.Port != -1 {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
	}
	// The Java producer shows its user nothing but the message; librdkafka, which
	// asks by version 2, gives up only if it is not authorized.
	const message = "This node does not support transactions."
	for version, want := range map[int16]*kerr.Error{
		1: kerr.TransactionalIDAuthorizationFailed, 2: kerr.TransactionalIDAuthorizationFailed, 3: kerr.InvalidRequest, 4: kerr.InvalidRequest,
	} {
		resp := find(version, TransactionKey, "PLAINTEXT", "txn")
		code, got := resp.ErrorCode, resp.ErrorMessage
		if version >= 4 {
			code, got = resp.Coordinators[0].ErrorCode, resp.Coordinators[0].ErrorMessage
		}
		if code != want.Code || got == nil || *got != message {
			t.Errorf("v%d for a transaction: %+v, want %v and %q", version, resp, want, message)
		}
	}
}

// A consumer of a topic that was deleted and created again must not begin where
// one of the old topic has ended, also if the coordinator has missed the deletion.
func TestOffsetsOfAnOlderTopicOfThatNameAreNotFetched(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 0))
		d := metadata.NewDelta(h.Image())
		for _, r := range []metadata.Record{
			&metadata.RemoveTopicRecord{TopicID: topicID}, &metadata.TopicRecord{Name: "t", TopicID: unknownID}, partitionRecord(unknownID, 0),
		} {
			if err := d.Replay(r); err != nil {
				t.Fatal(err)
			}
		}
		recreated := d.Apply(20, 1)
		h.Image = func() *metadata.Image { return recreated }

		old, batched := kmsg.NewPtrOffsetFetchRequest(), kmsg.NewPtrOffsetFetchRequest()
		old.Version, old.Group = 7, "g"
		topic := kmsg.NewOffsetFetchRequestTopic()
		topic.Topic, topic.Partitions = "t", []int32{0}
		old.Topics = append(old.Topics, topic)
		if resp := h.OffsetFetch(ctx, nil, old); resp.Topics[0].Partitions[0].Offset != -1 {
			t.Errorf("v7: %+v", resp)
		}
		batched.Version = 9
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = "g"
		gt := kmsg.NewOffsetFetchRequestGroupTopic()
		gt.Topic, gt.Partitions = "t", []int32{0}
		g.Topics = append(g.Topics, gt)
		batched.Groups = append(batched.Groups, g)
		if resp := h.OffsetFetch(ctx, nil, batched); resp.Groups[0].Topics[0].Partitions[0].Offset != -1 {
			t.Errorf("v9: %+v", resp)
		}
	})
}

// A short request that names one group a million times must not be answered with
// a million copies of all it has.
func TestAGroupThatIsNamedAgainIsAnsweredOnce(t *testing.T) {
	serve(t, func(ctx context.Context, h *Handlers) {
		h.OffsetCommit(ctx, nil, commitRequest(9, "t", kafka.UUID{}, 0, 1))
		describe := kmsg.NewPtrDescribeGroupsRequest()
		describe.Version, describe.Groups = 5, []string{"g", "nobody", "g"}
		if got := h.DescribeGroups(ctx, nil, describe).Groups; len(got) != 2 || got[0].Group != "g" || got[1].Group != "nobody" {
			t.Errorf("described: %+v", got)
		}
		fetch := kmsg.NewPtrOffsetFetchRequest()
		fetch.Version = 9
		all, some := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroup()
		all.Group, some.Group = "g", "g"
		gt := kmsg.NewOffsetFetchRequestGroupTopic()
		gt.Topic, gt.Partitions = "t", []int32{0}
		some.Topics = append(some.Topics, gt)
		fetch.Groups = append(fetch.Groups, all, some, all, all)
		got := h.OffsetFetch(ctx, nil, fetch).Groups
		if len(got) != 2 || len(got[0].Topics[0].Partitions) != 2 || len(got[1].Topics[0].Partitions) != 1 {
			t.Errorf("fetched: %+v", got)
		}
	})
}
