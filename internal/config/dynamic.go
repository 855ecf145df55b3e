package config

import (
	"regexp"
	"slices"
	"strings"
)

// dynamicKey finds a broker key that can be altered while the node runs.
func dynamicKey(name string) (*Key, bool) {
	if k, ok := dynamicQuotaDef.Lookup(name); ok {
		return k, true
	}
	k, ok := brokerDef.Lookup(name)
	return k, ok && k.Dynamic != ReadOnly
}

// needsRestart are the keys that Kafka follows while it runs and this node does
// not.
//
// Differs from Kafka: a change that would have no effect is refused.
var needsRestart = []string{"listeners", "listener.security.protocol.map", "cordoned.log.dirs"}

// isReadOnly tells of a known key that it needs a restart. Unknown keys may be
// set: they are for plug-ins.
func isReadOnly(name string) bool {
	_, dynamic := dynamicKey(name)
	_, known := brokerDef.Lookup(name)
	return known && !dynamic
}

// securityFiles are the keys of key and trust stores: dynamic only with a
// listener prefix.
var securityFiles = map[string]bool{
	"ssl.keystore.type": true, "ssl.keystore.location": true, "ssl.keystore.password": true,
	"ssl.key.password": true, "ssl.keystore.key": true, "ssl.keystore.certificate.chain": true,
	"ssl.truststore.type": true, "ssl.truststore.location": true, "ssl.truststore.password": true,
	"ssl.truststore.certificates": true,
}

// clusterLevelListenerKeys may be set for the cluster although listeners may
// override them.
var clusterLevelListenerKeys = map[string]bool{
	"max.connections": true, "max.connection.creation.rate": true, "num.network.threads": true,
}

// mechanismKeys are set as listener.name.<listener>.<mechanism>.<key>.
var mechanismKeys = []string{
	"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
	"sasl.server.callback.handler.class", "connections.max.reauth.ms",
}

var listenerPrefix = regexp.MustCompile(`^listener\.name\.[^.]*\.(.*)$`)

// listenerBase strips the prefix of a listener's override.
func listenerBase(name string) (base string, isOverride bool) {
	if m := listenerPrefix.FindStringSubmatch(name); m != nil {
		return m[1], true
	}
	return name, false
}

// perBrokerOnly tells of a key that it cannot be set for the whole cluster.
func perBrokerOnly(name string) bool {
	if k, ok := brokerDef.Lookup(name); ok {
		return k.Dynamic == PerBroker
	}
	base, isOverride := listenerBase(name)
	return isOverride && !clusterLevelListenerKeys[base]
}

var synonymGroups = [][]string{
	{"log.roll.ms", "log.roll.hours"},
	{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
}

// brokerSynonyms gives the names under which a broker key's value may be set,
// the first that is set counts. With listeners, the override of a listener
// falls back on the key without prefix.
func brokerSynonyms(name string, listeners bool) []string {
	for _, group := range synonymGroups {
		if slices.Contains(group, name) {
			return group
		}
	}
	if name == "log.flush.interval.ms" {
		return []string{name, "log.flush.scheduler.interval.ms"}
	}
	if base, isOverride := listenerBase(name); listeners && isOverride {
		for _, key := range mechanismKeys {
			if strings.HasSuffix(base, key) {
				return []string{name, key}
			}
		}
		return []string{name, base}
	}
	return []string{name}
}
