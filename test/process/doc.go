// Package process tests the binary as an operator meets it: started as a
// process, stopped by signals, killed, and asked for its exit code and messages.
//
// It holds nothing but tests.
package process
