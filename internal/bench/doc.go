// Package bench measures a Kafka cluster: what it can take and give, how long it
// needs for that, and what it costs the broker.
//
// A Cluster is a connection to one. Its methods Produce, Consume and EndToEnd
// each run one load and give a Result. What is measured is the broker, so the
// load spends as little as it can: connections are raw sockets, Produce requests
// are encoded once and sent again and again, answers are checked in place, and
// fetched records are skipped from batch to batch. Compare runs the same load
// on two clusters in turns and relates the results.
//
// What always holds:
//   - What happens in the warm-up is not counted, nor what is answered after the end.
//   - With a rate the load is an open loop: every request has a time at which it is
//     due, and its latency counts from there, however late it could be sent. That
//     corrects for coordinated omission. Without a rate the loop is closed, and
//     latencies are those of a saturated cluster.
//   - Every answer is checked, and the first error a broker answers ends the run.
//   - A run cannot fill a disk: the bytes it sends are bounded, by default by the
//     space that the brokers report as free.
//   - Topics that a run creates are removed at its end, and have a short retention
//     should the process die before. Topics that were there before stay.
//
// It does not judge, prints nothing, and knows nothing of the broker but Kafka's
// protocol; only the CPU and the memory of a broker on the same machine come from
// the operating system.
//
// In Apache Kafka: org.apache.kafka.tools.ProducerPerformance,
// ConsumerPerformance and EndToEndLatency, whose clients are part of what they
// measure.
package bench
