// Package compat compares Moldau's answers with Apache Kafka's.
//
// A scenario is a script of raw requests: any version, well formed or not, over
// plain frames rather than through a client library, which would neither send what is
// wrong nor show all that comes back. Each scenario runs on both brokers, and every
// field of every answer must be equal. What cannot be equal (ids, clocks, ports) is
// masked, with a reason (masks); where Moldau differs on purpose there is an
// entry with the reason (deviations), and an entry that excuses nothing fails. An
// API that Moldau does not advertise is not compared; every version of those that it
// does, at both listeners, must be asked for what is granted and for what is not
// (coverage), and each byte of a request of it is changed in turn (everyByte). When all
// have run both brokers stop, and what is left on their disks is compared.
//
// `make compat` runs it, and writes the result to docs/compat/answers.md. Without an
// Apache Kafka (KAFKA_LIBS) the tests skip themselves.
//
// Beside that it runs the scripts of the command line on Apache Kafka, which must
// print there what package cli shows that they print on Moldau.
package compat
