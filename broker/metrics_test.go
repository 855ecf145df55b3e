package broker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// scrape is what /metrics says at one time.
type scrape struct {
	t        *testing.T
	families map[string]*dto.MetricFamily
}

func (n *testNode) scrape() *scrape {
	n.t.Helper()
	var text bytes.Buffer
	if err := n.metrics.Write(n.t.Context(), &text); err != nil {
		n.t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		n.t.Fatal(err)
	}
	return &scrape{n.t, families}
}

// find gives the one sample of a metric that has exactly these labels, given as
// name and value in turns.
func (s *scrape) find(name string, labels ...string) *dto.Metric {
	s.t.Helper()
	var found *dto.Metric
	for _, m := range s.families[name].GetMetric() {
		if maps.Equal(labelsOf(m), pairs(labels)) {
			if found != nil {
				s.t.Fatalf("%s%v is there twice", name, labels)
			}
			found = m
		}
	}
	return found
}

func pairs(list []string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

func (s *scrape) has(name string, labels ...string) bool { return s.find(name, labels...) != nil }

func (s *scrape) value(name string, labels ...string) float64 {
	s.t.Helper()
	m := s.find(name, labels...)
	switch {
	case m == nil:
		s.t.Fatalf("there is no %s%v", name, labels)
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	}
	return m.GetUntyped().GetValue()
}

func (s *scrape) want(want float64, name string, labels ...string) {
	s.t.Helper()
	if got := s.value(name, labels...); got != want {
		s.t.Errorf("%s%v is %v, want %v", name, labels, got, want)
	}
}

// values gives the distinct values that a label of a metric has.
func (s *scrape) values(name, label string) []string {
	seen := map[string]bool{}
	for _, m := range s.families[name].GetMetric() {
		if v, ok := labelsOf(m)[label]; ok {
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// batchAt is a batch of that many records with one timestamp.
func batchAt(at time.Time, records int) []byte {
	b := record.NewBuilder(record.NewOptions(0))
	for i := range records {
		b.Append(at.UnixMilli(), nil, fmt.Append(nil, i))
	}
	return b.Build()
}

// write appends batches to partition 0 and 1 of a topic, and gives their size.
func (c *rawClient) write(topic string, batches map[int32][]byte) (size int) {
	c.t.Helper()
	for partition, batch := range batches {
		resp := ask[*kmsg.ProduceResponse](c, produceRequest(topic, partition, batch))
		if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
			c.t.Fatalf("produce to %s-%d: error %d", topic, partition, code)
		}
		size += len(batch)
	}
	return size
}

func TestMetricsOfTopicsAreTrue(t *testing.T) {
	n := startNode(t)
	n.createTopic("events", 2, nil)
	n.createTopic("other", 1, nil)
	c := n.named()
	size := c.write("events", map[int32][]byte{0: batchAt(time.Now(), 7), 1: batchAt(time.Now(), 30)})
	otherSize := c.write("other", map[int32][]byte{0: batchAt(time.Now(), 5)})
	if code := ask[*kmsg.ProduceResponse](c, produceRequest("events", 0, []byte("nonsense"))).Topics[0].Partitions[0].ErrorCode; code == 0 {
		t.Fatal("nonsense was taken for records")
	}

	s := n.scrape()
	s.want(37, "kafka_server_brokertopicmetrics_messagesin_total", "topic", "events")
	s.want(float64(size), "kafka_server_brokertopicmetrics_bytesin_total", "topic", "events")
	s.want(3, "kafka_server_brokertopicmetrics_totalproducerequests_total", "topic", "events")
	s.want(1, "kafka_server_brokertopicmetrics_failedproducerequests_total", "topic", "events")
	s.want(42, "kafka_server_brokertopicmetrics_messagesin_total")
	s.want(float64(size+otherSize), "kafka_server_brokertopicmetrics_bytesin_total")
	s.want(0, "kafka_server_brokertopicmetrics_bytesout_total")
	s.want(7, "kafka_log_log_logendoffset", "topic", "events", "partition", "0")
	s.want(30, "kafka_log_log_logendoffset", "topic", "events", "partition", "1")
	s.want(float64(otherSize), "kafka_log_log_size", "topic", "other", "partition", "0")
	s.want(float64(size+otherSize), "moldau_log_directory_size_bytes", "logdirectory", n.dir)
	s.want(3, "kafka_server_replicamanager_leadercount")
	s.want(1, "kafka_log_log_numlogsegments", "topic", "events", "partition", "0")

	fetched := ask[*kmsg.FetchResponse](c, fetchRequest("events", 1)).Topics[0].Partitions[0].RecordBatches
	if ask[*kmsg.FetchResponse](c, fetchRequest("nowhere", 0)).Topics[0].Partitions[0].ErrorCode == 0 {
		t.Fatal("records of a topic that does not exist")
	}
	s = n.scrape()
	s.want(float64(len(fetched)), "kafka_server_brokertopicmetrics_bytesout_total", "topic", "events")
	s.want(float64(len(fetched)), "kafka_server_brokertopicmetrics_bytesout_total")
	s.want(1, "kafka_server_brokertopicmetrics_totalfetchrequests_total", "topic", "events")
	s.want(0, "kafka_server_brokertopicmetrics_failedfetchrequests_total", "topic", "events")
	s.want(1, "kafka_server_brokertopicmetrics_failedfetchrequests_total")

	if _, err := n.admin().DeleteTopics(t.Context(), "events"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the metrics of a deleted topic are gone, but not from the total", func() bool {
		s = n.scrape()
		return !s.has("kafka_server_brokertopicmetrics_messagesin_total", "topic", "events") && s.value("kafka_server_brokertopicmetrics_messagesin_total") == 42
	})
}

// A real client's records, a real group's commits.
func TestLagOfGroupsIsTrue(t *testing.T) {
	n := startNode(t)
	n.createTopic("events", 1, nil)
	const records = 50
	old := time.Now().Add(-time.Hour)
	cl := n.client(kgo.DefaultProduceTopic("events"))
	for i := range records { // One batch each.
		r := &kgo.Record{Timestamp: old.Add(time.Duration(i) * time.Minute), Value: fmt.Append(nil, i)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	labels := []string{"group", crashGroup, "topic", "events", "partition", "0"}
	check := func(lag int, oldest time.Time) {
		t.Helper()
		before := time.Now()
		s := n.scrape()
		after := time.Now()
		s.want(float64(lag), "moldau_group_lag", labels...)
		s.want(float64(records-lag), "moldau_group_offset", labels...)
		// Timestamps are in whole milliseconds.
		low, high := before.Sub(oldest).Seconds()-0.002, after.Sub(oldest).Seconds()+0.002
		if age := s.value("moldau_group_lag_seconds", labels...); age < low || age > high {
			t.Errorf("the oldest record is %v seconds old, want %v to %v", age, low, high)
		}
	}
	commit := func(at int64) {
		t.Helper()
		offsets := kadm.Offsets{}
		offsets.AddOffset("events", 0, at, -1)
		if err := commitOnceLoaded(t.Context(), n.admin(), offsets); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []int{0, 20, 49} {
		commit(int64(at))
		check(records-at, old.Add(time.Duration(at)*time.Minute))
		check(records-at, old.Add(time.Duration(at)*time.Minute)) // From memory.
	}
	commit(10)
	if _, err := n.admin().DeleteRecords(t.Context(), offsetsOf("events", 30)); err != nil {
		t.Fatal(err)
	}
	check(40, old.Add(30*time.Minute)) // What is deleted cannot be read any more.
	commit(records)
	s := n.scrape()
	s.want(0, "moldau_group_lag", labels...)
	s.want(0, "moldau_group_lag_seconds", labels...)

	n.restart()
	commit(40)
	check(10, old.Add(40*time.Minute))
	s = n.scrape()
	s.want(1, "moldau_group_state", "group", crashGroup, "state", "Empty")
	s.want(0, "moldau_group_members", "group", crashGroup)
	s.want(1, "kafka_coordinator_group_groupmetadatamanager_numgroupsempty")
	s.want(50, "kafka_server_group_coordinator_metrics_num_partitions", "state", "active")
}

func offsetsOf(topic string, offset int64) kadm.Offsets {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, offset, -1)
	return offsets
}

func TestRequestsAreCountedByAPIVersionAndError(t *testing.T) {
	n := startNode(t)
	n.createTopic("events", 1, nil)
	c := n.named()
	for range 5 {
		ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest())
	}
	ask[*kmsg.ProduceResponse](c, produceRequest(kafka.ConsumerOffsetsTopic, 0, batchAt(time.Now(), 1)))
	c.write("events", map[int32][]byte{0: batchAt(time.Now(), 1)})
	waiting := fetchRequest("events", 0)
	waiting.Topics[0].Partitions[0].FetchOffset = 1
	waiting.MaxWaitMillis, waiting.MinBytes = 200, 1
	ask[*kmsg.FetchResponse](c, waiting)

	// A client may have its response before the broker has counted it.
	eventually(t, "all requests are counted", func() bool {
		s := n.scrape()
		lists := s.find("kafka_network_requestmetrics_requests_total", "request", "ListGroups", "version", "4")
		produces := s.find("kafka_network_requestmetrics_requests_total", "request", "Produce", "version", "9")
		return s.has("kafka_network_requestmetrics_requests_total", "request", "FetchConsumer", "version", "12") &&
			lists.GetCounter().GetValue() == 5 && produces.GetCounter().GetValue() == 2
	})
	s := n.scrape()
	s.want(2, "kafka_network_requestmetrics_requests_total", "request", "Produce", "version", "9")
	s.want(5, "kafka_network_requestmetrics_errors_total", "request", "ListGroups", "error", "NONE")
	s.want(1, "kafka_network_requestmetrics_errors_total", "request", "Produce", "error", "NONE")
	if !s.has("kafka_network_requestmetrics_errors_total", "request", "Produce", "error", "UNKNOWN_TOPIC_OR_PARTITION") {
		t.Errorf("errors of Produce: %v", s.values("kafka_network_requestmetrics_errors_total", "error"))
	}
	for request, count := range map[string]uint64{"ListGroups": 5, "Produce": 2, "FetchConsumer": 1} {
		for _, phase := range []string{"totaltimems", "localtimems", "remotetimems", "responsequeuetimems", "responsesendtimems", "throttletimems", "requestbytes"} {
			name := "kafka_network_requestmetrics_" + phase
			if got := s.find(name, "request", request).GetHistogram().GetSampleCount(); got != count {
				t.Errorf("%s of %s counts %d requests, want %d", name, request, got, count)
			}
		}
	}
	total := s.find("kafka_network_requestmetrics_totaltimems", "request", "FetchConsumer").GetHistogram().GetSampleSum()
	remote := s.find("kafka_network_requestmetrics_remotetimems", "request", "FetchConsumer").GetHistogram().GetSampleSum()
	local := s.find("kafka_network_requestmetrics_localtimems", "request", "FetchConsumer").GetHistogram().GetSampleSum()
	// It waited on the goroutine that handles requests, which must not count as work.
	if total < 199 || remote <= 0 || local > total-remote+1e-6 {
		t.Errorf("a fetch that waited 200 ms took %v ms: %v local, %v remote", total, local, remote)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	n := startNode(t)
	// Settled: nothing else opens or closes connections from now on.
	eventually(t, "the node has tried its own address", func() bool {
		return n.scrape().value("kafka_server_socket_server_metrics_connection_close_total", "listener", "PLAINTEXT") == 1
	})
	open := func() float64 {
		return n.scrape().value("kafka_server_socket_server_metrics_connection_count", "listener", "PLAINTEXT")
	}
	silent := n.dial("PLAINTEXT")
	eventually(t, "the connection is counted", func() bool { return open() == 1 })
	cl := n.client()
	if err := cl.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := n.scrape()
	software := s.values("kafka_server_socket_server_metrics_connections", "clientsoftwarename")
	if !slices.Equal(software, []string{"kgo", "unknown"}) {
		t.Errorf("client software %v", software)
	}
	cl.Close()
	_ = silent.Close()
	eventually(t, "the connections are closed", func() bool { return open() == 0 })
	s = n.scrape()
	created := s.value("kafka_server_socket_server_metrics_connection_creation_total", "listener", "PLAINTEXT")
	s.want(created, "kafka_server_socket_server_metrics_connection_close_total", "listener", "PLAINTEXT")
	s.want(created, "moldau_connections_closed_total", "listener", "PLAINTEXT", "reason", "client")
}

func TestSeriesAreBounded(t *testing.T) {
	n := startNode(t, "moldau.metrics.max.topics=2", "moldau.metrics.max.partitions=4", "moldau.metrics.max.groups=2")
	for _, topic := range []string{"a", "b", "c"} {
		n.createTopic(topic, 3, nil)
		n.produce(topic, 0, 10)
	}
	admin := n.admin()
	for _, group := range []string{"g1", "g2", "g3"} {
		offsets := kadm.Offsets{}
		for p := range int32(3) {
			offsets.AddOffset("a", p, 0, -1)
		}
		eventually(t, "the group commits", func() bool {
			return admin.CommitAllOffsets(t.Context(), group, offsets) == nil
		})
	}
	s := n.scrape()
	topics := s.values("kafka_server_brokertopicmetrics_bytesin_total", "topic")
	if want := []string{kafka.ConsumerOffsetsTopic, "a"}; !slices.Equal(topics, want) {
		t.Errorf("topics %v, want %v", topics, want)
	}
	s.want(2, "moldau_metrics_dropped", "what", "topics")
	// 3 topics of 3 partitions and 50 of __consumer_offsets.
	if got := len(s.families["kafka_log_log_size"].GetMetric()); got != 4 {
		t.Errorf("%d partitions", got)
	}
	s.want(55, "moldau_metrics_dropped", "what", "partitions")
	if groups := s.values("moldau_group_members", "group"); !slices.Equal(groups, []string{"g1", "g2"}) {
		t.Errorf("groups %v", groups)
	}
	s.want(1, "moldau_metrics_dropped", "what", "groups")
	// A group is shown with all its partitions or none.
	if groups := s.values("moldau_group_lag", "group"); !slices.Equal(groups, []string{"g1"}) {
		t.Errorf("groups with lags: %v", groups)
	}
	s.want(3, "moldau_metrics_dropped", "what", "group partitions")
	// Totals know all of them.
	s.want(59, "kafka_server_replicamanager_partitioncount")
	s.want(3, "kafka_coordinator_group_groupmetadatamanager_numgroups")
	if in := s.value("kafka_server_brokertopicmetrics_messagesin_total"); in < 30 {
		t.Errorf("%v records in, want 30 and those of the groups", in)
	}
}

// TestMetricsOfProduceDoNotAllocate compares a node with its counters to the bound
// that holds for the handler alone, see TestHotPathsDoNotAllocatePerRecord.
func TestMetricsOfProduceDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	n := startNode(t)
	n.createTopic("events", 1, nil)
	conn := n.dial("PLAINTEXT")
	batch := batchAt(time.Now(), 1)
	req := produceRequest("events", 0, batch)
	req.Version, req.Topics[0].TopicID = 13, n.raw().topicID("events")
	frame := frameOf(req, 1)
	buf := make([]byte, 4096)
	roundTrip := func() {
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf[:4]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf[4:4+int(buf[2])<<8+int(buf[3])]); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(1000, roundTrip); got > 3 {
		t.Errorf("%v allocations for a produce request, at most 3 are allowed", got)
	}
	if in := n.scrape().value("kafka_server_brokertopicmetrics_messagesin_total", "topic", "events"); in < 1000 {
		t.Errorf("%v records counted", in)
	}
}

// A scrape must not be able to hang, whatever the node is doing.
func TestMetricsAreServedWhileTheNodeStops(t *testing.T) {
	n := startNode(t)
	n.createTopic("events", 1, nil)
	n.stop()
	s := n.scrape()
	s.want(6, "kafka_server_kafkaserver_brokerstate")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.metrics.Write(ctx, io.Discard); err != nil {
		t.Error(err)
	}
	if !strings.Contains(n.ready().Reasons[0].Detail, "stopping") {
		t.Errorf("%+v", n.ready())
	}
}
