package replica

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/kafka"
)

// dirAssignments gathers which replicas lie in which log directory where the
// metadata does not say so yet, so that the controller knows what a failed
// directory takes with it (KIP-858). A broker with one directory needs none: the
// controller knows where its replicas are.
type dirAssignments struct {
	mu      sync.Mutex // Guards waiting; leaf lock.
	waiting map[*Replica]struct{}
	wake    chan struct{} // Capacity 1: something waits.
}

func newDirAssignments() *dirAssignments {
	return &dirAssignments{waiting: map[*Replica]struct{}{}, wake: make(chan struct{}, 1)}
}

func (a *dirAssignments) add(r *Replica) {
	a.mu.Lock()
	a.waiting[r] = struct{}{}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *dirAssignments) take() map[*Replica]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.waiting
	a.waiting = map[*Replica]struct{}{}
	return taken
}

// runAssignments tells the controller of assignments until ctx ends.
func (m *Manager) runAssignments(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.assignments.wake:
		}
		if replicas := m.assignments.take(); len(replicas) > 0 {
			m.assign(ctx, replicas)
		}
	}
}

// assign repeats a request that fails as a whole. What is refused for single
// partitions is left: they have been deleted or moved meanwhile.
func (m *Manager) assign(ctx context.Context, replicas map[*Replica]struct{}) {
	req := m.assignRequest(replicas)
	for {
		resp, err := m.options.Controller.AssignReplicasToDirs(ctx, req)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, kerr.StaleBrokerEpoch) {
			return
		}
		m.options.Logger.Warn("telling the controller of log directories failed, trying again", "partitions", len(replicas), "error", err)
		if !pause(ctx, alterBackoff) {
			return
		}
	}
}

func (m *Manager) assignRequest(replicas map[*Replica]struct{}) *kmsg.AssignReplicasToDirsRequest {
	type place struct{ dir, topic kafka.UUID }
	partitions := map[place][]kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{}
	for r := range replicas {
		p := kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition()
		p.Partition = r.TopicPartition().Partition
		at := place{r.log.DirectoryID(), r.topicID}
		partitions[at] = append(partitions[at], p)
	}
	byDir := map[kafka.UUID]*kmsg.AssignReplicasToDirsRequestDirectory{}
	for at, list := range partitions {
		dir := byDir[at.dir]
		if dir == nil {
			created := kmsg.NewAssignReplicasToDirsRequestDirectory()
			created.ID = at.dir
			dir = &created
			byDir[at.dir] = dir
		}
		topic := kmsg.NewAssignReplicasToDirsRequestDirectoryTopic()
		topic.TopicID, topic.Partitions = at.topic, list
		dir.Topics = append(dir.Topics, topic)
	}
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = int32(m.options.NodeID), int64(m.options.BrokerEpoch())
	for _, dir := range byDir {
		req.Directories = append(req.Directories, *dir)
	}
	return req
}
