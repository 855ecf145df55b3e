package data

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
)

// join puts the records into the gaps, as the network does.
func (w *fetchResponse) join(records [][]byte) []byte {
	var out []byte
	from := 0
	for i, g := range w.gaps {
		out = append(out, w.buf[from:g.at]...)
		out = append(out, records[i]...)
		from = g.at
	}
	return append(out, w.buf[from:]...)
}

// TestFetchResponseIsWhatKmsgWrites builds the same response with the generated
// codec and with ours, for every version served.
func TestFetchResponseIsWhatKmsgWrites(t *testing.T) {
	rack := "r1"
	records := bytes.Repeat([]byte("r"), 300)
	id := kafka.UUID{1, 2, 3}
	for version := int16(4); version <= 18; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			want := kmsg.NewFetchResponse()
			want.Version = version
			want.ErrorCode, want.SessionID = 70, 9
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID = "events", id
			plain := kmsg.NewFetchResponseTopicPartition()
			plain.Partition, plain.HighWatermark, plain.LastStableOffset, plain.LogStartOffset = 3, 100, 90, 5
			plain.RecordBatches = records
			plain.PreferredReadReplica = 4
			plain.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 7, FirstOffset: 8}}
			moved := kmsg.NewFetchResponseTopicPartition()
			moved.Partition, moved.ErrorCode, moved.HighWatermark = 4, 6, -1
			moved.RecordBatches = []byte{}
			moved.CurrentLeader.LeaderID, moved.CurrentLeader.LeaderEpoch = 2, 11
			moved.DivergingEpoch.Epoch, moved.DivergingEpoch.EndOffset = 3, 44
			topic.Partitions = append(topic.Partitions, plain, moved)
			want.Topics = append(want.Topics, topic)
			broker := kmsg.NewFetchResponseBroker()
			broker.NodeID, broker.Host, broker.Port, broker.Rack = 2, "h", 9092, &rack
			if version >= 16 { // kmsg writes them before Kafka reads them.
				want.Brokers = append(want.Brokers, broker)
			}

			got := fetchResponse{version: version}
			got.begin(0, 70, 9, 1)
			got.topic("events", id, 2)
			got.partition(&fetchPartition{
				index: 3, highWatermark: 100, lastStableOffset: 90, logStartOffset: 5, preferredReadReplica: 4,
				recordsSize: len(records), aborted: []abortedTxn{{producerID: 7, firstOffset: 8}},
			})
			got.partition(&fetchPartition{
				index: 4, errorCode: 6, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, preferredReadReplica: -1,
				hinting: true, leader: 2, leaderEpoch: 11, diverging: true, divergingEpoch: 3, divergingEnd: 44,
			})
			got.endTopic()
			got.end([]node{{id: 2, host: "h", port: 9092, rack: &rack}})
			if diff := cmp.Diff(want.AppendTo(nil), got.join([][]byte{records})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
