package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/partition"
	"moldau.dev/moldau/internal/kafka"
)

// Controller is what the leaders of partitions ask of the controller.
type Controller interface {
	AlterPartition(ctx context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error)
	AssignReplicasToDirs(ctx context.Context, req *kmsg.AssignReplicasToDirsRequest) (*kmsg.AssignReplicasToDirsResponse, error)
}

// The pause after a request to the controller that failed as a whole doubles
// from the first to the last of these.
const (
	minControllerBackoff = 50 * time.Millisecond
	maxControllerBackoff = time.Second
)

// backoff is the pause before the next try; the zero value is that of no failure yet.
type backoff time.Duration

func (b *backoff) failed() {
	*b = min(max(2*(*b), backoff(minControllerBackoff)), backoff(maxControllerBackoff))
}

// isrChanges gathers what the leaders on this node ask the controller for, so
// that a thousand partitions need one request (KIP-497).
type isrChanges struct {
	mu      sync.Mutex // Guards waiting; leaf lock.
	waiting map[*Replica]*partition.ISRChange
	wake    chan struct{} // Capacity 1: something waits.
}

func newISRChanges() *isrChanges {
	return &isrChanges{waiting: map[*Replica]*partition.ISRChange{}, wake: make(chan struct{}, 1)}
}

// add has the change asked for. A partition has at most one in flight; the caller
// holds the replica's lock, so that changes arrive in the order they are proposed.
func (c *isrChanges) add(r *Replica, change *partition.ISRChange) {
	if change == nil {
		return
	}
	c.mu.Lock()
	c.waiting[r] = change
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// putBack has changes asked for again that could not be, unless the partition
// asks for something else by now.
func (c *isrChanges) putBack(changes map[*Replica]*partition.ISRChange) {
	c.mu.Lock()
	for r, change := range changes {
		if _, newer := c.waiting[r]; !newer {
			c.waiting[r] = change
		}
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *isrChanges) take() map[*Replica]*partition.ISRChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.waiting
	c.waiting = map[*Replica]*partition.ISRChange{}
	return taken
}

// runISR asks the controller for changes of ISRs, and looks for followers that
// have fallen behind, until ctx ends.
func (m *Manager) runISR(ctx context.Context) error {
	shrink := time.NewTicker(max(m.options.ReplicaLagTimeMax/2, time.Second))
	defer shrink.Stop()
	var wait backoff
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-shrink.C:
			m.shrinkISRs()
			continue
		case <-m.isr.wake:
		}
		if m.alter(ctx, m.isr.take()) {
			wait = 0
			continue
		}
		if wait.failed(); !pause(ctx, time.Duration(wait)) {
			return nil
		}
	}
}

// shrinkISRs proposes to drop followers that have been behind for too long, and
// asks again for what the controller has refused.
func (m *Manager) shrinkISRs() {
	now := m.now()
	for _, r := range m.All() {
		r.mu.Lock()
		m.isr.add(r, r.core.ProposeShrink(r.log.LogEndOffset(), r.limits(), now))
		m.isr.add(r, r.core.ProposeRecovered())
		sole := r.core.Sole()
		r.mu.Unlock()
		if !sole {
			// A replica outside the ISR that had been expected to join holds the high
			// watermark back no longer once it is late.
			r.advance()
		}
	}
}

// alter sends one request for all changes and settles each with its answer. When
// it fails as a whole, the changes are put back, since nobody else would repeat them.
func (m *Manager) alter(ctx context.Context, changes map[*Replica]*partition.ISRChange) (ok bool) {
	for r, change := range changes {
		if !r.asksFor(change) {
			delete(changes, r) // Newer metadata has settled it.
		}
	}
	if len(changes) == 0 {
		return true
	}
	resp, err := m.options.Controller.AlterPartition(ctx, m.alterRequest(changes))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err == nil || errors.Is(err, kerr.StaleBrokerEpoch) {
		m.settle(changes, resp)
		return true
	}
	if ctx.Err() == nil {
		m.options.Logger.Warn("Changing ISRs failed, trying again", "partitions", len(changes), "error", err)
	}
	m.isr.putBack(changes)
	return false
}

func (r *Replica) asksFor(change *partition.ISRChange) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.core.Pending() == change && !r.retired
}

// pause waits and tells whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (m *Manager) alterRequest(changes map[*Replica]*partition.ISRChange) *kmsg.AlterPartitionRequest {
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = req.MaxVersion()
	req.BrokerID, req.BrokerEpoch = int32(m.options.NodeID), int64(m.options.BrokerEpoch())
	topics := map[kafka.UUID]int{}
	for r, change := range changes {
		i, ok := topics[r.topicID]
		if !ok {
			i = len(req.Topics)
			topics[r.topicID] = i
			topic := kmsg.NewAlterPartitionRequestTopic()
			topic.TopicID = r.topicID
			req.Topics = append(req.Topics, topic)
		}
		p := kmsg.NewAlterPartitionRequestTopicPartition()
		p.Partition = r.TopicPartition().Partition
		p.LeaderEpoch, p.PartitionEpoch = int32(change.LeaderEpoch), int32(change.PartitionEpoch)
		for _, member := range change.Members {
			isr := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			isr.BrokerID, isr.BrokerEpoch = int32(member.ID), int64(member.BrokerEpoch)
			p.NewEpochISR = append(p.NewEpochISR, isr)
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	return req
}

// settle tells every partition what became of its change; resp is nil if nothing.
func (m *Manager) settle(changes map[*Replica]*partition.ISRChange, resp *kmsg.AlterPartitionResponse) {
	answers := map[partitionKey]*kmsg.AlterPartitionResponseTopicPartition{}
	if resp != nil {
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				p := &resp.Topics[i].Partitions[j]
				answers[partitionKey{resp.Topics[i].TopidID, p.Partition}] = p
			}
		}
	}
	for r, change := range changes {
		r.isrAnswered(change, answers[partitionKey{r.topicID, r.TopicPartition().Partition}])
	}
}

type partitionKey struct {
	topicID   kafka.UUID
	partition int32
}

func (r *Replica) isrAnswered(change *partition.ISRChange, answer *kmsg.AlterPartitionResponseTopicPartition) {
	r.mu.Lock()
	if answer == nil || answer.ErrorCode != 0 {
		// Refused: the committed ISR stays, and newer metadata is on its way.
		r.core.ISRAnswered(change, nil, nil)
	} else {
		isr := make([]kafka.NodeID, len(answer.ISR))
		for i, id := range answer.ISR {
			isr[i] = kafka.NodeID(id)
		}
		epoch := kafka.PartitionEpoch(answer.PartitionEpoch)
		r.core.ISRAnswered(change, slices.Clip(isr), &epoch)
	}
	r.mu.Unlock()
	r.advance()
}
