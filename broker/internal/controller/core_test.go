package controller

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

const testCluster = "test-cluster"

// bench drives a Core as its shell does: it appends the records of a Result to
// a log of its own and replays them onto the Core and onto an Image.
type bench struct {
	t     testing.TB
	core  *Core
	now   time.Time
	next  kafka.Offset
	image *metadata.Image
	uuids byte
}

func newBench(t testing.TB, overrides ...string) *bench {
	t.Helper()
	static, _, err := config.Load(config.Sources{Overrides: overrides, Defaults: config.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.UnixMilli(1_000_000), image: metadata.EmptyImage()}
	b.core = New(Options{
		ClusterID: testCluster, NodeID: 1, Config: static,
		Rand: rand.New(rand.NewPCG(1, 2)),
		NewUUID: func() kafka.UUID {
			b.uuids++
			return kafka.UUID{0: b.uuids, 1: 'T', 15: 255}
		},
	})
	return b
}

// do runs one operation and replays what it decided.
func (b *bench) do(op func() Result) Result {
	b.t.Helper()
	b.core.SetNextOffset(b.next)
	result := op()
	if result.Err != nil && (result.Records != nil || result.Response != nil) {
		b.t.Fatalf("refused with %v, and more: %+v", result.Err, result)
	}
	d := metadata.NewDelta(b.image)
	for _, r := range result.Records {
		decoded, err := metadata.Decode(metadata.Encode(r))
		if err != nil {
			b.t.Fatalf("%s: %v", show(r), err)
		}
		if err := d.Replay(decoded); err != nil {
			b.t.Fatalf("%s: %v", show(r), err)
		}
		if err := b.core.Replay(r); err != nil {
			b.t.Fatal(err)
		}
		b.next++
	}
	b.image = d.Apply(b.next-1, 1)
	if !b.image.Equal(b.core.Image()) {
		b.t.Fatalf("the Core and the Image differ after %s", show(result.Records))
	}
	return result
}

// operations maps a script's command to the request it takes and the operation.
func (b *bench) operations() map[string]func(input string) Result {
	return map[string]func(string) Result{
		"create-topics":     operation(b, kmsg.NewPtrCreateTopicsRequest, b.core.CreateTopics),
		"delete-topics":     operation(b, kmsg.NewPtrDeleteTopicsRequest, b.core.DeleteTopics),
		"create-partitions": operation(b, kmsg.NewPtrCreatePartitionsRequest, b.core.CreatePartitions),
		"incremental":       operation(b, kmsg.NewPtrIncrementalAlterConfigsRequest, b.core.IncrementalAlterConfigs),
		"alter-configs":     operation(b, kmsg.NewPtrAlterConfigsRequest, b.core.AlterConfigs),
		"update-features":   operation(b, kmsg.NewPtrUpdateFeaturesRequest, b.core.UpdateFeatures),
		"unregister":        operation(b, kmsg.NewPtrUnregisterBrokerRequest, b.core.UnregisterBroker),
		"producer-ids":      operation(b, kmsg.NewPtrAllocateProducerIDsRequest, b.core.AllocateProducerIDs),
		"alter-partition":   operation(b, kmsg.NewPtrAlterPartitionRequest, b.core.AlterPartition),
		"elect-leaders":     operation(b, kmsg.NewPtrElectLeadersRequest, b.core.ElectLeaders),
		"reassign":          operation(b, kmsg.NewPtrAlterPartitionAssignmentsRequest, b.core.AlterPartitionReassignments),
		"heartbeat-raw":     operation(b, kmsg.NewPtrBrokerHeartbeatRequest, b.core.BrokerHeartbeat),
		"client-quotas":     operation(b, kmsg.NewPtrAlterClientQuotasRequest, b.core.AlterClientQuotas),
	}
}

func operation[R kmsg.Request](b *bench, newRequest func() R, op func(time.Time, R) Result) func(string) Result {
	return func(input string) Result {
		req := newRequest()
		req.SetVersion(req.MaxVersion())
		if err := json.Unmarshal([]byte(input), req); err != nil {
			b.t.Fatalf("%s: %v", input, err)
		}
		return b.do(func() Result { return op(b.now, req) })
	}
}

// registration gives a request as a broker of this software sends it.
func registration(id int32, incarnation byte) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = 4
	req.BrokerID, req.ClusterID, req.PreviousBrokerEpoch = id, testCluster, -1
	req.IncarnationID = [16]byte{incarnation, byte(id), 15: 1}
	req.LogDirs = [][16]byte{{0: byte(id), 1: 'D', 15: 255}}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", "host", 9092
	req.Listeners = append(req.Listeners, l)
	for _, f := range metadata.SupportedFeatures() {
		rf := kmsg.NewBrokerRegistrationRequestFeature()
		rf.Name, rf.MinSupportedVersion, rf.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, rf)
	}
	return req
}

func (b *bench) register(id int32, incarnation byte, change func(*kmsg.BrokerRegistrationRequest)) Result {
	req := registration(id, incarnation)
	if change != nil {
		change(req)
	}
	return b.do(func() Result { return b.core.RegisterBroker(b.now, req) })
}

// heartbeat sends one of a broker that has seen all of the log.
func (b *bench) heartbeat(id int32, change func(*kmsg.BrokerHeartbeatRequest)) Result {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version = 2
	req.BrokerID, req.CurrentMetadataOffset = id, int64(b.next-1)
	if broker := b.core.Image().Broker(kafka.NodeID(id)); broker != nil {
		req.BrokerEpoch = int64(broker.Epoch)
	}
	if change != nil {
		change(req)
	}
	return b.do(func() Result { return b.core.BrokerHeartbeat(b.now, req) })
}

func (b *bench) activate() Result {
	return b.do(func() Result {
		return b.core.Activate(b.now, metadata.BootstrapRecords(metadata.NewestMetadataVersion))
	})
}

// start activates the Core and brings up that many brokers.
func (b *bench) start(brokers int32) {
	b.activate()
	for id := int32(1); id <= brokers; id++ {
		b.register(id, 1, nil)
		b.heartbeat(id, nil)
	}
}

func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		var b *bench
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "new" {
				b = newBench(t, strings.Fields(d.Input)...)
				return ""
			}
			b.t = t
			return runCommand(t, b, d)
		})
	})
}

func runCommand(t *testing.T, b *bench, d *datadriven.TestData) string {
	number := 0
	if d.HasArg("id") {
		d.ScanArgs(t, "id", &number)
	}
	id := int32(number)
	switch d.Cmd {
	case "activate":
		return describeResult(b.activate())
	case "start":
		b.start(id)
		return ""
	case "advance":
		duration, err := time.ParseDuration(d.Input)
		if err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(duration)
		return ""
	case "tick":
		var next time.Time
		result := b.do(func() Result {
			r, at := b.core.Tick(b.now)
			next = at
			return r
		})
		return describeResult(result) + fmt.Sprintf("next in %v\n", next.Sub(b.now))
	case "register":
		incarnation := 1
		if d.HasArg("incarnation") {
			d.ScanArgs(t, "incarnation", &incarnation)
		}
		return describeResult(b.register(id, byte(incarnation), func(req *kmsg.BrokerRegistrationRequest) { merge(t, d.Input, req) }))
	case "heartbeat":
		return describeResult(b.heartbeat(id, func(req *kmsg.BrokerHeartbeatRequest) { merge(t, d.Input, req) }))
	case "isr":
		return describeResult(b.alterISR(t, d))
	case "partitions":
		return describePartitions(b.core.Image())
	case "reassignments":
		req := kmsg.NewPtrListPartitionReassignmentsRequest()
		req.Topics = nil
		return describeResult(b.do(func() Result { return b.core.ListPartitionReassignments(b.now, req) }))
	}
	op := b.operations()[d.Cmd]
	if op == nil {
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return describeResult(op(d.Input))
}

// alterISR sends AlterPartition as the leader of a partition does, with the
// epochs of now unless the input says otherwise.
func (b *bench) alterISR(t *testing.T, d *datadriven.TestData) Result {
	var topicName string
	var broker, id int
	d.ScanArgs(t, "broker", &broker)
	d.ScanArgs(t, "topic", &topicName)
	d.ScanArgs(t, "p", &id)
	var isr []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "isr" {
			isr = arg.Vals
		}
	}
	topic := b.image.Topic(topicName)
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.Partition = int32(id)
	if partition := topic.Partition(int32(id)); partition != nil {
		part.LeaderEpoch, part.PartitionEpoch = int32(partition.LeaderEpoch), int32(partition.PartitionEpoch)
	}
	for _, member := range isr {
		m := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		node, err := strconv.Atoi(member)
		if err != nil {
			t.Fatal(err)
		}
		m.BrokerID, m.BrokerEpoch = int32(node), -1
		if registered := b.image.Broker(kafka.NodeID(node)); registered != nil {
			m.BrokerEpoch = int64(registered.Epoch)
		}
		part.NewEpochISR = append(part.NewEpochISR, m)
	}
	merge(t, d.Input, &part)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = 3
	req.BrokerID, req.BrokerEpoch = int32(broker), int64(b.image.Broker(kafka.NodeID(broker)).Epoch)
	rt := kmsg.NewAlterPartitionRequestTopic()
	rt.TopicID = topic.ID
	rt.Partitions = append(rt.Partitions, part)
	req.Topics = append(req.Topics, rt)
	return b.do(func() Result { return b.core.AlterPartition(b.now, req) })
}

// merge lays the input, a JSON object, over the request.
func merge(t *testing.T, input string, req any) {
	if input == "" {
		return
	}
	if err := json.Unmarshal([]byte(input), req); err != nil {
		t.Fatal(err)
	}
}

func describePartitions(image *metadata.Image) string {
	var s strings.Builder
	for topic := range image.Topics() {
		for id, p := range topic.Partitions() {
			fmt.Fprintf(&s, "%s-%d %s\n", topic.Name, id, show(p))
		}
	}
	return s.String()
}

func describeResult(r Result) string {
	var s strings.Builder
	if r.Err != nil {
		fmt.Fprintf(&s, "refused: %s\n", showError(protocol.Code(r.Err), protocol.Message(r.Err)))
	}
	for _, record := range r.Records {
		name := strings.TrimSuffix(reflect.TypeOf(record).Elem().Name(), "Record")
		fmt.Fprintf(&s, "%s v%d %s\n", name, record.WireVersion(), show(record))
	}
	if r.Response != nil {
		fmt.Fprintf(&s, "-> %s\n", show(r.Response))
	}
	if r.Atomic && len(r.Records) > 1 {
		s.WriteString("atomic\n")
	}
	return s.String()
}

func showError(code int16, message *string) string {
	name := "NONE"
	if err := kerr.TypedErrorForCode(code); err != nil {
		name = err.Message
	}
	if message == nil {
		return name
	}
	return name + ": " + *message
}

// show prints what is not zero, with pointers followed and ids as text.
func show(v any) string { return showValue(reflect.ValueOf(v)) }

func showValue(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return showValue(v.Elem())
	case reflect.Struct:
		return showStruct(v)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = showValue(v.Index(i))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Array:
		id := kafka.UUID{}
		reflect.Copy(reflect.ValueOf(&id).Elem(), v)
		return showID(id)
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// showID shortens the ids that the bench makes.
func showID(id kafka.UUID) string {
	if id[15] == 255 {
		return fmt.Sprintf("%c%d", id[1], id[0])
	}
	return fmt.Sprintf("%x", id[:2])
}

func showStruct(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch {
		case name == "Version" || name == "UnknownTags" || name == "ThrottleMillis":
		case name == "ErrorCode" && f.Int() != 0:
			parts = append(parts, showError(int16(f.Int()), nil))
		case name == "Configs" && f.Len() > 5:
			parts = append(parts, fmt.Sprintf("Configs:%d", f.Len()))
		case f.Kind() == reflect.Slice && f.IsNil(), f.Kind() != reflect.Slice && f.IsZero():
		default:
			parts = append(parts, name+":"+showValue(f))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}
