package protocol

import "github.com/twmb/franz-go/pkg/kmsg"

//go:generate go test -run TestSchemasAreThoseOfKmsg -update .

// kind is how a field looks on the wire.
type kind uint8

const (
	fixed1 kind = iota // bool, int8
	fixed2
	fixed4
	fixed8
	fixed16 // uuid
	text
	nullableText
	blob
	nullableBlob
	array
	nullableArray
	structure
	nullableStructure
	tags
)

// forever is the end of versions of fields that still exist.
const forever = 1<<15 - 1

// field is one field of a request, or the tagged fields that end a structure.
type field struct {
	kind kind
	// first and last are the versions that have the field.
	first, last int16
	// nullableSince is the first version in which a field of a nullable kind may be null.
	nullableSince int16
	// tag is the number of a tagged field, within the fields of kind tags.
	tag uint32
	// fields are the fields of a structure, of an array's elements, or the
	// tagged fields that are known.
	fields []field
}

// checkBody walks a body along its schema without allocating. It returns why
// kmsg must not see the body, or "".
func checkBody(h Header, body []byte) string {
	w := walker{rest: body, version: h.Version, flexible: Flexible(h.Key, h.Version)}
	w.structure(schemas[h.Key])
	return w.reason
}

// The schemas cover all of kmsg's keys.
var _ [kmsg.MaxKey + 1][]field = schemas
