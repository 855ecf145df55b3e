package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// testNode is a node in a folder of its own, with the clients that drive it.
type testNode struct {
	*Node
	t   *testing.T
	dir string
	cfg Config
}

// startNode starts a node on free ports of localhost.
func startNode(t *testing.T, overrides ...string) *testNode {
	t.Helper()
	n := &testNode{t: t, dir: t.TempDir()}
	n.cfg = Config{Logger: testLogger(t), Overrides: append([]string{
		"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=", "log.dirs=" + n.dir,
		"controller.quorum.bootstrap.servers=localhost:0",
	}, overrides...)}
	n.start()
	return n
}

func (n *testNode) start() {
	n.t.Helper()
	node, err := Start(n.t.Context(), n.cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	n.Node = node
	n.t.Cleanup(n.stop)
}

func (n *testNode) stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		n.t.Errorf("shutdown: %v", err)
	}
}

// restart stops the node cleanly and starts it again on its folder.
func (n *testNode) restart() {
	n.t.Helper()
	n.stop()
	n.start()
}

func (n *testNode) client(opts ...kgo.Opt) *kgo.Client {
	n.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(n.Addr("PLAINTEXT").String()), kgo.RetryTimeout(20 * time.Second)}, opts...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(cl.Close)
	return cl
}

func (n *testNode) admin() *kadm.Client { return kadm.NewClient(n.client()) }

func (n *testNode) createTopic(topic string, partitions int32, configs map[string]*string) {
	n.t.Helper()
	if _, err := n.admin().CreateTopic(n.t.Context(), partitions, 1, configs, topic); err != nil {
		n.t.Fatal(err)
	}
}

// produce writes that many records, "topic/i" as value, and waits for their acknowledgements.
func (n *testNode) produce(topic string, from, count int, opts ...kgo.Opt) {
	n.t.Helper()
	cl := n.client(append([]kgo.Opt{kgo.DefaultProduceTopic(topic)}, opts...)...)
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Key: fmt.Append(nil, i+from), Value: fmt.Appendf(nil, "%s/%d", topic, i+from)}
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		n.t.Fatalf("produce %d records to %s: %v", count, topic, err)
	}
	cl.Close()
}

// consume reads that many records of the topic from the start, by partition.
func (n *testNode) consume(topic string, count int, opts ...kgo.Opt) map[int32][]*kgo.Record {
	n.t.Helper()
	cl := n.client(append([]kgo.Opt{kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, opts...)...)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	byPartition, got := map[int32][]*kgo.Record{}, 0
	for got < count {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			n.t.Fatalf("after %d of %d records: %v", got, count, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			byPartition[r.Partition] = append(byPartition[r.Partition], r)
			got++
		})
	}
	if got != count {
		n.t.Fatalf("%d records, want %d", got, count)
	}
	return byPartition
}

// checkDense fails unless each partition's offsets go up by one from 0, and every
// value of 0 to count comes once.
func checkDense(t *testing.T, topic string, byPartition map[int32][]*kgo.Record, count int) {
	t.Helper()
	seen := map[string]bool{}
	for p, records := range byPartition {
		for i, r := range records {
			if r.Offset != int64(i) {
				t.Fatalf("partition %d: record %d has offset %d", p, i, r.Offset)
			}
			seen[string(r.Value)] = true
		}
	}
	for i := range count {
		if v := fmt.Sprintf("%s/%d", topic, i); !seen[v] {
			t.Fatalf("record %s is missing", v)
		}
	}
}

// testLogger shows warnings and errors of the node in the test's output.
func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func TestEveryCodecRoundTripsAndSurvivesARestart(t *testing.T) {
	n := startNode(t)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		n.createTopic(name, 3, nil)
		n.produce(name, 0, 1000, kgo.ProducerBatchCompression(codec))
		checkDense(t, name, n.consume(name, 1000), 1000)
	}
	n.restart()
	for name := range codecs {
		n.produce(name, 1000, 10)
		checkDense(t, name, n.consume(name, 1010), 1010)
	}
}

func TestTopicIsRecompressedAsItsConfigurationSays(t *testing.T) {
	n := startNode(t)
	n.createTopic("z", 1, map[string]*string{"compression.type": kadm.StringPtr("zstd")})
	n.produce("z", 0, 500, kgo.ProducerBatchCompression(kgo.GzipCompression()))
	records := n.consume("z", 500)
	checkDense(t, "z", records, 500)
	for _, r := range records[0] {
		if got := r.Attrs.CompressionType(); got != 4 {
			t.Fatalf("record %d has codec %d, want zstd", r.Offset, got)
		}
	}
}

func TestTopicIsCreatedOnFirstUse(t *testing.T) {
	n := startNode(t)
	n.produce("fresh", 0, 5, kgo.AllowAutoTopicCreation())
	checkDense(t, "fresh", n.consume("fresh", 5), 5)
}

func TestConsumerGroupKeepsItsOffsetsAcrossRestart(t *testing.T) {
	n := startNode(t)
	n.createTopic("orders", 4, nil)
	n.produce("orders", 0, 100)
	read := func(want int) {
		t.Helper()
		cl := n.client(kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
		defer cl.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for got := 0; got < want; {
			fetches := cl.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("after %d of %d: %v", got, want, err)
			}
			got += fetches.NumRecords()
		}
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatal(err)
		}
	}
	read(100)
	n.restart()
	n.produce("orders", 100, 40)
	read(40)
	lags, err := n.admin().Lag(t.Context(), "billing")
	if err != nil || lags["billing"].Lag.Total() != 0 {
		t.Fatalf("lag %d, %v", lags["billing"].Lag.Total(), err)
	}
}

func TestWorkIsSharedAmongMembersOfAGroup(t *testing.T) {
	n := startNode(t)
	n.createTopic("shared", 6, nil)
	var members []*kgo.Client
	for range 3 {
		members = append(members, n.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("shared"), kgo.Balancers(kgo.CooperativeStickyBalancer())))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, m := range members {
		go func() {
			for ctx.Err() == nil {
				m.PollFetches(ctx)
			}
		}()
	}
	admin := n.admin()
	for {
		groups, err := admin.DescribeGroups(ctx, "g")
		if err != nil {
			t.Fatal(err)
		}
		shares := map[int]int{}
		for _, m := range groups["g"].Members {
			if a, ok := m.Assigned.AsConsumer(); ok && len(a.Topics) == 1 {
				shares[len(a.Topics[0].Partitions)]++
			}
		}
		if groups["g"].State == "Stable" && shares[2] == 3 {
			return
		}
	}
}

func TestIdempotentProducerIsDescribed(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	n.produce("t", 0, 10)
	described, err := n.admin().DescribeProducers(t.Context(), kadm.TopicsSet{"t": {0: {}}})
	if err != nil {
		t.Fatal(err)
	}
	producers := described.SortedProducers()
	if len(producers) != 1 || producers[0].LastSequence != 9 {
		t.Fatalf("producers %+v", producers)
	}
}

func TestAdminSeesAndChangesTopics(t *testing.T) {
	n := startNode(t)
	admin, ctx := n.admin(), t.Context()
	n.createTopic("a", 2, map[string]*string{"retention.ms": kadm.StringPtr("60000")})
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, "a"); !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatalf("creating again: %v", err)
	}
	if _, err := admin.CreatePartitions(ctx, 3, "a"); err != nil {
		t.Fatal(err)
	}
	topics, err := admin.ListTopics(ctx)
	if err != nil || len(topics["a"].Partitions) != 5 {
		t.Fatalf("topics %v, %v", topics, err)
	}
	n.produce("a", 0, 50)
	if _, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("200")}}, "a"); err != nil {
		t.Fatal(err)
	}
	big := n.client(kgo.DefaultProduceTopic("a"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := big.ProduceSync(ctx, &kgo.Record{Value: make([]byte, 500)}).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatalf("a batch above max.message.bytes: %v", err)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" && (c.MaybeValue() != "60000" || c.Source != kmsg.ConfigSourceDynamicTopicConfig) {
			t.Fatalf("retention.ms %+v", c)
		}
	}
	if _, err := admin.DeleteTopics(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	// A client of its own: the other one remembers the metadata for a while.
	if topics, err = n.admin().ListTopics(ctx); err != nil || topics.Has("a") {
		t.Fatalf("after the deletion: %v, %v", topics, err)
	}
}

func TestDynamicBrokerConfigurationTakesEffectAtOnce(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	ctx := t.Context()
	if _, err := n.admin().AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.max.bytes", Value: kadm.StringPtr("300")}}); err != nil {
		t.Fatal(err)
	}
	cl := n.client(kgo.DefaultProduceTopic("t"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := cl.ProduceSync(ctx, &kgo.Record{Value: make([]byte, 500)}).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatalf("a batch above message.max.bytes: %v", err)
	}
	answers, err := n.admin().AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.connections.per.ip", Value: kadm.StringPtr("1")}})
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := n.client(kgo.RequestRetries(0)).Ping(ctx); err == nil {
		t.Fatal("a connection was accepted beyond max.connections.per.ip")
	}
}

func TestDeleteRecordsMovesTheStart(t *testing.T) {
	n := startNode(t)
	n.createTopic("d", 1, nil)
	n.produce("d", 0, 100)
	var upTo kadm.Offsets
	upTo.Add(kadm.Offset{Topic: "d", Partition: 0, At: 60})
	deleted, err := n.admin().DeleteRecords(t.Context(), upTo)
	if err != nil || deleted.Error() != nil {
		t.Fatal(err, deleted.Error())
	}
	crashed := startNode(t, "log.dirs="+copyFolder(t, n.dir))
	for _, n := range []*testNode{n, crashed} {
		starts, err := n.admin().ListStartOffsets(t.Context(), "d")
		if o, _ := starts.Lookup("d", 0); err != nil || o.Offset != 60 {
			t.Fatalf("start %+v, %v", o, err)
		}
	}
	n.restart()
	if records := n.consume("d", 40); records[0][0].Offset != 60 {
		t.Fatalf("first offset %d", records[0][0].Offset)
	}
}

func TestFlushMessagesAcknowledgesWhatIsOnDisk(t *testing.T) {
	n := startNode(t)
	n.createTopic("f", 2, map[string]*string{"flush.messages": kadm.StringPtr("1")})
	n.produce("f", 0, 200, kgo.MaxBufferedRecords(50))
	checkDense(t, "f", n.consume("f", 200), 200)
}

// TestLeaderRecoversAfterACrash starts a second node on a copy of the first one's
// folder, taken while it runs: nothing says that it was shut down cleanly.
func TestLeaderRecoversAfterACrash(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 3, nil)
	n.produce("t", 0, 30)
	crashed := startNode(t, "log.dirs="+copyFolder(t, n.dir))
	checkDense(t, "t", crashed.consume("t", 30), 30)
	deadline := time.Now().Add(20 * time.Second)
	for p := range int32(3) {
		for crashed.replicas.Image().Topic("t").Partition(p).LeaderRecoveryState != metadata.LeaderRecovered {
			if time.Now().After(deadline) {
				t.Fatalf("partition %d is still recovering", p)
			}
			if err := crashed.quorum.WaitOffset(t.Context(), crashed.quorum.PublishedOffset()+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	crashed.produce("t", 30, 5)
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestControllerLearnsWhichDirectoryAPartitionIsIn(t *testing.T) {
	n := startNode(t)
	n.stop()
	n.cfg.Overrides = append(n.cfg.Overrides, "log.dirs="+n.dir+","+t.TempDir())
	n.start()
	n.createTopic("t", 4, nil)
	used := map[kafka.UUID]int{}
	for p := range int32(4) {
		tp := kafka.TopicPartition{Topic: "t", Partition: p}
		log, ok := n.logs.Log(tp)
		if !ok {
			t.Fatalf("no log of %v", tp)
		}
		for {
			dir, _ := n.replicas.Image().Partition(tp).Directory(n.nodeID())
			if dir == log.DirectoryID() {
				used[dir]++
				break
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err := n.quorum.WaitOffset(ctx, n.quorum.PublishedOffset()+1)
			cancel()
			if err != nil {
				t.Fatalf("%v is in %v, but the metadata says %v: %v", tp, log.DirectoryID(), dir, err)
			}
		}
	}
	if len(used) != 2 {
		t.Fatalf("partitions per directory %v, want both used", used)
	}
}

func TestUnusableLogDirectoryLeavesTheOthersServing(t *testing.T) {
	broken := t.TempDir() + "/file"
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := t.TempDir()
	n := startNode(t, "log.dirs="+good+","+broken)
	n.createTopic("t", 4, nil)
	n.produce("t", 0, 20)
	checkDense(t, "t", n.consume("t", 20), 20)
	cfg := n.cfg
	cfg.Overrides = append(cfg.Overrides, "log.dirs="+broken)
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Fatalf("started without any log directory: %v", err)
	}
}

// TestLogOfADeletedTopicIsNotTakenForItsSuccessor puts the folder of a deleted
// topic back where its successor of the same name belongs: what is left when the
// node dies between the deletion in the metadata and on the disk.
func TestLogOfADeletedTopicIsNotTakenForItsSuccessor(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	n.produce("t", 0, 7)
	n.stop()
	old := copyFolder(t, n.dir+"/t-0")
	n.start()
	if _, err := n.admin().DeleteTopics(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	n.createTopic("t", 1, nil)
	n.stop()
	if err := errors.Join(os.RemoveAll(n.dir+"/t-0"), os.CopyFS(n.dir+"/t-0", os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	n.start()
	n.produce("t", 0, 3)
	checkDense(t, "t", n.consume("t", 3), 3)
	strays, err := filepath.Glob(n.dir + "/t-0.*-stray")
	if err != nil || len(strays) != 1 {
		t.Fatalf("folders set aside: %v, %v", strays, err)
	}
}

func TestUnreachableAdvertisedListenerIsExplained(t *testing.T) {
	closed, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	warnings := &warningLog{seen: make(chan string, 16)}
	cfg := Config{Logger: slog.New(slog.NewTextHandler(warnings, nil)), Overrides: []string{
		"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "advertised.listeners=PLAINTEXT://" + address, "moldau.http.listener=",
		"log.dirs=" + t.TempDir(), "controller.quorum.bootstrap.servers=localhost:0",
	}}
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	select {
	case line := <-warnings.seen:
		if !strings.Contains(line, "cure=\"set advertised.listeners") || !strings.Contains(line, address) {
			t.Fatalf("the warning says %s", line)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no warning about the advertised address")
	}
}

// warningLog hands over the lines that tell of a cure.
type warningLog struct{ seen chan string }

func (w *warningLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "cure=") {
		w.seen <- string(p)
	}
	return len(p), nil
}

func TestSecondProcessOnAFolderIsRefused(t *testing.T) {
	n := startNode(t)
	cfg := n.cfg
	_, err := Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("started: %v", err)
	}
}

func TestForeignFoldersAreRefused(t *testing.T) {
	n := startNode(t)
	n.stop()
	for override, want := range map[string]string{
		"node.id=7": "set node.id=1",
	} {
		cfg := n.cfg
		cfg.Overrides = append(cfg.Overrides, override)
		if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", override, err, want)
		}
	}
	cfg := n.cfg
	cfg.Environ = []string{"CLUSTER_ID=AAAAAAAAQACAAAAAAAAAAA"}
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "belongs to cluster") {
		t.Errorf("another cluster: %v", err)
	}
	other := startNode(t)
	other.stop()
	cfg = n.cfg
	cfg.Overrides = append(cfg.Overrides, "log.dirs="+n.dir+","+other.dir)
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "choose the folders of one cluster") {
		t.Errorf("folders of two clusters: %v", err)
	}
	file := n.dir + "/meta.properties"
	for _, damaged := range []string{"", "garbage\n", "broker.id=1\n"} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "restore the file") {
			t.Errorf("with meta.properties %q: %v", damaged, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), n.cfg); err == nil || !strings.Contains(err.Error(), "meta.properties") {
		t.Errorf("without meta.properties: %v", err)
	}
}
