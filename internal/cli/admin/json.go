package admin

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/kafka"
)

// uuid writes an id as Kafka does; empty if there is none.
func uuid(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return kafka.UUID(id).String()
}

// knownOrNil makes an unknown number, which is negative, null in JSON.
func knownOrNil(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// orUnknown is the reverse of knownOrNil.
func orUnknown(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// textOrNil makes an empty text null in JSON.
func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// only keeps the topics of these names.
func only(details kadm.TopicDetails, names []string) kadm.TopicDetails {
	kept := kadm.TopicDetails{}
	for topic, d := range details {
		if slices.Contains(names, topic) {
			kept[topic] = d
		}
	}
	return kept
}

// comparePartitions orders by topic and number.
func comparePartitions(topicA, topicB string, a, b int32) int {
	return cmp.Or(strings.Compare(topicA, topicB), cmp.Compare(a, b))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
