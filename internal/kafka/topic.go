package kafka

import (
	"math"
	"strings"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Topics that the cluster keeps for itself.
const (
	ConsumerOffsetsTopic  = "__consumer_offsets"
	TransactionStateTopic = "__transaction_state"
	ShareGroupStateTopic  = "__share_group_state"
	ClusterMetadataTopic  = "__cluster_metadata"
)

// maxTopicNameLength bounds topic names, so that a partition's folder with its
// longest suffix still is a legal file name.
const maxTopicNameLength = 249

// IsInternalTopic tells whether clients see the topic marked as internal.
func IsInternalTopic(topic string) bool {
	return topic == ConsumerOffsetsTopic || topic == TransactionStateTopic || topic == ShareGroupStateTopic
}

// ValidateTopicName returns INVALID_TOPIC_EXCEPTION with the reason for a name
// that Kafka does not allow.
func ValidateTopicName(topic string) error {
	switch {
	case topic == "":
		return Errorf(kerr.InvalidTopicException, "Topic name is invalid: the empty string is not allowed")
	case topic == "." || topic == "..":
		return Errorf(kerr.InvalidTopicException, "Topic name is invalid: '%s' is not allowed", topic)
	case len(topic) > maxTopicNameLength:
		return Errorf(kerr.InvalidTopicException,
			"Topic name is invalid: the length of '%s' is longer than the max allowed length %d", topic, maxTopicNameLength)
	case strings.ContainsFunc(topic, func(r rune) bool { return !legalInTopic(r) }):
		return Errorf(kerr.InvalidTopicException,
			"Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", topic)
	}
	return nil
}

func legalInTopic(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// HashCode is Java's String.hashCode: Kafka maps group and transactional ids
// to coordinator partitions with it.
func HashCode(s string) int32 {
	var h int32
	for _, unit := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(unit)
	}
	return h
}

// CoordinatorPartition maps a group or transactional id to one of n partitions
// of its internal topic, as Kafka does. n must be positive.
func CoordinatorPartition(id string, n int32) int32 {
	hash := HashCode(id)
	if hash == math.MinInt32 {
		return 0 // It has no absolute value.
	}
	return max(hash, -hash) % n
}
