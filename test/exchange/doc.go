// Package exchange proves that a data folder goes from Apache Kafka to Moldau and
// back: both are started in turn on one folder with one server.properties, each
// writes to it, is stopped or killed, and the other must find everything as it
// was (records, configs, ids, committed offsets, epochs). Apache Kafka's own
// dump-log tool reads every file that Moldau leaves and must not complain.
//
// The tests need Java and Apache Kafka's jars, see package apachekafka, and skip
// themselves without them; `make exchange` fetches the jars and runs them.
package exchange
