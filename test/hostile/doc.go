// Package hostile makes what a hostile client sends, and shows that it harms
// nobody else, `make hostile DURATION=5m`.
//
// Frames makes requests of every API in every version from its encoding, filled
// with what is special, and damages some of them. The tests attack the binary from
// a process of its own, at full speed: with such frames; with lengths and counts
// that announce gigabytes; with batches of every codec that unpack to hundreds of
// MiB; with clients that read nothing, write a byte a second, or stop in the middle; and
// with thousands of connections.
//
// Meanwhile a client that behaves is measured. The process does not end, its
// memory stays within what its configuration allows, the client's latency is hardly
// touched, the log is not flooded, and afterwards no goroutine is left.
//
// Frames is for the tests of other packages, too.
package hostile
