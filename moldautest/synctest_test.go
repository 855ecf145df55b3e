package moldautest_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/moldautest"
)

const day = 24 * time.Hour

// inBubble runs a test with a broker in a bubble, whose time passes at once.
func inBubble(t *testing.T, test func(t *testing.T, b *moldautest.Broker), opts ...moldautest.Option) {
	t.Helper()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		bubbleBegan := time.Now()
		test(t, moldautest.Start(t, append(opts, moldautest.WithVirtualNetwork())...))
		t.Logf("%v passed in the bubble", time.Since(bubbleBegan).Round(time.Second))
	})
	t.Logf("%v passed outside", time.Since(began).Round(time.Millisecond))
}

// TestRetentionDeletesSegments produces a record on each of three days, and finds
// each gone seven days later.
func TestRetentionDeletesSegments(t *testing.T) {
	inBubble(t, func(t *testing.T, b *moldautest.Broker) {
		for range 3 {
			produce(t, b, "t", "x")
			time.Sleep(day)
		}
		time.Sleep(time.Hour) // Retention looks every few minutes.
		adm := kadm.NewClient(b.Client())
		for i, want := range []int64{0, 0, 0, 0, 1, 2, 3} {
			starts, err := adm.ListStartOffsets(t.Context(), "t")
			if err != nil {
				t.Fatal(err)
			}
			if start, _ := starts.Lookup("t", 0); start.Err != nil || start.Offset != want {
				t.Errorf("on day %d the log starts at %d, %v, want %d", 3+i, start.Offset, start.Err, want)
			}
			time.Sleep(day)
		}
	}, moldautest.WithTopic("t", 1, "retention.ms=604800000", "segment.ms=3600000"))
}

// consumeInBackground has a member of a group consume until the test ends.
func consumeInBackground(t *testing.T, b *moldautest.Broker, clientID string) *kgo.Client {
	t.Helper()
	cl := b.Client(kgo.ClientID(clientID), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"),
		kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(45*time.Second), kgo.RebalanceTimeout(time.Minute))
	go func() {
		for !cl.PollFetches(context.Background()).IsClientClosed() {
		}
	}()
	return cl
}

// wantShares checks how many partitions each member of the group has.
func wantShares(t *testing.T, adm *kadm.Client, want map[string]int) {
	t.Helper()
	groups, err := adm.DescribeGroups(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, m := range groups["g"].Members {
		if a, ok := m.Assigned.AsConsumer(); ok && len(a.Topics) == 1 {
			got[m.ClientID] = len(a.Topics[0].Partitions)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the members have %v partitions, want %v; the group is %s", got, want, groups["g"].State)
	}
}

// TestSilentMemberLosesItsPartitions cuts one of two members off from the broker:
// after its session timeout the other one has all partitions.
func TestSilentMemberLosesItsPartitions(t *testing.T) {
	inBubble(t, func(t *testing.T, b *moldautest.Broker) {
		consumeInBackground(t, b, "one")
		consumeInBackground(t, b, "two")
		adm := kadm.NewClient(b.Client())
		time.Sleep(time.Minute)
		wantShares(t, adm, map[string]int{"one": 2, "two": 2})
		b.Inject(moldautest.Fault{Disconnect: true, ClientID: "two"})
		time.Sleep(40 * time.Second) // Its last heartbeat was three seconds ago at most.
		wantShares(t, adm, map[string]int{"one": 2, "two": 2})
		time.Sleep(20 * time.Second)
		wantShares(t, adm, map[string]int{"one": 4})
	}, moldautest.WithTopic("t", 4))
}

// TestCommittedOffsetsExpire commits and leaves: a day before the end of
// offsets.retention.minutes the offset is there, a day after it is not.
func TestCommittedOffsetsExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, b *moldautest.Broker) {
		produce(t, b, "t", "x")
		cl := b.Client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		poll(t, cl, 1)
		if err := cl.CommitUncommittedOffsets(t.Context()); err != nil {
			t.Fatal(err)
		}
		cl.Close()
		adm := kadm.NewClient(b.Client())
		committed := func() bool {
			t.Helper()
			offsets, err := adm.FetchOffsets(t.Context(), "g")
			if err != nil {
				t.Fatal(err)
			}
			o, ok := offsets.Lookup("t", 0)
			return ok && o.At == 1
		}
		time.Sleep(6 * day)
		if !committed() {
			t.Error("the offset is gone after six days")
		}
		time.Sleep(2 * day)
		if committed() {
			t.Error("the offset is there after eight days")
		}
	}, moldautest.WithTopic("t", 1))
}

// TestClocksOfBubblesDoNotMix compresses in one bubble after the other: nothing
// that is kept for reuse may belong to the first.
func TestClocksOfBubblesDoNotMix(t *testing.T) {
	for range 2 {
		inBubble(t, func(t *testing.T, b *moldautest.Broker) {
			for topic, codec := range map[string]kgo.CompressionCodec{
				"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.NoCompression(),
			} {
				// The broker unpacks every one of them and packs it again.
				b.CreateTopic(topic, 1, "compression.type="+topic)
				cl := b.Client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec))
				if err := cl.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
					t.Errorf("%s: %v", topic, err)
				}
			}
		})
	}
}
