package metadata

import (
	"fmt"
	"strings"
)

// Names of the features whose levels the cluster finalizes.
const (
	FeatureMetadataVersion        = "metadata.version"
	FeatureKRaftVersion           = "kraft.version"
	FeatureTransactionVersion     = "transaction.version"
	FeatureGroupVersion           = "group.version"
	FeatureEligibleLeaderReplicas = "eligible.leader.replicas.version"
	FeatureShareVersion           = "share.version"
	FeatureStreamsVersion         = "streams.version"
)

// MetadataVersion is the level of the feature metadata.version: it says which
// records, record versions and requests every node of the cluster understands.
type MetadataVersion int16 //nolint:revive // The feature's name in Kafka.

// Levels of metadata.version at which something changed that this software
// looks at.
const (
	MetadataVersion33IV3 MetadataVersion = 7
	MetadataVersion34IV0 MetadataVersion = 8
	MetadataVersion35IV2 MetadataVersion = 11
	MetadataVersion36IV0 MetadataVersion = 12
	MetadataVersion36IV1 MetadataVersion = 13
	MetadataVersion36IV2 MetadataVersion = 14
	MetadataVersion37IV0 MetadataVersion = 15
	MetadataVersion37IV2 MetadataVersion = 17
	MetadataVersion40IV0 MetadataVersion = 22
	MetadataVersion40IV1 MetadataVersion = 23
	MetadataVersion40IV2 MetadataVersion = 24
	MetadataVersion41IV0 MetadataVersion = 26
	MetadataVersion42IV0 MetadataVersion = 28
	MetadataVersion42IV1 MetadataVersion = 29
	MetadataVersion43IV0 MetadataVersion = 30
	MetadataVersion44IV0 MetadataVersion = 31
	MetadataVersion44IV1 MetadataVersion = 32
	MetadataVersion44IV2 MetadataVersion = 33

	// OldestMetadataVersion and NewestMetadataVersion bound what this software works with.
	OldestMetadataVersion = MetadataVersion33IV3
	NewestMetadataVersion = MetadataVersion44IV2
)

// metadataVersionNames lists the levels from OldestMetadataVersion. A star
// marks a level that changed the metadata, below which a cluster can not
// safely go back.
const metadataVersionNames = "3.3-IV3* 3.4-IV0* 3.5-IV0 3.5-IV1 3.5-IV2* 3.6-IV0 3.6-IV1* 3.6-IV2* 3.7-IV0* 3.7-IV1 3.7-IV2* 3.7-IV3 3.7-IV4 " +
	"3.8-IV0 3.9-IV0 4.0-IV0 4.0-IV1* 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0* 4.4-IV0 4.4-IV1* 4.4-IV2*"

// String gives the level's release name, such as 4.4-IV2.
func (v MetadataVersion) String() string {
	if !v.Known() {
		return fmt.Sprintf("level %d", int16(v))
	}
	return strings.TrimSuffix(v.name(), "*")
}

// Known tells whether this software works with the level.
func (v MetadataVersion) Known() bool {
	return v >= OldestMetadataVersion && v <= NewestMetadataVersion
}

func (v MetadataVersion) name() string {
	return strings.Fields(metadataVersionNames)[v-OldestMetadataVersion]
}

// MetadataChangedSince tells whether a level above from, up to and with v,
// changed the metadata, so that going back from v to from would lose something.
func (v MetadataVersion) MetadataChangedSince(from MetadataVersion) bool {
	for level := v; level > from; level-- {
		if level.Known() && strings.HasSuffix(level.name(), "*") {
			return true
		}
	}
	return false
}

// RegisterBrokerVersion gives the version of RegisterBrokerRecord to write.
func (v MetadataVersion) RegisterBrokerVersion() int16 {
	switch {
	case v >= MetadataVersion43IV0:
		return 4
	case v >= MetadataVersion37IV2:
		return 3
	case v >= MetadataVersion34IV0:
		return 2
	default:
		return 1
	}
}

// PartitionVersion gives the version of PartitionRecord and PartitionChangeRecord to write.
func (v MetadataVersion) PartitionVersion() int16 {
	switch {
	case v >= MetadataVersion40IV1:
		return 2
	case v >= MetadataVersion37IV2:
		return 1
	default:
		return 0
	}
}

// TransactionsSupported tells whether metadata transactions may be written.
func (v MetadataVersion) TransactionsSupported() bool { return v >= MetadataVersion36IV1 }

// DirectoriesSupported tells whether replicas know their log directories (KIP-858).
func (v MetadataVersion) DirectoriesSupported() bool { return v >= MetadataVersion37IV2 }

// ELRSupported tells whether records can carry eligible leader replicas (KIP-966).
func (v MetadataVersion) ELRSupported() bool { return v >= MetadataVersion40IV1 }

// CordonedSupported tells whether brokers may cordon log directories.
func (v MetadataVersion) CordonedSupported() bool { return v >= MetadataVersion43IV0 }

// ControllerRegistrationSupported tells whether controllers register (KIP-919).
func (v MetadataVersion) ControllerRegistrationSupported() bool { return v >= MetadataVersion37IV0 }

// BumpsLeaderEpochOnISRShrink tells whether a smaller ISR raises the leader epoch.
func (v MetadataVersion) BumpsLeaderEpochOnISRShrink() bool { return v < MetadataVersion36IV0 }

// Feature is a feature this software supports.
type Feature struct {
	Name string
	// Min and Max bound the supported levels; a Min of 0 means that it may be off.
	Min, Max int16
	// defaults gives, from level 1 on, the metadata.version from which on a new
	// cluster has that level.
	defaults []MetadataVersion
	// needs gives, from level 1 on, the metadata.version that level requires.
	needs []MetadataVersion
}

// SupportedFeatures lists what this software supports, in the order of the
// names. It is the answer of ApiVersions and what brokers register with.
func SupportedFeatures() []Feature {
	const none = OldestMetadataVersion
	return []Feature{
		{FeatureEligibleLeaderReplicas, 0, 1, []MetadataVersion{MetadataVersion41IV0}, []MetadataVersion{MetadataVersion40IV1}},
		{FeatureGroupVersion, 0, 1, []MetadataVersion{MetadataVersion40IV0}, []MetadataVersion{none}},
		{FeatureKRaftVersion, 0, 1, nil, nil},
		{FeatureMetadataVersion, int16(OldestMetadataVersion), int16(NewestMetadataVersion), nil, nil},
		{FeatureShareVersion, 0, 2, []MetadataVersion{MetadataVersion42IV0, MetadataVersion44IV0}, []MetadataVersion{none, none}},
		{FeatureStreamsVersion, 0, 1, []MetadataVersion{MetadataVersion42IV1}, []MetadataVersion{none}},
		{FeatureTransactionVersion, 0, 2, []MetadataVersion{MetadataVersion40IV2, MetadataVersion40IV2}, []MetadataVersion{none, none}},
	}
}

// DefaultLevel gives the feature's level in a new cluster of that metadata.version.
func (f Feature) DefaultLevel(v MetadataVersion) int16 {
	level := int16(0)
	for i, from := range f.defaults {
		if v >= from {
			level = int16(i + 1)
		}
	}
	return level
}

// Needs gives the metadata.version that the level of the feature requires.
func (f Feature) Needs(level int16) MetadataVersion {
	if level < 1 || int(level) > len(f.needs) {
		return OldestMetadataVersion
	}
	return f.needs[level-1]
}

// LookupFeature finds a supported feature by name.
func LookupFeature(name string) (Feature, bool) {
	for _, f := range SupportedFeatures() {
		if f.Name == name {
			return f, true
		}
	}
	return Feature{}, false
}

// BootstrapRecords gives the first records of a new cluster of that
// metadata.version, as kafka-storage format writes them. Kafka's kraft.version
// is not among them: it lives in the log's control records.
func BootstrapRecords(v MetadataVersion) []Record {
	records := []Record{&FeatureLevelRecord{Name: FeatureMetadataVersion, Level: int16(v)}}
	for _, f := range SupportedFeatures() {
		if level := f.DefaultLevel(v); level > 0 {
			records = append(records, &FeatureLevelRecord{Name: f.Name, Level: level})
		}
	}
	return records
}
