package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// produceBig writes a record that needs blocks of its own.
func (c *rawClient) produceBig(topic string, partition int32) error {
	c.t.Helper()
	value := fmt.Sprintf("%d-%0*d", sequence.Add(1), 20_000, 0)
	b := record.NewBuilder(record.NewOptions(0))
	b.Append(time.Now().UnixMilli(), nil, []byte(value))
	err := c.produceBatch(topic, partition, b.Build())
	if err == nil {
		c.history.note(func() { c.history.acked[value] = true })
	}
	return err
}

// wantFullDisk checks what a node can do on a full disk: appends are refused,
// reads go on.
func (c *rawClient) wantFullDisk(topic string, partitions int32) {
	c.t.Helper()
	for p := range partitions {
		if err := c.produceBig(topic, p); !errors.Is(err, kerr.KafkaStorageError) {
			c.t.Errorf("produce to partition %d on a full disk: %v", p, err)
		}
		if records, err := c.fetch(topic, p); err != nil || len(records) == 0 {
			c.t.Errorf("fetch from partition %d on a full disk: %d bytes, %v", p, len(records), err)
		}
	}
}

// TestFullDiskRefusesWritesAndHealsByItself fills the disk of a running node:
// appends answer KAFKA_STORAGE_ERROR, reads, deletions and admin calls go on, and
// once there is space again everything does, without a restart.
func TestFullDiskRefusesWritesAndHealsByItself(t *testing.T) {
	mem := memfs.New()
	n := startNodeOn(t, mem, "log.dirs=/a", "offsets.topic.num.partitions=1")
	n.createTopic("t", 3, nil)
	n.createTopic("doomed", 3, nil)
	c := n.raw()
	for p := range int32(3) {
		for range 3 {
			if err := errors.Join(c.produceBig("t", p), c.produce("doomed", p)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mem.SetCapacity(0)
	c.wantFullDisk("t", 3)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	admin := n.admin()
	late := c.createUntilRefused()
	upTo := kadm.Offsets{}
	upTo.AddOffset("t", 0, 2, -1)
	if deleted, err := admin.DeleteRecords(ctx, upTo); err != nil || deleted.Error() != nil {
		t.Errorf("delete records on a full disk: %v, %v", err, deleted.Error())
	}
	if _, err := admin.DeleteTopic(ctx, "doomed"); err != nil {
		t.Errorf("delete a topic on a full disk: %v", err)
	}
	if _, errs := c.logDirs("t"); errs["/a"] != nil {
		t.Errorf("the log directory of a full disk is offline: %v", errs["/a"])
	}
	mem.SetCapacity(-1)
	for p := range int32(3) {
		if err := c.produceBig("t", p); err != nil {
			t.Errorf("produce to partition %d with space again: %v", p, err)
		}
	}
	for i := range late { // Their logs are made up for.
		eventually(t, "the partition is online", func() bool { return c.produce(fmt.Sprintf("late-%d", i), 0) == nil })
	}
	n.createTopic("new", 3, nil)
	n.restart()
	for value := range c.history.acked {
		if len(value) < 1000 {
			delete(c.history.acked, value) // Of the other topics.
		}
	}
	c.history.checkTail(t, readAll(t, n, "t"), 2)
}

// checkTail is checkRecords for a topic whose first records of partition 0 were deleted.
func (h *history) checkTail(t *testing.T, byPartition map[int32][]*kgo.Record, deleted int) {
	t.Helper()
	got := 0
	for _, records := range byPartition {
		got += len(records)
	}
	if got != len(h.acked)-deleted {
		t.Errorf("%d records, want %d", got, len(h.acked)-deleted)
	}
}

// createUntilRefused creates topics until the metadata log has no space for more,
// and returns how many there are.
func (c *rawClient) createUntilRefused() int {
	c.t.Helper()
	for i := 0; ; i++ {
		req := kmsg.NewPtrCreateTopicsRequest()
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprintf("late-%d", i), 1, 1
		value := strings.Repeat("1:1,", 4000) + "1:1" // Something long, for the disk to be full soon.
		topic.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "leader.replication.throttled.replicas", Value: &value}}
		req.TimeoutMillis, req.Topics = 5000, append(req.Topics, topic)
		created := ask[*kmsg.CreateTopicsResponse](c, req).Topics[0]
		switch err := kerr.ErrorForCode(created.ErrorCode); {
		case errors.Is(err, kerr.KafkaStorageError):
			if created.ErrorMessage == nil || !strings.Contains(*created.ErrorMessage, "full") {
				c.t.Errorf("the refusal does not say why: %v", created.ErrorMessage)
			}
			return i
		case err != nil || i > 500:
			c.t.Fatalf("creation of topic %d on a full disk: %v", i, err)
		}
	}
}

// TestNodeStartsWithZeroBytesFree stops a node whose disk is full, cleanly and by
// a power failure, and starts it without a byte of space: it serves what it has,
// and takes records again once there is space.
func TestNodeStartsWithZeroBytesFree(t *testing.T) {
	for name, cleanly := range map[string]bool{"clean stop": true, "power failure": false} {
		t.Run(name, func(t *testing.T) {
			mem := memfs.New()
			n := startNodeOn(t, mem, "log.dirs=/a", synced, "offsets.topic.num.partitions=1")
			n.createTopic("t", 3, nil)
			c := n.raw()
			for p := range int32(3) {
				if err := c.produceBig("t", p); err != nil {
					t.Fatal(err)
				}
			}
			offsets := kadm.Offsets{}
			offsets.AddOffset("t", 0, 1, -1)
			if err := commitOnceLoaded(t.Context(), n.admin(), offsets); err != nil {
				t.Fatal(err)
			}
			mem.SetCapacity(0)
			c.wantFullDisk("t", 3)
			full := mem
			if cleanly {
				n.stop()
			} else {
				full = mem.CrashClone(memfs.CrashOptions{KeepPercent: 50, TearPercent: 50, Seed: 1})
			}
			full.SetCapacity(0)
			n2 := startNodeOn(t, full, "log.dirs=/a", synced, "offsets.topic.num.partitions=1")
			c2 := n2.raw()
			c2.history = c.history
			c2.wantFullDisk("t", 3)
			committed, err := n2.admin().FetchOffsets(t.Context(), crashGroup)
			if o, ok := committed.Lookup("t", 0); err != nil || !ok || o.At != 1 {
				t.Errorf("the group's offset on a full disk: %+v, %v", o, err)
			}
			full.SetCapacity(-1)
			eventually(t, "appends go on with space", func() bool { return c2.produceBig("t", 0) == nil })
			n2.restart()
			c2.history.checkRecords(t, readAll(t, n2, "t"))
		})
	}
}
