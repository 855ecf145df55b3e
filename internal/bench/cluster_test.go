package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/moldautest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open connects to a broker of the test.
func open(t *testing.T, opts ...moldautest.Option) (*moldautest.Broker, *Cluster) {
	t.Helper()
	b := moldautest.Start(t, opts...)
	c, err := Open(t.Context(), Config{Options: []kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext)}, PIDs: []int{os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return b, c
}

// topics lists the topics of a broker that are not its own.
func topics(t *testing.T, b *moldautest.Broker) []string {
	t.Helper()
	listed, err := kadm.NewClient(b.Client()).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return listed.Names()
}

// records counts the records of a topic.
func records(t *testing.T, b *moldautest.Broker, topic string) int64 {
	t.Helper()
	ends, err := kadm.NewClient(b.Client()).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum
}

// small is a load that is over at once.
func small() ProduceOptions {
	return ProduceOptions{
		Topic: Topic{Partitions: 3}, Window: Window{Bytes: 300_000}, Connections: 2, InFlight: 3,
		RecordSize: 100, BatchSize: 4096, BatchesPerRequest: 1, Acks: -1,
	}
}

func TestWhatProduceCountsIsInTheTopic(t *testing.T) {
	for name, change := range map[string]func(*ProduceOptions){
		"pipelined":            func(*ProduceOptions) {},
		"one at a time":        func(o *ProduceOptions) { o.InFlight = 1 },
		"one record a request": func(o *ProduceOptions) { o.BatchSize, o.Window.Bytes = 0, 20_000 },
		"several partitions":   func(o *ProduceOptions) { o.BatchesPerRequest = 3 },
		"compressed":           func(o *ProduceOptions) { o.Codec = Codec(compress.Zstd) },
		"leader only":          func(o *ProduceOptions) { o.Acks = 1 },
		"at a rate":            func(o *ProduceOptions) { o.Rate, o.Window.Bytes = 20_000, 100_000 },
	} {
		t.Run(name, func(t *testing.T) {
			b, c := open(t)
			o := small()
			o.Topic.Keep = true
			change(&o)
			r, err := c.Produce(t.Context(), ScenarioProduce, o)
			if err != nil {
				t.Fatal(err)
			}
			kept := topics(t, b)
			if len(kept) != 1 || !strings.HasPrefix(kept[0], "moldau-bench-produce-") {
				t.Fatalf("topics %v", kept)
			}
			if got := records(t, b, kept[0]); got != r.Records || r.Records == 0 {
				t.Errorf("%d records were counted, %d are there", r.Records, got)
			}
			if r.Ended != EndedByBytes || r.Bytes < o.Window.Bytes || r.Latency == nil || r.Latency.Count == 0 {
				t.Errorf("ended by %s after %d bytes, latency %+v", r.Ended, r.Bytes, r.Latency)
			}
			if r.Latency != nil && r.Latency.Corrected != (o.Rate > 0) {
				t.Errorf("corrected is %v at rate %v", r.Latency.Corrected, o.Rate)
			}
			if r.APIVersions["Produce"] < 9 || r.Broker == nil || r.Schema != Schema || r.Cluster.ClusterID == "" {
				t.Errorf("the result does not describe itself: %+v", r)
			}
		})
	}
}

func TestUnansweredRequestsAreCountedAsSent(t *testing.T) {
	b, c := open(t)
	o := small()
	o.Acks, o.Topic.Keep = 0, true
	r, err := c.Produce(t.Context(), ScenarioProduce, o)
	if err != nil || r.Bytes < o.Window.Bytes {
		t.Fatalf("%d bytes, %v", r.Bytes, err)
	}
	topic := topics(t, b)[0]
	for records(t, b, topic) < r.Records && t.Context().Err() == nil {
		time.Sleep(10 * time.Millisecond) // What is on its way arrives; nothing tells when.
	}
}

func TestTopicsAreRemovedUnlessTheyWereThere(t *testing.T) {
	b, c := open(t, moldautest.WithTopic("orders", 2))
	o := small()
	for _, name := range []string{"", "made", "orders"} {
		o.Topic.Name = name
		if _, err := c.Produce(t.Context(), ScenarioProduce, o); err != nil {
			t.Fatal(err)
		}
	}
	if left := topics(t, b); !slices.Equal(left, []string{"orders"}) {
		t.Errorf("topics %v are left", left)
	}
	if records(t, b, "orders") == 0 {
		t.Error("the topic that was there has not been used")
	}
}

func TestTopicsThatAreMadeDoNotOutliveACrashForLong(t *testing.T) {
	b, c := open(t)
	o := small()
	o.Topic.Keep, o.Topic.Configs = true, map[string]string{"segment.bytes": "10485760"}
	if _, err := c.Produce(t.Context(), ScenarioProduce, o); err != nil {
		t.Fatal(err)
	}
	configs, err := kadm.NewClient(b.Client()).DescribeTopicConfigs(t.Context(), topics(t, b)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"retention.ms": "3600000", "file.delete.delay.ms": "1000", "segment.bytes": "10485760"}
	for _, config := range configs[0].Configs {
		if value, ok := want[config.Key]; ok && config.MaybeValue() != value {
			t.Errorf("%s is %s, want %s", config.Key, config.MaybeValue(), value)
		}
	}
}

func TestTheFirstErrorEndsALoad(t *testing.T) {
	b, c := open(t)
	fault := b.Inject(moldautest.Fault{Error: kerr.NotEnoughReplicas, Skip: 10, Times: 1}, kmsg.Produce)
	o := small()
	o.Window = Window{Duration: time.Hour}
	_, err := c.Produce(t.Context(), ScenarioProduce, o)
	if !errors.Is(err, kerr.NotEnoughReplicas) || !strings.Contains(err.Error(), "produce to partition") {
		t.Errorf("got %v", err)
	}
	if fault.Hits() != 1 || len(topics(t, b)) != 0 {
		t.Errorf("%d hits, topics %v", fault.Hits(), topics(t, b))
	}
}

func TestABrokenConnectionEndsALoad(t *testing.T) {
	b, c := open(t)
	o := small()
	o.Window = Window{Duration: time.Hour}
	for name, load := range map[string]func() error{
		"pipelined":     func() error { _, err := c.Produce(t.Context(), ScenarioProduce, o); return err },
		"one at a time": func() error { o := o; o.InFlight = 1; _, err := c.Produce(t.Context(), ScenarioProduce, o); return err },
	} {
		b.Inject(moldautest.Fault{Disconnect: true, Skip: 10, Times: 1}, kmsg.Produce)
		if err := load(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnInterruptedLoadGivesItsResultAndCleansUp(t *testing.T) {
	b, c := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := small()
	o.Window = Window{Duration: time.Hour, Progress: func(p Progress) {
		if !p.WarmingUp && p.Bytes > 0 {
			cancel()
		}
	}}
	r, err := c.Produce(ctx, ScenarioProduce, o)
	if err != nil || r.Ended != EndedByInterrupt || r.Bytes == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if left := topics(t, b); len(left) != 0 {
		t.Errorf("topics %v are left", left)
	}
}

func TestALoadStaysBelowItsLimit(t *testing.T) {
	b, c := open(t)
	o := small()
	o.Window = Window{Duration: time.Hour, MaxBytes: 200_000}
	o.Topic.Keep = true
	r, err := c.Produce(t.Context(), ScenarioProduce, o)
	if err != nil || r.Ended != EndedByLimit {
		t.Fatalf("ended by %v, %v", r, err)
	}
	const batch = 4096
	if sent := records(t, b, topics(t, b)[0]) * 110; sent > 200_000+batch*6 {
		t.Errorf("about %d bytes were written", sent)
	}
}

func TestConsumersReadWhatWasFilled(t *testing.T) {
	b, c := open(t)
	o := ConsumeOptions{
		Topic: Topic{Partitions: 3}, Window: Window{Bytes: 5_000_000}, Consumers: 4, FetchBytes: 50_000,
		Fill: 500_000, RecordSize: 100, BatchSize: 4096,
	}
	r, err := c.Consume(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// Ten times what is there: they began again.
	if r.Bytes < o.Window.Bytes || r.Records < r.Bytes/130 || r.APIVersions["Fetch"] < 12 {
		t.Errorf("%d records in %d bytes, versions %v", r.Records, r.Bytes, r.APIVersions)
	}
	if left := topics(t, b); len(left) != 0 {
		t.Errorf("topics %v are left", left)
	}
}

func TestConsumersReadATopicThatIsThere(t *testing.T) {
	b, c := open(t, moldautest.WithTopic("orders", 1))
	client := b.Client()
	for range 10 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: make([]byte, 1000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	o := ConsumeOptions{Topic: Topic{Name: "orders"}, Window: Window{Bytes: 50_000}, Consumers: 1, FetchBytes: 1 << 20, Fill: 1 << 20, RecordSize: 10, BatchSize: 100}
	r, err := c.Consume(t.Context(), o)
	if err != nil || r.Bytes < 50_000 || records(t, b, "orders") != 10 {
		t.Errorf("%+v, %v; the topic has %d records", r, err, records(t, b, "orders"))
	}
}

func TestConsumersTellTheErrorOfABroker(t *testing.T) {
	b, c := open(t)
	b.Inject(moldautest.Fault{Error: kerr.TopicAuthorizationFailed, Skip: 5}, kmsg.Fetch)
	_, err := c.Consume(t.Context(), ConsumeOptions{
		Topic: Topic{Partitions: 1}, Window: Window{Duration: time.Hour}, Consumers: 2, FetchBytes: 1000, Fill: 1000, RecordSize: 10, BatchSize: 100,
	})
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}

func endToEndOptions() EndToEndOptions {
	return EndToEndOptions{
		Topic: Topic{Partitions: 5}, Window: Window{Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond},
		Rate: 2000, Producers: 2, InFlight: 5, Consumers: 2, RecordSize: 100, BatchSize: 4096, Acks: -1,
	}
}

func TestEveryRecordArrivesEndToEnd(t *testing.T) {
	b, c := open(t)
	r, err := c.EndToEnd(t.Context(), endToEndOptions())
	if err != nil {
		t.Fatal(err)
	}
	// The measurement may take longer than it should on a busy machine, but what was
	// due then was counted.
	if due := 2000 * r.Seconds; r.Missing != 0 || float64(r.Records) < due*0.9-2000*r.BehindSeconds || r.Latency.Count != r.Records || !r.Latency.Corrected {
		t.Errorf("%d records of about %.0f, %d missing, latency %+v", r.Records, due, r.Missing, r.Latency)
	}
	if left := topics(t, b); len(left) != 0 {
		t.Errorf("topics %v are left", left)
	}
}

// TestAPauseOfTheBrokerIsSeenEndToEnd shows the correction for coordinated
// omission on a broker: one Produce request is held up, and the records that were
// due behind it are late, too.
func TestAPauseOfTheBrokerIsSeenEndToEnd(t *testing.T) {
	b, c := open(t)
	o := endToEndOptions()
	o.Producers, o.Consumers, o.InFlight, o.Window = 1, 1, 1, Window{Duration: 2 * time.Second}
	b.Inject(moldautest.Fault{Delay: time.Second, Skip: 20, Times: 1}, kmsg.Produce)
	r, err := c.EndToEnd(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// That it could not send meanwhile was not the load's fault.
	if r.Load.Late == nil || r.Load.Late.Max > 500 || r.Load.Late.Count > r.Records {
		t.Errorf("the load was late by %+v", r.Load.Late)
	}
	// About half of all records were due during the pause, and waited half of it
	// on average; one late request alone would not move p75.
	if r.Latency.P90 < 300 || r.Latency.Max < 900 || r.Missing != 0 {
		t.Errorf("latency %+v, %d missing", r.Latency, r.Missing)
	}
}

func TestEndToEndNeedsATopicOfItsOwn(t *testing.T) {
	_, c := open(t, moldautest.WithTopic("orders", 1))
	o := endToEndOptions()
	o.Topic.Name = "orders"
	if _, err := c.EndToEnd(t.Context(), o); err == nil || !strings.Contains(err.Error(), "topic of its own") {
		t.Errorf("got %v", err)
	}
}

func TestCompareTakesTurns(t *testing.T) {
	_, a := open(t)
	_, b := open(t)
	var turns []string
	comparison, err := Compare(t.Context(), a, b, 3, func(ctx context.Context, c *Cluster) (*Result, error) {
		return c.Produce(ctx, ScenarioProduce, small())
	}, func(_ int, c *Cluster) {
		turns = append(turns, map[*Cluster]string{a: "a", b: "b"}[c])
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(turns, ""); got != "abbaab" {
		t.Errorf("turns %s", got)
	}
	if len(comparison.A) != 3 || len(comparison.B) != 3 || comparison.Metrics[0].Name != "throughput" || comparison.Metrics[0].Ratio <= 0 {
		t.Errorf("%+v", comparison)
	}
	if _, err := json.Marshal(comparison); err != nil {
		t.Error(err)
	}
}

func TestACompareThatFailsNamesTheCluster(t *testing.T) {
	_, a := open(t)
	broken := errors.New("broken")
	_, err := Compare(t.Context(), a, a, 1, func(context.Context, *Cluster) (*Result, error) { return nil, broken }, func(int, *Cluster) {})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "round 1 on") {
		t.Errorf("got %v", err)
	}
}

func TestAClusterThatIsNotThereIsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := Open(ctx, Config{Options: []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1"), kgo.RetryTimeout(time.Second), kgo.RequestRetries(0)}})
	if err == nil {
		t.Error("no error")
	}
}
