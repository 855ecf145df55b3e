// Package loglimit keeps a flood of similar log lines from filling the disk.
//
// Handler wraps a slog.Handler. Lines with the same message are of one kind, since
// messages are constants and what differs stands in the attributes. Of each kind a
// burst passes, and then one line a second, which says how many were left out.
// What was left out of a flood that has ended is told with the next line of any kind.
//
// It is switched on when clients are let in: before that nobody can cause a flood,
// and what a start has to say, such as what a recovery has cut off, is all worth
// reading. Debug lines always pass: who turned them on wants them.
//
// Apache Kafka has nothing like it: there it is left to the logging framework.
package loglimit
