package metadata

import "moldau.dev/moldau/internal/kafka"

// ConfigRecord sets one config of a resource, or deletes it when Value is nil.
type ConfigRecord struct {
	ResourceType ResourceType
	// ResourceName is the topic, broker id, group or subscription; empty for
	// the default of all brokers.
	ResourceName string
	Name         string
	Value        *string
}

// Key gives KeyConfig.
func (*ConfigRecord) Key() int16 { return KeyConfig }

// WireVersion gives 0, the only version.
func (*ConfigRecord) WireVersion() int16 { return 0 }

func (r *ConfigRecord) code(c *codec) {
	c.int8((*int8)(&r.ResourceType))
	c.string(&r.ResourceName)
	c.string(&r.Name)
	c.nullableString(&r.Value)
	c.tags()
}

// FeatureLevelRecord finalizes the level of a feature; 0 switches it off.
type FeatureLevelRecord struct {
	Name  string
	Level int16
}

// Key gives KeyFeatureLevel.
func (*FeatureLevelRecord) Key() int16 { return KeyFeatureLevel }

// WireVersion gives 0, the only version.
func (*FeatureLevelRecord) WireVersion() int16 { return 0 }

func (r *FeatureLevelRecord) code(c *codec) {
	c.string(&r.Name)
	c.int16(&r.Level)
	c.tags()
}

// ProducerIDsRecord says that a broker was given the producer ids below NextProducerID.
type ProducerIDsRecord struct {
	BrokerID       kafka.NodeID
	BrokerEpoch    kafka.BrokerEpoch
	NextProducerID kafka.ProducerID
}

// Key gives KeyProducerIDs.
func (*ProducerIDsRecord) Key() int16 { return KeyProducerIDs }

// WireVersion gives 0, the only version.
func (*ProducerIDsRecord) WireVersion() int16 { return 0 }

func (r *ProducerIDsRecord) code(c *codec) {
	c.node(&r.BrokerID)
	c.brokerEpoch(&r.BrokerEpoch)
	c.int64((*int64)(&r.NextProducerID))
	c.tags()
}

// QuotaEntity is one part of the name of a quota: user, client-id or ip.
type QuotaEntity struct {
	Type string
	// Name is nil for the default of that type.
	Name *string
}

// ClientQuotaRecord sets or removes one quota of a client.
type ClientQuotaRecord struct {
	Entity []QuotaEntity
	Name   string // The quota's config key, such as producer_byte_rate.
	Value  float64
	Remove bool
}

// Key gives KeyClientQuota.
func (*ClientQuotaRecord) Key() int16 { return KeyClientQuota }

// WireVersion gives 0, the only version.
func (*ClientQuotaRecord) WireVersion() int16 { return 0 }

func (r *ClientQuotaRecord) code(c *codec) {
	array(c, &r.Entity, 3, func(e *QuotaEntity) {
		c.string(&e.Type)
		c.nullableString(&e.Name)
		c.tags()
	})
	c.string(&r.Name)
	c.float64(&r.Value)
	c.bool(&r.Remove)
	c.tags()
}

// NoOpRecord does nothing: it moves the log forward.
type NoOpRecord struct{}

// Key gives KeyNoOp.
func (*NoOpRecord) Key() int16 { return KeyNoOp }

// WireVersion gives 0, the only version.
func (*NoOpRecord) WireVersion() int16 { return 0 }

func (*NoOpRecord) code(c *codec) { c.tags() }

// ZkMigrationStateRecord is left over from clusters that once used ZooKeeper.
type ZkMigrationStateRecord struct {
	State int8
}

// Key gives KeyZkMigrationState.
func (*ZkMigrationStateRecord) Key() int16 { return KeyZkMigrationState }

// WireVersion gives 0, the only version.
func (*ZkMigrationStateRecord) WireVersion() int16 { return 0 }

func (r *ZkMigrationStateRecord) code(c *codec) {
	c.int8(&r.State)
	c.tags()
}

// BeginTransactionRecord starts a metadata transaction: nothing up to its end
// counts unless it ends well (KIP-868).
type BeginTransactionRecord struct {
	Name *string
}

// Key gives KeyBeginTransaction.
func (*BeginTransactionRecord) Key() int16 { return KeyBeginTransaction }

// WireVersion gives 0, the only version.
func (*BeginTransactionRecord) WireVersion() int16 { return 0 }

func (r *BeginTransactionRecord) code(c *codec) {
	c.tags(tag{0, r.Name != nil, func() { c.nullableString(&r.Name) }})
}

// EndTransactionRecord ends a metadata transaction: its records count.
type EndTransactionRecord struct{}

// Key gives KeyEndTransaction.
func (*EndTransactionRecord) Key() int16 { return KeyEndTransaction }

// WireVersion gives 0, the only version.
func (*EndTransactionRecord) WireVersion() int16 { return 0 }

func (*EndTransactionRecord) code(c *codec) { c.tags() }

// AbortTransactionRecord ends a metadata transaction: its records do not count.
type AbortTransactionRecord struct {
	Reason *string
}

// Key gives KeyAbortTransaction.
func (*AbortTransactionRecord) Key() int16 { return KeyAbortTransaction }

// WireVersion gives 0, the only version.
func (*AbortTransactionRecord) WireVersion() int16 { return 0 }

func (r *AbortTransactionRecord) code(c *codec) {
	c.tags(tag{0, r.Reason != nil, func() { c.nullableString(&r.Reason) }})
}
