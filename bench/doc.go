// Command bench measures Moldau beside Apache Kafka in one run, and writes what
// came out: every number of every round into bench/results, and a table with
// targets, medians, spreads and verdicts into docs/performance.md, where a target
// was missed too.
//
// Both brokers get the same server.properties with Kafka's defaults, folders on the
// same file system, and the same load, `moldau bench`, as processes of their own.
// Under load the broker is pinned to one processor and the load to another, so
// that they do not compete; what a person waits for (starts, restarts, ten
// thousand partitions) runs unpinned. Apache Kafka runs with the JVM flags of its
// own start script, and gets several gigabytes of load before anything counts.
//
// The rounds of a group of rows alternate between the two, and the one that is not
// measured is stopped (SIGSTOP): an idle JVM takes some percent of the processor
// that the other one is pinned to. After it goes on (SIGCONT), a broker must
// create a topic and answer for it before its load begins.
//
// `make bench` runs it; ARCHITECTURE.md does not depend on it, and it knows nothing
// of the broker but its command line and Kafka's protocol. Linux only: affinity and
// the processes' CPU come from there.
package main
