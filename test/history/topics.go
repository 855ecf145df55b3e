package history

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Topics is what clients were told about the topics they create and delete; a
// name is used once. It is safe for concurrent use.
type Topics struct {
	mu      sync.Mutex
	created map[string]kadm.TopicID
	deleted map[string]bool
}

// NewTopics returns what knows of no topic.
func NewTopics() *Topics {
	return &Topics{created: map[string]kadm.TopicID{}, deleted: map[string]bool{}}
}

// Created notes that a creation was acknowledged.
func (t *Topics) Created(topic string, id kadm.TopicID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.created[topic] = id
}

// Deleting notes that a deletion is about to be asked for: from here on the topic
// may be there or not.
func (t *Topics) Deleting(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.created, topic)
}

// Deleted notes that a deletion was acknowledged.
func (t *Topics) Deleted(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deleted[topic] = true
}

// Counts tells how many topics must be there, and how many must not.
func (t *Topics) Counts() (created, deleted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.created), len(t.deleted)
}

// Snapshot gives a copy of what is known now.
func (t *Topics) Snapshot() *Topics {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Topics{created: maps.Clone(t.created), deleted: maps.Clone(t.deleted)}
}

// Check compares with the topics that a broker lists.
func (t *Topics) Check(listed kadm.TopicDetails) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for topic, id := range t.created {
		switch found, ok := listed[topic]; {
		case !ok || found.Err != nil:
			errs = append(errs, fmt.Errorf("topic %s with id %v is lost (%w)", topic, id, found.Err))
		case found.ID != id:
			errs = append(errs, fmt.Errorf("topic %s has id %v, and was created with %v", topic, found.ID, id))
		}
	}
	for topic := range t.deleted {
		if listed.Has(topic) {
			errs = append(errs, fmt.Errorf("topic %s is deleted, and there", topic))
		}
	}
	return errors.Join(errs...)
}
