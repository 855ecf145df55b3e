// Package moldau runs the moldau binary for tests, as an operator would: a
// process with a configuration, ended by signals or killed.
//
// Build makes the binary, Launch starts a Process and does not wait, Start waits
// until it serves. A Process keeps what it logged, up to a bound, and is ended by
// its own process id only.
//
// Its sibling test/apachekafka runs Apache Kafka the same way.
package moldau
