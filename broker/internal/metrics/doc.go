// Package metrics shows the state of a node to Prometheus, as /metrics.
//
// What Kafka has an MBean for has the name that the common rules of the JMX
// exporter give that MBean (see metric.Name); what it has none for begins with
// moldau_. The table of all metrics is metrics in table.go, and docs/ops/metrics.md
// is written from it.
//
// Metrics owns what is counted while requests are served: Requests hears of every
// request as network.Observer and of error codes in responses. These counters are
// arrays of atomics that are found by index: they neither lock nor allocate.
// Everything else is asked of the parts of the node when somebody looks: replicas
// and their topics, logs, groups and what they have not read yet, the quorum, the
// metadata.
//
// The text is written piece by piece and not built up in memory, since a node may
// have tens of thousands of series, and their number is bounded: see Limits.
//
// It does not keep history, and it does not decide what is healthy.
//
// In Apache Kafka: KafkaMetricsGroup, RequestChannel.Metrics (RequestMetrics),
// BrokerTopicStats, and the gauges of each subsystem; the JMX exporter and the lag
// exporters that people run beside it.
package metrics
