package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// cluster drives a bench with what brokers and clients may do at random.
type cluster struct {
	*bench
	rt          *rapid.T
	incarnation byte
}

func (c *cluster) broker() int32 { return rapid.Int32Range(1, 5).Draw(c.rt, "broker") }

func (c *cluster) brokers(label string) []int32 {
	return rapid.SliceOfNDistinct(rapid.Int32Range(1, 5), 0, 4, rapid.ID[int32]).Draw(c.rt, label)
}

func (c *cluster) topic() string {
	return rapid.SampledFrom([]string{"a", "b", "c.d", "c_d"}).Draw(c.rt, "topic")
}

// step does one thing.
func (c *cluster) step() {
	switch rapid.IntRange(0, 15).Draw(c.rt, "step") {
	case 0:
		c.start()
	case 1, 2, 3:
		id := c.broker()
		c.heartbeat(id, func(req *kmsg.BrokerHeartbeatRequest) {
			req.WantShutdown = rapid.IntRange(0, 3).Draw(c.rt, "shutdown") == 0
			req.WantFence = rapid.IntRange(0, 7).Draw(c.rt, "fence") == 0
		})
	case 4:
		c.now = c.now.Add(time.Duration(rapid.IntRange(1, 20).Draw(c.rt, "seconds")) * time.Second)
		c.do(func() Result { r, _ := c.core.Tick(c.now); return r })
	case 5, 6:
		c.createTopic()
	case 7:
		c.do(func() Result {
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.Version, req.TopicNames = 5, []string{c.topic()}
			return c.core.DeleteTopics(c.now, req)
		})
	case 8, 9, 10:
		c.alterISR()
	case 11:
		c.do(func() Result {
			req := kmsg.NewPtrElectLeadersRequest()
			req.ElectionType, req.Topics = int8(rapid.IntRange(0, 1).Draw(c.rt, "kind")), nil
			return c.core.ElectLeaders(c.now, req)
		})
	case 12, 13:
		c.reassign()
	case 14:
		c.unregister()
	case 15:
		c.setConfig()
	}
}

// start registers a new incarnation, after a clean shutdown or not.
func (c *cluster) start() {
	c.incarnation++
	id := c.broker()
	clean := rapid.Bool().Draw(c.rt, "clean")
	c.register(id, c.incarnation, func(req *kmsg.BrokerRegistrationRequest) {
		rack := fmt.Sprint("rack", id%2)
		req.Rack = &rack
		if b := c.core.Image().Broker(kafka.NodeID(id)); clean && b != nil {
			req.PreviousBrokerEpoch = int64(b.Epoch)
		}
	})
}

func (c *cluster) createTopic() {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic = c.topic()
	topic.NumPartitions, topic.ReplicationFactor = rapid.Int32Range(1, 3).Draw(c.rt, "partitions"), rapid.Int16Range(1, 4).Draw(c.rt, "factor")
	req.Topics = append(req.Topics, topic)
	c.do(func() Result { return c.core.CreateTopics(c.now, req) })
}

// partition picks one that exists.
func (c *cluster) partition() (*metadata.Topic, int32, *metadata.Partition) {
	topics := slices.Collect(c.core.Image().Topics())
	if len(topics) == 0 {
		return nil, 0, nil
	}
	topic := rapid.SampledFrom(topics).Draw(c.rt, "topic")
	id := rapid.Int32Range(0, int32(topic.NumPartitions()-1)).Draw(c.rt, "partition")
	return topic, id, topic.Partition(id)
}

func (c *cluster) alterISR() {
	topic, id, partition := c.partition()
	if topic == nil || c.core.Image().Broker(partition.Leader) == nil {
		return
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = 3
	req.BrokerID, req.BrokerEpoch = int32(partition.Leader), int64(c.core.Image().Broker(partition.Leader).Epoch)
	rt := kmsg.NewAlterPartitionRequestTopic()
	rt.TopicID = topic.ID
	p := kmsg.NewAlterPartitionRequestTopicPartition()
	p.Partition, p.LeaderEpoch, p.PartitionEpoch = id, int32(partition.LeaderEpoch), int32(partition.PartitionEpoch)
	for _, member := range append(c.brokers("isr"), int32(partition.Leader)) {
		m := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		m.BrokerID, m.BrokerEpoch = member, -1
		if !slices.ContainsFunc(p.NewEpochISR, func(e kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return e.BrokerID == member }) {
			p.NewEpochISR = append(p.NewEpochISR, m)
		}
	}
	rt.Partitions = append(rt.Partitions, p)
	req.Topics = append(req.Topics, rt)
	c.do(func() Result { return c.core.AlterPartition(c.now, req) })
}

func (c *cluster) reassign() {
	topic, id, _ := c.partition()
	if topic == nil {
		return
	}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version, req.AllowReplicationFactorChange = 1, rapid.Bool().Draw(c.rt, "allow")
	rt := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	rt.Topic = topic.Name
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition = id
	if rapid.IntRange(0, 2).Draw(c.rt, "cancel") > 0 {
		p.Replicas = c.brokers("replicas")
	}
	rt.Partitions = append(rt.Partitions, p)
	req.Topics = append(req.Topics, rt)
	c.do(func() Result { return c.core.AlterPartitionReassignments(c.now, req) })
}

func (c *cluster) unregister() {
	if rapid.IntRange(0, 3).Draw(c.rt, "really") > 0 {
		return
	}
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = c.broker()
	c.do(func() Result { return c.core.UnregisterBroker(c.now, req) })
}

func (c *cluster) setConfig() {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, c.topic()
	op := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	op.Name = uncleanLeaderElectionEnable
	value := fmt.Sprint(rapid.Bool().Draw(c.rt, "unclean"))
	if rapid.Bool().Draw(c.rt, "min isr") {
		op.Name, value = minInSyncReplicas, fmt.Sprint(rapid.IntRange(1, 3).Draw(c.rt, "min"))
	}
	op.Value = &value
	r.Configs = append(r.Configs, op)
	req.Resources = append(req.Resources, r)
	c.do(func() Result { return c.core.IncrementalAlterConfigs(c.now, req) })
}

// Whatever happens, a partition is led by a live member of its ISR or by
// nobody, its sets fit together, and its epochs tell every change.
func TestPartitionsKeepTheirInvariants(t *testing.T) {
	for _, version := range []metadata.MetadataVersion{metadata.NewestMetadataVersion, metadata.MetadataVersion37IV2} {
		t.Run(version.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				b := newBench(t, "min.insync.replicas=2", "leader.imbalance.check.interval.seconds=30")
				b.do(func() Result { return b.core.Activate(b.now, metadata.BootstrapRecords(version)) })
				c := &cluster{bench: b, rt: rt, incarnation: 1}
				for id := int32(1); id <= 4; id++ {
					b.register(id, 1, nil)
					b.heartbeat(id, nil)
				}
				for range rapid.IntRange(5, 60).Draw(rt, "steps") {
					before := b.image
					c.step()
					checkImage(rt, b.core, before, b.image)
				}
				checkFailover(rt, b)
			})
		})
	}
}

func checkImage(t *rapid.T, c *Core, before, image *metadata.Image) {
	for topic := range image.Topics() {
		for id, p := range topic.Partitions() {
			name := fmt.Sprintf("%s-%d %s", topic.Name, id, show(p))
			checkSets(t, image, p, name)
			if p.Leader != kafka.NoNode && !image.Broker(p.Leader).Active() {
				t.Fatalf("%s: the leader is not active", name)
			}
			old := before.TopicByID(topic.ID)
			if old == nil || old.Partition(id) == nil {
				continue
			}
			checkEpochs(t, old.Partition(id), p, name)
			// The minimum was that of before the step; a reassignment of
			// partition 0 can lower it for all.
			if !p.Equal(old.Partition(id)) && len(p.ISR) >= c.effectiveMinISR(old) && len(p.ELR) > 0 {
				t.Fatalf("%s: eligible leader replicas beside an ISR that is large enough", name)
			}
		}
	}
}

func checkSets(t *rapid.T, image *metadata.Image, p *metadata.Partition, name string) {
	if p.Leader != kafka.NoNode && !slices.Contains(p.ISR, p.Leader) {
		t.Fatalf("%s: the leader is not in the ISR", name)
	}
	if !image.ELREnabled() && len(p.ISR) == 0 {
		t.Fatalf("%s: the ISR is empty without eligible leader replicas", name)
	}
	if len(p.Directories) != len(p.Replicas) || !containsAll(p.Replicas, p.ISR) || !containsAll(p.Replicas, p.ELR) {
		t.Fatalf("%s: not all are replicas", name)
	}
	if !containsAll(p.Replicas, p.AddingReplicas) || !containsAll(p.Replicas, p.RemovingReplicas) {
		t.Fatalf("%s: the reassignment has strangers", name)
	}
	both := slices.Sorted(slices.Values(slices.Concat(p.ISR, p.ELR)))
	if len(slices.Compact(both)) != len(p.ISR)+len(p.ELR) {
		t.Fatalf("%s: ISR and ELR overlap", name)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(p.Replicas)))) != len(p.Replicas) {
		t.Fatalf("%s: a replica twice", name)
	}
}

func checkEpochs(t *rapid.T, old, p *metadata.Partition, name string) {
	switch {
	case old.Equal(p):
	case p.PartitionEpoch <= old.PartitionEpoch:
		t.Fatalf("%s: changed from %s within one partition epoch", name, show(old))
	case p.LeaderEpoch < old.LeaderEpoch, p.LeaderEpoch == old.LeaderEpoch && p.Leader != old.Leader:
		t.Fatalf("%s: the leader changed from %s within one leader epoch", name, show(old))
	}
}

// checkFailover checks that a Core that is loaded from the Image knows what the
// one that replayed the records knows.
func checkFailover(t *rapid.T, b *bench) {
	next := New(b.core.options)
	next.Load(b.image)
	if fmt.Sprint(next.collisions) != fmt.Sprint(b.core.collisions) {
		t.Fatalf("colliding names are %v, loaded %v", b.core.collisions, next.collisions)
	}
}

// Replicas are on different brokers, in as many racks as there are, led by live
// brokers, and every broker leads its share.
func TestPlacementSpreadsReplicas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		b.activate()
		n := rapid.Int32Range(1, 9).Draw(rt, "brokers")
		racks := rapid.Int32Range(1, 4).Draw(rt, "racks")
		seen, live := map[int32]bool{}, int32(0)
		for id := int32(1); id <= n; id++ {
			b.register(id, 1, func(req *kmsg.BrokerRegistrationRequest) {
				rack := fmt.Sprint(id % racks)
				req.Rack = &rack
			})
			seen[id%racks] = true
			if id == 1 || rapid.IntRange(0, 4).Draw(rt, "live") > 0 {
				b.heartbeat(id, nil)
				live++
			}
		}
		factor := int(rapid.Int32Range(1, n).Draw(rt, "factor"))
		partitions := rapid.IntRange(1, 60).Draw(rt, "partitions")
		placed, err := newPlacer(b.core.options.Rand, b.core.Image()).place(partitions, factor)
		if err != nil || len(placed) != partitions {
			rt.Fatalf("%d placed, %v", len(placed), err)
		}
		leads := map[kafka.NodeID]int{}
		for _, replicas := range placed {
			brokers, inRacks := map[kafka.NodeID]bool{}, map[string]bool{}
			for _, id := range replicas {
				brokers[id], inRacks[*b.core.Image().Broker(id).Rack] = true, true
			}
			if len(brokers) != factor {
				rt.Fatalf("%v: not %d brokers", replicas, factor)
			}
			if len(inRacks) != min(factor, len(seen)) {
				rt.Fatalf("%v: in %d of %d racks", replicas, len(inRacks), len(seen))
			}
			if b.core.Image().Broker(replicas[0]).Fenced {
				rt.Fatalf("%v: led by a fenced broker", replicas)
			}
			leads[replicas[0]]++
		}
		if n == live && racks == 1 && partitions >= int(n) {
			for id, count := range leads {
				if count < partitions/int(n)-1 || count > partitions/int(n)+2 {
					rt.Fatalf("broker %d leads %d of %d among %d", id, count, partitions, n)
				}
			}
		}
	})
}

func BenchmarkCreateTopicsOneAfterTheOther(b *testing.B) {
	bench := newBench(b)
	bench.start(1)
	bench.core.options.NewUUID = kafka.NewUUID
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		req := kmsg.NewPtrCreateTopicsRequest()
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprintf("topic-%d", n), 10, 1
		req.Topics = append(req.Topics, topic)
		result := bench.core.CreateTopics(bench.now, req)
		for _, r := range result.Records {
			if err := bench.core.Replay(r); err != nil {
				b.Fatal(err)
			}
		}
	}
}
