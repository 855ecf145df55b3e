package exchange

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/broker/offline"
	mkafka "moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/test/apachekafka"
)

// segment is more than one segment of the topics with small ones.
const segment = 2_300_000

// chain is one data folder on its way between the brokers.
type chain struct {
	t *testing.T
	scenario
	root string
	dirs []string // Within root.
	node *apachekafka.Node

	// last is what clients saw when the last broker was ended; nil at first.
	last *world
	// producerIDs are all that brokers have given out.
	producerIDs map[int64]bool
	pinned      pinnedProducer
	round       int
}

func TestExchange(t *testing.T) {
	if kafkaError != nil {
		t.Skip(kafkaError)
	}
	for _, c := range []scenario{
		{name: "standalone quorum stopped", snapshots: true, release: "4.0"},
		{name: "static quorum killed", static: true, kill: true},
		{name: "Moldau's standalone quorum killed", byMoldau: true, kill: true, snapshots: true},
		{name: "Moldau's static quorum stopped", byMoldau: true, static: true, dirs: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := newChain(t, c)
			if c.byMoldau {
				ch.visit("moldau", func(ctx context.Context, w *writer) {
					ch.begin(ctx, w)
					ch.onlyInMoldau(ctx, w)
				})
			} else {
				ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
				defer cancel()
				id := mkafka.NewUUID().String()
				check(t, ch.node.Format(ctx, id, c.release), "format")
				ch.visit("kafka", func(ctx context.Context, w *writer) {
					ch.begin(ctx, w)
					ch.onlyInKafka(ctx, w)
				})
				ch.visit("moldau", func(ctx context.Context, w *writer) {
					ch.goOn(ctx, w)
					ch.onlyInMoldau(ctx, w)
					if ch.kill { // Someone who cannot use KIP-848 here goes on with the classic protocol.
						w.consume(ctx, consumerGroup, "codec-zstd")
					}
				})
				if ch.last.ClusterID != id {
					t.Errorf("cluster id %s, formatted with %s", ch.last.ClusterID, id)
				}
			}
			ch.dump()
			ch.visit("kafka", func(ctx context.Context, w *writer) {
				ch.goOn(ctx, w)
				ch.onlyInKafka(ctx, w)
			})
			ch.visit("moldau", ch.goOn)
			ch.dump()
		})
	}
}

// scenario is one way of a data folder.
type scenario struct {
	name string
	// byMoldau says who formats the folder and writes first.
	byMoldau bool
	// static names the quorum by controller.quorum.voters.
	static bool
	// kill ends both brokers with kill -9.
	kill bool
	// snapshots makes either broker write snapshots of the metadata all the time.
	snapshots bool
	// dirs is the number of log directories; 0 is one.
	dirs int
	// release is the release of Apache Kafka whose features the folder has.
	release string
}

func newChain(t *testing.T, c scenario) *chain {
	t.Helper()
	ch := &chain{t: t, root: t.TempDir(), scenario: c, producerIDs: map[int64]bool{}}
	for i := range max(c.dirs, 1) {
		dir := filepath.Join(ch.root, fmt.Sprintf("data%d", i))
		check(t, os.Mkdir(dir, 0o755), "make the data folder")
		ch.dirs = append(ch.dirs, dir)
	}
	properties := map[string]string{
		"log.cleaner.backoff.ms": "200", "log.initial.task.delay.ms": "200",
		// Apache Kafka lets a broker that was killed come back when its session is over.
		"broker.heartbeat.interval.ms": "500", "broker.session.timeout.ms": "3000",
	}
	if c.snapshots {
		properties["metadata.log.max.record.bytes.between.snapshots"] = "3000"
	}
	var err error
	ch.node, err = kafka.NewNode(apachekafka.Options{LogDirs: ch.dirs, WorkDir: t.TempDir(), StaticVoters: c.static, Properties: properties})
	check(t, err, "settings")
	return ch
}

// visit starts a broker on the folder, checks that everything is as the last one
// left it, lets work write, and ends the broker.
func (ch *chain) visit(kind string, work func(ctx context.Context, w *writer)) {
	ch.t.Helper()
	began := time.Now()
	ch.round++
	b := ch.start(kind)
	defer func() { _ = b.Kill() }() // If the test fails half-way.
	defer func() {
		if ch.t.Failed() {
			ch.t.Logf("%s logged:\n%s", kind, excerpt(b.Output()))
		}
	}()
	ctx, cancel := context.WithTimeout(ch.t.Context(), 120*time.Second)
	defer cancel()
	w := newWriter(ch.t, ch.node.Addr(), fmt.Sprintf("%d-%s", ch.round, kind))
	if ch.last != nil {
		now := capture(ctx, ch.t, ch.node.Addr())
		ch.compareWithLast(now)
	}
	started := time.Since(began)
	work(ctx, w)
	ch.last = capture(ctx, ch.t, ch.node.Addr())
	w.cl.Close()
	ch.end(b)
	ch.checkLog(kind, b.Output())
	ch.t.Logf("round %s: %.1f s until it was compared, %.1f s in all", w.round, started.Seconds(), time.Since(began).Seconds())
	if ch.t.Failed() {
		ch.t.FailNow() // What follows would only repeat it.
	}
}

func (ch *chain) start(kind string) broker {
	ch.t.Helper()
	ctx, cancel := context.WithTimeout(ch.t.Context(), startTimeout)
	defer cancel()
	var b broker
	var err error
	if kind == "kafka" {
		b, err = ch.node.Start(ctx)
	} else {
		b, err = startMoldau(ctx, ch.node.PropertiesFile())
	}
	check(ch.t, err, "start "+kind)
	return b
}

func (ch *chain) end(b broker) {
	ch.t.Helper()
	if ch.kill {
		check(ch.t, b.Kill(), "kill")
		return
	}
	ctx, cancel := context.WithTimeout(ch.t.Context(), stopTimeout)
	defer cancel()
	check(ch.t, b.Stop(ctx), "stop")
	for _, dir := range ch.dirs {
		if count(ch.t, dir, ".kafka_cleanshutdown") == 0 {
			ch.t.Errorf("no marker of a clean shutdown in %s", dir)
		}
	}
}

func (ch *chain) compareWithLast(now *world) {
	ch.t.Helper()
	if ch.kill {
		forgetDeletion(ch.last, now)
	}
	compareCompacted(ch.t, ch.last, now)
	compare(ch.t, ch.last, now, func(topic string) bool { return strings.HasPrefix(topic, "__") || topic == openTxnTopic })
}

// troubles are lines that a broker which likes its folder does not log. Of Apache
// Kafka those of the classes count that read the folder: others warn of all sorts
// of things while it starts.
var troubles = regexp.MustCompile(`(?m)^FATAL .*$|^(WARN|ERROR) \S+ (Log|UnifiedLog|LocalLog|ProducerStateManager|KafkaMetadataLog|KafkaRaft|Recording|Snapshot|` +
	`Metadata|CoordinatorRuntime|GroupMetadata|OffsetMetadata|TransactionState|OffsetIndex|TimeIndex|BrokerMetadata|DynamicConfig|TopicConfig).*$|level=(WARN|ERROR).*$`)

// harmless is that Moldau leaves small segments without index files; what it says
// of the records of a KIP-848 group; and that, after a kill, the checkpoint of the
// high watermark may be older than that of the log start offset.
var harmless = regexp.MustCompile(`Could not find offset index file corresponding to log file|Skipped a record; a newer version may have left it|` +
	`Non-monotonic update of high watermark`)

func (ch *chain) checkLog(kind, output string) {
	ch.t.Helper()
	for _, line := range troubles.FindAllString(output, -1) {
		if !harmless.MatchString(line) {
			ch.t.Errorf("%s complains: %s", kind, line)
		}
	}
}

func excerpt(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

func (ch *chain) dump() {
	ch.t.Helper()
	began := time.Now()
	if n := count(ch.t, ch.root, "data*", "codec-none-0", "*.log"); n < 3 {
		ch.t.Errorf("a topic has only %d segments", n)
	}
	if n := count(ch.t, ch.root, "data*", "__cluster_metadata-0", "*.checkpoint"); ch.snapshots && n < 2 {
		ch.t.Errorf("there are only %d snapshots of the metadata", n)
	}
	ctx, cancel := context.WithTimeout(ch.t.Context(), 120*time.Second)
	defer cancel()
	dumpAll(ctx, ch.t, ch.root)
	ch.t.Logf("dump-log: %.1f s", time.Since(began).Seconds())
	_, err := offline.Verify(ctx, ch.dirs, offline.VerifyOptions{}, func(f *offline.Finding) error {
		if f.Severity == offline.Info {
			ch.t.Logf("moldau log verify: %v", f)
		} else {
			ch.t.Errorf("moldau log verify: %v", f)
		}
		return nil
	})
	check(ch.t, err, "moldau log verify")
	if ch.t.Failed() {
		ch.t.FailNow()
	}
}

// begin fills an empty broker.
func (ch *chain) begin(ctx context.Context, w *writer) {
	w.createTopics(ctx)
	w.produceAll(ctx, segment)
	w.produce(ctx, trimmedTopic, 1, segment)
	w.deleteRecords(ctx, 1000)
	w.produce(ctx, deletedTopic, 1, 100_000)
	w.deleteTopic(ctx, deletedTopic)
	w.createTopic(ctx, deletedTopic, 3, nil) // Again, as another topic.
	w.produce(ctx, deletedTopic, 2, 10_000)
	w.alterTopic(ctx, "codec-lz4", "retention.ms", "86400000")
	w.alterBroker(ctx, "log.retention.bytes", "5000000000")
	w.alterBroker(ctx, "log.cleaner.threads", "2", apachekafka.NodeID)
	w.consume(ctx, classicGroup, "codec-none")
	w.commitSimple(ctx, 17)
	ch.pinned.id = mkafka.ProducerID(w.producerID(ctx))
	ch.producerIDs[int64(ch.pinned.id)] = true
	ch.pinned.lastOffset = -1
	ch.pinned.send(ctx, ch.t, w)
}

// goOn continues with what others have begun.
func (ch *chain) goOn(ctx context.Context, w *writer) {
	if id := w.producerID(ctx); ch.producerIDs[id] {
		ch.t.Errorf("producer id %d is given out twice", id)
	} else {
		ch.producerIDs[id] = true
	}
	ch.pinned.send(ctx, ch.t, w)
	w.produceAll(ctx, 300_000)
	w.produce(ctx, deletedTopic, 3, 10_000)
	w.produce(ctx, trimmedTopic, 1, segment/4)
	w.deleteRecords(ctx, 1000+int64(ch.round)*200)
	w.createTopic(ctx, "created-"+w.round, 2, smallSegments)
	w.produce(ctx, "created-"+w.round, 2, 200_000, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	w.createTopic(ctx, "gone-"+w.round, 1, nil)
	w.produce(ctx, "gone-"+w.round, 1, 10_000)
	w.deleteTopic(ctx, "gone-"+w.round)
	w.alterTopic(ctx, "codec-lz4", "retention.ms", fmt.Sprint(86400000+ch.round))
	w.alterTopic(ctx, "codec-gzip", "max.message.bytes", "2000000")
	w.alterBroker(ctx, "log.retention.bytes", fmt.Sprint(5000000000+ch.round))
	at := w.committed(ctx, classicGroup, "codec-none")
	if first := w.consume(ctx, classicGroup, "codec-none"); first != at {
		ch.t.Errorf("the group goes on at %d, it had committed %d", first, at)
	}
	w.commitSimple(ctx, 17+int64(ch.round))
}

// onlyInKafka does what Moldau cannot do itself yet, but must live with.
func (ch *chain) onlyInKafka(ctx context.Context, w *writer) {
	w.transactions(ctx)
	w.openTransaction(ctx)
	w.consume(ctx, consumerGroup, "codec-zstd", kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	w.awaitCompaction(ctx)
	txns := w.partition(ctx, txnTopic)
	if len(txns.Committed) >= len(txns.Records) {
		ch.t.Error("read_committed hides nothing")
	}
}

// onlyInMoldau does what Apache Kafka gets wrong: it gives a topic that is created
// again the settings that its predecessor had, but only after its next start.
func (ch *chain) onlyInMoldau(ctx context.Context, w *writer) {
	w.deleteTopic(ctx, rebornTopic)
	w.createTopic(ctx, rebornTopic, 1, nil)
	w.produce(ctx, rebornTopic, 1, 10_000)
}
