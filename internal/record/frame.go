package record

// frame is where the parts of one record lie in a payload.
type frame struct {
	size           int32 // Of the record, without its length field.
	attributes     int8
	timestampDelta int64
	offsetDelta    int32
	// keyLen and valueLen are -1 for null.
	keyLen, valueLen int32
	keyAt, valueAt   int
	headers          int32
	headersAt        int
	// end is where the next record begins.
	end int
}

// Reasons why a record is malformed.
const (
	reasonCut      = "premature end of the records"
	reasonLength   = "invalid record size"
	reasonFields   = "invalid record structure"
	reasonHeaders  = "invalid number of record headers"
	reasonTrailing = "bytes remain after the last record"
)

// scan reads the framing of the record that begins at position at of payload.
// The reason is empty if the record is well formed.
func (f *frame) scan(payload []byte, at int) (reason string) {
	length, body := readVarint(payload, at)
	if body < 0 {
		return reasonCut
	}
	if length < 1 || int(length) > len(payload)-body {
		return reasonLength
	}
	f.size, f.end = length, body+int(length)
	p := payload[:f.end]
	f.attributes = int8(p[body])
	f.timestampDelta, at = readVarlong(p, body+1)
	f.offsetDelta, at = readVarint(p, at)
	f.keyLen, f.keyAt, at = readLength(p, at)
	f.valueLen, f.valueAt, at = readLength(p, at)
	f.headers, f.headersAt = readVarint(p, at)
	switch {
	case f.headersAt < 0:
		return reasonFields
	case f.headers == 0 && f.headersAt == f.end:
		return ""
	case f.headers < 0 || int(f.headers) > (f.end-f.headersAt)/2:
		return reasonHeaders // A header takes two bytes or more.
	}
	at = f.headersAt
	for range f.headers {
		var keyLen int32
		keyLen, _, at = readLength(p, at)
		if keyLen < 0 {
			return reasonFields
		}
		_, _, at = readLength(p, at)
	}
	switch {
	case at < 0:
		return reasonFields
	case at != f.end:
		return reasonLength
	}
	return ""
}

// record gives the record that was scanned; its headers are appended to
// headers[:0]. Key, value and header values alias payload.
func (f *frame) record(payload []byte, headers []Header) Record {
	r := Record{
		Attributes:     f.attributes,
		TimestampDelta: f.timestampDelta,
		OffsetDelta:    f.offsetDelta,
		Key:            nullable(payload, f.keyAt, f.keyLen),
		Value:          nullable(payload, f.valueAt, f.valueLen),
	}
	if f.headers == 0 {
		return r
	}
	r.Headers = headers[:0]
	at := f.headersAt
	for range f.headers {
		_, begin, end := readLength(payload, at)
		length, valueAt, next := readLength(payload, end)
		r.Headers = append(r.Headers, Header{Key: string(payload[begin:end]), Value: nullable(payload, valueAt, length)})
		at = next
	}
	return r
}

// nullable slices with bounded capacity, so that appending to a value never
// writes into its neighbour.
func nullable(p []byte, at int, length int32) []byte {
	if length < 0 {
		return nil
	}
	end := at + int(length)
	return p[at:end:end]
}
