package peer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/memfs"
)

var directory = kafka.UUID{0: 9, 15: 200}

const principal = "User:ANONYMOUS"

// newLocal gives the channel to a running controller with one unfenced broker.
func newLocal(t *testing.T) *Local {
	t.Helper()
	fsys := memfs.New()
	if err := fsys.MkdirAll("/data", 0o755); err != nil {
		t.Fatal(err)
	}
	format := quorum.FormatOptions{
		Records: metadata.BootstrapRecords(metadata.NewestMetadataVersion),
		Voters:  []quorum.Voter{quorum.StandaloneVoter(1, directory, quorum.Endpoint{Name: "CONTROLLER", Host: "localhost", Port: 9093})},
	}
	if err := quorum.Format(fsys, "/data", format, time.Now()); err != nil {
		t.Fatal(err)
	}
	static, _, err := config.Load(config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := quorum.Open(quorum.Options{
		FS: fsys, Dir: "/data", NodeID: 1, DirectoryID: directory,
		Core: controller.New(controller.Options{ClusterID: "cluster", NodeID: 1, Config: static}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, q.Close()); err != nil {
			t.Error(err)
		}
	})
	l := NewLocal(q)
	unfenceBroker(t, l)
	return l
}

func unfenceBroker(t *testing.T, l *Local) {
	t.Helper()
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = req.MaxVersion()
	req.BrokerID, req.ClusterID, req.IncarnationID, req.LogDirs = 1, "cluster", kafka.NewUUID(), [][16]byte{directory}
	for _, f := range metadata.SupportedFeatures() {
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max})
	}
	registered, err := l.RegisterBroker(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = 1, registered.BrokerEpoch, registered.BrokerEpoch
	answer, err := l.BrokerHeartbeat(t.Context(), beat)
	if err != nil || answer.IsFenced {
		t.Fatalf("heartbeat: %+v, %v", answer, err)
	}
}

func createTopics(timeoutMs int32, names ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = req.MaxVersion(), timeoutMs
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 3, 1
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func TestForwardShowsWhatItChanged(t *testing.T) {
	l := newLocal(t)
	resp, err := l.Forward(t.Context(), principal, createTopics(5000, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	created := resp.(*kmsg.CreateTopicsResponse)
	if created.Version != createTopics(0).MaxVersion() || len(created.Topics) != 2 || created.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", created)
	}
	if topic := l.quorum.Image().Topic("b"); topic == nil || topic.ID != kafka.UUID(created.Topics[1].TopicID) {
		t.Fatalf("topic b in the image: %+v", topic)
	}
	again, err := l.Forward(t.Context(), principal, createTopics(5000, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if code := again.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; code != kerr.TopicAlreadyExists.Code {
		t.Fatalf("created twice: %v", kerr.ErrorForCode(code))
	}
}

func TestTimeoutOfZeroHasRunOut(t *testing.T) {
	l := newLocal(t)
	for i := range 100 { // Never, and not only mostly, is it done all the same.
		name := fmt.Sprint("late-", i)
		if _, err := l.Forward(t.Context(), principal, createTopics(int32(-i), name)); !errors.Is(err, kerr.RequestTimedOut) || l.quorum.Image().Topic(name) != nil {
			t.Fatalf("a timeout of %d: err %v, topic %v; want REQUEST_TIMED_OUT", -i, err, l.quorum.Image().Topic(name))
		}
	}
	list := kmsg.NewPtrListPartitionReassignmentsRequest()
	features := kmsg.NewPtrUpdateFeaturesRequest()
	features.Version, features.ValidateOnly = features.MaxVersion(), true
	list.TimeoutMillis, features.TimeoutMillis = 0, 0
	for _, req := range []kmsg.Request{list, features} {
		if _, err := l.Forward(t.Context(), principal, req); err != nil {
			t.Errorf("%s, whose timeout is not heeded: %v", kmsg.NameForKey(req.Key()), err)
		}
	}
}

func TestUnknownRequestIsRefused(t *testing.T) {
	l := newLocal(t)
	if _, err := l.Forward(t.Context(), principal, kmsg.NewPtrProduceRequest()); !errors.Is(err, kerr.UnsupportedVersion) {
		t.Fatalf("err %v, want UNSUPPORTED_VERSION", err)
	}
}

func TestDescribeQuorum(t *testing.T) {
	l := newLocal(t)
	ask := func(names ...string) *kmsg.DescribeQuorumResponse {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Version = req.MaxVersion()
		for _, name := range names {
			topic := kmsg.NewDescribeQuorumRequestTopic()
			topic.Topic = name
			topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
			req.Topics = append(req.Topics, topic)
		}
		answer, err := l.Forward(t.Context(), principal, req)
		if err != nil {
			t.Fatal(err)
		}
		return answer.(*kmsg.DescribeQuorumResponse)
	}
	resp := ask(kafka.ClusterMetadataTopic)
	p := resp.Topics[0].Partitions[0]
	if p.ErrorCode != 0 || p.LeaderID != 1 || p.LeaderEpoch != 1 || p.HighWatermark != int64(l.quorum.HighWatermark()) {
		t.Errorf("%+v", p)
	}
	if len(p.CurrentVoters) != 1 || p.CurrentVoters[0].ReplicaDirectoryID != directory || p.CurrentVoters[0].LogEndOffset != p.HighWatermark {
		t.Errorf("voters %+v", p.CurrentVoters)
	}
	if len(resp.Nodes) != 1 || resp.Nodes[0].Listeners[0].Port != 9093 {
		t.Errorf("nodes %+v", resp.Nodes)
	}
	// Only the metadata log may be asked for, and nothing beside it.
	for _, names := range [][]string{{"another"}, {kafka.ClusterMetadataTopic, "another"}, {kafka.ClusterMetadataTopic, kafka.ClusterMetadataTopic}} {
		resp := ask(names...)
		for _, topic := range resp.Topics {
			if code := topic.Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code || len(resp.Nodes) > 0 {
				t.Errorf("%q: %v, nodes %v", names, kerr.ErrorForCode(code), resp.Nodes)
			}
		}
	}
}

func TestProducerIDBlocksDoNotOverlap(t *testing.T) {
	l := newLocal(t)
	epoch := l.quorum.Image().Broker(1).Epoch
	next := int64(-1)
	for range 3 {
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = 1, int64(epoch)
		resp, err := l.AllocateProducerIDs(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ErrorCode != 0 || resp.ProducerIDLen <= 0 || resp.ProducerIDStart < next {
			t.Fatalf("%+v after %d", resp, next)
		}
		next = resp.ProducerIDStart + int64(resp.ProducerIDLen)
	}
}
