package broker

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"moldau.dev/moldau/internal/record"
)

// What test/compat has found to differ from Apache Kafka, without Apache Kafka.

// named is a raw client whose requests name topics, not their ids.
func (n *testNode) named() *rawClient {
	c := n.raw()
	c.cl = n.client(kgo.RequestRetries(0), kgo.MaxVersions(kversion.V3_0_0()))
	return c
}

func produceRequest(topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, records
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis, req.Topics = 12, -1, 5000, append(req.Topics, t)
	return req
}

func TestRefusedBatchesAreAnsweredAsByKafka(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	c := n.named()
	batch := func(change func(o *record.Options)) record.Batch {
		o := record.NewOptions(0)
		if change != nil {
			change(&o)
		}
		b := record.NewBuilder(o)
		b.Append(time.Now().UnixMilli(), nil, []byte("v"))
		return b.Build()
	}
	good := batch(nil)
	control := batch(func(o *record.Options) { o.Control = true })
	transactional := batch(func(o *record.Options) { o.Transactional = true })
	corrupt := batch(nil)
	corrupt[len(corrupt)-1]++
	for name, test := range map[string]struct {
		topic   string
		records []byte
		want    error
		start   int64
	}{
		"control batch":                        {"t", control, kerr.InvalidRecord, 0},
		"checksum":                             {"t", corrupt, kerr.CorruptMessage, -1},
		"cut":                                  {"t", good[:len(good)-1], kerr.InvalidRecord, -1},
		"unknown before what it is":            {"nope", control, kerr.UnknownTopicOrPartition, -1},
		"unknown before internal":              {"__transaction_state", good, kerr.UnknownTopicOrPartition, -1},
		"transactional without transaction id": {"t", transactional, kerr.TransactionalIDAuthorizationFailed, -1},
	} {
		p := ask[*kmsg.ProduceResponse](c, produceRequest(test.topic, 0, test.records)).Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(p.ErrorCode); !errors.Is(err, test.want) || p.LogStartOffset != test.start {
			t.Errorf("%s: %v, log start offset %d; want %v, %d", name, err, p.LogStartOffset, test.want, test.start)
		}
	}
}

func fetchRequest(topic string, partition int32) *kmsg.FetchRequest {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.PartitionMaxBytes = partition, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ReplicaID, req.SessionEpoch, req.MaxBytes, req.Topics = 12, -1, -1, 1<<20, append(req.Topics, t)
	return req
}

// A consumer that asks for a topic which is gone, and for another, must not ask
// again and again without a pause.
func TestFetchWaitsAlthoughATopicIsUnknown(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	c := n.named()
	req := fetchRequest("t", 0)
	req.Topics = append(req.Topics, fetchRequest("nope", 0).Topics...)
	req.MinBytes, req.MaxWaitMillis = 1, 300
	started := time.Now()
	resp := ask[*kmsg.FetchResponse](c, req)
	if waited := time.Since(started); waited < 250*time.Millisecond {
		t.Errorf("the answer came after %v", waited)
	}
	if code := resp.Topics[1].Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("the unknown topic has error code %d", code)
	}
	req.Topics = req.Topics[1:]
	req.MaxWaitMillis = 20_000
	started = time.Now()
	ask[*kmsg.FetchResponse](c, req)
	if waited := time.Since(started); waited > 10*time.Second {
		t.Errorf("the answer about an unknown topic alone came after %v", waited)
	}
}

func TestIsolationLevelsAreChecked(t *testing.T) {
	n := startNode(t)
	n.createTopic("t", 1, nil)
	c := n.named()
	fetch := fetchRequest("t", 0)
	fetch.IsolationLevel = 2
	if code := ask[*kmsg.FetchResponse](c, fetch).Topics[0].Partitions[0].ErrorCode; code != kerr.InvalidRequest.Code {
		t.Errorf("fetch at level 2 has error code %d", code)
	}
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	list := kmsg.NewPtrListOffsetsRequest()
	list.IsolationLevel, list.ReplicaID = 2, -1
	list.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
	if code := ask[*kmsg.ListOffsetsResponse](c, list).Topics[0].Partitions[0].ErrorCode; code != kerr.InvalidRequest.Code {
		t.Errorf("list offsets at level 2 has error code %d", code)
	}
}
