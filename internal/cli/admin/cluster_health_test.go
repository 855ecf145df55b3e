package admin

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestClusterHealth(t *testing.T) {
	broker, fenced := node{NodeID: 1, Broker: true}, node{NodeID: 2, Broker: true, Fenced: true}
	led, headless := &quorum{LeaderID: 3}, &quorum{LeaderID: -1}
	topics := kadm.TopicDetails{"t": {Topic: "t", Partitions: kadm.PartitionDetails{
		0: {Leader: -1, Replicas: []int32{1, 2}},
		1: {Partition: 1, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1}},
		2: {Partition: 2, Leader: 1, Replicas: []int32{1}, ISR: []int32{1}},
	}}}
	for _, test := range []struct {
		o    overview
		want string
	}{
		{overview{Nodes: []node{broker}, Quorum: led}, ""},
		{overview{Nodes: []node{broker}}, ""},
		{overview{Nodes: []node{broker}, Quorum: headless}, "the cluster is not well: there is no active controller"},
		{overview{Nodes: []node{broker, fenced}, Quorum: led}, "the cluster is not well: 1 broker fenced"},
		{overview{Nodes: []node{broker}, Quorum: led, Topics: topics}, "the cluster is not well: 1 partition offline, 1 partition under-replicated"},
	} {
		h := test.o.clusterHealth()
		got := ""
		if err := h.err(); err != nil {
			got = err.Error()
		}
		if got != test.want || h.Healthy != (got == "") {
			t.Errorf("got %q of %+v, want %q", got, h, test.want)
		}
	}
}
