package config

import (
	"slices"
	"strings"
)

// formerKeys were keys of earlier Kafka versions, with what to do today.
var formerKeys = map[string]string{
	"zookeeper.connect":                          zookeeperHint,
	"port":                                       "set the port in listeners, for instance listeners=PLAINTEXT://:9092",
	"host.name":                                  "set the host in listeners, for instance listeners=PLAINTEXT://my.host:9092",
	"advertised.host.name":                       "use advertised.listeners, for instance PLAINTEXT://my.host:9092",
	"advertised.port":                            "use advertised.listeners, for instance PLAINTEXT://my.host:9092",
	"broker.id.generation.enable":                "ids are no longer generated: set node.id",
	"reserved.broker.max.id":                     "ids are no longer generated: set node.id",
	"inter.broker.protocol.version":              "the cluster's metadata.version takes its place; see `features` of the command line",
	"log.message.format.version":                 "there is one record format since Kafka 4.0; remove the line",
	"log.message.downconversion.enable":          "there is one record format since Kafka 4.0; remove the line",
	"message.format.version":                     "there is one record format since Kafka 4.0; remove the line",
	"log.message.timestamp.difference.max.ms":    "use log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
	"log.cleaner.io.max.bytes":                   "use log.cleaner.io.max.bytes.per.second",
	"control.plane.listener.name":                "controllers have their own listener: use controller.listener.names",
	"controlled.shutdown.max.retries":            "a controlled shutdown is one request now; remove the line",
	"controlled.shutdown.retry.backoff.ms":       "a controlled shutdown is one request now; remove the line",
	"leader.imbalance.per.broker.percentage":     "preferred leaders are elected whenever possible; remove the line",
	"password.encoder.secret":                    "passwords are stored in the metadata log; remove the line and guard metadata.log.dir",
	"password.encoder.old.secret":                "passwords are stored in the metadata log; remove the line",
	"offsets.commit.required.acks":               "offset commits are always acknowledged by all in-sync replicas; remove the line",
	"metadata.log.max.record.bytes":              "use metadata.log.max.record.bytes.between.snapshots",
	"log.cleaner.enable.compact":                 "use log.cleanup.policy",
	"quota.producer.default":                     "set client quotas in the cluster instead, with `kafka-configs.sh --entity-default`",
	"quota.consumer.default":                     "set client quotas in the cluster instead, with `kafka-configs.sh --entity-default`",
	"delegation.token.master.key":                "use delegation.token.secret.key",
	"transaction.partition.verification.enabled": "use transaction.partition.verification.enable",
	"group.coordinator.new.enable":               "the new group coordinator is always on; remove the line",
	"eligible.leader.replicas.enable":            "the feature eligible.leader.replicas.version takes its place; remove the line",
	"zookeeper.metadata.migration.enable":        "migrate with a Kafka 3.9 cluster first; this broker has no ZooKeeper",
}

const zookeeperHint = "there is no ZooKeeper since Kafka 4.0: set process.roles, node.id and controller.quorum.bootstrap.servers"

// freePrefixes begin names that belong to plug-ins, providers or listeners.
var freePrefixes = []string{
	"listener.name.", "config.providers.", "rsm.config.", "rlmm.config.", "ssl.", "sasl.",
}

// freeKeys are read by plug-ins of Kafka and are no keys of the node itself.
var freeKeys = []string{
	"super.users", "allow.everyone.if.no.acl.found", "quota.callback.static.produce",
}

// unknown warns of a name that is no key. Kafka starts with such too.
func (l *loader) unknown(name string) {
	if slices.Contains(freeKeys, name) ||
		slices.ContainsFunc(freePrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) && !nearly(name) {
		return
	}
	where := l.origins[name]
	if where != "" {
		where = " (" + where + ")"
	}
	switch hint, former := formerKeys[name]; {
	case former:
		l.warn("%s%s has no effect: %s", name, where, hint)
	case strings.HasPrefix(name, "zookeeper."):
		l.warn("%s%s has no effect: %s", name, where, zookeeperHint)
	default:
		l.warn("%s%s is not a known configuration and has no effect%s", name, where, meant(name))
	}
}

// nearly tells of a name with a free prefix that it is a typing error.
func nearly(name string) bool {
	near, ok := brokerDef.Nearest(name)
	return ok && distance(name, near, 3) < 3
}

// meant suggests what a misspelled name may have meant.
func meant(name string) string {
	if k, ok := topicDef.Lookup(name); ok {
		if len(k.Synonyms) > 0 {
			return ": it is a topic's configuration; the broker's default for all topics is " + k.Synonyms[0]
		}
		return ": it is a topic's configuration"
	}
	if near, ok := brokerDef.Nearest(name); ok {
		return "; did you mean " + near + "?"
	}
	return ""
}
