package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/record"
)

// rawClient sends single requests to a node: no retries hide its answers.
type rawClient struct {
	t  *testing.T
	cl *kgo.Client
	// ids are the topics' by name.
	ids map[string]kadm.TopicID
	// history holds what produce was told.
	history *history
}

func (n *testNode) raw() *rawClient {
	return &rawClient{t: n.t, cl: n.client(kgo.RequestRetries(0)), ids: map[string]kadm.TopicID{}, history: newHistory()}
}

// ask sends a request to the only broker.
func ask[Resp kmsg.Response](c *rawClient, req kmsg.Request) Resp {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	resp, err := c.cl.Broker(1).RetriableRequest(ctx, req)
	if err != nil {
		c.t.Fatalf("%s: %v", kmsg.NameForKey(req.Key()), err)
	}
	return resp.(Resp)
}

func (c *rawClient) topicID(topic string) kadm.TopicID {
	c.t.Helper()
	if id, ok := c.ids[topic]; ok {
		return id
	}
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp := ask[*kmsg.MetadataResponse](c, req)
	c.ids[topic] = resp.Topics[0].TopicID
	return c.ids[topic]
}

// produce writes one record with acks=all and gives the error it was answered with.
func (c *rawClient) produce(topic string, partition int32) error {
	c.t.Helper()
	value := fmt.Sprintf("%d-%s/%d", sequence.Add(1), topic, partition)
	b := record.NewBuilder(record.NewOptions(0))
	b.Append(time.Now().UnixMilli(), nil, []byte(value))
	err := c.produceBatch(topic, partition, b.Build())
	if err == nil {
		c.history.note(func() { c.history.acked[value] = true })
	}
	return err
}

func (c *rawClient) produceBatch(topic string, partition int32, batch []byte) error {
	c.t.Helper()
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, batch
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, c.topicID(topic)
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.Topics = -1, 5000, append(req.Topics, t)
	resp := ask[*kmsg.ProduceResponse](c, req)
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// fetch reads from the start and gives what there is.
func (c *rawClient) fetch(topic string, partition int32) ([]byte, error) {
	c.t.Helper()
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.PartitionMaxBytes = partition, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, c.topicID(topic)
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.SessionEpoch, req.Topics = 1<<20, -1, append(req.Topics, t)
	resp := ask[*kmsg.FetchResponse](c, req)
	answer := resp.Topics[0].Partitions[0]
	return answer.RecordBatches, kerr.ErrorForCode(answer.ErrorCode)
}

// logDirs gives where the partitions of a topic are, and the errors of directories.
func (c *rawClient) logDirs(topic string) (partitions map[string][]int32, errs map[string]error) {
	c.t.Helper()
	partitions, errs = map[string][]int32{}, map[string]error{}
	resp := ask[*kmsg.DescribeLogDirsResponse](c, kmsg.NewPtrDescribeLogDirsRequest())
	for _, dir := range resp.Dirs {
		errs[dir.Dir] = kerr.ErrorForCode(dir.ErrorCode)
		for _, t := range dir.Topics {
			if t.Topic != topic {
				continue
			}
			for _, p := range t.Partitions {
				partitions[dir.Dir] = append(partitions[dir.Dir], p.Partition)
			}
		}
	}
	return partitions, errs
}

// leader gives a partition's leader by the metadata, -1 for none.
func (c *rawClient) leader(topic string, partition int32) int32 {
	c.t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	for _, p := range ask[*kmsg.MetadataResponse](c, req).Topics[0].Partitions {
		if p.Partition == partition {
			return p.Leader
		}
	}
	c.t.Fatalf("the metadata has no partition %s-%d", topic, partition)
	return -1
}
