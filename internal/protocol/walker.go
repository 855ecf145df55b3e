package protocol

import (
	"encoding/binary"
	"fmt"
)

const (
	// maxElements bounds the elements of a request's arrays together with its
	// tagged fields, and with that the memory that decoding takes beyond the frame.
	//
	// Differs from Kafka: there the bound holds for each array by itself.
	maxElements = 1_000_000
	// maxTaggedFields bounds the tagged fields of one structure, as in Kafka.
	maxTaggedFields = 10_000
	// maxTextBytes bounds strings also where their length is a varint.
	maxTextBytes = 1<<15 - 1
)

// walker goes over a body without decoding it, and stops at the first thing
// that Kafka does not allow.
type walker struct {
	rest     []byte
	version  int16
	flexible bool
	elements int
	// reason is a sentence fragment once the walk has failed. Then all methods
	// have returned false.
	reason string
}

func (w *walker) fail(format string, args ...any) bool {
	if w.reason == "" {
		w.reason = fmt.Sprintf(format, args...)
	}
	return false
}

func (w *walker) structure(fields []field) bool {
	for i := range fields {
		f := &fields[i]
		if w.version < f.first || w.version > f.last {
			continue
		}
		if !w.field(f) {
			return false
		}
	}
	return true
}

func (w *walker) field(f *field) bool {
	switch f.kind {
	case fixed1:
		return w.skip(1)
	case fixed2:
		return w.skip(2)
	case fixed4:
		return w.skip(4)
	case fixed8:
		return w.skip(8)
	case fixed16:
		return w.skip(16)
	case text, nullableText:
		return w.text(f.kind == nullableText && w.version >= f.nullableSince)
	case blob, nullableBlob:
		n, ok := w.length()
		return ok && w.content(n, f.kind == nullableBlob)
	case array, nullableArray:
		return w.array(f)
	case structure:
		return w.structure(f.fields)
	case nullableStructure:
		if len(w.rest) > 0 && int8(w.rest[0]) == -1 {
			return w.skip(1)
		}
		return w.skip(1) && w.structure(f.fields)
	case tags:
		return !w.flexible || w.tags(f.fields)
	}
	return w.fail("a field of unknown kind %d", f.kind)
}

// text skips a string: int16 length, or compact.
func (w *walker) text(nullable bool) bool {
	if w.flexible {
		n, ok := w.length()
		if ok && n > maxTextBytes {
			return w.fail("a string of %d bytes is longer than %d", n, maxTextBytes)
		}
		return ok && w.content(n, nullable)
	}
	if len(w.rest) < 2 {
		return w.fail("the frame ends before the length of a string")
	}
	n := int(int16(binary.BigEndian.Uint16(w.rest)))
	w.rest = w.rest[2:]
	return w.content(n, nullable)
}

// length reads the length of bytes or an array: int32, or compact.
func (w *walker) length() (int, bool) {
	if w.flexible {
		n, ok := w.uvarint()
		return int(n) - 1, ok
	}
	if len(w.rest) < 4 {
		return 0, w.fail("the frame ends before a length")
	}
	n := int(int32(binary.BigEndian.Uint32(w.rest)))
	w.rest = w.rest[4:]
	return n, true
}

// content skips n bytes. Less than none is null, as in Kafka not only -1.
func (w *walker) content(n int, nullable bool) bool {
	switch {
	case n >= 0:
		return w.skip(n)
	case nullable:
		return true
	}
	return w.fail("a field that is not nullable is null")
}

func (w *walker) array(f *field) bool {
	n, ok := w.length()
	switch {
	case !ok:
		return false
	case n < 0:
		return w.content(n, f.kind == nullableArray && w.version >= f.nullableSince)
	case n > len(w.rest):
		return w.fail("an array of %d elements is longer than the frame", n)
	case !w.count(n):
		return false
	}
	for range n {
		if !w.structure(f.fields) {
			return false
		}
	}
	return true
}

// count counts elements and tagged fields.
func (w *walker) count(n int) bool {
	if w.elements += n; w.elements > maxElements {
		return w.fail("more than %d elements", maxElements)
	}
	return true
}

// tags skips the tagged fields of one structure, looking into those that are known.
func (w *walker) tags(known []field) bool {
	n, ok := w.uvarint()
	switch {
	case !ok:
		return false
	case n > maxTaggedFields:
		return w.fail("a structure has %d tagged fields, more than %d", n, maxTaggedFields)
	case !w.count(int(n)):
		return false
	}
	for range n {
		tag, ok := w.uvarint()
		if !ok {
			return false
		}
		size, ok := w.uvarint()
		if !ok || !w.tagged(tag, int(size), known) {
			return false
		}
	}
	return true
}

// tagged skips the content of one tagged field.
//
// Differs from Kafka: the content of a known field must end within the size it
// claims. There the size of a known field is not heeded.
func (w *walker) tagged(tag uint32, size int, known []field) bool {
	content := w.rest
	if !w.skip(size) {
		return false
	}
	for i := range known {
		if known[i].tag != tag {
			continue
		}
		rest := w.rest
		w.rest = content[:size]
		if !w.field(&known[i]) {
			return false
		}
		w.rest = rest
	}
	return true
}

func (w *walker) skip(n int) bool {
	if n > len(w.rest) {
		return w.fail("a field of %d bytes is longer than the %d bytes left of the frame", n, len(w.rest))
	}
	w.rest = w.rest[n:]
	return true
}

// uvarint reads an unsigned varint of at most 5 bytes.
func (w *walker) uvarint() (uint32, bool) {
	if len(w.rest) > 0 && w.rest[0] < 0x80 { // Nearly always.
		v := w.rest[0]
		w.rest = w.rest[1:]
		return uint32(v), true
	}
	v, n := binary.Uvarint(w.rest[:min(binary.MaxVarintLen32, len(w.rest))])
	if n <= 0 || v > 1<<32-1 {
		return 0, w.fail("a varint is cut or too long")
	}
	w.rest = w.rest[n:]
	return uint32(v), true
}
