package broker

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// bomb gives a valid batch of a few KiB or MiB that holds one record of 150 MiB.
func bomb(codec compress.Codec) []byte {
	o := record.NewOptions(0)
	o.Codec = codec
	b := record.NewBuilder(o)
	b.Append(time.Now().UnixMilli(), nil, make([]byte, 150*mib))
	return b.Build()
}

// bombsPerTopic are as many as the broker decompresses at once, and one more in
// all. The race detector makes each of them take seconds.
const bombsPerTopic = 2

// TestDecompressionBombsAreRefused produces batches that would fill the memory if
// they were decompressed, several at once.
func TestDecompressionBombsAreRefused(t *testing.T) {
	if raceEnabled {
		t.Skip("decompressing that much takes minutes with the race detector")
	}
	n := startNodeOn(t, memfs.New(), "message.max.bytes=100000000")
	n.createTopic("t", 1, nil)
	n.createTopic("recompressed", 1, map[string]*string{"compression.type": kadm.StringPtr("lz4")})
	for name, codec := range map[string]compress.Codec{"zstd": compress.Zstd, "gzip": compress.Gzip, "lz4": compress.LZ4} {
		t.Run(name, func(t *testing.T) {
			batch := bomb(codec)
			before, peak := heap(), peakHeap()
			var wg sync.WaitGroup
			for _, topic := range []string{"t", "recompressed"} {
				for range bombsPerTopic {
					c := n.raw()
					c.topicID(topic)
					wg.Go(func() {
						if err := c.produceBatch(topic, 0, append([]byte(nil), batch...)); err == nil {
							t.Errorf("a bomb of %d bytes was taken", len(batch))
						}
					})
				}
			}
			wg.Wait()
			top := peak()
			t.Logf("%d bytes; heap %d MiB before, %d at its peak", len(batch), before/mib, top/mib)
			if top > before+1000*mib {
				t.Errorf("bombs of %d bytes: the heap grew from %d to %d MiB", len(batch), before/mib, top/mib)
			}
		})
	}
	if err := n.raw().produce("t", 0); err != nil {
		t.Error(err)
	}
}

// TestGiantGroupsAreRefused gives the group coordinator more than it should keep.
func TestGiantGroupsAreRefused(t *testing.T) {
	n := startNodeOn(t, memfs.New(), "group.initial.rebalance.delay.ms=0", "group.max.size=5")
	n.createTopic("t", 1, nil)
	c := n.raw()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "g", "consumer", 10_000, 500
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 1}}}
	c.memberID(join)

	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Group, commit.Generation = "offsets", -1
	metadata := strings.Repeat("m", 4097) // offset.metadata.max.bytes is 4096.
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: c.topicID("t"), Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1, Metadata: &metadata}}}}
	eventually(t, "the commit is refused", func() bool { // At first the coordinator loads.
		committed := ask[*kmsg.OffsetCommitResponse](c, commit)
		err := kerr.ErrorForCode(committed.Topics[0].Partitions[0].ErrorCode)
		if err == nil {
			t.Fatalf("a commit with %d bytes of metadata was taken", len(metadata))
		}
		return errors.Is(err, kerr.OffsetMetadataTooLarge)
	})

	// More members than group.max.size. The ids come from the coordinator.
	refused := 0
	var ids []string
	for range 10 {
		resp := ask[*kmsg.JoinGroupResponse](c, join)
		if errors.Is(kerr.ErrorForCode(resp.ErrorCode), kerr.GroupMaxSizeReached) {
			refused++
		}
		ids = append(ids, resp.MemberID)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, id := range ids {
		cl := n.raw()
		again := *join
		again.MemberID = id
		wg.Go(func() {
			resp := ask[*kmsg.JoinGroupResponse](cl, &again)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(kerr.ErrorForCode(resp.ErrorCode), kerr.GroupMaxSizeReached) {
				refused++
			}
		})
	}
	wg.Wait()
	// Members that do not come back for a rebalance lose their place, so that
	// how many of the ten were refused is a matter of time. How many are in is not.
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{"g"}
	members := len(ask[*kmsg.DescribeGroupsResponse](c, describe).Groups[0].Members)
	if refused == 0 || members > 5 {
		t.Errorf("%d of 10 members refused and %d in the group, want some refused and at most 5", refused, members)
	}

	// A member whose metadata alone is larger than a record of __consumer_offsets.
	big := *join
	big.Group = "big"
	big.MemberID = c.memberID(&big)
	big.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, 2*mib)}}
	before := heap()
	joined := ask[*kmsg.JoinGroupResponse](c, &big)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = "big", joined.MemberID, joined.Generation
	sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: joined.MemberID, MemberAssignment: make([]byte, 2*mib)}}
	if joined.ErrorCode == 0 {
		resp := ask[*kmsg.SyncGroupResponse](c, sync)
		t.Logf("sync of a giant assignment: %v", kerr.ErrorForCode(resp.ErrorCode))
		if resp.ErrorCode == 0 {
			t.Error("an assignment that fits no record was acknowledged")
		}
	}
	t.Logf("join with giant metadata: %v; heap %d MiB before, %d after", kerr.ErrorForCode(joined.ErrorCode), before/mib, heap()/mib)
	n.produce("t", 0, 10)
}

// TestFetchSessionsAreBounded opens far more sessions than there are slots.
func TestFetchSessionsAreBounded(t *testing.T) {
	n := startNodeOn(t, memfs.New(), "max.incremental.fetch.session.cache.slots=50")
	n.createTopic("t", 50, nil)
	c := n.raw()
	id := c.topicID("t")
	before := heap()
	cached := map[int32]bool{}
	for range 2000 {
		fetch := kmsg.NewPtrFetchRequest()
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic, topic.TopicID = "t", id
		for p := range int32(50) {
			partition := kmsg.NewFetchRequestTopicPartition()
			partition.Partition, partition.PartitionMaxBytes = p, 1
			topic.Partitions = append(topic.Partitions, partition)
		}
		fetch.SessionEpoch = 0 // A new session.
		fetch.MaxBytes, fetch.Topics = 1, append(fetch.Topics, topic)
		if resp := ask[*kmsg.FetchResponse](c, fetch); resp.SessionID != 0 {
			cached[resp.SessionID] = true
		}
	}
	if grown := heap() - before; grown > 20*mib {
		t.Errorf("2000 sessions of 50 partitions: the heap grew by %d MiB", grown/mib)
	}
	if len(cached) == 0 || len(cached) > 50 {
		t.Errorf("%d sessions kept at once, want 1 to 50: the others are too young to give way", len(cached))
	}
}
