// Package configs serves the APIs about configurations: DescribeConfigs,
// AlterConfigs, IncrementalAlterConfigs and ListConfigResources, for topics,
// brokers, groups, client-metrics subscriptions and the broker's loggers.
//
// Alterations of a broker's own configuration are judged here, by the node they
// are for, before the controller stores them. Log levels are the node's own:
// they are changed at once and stored nowhere.
//
// In Apache Kafka: ConfigHelper, ConfigAdminManager, RuntimeLoggerManager.
// KIP-133, KIP-226, KIP-339, KIP-412, KIP-569, KIP-1142.
package configs
