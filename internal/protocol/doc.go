// Package protocol is the thin layer between Kafka's wire and the message
// types of kmsg: request headers, decoding that cannot be abused, response
// framing, and the one mapping from errors to error codes.
//
// A frame is a 4-byte size and then the request:
//
//	+---------+---------+---------------+-----------+-------+------+
//	| api key | version | correlation   | client id | tags  | body |
//	| int16   | int16   | id int32      | int16 + n | (v2)  |      |
//	+---------+---------+---------------+-----------+-------+------+
//
// The tags exist when the request's version is flexible (KIP-482); the client
// id is never compact. A response is a 4-byte size, the correlation id, tags
// when flexible (never for ApiVersions, whose client cannot know yet what the
// broker speaks), and the body.
//
// What always holds: nothing in a frame makes Decode panic, loop longer than
// the frame is, or allocate more than a fixed multiple of the frame. Before
// kmsg sees a body, it is walked along the request's schema: every length and
// count must fit into what is left of the frame, and Kafka's own limits apply.
//
// The strings and byte slices of a decoded request: see Decode.
//
// It does not know which versions a broker offers (api), nor does it read
// sockets (network).
//
// In Apache Kafka: RequestHeader, AbstractRequest, ByteBufferAccessor, Errors.
package protocol
