package replica

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

var errNoController = errors.New("no controller")

// isrOf is the ISR that a request proposes for its only partition.
func isrOf(t *testing.T, req *kmsg.AlterPartitionRequest) (ids []int32, partition kmsg.AlterPartitionRequestTopicPartition) {
	t.Helper()
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		t.Fatalf("%+v", req)
	}
	partition = req.Topics[0].Partitions[0]
	for _, member := range partition.NewEpochISR {
		ids = append(ids, member.BrokerID)
	}
	return ids, partition
}

func TestLateFollowerLeavesAndComesBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2, 3)
		answer := w.await(w.append(r, 5, AcksAll), 10*time.Minute)
		for range 50 {
			w.follow(2, 5)
			time.Sleep(time.Second)
		}
		asked := w.controller.asked()
		if len(asked) != 1 {
			t.Fatalf("%d requests", len(asked))
		}
		ids, p := isrOf(t, asked[0])
		if !slices.Equal(ids, []int32{1, 2}) || p.LeaderEpoch != 5 || p.PartitionEpoch != 10 || p.NewEpochISR[1].BrokerEpoch != 102 ||
			asked[0].BrokerID != 1 || asked[0].BrokerEpoch != 101 || asked[0].Topics[0].TopicID != w.ids[events.Topic] {
			t.Fatalf("%+v", asked[0])
		}
		if got := answer(); !got.acknowledged || r.log.HighWatermark() != 5 {
			t.Fatalf("%+v at high watermark %d", got, r.log.HighWatermark())
		}
		w.follow(3, 4)
		if n := len(w.controller.asked()); n != 1 {
			t.Fatal("a follower below the high watermark is to join")
		}
		w.follow(3, 5)
		asked = w.controller.asked()
		if ids, p := isrOf(t, asked[len(asked)-1]); !slices.Equal(ids, []int32{1, 2, 3}) || p.PartitionEpoch != 11 {
			t.Fatalf("%+v", asked[len(asked)-1])
		}
	})
}

func TestRefusedISRChangeIsAskedForAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.refusal = kerr.IneligibleReplica.Code
		r := w.create(1, 2)
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		w.append(r, 1, AcksAll)
		for range 3 {
			w.follow(2, 1)
			synctest.Wait()
		}
		if n := len(w.controller.asked()); n != 3 {
			t.Fatalf("%d requests", n)
		}
		if !slices.Equal(r.core.Registration().ISR, []kafka.NodeID{1}) {
			t.Fatal("a refused replica joined")
		}
	})
}

func TestISRChangesAreRepeatedUntilTheControllerAnswers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.failures = []error{errNoController, errNoController, errNoController}
		w.create(1, 2)
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		other := kafka.TopicPartition{Topic: "other"}
		w.follow(2, 0)
		if n := len(w.controller.asked()); n != 1 {
			t.Fatalf("%d requests", n)
		}
		// Meanwhile more comes together, and goes out as one request.
		w.apply(w.topicRecord(other.Topic), w.partitionRecord(other, 1, 2))
		r := w.replica(other)
		r.mu.Lock()
		r.manager.isr.add(r, r.core.ProposeShrink(r.log.LogEndOffset(), r.limits(), r.manager.now().Add(time.Hour)))
		r.mu.Unlock()
		time.Sleep(time.Second)
		asked := w.controller.asked()
		if len(asked) != 4 || len(asked[3].Topics) != 2 {
			t.Fatalf("%d requests, the last %+v", len(asked), asked[len(asked)-1])
		}
		for _, tp := range []kafka.TopicPartition{events, other} {
			if w.replica(tp).core.Pending() != nil {
				t.Errorf("the change of %v is still in flight", tp)
			}
		}
		if isr := w.replica(events).core.Registration().ISR; !slices.Equal(isr, []kafka.NodeID{1, 2}) {
			t.Errorf("ISR %v", isr)
		}
	})
}

// TestOverruledISRChangeIsDropped: newer metadata settles a change that could
// not be asked for.
func TestOverruledISRChangeIsDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.failures = []error{errNoController}
		w.create(1, 2)
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		w.follow(2, 0)
		synctest.Wait() // The request has failed, and is to be repeated.
		w.change(metadata.PartitionChangeRecord{Leader: 2, ISR: []kafka.NodeID{2}})
		time.Sleep(time.Minute)
		if n := len(w.controller.asked()); n != 1 {
			t.Fatalf("%d requests: the node asks for a partition it does not lead", n)
		}
	})
}

func TestUncleanLeaderAsksForTheEndOfRecovery(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.refusal = kerr.InvalidRequest.Code
		p := w.partitionRecord(events, 1, 2)
		p.ISR, p.LeaderRecoveryState = []kafka.NodeID{1}, metadata.LeaderRecovering
		topic := w.topicRecord(events.Topic)
		p.TopicID = topic.TopicID
		w.apply(topic, p)
		if n := len(w.controller.asked()); n != 1 {
			t.Fatalf("%d requests", n)
		}
		time.Sleep(16 * time.Second)
		asked := w.controller.asked()
		if len(asked) != 2 {
			t.Fatalf("%d requests: a refusal is not the end", len(asked))
		}
		ids, asks := isrOf(t, asked[1])
		if !slices.Equal(ids, []int32{1}) || asks.LeaderRecoveryState != 0 {
			t.Fatalf("%+v", asks)
		}
	})
}

// TestHighWatermarkDoesNotWaitForALateOutsider: a replica that is about to join
// holds the high watermark back only while it keeps up.
func TestHighWatermarkDoesNotWaitForALateOutsider(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.refusal = kerr.IneligibleReplica.Code
		r := w.create(1, 2)
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1}})
		w.follow(2, 0)
		answer := w.await(w.append(r, 1, AcksAll), time.Hour)
		if answer().answered {
			t.Fatal("the high watermark passed a replica that is about to join")
		}
		time.Sleep(46 * time.Second)
		if p := answer(); !p.acknowledged {
			t.Fatalf("%+v", p)
		}
	})
}

func TestDeleteRecordsWaitsForLiveReplicas(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2, 3)
		w.append(r, 10, AcksLeader)
		w.append(r, 10, AcksLeader)
		fetch := func(id kafka.NodeID, start kafka.Offset) {
			w.fetchAs(id, Wanted{TopicPartition: events, Offset: 20, CurrentLeaderEpoch: 5, LastFetchedEpoch: -1, LogStartOffset: start})
		}
		fetch(2, 0)
		fetch(3, 0)
		remove := func(offset kafka.Offset, timeout time.Duration) (deletions []Deletion, done chan struct{}) {
			deletions = []Deletion{{TopicPartition: events, Offset: offset}, {TopicPartition: kafka.TopicPartition{Topic: "nope"}}}
			done = make(chan struct{})
			go func() {
				defer close(done)
				w.m.DeleteRecords(t.Context(), timeout, deletions)
			}()
			synctest.Wait()
			return deletions, done
		}
		waits := func(done chan struct{}) bool {
			synctest.Wait()
			select {
			case <-done:
				return false
			default:
				return true
			}
		}

		d, done := remove(5, time.Minute)
		fetch(2, 5)
		if !waits(done) {
			t.Fatal("does not wait for replica 3")
		}
		fetch(3, 7)
		if waits(done) || d[0].Err != nil || d[0].LowWatermark != 5 || !errors.Is(d[1].Err, kerr.UnknownTopicOrPartition) || d[1].LowWatermark != -1 {
			t.Fatalf("%+v", d)
		}

		d, done = remove(8, time.Second)
		time.Sleep(2 * time.Second)
		if waits(done) || !errors.Is(d[0].Err, kerr.RequestTimedOut) {
			t.Fatalf("%+v", d)
		}

		d, done = remove(9, time.Minute)
		fetch(2, 9)
		w.apply(&metadata.BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 103, Fenced: metadata.Fence})
		w.change(metadata.PartitionChangeRecord{ISR: []kafka.NodeID{1, 2}})
		if waits(done) || d[0].Err != nil {
			t.Fatalf("waits for a broker that is gone: %+v", d)
		}

		d, done = remove(-1, time.Minute)
		if !waits(done) {
			t.Fatalf("%+v", d)
		}
		w.change(metadata.PartitionChangeRecord{Leader: 2})
		if waits(done) || !errors.Is(d[0].Err, kerr.NotLeaderForPartition) || d[0].LowWatermark != -1 {
			t.Fatalf("%+v", d)
		}
		if r.log.LogStartOffset() != 20 {
			t.Fatalf("log start offset %d", r.log.LogStartOffset())
		}
	})
}

func TestDeleteRecordsRefuses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1)
		w.append(r, 10, AcksAll)
		compacted := kafka.TopicPartition{Topic: "compacted"}
		w.configure(compacted.Topic, func(c *config.Topic) { c.Cleanup = config.Cleanup{Compact: true} })
		w.apply(w.topicRecord(compacted.Topic), w.partitionRecord(compacted, 1))
		deletions := []Deletion{
			{TopicPartition: events, Offset: 11},
			{TopicPartition: events, Offset: -2},
			{TopicPartition: compacted},
			{TopicPartition: events, Offset: 4},
			{TopicPartition: events, Offset: 3},
			{TopicPartition: events, Offset: -1, Err: kerr.TopicAuthorizationFailed, LowWatermark: -1},
		}
		w.m.DeleteRecords(t.Context(), time.Minute, deletions)
		want := []error{kerr.OffsetOutOfRange, kerr.OffsetOutOfRange, kerr.PolicyViolation, nil, nil, kerr.TopicAuthorizationFailed}
		for i, d := range deletions {
			if !errors.Is(d.Err, want[i]) || (d.LowWatermark == -1) != (want[i] != nil) {
				t.Errorf("%d: %v at %d, want %v", i, d.Err, d.LowWatermark, want[i])
			}
		}
		if r.log.LogStartOffset() != 4 {
			t.Errorf("log start offset %d", r.log.LogStartOffset())
		}
	})
}
