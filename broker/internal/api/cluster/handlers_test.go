package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/memfs"
)

func image(t *testing.T, records ...metadata.Record) *metadata.Image {
	t.Helper()
	d := metadata.NewDelta(metadata.EmptyImage())
	for _, r := range records {
		if err := d.Replay(r); err != nil {
			t.Fatal(err)
		}
	}
	return d.Apply(1, 1)
}

func broker(id kafka.NodeID, fenced bool) metadata.Record {
	return &metadata.RegisterBrokerRecord{
		BrokerID: id, Fenced: fenced, Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "127.0.0.1", Port: 9092}},
	}
}

func handlers(im *metadata.Image) *Handlers {
	return &Handlers{
		Image: func() *metadata.Image { return im }, ClusterID: "c", ActiveController: func() kafka.NodeID { return 5 },
	}
}

// testdata/apache_kafka.jsonl holds requests and the answers of an Apache Kafka
// 4.4.0 of one node.
func TestAnswersAreThoseOfApacheKafka(t *testing.T) {
	h := handlers(image(t, broker(1, false)))
	file, err := os.Open("testdata/apache_kafka.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines, number := bufio.NewScanner(file), 1; lines.Scan(); number++ {
		var line struct {
			Req  json.RawMessage `json:"req"`
			Resp any             `json:"resp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version = req.MaxVersion()
		if err := json.Unmarshal(line.Req, req); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(h.DescribeCluster(t.Context(), &request.Context{Listener: "PLAINTEXT"}, req))
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(line.Resp, normal(got)); diff != "" {
			t.Errorf("line %d: %s (-Apache Kafka +Moldau):\n%s", number, line.Req, diff)
		}
	}
}

func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		normalized := map[string]any{}
		for key, value := range v {
			if !slices.Contains([]string{"UnknownTags", "ThrottleMillis", "Version", "ClusterID", "Host", "Port"}, key) {
				normalized[key] = normal(value)
			}
		}
		return normalized
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = normal(v[i])
		}
		return list
	default:
		return v
	}
}

func TestDescribeClusterListsWhoIsAsked(t *testing.T) {
	h := handlers(image(
		t, broker(1, false), broker(2, true),
		&metadata.RegisterControllerRecord{ControllerID: 5, Endpoints: []metadata.Endpoint{{Name: "CONTROLLER", Host: "h5", Port: 9093}}},
	))
	req := kmsg.NewPtrDescribeClusterRequest()
	req.Version, req.EndpointType = 2, endpointBroker
	ask := func(rc *request.Context) string {
		resp := h.DescribeCluster(t.Context(), rc, req)
		ids := []int32{}
		for _, b := range resp.Brokers {
			ids = append(ids, b.NodeID)
		}
		return fmt.Sprintf("error %d nodes %v controller %d", resp.ErrorCode, ids, resp.ControllerID)
	}
	if got := ask(&request.Context{Listener: "PLAINTEXT"}); got != "error 0 nodes [1] controller 1" {
		t.Error(got)
	}
	req.IncludeFencedBrokers = true
	if got := ask(&request.Context{Listener: "PLAINTEXT"}); got != "error 0 nodes [1 2] controller 1" {
		t.Error(got)
	}
	req.EndpointType = endpointController
	if got := ask(&request.Context{Listener: "CONTROLLER", FromController: true}); got != "error 0 nodes [5] controller 5" {
		t.Error(got)
	}
	req.EndpointType = endpointBroker
	if got := ask(&request.Context{Listener: "CONTROLLER", FromController: true}); got != "error 114 nodes [] controller -1" {
		t.Error(got)
	}
}

func TestDescribeLogDirs(t *testing.T) {
	static, _, err := config.Load(config.Sources{Defaults: config.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	logs, err := storage.Open(t.Context(), storage.Options{
		FS: memfs.New(), Dirs: []string{"/data1", "/data2"}, Logger: slog.New(slog.DiscardHandler),
		ConfigFor: func(string) *config.Topic { return static.Broker.TopicDefaults },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = logs.Close(context.Background(), 1) }()
	for _, tp := range []kafka.TopicPartition{{Topic: "b", Partition: 1}, {Topic: "b", Partition: 0}, {Topic: "a", Partition: 0}} {
		if _, err := logs.Create(tp, kafka.UUID{tp.Topic[0]}, kafka.UUID{}); err != nil {
			t.Fatal(err)
		}
	}
	h := handlers(image(t, broker(1, false)))
	h.Logs = logs
	found := func(topics []kmsg.DescribeLogDirsRequestTopic) []string {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Version, req.Topics = req.MaxVersion(), topics
		resp := h.DescribeLogDirs(t.Context(), &request.Context{}, req)
		if len(resp.Dirs) != 2 || resp.Dirs[0].Dir != "/data1" || resp.Dirs[0].ErrorCode != 0 {
			t.Fatalf("got %+v", resp.Dirs)
		}
		var names []string
		for _, d := range resp.Dirs {
			for _, topic := range d.Topics {
				for _, p := range topic.Partitions {
					names = append(names, describePartition(topic.Topic, p.Partition))
				}
			}
		}
		slices.Sort(names)
		return names
	}
	if got := found(nil); !slices.Equal(got, []string{"a-0", "b-0", "b-1"}) {
		t.Errorf("all: %v", got)
	}
	if got := found([]kmsg.DescribeLogDirsRequestTopic{{Topic: "b", Partitions: []int32{1, 7}}, {Topic: "z", Partitions: []int32{0}}}); !slices.Equal(got, []string{"b-1"}) {
		t.Errorf("some: %v", got)
	}
	if got := found([]kmsg.DescribeLogDirsRequestTopic{}); got != nil {
		t.Errorf("none: %v", got)
	}
}

func describePartition(topic string, p int32) string {
	return kafka.TopicPartition{Topic: topic, Partition: p}.String()
}

// refusing is a controller that refuses everything.
type refusing struct {
	peer.Controller
}

func (refusing) Forward(context.Context, string, kmsg.Request) (kmsg.Response, error) {
	return nil, kafka.Errorf(kerr.PolicyViolation, "no")
}

func TestRefusalsReachTheClient(t *testing.T) {
	h := handlers(image(t))
	h.Controller = refusing{}
	ctx, rc := t.Context(), &request.Context{}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0}}}
	reassign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	reassign.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "a", Partitions: make([]kmsg.AlterPartitionAssignmentsRequestTopicPartition, 1)}}
	for name, code := range map[string]int16{
		"DescribeQuorum":              h.DescribeQuorum(ctx, rc, kmsg.NewPtrDescribeQuorumRequest()).ErrorCode,
		"UpdateFeatures":              h.UpdateFeatures(ctx, rc, kmsg.NewPtrUpdateFeaturesRequest()).ErrorCode,
		"UnregisterBroker":            h.UnregisterBroker(ctx, rc, kmsg.NewPtrUnregisterBrokerRequest()).ErrorCode,
		"ElectLeaders":                h.ElectLeaders(ctx, rc, elect).Topics[0].Partitions[0].ErrorCode,
		"AlterPartitionReassignments": h.AlterPartitionReassignments(ctx, rc, reassign).Topics[0].Partitions[0].ErrorCode,
		"ListPartitionReassignments":  h.ListPartitionReassignments(ctx, rc, kmsg.NewPtrListPartitionReassignmentsRequest()).ErrorCode,
	} {
		if !errors.Is(kerr.ErrorForCode(code), kerr.PolicyViolation) {
			t.Errorf("%s: code %d", name, code)
		}
	}
}
