package moldautest_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/moldautest"
)

// kinds are the brokers that every test of this file must hold for.
var kinds = map[string][]moldautest.Option{
	"memory": nil, "temp dir": {moldautest.WithTempDir()}, "virtual network": {moldautest.WithVirtualNetwork()},
}

func eachKind(t *testing.T, test func(t *testing.T, opts ...moldautest.Option)) {
	for name, opts := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, opts...)
		})
	}
}

func TestRestartKeepsDataAndAddress(t *testing.T) {
	eachKind(t, func(t *testing.T, opts ...moldautest.Option) {
		b := moldautest.Start(t, append(opts, moldautest.WithTopic("t", 1, "retention.ms=-1"))...)
		addr := b.Addr()
		produce(t, b, "t", "a", "b")
		b.Restart()
		if b.Addr() != addr {
			t.Errorf("the address was %s, and is %s", addr, b.Addr())
		}
		b.Start() // Does nothing.
		produce(t, b, "t", "c")
		wantRecords(t, b, "t", "a", "b", "c")
	})
}

func TestKilledBrokerKeepsWhatItHasWritten(t *testing.T) {
	eachKind(t, func(t *testing.T, opts ...moldautest.Option) {
		b := moldautest.Start(t, append(opts, moldautest.WithTopic("t", 1))...)
		produce(t, b, "t", "a")
		b.Kill()
		b.Kill() // Does nothing.
		b.Start()
		produce(t, b, "t", "b")
		b.Kill()
		b.Start()
		wantRecords(t, b, "t", "a", "b")
	})
}

// TestPowerFailureLosesWhatWasNotSynced shows both: acknowledged records that were
// flushed stay, those that were not are lost.
func TestPowerFailureLosesWhatWasNotSynced(t *testing.T) {
	b := moldautest.Start(t,
		moldautest.WithTopic("synced", 1, "flush.messages=1"), moldautest.WithTopic("unsynced", 1))
	for range 3 {
		produce(t, b, "synced", "x")
		produce(t, b, "unsynced", "x")
	}
	b.PowerFailure()
	b.Start()
	adm := kadm.NewClient(b.Client())
	ends, err := adm.ListEndOffsets(t.Context(), "synced", "unsynced")
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]int64{"synced": 3, "unsynced": 0} {
		if end, _ := ends.Lookup(topic, 0); end.Err != nil || end.Offset != want {
			t.Errorf("%s ends at %d, %v, want %d", topic, end.Offset, end.Err, want)
		}
	}
}

func TestTopicsAndConfigs(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithConfig("auto.create.topics.enable=false", "num.partitions=4"),
		moldautest.WithTopic("a", 3, "cleanup.policy=delete", "retention.ms = 1000"))
	b.CreateTopic("b", 2, "retention.ms=2000")
	adm := kadm.NewClient(b.Client())
	topics, err := adm.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(topics.Names(), len(topics["a"].Partitions), len(topics["b"].Partitions)); got != "[a b] 3 2" {
		t.Error(got)
	}
	configs, err := adm.DescribeTopicConfigs(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range configs {
		for _, c := range resource.Configs {
			if want := map[string]string{"a": "1000", "b": "2000"}[resource.Name]; c.Key == "retention.ms" && c.MaybeValue() != want {
				t.Errorf("retention.ms of %s is %s, want %s", resource.Name, c.MaybeValue(), want)
			}
		}
	}
}

func TestManyBrokersAtOnce(t *testing.T) {
	for i := range 20 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := moldautest.Start(t, moldautest.WithTopic("t", 1))
			produce(t, b, "t", fmt.Sprint(i))
			wantRecords(t, b, "t", fmt.Sprint(i))
		})
	}
}
