// Package cli is the command line: one file per command.
//
// Commands of the modern tool are nouns or verbs of their own (start, version);
// each is a cobra command built by a function of its file, and root.go lists
// them all. Errors are printed once, here, with a cause and a cure; the exit
// code is 0 for success, 1 for a failure, 2 for wrong usage.
//
// It holds no logic of the broker: that is package broker.
package cli
