package config

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Type is the type of a key's value, with the numbers of the wire.
type Type = kmsg.ConfigType

// Types of values, and what Parse makes of them.
const (
	Boolean  = kmsg.ConfigTypeBoolean  // bool
	String   = kmsg.ConfigTypeString   // string
	Int      = kmsg.ConfigTypeInt      // int32
	Short    = kmsg.ConfigTypeShort    // int16
	Long     = kmsg.ConfigTypeLong     // int64
	Double   = kmsg.ConfigTypeDouble   // float64
	List     = kmsg.ConfigTypeList     // []string
	Class    = kmsg.ConfigTypeClass    // string, the name of a Java class
	Password = kmsg.ConfigTypePassword // string, never shown
)

// Importance ranks keys in the documentation.
type Importance int8

// The ranks.
const (
	High Importance = iota
	Medium
	Low
)

func (i Importance) String() string {
	return [...]string{"high", "medium", "low"}[i]
}

// Dynamic tells how a broker key may change while the node runs.
type Dynamic int8

const (
	// ReadOnly keys are read at start-up only.
	ReadOnly Dynamic = iota
	// PerBroker keys can be altered for one broker.
	PerBroker
	// ClusterWide keys can be altered for one broker and for all of them.
	ClusterWide
)

func (d Dynamic) String() string {
	return [...]string{"read-only", "per-broker", "cluster-wide"}[d]
}

// Key is one configuration key.
type Key struct {
	Name string
	Type Type
	// Default is the value in the form Parse gives; nil is Kafka's null.
	Default any
	// Required keys have no default: the node does not start without them.
	Required   bool
	Valid      Validator // nil accepts every value of the type.
	Importance Importance
	// Dynamic is meaningful for broker keys.
	Dynamic Dynamic
	// Synonyms are the broker keys that a topic or group key falls back on,
	// the first one set winning.
	Synonyms []string
	// Internal keys are accepted, but neither documented nor described.
	Internal bool
	// Own marks keys of this broker that Kafka does not have.
	Own bool
	// Doc says in a sentence or two what the value does, in which unit.
	Doc string
}

// Sensitive keys are never shown: not in DescribeConfigs, not in logs.
func (k *Key) Sensitive() bool { return k.Type == Password }

// Def is an ordered table of keys.
type Def struct {
	keys  []Key
	index map[string]*Key
}

func newDef(areas ...[]Key) *Def {
	d := &Def{keys: slices.Concat(areas...)}
	d.index = make(map[string]*Key, len(d.keys))
	for i := range d.keys {
		d.index[d.keys[i].Name] = &d.keys[i]
	}
	return d
}

// Keys gives the keys in the order of their tables. The slice is shared: do
// not change it.
func (d *Def) Keys() []Key { return d.keys }

// Lookup finds a key by its exact name.
func (d *Def) Lookup(name string) (*Key, bool) {
	k, ok := d.index[name]
	return k, ok
}

var (
	brokerDef = newDef(
		serverKeys, kraftKeys, networkKeys, replicationKeys, logKeys, cleanerKeys,
		groupCoordinatorKeys, shareKeys, transactionKeys, quotaKeys, metricsKeys,
		sslKeys, saslKeys, oauthKeys, tokenKeys, remoteKeys,
	)
	ownDef = newDef(ownKeys)
	// dynamicQuotaDef holds the broker keys that exist only as dynamic configs.
	dynamicQuotaDef  = newDef(dynamicQuotaKeys)
	topicDef         = newDef(topicKeys)
	groupDef         = newDef(groupKeys)
	clientMetricsDef = newDef(clientMetricsKeys)
)

// BrokerKeys are the keys of server.properties that Kafka has.
func BrokerKeys() *Def { return brokerDef }

// OwnKeys are the keys of server.properties that only this broker has; their
// names start with "moldau.".
func OwnKeys() *Def { return ownDef }

// DynamicQuotaKeys are the replication throttles of a broker: they can be set
// by altering the broker's configuration, never in server.properties.
func DynamicQuotaKeys() *Def { return dynamicQuotaDef }

// TopicKeys are the keys of a topic.
func TopicKeys() *Def { return topicDef }

// GroupKeys are the keys of a consumer, share or streams group.
func GroupKeys() *Def { return groupDef }

// ClientMetricsKeys are the keys of a client-metrics subscription (KIP-714).
func ClientMetricsKeys() *Def { return clientMetricsDef }
