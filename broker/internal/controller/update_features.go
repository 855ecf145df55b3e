package controller

import (
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Upgrade types of the protocol (KIP-778).
const (
	upgradeOnly     int8 = 1
	safeDowngrade   int8 = 2
	unsafeDowngrade int8 = 3
)

// UpdateFeatures finalizes levels of features, all of the request or none. The
// response's error is INVALID_UPDATE_VERSION when a level is not supported by
// every node, or is a downgrade that was not asked for or would lose metadata.
func (c *Core) UpdateFeatures(_ time.Time, req *kmsg.UpdateFeaturesRequest) Result {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.Version = req.Version
	records, err := c.updateFeatures(req)
	if err != nil {
		var refusal *kafka.Error
		message := err.Error()
		if errors.As(err, &refusal) {
			message = refusal.Message
		}
		message = "The update failed for all features since the following feature had an error: " + message
		resp.ErrorCode, resp.ErrorMessage = protocol.Code(err), &message
		return Result{Response: resp}
	}
	if req.Version <= 1 {
		for _, update := range req.FeatureUpdates {
			r := kmsg.NewUpdateFeaturesResponseResult()
			r.Feature = update.Feature
			resp.Results = append(resp.Results, r)
		}
	}
	if req.ValidateOnly {
		records = nil
	}
	return Result{Records: records, Response: resp, Atomic: true}
}

func (c *Core) updateFeatures(req *kmsg.UpdateFeaturesRequest) ([]metadata.Record, error) {
	proposedVersion := c.version()
	for _, update := range req.FeatureUpdates {
		if update.Feature == metadata.FeatureMetadataVersion {
			proposedVersion = metadata.MetadataVersion(update.MaxVersionLevel)
		}
	}
	var records []metadata.Record
	for i := range req.FeatureUpdates {
		update := req.FeatureUpdates[i]
		if req.Version < 1 {
			update.UpgradeType = upgradeOnly
			if update.AllowDowngrade {
				update.UpgradeType = safeDowngrade
			}
		}
		record, err := c.updateFeature(&update, proposedVersion)
		if err != nil {
			return nil, err
		}
		if record == nil {
			continue
		}
		if update.Feature == metadata.FeatureEligibleLeaderReplicas && update.MaxVersionLevel > 0 {
			records = append(c.elrSafetyRecords(), records...)
		}
		records = append(records, record)
	}
	return records, nil
}

func (c *Core) updateFeature(update *kmsg.UpdateFeaturesRequestFeatureUpdate, proposedVersion metadata.MetadataVersion) (metadata.Record, error) {
	level := update.MaxVersionLevel
	refuse := func(reason string) error {
		return kafka.Errorf(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", level, update.Feature, reason)
	}
	if update.UpgradeType < upgradeOnly || update.UpgradeType > unsafeDowngrade {
		return nil, refuse("The controller does not support the given upgrade type.")
	}
	if level < 0 {
		return nil, refuse("A feature version cannot be less than 0.")
	}
	if reason := c.unsupported(update.Feature, level); reason != "" {
		return nil, refuse(reason)
	}
	current := c.finalized(update.Feature)
	switch {
	case level < current && update.UpgradeType == upgradeOnly:
		return nil, refuse("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case level > current && update.UpgradeType != upgradeOnly:
		return nil, refuse("Can't downgrade to a newer version.")
	case update.Feature == metadata.FeatureMetadataVersion:
		return c.updateMetadataVersion(metadata.MetadataVersion(level), update.UpgradeType == unsafeDowngrade)
	case update.Feature == metadata.FeatureKRaftVersion && level != current:
		return nil, refuse("Can't downgrade the version of this feature.")
	case update.Feature == metadata.FeatureKRaftVersion:
		return nil, nil
	}
	feature, known := metadata.LookupFeature(update.Feature)
	if !known {
		return nil, refuse("Feature " + update.Feature + " not found.")
	}
	if needs := feature.Needs(level); level >= 1 && proposedVersion < needs {
		return nil, refuse(update.Feature + " could not be set to " + strconv.Itoa(int(level)) + " because it depends on " +
			metadata.FeatureMetadataVersion + " level " + strconv.Itoa(int(needs)))
	}
	return &metadata.FeatureLevelRecord{Name: update.Feature, Level: level}, nil
}

// kraftVersion is the level of kraft.version this software works at: voters can
// be changed (KIP-853).
const kraftVersion = 1

// finalized gives the level of now. That of kraft.version is in the control
// records of the log and cannot be changed.
func (c *Core) finalized(feature string) int16 {
	if feature == metadata.FeatureKRaftVersion {
		return kraftVersion
	}
	return c.image.Feature(feature)
}

// unsupported says which node does not support the level, or nothing.
func (c *Core) unsupported(feature string, level int16) string {
	local, _ := metadata.LookupFeature(feature)
	own := metadata.FeatureRange{Name: feature, Min: local.Min, Max: local.Max}
	if reason := notIn(own, level, "Local controller "+strconv.Itoa(int(c.options.NodeID))); reason != "" {
		return reason
	}
	for b := range c.image.Brokers() {
		if reason := notIn(rangeOf(b.Features, feature), level, "Broker "+strconv.Itoa(int(b.ID))); reason != "" {
			return reason
		}
	}
	if !c.version().ControllerRegistrationSupported() {
		return ""
	}
	for controller := range c.image.Controllers() {
		if controller.ID == c.options.NodeID {
			continue
		}
		if reason := notIn(rangeOf(controller.Features, feature), level, "Controller "+strconv.Itoa(int(controller.ID))); reason != "" {
			return reason
		}
	}
	for _, id := range c.voters() {
		if id != c.options.NodeID && c.image.Controller(id) == nil {
			return "controller " + strconv.Itoa(int(id)) + " has not registered, and may not support this feature"
		}
	}
	return ""
}

// rangeOf gives the levels a node supports; none is 0 to 0.
func rangeOf(features []metadata.FeatureRange, name string) metadata.FeatureRange {
	for _, f := range features {
		if f.Name == name {
			return f
		}
	}
	return metadata.FeatureRange{Name: name}
}

func notIn(f metadata.FeatureRange, level int16, node string) string {
	switch {
	case level >= f.Min && level <= f.Max:
		return ""
	case f.Max == 0:
		return node + " does not support this feature."
	case f.Min == f.Max:
		return node + " only supports versions " + strconv.Itoa(int(f.Min))
	default:
		return node + " only supports versions " + strconv.Itoa(int(f.Min)) + "-" + strconv.Itoa(int(f.Max))
	}
}

func (c *Core) updateMetadataVersion(next metadata.MetadataVersion, unsafe bool) (metadata.Record, error) {
	current := c.version()
	refuse := func(reason string) error {
		return kafka.Errorf(kerr.InvalidUpdateVersion, "Unsupported metadata.version downgrade from %d to %d. %s", current, next, reason)
	}
	switch {
	case next < current && current.MetadataChangedSince(next) && unsafe:
		return nil, refuse("Unsafe metadata downgrade is not supported in this version.")
	case next < current && current.MetadataChangedSince(next):
		return nil, refuse("Refusing to perform the requested downgrade because it might delete metadata information.")
	}
	c.log.Warn("Changing metadata.version", "from", current, "to", next)
	return &metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, Level: int16(next)}, nil
}

// elrSafetyRecords makes min.insync.replicas the same on all brokers before
// eligible leader replicas are switched on.
func (c *Core) elrSafetyRecords() []metadata.Record {
	var records []metadata.Record
	if _, ok := c.image.Config(clusterResource)[minInSyncReplicas]; !ok {
		records = append(records, clusterConfigRecord(minInSyncReplicas, c.staticMinInSyncReplicas()))
	}
	for resource, configs := range c.image.Configs() {
		if _, ok := configs[minInSyncReplicas]; ok && resource.Type == metadata.ResourceBroker && resource.Name != "" {
			records = append(records, &metadata.ConfigRecord{ResourceType: resource.Type, ResourceName: resource.Name, Name: minInSyncReplicas})
		}
	}
	return records
}
