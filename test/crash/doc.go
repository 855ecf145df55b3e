// Package crash kills brokers at random moments under load and compares what is
// left with what clients were told, `make crash ROUNDS=50`.
//
// Two kinds of crashes share the load and the comparison. A process is killed with
// SIGKILL: what it has written survives in the page cache, and idempotent
// producers that live through the kill send again what was not answered. A power
// failure is played on a file system in memory under a broker inside the test: what
// was not synced is lost, kept or torn by chance, and the broker runs with
// flush.messages=1.
//
// The moment of each crash is chosen by a seed, which is printed, and in relation
// to what happens: in the middle of produces, of a roll, of a group's rebalance, of
// a commit of offsets, of the creation or deletion of a topic, of a clean stop, or of the
// recovery from the crash before.
//
// After each: no acknowledged record is lost, altered or at another offset, none is
// there twice, offsets are dense, committed offsets and topics are what was
// acknowledged. At the end Apache Kafka's dump tool reads every file, if it is
// installed, and finds nothing wrong.
//
// It holds nothing but tests.
package crash
