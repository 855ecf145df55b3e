package metadata

import (
	"iter"
	"maps"
	"slices"
)

// Records yields records that replayed on the empty Image give this one: the
// content of a snapshot. metadata.version comes first, since it says how to
// read the rest; then the other features, brokers, controllers, topics,
// configs, quotas, producer ids, ACLs, SCRAM credentials and tokens.
func (im *Image) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, part := range []func(func(Record) bool) bool{
			im.featureRecords, im.nodeRecords, im.topicRecords, im.configRecords, im.quotaRecords, im.securityRecords,
		} {
			if !part(yield) {
				return
			}
		}
	}
}

func (im *Image) featureRecords(yield func(Record) bool) bool {
	if im.metadataVersion != 0 && !yield(&FeatureLevelRecord{Name: FeatureMetadataVersion, Level: int16(im.metadataVersion)}) {
		return false
	}
	for name, level := range im.features.all() {
		if !yield(&FeatureLevelRecord{Name: name, Level: level}) {
			return false
		}
	}
	return true
}

func (im *Image) nodeRecords(yield func(Record) bool) bool {
	for b := range im.Brokers() {
		if !yield(b.Record(im.metadataVersion)) {
			return false
		}
	}
	if !im.metadataVersion.ControllerRegistrationSupported() {
		return true
	}
	for c := range im.Controllers() {
		if !yield(c.Record()) {
			return false
		}
	}
	return true
}

func (im *Image) topicRecords(yield func(Record) bool) bool {
	for t := range im.Topics() {
		if !yield(&TopicRecord{Name: t.Name, TopicID: t.ID}) {
			return false
		}
		for id, p := range t.Partitions() {
			if !yield(p.Record(t.ID, id, im.metadataVersion)) {
				return false
			}
		}
	}
	return true
}

func (im *Image) configRecords(yield func(Record) bool) bool {
	for resource, configs := range im.Configs() {
		for _, name := range slices.Sorted(maps.Keys(configs)) {
			value := configs[name]
			if !yield(&ConfigRecord{ResourceType: resource.Type, ResourceName: resource.Name, Name: name, Value: &value}) {
				return false
			}
		}
	}
	return true
}

func (im *Image) quotaRecords(yield func(Record) bool) bool {
	for q := range im.ClientQuotas() {
		for _, name := range slices.Sorted(maps.Keys(q.Values)) {
			if !yield(&ClientQuotaRecord{Entity: q.Entity, Name: name, Value: q.Values[name]}) {
				return false
			}
		}
	}
	return im.nextProducerID < 0 || yield(&ProducerIDsRecord{BrokerID: -1, BrokerEpoch: -1, NextProducerID: im.nextProducerID})
}

func (im *Image) securityRecords(yield func(Record) bool) bool {
	for acl := range im.ACLs() {
		if !yield(acl) {
			return false
		}
	}
	for s := range im.ScramCredentials() {
		if !yield(s) {
			return false
		}
	}
	for t := range im.DelegationTokens() {
		if !yield(t) {
			return false
		}
	}
	return true
}
