package replica

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/faultfs"
)

func TestTopicDeletedAndCreatedInOneChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.create(1)
		w.append(old, 3, AcksAll)
		gone := &metadata.RemoveTopicRecord{TopicID: w.ids[events.Topic]}
		w.apply(gone, w.topicRecord(events.Topic), w.partitionRecord(events, 1))
		r := w.replica(events)
		if r == old || r.TopicID() != w.ids[events.Topic] || r.log.LogEndOffset() != 0 {
			t.Fatalf("topic id %v, end %d", r.TopicID(), r.log.LogEndOffset())
		}
		if _, err := old.Append(batch(1), AcksAll, record.Client); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Fatalf("append to the deleted topic: %v", err)
		}
		if a := w.append(r, 1, AcksAll); a.FirstOffset != 0 {
			t.Fatalf("%+v", a)
		}
	})
}

func TestPartitionsComeAndGo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(1)
		at := func(p int32) kafka.TopicPartition { return kafka.TopicPartition{Topic: events.Topic, Partition: p} }
		w.apply(w.partitionRecord(at(1), 1, 2), w.partitionRecord(at(2), 2, 3), w.partitionRecord(at(3), 2, 1))
		for p, want := range map[int32]error{0: nil, 1: nil, 2: kerr.NotLeaderForPartition, 3: nil, 4: kerr.UnknownTopicOrPartition} {
			if _, err := w.m.Replica(at(p)); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("partition %d: %v, want %v", p, err, want)
			}
		}
		if _, epoch, leads := w.replica(at(3)).Leadership(); leads || epoch != 5 {
			t.Error("leads a partition of node 2")
		}
		w.append(w.replica(at(1)), 1, AcksLeader)
		w.apply(&metadata.PartitionChangeRecord{
			TopicID: w.ids[events.Topic], PartitionID: 1, Leader: 2, Replicas: []kafka.NodeID{2}, ISR: []kafka.NodeID{2}, Directories: []kafka.UUID{dirA},
			LeaderRecoveryState: metadata.RecoveryUnchanged,
		})
		if _, err := w.m.Replica(at(1)); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("moved away: %v", err)
		}
		if _, ok := w.logs.Log(at(1)); ok {
			t.Error("the log of a partition that moved away is still there")
		}
		if n := len(w.m.All()); n != 2 {
			t.Errorf("%d replicas", n)
		}
	})
}

func TestStrays(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(1)
		for _, topic := range []string{"unknown", "elsewhere"} {
			if _, err := w.logs.Create(kafka.TopicPartition{Topic: topic}, kafka.NewUUID(), dirA); err != nil {
				t.Fatal(err)
			}
		}
		w.apply(w.topicRecord("elsewhere"), w.partitionRecord(kafka.TopicPartition{Topic: "elsewhere"}, 2))
		want := []kafka.TopicPartition{{Topic: "elsewhere"}, {Topic: "unknown"}}
		if got := w.m.Strays(w.image); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

// TestPartitionWithoutLogIsTriedAgain: a full disk is no reason to restart.
func TestPartitionWithoutLogIsTriedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		// The folder of an older topic with that name is in the way.
		if _, err := w.logs.Create(events, kafka.NewUUID(), dirA); err != nil {
			t.Fatal(err)
		}
		w.apply(w.topicRecord(events.Topic), w.partitionRecord(events, 1))
		if _, err := w.m.Replica(events); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
		if err := w.logs.SetAside(events); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.append(w.replica(events), 1, AcksAll)
	})
}

// TestControllerIsToldOfDirectories also covers a broker that registers again
// before it could tell.
func TestControllerIsToldOfDirectories(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.controller.failures = []error{kerr.StaleBrokerEpoch}
		topic := w.topicRecord(events.Topic)
		p := w.partitionRecord(events, 1, 2)
		p.Directories = []kafka.UUID{kafka.UnassignedDirectory, dirA}
		w.apply(topic, p)
		synctest.Wait()
		w.apply(registration(self, 201))
		time.Sleep(time.Second)
		w.controller.mu.Lock()
		assigned := w.controller.assign
		w.controller.mu.Unlock()
		if len(assigned) != 2 {
			t.Fatalf("%d requests", len(assigned))
		}
		req := assigned[1]
		if req.BrokerEpoch != 201 || len(req.Directories) != 1 || req.Directories[0].ID != dirA || req.Directories[0].Topics[0].TopicID != topic.TopicID ||
			req.Directories[0].Topics[0].Partitions[0].Partition != 0 {
			t.Fatalf("%+v", req)
		}
	})
}

func TestListOffset(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		const first = 1_700_000_000_000
		w.append(r, 10, AcksLeader) // Timestamps first to first+9.
		w.append(r, 10, AcksLeader)
		w.follow(2, 10)
		ask := func(timestamp int64, replica kafka.NodeID) (OffsetAnswer, error) {
			return w.m.ListOffset(events, OffsetQuery{Timestamp: timestamp, CurrentLeaderEpoch: -1, Replica: replica})
		}
		for _, test := range []struct {
			timestamp int64
			replica   kafka.NodeID
			want      OffsetAnswer
		}{
			{LatestTimestamp, -1, OffsetAnswer{10, -1, 5}},
			{LatestTimestamp, 2, OffsetAnswer{20, -1, 5}},
			{LatestTimestamp, -2, OffsetAnswer{20, -1, 5}},
			{EarliestTimestamp, -1, OffsetAnswer{0, -1, 5}},
			{EarliestLocalTimestamp, -1, OffsetAnswer{0, -1, 5}},
			{LatestTieredTimestamp, -1, noOffset},
			{EarliestPendingUpload, -1, noOffset},
			{MaxTimestamp, -1, OffsetAnswer{9, first + 9, 5}},
			{0, -1, OffsetAnswer{0, first, 5}},
			{first + 3, -1, OffsetAnswer{3, first + 3, 5}},
			{first + 10, -1, noOffset},
		} {
			if got, err := ask(test.timestamp, test.replica); err != nil || got != test.want {
				t.Errorf("timestamp %d for %d: %+v, %v; want %+v", test.timestamp, test.replica, got, err, test.want)
			}
		}
		// The leader of a new epoch does not know yet how far records are committed.
		w.change(metadata.PartitionChangeRecord{Leader: 1})
		for timestamp, want := range map[int64]error{
			LatestTimestamp: kerr.OffsetNotAvailable, first + 10: kerr.OffsetNotAvailable, EarliestTimestamp: nil, first: nil, LatestTieredTimestamp: nil,
		} {
			if _, err := ask(timestamp, -1); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("timestamp %d: %v, want %v", timestamp, err, want)
			}
		}
		if got, err := ask(LatestTimestamp, 2); err != nil || got.Offset != 20 || got.LeaderEpoch != 6 {
			t.Errorf("a follower asks: %+v, %v", got, err)
		}
		w.change(metadata.PartitionChangeRecord{Leader: 2})
		if _, err := ask(LatestTimestamp, -1); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("follower answered: %v", err)
		}
		if got, err := ask(LatestTimestamp, -2); err != nil || got.Offset != 20 {
			t.Errorf("debugging: %+v, %v", got, err)
		}
	})
}

func TestEpochEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1)
		w.append(r, 4, AcksAll)
		w.change(metadata.PartitionChangeRecord{Leader: 1})
		w.append(r, 2, AcksAll)
		for _, test := range []struct {
			current, asked, epoch kafka.LeaderEpoch
			end                   kafka.Offset
			err                   error
		}{
			{-1, 5, 5, 4, nil},
			{6, 6, 6, 6, nil},
			{6, 7, -1, -1, nil},
			{6, 3, 3, 0, nil},
			{5, 5, -1, -1, kerr.FencedLeaderEpoch},
			{7, 5, -1, -1, kerr.UnknownLeaderEpoch},
		} {
			epoch, end, err := w.m.EpochEnd(events, test.current, test.asked)
			if epoch != test.epoch || end != test.end || !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Errorf("%+v: %d %d %v", test, epoch, end, err)
			}
		}
	})
}

func TestCoordinatorReadsItsLog(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1)
		log := CoordinatorLog{w.m}
		var heard []kafka.Offset
		cancel := log.OnHighWatermark(events, func(o kafka.Offset) { heard = append(heard, o) })
		large := batch(3000)
		for range 5 {
			if _, err := log.Append(events, 5, record.Batch(slices.Clone(large))); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		w.append(r, 1, AcksAll)
		if !slices.Equal(heard, []kafka.Offset{3000, 6000, 9000, 12000, 15000}) {
			t.Errorf("heard %v", heard)
		}
		var bases []kafka.Offset
		end, err := log.Read(t.Context(), events, func(b record.Batch) error {
			bases = append(bases, b.BaseOffset())
			return nil
		})
		if err != nil || end != 15001 || !slices.Equal(bases, []kafka.Offset{0, 3000, 6000, 9000, 12000, 15000}) {
			t.Errorf("%v up to %d, %v", bases, end, err)
		}
		stop := errors.New("stop")
		if _, err := log.Read(t.Context(), events, func(record.Batch) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
		if _, err := eachBatch([]byte(strings.Repeat("garbage ", 20)), func(record.Batch) error { return nil }); err == nil {
			t.Error("garbage is taken for the end of the log")
		}
		w.fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Read}, Err: errors.New("broken disk")})
		if _, err := log.Read(t.Context(), events, func(record.Batch) error { return nil }); err == nil {
			t.Error("a log that cannot be read is taken for empty")
		}
	})
}
