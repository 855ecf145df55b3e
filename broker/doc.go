// Package broker runs a node: a broker, a controller, or both in one.
//
// Start reads the configuration, takes the log directories, joins the quorum,
// opens the logs and serves; Shutdown does the reverse. The package wires the
// parts of one node and has no logic of its own: everything else is below
// broker/internal, behind the compiler's wall.
//
// The order of a start: log directories are locked and, if empty, formatted;
// the metadata log is replayed and the quorum elects its leader; the broker
// registers; logs are opened for what the metadata assigns to it; listeners
// open; the broker is unfenced. Clients that connect in between wait, they are
// not refused.
//
// A program may have a node inside, or several: a node handles no signals, has no
// global state, and leaves no goroutine behind. docs/embedding.md has the whole. A
// broken invariant panics, since to go on would harm data.
//
// In Apache Kafka: kafka.Kafka, KafkaRaftServer, SharedServer, BrokerServer,
// ControllerServer, StorageTool.
package broker
