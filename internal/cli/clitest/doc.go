// Package clitest runs the scripts of the command line, against a broker of the
// caller's: package cli does it with Moldau, test/compat with Apache Kafka, and
// what the commands print must be the same.
//
// A script (testscript, *.txtar) runs `moldau` in a process of its own, with
// MOLDAU_BROKERS set, beside commands of this package: seed, join, leave and
// await, told in Run. What differs from run to run is masked in the output of
// `moldau`: the digits of ports, timestamps and ids become "#", so that columns
// keep their widths. The conditions [moldau] and [kafka] guard lines of which
// only one broker gives.
//
// `go test ./internal/cli -update` writes the outputs into the scripts.
package clitest
