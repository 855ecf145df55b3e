// Package cli is the command line: the root of its commands and those about a
// node (start, version). What works with a cluster lies in packages of its own
// (admin, ...) over package cmdline.
//
// A command is a noun or a verb, built by a function that gets the Env; root.go
// lists them all. Errors are printed once, here, with a cause and a cure; the
// exit code is 0 for success, 1 for a failure, 2 for wrong usage and 130 for an
// interrupted command.
//
// It holds no logic of the broker: that is package broker.
package cli
