package metadata

import (
	"cmp"
	"iter"
	"maps"
	"reflect"

	"moldau.dev/moldau/internal/kafka"
)

// Image is the metadata of the whole cluster at one offset of the metadata
// log. It never changes and may be shared between goroutines.
type Image struct {
	state
	offset kafka.Offset
	epoch  kafka.LeaderEpoch
	// txn holds what a metadata transaction has changed that has begun and not
	// ended at this offset; nil outside of one.
	txn *openTransaction
}

// state is all that records can change. Its maps are persistent, so that a copy
// of the struct is a copy of the state.
type state struct {
	metadataVersion MetadataVersion // 0 before the first FeatureLevelRecord.
	features        tree[string, int16]
	brokers         tree[kafka.NodeID, *Broker]
	controllers     tree[kafka.NodeID, *Controller]
	topicsByName    tree[string, *Topic]
	topicsByID      tree[kafka.UUID, *Topic]
	partitions      int // The number of partitions of all topics.
	configs         tree[ConfigResource, map[string]string]
	quotas          tree[string, *ClientQuota]
	nextProducerID  kafka.ProducerID // -1 before the first block.
	acls            tree[kafka.UUID, *AccessControlEntryRecord]
	scram           tree[scramKey, *UserScramCredentialRecord]
	tokens          tree[string, *DelegationTokenRecord]
}

type openTransaction struct {
	state   state
	changes changes
}

// EmptyImage returns the metadata before the first record, at offset -1.
func EmptyImage() *Image {
	return &Image{
		state: state{
			features:       tree[string, int16]{compare: cmp.Compare[string]},
			brokers:        tree[kafka.NodeID, *Broker]{compare: cmp.Compare[kafka.NodeID]},
			controllers:    tree[kafka.NodeID, *Controller]{compare: cmp.Compare[kafka.NodeID]},
			topicsByName:   tree[string, *Topic]{compare: cmp.Compare[string]},
			topicsByID:     tree[kafka.UUID, *Topic]{compare: compareUUID},
			configs:        tree[ConfigResource, map[string]string]{compare: ConfigResource.compare},
			quotas:         tree[string, *ClientQuota]{compare: cmp.Compare[string]},
			nextProducerID: -1,
			acls:           tree[kafka.UUID, *AccessControlEntryRecord]{compare: compareUUID},
			scram:          tree[scramKey, *UserScramCredentialRecord]{compare: scramKey.compare},
			tokens:         tree[string, *DelegationTokenRecord]{compare: cmp.Compare[string]},
		},
		offset: -1,
		epoch:  -1,
	}
}

// Offset gives the offset of the last record the Image contains; -1 for the empty Image.
func (im *Image) Offset() kafka.Offset { return im.offset }

// Epoch gives the leader epoch of that record.
func (im *Image) Epoch() kafka.LeaderEpoch { return im.epoch }

// InTransaction tells whether a metadata transaction is open at this offset.
// What it has changed so far does not show.
func (im *Image) InTransaction() bool { return im.txn != nil }

// At returns the same metadata as of another offset, for a snapshot that was
// loaded or a batch without metadata records.
func (im *Image) At(offset kafka.Offset, epoch kafka.LeaderEpoch) *Image {
	next := *im
	next.offset, next.epoch = offset, epoch
	return &next
}

// MetadataVersion gives the finalized metadata.version; 0 before there is one.
func (im *Image) MetadataVersion() MetadataVersion { return im.metadataVersion }

// Feature gives the finalized level of a feature; 0 when it is off.
func (im *Image) Feature(name string) int16 {
	if name == FeatureMetadataVersion {
		return int16(im.metadataVersion)
	}
	level, _ := im.features.get(name)
	return level
}

// Features yields the finalized features in the order of their names, without
// those that are off.
func (im *Image) Features() iter.Seq2[string, int16] {
	return func(yield func(string, int16) bool) {
		pending := im.metadataVersion != 0
		for name, level := range im.features.all() {
			if pending && name > FeatureMetadataVersion {
				pending = false
				if !yield(FeatureMetadataVersion, int16(im.metadataVersion)) {
					return
				}
			}
			if !yield(name, level) {
				return
			}
		}
		if pending {
			yield(FeatureMetadataVersion, int16(im.metadataVersion))
		}
	}
}

// ELREnabled tells whether eligible leader replicas are switched on.
func (im *Image) ELREnabled() bool { return im.Feature(FeatureEligibleLeaderReplicas) >= 1 }

// Broker gives a broker's registration, or nil.
func (im *Image) Broker(id kafka.NodeID) *Broker {
	b, _ := im.brokers.get(id)
	return b
}

// NumBrokers gives how many brokers are registered, fenced ones too.
func (im *Image) NumBrokers() int { return im.brokers.len() }

// Brokers yields the brokers in the order of their ids.
func (im *Image) Brokers() iter.Seq[*Broker] { return values(im.brokers.all()) }

// Controller gives a controller's registration, or nil.
func (im *Image) Controller(id kafka.NodeID) *Controller {
	c, _ := im.controllers.get(id)
	return c
}

// Controllers yields the controllers in the order of their ids.
func (im *Image) Controllers() iter.Seq[*Controller] { return values(im.controllers.all()) }

// Topic gives a topic by name, or nil.
func (im *Image) Topic(name string) *Topic {
	t, _ := im.topicsByName.get(name)
	return t
}

// TopicByID gives a topic by id, or nil.
func (im *Image) TopicByID(id kafka.UUID) *Topic {
	t, _ := im.topicsByID.get(id)
	return t
}

// Partition gives a partition, or nil.
func (im *Image) Partition(tp kafka.TopicPartition) *Partition {
	t := im.Topic(tp.Topic)
	if t == nil {
		return nil
	}
	return t.Partition(tp.Partition)
}

// NumTopics gives how many topics there are.
func (im *Image) NumTopics() int { return im.topicsByName.len() }

// NumPartitions gives how many partitions all topics have together.
func (im *Image) NumPartitions() int { return im.partitions }

// Topics yields the topics in the order of their names.
func (im *Image) Topics() iter.Seq[*Topic] { return values(im.topicsByName.all()) }

// TopicsFrom yields the topics whose names are not less than name, in order.
func (im *Image) TopicsFrom(name string) iter.Seq[*Topic] { return values(im.topicsByName.from(name)) }

// Config gives the explicit configs of a resource; nil when it has none. The
// caller must not change the map.
func (im *Image) Config(resource ConfigResource) map[string]string {
	configs, _ := im.configs.get(resource)
	return configs
}

// TopicConfig gives the explicit configs of a topic, read-only.
func (im *Image) TopicConfig(topic string) map[string]string {
	return im.Config(ConfigResource{ResourceTopic, topic})
}

// Configs yields all resources that have configs, by type and name. The maps are read-only.
func (im *Image) Configs() iter.Seq2[ConfigResource, map[string]string] { return im.configs.all() }

// ClientQuotas yields all quotas.
func (im *Image) ClientQuotas() iter.Seq[*ClientQuota] { return values(im.quotas.all()) }

// ClientQuota gives the quotas of exactly that entity, or nil.
func (im *Image) ClientQuota(entity []QuotaEntity) *ClientQuota {
	q, _ := im.quotas.get(quotaKey(entity))
	return q
}

// NextProducerID gives the first producer id that no broker was given yet.
func (im *Image) NextProducerID() kafka.ProducerID { return max(im.nextProducerID, 0) }

// ACL gives an ACL by id, or nil.
func (im *Image) ACL(id kafka.UUID) *AccessControlEntryRecord {
	acl, _ := im.acls.get(id)
	return acl
}

// ACLs yields the ACLs in the order of their ids.
func (im *Image) ACLs() iter.Seq[*AccessControlEntryRecord] { return values(im.acls.all()) }

// ScramCredential gives a user's credential for a mechanism, or nil.
func (im *Image) ScramCredential(mechanism int8, user string) *UserScramCredentialRecord {
	s, _ := im.scram.get(scramKey{mechanism, user})
	return s
}

// ScramCredentials yields all credentials by mechanism and user.
func (im *Image) ScramCredentials() iter.Seq[*UserScramCredentialRecord] {
	return values(im.scram.all())
}

// DelegationToken gives a token by id, or nil.
func (im *Image) DelegationToken(id string) *DelegationTokenRecord {
	t, _ := im.tokens.get(id)
	return t
}

// DelegationTokens yields the tokens in the order of their ids.
func (im *Image) DelegationTokens() iter.Seq[*DelegationTokenRecord] { return values(im.tokens.all()) }

// Equal tells whether both Images say the same about the cluster, whatever
// their offsets.
func (im *Image) Equal(other *Image) bool {
	return im.metadataVersion == other.metadataVersion && im.NextProducerID() == other.NextProducerID() &&
		equalTrees(im.features, other.features, func(a, b int16) bool { return a == b }) &&
		equalTrees(im.brokers, other.brokers, equalDeep[*Broker]) &&
		equalTrees(im.controllers, other.controllers, equalDeep[*Controller]) &&
		equalTrees(im.topicsByID, other.topicsByID, (*Topic).Equal) &&
		equalTrees(im.topicsByName, other.topicsByName, (*Topic).Equal) &&
		equalTrees(im.configs, other.configs, maps.Equal[map[string]string, map[string]string]) &&
		equalTrees(im.quotas, other.quotas, equalDeep[*ClientQuota]) &&
		equalTrees(im.acls, other.acls, equalDeep[*AccessControlEntryRecord]) &&
		equalTrees(im.scram, other.scram, equalDeep[*UserScramCredentialRecord]) &&
		equalTrees(im.tokens, other.tokens, equalDeep[*DelegationTokenRecord])
}

func equalDeep[T any](a, b T) bool { return reflect.DeepEqual(a, b) }

func equalTrees[K, V any](a, b tree[K, V], equal func(V, V) bool) bool {
	if a.len() != b.len() {
		return false
	}
	for key, value := range a.all() {
		if other, ok := b.get(key); !ok || !equal(value, other) {
			return false
		}
	}
	return true
}

func values[K, V any](seq iter.Seq2[K, V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, v := range seq {
			if !yield(v) {
				return
			}
		}
	}
}
