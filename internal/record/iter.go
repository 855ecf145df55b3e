package record

import (
	"errors"
	"io"
	"iter"
)

// Batches iterates over the batches of b, as Read cuts them off. A batch that
// is cut off at the end of b ends the iteration with io.ErrUnexpectedEOF; the
// first error ends it.
func Batches(b []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for {
			batch, rest, err := Read(b)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(batch, err) || err != nil {
				return
			}
			b = rest
		}
	}
}

// Records iterates over the records of the batch, decompressing them if need
// be to no more than maxDecompressed bytes (compress.ErrTooLarge beyond). The
// first error ends the iteration and comes with a zero Record; a malformed
// record is a *CorruptError.
//
// The memory of key, value and headers is valid within the step only: keep
// Record.Clone. Of an uncompressed batch, key and value (not the slice of
// headers) alias the batch's own memory. Breaking out of the loop is fine.
func (b Batch) Records(maxDecompressed int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		payload, scratch, err := b.unpack(maxDecompressed)
		defer scratch.release()
		if err != nil {
			yield(Record{}, err)
			return
		}
		var (
			f       frame
			headers []Header
			at      int
		)
		for range b.Count() {
			if reason := f.scan(payload, at); reason != "" {
				yield(Record{}, corruptf(int64(HeaderSize+at), "%s", reason))
				return
			}
			r := f.record(payload, headers)
			if r.Headers != nil {
				headers = r.Headers
			}
			if !yield(r, nil) {
				return
			}
			at = f.end
		}
		if b.Count() < 0 {
			yield(Record{}, corruptf(offCount, "negative record count %d", b.Count()))
		} else if at != len(payload) && b.Count() > 0 {
			yield(Record{}, corruptf(int64(HeaderSize+at), reasonTrailing))
		}
	}
}
