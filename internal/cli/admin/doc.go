// Package admin is the commands about a cluster: topics, groups, configs and
// cluster, one file per verb. They speak only Kafka's protocol, so that they
// work with Apache Kafka as they do with Moldau.
//
// What always holds: of several things that are named, all are tried, each
// failure is told with its name and cure, and one failure makes the exit code 1.
// What destroys asks first, and what a command would do can be seen with
// --dry-run. JSON holds exact numbers under names that do not change,
// in camel case as Kafka's own.
//
// In Apache Kafka: TopicCommand, GetOffsetShell, DeleteRecordsCommand,
// ConsumerGroupCommand, ConfigCommand, ClusterTool, BrokerApiVersionsCommand,
// FeatureCommand, LogDirsCommand, MetadataQuorumCommand.
package admin
