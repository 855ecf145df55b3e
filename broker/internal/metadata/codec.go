package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"moldau.dev/moldau/internal/kafka"
)

var (
	errShort   = errors.New("the record ends in the middle of a field")
	errLength  = errors.New("a length or count does not fit into the record")
	errVarint  = errors.New("a variable-length integer has more than 32 bits")
	errNotNull = errors.New("a field that may not be null is null")
)

// codec walks the fields of a record, in one of two directions: it appends them
// to buf, or takes them from the front of buf. A record describes its fields
// once, and both directions follow the description. The first error stays, and
// everything after it is a no-op.
type codec struct {
	buf      []byte
	version  int16
	decoding bool
	err      error
}

func (c *codec) fail(err error) {
	if c.err == nil {
		c.err = err
		c.buf = nil
	}
}

// take cuts n bytes off the front, or fails and returns nil.
func (c *codec) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.buf) {
		c.fail(errShort)
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func (c *codec) int8(v *int8) {
	if !c.decoding {
		c.buf = append(c.buf, byte(*v))
	} else if b := c.take(1); b != nil {
		*v = int8(b[0])
	}
}

func (c *codec) bool(v *bool) {
	if !c.decoding {
		b := byte(0)
		if *v {
			b = 1
		}
		c.buf = append(c.buf, b)
	} else if b := c.take(1); b != nil {
		*v = b[0] != 0
	}
}

func (c *codec) int16(v *int16) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = int16(binary.BigEndian.Uint16(b))
	}
}

func (c *codec) uint16(v *uint16) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint16(c.buf, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (c *codec) int32(v *int32) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = int32(binary.BigEndian.Uint32(b))
	}
}

func (c *codec) int64(v *int64) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = int64(binary.BigEndian.Uint64(b))
	}
}

func (c *codec) float64(v *float64) {
	bits := int64(math.Float64bits(*v))
	c.int64(&bits)
	*v = math.Float64frombits(uint64(bits))
}

func (c *codec) node(v *kafka.NodeID) { c.int32((*int32)(v)) }

func (c *codec) brokerEpoch(v *kafka.BrokerEpoch) { c.int64((*int64)(v)) }

func (c *codec) uuid(v *kafka.UUID) {
	if !c.decoding {
		c.buf = append(c.buf, v[:]...)
	} else if b := c.take(len(v)); b != nil {
		copy(v[:], b)
	}
}

func (c *codec) uvarint(v *uint32) {
	if !c.decoding {
		c.buf = binary.AppendUvarint(c.buf, uint64(*v))
		return
	}
	if c.err != nil {
		return
	}
	u, n := binary.Uvarint(c.buf)
	switch {
	case n == 0:
		c.fail(errShort)
	case n < 0 || u > math.MaxUint32:
		c.fail(errVarint)
	default:
		*v = uint32(u)
		c.buf = c.buf[n:]
	}
}

// length codes n+1 as a variable-length integer, with -1 for null. When
// decoding, a length of elements that take at least elementSize bytes each can
// not be more than the rest of the record holds.
func (c *codec) length(n, elementSize int) int {
	u := uint32(n + 1)
	c.uvarint(&u)
	if !c.decoding || c.err != nil {
		return n
	}
	if u == 0 {
		return -1
	}
	n = int(u - 1)
	if n > len(c.buf)/elementSize {
		c.fail(errLength)
		return -1
	}
	return n
}

func (c *codec) string(v *string) {
	if !c.decoding {
		c.length(len(*v), 1)
		c.buf = append(c.buf, *v...)
		return
	}
	n := c.length(0, 1)
	if n < 0 {
		c.fail(errNotNull)
		return
	}
	*v = string(c.take(n))
}

func (c *codec) nullableString(v **string) {
	if !c.decoding {
		if *v == nil {
			c.length(-1, 1)
			return
		}
		c.string(*v)
		return
	}
	n := c.length(0, 1)
	if n < 0 {
		*v = nil
		return
	}
	s := string(c.take(n))
	*v = &s
}

func (c *codec) bytes(v *[]byte) {
	if !c.decoding {
		c.length(len(*v), 1)
		c.buf = append(c.buf, *v...)
		return
	}
	n := c.length(0, 1)
	if n < 0 {
		c.fail(errNotNull)
		return
	}
	*v = append([]byte{}, c.take(n)...)
}

// array codes a slice that may not be null; nil is written as empty.
func array[T any](c *codec, v *[]T, elementSize int, element func(*T)) {
	n := c.length(len(*v), elementSize)
	if c.decoding {
		if n < 0 {
			c.fail(errNotNull)
			return
		}
		*v = make([]T, n)
	}
	for i := range *v {
		element(&(*v)[i])
	}
}

// nullableArray codes a slice of which nil means null.
func nullableArray[T any](c *codec, v *[]T, elementSize int, element func(*T)) {
	if !c.decoding && *v == nil {
		c.length(-1, elementSize)
		return
	}
	if c.decoding && len(c.buf) > 0 && c.buf[0] == 0 {
		c.take(1)
		*v = nil
		return
	}
	array(c, v, elementSize, element)
}

func (c *codec) nodes(v *[]kafka.NodeID) { array(c, v, 4, c.node) }

func (c *codec) nullableNodes(v *[]kafka.NodeID) { nullableArray(c, v, 4, c.node) }

func (c *codec) uuids(v *[]kafka.UUID) { array(c, v, 16, c.uuid) }

func (c *codec) nullableUUIDs(v *[]kafka.UUID) { nullableArray(c, v, 16, c.uuid) }

// tag is one optional field at the end of a structure.
type tag struct {
	number uint32
	// present says whether the field differs from its default and is written.
	present bool
	code    func()
}

// tags codes the tagged fields of a structure, given in the order of their
// numbers. Numbers that are not among them are skipped when decoding: they come
// from a newer version of the software.
func (c *codec) tags(known ...tag) {
	if c.decoding {
		c.readTags(known)
		return
	}
	var count uint32
	for _, t := range known {
		if t.present {
			count++
		}
	}
	c.uvarint(&count)
	for _, t := range known {
		if !t.present {
			continue
		}
		number := t.number
		c.uvarint(&number)
		outer := c.buf
		c.buf = nil
		t.code()
		body := c.buf
		c.buf = outer
		size := uint32(len(body))
		c.uvarint(&size)
		c.buf = append(c.buf, body...)
	}
}

func (c *codec) readTags(known []tag) {
	var count uint32
	c.uvarint(&count)
	last := int64(-1)
	for range count {
		var number, size uint32
		c.uvarint(&number)
		c.uvarint(&size)
		if c.err == nil && int64(size) > int64(len(c.buf)) {
			c.fail(errShort)
		}
		if c.err == nil && int64(number) <= last {
			c.fail(fmt.Errorf("tagged field %d comes after %d", number, last))
		}
		if c.err != nil {
			return
		}
		last = int64(number)
		rest := c.buf[size:]
		c.buf = c.buf[:size:size]
		for _, t := range known {
			if t.number != number {
				continue
			}
			t.code()
			if c.err == nil && len(c.buf) > 0 {
				c.fail(fmt.Errorf("tagged field %d has %d bytes too many", number, len(c.buf)))
			}
		}
		if c.err != nil {
			return
		}
		c.buf = rest
	}
}
