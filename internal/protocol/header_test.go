package protocol

import "testing"

// The names that kmsg spells in Go's way or by an older name of Kafka's.
func TestKeysHaveKafkasNames(t *testing.T) {
	for key, want := range map[int16]string{
		0: "Produce", 17: "SaslHandshake", 22: "InitProducerId", 29: "DescribeAcls", 36: "SaslAuthenticate", 45: "AlterPartitionReassignments",
		50: "DescribeUserScramCredentials", 67: "AllocateProducerIds", -1: "API -1", MaxKey + 1: "API 95",
	} {
		if got := KeyName(key); got != want {
			t.Errorf("%d is %s, want %s", key, got, want)
		}
	}
}
