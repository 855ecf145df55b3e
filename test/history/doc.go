// Package history judges a broker by what its clients were told.
//
// A Ledger keeps what producers were told about each record: every record is
// made by a Ledger and names its producer and its number, so that any copy of it
// can be recognised. A Reader goes through partitions and compares what it reads
// with the Ledger. Commits keeps what groups were told about their offsets, and
// Deliveries what a group was given to read.
//
// What is checked: offsets are dense; every acknowledged record is at the offset
// that the acknowledgement named; none is there twice; a producer's records are in
// their order; keys, values and headers are what was sent; committed offsets never
// go back, and are among those that were sent; a group misses no record.
//
// A partition may be read by several Readers, again and again. Where retention
// forgets records, the Ledger may forget them too: a forgetful topic costs memory
// only for what has not been read yet.
//
// It starts no goroutine and speaks to no broker. Nothing in Apache Kafka compares:
// its system tests have a verifiable producer and consumer.
package history
