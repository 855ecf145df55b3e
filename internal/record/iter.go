package record

import "iter"

// Records iterates over the records of the batch, decompressing them if need
// be to no more than maxDecompressed bytes (compress.ErrTooLarge beyond). The
// first error ends the iteration and comes with a zero Record; a malformed
// record is a *CorruptError.
//
// The memory of key, value and headers is valid within the step only: keep
// Record.Clone. Breaking out of the loop is fine.
func (b Batch) Records(maxDecompressed int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {}
}
