package protocol

import "encoding/binary"

// walker goes over a body without decoding it, and stops at the first thing
// that is not possible.
type walker struct {
	rest   []byte
	reason string
}

func (w *walker) fail(reason string) bool {
	if w.reason == "" {
		w.reason = reason
	}
	return false
}

func (w *walker) skip(n int) bool {
	if n < 0 || n > len(w.rest) {
		return w.fail("a field is longer than the frame")
	}
	w.rest = w.rest[n:]
	return true
}

// uvarint reads an unsigned varint of at most 5 bytes.
func (w *walker) uvarint() (uint32, bool) {
	v, n := binary.Uvarint(w.rest[:min(5, len(w.rest))])
	if n <= 0 || v > 1<<32-1 {
		return 0, w.fail("a varint is cut or too long")
	}
	w.rest = w.rest[n:]
	return uint32(v), true
}

// tags skips the tagged fields of one structure.
func (w *walker) tags() bool {
	n, ok := w.uvarint()
	if !ok {
		return false
	}
	if n > maxTaggedFields {
		return w.fail("more than 10000 tagged fields")
	}
	for range n {
		if _, ok := w.uvarint(); !ok {
			return false
		}
		size, ok := w.uvarint()
		if !ok || !w.skip(int(size)) {
			return false
		}
	}
	return true
}
