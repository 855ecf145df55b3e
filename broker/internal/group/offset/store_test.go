package offset_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
)

var key = offset.Key{Group: "g", Topic: "t", Partition: 1}

func at(o kafka.Offset) *offset.Committed {
	return &offset.Committed{Offset: o, ExpireTimestamp: offset.NoExpiry}
}

func producer(id kafka.ProducerID) coordinator.Producer { return coordinator.Producer{ID: id} }

func wantOffset(t *testing.T, s *offset.Store, want kafka.Offset) {
	t.Helper()
	if c, ok := s.Get(key); !ok || c.Offset != want {
		t.Errorf("offset is %v, %v, want %v", c.Offset, ok, want)
	}
}

func TestTransactionalOffsetsAreSeenAfterTheCommitMarker(t *testing.T) {
	s := offset.NewStore()
	s.Replay(0, coordinator.NoProducer, key, at(10))
	s.Replay(1, producer(5), key, at(20))
	wantOffset(t, s, 10)
	if !s.Pending(key) || !s.HasPending("g") {
		t.Error("nothing is pending")
	}
	s.EndTransaction(5, true)
	wantOffset(t, s, 20)
	if s.Pending(key) || s.HasPending("g") {
		t.Error("still pending after the marker")
	}
	s.Replay(3, producer(5), key, at(30))
	s.EndTransaction(5, false)
	wantOffset(t, s, 20)
	if s.Pending(key) {
		t.Error("still pending after the abort")
	}
}

func TestTheLaterRecordWinsNotTheLaterMarker(t *testing.T) {
	s := offset.NewStore()
	s.Replay(0, producer(5), key, at(20))
	s.Replay(1, coordinator.NoProducer, key, at(30))
	s.EndTransaction(5, true)
	wantOffset(t, s, 30)
}

func TestATombstoneDropsPendingOffsetsToo(t *testing.T) {
	s := offset.NewStore()
	s.Replay(0, producer(5), key, at(20))
	s.Replay(1, producer(6), key, at(21))
	s.Replay(2, coordinator.NoProducer, key, nil)
	s.EndTransaction(5, true)
	s.EndTransaction(6, true)
	if _, ok := s.Get(key); ok || !s.Empty("g") {
		t.Error("a deleted offset has come back")
	}
}

func TestDeletedTopicsTakeTheirOffsetsButNotThoseOfASuccessor(t *testing.T) {
	s := offset.NewStore()
	old, successor := kafka.UUID{1}, kafka.UUID{2}
	for i, id := range []kafka.UUID{old, successor, {}} {
		c := at(1)
		c.TopicID = id
		s.Replay(kafka.Offset(i), coordinator.NoProducer, offset.Key{Group: "g", Topic: "t", Partition: int32(i)}, c)
	}
	c := at(1)
	c.TopicID = old
	s.Replay(3, producer(5), offset.Key{Group: "h", Topic: "t", Partition: 9}, c)
	got := s.OfTopics(map[string]kafka.UUID{"t": old, "other": {3}})
	want := []offset.Key{{Group: "g", Topic: "t", Partition: 0}, {Group: "g", Topic: "t", Partition: 2}, {Group: "h", Topic: "t", Partition: 9}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExpiry(t *testing.T) {
	const retention = time.Hour
	committed := time.UnixMilli(1_000_000)
	late := committed.Add(retention)
	for name, c := range map[string]struct {
		expiry   offset.Expiry
		explicit time.Duration // a retention of the commit itself, if not 0.
		pending  bool
		now      time.Time
		expired  bool
	}{
		"in use for ever":                   {offset.Expiry{}, 0, false, late.Add(time.Hour), false},
		"not yet":                           {offset.Expiry{Applies: true}, 0, false, late.Add(-time.Millisecond), false},
		"since the commit":                  {offset.Expiry{Applies: true}, 0, false, late, true},
		"since the group is empty, not yet": {offset.Expiry{Applies: true, Since: committed.Add(time.Minute)}, 0, false, late, false},
		"since the group is empty":          {offset.Expiry{Applies: true, Since: committed.Add(time.Minute)}, 0, false, late.Add(time.Minute), true},
		"subscribed":                        {offset.Expiry{Applies: true, InUse: func(topic string) bool { return topic == "t" }}, 0, false, late, false},
		"other topics subscribed":           {offset.Expiry{Applies: true, InUse: func(topic string) bool { return topic != "t" }}, 0, false, late, true},
		"own retention over":                {offset.Expiry{Applies: true, Since: late}, time.Minute, false, committed.Add(time.Minute), true},
		"own retention not over":            {offset.Expiry{Applies: true}, 2 * time.Hour, false, late, false},
		"transaction open":                  {offset.Expiry{Applies: true}, 0, true, late, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := offset.NewStore()
			v := at(5)
			v.CommitTimestamp = committed.UnixMilli()
			if c.explicit != 0 {
				v.ExpireTimestamp = committed.Add(c.explicit).UnixMilli()
			}
			s.Replay(0, coordinator.NoProducer, key, v)
			if c.pending {
				s.Replay(1, producer(5), key, v)
			}
			keys, all := s.Expired("g", c.expiry, c.now, retention)
			if (len(keys) == 1) != c.expired || all != c.expired {
				t.Errorf("expired %v, all %v, want %v", keys, all, c.expired)
			}
		})
	}
	if _, all := offset.NewStore().Expired("nobody", offset.Expiry{}, late, retention); !all {
		t.Error("a group without offsets keeps something")
	}
}

// TestStoreAgainstAModel compares with a model that keeps the whole log.
func TestStoreAgainstAModel(t *testing.T) {
	type entry struct {
		producer coordinator.Producer
		key      offset.Key
		value    *offset.Committed
	}
	rapid.Check(t, func(t *rapid.T) {
		s := offset.NewStore()
		committed := make(map[offset.Key]kafka.Offset) // to the position of its record.
		open := make(map[kafka.ProducerID]map[offset.Key]kafka.Offset)
		var log []entry
		keys := rapid.Custom(func(t *rapid.T) offset.Key {
			return offset.Key{
				Group: rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group"),
				Topic: rapid.SampledFrom([]string{"t", "u"}).Draw(t, "topic"), Partition: rapid.Int32Range(0, 1).Draw(t, "partition"),
			}
		})
		ids := rapid.Custom(func(t *rapid.T) kafka.ProducerID { return kafka.ProducerID(rapid.IntRange(0, 2).Draw(t, "producer")) })
		replay := func(e entry) kafka.Offset {
			position := kafka.Offset(len(log))
			log = append(log, e)
			s.Replay(position, e.producer, e.key, e.value)
			return position
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				committed[k] = replay(entry{coordinator.NoProducer, k, at(kafka.Offset(len(log)))})
			},
			"commit in transaction": func(t *rapid.T) {
				k, id := keys.Draw(t, "key"), ids.Draw(t, "id")
				if open[id] == nil {
					open[id] = make(map[offset.Key]kafka.Offset)
				}
				open[id][k] = replay(entry{producer(id), k, at(kafka.Offset(len(log)))})
			},
			"tombstone": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				replay(entry{coordinator.NoProducer, k, nil})
				delete(committed, k)
				for _, pending := range open {
					delete(pending, k)
				}
			},
			"end": func(t *rapid.T) {
				id, commit := ids.Draw(t, "id"), rapid.Bool().Draw(t, "commit")
				s.EndTransaction(id, commit)
				for k, position := range open[id] {
					if old, ok := committed[k]; commit && (!ok || position > old) {
						committed[k] = position
					}
				}
				delete(open, id)
			},
			"": func(t *rapid.T) {
				want := slices.Sorted(maps.Values(committed))
				var got []kafka.Offset
				pending := make(map[offset.Key]bool)
				for _, keys := range open {
					for k := range keys {
						pending[k] = true
					}
				}
				for _, group := range []string{"g", "h"} {
					hasPending := false
					for _, topic := range s.Topics(group) {
						for _, partition := range s.Partitions(group, topic) {
							c, _ := s.Get(offset.Key{Group: group, Topic: topic, Partition: partition})
							got = append(got, c.Offset)
						}
					}
					for k := range pending {
						hasPending = hasPending || k.Group == group
						if !s.Pending(k) {
							t.Fatalf("%v is not pending", k)
						}
					}
					if s.HasPending(group) != hasPending {
						t.Fatalf("group %s has pending offsets: %v, want %v", group, s.HasPending(group), hasPending)
					}
				}
				slices.Sort(got)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("offsets %v, want %v", got, want)
				}
			},
		})
	})
}
