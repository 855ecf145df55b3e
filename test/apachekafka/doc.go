// Package apachekafka runs Apache Kafka itself for tests: a node on a folder and
// on free ports of the loopback interface, and its command-line tools.
//
// It needs Java and a folder of Apache Kafka's jars, which the environment
// variable KAFKA_LIBS names, with those of the tools in its folder tools; the two
// pom.xml here say which jars, and `make exchange` fetches them. Where they are
// missing, Find says so, and tests that need them skip themselves.
//
// Every process is bounded: in memory by its JVM flags, in time by the caller's
// context, and it is ended by its own process id. Nothing here knows Moldau, so
// the same package serves whatever compares the two.
package apachekafka
