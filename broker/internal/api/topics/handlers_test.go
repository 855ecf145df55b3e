package topics

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// image builds the metadata of a cluster of live brokers with these topics, on
// broker 1 alone.
func image(t *testing.T, partitions map[string]int32, extra ...metadata.Record) *metadata.Image {
	t.Helper()
	records := []metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, Level: int16(metadata.NewestMetadataVersion)},
		&metadata.RegisterBrokerRecord{BrokerID: 1, Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "h1", Port: 9092}}},
	}
	for name, n := range partitions {
		id := kafka.UUID{name[0], 1}
		records = append(records, &metadata.TopicRecord{Name: name, TopicID: id})
		for p := range n {
			records = append(records, &metadata.PartitionRecord{PartitionID: p, TopicID: id, Replicas: []kafka.NodeID{1}, ISR: []kafka.NodeID{1}, Leader: 1})
		}
	}
	d := metadata.NewDelta(metadata.EmptyImage())
	for _, r := range append(records, extra...) {
		if err := d.Replay(r); err != nil {
			t.Fatal(err)
		}
	}
	return d.Apply(1, 1)
}

func handlers(im *metadata.Image) *Handlers {
	return &Handlers{Image: func() *metadata.Image { return im }, ClusterID: "c", MaxPartitions: 2000, Logger: slog.New(slog.DiscardHandler)}
}

// serve decodes a request as JSON, and serves it in its newest version.
func serve[Req kmsg.Request, Resp any](t *testing.T, req Req, input json.RawMessage, handle func(context.Context, *request.Context, Req) Resp) any {
	t.Helper()
	req.SetVersion(req.MaxVersion())
	if err := json.Unmarshal(input, req); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(handle(t.Context(), &request.Context{Listener: "PLAINTEXT"}, req))
	if err != nil {
		t.Fatal(err)
	}
	var resp any
	if err := json.Unmarshal(encoded, &resp); err != nil {
		t.Fatal(err)
	}
	return resp
}

// testdata/apache_kafka.jsonl holds requests and the answers of an Apache Kafka
// 4.4.0 of one node with the topics a, b.c and d.
func TestAnswersAreThoseOfApacheKafka(t *testing.T) {
	h := handlers(image(t, map[string]int32{"a": 3, "b.c": 2, "d": 1}))
	file, err := os.Open("testdata/apache_kafka.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		var line struct {
			Op   string          `json:"op"`
			Req  json.RawMessage `json:"req"`
			Resp any             `json:"resp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		var got any
		switch line.Op {
		case "metadata":
			got = serve(t, kmsg.NewPtrMetadataRequest(), line.Req, h.Metadata)
		case "describe-topic-partitions":
			got = serve(t, kmsg.NewPtrDescribeTopicPartitionsRequest(), line.Req, h.DescribeTopicPartitions)
		}
		if diff := cmp.Diff(normal(line.Resp), normal(got)); diff != "" {
			t.Errorf("line %d: %s %s (-Apache Kafka +Moldau):\n%s", number, line.Op, line.Req, diff)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// normal leaves out what differs from run to run, and sorts lists whose order
// means nothing.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		normalized := map[string]any{}
		for key, value := range v {
			if !slices.Contains([]string{"UnknownTags", "ThrottleMillis", "Version", "TopicID", "ClusterID", "Host", "Port"}, key) {
				normalized[key] = normal(value)
			}
		}
		return normalized
	case []any:
		if len(v) == 0 {
			return nil
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = normal(v[i])
		}
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return list
	default:
		return v
	}
}

func TestMetadataOfPartitionsThatAreNotWell(t *testing.T) {
	id := kafka.UUID{9}
	partition := func(p int32, leader kafka.NodeID, isr ...kafka.NodeID) metadata.Record {
		return &metadata.PartitionRecord{PartitionID: p, TopicID: id, Replicas: []kafka.NodeID{1, 2, 3, 4}, ISR: isr, Leader: leader, LeaderEpoch: 7}
	}
	im := image(
		t, nil,
		&metadata.RegisterBrokerRecord{BrokerID: 2, Fenced: true, Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "h2", Port: 9092}}},
		&metadata.RegisterBrokerRecord{BrokerID: 3, Endpoints: []metadata.Endpoint{{Name: "OTHER", Host: "h3", Port: 9092}}},
		&metadata.TopicRecord{Name: "t", TopicID: id},
		partition(0, 1, 1, 2), partition(1, kafka.NoNode), partition(2, 3, 3), partition(3, 4, 4),
	)
	for _, test := range []struct {
		version   int16
		partition int32
		want      string
	}{
		{13, 0, "leader 1 error 0 replicas [1 2 3 4] isr [1 2] offline [2 3 4]"},
		{13, 1, "leader -1 error 5 replicas [1 2 3 4] isr [] offline [2 3 4]"},
		{13, 2, "leader -1 error 72 replicas [1 2 3 4] isr [3] offline [2 3 4]"},
		{5, 2, "leader -1 error 5 replicas [1 2 3 4] isr [3] offline [2 3 4]"},
		{13, 3, "leader -1 error 5 replicas [1 2 3 4] isr [4] offline [2 3 4]"},
		{0, 0, "leader 1 error 9 replicas [1] isr [1] offline [2 3 4]"},
	} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version = test.version
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr("t")
		req.Topics = append(req.Topics, topic)
		resp := handlers(im).Metadata(t.Context(), &request.Context{Listener: "PLAINTEXT"}, req)
		p := resp.Topics[0].Partitions[test.partition]
		got := fmt.Sprintf("leader %d error %d replicas %v isr %v offline %v", p.Leader, p.ErrorCode, p.Replicas, p.ISR, p.OfflineReplicas)
		if got != test.want || p.LeaderEpoch != 7 {
			t.Errorf("version %d partition %d: %s, want %s", test.version, test.partition, got, test.want)
		}
		if len(resp.Brokers) != 1 || resp.Brokers[0].NodeID != 1 || resp.ControllerID != 1 {
			t.Errorf("version %d: brokers %+v, controller %d", test.version, resp.Brokers, resp.ControllerID)
		}
	}
}

// TestMetadataListsABroker: while none is live, the node that answers is listed;
// librdkafka hangs after an empty list.
func TestMetadataListsABroker(t *testing.T) {
	broker := func(id kafka.NodeID, fenced bool) metadata.Record {
		return &metadata.RegisterBrokerRecord{BrokerID: id, Fenced: fenced, Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "h", Port: 9092}}}
	}
	for name, test := range map[string]struct {
		image *metadata.Image
		want  []int32
	}{
		"none is live":    {image(t, nil, broker(1, true), broker(2, true)), []int32{2}},
		"another is live": {image(t, nil, broker(1, false), broker(2, true)), []int32{1}},
		"not registered":  {image(t, nil, broker(1, true)), []int32{}},
	} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 9
		resp := handlers(test.image).Metadata(t.Context(), &request.Context{Listener: "PLAINTEXT", Self: 2}, req)
		got := []int32{}
		for _, b := range resp.Brokers {
			got = append(got, b.NodeID)
		}
		controller := int32(-1)
		if len(test.want) > 0 {
			controller = test.want[0]
		}
		if !slices.Equal(got, test.want) || resp.ControllerID != controller {
			t.Errorf("%s: brokers %v, controller %d, want %v", name, got, resp.ControllerID, test.want)
		}
	}
}

func TestMetadataNamesTopicsAsItsVersionDoes(t *testing.T) {
	h := handlers(image(t, map[string]int32{"a": 1}))
	rc := &request.Context{Listener: "PLAINTEXT"}
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	if resp := h.Metadata(t.Context(), rc, req); len(resp.Topics) != 1 {
		t.Errorf("version 0 with no topics lists %d, want all", len(resp.Topics))
	}
	req.Version = 1
	if resp := h.Metadata(t.Context(), rc, req); len(resp.Topics) != 0 {
		t.Errorf("version 1 with no topics lists %d", len(resp.Topics))
	}
	byID := kmsg.NewMetadataRequestTopic()
	byID.TopicID = kafka.UUID{'a', 1}
	req.Topics = append(req.Topics, byID)
	req.Version = 11
	if resp := h.Metadata(t.Context(), rc, req); resp.Topics[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("version 11 takes an id: %+v", resp.Topics[0])
	}
	req.Version = 12
	if resp := h.Metadata(t.Context(), rc, req); *resp.Topics[0].Topic != "a" {
		t.Errorf("version 12: %+v", resp.Topics[0])
	}
	req.Topics[0] = kmsg.NewMetadataRequestTopic()
	if resp := h.Metadata(t.Context(), rc, req); resp.Topics[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("version 12 with neither name nor id: %+v", resp.Topics[0])
	}
}

// fakeController answers every CreateTopics by remembering it.
type fakeController struct {
	peer.Controller
	created []string
	answer  func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error)
}

func (f *fakeController) Forward(_ context.Context, _ string, req kmsg.Request) (kmsg.Response, error) {
	create := req.(*kmsg.CreateTopicsRequest)
	for i := range create.Topics {
		f.created = append(f.created, fmt.Sprintf("%s/%d/%d/%d", create.Topics[i].Topic, create.Topics[i].NumPartitions, create.Topics[i].ReplicationFactor, len(create.Topics[i].Configs)))
	}
	if f.answer != nil {
		return f.answer(create)
	}
	return kmsg.NewPtrCreateTopicsResponse(), nil
}

func creator(t *testing.T, f *fakeController, overrides ...string) *Creator {
	t.Helper()
	static, _, err := config.Load(config.Sources{Defaults: config.Defaults(), Overrides: overrides})
	if err != nil {
		t.Fatal(err)
	}
	return NewCreator(f, static, slog.New(slog.DiscardHandler))
}

func TestMissingTopicsAreCreated(t *testing.T) {
	f := &fakeController{}
	h := handlers(image(t, map[string]int32{"a": 1}))
	h.Creator = creator(t, f, "num.partitions=4")
	names := func(list ...string) []kmsg.MetadataRequestTopic {
		var topics []kmsg.MetadataRequestTopic
		for i := range list {
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = &list[i]
			topics = append(topics, topic)
		}
		return topics
	}
	for _, test := range []struct {
		name    string
		version int16
		allow   bool
		topics  []kmsg.MetadataRequestTopic
		want    []string
	}{
		{"missing ones once, valid names only", 13, true, names("a", "m", "n", "m", "bad name"), []string{"m/4/-1/0", "n/4/-1/0"}},
		{"not against the client's will", 13, false, names("m"), nil},
		{"old versions do not ask", 3, false, names("m"), []string{"m/4/-1/0"}},
		{"not when all are wanted", 13, true, nil, nil},
		{"internal topics as they must be", 13, true, names(kafka.ConsumerOffsetsTopic), []string{"__consumer_offsets/50/1/3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.created = nil
			req := kmsg.NewPtrMetadataRequest()
			req.Version, req.AllowAutoTopicCreation, req.Topics = test.version, test.allow, test.topics
			h.Metadata(t.Context(), &request.Context{Listener: "PLAINTEXT"}, req)
			if !slices.Equal(f.created, test.want) {
				t.Errorf("created %v, want %v", f.created, test.want)
			}
		})
	}
}

func TestCreateTellsTheFirstFailure(t *testing.T) {
	f := &fakeController{answer: func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		resp := kmsg.NewPtrCreateTopicsResponse()
		for i, code := range []int16{0, kerr.TopicAlreadyExists.Code, kerr.InvalidReplicationFactor.Code} {
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic, topic.ErrorCode = req.Topics[i].Topic, code
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil
	}}
	err := creator(t, f).Create(t.Context(), "", "a", "b", "c")
	if !errors.Is(err, kerr.InvalidReplicationFactor) || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("got %v", err)
	}
}

func TestTopicsAreCreatedInTheBackgroundOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeController{}
		c := creator(t, f)
		for range 3 {
			c.Request("x")
		}
		for i := range 2 * maxCreating {
			c.Request(fmt.Sprint(i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = c.Run(ctx) }()
		synctest.Wait()
		if len(f.created) != maxCreating || f.created[0] != "x/-1/-1/0" {
			t.Errorf("created %d, first %v", len(f.created), f.created[:1])
		}
		c.Request("x")
		synctest.Wait()
		if len(f.created) != maxCreating+1 {
			t.Error("a topic cannot be requested again")
		}
		cancel()
		synctest.Wait()
	})
}

func TestRefusalsReachEveryTopic(t *testing.T) {
	f := &fakeController{answer: func(*kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		return nil, kafka.Errorf(kerr.PolicyViolation, "too much")
	}}
	h := handlers(image(t, nil))
	h.Controller = f
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = make([]kmsg.CreateTopicsRequestTopic, 2)
	resp := h.CreateTopics(t.Context(), &request.Context{}, req)
	if len(resp.Topics) != 2 || resp.Topics[1].ErrorCode != kerr.PolicyViolation.Code || *resp.Topics[1].ErrorMessage != "too much" {
		t.Errorf("got %+v", resp.Topics)
	}
}
