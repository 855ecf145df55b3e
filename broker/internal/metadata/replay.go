package metadata

import (
	"fmt"
	"maps"

	"moldau.dev/moldau/internal/kafka"
)

// Replay applies one record. The error says that the record does not fit what
// was before; the log and this node then disagree, and the node must not go on.
func (d *Delta) Replay(record Record) error {
	switch r := record.(type) {
	case *TopicRecord:
		return d.replayTopic(r)
	case *PartitionRecord:
		return d.replayPartition(r)
	case *PartitionChangeRecord:
		return d.replayPartitionChange(r)
	case *RemoveTopicRecord:
		return d.replayRemoveTopic(r)
	case *ClearElrRecord:
		return d.replayClearElr(r)
	case *ConfigRecord:
		d.replayConfig(r)
	case *FeatureLevelRecord:
		return d.replayFeatureLevel(r)
	case *ProducerIDsRecord:
		d.next.nextProducerID = r.NextProducerID
		d.changes.producerIDs = true
	case *ClientQuotaRecord:
		d.replayClientQuota(r)
	case *NoOpRecord, *ZkMigrationStateRecord:
	case *BeginTransactionRecord:
		return d.begin()
	case *EndTransactionRecord:
		return d.end()
	case *AbortTransactionRecord:
		return d.abort()
	default:
		return d.replayOther(record)
	}
	return nil
}

// replayOther applies records about nodes and security.
func (d *Delta) replayOther(record Record) error {
	switch r := record.(type) {
	case *RegisterBrokerRecord, *UnregisterBrokerRecord, *FenceBrokerRecord, *UnfenceBrokerRecord, *BrokerRegistrationChangeRecord:
		return d.replayBroker(record)
	case *RegisterControllerRecord:
		d.next.controllers = d.next.controllers.put(r.ControllerID, &Controller{
			ID: r.ControllerID, IncarnationID: r.IncarnationID, ZkMigrationReady: r.ZkMigrationReady, Endpoints: r.Endpoints, Features: r.Features,
		})
		d.changes.controllers[r.ControllerID] = struct{}{}
	case *UnregisterControllerRecord:
		d.next.controllers = d.next.controllers.remove(r.ControllerID)
		d.changes.controllers[r.ControllerID] = struct{}{}
	case *AccessControlEntryRecord:
		d.next.acls = d.next.acls.put(r.ID, r)
		d.changes.acls = true
	case *RemoveAccessControlEntryRecord:
		d.next.acls = d.next.acls.remove(r.ID)
		d.changes.acls = true
	case *UserScramCredentialRecord:
		d.next.scram = d.next.scram.put(scramKey{r.Mechanism, r.Name}, r)
		d.changes.scram = true
	case *RemoveUserScramCredentialRecord:
		d.next.scram = d.next.scram.remove(scramKey{r.Mechanism, r.Name})
		d.changes.scram = true
	case *DelegationTokenRecord:
		d.next.tokens = d.next.tokens.put(r.TokenID, r)
		d.changes.tokens = true
	case *RemoveDelegationTokenRecord:
		d.next.tokens = d.next.tokens.remove(r.TokenID)
		d.changes.tokens = true
	default:
		return fmt.Errorf("replay %T: no such record", record)
	}
	return nil
}

func (d *Delta) replayTopic(r *TopicRecord) error {
	if _, ok := d.next.topicsByName.get(r.Name); ok {
		return fmt.Errorf("replay TopicRecord: topic %q exists already", r.Name)
	}
	if _, ok := d.next.topicsByID.get(r.TopicID); ok {
		return fmt.Errorf("replay TopicRecord: topic id %v exists already", r.TopicID)
	}
	d.putTopic(&Topic{Name: r.Name, ID: r.TopicID, partitions: tree[int32, *Partition]{compare: comparePartitionID}})
	d.changes.topic(r.TopicID)
	d.changes.configs[ConfigResource{ResourceTopic, r.Name}] = struct{}{}
	return nil
}

func (d *Delta) putTopic(t *Topic) {
	d.next.topicsByName = d.next.topicsByName.put(t.Name, t)
	d.next.topicsByID = d.next.topicsByID.put(t.ID, t)
}

func (d *Delta) replayPartition(r *PartitionRecord) error {
	t, ok := d.next.topicsByID.get(r.TopicID)
	if !ok {
		return fmt.Errorf("replay PartitionRecord: topic id %v does not exist", r.TopicID)
	}
	p, err := PartitionOf(r)
	if err != nil {
		return fmt.Errorf("replay PartitionRecord of %s-%d: %w", t.Name, r.PartitionID, err)
	}
	if t.Partition(r.PartitionID) == nil {
		d.next.partitions++
	}
	d.putTopic(t.with(r.PartitionID, p))
	d.changes.topic(t.ID)[r.PartitionID] = struct{}{}
	return nil
}

func (d *Delta) replayPartitionChange(r *PartitionChangeRecord) error {
	t, ok := d.next.topicsByID.get(r.TopicID)
	if !ok {
		return fmt.Errorf("replay PartitionChangeRecord: topic id %v does not exist", r.TopicID)
	}
	old := t.Partition(r.PartitionID)
	if old == nil {
		return fmt.Errorf("replay PartitionChangeRecord: partition %s-%d does not exist", t.Name, r.PartitionID)
	}
	p, err := old.Merge(r)
	if err != nil {
		return fmt.Errorf("replay PartitionChangeRecord of %s-%d: %w", t.Name, r.PartitionID, err)
	}
	d.putTopic(t.with(r.PartitionID, p))
	d.changes.topic(t.ID)[r.PartitionID] = struct{}{}
	return nil
}

func (d *Delta) replayRemoveTopic(r *RemoveTopicRecord) error {
	t, ok := d.next.topicsByID.get(r.TopicID)
	if !ok {
		return fmt.Errorf("replay RemoveTopicRecord: topic id %v does not exist", r.TopicID)
	}
	d.next.topicsByID = d.next.topicsByID.remove(t.ID)
	d.next.topicsByName = d.next.topicsByName.remove(t.Name)
	d.next.partitions -= t.NumPartitions()
	d.changes.topic(t.ID)
	resource := ConfigResource{ResourceTopic, t.Name}
	d.next.configs = d.next.configs.remove(resource)
	d.changes.configs[resource] = struct{}{}
	return nil
}

func (d *Delta) replayClearElr(r *ClearElrRecord) error {
	if r.TopicName == "" {
		for t := range values(d.next.topicsByName.all()) {
			if err := d.clearElr(t); err != nil {
				return err
			}
		}
		return nil
	}
	t, ok := d.next.topicsByName.get(r.TopicName)
	if !ok {
		return fmt.Errorf("replay ClearElrRecord: topic %q does not exist", r.TopicName)
	}
	return d.clearElr(t)
}

func (d *Delta) clearElr(t *Topic) error {
	for id, p := range t.Partitions() {
		if len(p.ELR) == 0 && len(p.LastKnownELR) == 0 {
			continue
		}
		change := NewPartitionChange(2, id, t.ID)
		change.ELR, change.LastKnownELR = []kafka.NodeID{}, []kafka.NodeID{}
		if err := d.replayPartitionChange(change); err != nil {
			return err
		}
	}
	return nil
}

func (d *Delta) replayConfig(r *ConfigRecord) {
	resource := ConfigResource{r.ResourceType, r.ResourceName}
	d.changes.configs[resource] = struct{}{}
	old, _ := d.next.configs.get(resource)
	configs := maps.Clone(old)
	if configs == nil {
		configs = map[string]string{}
	}
	if r.Value == nil {
		delete(configs, r.Name)
	} else {
		configs[r.Name] = *r.Value
	}
	if len(configs) == 0 {
		d.next.configs = d.next.configs.remove(resource)
		return
	}
	d.next.configs = d.next.configs.put(resource, configs)
}

func (d *Delta) replayFeatureLevel(r *FeatureLevelRecord) error {
	switch {
	case r.Name == FeatureMetadataVersion:
		if v := MetadataVersion(r.Level); !v.Known() {
			return fmt.Errorf("replay FeatureLevelRecord: metadata.version level %d is not supported; this software works with %v (level %d) to %v (level %d)",
				r.Level, OldestMetadataVersion, OldestMetadataVersion, NewestMetadataVersion, NewestMetadataVersion)
		}
		d.next.metadataVersion = MetadataVersion(r.Level)
	case r.Name == FeatureKRaftVersion:
		// The quorum's control records say the kraft.version; a record of it in
		// the metadata was written by mistake (KAFKA-18979).
		return nil
	case r.Level == 0:
		d.next.features = d.next.features.remove(r.Name)
	default:
		d.next.features = d.next.features.put(r.Name, r.Level)
	}
	d.changes.features = true
	return nil
}

func (d *Delta) replayClientQuota(r *ClientQuotaRecord) {
	key := quotaKey(r.Entity)
	next := &ClientQuota{Entity: sortedEntity(r.Entity), Values: map[string]float64{}}
	if old, ok := d.next.quotas.get(key); ok {
		maps.Copy(next.Values, old.Values)
	}
	if r.Remove {
		delete(next.Values, r.Name)
	} else {
		next.Values[r.Name] = r.Value
	}
	if len(next.Values) == 0 {
		d.next.quotas = d.next.quotas.remove(key)
	} else {
		d.next.quotas = d.next.quotas.put(key, next)
	}
	d.changes.quotas = true
}

func (d *Delta) replayBroker(record Record) error {
	switch r := record.(type) {
	case *RegisterBrokerRecord:
		d.next.brokers = d.next.brokers.put(r.BrokerID, brokerOf(r))
		d.changes.brokers[r.BrokerID] = struct{}{}
	case *UnregisterBrokerRecord:
		d.next.brokers = d.next.brokers.remove(r.BrokerID)
		d.changes.brokers[r.BrokerID] = struct{}{}
	case *FenceBrokerRecord:
		return d.changeBroker(&BrokerRegistrationChangeRecord{BrokerID: r.BrokerID, BrokerEpoch: r.BrokerEpoch, Fenced: Fence})
	case *UnfenceBrokerRecord:
		return d.changeBroker(&BrokerRegistrationChangeRecord{BrokerID: r.BrokerID, BrokerEpoch: r.BrokerEpoch, Fenced: Unfence})
	case *BrokerRegistrationChangeRecord:
		return d.changeBroker(r)
	}
	return nil
}

func (d *Delta) changeBroker(r *BrokerRegistrationChangeRecord) error {
	b, ok := d.next.brokers.get(r.BrokerID)
	switch {
	case !ok:
		return fmt.Errorf("replay change of broker %d: it is not registered", r.BrokerID)
	case b.Epoch != r.BrokerEpoch:
		return fmt.Errorf("replay change of broker %d: broker epoch %d is not the current one, %d", r.BrokerID, r.BrokerEpoch, b.Epoch)
	case r.Fenced < Unfence || r.Fenced > Fence:
		return fmt.Errorf("replay change of broker %d: fencing change %d is unknown", r.BrokerID, r.Fenced)
	}
	d.next.brokers = d.next.brokers.put(b.ID, b.merge(r))
	d.changes.brokers[b.ID] = struct{}{}
	return nil
}
