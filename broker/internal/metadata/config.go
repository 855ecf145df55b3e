package metadata

import (
	"cmp"
	"fmt"
)

// ResourceType says what a config belongs to. The numbers are those of the
// protocol's config resource types.
type ResourceType int8

// The types of resources that have configs.
const (
	ResourceTopic         ResourceType = 2
	ResourceBroker        ResourceType = 4
	ResourceBrokerLogger  ResourceType = 8
	ResourceClientMetrics ResourceType = 16
	ResourceGroup         ResourceType = 32
)

// String gives Kafka's name of the type.
func (t ResourceType) String() string {
	switch t {
	case ResourceTopic:
		return "TOPIC"
	case ResourceBroker:
		return "BROKER"
	case ResourceBrokerLogger:
		return "BROKER_LOGGER"
	case ResourceClientMetrics:
		return "CLIENT_METRICS"
	case ResourceGroup:
		return "GROUP"
	default:
		return "UNKNOWN"
	}
}

// ConfigResource names something that has configs. A broker resource with an
// empty name is the default of all brokers.
type ConfigResource struct {
	Type ResourceType
	Name string
}

// String gives the form of Kafka's messages.
func (r ConfigResource) String() string {
	return fmt.Sprintf("ConfigResource(type=%v, name='%s')", r.Type, r.Name)
}

func (r ConfigResource) compare(other ConfigResource) int {
	return cmp.Or(cmp.Compare(r.Type, other.Type), cmp.Compare(r.Name, other.Name))
}
