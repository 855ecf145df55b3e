package metrics

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// listed reads a list that was taken from the JMX of a running Apache Kafka 4.4.0,
// with * for the values of keys and the names of attributes behind #. Those of
// partitions and of a recovery, which that node had none of, are from its source.
func listed(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

func TestEveryMBeanIsKafkas(t *testing.T) {
	kafkas := listed(t, "mbeans.txt")
	for i := range metrics {
		m := &metrics[i]
		if m.isOwn() {
			continue
		}
		domain, keys, attribute := m.parts()
		found := slices.ContainsFunc(kafkas, func(mbean string) bool {
			k := metric{mbean: mbean}
			d, ks, a := k.parts()
			return d == domain && a == attribute && slices.Equal(fixed(ks), fixed(keys))
		})
		if !found {
			t.Errorf("Kafka has no MBean %s", m.mbean)
		}
	}
}

// fixed gives an MBean's type and name.
func fixed(keys [][2]string) [][2]string {
	return slices.DeleteFunc(slices.Clone(keys), func(kv [2]string) bool { return kv[0] != "type" && kv[0] != "name" })
}

func TestRequestsHaveKafkasNames(t *testing.T) {
	kafkas := listed(t, "requests.txt")
	gone := []string{"ControlledShutdown", "LeaderAndIsr", "StopReplica", "UpdateMetadata"} // Of the time of ZooKeeper.
	for key := range fetchFollower + 1 {
		if name := requestName(key); !slices.Contains(kafkas, name) && !slices.Contains(gone, name) {
			t.Errorf("request %d is called %s, which is none of Kafka's", key, name)
		}
	}
}

func TestErrorsAreCountedWhereverTheyStand(t *testing.T) {
	var s RequestStats
	resp := kmsg.NewPtrMetadataResponse()
	for _, code := range []int16{3, 3, 0} {
		topic := kmsg.NewMetadataResponseTopic()
		topic.ErrorCode = code
		partition := kmsg.NewMetadataResponseTopicPartition()
		partition.ErrorCode = 5
		topic.Partitions = append(topic.Partitions, partition)
		resp.Topics = append(resp.Topics, topic)
	}
	s.CountErrors(resp.Key(), resp)
	s.CountErrors(int16(kmsg.SASLHandshake), kmsg.NewPtrSASLHandshakeResponse())
	s.CountErrors(-1, resp)
	s.CountError(int16(kmsg.Fetch), true, -1, 2)
	s.CountError(int16(kmsg.Produce), false, 9999, 1)
	var text strings.Builder
	e := newExposition(&text)
	s.write(e)
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{request="Metadata",error="UNKNOWN_TOPIC_OR_PARTITION"} 2`, `{request="Metadata",error="LEADER_NOT_AVAILABLE"} 3`,
		`{request="Metadata",error="NONE"} 2`, // The response's own, and one topic's.
		`{request="SaslHandshake",error="NONE"} 1`, `{request="FetchFollower",error="UNKNOWN_SERVER_ERROR"} 2`,
		`{request="Produce",error="UNKNOWN_SERVER_ERROR"} 1`,
	} {
		if !strings.Contains(text.String(), metrics[errorsOfRequests].Name()+want+"\n") {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.CountErrors(resp.Key(), resp) }); n > 0 {
		t.Errorf("%v allocations to count the errors of a response", n)
	}
}

func BenchmarkRequestDone(b *testing.B) {
	var s RequestStats
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.RequestDone(nil, requestTimes)
		}
	})
}
