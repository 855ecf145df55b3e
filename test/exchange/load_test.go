package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topics of the tests.
const (
	txnTopic       = "transactions"     // Committed and aborted ones, all ended.
	openTxnTopic   = "open-transaction" // One that nobody ended.
	compactedTopic = "compacted"
	deletedTopic   = "deleted"
	rebornTopic    = "reborn"  // With settings, deleted and created without them.
	trimmedTopic   = "trimmed" // By DeleteRecords.
	appendTime     = "log-append-time"
	pinnedTopic    = "idempotent" // Written by a producer that lives across the exchanges.
)

// Groups of the tests.
const (
	classicGroup  = "classic"    // With members that joined and left.
	simpleGroup   = "memberless" // Offsets committed by an admin tool. Its hash is negative, which counts for where it is kept.
	consumerGroup = "consumer"   // KIP-848, of Apache Kafka.
)

var groupNames = []string{classicGroup, simpleGroup, consumerGroup}

// codecs are the topics that are written with each codec of the clients.
var codecs = map[string]kgo.CompressionCodec{
	"codec-none": kgo.NoCompression(), "codec-gzip": kgo.GzipCompression(), "codec-snappy": kgo.SnappyCompression(),
	"codec-lz4": kgo.Lz4Compression(), "codec-zstd": kgo.ZstdCompression(),
}

// smallSegments makes a little data several segments. It is the least that Kafka allows.
var smallSegments = map[string]*string{"segment.bytes": kadm.StringPtr("1048576"), "index.interval.bytes": kadm.StringPtr("2048")}

// writer writes to one broker after the other, and remembers what must be
// found again everywhere.
type writer struct {
	t   *testing.T
	cl  *kgo.Client
	adm *kadm.Client
	// round makes what is written unique.
	round string
}

func newWriter(t *testing.T, addr, round string) *writer {
	cl := dial(t, addr, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return &writer{t: t, cl: cl, adm: kadm.NewClient(cl), round: round}
}

func (w *writer) createTopic(ctx context.Context, name string, partitions int32, configs map[string]*string) {
	w.t.Helper()
	resp, err := w.adm.CreateTopic(ctx, partitions, 1, configs, name)
	check(w.t, errors.Join(err, resp.Err), "create "+name)
}

// createTopics makes the topics of the first round.
func (w *writer) createTopics(ctx context.Context) {
	w.t.Helper()
	for name := range codecs {
		w.createTopic(ctx, name, 2, smallSegments)
	}
	for _, name := range []string{txnTopic, openTxnTopic, trimmedTopic, pinnedTopic, rebornTopic} {
		w.createTopic(ctx, name, 1, smallSegments)
	}
	w.createTopic(ctx, deletedTopic, 1, nil)
	w.createTopic(ctx, appendTime, 1, map[string]*string{
		"message.timestamp.type": kadm.StringPtr("LogAppendTime"), "compression.type": kadm.StringPtr("zstd"), "segment.bytes": kadm.StringPtr("1048576"),
	})
	w.createTopic(ctx, compactedTopic, 1, map[string]*string{
		"cleanup.policy": kadm.StringPtr("compact"), "segment.bytes": kadm.StringPtr("1048576"), "min.cleanable.dirty.ratio": kadm.StringPtr("0.01"),
	})
}

// produce writes about that many bytes to each partition of a topic, in batches,
// with timestamps that are not in order.
func (w *writer) produce(ctx context.Context, topic string, partitions int32, bytes int, opts ...kgo.Opt) {
	w.t.Helper()
	cl := dial(w.t, w.cl.OptValue(kgo.SeedBrokers).([]string)[0], append([]kgo.Opt{
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(40 << 10),
	}, opts...)...)
	defer cl.Close()
	random := rand.New(rand.NewPCG(1, uint64(bytes)))
	var records []*kgo.Record
	for p := range partitions {
		for size, i := 0, 0; size < bytes; i++ {
			r := &kgo.Record{
				Topic: topic, Partition: p, Key: fmt.Appendf(nil, "key-%d", i%50), Value: w.value(random, i),
				Timestamp: time.Now().Add(time.Duration(random.IntN(2000)-1000) * time.Millisecond),
			}
			switch i % 10 {
			case 3:
				r.Headers = []kgo.RecordHeader{{Key: "round", Value: []byte(w.round)}, {Key: "null"}}
			case 5:
				r.Key = nil
			case 7:
				r.Value = nil
			}
			if topic == compactedTopic {
				r.Key = fmt.Appendf(nil, "key-%d", i%50) // A compacted topic takes no record without one.
			}
			size += len(r.Value) + 20
			records = append(records, r)
		}
	}
	check(w.t, cl.ProduceSync(ctx, records...).FirstErr(), "produce to "+topic)
}

// value gives text of which half can be compressed well.
func (w *writer) value(random *rand.Rand, i int) []byte {
	b := fmt.Appendf(nil, "%s %d %s", w.round, i, strings.Repeat("Moldau ", 10+random.IntN(80)))
	for range len(b) {
		b = append(b, byte(' '+random.IntN('~'-' ')))
	}
	return b
}

// produceAll adds to every topic that takes plain records.
func (w *writer) produceAll(ctx context.Context, bytes int) {
	w.t.Helper()
	for name, codec := range codecs {
		w.produce(ctx, name, 2, bytes, kgo.ProducerBatchCompression(codec))
	}
	w.produce(ctx, appendTime, 1, bytes)
	w.produce(ctx, compactedTopic, 1, bytes)
}

// transactions writes transactions that end either way, under one id.
func (w *writer) transactions(ctx context.Context) {
	w.t.Helper()
	cl := dial(w.t, w.cl.OptValue(kgo.SeedBrokers).([]string)[0], kgo.TransactionalID("exchange"), kgo.DefaultProduceTopic(txnTopic))
	defer cl.Close()
	for i := range 6 {
		check(w.t, cl.BeginTransaction(), "begin")
		end := kgo.TransactionEndTry(i%2 == 0)
		for j := range 5 {
			r := &kgo.Record{Key: fmt.Appendf(nil, "%s-%d", w.round, i), Value: fmt.Appendf(nil, "%d committed %t", j, bool(end))}
			check(w.t, cl.ProduceSync(ctx, r).FirstErr(), "produce in a transaction")
		}
		check(w.t, cl.EndTransaction(ctx, end), "end")
	}
	w.awaitStable(ctx, txnTopic)
}

// awaitStable waits until the markers of a topic's transactions are written.
func (w *writer) awaitStable(ctx context.Context, topic string) {
	w.t.Helper()
	w.poll(ctx, "the end of the transactions in "+topic, func() bool {
		stable, err := w.adm.ListCommittedOffsets(ctx, topic)
		check(w.t, err, "stable offsets")
		ends, err := w.adm.ListEndOffsets(ctx, topic)
		check(w.t, err, "end offsets")
		s, _ := stable.Lookup(topic, 0)
		e, _ := ends.Lookup(topic, 0)
		return e.Offset > 0 && s.Offset == e.Offset
	})
}

// openTransaction begins a transaction that nobody ends.
func (w *writer) openTransaction(ctx context.Context) {
	w.t.Helper()
	cl := dial(w.t, w.cl.OptValue(kgo.SeedBrokers).([]string)[0], kgo.TransactionalID("open "+w.round), kgo.DefaultProduceTopic(openTxnTopic), kgo.TransactionTimeout(10*time.Minute))
	check(w.t, cl.BeginTransaction(), "begin")
	check(w.t, cl.ProduceSync(ctx, kgo.StringRecord("in doubt "+w.round)).FirstErr(), "produce in a transaction")
	w.produce(ctx, openTxnTopic, 1, 10_000)
}

// consume lets a member of a group read some records of a topic, commit and leave.
// It gives the offset of the first record of partition 0, which is where the
// group had been.
func (w *writer) consume(ctx context.Context, group, topic string, opts ...kgo.Opt) int64 {
	w.t.Helper()
	cl := dial(w.t, w.cl.OptValue(kgo.SeedBrokers).([]string)[0], append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.FetchMaxPartitionBytes(50_000), kgo.FetchMaxBytes(100_000), kgo.MaxConcurrentFetches(1),
	}, opts...)...)
	first := int64(-1)
	for seen := map[int32]bool{}; !seen[0]; {
		fetches := cl.PollRecords(ctx, 100)
		check(w.t, fetches.Err0(), "consume "+topic)
		fetches.EachError(func(_ string, _ int32, err error) { check(w.t, err, "consume "+topic) })
		fetches.EachRecord(func(r *kgo.Record) {
			seen[r.Partition] = true
			if r.Partition == 0 && first < 0 {
				first = r.Offset
			}
		})
	}
	check(w.t, cl.CommitUncommittedOffsets(ctx), "commit")
	check(w.t, cl.LeaveGroupContext(ctx), "leave")
	cl.Close()
	return first
}

// committed gives where a group is in partition 0 of a topic.
func (w *writer) committed(ctx context.Context, group, topic string) int64 {
	w.t.Helper()
	offsets, err := w.adm.FetchOffsets(ctx, group)
	check(w.t, err, "committed offsets")
	o, ok := offsets.Lookup(topic, 0)
	if !ok {
		w.t.Fatalf("group %s has no offset in %s: %v", group, topic, offsets)
	}
	return o.At
}

func (w *writer) commitSimple(ctx context.Context, at int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "codec-gzip", Partition: 1, At: at, LeaderEpoch: -1, Metadata: "round " + w.round})
	check(w.t, w.adm.CommitAllOffsets(ctx, simpleGroup, offsets), "commit")
}

func (w *writer) deleteRecords(ctx context.Context, before int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: trimmedTopic, Partition: 0, At: before})
	resp, err := w.adm.DeleteRecords(ctx, offsets)
	check(w.t, errors.Join(err, resp.Error()), "delete records")
}

func (w *writer) deleteTopic(ctx context.Context, name string) {
	w.t.Helper()
	resp, err := w.adm.DeleteTopic(ctx, name)
	check(w.t, errors.Join(err, resp.Err), "delete "+name)
}

func (w *writer) alterTopic(ctx context.Context, topic, key, value string) {
	w.t.Helper()
	resps, err := w.adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	check(w.t, err, "alter "+topic)
	for _, r := range resps {
		check(w.t, r.Err, "alter "+topic)
	}
}

func (w *writer) alterBroker(ctx context.Context, key, value string, brokers ...int32) {
	w.t.Helper()
	resps, err := w.adm.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, brokers...)
	check(w.t, err, "alter broker")
	for _, r := range resps {
		check(w.t, r.Err, "alter broker")
	}
}

// producerID asks for a new producer id.
func (w *writer) producerID(ctx context.Context) int64 {
	w.t.Helper()
	var id int64
	w.poll(ctx, "a producer id", func() bool {
		resp, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(ctx, w.cl)
		check(w.t, err, "producer id")
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case errors.Is(err, kerr.CoordinatorLoadInProgress):
			return false // A fresh Apache Kafka says so while it has no block of ids.
		default:
			check(w.t, err, "producer id")
		}
		id = resp.ProducerID
		return true
	})
	return id
}

// awaitCompaction waits until the cleaner has been at work.
func (w *writer) awaitCompaction(ctx context.Context) {
	w.t.Helper()
	w.poll(ctx, "compaction", func() bool {
		s := w.partition(ctx, compactedTopic)
		return int64(len(s.Records)) < s.End*3/4
	})
}

// partition reads partition 0 of a topic.
func (w *writer) partition(ctx context.Context, topic string) *partitionState {
	w.t.Helper()
	meta, err := w.adm.Metadata(ctx, topic)
	check(w.t, err, "metadata")
	return capturePartition(ctx, w.t, w.cl, topic, meta.Topics[topic].ID, 0)
}

// poll repeats a question until the answer is yes or ctx ends.
func (w *writer) poll(ctx context.Context, what string, done func() bool) {
	w.t.Helper()
	for tick := time.NewTicker(50 * time.Millisecond); !done(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("waiting for %s: %v", what, ctx.Err())
		}
	}
}
