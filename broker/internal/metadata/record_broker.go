package metadata

import "moldau.dev/moldau/internal/kafka"

// Endpoint is one listener of a broker or controller.
type Endpoint struct {
	// Name is the listener's name, such as PLAINTEXT or CONTROLLER.
	Name string
	Host string
	Port uint16
	// SecurityProtocol is Kafka's id: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
	SecurityProtocol int16
}

func (e *Endpoint) code(c *codec) {
	c.string(&e.Name)
	c.string(&e.Host)
	c.uint16(&e.Port)
	c.int16(&e.SecurityProtocol)
	c.tags()
}

// FeatureRange is the inclusive range of levels of a feature that a node supports.
type FeatureRange struct {
	Name     string
	Min, Max int16
}

func (f *FeatureRange) code(c *codec) {
	c.string(&f.Name)
	c.int16(&f.Min)
	c.int16(&f.Max)
	c.tags()
}

// RegisterBrokerRecord makes a broker, or a new incarnation of one, known to the cluster.
type RegisterBrokerRecord struct {
	// Version is the oldest version to encode in, 0 to 4.
	Version              int16
	BrokerID             kafka.NodeID
	IsMigratingZkBroker  bool // From version 2.
	IncarnationID        kafka.UUID
	BrokerEpoch          kafka.BrokerEpoch
	Endpoints            []Endpoint
	Features             []FeatureRange
	Rack                 *string
	Fenced               bool
	InControlledShutdown bool         // From version 1.
	LogDirs              []kafka.UUID // From version 3.
	CordonedLogDirs      []kafka.UUID // From version 4; nil before the broker has told.
}

// Key gives KeyRegisterBroker.
func (*RegisterBrokerRecord) Key() int16 { return KeyRegisterBroker }

// WireVersion gives the version it is encoded in.
func (r *RegisterBrokerRecord) WireVersion() int16 {
	switch {
	case r.CordonedLogDirs != nil:
		return max(r.Version, 4)
	case len(r.LogDirs) > 0:
		return max(r.Version, 3)
	case r.IsMigratingZkBroker:
		return max(r.Version, 2)
	case r.InControlledShutdown:
		return max(r.Version, 1)
	default:
		return r.Version
	}
}

func (r *RegisterBrokerRecord) code(c *codec) {
	c.node(&r.BrokerID)
	if c.version >= 2 {
		c.bool(&r.IsMigratingZkBroker)
	}
	c.uuid(&r.IncarnationID)
	c.brokerEpoch(&r.BrokerEpoch)
	array(c, &r.Endpoints, 7, func(e *Endpoint) { e.code(c) })
	array(c, &r.Features, 6, func(f *FeatureRange) { f.code(c) })
	c.nullableString(&r.Rack)
	c.bool(&r.Fenced)
	if c.version >= 1 {
		c.bool(&r.InControlledShutdown)
	}
	var known []tag
	if c.version >= 3 {
		known = append(known, tag{0, len(r.LogDirs) > 0, func() { c.uuids(&r.LogDirs) }})
	}
	if c.version >= 4 {
		known = append(known, tag{1, r.CordonedLogDirs != nil, func() { c.nullableUUIDs(&r.CordonedLogDirs) }})
	}
	c.tags(known...)
}

// UnregisterBrokerRecord removes a broker.
type UnregisterBrokerRecord struct {
	BrokerID    kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
}

// Key gives KeyUnregisterBroker.
func (*UnregisterBrokerRecord) Key() int16 { return KeyUnregisterBroker }

// WireVersion gives 0, the only version.
func (*UnregisterBrokerRecord) WireVersion() int16 { return 0 }

func (r *UnregisterBrokerRecord) code(c *codec) {
	c.node(&r.BrokerID)
	c.brokerEpoch(&r.BrokerEpoch)
	c.tags()
}

// FenceBrokerRecord is the older form of a registration change to fenced; it is
// read, and no longer written.
type FenceBrokerRecord struct {
	BrokerID    kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
}

// Key gives KeyFenceBroker.
func (*FenceBrokerRecord) Key() int16 { return KeyFenceBroker }

// WireVersion gives 0, the only version.
func (*FenceBrokerRecord) WireVersion() int16 { return 0 }

func (r *FenceBrokerRecord) code(c *codec) {
	c.node(&r.BrokerID)
	c.brokerEpoch(&r.BrokerEpoch)
	c.tags()
}

// UnfenceBrokerRecord is the older form of a registration change to not fenced;
// it is read, and no longer written.
type UnfenceBrokerRecord struct {
	BrokerID    kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
}

// Key gives KeyUnfenceBroker.
func (*UnfenceBrokerRecord) Key() int16 { return KeyUnfenceBroker }

// WireVersion gives 0, the only version.
func (*UnfenceBrokerRecord) WireVersion() int16 { return 0 }

func (r *UnfenceBrokerRecord) code(c *codec) {
	c.node(&r.BrokerID)
	c.brokerEpoch(&r.BrokerEpoch)
	c.tags()
}

// FencingChange says what a registration change does to a broker's fencing.
type FencingChange int8

// What a registration change can do to the fencing.
const (
	Unfence          FencingChange = -1
	FencingUnchanged FencingChange = 0
	Fence            FencingChange = 1
)

// BrokerRegistrationChangeRecord changes parts of a broker's registration.
type BrokerRegistrationChangeRecord struct {
	// Version is the oldest version to encode in, 0 to 3.
	Version     int16
	BrokerID    kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch
	Fenced      FencingChange
	// InControlledShutdown says that the broker has begun a controlled
	// shutdown; false is no change. From version 1.
	InControlledShutdown bool
	// LogDirs replaces the broker's online log directories unless it is empty. From version 2.
	LogDirs []kafka.UUID
	// CordonedLogDirs replaces the cordoned ones unless it is nil. From version 3.
	CordonedLogDirs []kafka.UUID
}

// Key gives KeyBrokerRegistrationChange.
func (*BrokerRegistrationChangeRecord) Key() int16 { return KeyBrokerRegistrationChange }

// WireVersion gives the version it is encoded in.
func (r *BrokerRegistrationChangeRecord) WireVersion() int16 {
	switch {
	case r.CordonedLogDirs != nil:
		return max(r.Version, 3)
	case len(r.LogDirs) > 0:
		return max(r.Version, 2)
	case r.InControlledShutdown:
		return max(r.Version, 1)
	default:
		return r.Version
	}
}

func (r *BrokerRegistrationChangeRecord) code(c *codec) {
	c.node(&r.BrokerID)
	c.brokerEpoch(&r.BrokerEpoch)
	known := []tag{{0, r.Fenced != FencingUnchanged, func() { c.int8((*int8)(&r.Fenced)) }}}
	if c.version >= 1 {
		known = append(known, tag{1, r.InControlledShutdown, func() {
			stop := int8(1)
			c.int8(&stop)
			r.InControlledShutdown = stop != 0
		}})
	}
	if c.version >= 2 {
		known = append(known, tag{2, len(r.LogDirs) > 0, func() { c.uuids(&r.LogDirs) }})
	}
	if c.version >= 3 {
		known = append(known, tag{3, r.CordonedLogDirs != nil, func() { c.nullableUUIDs(&r.CordonedLogDirs) }})
	}
	c.tags(known...)
}

// RegisterControllerRecord makes a controller known to the cluster (KIP-919).
type RegisterControllerRecord struct {
	ControllerID     kafka.NodeID
	IncarnationID    kafka.UUID
	ZkMigrationReady bool
	Endpoints        []Endpoint
	Features         []FeatureRange
}

// Key gives KeyRegisterController.
func (*RegisterControllerRecord) Key() int16 { return KeyRegisterController }

// WireVersion gives 0, the only version.
func (*RegisterControllerRecord) WireVersion() int16 { return 0 }

func (r *RegisterControllerRecord) code(c *codec) {
	c.node(&r.ControllerID)
	c.uuid(&r.IncarnationID)
	c.bool(&r.ZkMigrationReady)
	array(c, &r.Endpoints, 7, func(e *Endpoint) { e.code(c) })
	array(c, &r.Features, 6, func(f *FeatureRange) { f.code(c) })
	c.tags()
}

// UnregisterControllerRecord removes a controller.
type UnregisterControllerRecord struct {
	ControllerID kafka.NodeID
}

// Key gives KeyUnregisterController.
func (*UnregisterControllerRecord) Key() int16 { return KeyUnregisterController }

// WireVersion gives 0, the only version.
func (*UnregisterControllerRecord) WireVersion() int16 { return 0 }

func (r *UnregisterControllerRecord) code(c *codec) {
	c.node(&r.ControllerID)
	c.tags()
}
