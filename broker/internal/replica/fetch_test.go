package replica

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/vfs/faultfs"
)

// TestLongPollEnds is about everything that can end a wait for records, and
// what the consumer is told then.
func TestLongPollEnds(t *testing.T) {
	const wait = time.Hour
	other := kafka.TopicPartition{Topic: "other", Partition: 0}
	tests := []struct {
		name   string
		offset kafka.Offset
		// leaderOnly is for consumers that do not know of follower fetching.
		leaderOnly bool
		epoch      kafka.LeaderEpoch
		minBytes   int
		// more are records that are there before.
		more int
		end  func(w *world, cancel func())
		err  error
		took time.Duration
	}{
		{name: "a record", epoch: 5, minBytes: 1, end: func(w *world, _ func()) { w.append(w.replica(events), 1, AcksAll) }},
		{name: "a record of another partition", epoch: -1, minBytes: 1, end: func(w *world, _ func()) { w.append(w.replica(other), 1, AcksAll) }},
		{name: "enough of both partitions", epoch: -1, minBytes: 300, end: func(w *world, _ func()) {
			w.append(w.replica(events), 1, AcksAll)
			w.append(w.replica(other), 1, AcksAll)
		}},
		{name: "too few bytes", epoch: -1, minBytes: 5000, took: wait, end: func(w *world, _ func()) { w.append(w.replica(events), 1, AcksAll) }},
		{name: "deleted", epoch: -1, minBytes: 1, err: kerr.UnknownTopicOrPartition, end: func(w *world, _ func()) {
			w.apply(&metadata.RemoveTopicRecord{TopicID: w.ids[events.Topic]})
		}},
		{name: "deleted and created again", epoch: -1, minBytes: 1, err: kerr.InconsistentTopicID, end: func(w *world, _ func()) {
			gone := &metadata.RemoveTopicRecord{TopicID: w.ids[events.Topic]}
			w.apply(gone, w.topicRecord(events.Topic), w.partitionRecord(events, 1))
		}},
		{name: "moved away", epoch: -1, minBytes: 1, err: kerr.NotLeaderForPartition, end: func(w *world, _ func()) {
			w.change(metadata.PartitionChangeRecord{Leader: 2, Replicas: []kafka.NodeID{2}, Directories: []kafka.UUID{dirA}, ISR: []kafka.NodeID{2}})
		}},
		{name: "another leader", epoch: 5, minBytes: 1, err: kerr.FencedLeaderEpoch, end: func(w *world, _ func()) {
			w.change(metadata.PartitionChangeRecord{Leader: 2})
		}},
		{name: "another leader, old client", leaderOnly: true, epoch: -1, minBytes: 1, err: kerr.NotLeaderForPartition, end: func(w *world, _ func()) {
			w.change(metadata.PartitionChangeRecord{Leader: 2})
		}},
		{name: "same leader, new epoch", epoch: 5, minBytes: 1, err: kerr.FencedLeaderEpoch, end: func(w *world, _ func()) {
			w.change(metadata.PartitionChangeRecord{Leader: 1})
		}},
		{name: "records deleted", more: 10, epoch: -1, minBytes: 1 << 19, err: kerr.OffsetOutOfRange, end: func(w *world, _ func()) {
			w.m.DeleteRecords(context.Background(), 0, []Deletion{{TopicPartition: events, Offset: -1}})
		}},
		{name: "shutdown", epoch: -1, minBytes: 1, end: func(_ *world, cancel func()) { cancel() }},
		{name: "nothing", epoch: -1, minBytes: 1, took: wait, end: func(*world, func()) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				r := w.create(1)
				w.apply(w.topicRecord(other.Topic), w.partitionRecord(other, 1))
				if test.more > 0 {
					w.append(r, test.more, AcksAll)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				params := consumerParams(wait, test.minBytes)
				params.LeaderOnly = test.leaderOnly
				wanted := consume(events, test.offset)
				wanted.CurrentLeaderEpoch, wanted.TopicID = test.epoch, w.ids[events.Topic]
				p := w.poll(ctx, params, wanted, consume(other, 0))
				if !p.waiting() {
					t.Fatalf("answered at once: %+v", p.results)
				}
				test.end(w, cancel)
				if test.took == 0 && p.waiting() {
					t.Fatal("still waits")
				}
				<-p.done
				if got := p.results[0].Err; !errors.Is(got, test.err) || test.err == nil && got != nil || p.took != test.took {
					t.Fatalf("%v after %v, want %v after %v", got, p.took, test.err, test.took)
				}
			})
		})
	}
}

func TestFetchIsAnsweredAtOnceWhenThereIsSomethingToTell(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1)
		w.append(r, 1, AcksAll)
		w.append(r, 1, AcksAll)
		wanted := func(change func(*Wanted)) []Wanted {
			x := consume(events, 0)
			x.MaxBytes = 1 << 20
			change(&x)
			return []Wanted{x}
		}
		for name, test := range map[string]struct {
			wanted []Wanted
			err    error
		}{
			"records":          {wanted: wanted(func(*Wanted) {})},
			"second batch":     {wanted: wanted(func(x *Wanted) { x.Offset = 1 })},
			"beyond the end":   {wanted: wanted(func(x *Wanted) { x.Offset = 3 }), err: kerr.OffsetOutOfRange},
			"negative":         {wanted: wanted(func(x *Wanted) { x.Offset = -1 }), err: kerr.OffsetOutOfRange},
			"old epoch":        {wanted: wanted(func(x *Wanted) { x.CurrentLeaderEpoch = 4 }), err: kerr.FencedLeaderEpoch},
			"new epoch":        {wanted: wanted(func(x *Wanted) { x.CurrentLeaderEpoch = 6 }), err: kerr.UnknownLeaderEpoch},
			"unknown":          {wanted: []Wanted{consume(kafka.TopicPartition{Topic: "nope"}, 0)}, err: kerr.UnknownTopicOrPartition},
			"other topic's id": {wanted: wanted(func(x *Wanted) { x.TopicID = kafka.UUID{1} }), err: kerr.InconsistentTopicID},
			"refused before":   {wanted: wanted(func(x *Wanted) { x.Err = kerr.TopicAuthorizationFailed }), err: kerr.TopicAuthorizationFailed},
			"unknown epoch":    {wanted: wanted(func(x *Wanted) { x.LastFetchedEpoch = 7 }), err: kerr.OffsetOutOfRange},
		} {
			p := w.poll(t.Context(), consumerParams(time.Hour, 1), test.wanted...)
			if p.waiting() {
				t.Fatalf("%s: waits", name)
			}
			got := p.results[0]
			if !errors.Is(got.Err, test.err) || test.err == nil && (got.Err != nil || got.HighWatermark != 2) {
				t.Fatalf("%s: %+v", name, got)
			}
			if test.err != nil && (got.HighWatermark != -1 || got.LogStartOffset != -1 || got.LastStableOffset != -1) {
				t.Fatalf("%s: offsets with an error: %+v", name, got)
			}
		}
		if p := w.poll(t.Context(), consumerParams(time.Hour, 1)); p.waiting() {
			t.Fatal("a fetch of nothing waits")
		}
	})
}

// TestFetchSpendsItsBytes checks the limits over several partitions.
func TestFetchSpendsItsBytes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(1)
		second := kafka.TopicPartition{Topic: "second", Partition: 0}
		w.apply(w.topicRecord(second.Topic), w.partitionRecord(second, 1))
		size := len(batch(10))
		for _, tp := range []kafka.TopicPartition{events, second} {
			for range 3 {
				w.append(w.replica(tp), 10, AcksAll)
			}
		}
		read := func(maxBytes, partitionBytes int) (sizes [2]int) {
			params := consumerParams(0, 1)
			params.MaxBytes = maxBytes
			a, b := consume(events, 0), consume(second, 0)
			a.MaxBytes, b.MaxBytes = partitionBytes, partitionBytes
			results := w.fetch(t.Context(), params, []Wanted{a, b})
			defer releaseAll(results)
			for i := range results {
				if results[i].Err != nil {
					t.Fatal(results[i].Err)
				}
				sizes[i] = results[i].Records.Size
			}
			return sizes
		}
		for _, test := range []struct{ maxBytes, partitionBytes, first, second int }{
			{1 << 20, 1 << 20, 3 * size, 3 * size},
			{1, 1, size, 0}, // One batch, whatever its size, and of one partition only.
			{0, 0, size, 0},
			{1 << 20, size, size, size},
			{4 * size, 1 << 20, 3 * size, size},
			{3*size + 1, 1 << 20, 3 * size, 0},
		} {
			if got := read(test.maxBytes, test.partitionBytes); got != [2]int{test.first, test.second} {
				t.Errorf("max %d, per partition %d: %v, want %d %d", test.maxBytes, test.partitionBytes, got, test.first, test.second)
			}
		}
	})
}

func TestConsumerReadsUpToTheHighWatermark(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		w.append(r, 1, AcksLeader)
		w.append(r, 1, AcksLeader)
		if f := w.follow(2, 1); f.Err != nil || f.Records.Size != len(batch(1)) {
			t.Fatalf("%+v", f)
		}
		wanted := consume(events, 0)
		wanted.MaxBytes = 1 << 20
		results := w.fetch(t.Context(), consumerParams(0, 1), []Wanted{wanted})
		defer releaseAll(results)
		if f := results[0]; f.HighWatermark != 1 || f.Records.Size != len(batch(1)) || f.Records.UpperBound != 1 {
			t.Fatalf("%+v", f)
		}
	})
}

// TestDivergingFollowerIsNotInSync: what a follower has of an epoch that ended
// earlier here does not count.
func TestDivergingFollowerIsNotInSync(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		w.append(r, 4, AcksLeader) // Epoch 5: offsets 0 to 3.
		w.change(metadata.PartitionChangeRecord{Leader: 1})
		w.append(r, 4, AcksLeader) // Epoch 6: 4 to 7.
		f := w.fetchAs(2, Wanted{TopicPartition: events, Offset: 7, CurrentLeaderEpoch: 6, LastFetchedEpoch: 5})
		if !f.Diverging || f.DivergingEpoch != 5 || f.DivergingEnd != 4 || f.Records.Size != 0 {
			t.Fatalf("%+v", f)
		}
		if r.log.HighWatermark() != 0 {
			t.Fatalf("high watermark %d by records that the follower does not have", r.log.HighWatermark())
		}
		w.fetchAs(2, Wanted{TopicPartition: events, Offset: 4, CurrentLeaderEpoch: 6, LastFetchedEpoch: 5})
		if r.log.HighWatermark() != 4 {
			t.Fatalf("high watermark %d", r.log.HighWatermark())
		}
	})
}

func TestStrangersDoNotReplicate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.append(w.create(1, 2), 1, AcksLeader)
		if f := w.follow(3, 0); !errors.Is(f.Err, kerr.UnknownLeaderEpoch) {
			t.Fatalf("node 3 is no replica: %v", f.Err)
		}
		old := Wanted{TopicPartition: events, CurrentLeaderEpoch: -1, LastFetchedEpoch: -1}
		if f := w.fetchAs(3, old); !errors.Is(f.Err, kerr.NotLeaderForPartition) {
			t.Fatalf("node 3 is no replica: %v", f.Err)
		}
		w.apply(registration(2, 202))
		if f := w.follow(2, 1); !errors.Is(f.Err, kerr.NotLeaderForPartition) {
			t.Fatalf("a fetch of a broker that has restarted since: %v", f.Err)
		}
		if hw := w.replica(events).log.HighWatermark(); hw != 0 {
			t.Fatalf("high watermark %d", hw)
		}
	})
}

// TestBusyLeaderKeepsItsFollowers: a follower that fetches from where the log
// ended at its last fetch is in sync, although records come in all the time,
// also while it is being served.
func TestBusyLeaderKeepsItsFollowers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		busy := false
		w.fs.SetHook(func(op faultfs.Op) {
			if busy && op.Kind == faultfs.Read {
				busy = false // Once per fetch.
				if _, err := r.log.AppendAsLeader(batch(1), 5, 0); err != nil {
					t.Error(err)
				}
			}
		})
		w.append(r, 1, AcksLeader)
		next := kafka.Offset(0)
		for range 100 {
			w.append(r, 1, AcksLeader)
			busy = true
			if next = w.follow(2, next).Records.UpperBound; busy {
				t.Fatal("the fetch did not read")
			}
			time.Sleep(time.Second)
		}
		if asked := w.controller.asked(); len(asked) > 0 {
			t.Fatalf("the follower is to leave: %+v", asked[0].Topics)
		}
	})
}

// TestWaitingFollowerCountsOnce: what a fetch says of its follower was true when
// it came, not when its wait ends.
func TestWaitingFollowerCountsOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1, 2)
		params := followerParams(2)
		params.MaxWait, params.MinBytes = time.Hour, 1000
		waiting := w.poll(t.Context(), params, Wanted{TopicPartition: events, CurrentLeaderEpoch: 5, LastFetchedEpoch: -1})
		w.append(r, 1, AcksLeader)
		w.follow(2, 1) // By another connection.
		if r.log.HighWatermark() != 1 || !waiting.waiting() {
			t.Fatalf("high watermark %d", r.log.HighWatermark())
		}
		w.append(r, 10, AcksLeader)
		<-waiting.done
		w.follow(2, 11)
		if r.log.HighWatermark() != 11 {
			t.Fatalf("high watermark %d", r.log.HighWatermark())
		}
	})
}

func TestReadCommittedReadsToTheLastStableOffset(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.create(1)
		w.append(r, 3, AcksAll)
		params := consumerParams(0, 1)
		params.Isolation = ReadCommitted
		wanted := consume(events, 0)
		wanted.MaxBytes = 1 << 20
		results := w.fetch(t.Context(), params, []Wanted{wanted})
		defer releaseAll(results)
		f := results[0]
		if f.Err != nil || f.LastStableOffset != 3 || f.Records.Size == 0 || f.Records.UpperBound != 3 || len(f.Aborted) != 0 {
			t.Fatalf("%+v", f)
		}
	})
}

func TestOfflineDirectoryEndsWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.configure(events.Topic, func(c *config.Topic) { c.FlushMessages = 1 })
		r := w.create(1, 2)
		p := w.poll(t.Context(), consumerParams(time.Hour, 1), consume(events, 0))
		w.fs.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Err: errors.New("broken disk")})
		w.append(r, 1, AcksLeader)
		synctest.Wait()
		if p.waiting() {
			t.Fatal("still waits")
		}
		if err := p.results[0].Err; !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
		if _, err := w.m.Replica(events); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
	})
}
