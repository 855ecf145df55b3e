// Package purgatory holds delayed operations: a produce that waits for its
// replicas, a fetch that waits for bytes, without a goroutine for each.
//
// An Operation watches keys, typically partitions. Whoever changes the state
// behind a key calls Check, which tries the operations watching it on that same
// goroutine; a deadline ends those for which the change does not come. Wait does
// the same for a handler that has its own goroutine to block.
//
// What always holds: an operation completes exactly once, by TryComplete
// returning true or by OnExpire, however many goroutines race for it. A change
// followed by a Check is never missed. A completed operation is on no list: it
// leaves all its keys when it completes, so a hot key never collects the dead.
// No lock of this package is held while a callback runs.
//
// It does not know what operations wait for, nor does it start goroutines: one
// Run serves all deadlines of a purgatory.
//
// In Apache Kafka: DelayedOperationPurgatory, DelayedOperation, SystemTimer.
package purgatory
