// Package peer is how a broker reaches the active controller: the admin requests
// that clients send to any broker, the broker's own registration and heartbeats,
// changes of ISRs, and blocks of producer ids.
//
// Local is the channel of a node that is the controller itself; it calls
// quorum.Do. What always holds: a nil error means that the result is committed;
// NOT_CONTROLLER and REQUEST_TIMED_OUT leave open whether it will be.
//
// It decides nothing, and it checks no permissions: who may ask is settled before
// a request is forwarded.
//
// In Apache Kafka: NodeToControllerChannelManager, ForwardingManager, and the
// dispatch of ControllerApis. KIP-500, KIP-590, KIP-631.
package peer
