package configs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// node is a controller's core without a log: what it decides is committed.
type node struct {
	peer.Controller
	t    *testing.T
	core *controller.Core
	next kafka.Offset
}

func (n *node) do(result controller.Result) (any, error) {
	n.t.Helper()
	if result.Err != nil {
		return nil, result.Err
	}
	for _, record := range result.Records {
		if err := n.core.Replay(record); err != nil {
			n.t.Fatal(err)
		}
		n.next++
		n.core.SetNextOffset(n.next)
	}
	return result.Response, nil
}

// Forward implements peer.Controller.
func (n *node) Forward(_ context.Context, _ string, req kmsg.Request) (kmsg.Response, error) {
	now := time.Now()
	var result controller.Result
	switch req := req.(type) {
	case *kmsg.CreateTopicsRequest:
		result = n.core.CreateTopics(now, req)
	case *kmsg.IncrementalAlterConfigsRequest:
		result = n.core.IncrementalAlterConfigs(now, req)
	case *kmsg.AlterConfigsRequest:
		result = n.core.AlterConfigs(now, req)
	default:
		n.t.Fatalf("unexpected %T", req)
	}
	resp, err := n.do(result)
	if err != nil {
		return nil, err
	}
	return resp.(kmsg.Response), nil
}

func startNode(t *testing.T) (*node, *Handlers) {
	t.Helper()
	static, _, err := config.Load(config.Sources{Defaults: config.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	core := controller.New(controller.Options{ClusterID: "c", NodeID: static.Broker.NodeID, Config: static})
	n := &node{t: t, core: core}
	level := &slog.LevelVar{}
	h := &Handlers{Controller: n, Image: core.Image, Config: static, LogLevel: level, Logger: slog.New(slog.DiscardHandler)}
	now := time.Now()
	_, _ = n.do(core.Activate(now, metadata.BootstrapRecords(metadata.NewestMetadataVersion)))
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID, req.LogDirs = 4, int32(static.Broker.NodeID), "c", [][16]byte{{1, 2, 3}}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name = "PLAINTEXT"
	req.Listeners = append(req.Listeners, l)
	for _, f := range metadata.SupportedFeatures() {
		rf := kmsg.NewBrokerRegistrationRequestFeature()
		rf.Name, rf.MinSupportedVersion, rf.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, rf)
	}
	if _, err := n.do(core.RegisterBroker(now, req)); err != nil {
		t.Fatal(err)
	}
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	b := core.Image().Broker(static.Broker.NodeID)
	beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = int32(b.ID), int64(b.Epoch), int64(n.next)
	if _, err := n.do(core.BrokerHeartbeat(now, beat)); err != nil {
		t.Fatal(err)
	}
	return n, h
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

// testdata/apache_kafka.jsonl is a session with an Apache Kafka 4.4.0 of one
// node: each line has an operation, the request and the answer.
func TestAnswersAreThoseOfApacheKafka(t *testing.T) {
	n, h := startNode(t)
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
		case "create-topics":
			serve(t, kmsg.NewPtrCreateTopicsRequest(), line.Req, func(ctx context.Context, _ *request.Context, req *kmsg.CreateTopicsRequest) any {
				if _, err := n.Forward(ctx, "", req); err != nil {
					t.Fatal(err)
				}
				return nil
			})
		case "incremental":
			got = serve(t, kmsg.NewPtrIncrementalAlterConfigsRequest(), line.Req, h.IncrementalAlterConfigs)
		case "alter-configs":
			got = serve(t, kmsg.NewPtrAlterConfigsRequest(), line.Req, h.AlterConfigs)
		case "describe-configs":
			got = serve(t, kmsg.NewPtrDescribeConfigsRequest(), line.Req, h.DescribeConfigs)
		case "list-config-resources":
			got = serve(t, kmsg.NewPtrListConfigResourcesRequest(), line.Req, h.ListConfigResources)
		}
		if diff := cmp.Diff(normal(line.Resp), normal(got)); diff != "" {
			t.Errorf("line %d: %s %s (-Apache Kafka +Moldau):\n%s", number, line.Op, line.Req, diff)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// normal leaves out what is no part of the answer, and sorts lists whose order
// means nothing.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		normalized := map[string]any{}
		for key, value := range v {
			if !slices.Contains([]string{"UnknownTags", "ThrottleMillis", "Version", "Documentation"}, key) {
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

func TestLogLevelIsSetAndTold(t *testing.T) {
	_, h := startNode(t)
	id := fmt.Sprint(h.nodeID())
	set := json.RawMessage(`{"Resources":[{"ResourceType":"BROKER_LOGGER","ResourceName":"` + id + `","Configs":[{"Name":"root","Op":"SET","Value":"DEBUG"}]}]}`)
	if got := fmt.Sprint(serve(t, kmsg.NewPtrIncrementalAlterConfigsRequest(), set, h.IncrementalAlterConfigs)); !strings.Contains(got, "ErrorCode:0") {
		t.Fatal(got)
	}
	if h.LogLevel.Level() != slog.LevelDebug {
		t.Errorf("level %v", h.LogLevel.Level())
	}
	describe := json.RawMessage(`{"Resources":[{"ResourceType":"BROKER_LOGGER","ResourceName":"` + id + `"}]}`)
	if got := fmt.Sprint(serve(t, kmsg.NewPtrDescribeConfigsRequest(), describe, h.DescribeConfigs)); !strings.Contains(got, "Value:DEBUG") {
		t.Error(got)
	}
}

func TestUnknownResourceTypesAndOperationsAreRefused(t *testing.T) {
	_, h := startNode(t)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = req.MaxVersion()
	badOp := []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "a", Op: 9, Value: new(string)}}
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{
		{ResourceType: 99, ResourceName: "x"},
		{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: fmt.Sprint(h.nodeID()), Configs: badOp},
	}
	for i, r := range h.IncrementalAlterConfigs(t.Context(), &request.Context{}, req).Resources {
		if r.ErrorCode != 42 || r.ErrorMessage == nil {
			t.Errorf("resource %d: %d", i, r.ErrorCode)
		}
	}
	at := h.IncrementalAlterConfigs(t.Context(), &request.Context{FromController: true}, req).Resources
	if at[0].ErrorCode != kerr.UnsupportedVersion.Code || at[1].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("at the controller's listener: %d, %d", at[0].ErrorCode, at[1].ErrorCode)
	}
}
