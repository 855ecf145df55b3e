// Package lifecycle takes a broker through its life in the cluster: it registers
// with the controller, stays fenced until it has caught up with the metadata and
// is ready to serve, keeps its session by heartbeats, and asks for a controlled
// shutdown before it stops.
//
// What always holds:
//   - One incarnation id and one broker epoch per process: whoever holds the epoch
//     can tell an old process's requests from ours.
//   - No fixed waits: a broker whose controller answers at once is serving after
//     the two round trips of registration and first heartbeat.
//
// It elects and moves nothing: the controller does, on what the heartbeats say.
//
// In Apache Kafka: kafka.server.BrokerLifecycleManager and
// ControllerRegistrationManager. KIP-631, KIP-858, KIP-966.
package lifecycle
