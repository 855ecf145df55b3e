// Package config knows every configuration key of Kafka: the broker's own
// (server.properties), and those of topics, groups and client-metrics
// subscriptions.
//
// The keys are plain tables, one file per area (broker_log.go, topic.go, ...):
// name, type, default, validator, importance, how it may change while the node
// runs, and a line of documentation. Everything else is derived from them:
//
//   - Load reads a node's start-up configuration from server.properties, the
//     environment and the command line, checks it as a whole, and answers what
//     is wrong with the cause and the cure;
//   - ResolveBroker, ResolveTopic and ResolveGroup lay the dynamic
//     configurations of the metadata over it and give typed structs;
//   - DescribeBroker and its siblings answer DescribeConfigs;
//   - ValidateBroker and its siblings judge what a client wants to alter, with
//     Kafka's own messages.
//
// A value is looked for in this order: the resource itself (topic, group), the
// dynamic configuration of this broker, the dynamic default of the cluster, the
// node's start-up configuration, the default. Some values have several names
// (log.roll.ms, log.roll.hours); within one level the finer unit wins.
//
// The structs are immutable once handed out and may be shared freely. The
// package holds no state, does no I/O but reading the files it is pointed to,
// and starts nothing; it does not apply a changed value, its readers do.
//
// Apache Kafka's classes: ConfigDef, AbstractConfig, KafkaConfig, LogConfig,
// GroupConfig, ClientMetricsConfigs, DynamicBrokerConfig, ConfigHelper and
// ControllerConfigurationValidator. KIP-226 (dynamic broker configs), KIP-297
// and KIP-421 (config providers), KIP-1030 (bounds and defaults) and KIP-1161
// (lists).
package config
