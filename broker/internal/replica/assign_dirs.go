package replica

import (
	"context"
	"sync"
	"time"

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

func (a *dirAssignments) add(replicas ...*Replica) {
	a.mu.Lock()
	for _, r := range replicas {
		a.waiting[r] = struct{}{}
	}
	a.mu.Unlock()
	a.wakeUp()
}

// take gives at most maxAssignments of those that wait and are still hosted; the
// rest comes next.
func (a *dirAssignments) take() (taken []*Replica) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r := range a.waiting {
		if len(taken) == maxAssignments {
			a.wakeUp()
			break
		}
		delete(a.waiting, r)
		if !r.isRetired() {
			taken = append(taken, r)
		}
	}
	return taken
}

func (a *dirAssignments) wakeUp() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// maxAssignments bounds the partitions of one request, as in Kafka.
const maxAssignments = 2250

// runAssignments tells the controller of assignments until ctx ends.
func (m *Manager) runAssignments(ctx context.Context) error {
	var wait backoff
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.assignments.wake:
		}
		replicas := m.assignments.take()
		if len(replicas) == 0 || m.assign(ctx, replicas) {
			wait = 0
			continue
		}
		m.assignments.add(replicas...)
		if wait.failed(); !pause(ctx, time.Duration(wait)) {
			return nil
		}
	}
}

// assign sends one request and tells whether the controller took it. What it
// refuses for single partitions is left: they have been deleted or moved meanwhile.
func (m *Manager) assign(ctx context.Context, replicas []*Replica) (ok bool) {
	resp, err := m.options.Controller.AssignReplicasToDirs(ctx, m.assignRequest(replicas))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil && ctx.Err() == nil {
		m.options.Logger.Warn("Telling the controller of log directories failed, trying again", "partitions", len(replicas), "error", err)
	}
	return err == nil
}

func (m *Manager) assignRequest(replicas []*Replica) *kmsg.AssignReplicasToDirsRequest {
	type place struct{ dir, topic kafka.UUID }
	partitions := map[place][]kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{}
	for _, r := range replicas {
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
