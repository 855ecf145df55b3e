package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// RegisterBroker registers a broker that starts, or a change to one that runs.
// A new incarnation gets the next offset as its broker epoch; what its
// predecessor led is led elsewhere, and if that did not shut down cleanly, its
// replicas are no longer taken to be complete (KIP-966).
// It is refused with DUPLICATE_BROKER_REGISTRATION while another incarnation
// has a session, INCONSISTENT_CLUSTER_ID, INVALID_REGISTRATION or
// UNSUPPORTED_VERSION.
func (c *Core) RegisterBroker(now time.Time, req *kmsg.BrokerRegistrationRequest) Result {
	existing := c.image.Broker(kafka.NodeID(req.BrokerID))
	if err := c.checkRegistration(now, req, existing); err != nil {
		return Result{Err: err}
	}
	record := &metadata.RegisterBrokerRecord{
		Version:             c.version().RegisterBrokerVersion(),
		BrokerID:            kafka.NodeID(req.BrokerID),
		IsMigratingZkBroker: req.IsMigratingZkBroker,
		IncarnationID:       req.IncarnationID,
		Rack:                req.Rack,
		Fenced:              true,
	}
	for _, l := range req.Listeners {
		record.Endpoints = append(record.Endpoints, metadata.Endpoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		record.Features = append(record.Features, metadata.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	if c.version().DirectoriesSupported() {
		for _, dir := range req.LogDirs {
			record.LogDirs = append(record.LogDirs, dir)
		}
	}
	var records []metadata.Record
	if existing != nil && existing.IncarnationID == req.IncarnationID {
		record.BrokerEpoch = existing.Epoch
		record.Fenced = existing.Fenced
		record.InControlledShutdown = existing.InControlledShutdown
	} else {
		// From version 3 on the broker says which epoch it had when it last
		// shut down cleanly.
		clean := req.Version >= 3 && existing != nil && int64(existing.Epoch) == req.PreviousBrokerEpoch
		records = c.removeIncarnation(kafka.NodeID(req.BrokerID), clean)
		record.BrokerEpoch = kafka.BrokerEpoch(c.nextOffset)
	}
	// The registration comes last: if the log ends before it, the broker
	// registers again and its predecessor is cleaned up again.
	records = append(records, record)
	c.brokers[record.BrokerID] = &brokerState{
		epoch:              record.BrokerEpoch,
		metadataOffset:     -1,
		registrationOffset: c.nextOffset + kafka.Offset(len(records)) - 1,
		shutdownOffset:     -1,
	}
	if !record.Fenced {
		c.brokers[record.BrokerID].lastContact = now
	}
	resp := kmsg.NewPtrBrokerRegistrationResponse()
	resp.Version = req.Version
	resp.BrokerEpoch = int64(record.BrokerEpoch)
	return Result{Records: records, Response: resp}
}

func (c *Core) checkRegistration(now time.Time, req *kmsg.BrokerRegistrationRequest, existing *metadata.Broker) error {
	switch {
	case req.ClusterID != c.options.ClusterID:
		return kafka.Errorf(kerr.InconsistentClusterID, "Expected cluster ID %s, but got cluster ID %s", c.options.ClusterID, req.ClusterID)
	case existing != nil && existing.IncarnationID != req.IncarnationID && c.hasSession(existing, now) && existing.ID != c.options.NodeID:
		// Differs from Kafka: the broker of this very node is let in. Its
		// predecessor cannot be alive, since both hold the same lock on the log
		// directory.
		return kafka.Errorf(kerr.DuplicateBrokerRegistration, "Another broker is registered with that broker id. If the broker "+
			"was recently restarted this should self-resolve once the heartbeat manager expires the broker's session.")
	case req.IsMigratingZkBroker:
		return kafka.Errorf(kerr.BrokerIDNotRegistered, "Controller does not support registering ZK brokers.")
	case slices.ContainsFunc(req.Listeners, func(l kmsg.BrokerRegistrationRequestListener) bool { return l.Name == "" }):
		return kafka.Errorf(kerr.InvalidRegistration, "Broker listeners must be named.")
	}
	if err := c.checkDirectories(req); err != nil {
		return err
	}
	return c.checkFeatures(req)
}

func (c *Core) checkDirectories(req *kmsg.BrokerRegistrationRequest) error {
	if !c.version().DirectoriesSupported() {
		return nil
	}
	if len(req.LogDirs) == 0 {
		return kafka.Errorf(kerr.InvalidRegistration, "No directories specified in request")
	}
	seen := map[kafka.UUID]bool{}
	for _, dir := range req.LogDirs {
		if isReserved(dir) {
			return kafka.Errorf(kerr.InvalidRegistration, "Reserved directory ID in request")
		}
		seen[dir] = true
	}
	if len(seen) != len(req.LogDirs) {
		return kafka.Errorf(kerr.InvalidRegistration, "Duplicate directory ID in request")
	}
	for other := range c.image.Brokers() {
		if other.ID == kafka.NodeID(req.BrokerID) {
			continue
		}
		for _, dir := range other.Directories {
			if seen[dir] {
				return kafka.Errorf(kerr.InvalidRegistration, "Broker %d is already registered with directory %v", other.ID, dir)
			}
		}
	}
	return nil
}

// isReserved tells whether the directory id is one of the first hundred, which
// have meanings of their own.
func isReserved(dir kafka.UUID) bool {
	return !slices.ContainsFunc(dir[:15], func(b byte) bool { return b != 0 }) && dir[15] < 100
}

// checkFeatures refuses a broker that does not support every finalized level.
func (c *Core) checkFeatures(req *kmsg.BrokerRegistrationRequest) error {
	ranges := map[string]metadata.FeatureRange{}
	for _, f := range req.Features {
		ranges[f.Name] = metadata.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion}
	}
	for _, f := range req.Features {
		if err := checkFeature(ranges[f.Name], c.image.Feature(f.Name)); err != nil {
			return err
		}
	}
	if _, ok := ranges[metadata.FeatureMetadataVersion]; !ok {
		return kafka.Errorf(kerr.InvalidRegistration, "Request features do not contain '%s'", metadata.FeatureMetadataVersion)
	}
	for name, level := range c.image.Features() {
		if _, ok := ranges[name]; ok {
			continue
		}
		if err := checkFeature(metadata.FeatureRange{Name: name}, level); err != nil {
			return err
		}
	}
	return nil
}

func checkFeature(f metadata.FeatureRange, finalized int16) error {
	if finalized >= f.Min && finalized <= f.Max {
		return nil
	}
	if f.Name == metadata.FeatureKRaftVersion {
		// Its level is in the control records of the log, not in the metadata.
		return nil
	}
	return kafka.Errorf(kerr.UnsupportedVersion, "Unable to register because the broker does not support finalized version %d of %s. "+
		"The broker wants a version between %d and %d, inclusive.", finalized, f.Name, f.Min, f.Max)
}

// UnregisterBroker removes a broker that will not come back. It is refused with
// BROKER_ID_NOT_REGISTERED.
func (c *Core) UnregisterBroker(_ time.Time, req *kmsg.UnregisterBrokerRequest) Result {
	b := c.image.Broker(kafka.NodeID(req.BrokerID))
	if b == nil {
		return refuse(kerr.BrokerIDNotRegistered, "Broker ID %d is not currently registered", req.BrokerID)
	}
	records := c.partitionChanges(leadershipChange{remove: b.ID, add: kafka.NoNode, unclean: kafka.NoNode}, inISROrELR(b.ID))
	records = append(records, &metadata.UnregisterBrokerRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch})
	delete(c.brokers, b.ID)
	resp := kmsg.NewPtrUnregisterBrokerResponse()
	resp.Version, resp.ErrorMessage = req.Version, kmsg.StringPtr("") // As in Apache Kafka.
	return Result{Records: records, Response: resp}.bounded()
}

// RegisterController registers a controller of the quorum (KIP-919). It is
// refused with UNSUPPORTED_VERSION before metadata.version 3.7-IV0.
func (c *Core) RegisterController(_ time.Time, req *kmsg.ControllerRegistrationRequest) Result {
	if !c.version().ControllerRegistrationSupported() {
		return refuse(kerr.UnsupportedVersion, "The current MetadataVersion is too old to support controller registrations.")
	}
	record := &metadata.RegisterControllerRecord{
		ControllerID:  kafka.NodeID(req.ControllerID),
		IncarnationID: req.IncarnationID,
	}
	for _, l := range req.Listeners {
		record.Endpoints = append(record.Endpoints, metadata.Endpoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		record.Features = append(record.Features, metadata.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	resp := kmsg.NewPtrControllerRegistrationResponse()
	resp.Version = req.Version
	return Result{Records: []metadata.Record{record}, Response: resp, Atomic: true}
}

// describe names a partition in messages.
func describe(topic string, partition int32) string { return fmt.Sprintf("%s-%d", topic, partition) }
