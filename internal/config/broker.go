package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/kafka"
)

// Broker is the effective configuration of this node: what Load read, with the
// dynamic configurations of the metadata laid over it by ResolveBroker. It is
// immutable. The embedded structs are one per area; a field is named for its
// key, without the unit where it is a time.Duration.
type Broker struct {
	NodeID       kafka.NodeID // node.id
	IsBroker     bool         // process.roles
	IsController bool         // process.roles
	Rack         string       // broker.rack; empty is none.

	// Listeners is where the node listens, those of the controller included.
	Listeners []Listener
	// ControllerListenerNames are the names of the controller's listeners.
	ControllerListenerNames []string
	// AdvertisedListeners is what clients are told, one for each listener that
	// is not the controller's. Port 0 stands for the port the system gave.
	AdvertisedListeners []Listener
	// AdvertisedControllerListeners is what other nodes are told of this
	// controller.
	AdvertisedControllerListeners []Listener
	// InterBrokerListener is the name of the listener other brokers use.
	InterBrokerListener string
	// ListenerProtocols maps every known listener name to its protocol.
	ListenerProtocols map[string]SecurityProtocol

	LogDirs      []string // log.dirs, or log.dir
	CordonedDirs []string // cordoned.log.dirs, "*" resolved
	MetadataDir  string   // metadata.log.dir, or the first log dir

	Voters           []Voter  // controller.quorum.voters
	BootstrapServers []string // controller.quorum.bootstrap.servers

	MaxConnectionsPerIPOverrides map[string]int // max.connections.per.ip.overrides
	ReplicaAlterLogDirsThreads   int            // num.replica.alter.log.dirs.threads, or one per log dir
	RebalanceProtocols           []string       // group.coordinator.rebalance.protocols, in lower case

	HTTPListener string // moldau.http.listener: host:port, empty is off.
	HTTPPprof    bool   // moldau.http.pprof
	// MetricsMaxTopics, -Partitions and -Groups are moldau.metrics.max.*.
	MetricsMaxTopics, MetricsMaxPartitions, MetricsMaxGroups int

	ServerSettings
	KRaftSettings
	NetworkSettings
	ReplicationSettings
	LogSettings
	CleanerSettings
	GroupCoordinatorSettings
	ShareSettings
	TransactionSettings
	QuotaSettings
	MetricsSettings

	LeaderReplicationThrottledRate   int64 // leader.replication.throttled.rate, bytes/s
	FollowerReplicationThrottledRate int64 // follower.replication.throttled.rate, bytes/s
	AlterLogDirsMaxBytesPerSecond    int64 // replica.alter.log.dirs.io.max.bytes.per.second

	// TopicDefaults is what a topic without own values has: message.max.bytes,
	// log.segment.bytes and the like are here.
	TopicDefaults *Topic
	// GroupDefaults is what a group without own values has.
	GroupDefaults *Group

	values values
	raw    map[string]string // Every value set, by the name it was set under.
}

// Value gives the text of a broker key's effective value; not ok is null or
// unknown. Values of sensitive keys are given too: they are for connecting.
func (b *Broker) Value(name string) (string, bool) {
	if v := b.values[name]; v != nil {
		return format(v), true
	}
	raw, ok := b.raw[name]
	return raw, ok
}

// ListenerValue gives a key's value for one listener:
// listener.name.<listener>.<name> if set, else the value of the key itself.
// With a SASL mechanism, name is "<mechanism>.<key>", both parts in lower case.
func (b *Broker) ListenerValue(listener, name string) (string, bool) {
	if raw, ok := b.raw["listener.name."+strings.ToLower(listener)+"."+name]; ok {
		return raw, true
	}
	return b.Value(name)
}

// Raw gives every value that was set, by name: the node's and the dynamic
// ones. The map is a copy.
func (b *Broker) Raw() map[string]string { return maps.Clone(b.raw) }

// newBroker builds the typed view. The values have been checked one by one;
// errors are about their combination.
func newBroker(v values, raw map[string]string) (*Broker, error) {
	b := &Broker{
		NodeID:                           kafka.NodeID(v.int("node.id")),
		IsBroker:                         slices.Contains(v.list("process.roles"), "broker"),
		IsController:                     slices.Contains(v.list("process.roles"), "controller"),
		Rack:                             v.text("broker.rack"),
		ControllerListenerNames:          v.list("controller.listener.names"),
		BootstrapServers:                 v.list("controller.quorum.bootstrap.servers"),
		HTTPListener:                     v.text("moldau.http.listener"),
		HTTPPprof:                        v.bool("moldau.http.pprof"),
		MetricsMaxTopics:                 v.int("moldau.metrics.max.topics"),
		MetricsMaxPartitions:             v.int("moldau.metrics.max.partitions"),
		MetricsMaxGroups:                 v.int("moldau.metrics.max.groups"),
		ServerSettings:                   serverSettings(v),
		KRaftSettings:                    kraftSettings(v),
		NetworkSettings:                  networkSettings(v),
		ReplicationSettings:              replicationSettings(v),
		LogSettings:                      logSettings(v),
		CleanerSettings:                  cleanerSettings(v),
		GroupCoordinatorSettings:         groupCoordinatorSettings(v),
		ShareSettings:                    shareSettings(v),
		TransactionSettings:              transactionSettings(v),
		QuotaSettings:                    quotaSettings(v),
		MetricsSettings:                  metricsSettings(v),
		LeaderReplicationThrottledRate:   v.int64("leader.replication.throttled.rate"),
		FollowerReplicationThrottledRate: v.int64("follower.replication.throttled.rate"),
		AlterLogDirsMaxBytesPerSecond:    v.int64("replica.alter.log.dirs.io.max.bytes.per.second"),
		values:                           v,
		raw:                              raw,
	}
	for _, p := range v.list("group.coordinator.rebalance.protocols") {
		b.RebalanceProtocols = append(b.RebalanceProtocols, strings.ToLower(p))
	}
	b.TopicDefaults = newTopic(topicValues(v, nil))
	b.GroupDefaults = newGroup(v, nil)
	b.setDirs(v)
	voters, err := parseVoters(v.list("controller.quorum.voters"))
	if err != nil {
		return nil, err
	}
	b.Voters = voters
	if err := b.setIPOverrides(v); err != nil {
		return nil, err
	}
	return b, b.setListeners(v)
}

func (b *Broker) setDirs(v values) {
	b.LogDirs = v.list("log.dirs")
	if b.LogDirs == nil {
		b.LogDirs = v.list("log.dir")
	}
	b.CordonedDirs = v.list("cordoned.log.dirs")
	if slices.Contains(b.CordonedDirs, "*") {
		b.CordonedDirs = b.LogDirs
	}
	b.MetadataDir = v.text("metadata.log.dir")
	if b.MetadataDir == "" && len(b.LogDirs) > 0 {
		b.MetadataDir = b.LogDirs[0]
	}
	b.ReplicaAlterLogDirsThreads = len(b.LogDirs)
	if n, ok := v.integer("num.replica.alter.log.dirs.threads"); ok {
		b.ReplicaAlterLogDirsThreads = int(n)
	}
}

func (b *Broker) setIPOverrides(v values) error {
	const name = "max.connections.per.ip.overrides"
	m, err := parseCSVMap(name, v.text(name))
	if err != nil {
		return err
	}
	b.MaxConnectionsPerIPOverrides = make(map[string]int, len(m))
	for ip, limit := range m {
		n, err := strconv.ParseInt(limit, 10, 32)
		if err != nil {
			return messageError("%s: the limit %q of %s is not a number", name, limit, ip)
		}
		if !hostCharacters.MatchString(ip) {
			return messageError("%s contains invalid addresses : %s", name, ip)
		}
		b.MaxConnectionsPerIPOverrides[ip] = int(n)
	}
	return nil
}
