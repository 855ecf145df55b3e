package data

import (
	"testing"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// TestHintWithoutLeader: a client that is told of leader 0 looks for a broker 0.
func TestHintWithoutLeader(t *testing.T) {
	id := kafka.UUID{1}
	d := metadata.NewDelta(metadata.EmptyImage())
	for _, r := range []metadata.Record{
		&metadata.TopicRecord{Name: "events", TopicID: id},
		&metadata.PartitionRecord{TopicID: id, Replicas: []kafka.NodeID{1}, ISR: []kafka.NodeID{1}, Leader: kafka.NoNode, LeaderEpoch: 7},
	} {
		if err := d.Replay(r); err != nil {
			t.Fatal(err)
		}
	}
	for tp, want := range map[kafka.TopicPartition]kafka.LeaderEpoch{
		{Topic: "events"}: 7, {Topic: "events", Partition: 1}: kafka.NoLeaderEpoch, {Topic: "nope"}: kafka.NoLeaderEpoch,
	} {
		if leader, epoch, ok := leaderIn(d.Apply(0, 1), tp, "PLAINTEXT"); leader.id != kafka.NoNode || epoch != want || ok {
			t.Errorf("%v: leader %v epoch %v, %v", tp, leader, epoch, ok)
		}
	}
}
