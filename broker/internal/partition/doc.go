// Package partition decides for one replica of one partition: who leads, which
// replicas are in sync, and how far records are committed.
//
// A Partition is a pure state machine without lock, clock, file or socket. The
// replica manager feeds it with metadata changes, log end offsets and fetches
// of followers, and acts on what it answers.
//
// What always holds:
//   - the high watermark is the smallest log end offset of the maximal ISR (the
//     committed ISR plus replicas that are about to join) and never moves back
//     under one leader epoch;
//   - it does not move while the ISR is smaller than min.insync.replicas, bounded
//     by the number of replicas (strict min ISR, since Kafka 4.0);
//   - there is at most one change of the ISR in flight, and a replica that is
//     about to leave still counts until the controller has agreed.
//
// It does not append, read or talk to the controller: that is package replica.
// KIPs: 497 (AlterPartition), 903 (stale broker epochs), 966 (strict min ISR).
// In Apache Kafka: kafka.cluster.Partition, Replica and PartitionState.
package partition
