// Package api is the table of every API the node serves, and the walk from a
// request on the wire to its handler and back.
//
// apis.go is the table: key, versions, listeners, handler. What is not in the
// table is not advertised, and what is advertised works. The handlers live in
// the packages below, one file per API.
//
// In Apache Kafka: KafkaApis.handle, ControllerApis, ApiVersionManager, ApiKeys.
package api
