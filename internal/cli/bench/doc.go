// Package bench is the command `moldau bench`: loads that measure any Kafka
// cluster, and the tables that tell what came out.
//
// Package internal/bench runs the loads; here are their flags, defaults and
// output only. In Apache Kafka: kafka-producer-perf-test.sh,
// kafka-consumer-perf-test.sh and kafka-e2e-latency.sh.
package bench
