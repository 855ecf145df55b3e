package metadata

import (
	"slices"

	"moldau.dev/moldau/internal/kafka"
)

// Broker is the registration of a broker in an Image. It never changes.
type Broker struct {
	ID                   kafka.NodeID
	Epoch                kafka.BrokerEpoch
	IncarnationID        kafka.UUID
	Endpoints            []Endpoint
	Features             []FeatureRange
	Rack                 *string
	Fenced               bool
	InControlledShutdown bool
	IsMigratingZkBroker  bool
	// Directories holds the online log directories, sorted.
	Directories []kafka.UUID
	// CordonedDirectories is nil until the broker has told which ones it cordons.
	CordonedDirectories []kafka.UUID
}

func brokerOf(r *RegisterBrokerRecord) *Broker {
	return &Broker{
		ID:                   r.BrokerID,
		Epoch:                r.BrokerEpoch,
		IncarnationID:        r.IncarnationID,
		Endpoints:            r.Endpoints,
		Features:             r.Features,
		Rack:                 r.Rack,
		Fenced:               r.Fenced,
		InControlledShutdown: r.InControlledShutdown,
		IsMigratingZkBroker:  r.IsMigratingZkBroker,
		Directories:          sortedUUIDs(r.LogDirs),
		CordonedDirectories:  r.CordonedLogDirs,
	}
}

func sortedUUIDs(ids []kafka.UUID) []kafka.UUID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, compareUUID)
	return ids
}

// Endpoint gives the broker's endpoint of a listener.
func (b *Broker) Endpoint(listener string) (Endpoint, bool) {
	i := slices.IndexFunc(b.Endpoints, func(e Endpoint) bool { return e.Name == listener })
	if i < 0 {
		return Endpoint{}, false
	}
	return b.Endpoints[i], true
}

// Active tells whether the broker may lead partitions and join ISRs.
func (b *Broker) Active() bool { return !b.Fenced && !b.InControlledShutdown }

// HasOnlineDirectory tells whether replicas in the directory are served. The
// broker is taken at its word for directories that are not known yet.
func (b *Broker) HasOnlineDirectory(dir kafka.UUID) bool {
	switch {
	case dir == kafka.LostDirectory:
		return false
	case dir == kafka.UnassignedDirectory || dir == kafka.MigratingDirectory || len(b.Directories) == 0:
		return true
	default:
		return slices.Contains(b.Directories, dir)
	}
}

// HasUncordonedDirectory tells whether new replicas can be placed on the broker.
func (b *Broker) HasUncordonedDirectory() bool {
	return len(b.Directories) == 0 || b.CordonedDirectories == nil ||
		slices.ContainsFunc(b.Directories, func(d kafka.UUID) bool { return !slices.Contains(b.CordonedDirectories, d) })
}

// Record gives the record that describes the whole registration.
func (b *Broker) Record(v MetadataVersion) *RegisterBrokerRecord {
	r := &RegisterBrokerRecord{
		Version:              v.RegisterBrokerVersion(),
		BrokerID:             b.ID,
		IsMigratingZkBroker:  b.IsMigratingZkBroker,
		IncarnationID:        b.IncarnationID,
		BrokerEpoch:          b.Epoch,
		Endpoints:            b.Endpoints,
		Features:             b.Features,
		Rack:                 b.Rack,
		Fenced:               b.Fenced,
		InControlledShutdown: b.InControlledShutdown,
	}
	if v.DirectoriesSupported() {
		r.LogDirs = b.Directories
	}
	if v.CordonedSupported() {
		r.CordonedLogDirs = b.CordonedDirectories
	}
	return r
}

// merge returns the broker with the change applied.
func (b *Broker) merge(r *BrokerRegistrationChangeRecord) *Broker {
	next := *b
	switch r.Fenced {
	case Fence:
		next.Fenced = true
	case Unfence:
		next.Fenced = false
	}
	if r.InControlledShutdown {
		next.InControlledShutdown = true
	}
	if len(r.LogDirs) > 0 {
		next.Directories = sortedUUIDs(r.LogDirs)
	}
	if r.CordonedLogDirs != nil {
		next.CordonedDirectories = r.CordonedLogDirs
	}
	return &next
}

// Controller is the registration of a controller in an Image. It never changes.
type Controller struct {
	ID               kafka.NodeID
	IncarnationID    kafka.UUID
	ZkMigrationReady bool
	Endpoints        []Endpoint
	Features         []FeatureRange
}

// Record gives the record that describes the registration.
func (c *Controller) Record() *RegisterControllerRecord {
	return &RegisterControllerRecord{
		ControllerID:     c.ID,
		IncarnationID:    c.IncarnationID,
		ZkMigrationReady: c.ZkMigrationReady,
		Endpoints:        c.Endpoints,
		Features:         c.Features,
	}
}
