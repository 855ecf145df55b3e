package data

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestProduceResponseIsWhatKmsgWrites builds the same response with the generated
// codec and with ours, for every version served.
func TestProduceResponseIsWhatKmsgWrites(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			resp := kmsg.NewProduceResponse()
			resp.Version, resp.ThrottleMillis = version, 7
			for i, name := range []string{"events", strings.Repeat("x", 249), ""} {
				topic := kmsg.NewProduceResponseTopic()
				topic.Topic, topic.TopicID = name, [16]byte{1, byte(i)}
				for j := range int64(200 * i) {
					p := kmsg.NewProduceResponseTopicPartition()
					p.Partition, p.BaseOffset, p.LogAppendTime, p.LogStartOffset = int32(j), j<<40, -1, j
					topic.Partitions = append(topic.Partitions, p)
				}
				resp.Topics = append(resp.Topics, topic)
			}
			if diff := cmp.Diff(resp.AppendTo(nil), appendProduced(nil, &resp)); diff != "" {
				t.Error(diff)
			}
			resp.Topics = nil
			if diff := cmp.Diff(resp.AppendTo(nil), appendProduced(nil, &resp)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
