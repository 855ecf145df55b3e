package data

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// This file has the JSON form of a record, which consume writes and produce
// reads: what the one writes, the other reads back to the same bytes.
//
//	{"topic": "users", "partition": 0, "offset": 12, "timestamp": 1767225600000,
//	 "key": "alice", "value": "hello", "headers": [{"key": "trace", "value": "7f"}]}
//
// A null key, value or header is null. Bytes that are no UTF-8 stand in base64
// under keyBase64 and valueBase64 instead.

// jsonRecord is the JSON form as produce reads it. RawMessage tells null, which
// is the text null, from a field that is missing, which is nil.
type jsonRecord struct {
	Topic         *string         `json:"topic"`
	Partition     *int32          `json:"partition"`
	Timestamp     json.RawMessage `json:"timestamp"`
	TimestampType string          `json:"timestampType"`
	Key           json.RawMessage `json:"key"`
	KeyBase64     *string         `json:"keyBase64"`
	Value         json.RawMessage `json:"value"`
	ValueBase64   *string         `json:"valueBase64"`
	Headers       json.RawMessage `json:"headers"`
	// What the log says of a record that was consumed means nothing for a new one.
	Offset      json.RawMessage `json:"offset"`
	LeaderEpoch json.RawMessage `json:"leaderEpoch"`
}

const jsonFields = "topic, partition, timestamp, key, keyBase64, value, valueBase64 and headers"

// anyPartition says that the partitioner chooses.
const anyPartition = -1

// jsonReader reads records from JSON documents one after the other, or in one
// array.
type jsonReader struct {
	decoder        *json.Decoder
	buffered       *bufio.Reader
	keyAs, valueAs encoding
	now            func() time.Time
	array, begun   bool
}

func newJSONReader(r io.Reader, keyAs, valueAs encoding, now func() time.Time) *jsonReader {
	buffered := bufio.NewReaderSize(r, 64<<10)
	decoder := json.NewDecoder(buffered)
	decoder.DisallowUnknownFields()
	return &jsonReader{decoder: decoder, buffered: buffered, keyAs: keyAs, valueAs: valueAs, now: now}
}

// read gives the next record, or io.EOF. Its partition is anyPartition and its
// topic empty if the document names none.
func (j *jsonReader) read() (*kgo.Record, error) {
	if !j.begun {
		j.begun = true
		first, err := firstByte(j.buffered)
		if err != nil {
			return nil, err
		}
		if first == '[' {
			j.array = true
			if _, err := j.decoder.Token(); err != nil {
				return nil, err
			}
		}
	}
	if j.array && !j.decoder.More() {
		switch _, err := j.decoder.Token(); {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the JSON array is not complete")
		case err != nil:
			return nil, jsonError(err)
		}
		j.array = false
	}
	var doc jsonRecord
	if err := j.decoder.Decode(&doc); err != nil {
		return nil, jsonError(err)
	}
	return doc.record(j.keyAs, j.valueAs, j.now())
}

// more tells whether another document can be had without waiting, as far as that
// is sure: the rest of a line is at hand.
func (j *jsonReader) more() bool {
	rest, ok := j.decoder.Buffered().(*bytes.Reader)
	if !ok || rest.Len() < 2 {
		return false
	}
	// After the newline that ended the last document.
	var head [512]byte
	n, _ := rest.ReadAt(head[:], 1)
	return bytes.IndexByte(head[:n], '\n') >= 0
}

// firstByte gives the first byte that is no white space and leaves it in r.
func firstByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, r.UnreadByte()
		}
	}
}

// jsonError says for a person what encoding/json says for a programmer.
func jsonError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON document is not complete")
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		if wrong.Field == "" {
			return fmt.Errorf("a JSON %s is no record: want an object with %s", wrong.Value, jsonFields)
		}
		return fmt.Errorf("%s cannot be a JSON %s", wrong.Field, wrong.Value)
	}
	message := strings.TrimPrefix(err.Error(), "json: ")
	if strings.HasPrefix(message, "unknown field") {
		return fmt.Errorf("%s: want %s", message, jsonFields)
	}
	return fmt.Errorf("not JSON: %s", message)
}

func (d *jsonRecord) record(keyAs, valueAs encoding, now time.Time) (*kgo.Record, error) {
	r := &kgo.Record{Partition: anyPartition}
	if d.Topic != nil {
		r.Topic = *d.Topic
	}
	if d.Partition != nil {
		if r.Partition = *d.Partition; r.Partition < 0 {
			return nil, fmt.Errorf("partition %d is negative", r.Partition)
		}
	}
	var err error
	if r.Timestamp, err = parseJSONTime(d.Timestamp, now); err != nil {
		return nil, err
	}
	if r.Key, err = parseJSONBytes("key", d.Key, d.KeyBase64, keyAs); err != nil {
		return nil, err
	}
	if d.Value == nil && d.ValueBase64 == nil {
		return nil, errors.New(`there is no value: want "value", which may be null for a tombstone`)
	}
	if r.Value, err = parseJSONBytes("value", d.Value, d.ValueBase64, valueAs); err != nil {
		return nil, err
	}
	r.Headers, err = parseJSONHeaders(d.Headers)
	return r, err
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || raw[0] == 'n' }

// parseJSONBytes gives the bytes of a key, a value or a header: of a string its
// text in the encoding, of any other document the document without spaces.
func parseJSONBytes(field string, raw json.RawMessage, inBase64 *string, as encoding) ([]byte, error) {
	if inBase64 != nil {
		if raw != nil {
			return nil, fmt.Errorf("%s and %sBase64 exclude each other", field, field)
		}
		b, err := base64.StdEncoding.DecodeString(*inBase64)
		if err != nil {
			return nil, fmt.Errorf("%sBase64: %s is no base64", field, quoteShort([]byte(*inBase64)))
		}
		return b, nil
	}
	if isNull(raw) {
		return nil, nil
	}
	text := []byte(nil)
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		text = raw[1 : len(raw)-1] // The commonest, and without a copy.
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		text = []byte(s)
	default:
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		text = compact.Bytes()
	}
	b, err := as.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return b, nil
}

// parseJSONTime reads milliseconds since 1970 or a time as text; zero for none.
func parseJSONTime(raw json.RawMessage, now time.Time) (time.Time, error) {
	if isNull(raw) {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return time.Time{}, fmt.Errorf("timestamp: %s is neither milliseconds since 1970 nor a time as text", quoteShort(raw))
	}
	t, err := cmdline.ParseInstant(s, now)
	if err != nil {
		return time.Time{}, fmt.Errorf("timestamp: %w", err)
	}
	return t, nil
}

// jsonHeader is a header as produce reads it.
type jsonHeader struct {
	Key         *string         `json:"key"`
	Value       json.RawMessage `json:"value"`
	ValueBase64 *string         `json:"valueBase64"`
}

// parseJSONHeaders reads headers from an array of objects with key and value,
// or from one object of names and values.
func parseJSONHeaders(raw json.RawMessage) ([]kgo.RecordHeader, error) {
	if isNull(raw) {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var headers []kgo.RecordHeader
	open, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	if open != json.Delim('[') && open != json.Delim('{') {
		return nil, fmt.Errorf("headers: want an array or an object, not %s", quoteShort(raw))
	}
	for decoder.More() {
		var h jsonHeader
		if open == json.Delim('{') {
			name, err := decoder.Token()
			if err != nil {
				return nil, fmt.Errorf("headers: %w", err)
			}
			key, _ := name.(string)
			h.Key = &key
			if err := decoder.Decode(&h.Value); err != nil {
				return nil, fmt.Errorf("headers: %w", err)
			}
		} else {
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&h); err != nil || h.Key == nil {
				return nil, errors.New(`headers: want objects with "key" and "value" or "valueBase64"`)
			}
		}
		value, err := parseJSONBytes("header "+strconv.Quote(*h.Key)+" value", h.Value, h.ValueBase64, encodingText)
		if err != nil {
			return nil, err
		}
		headers = append(headers, kgo.RecordHeader{Key: *h.Key, Value: value})
	}
	return headers, nil
}

// jsonWriter writes records in their JSON form, without a newline.
type jsonWriter struct {
	keyAs, valueAs encoding
}

// append appends the record on one line.
func (j jsonWriter) append(dst []byte, r *kgo.Record) []byte {
	dst = append(dst, `{"topic":`...)
	dst = appendJSONString(dst, r.Topic)
	dst = append(dst, `,"partition":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, r.Timestamp.UnixMilli(), 10)
	if r.Attrs.TimestampType() == 1 {
		dst = append(dst, `,"timestampType":"LogAppendTime"`...)
	}
	dst = append(dst, ',')
	dst = appendJSONBytes(dst, "key", r.Key, j.keyAs)
	dst = append(dst, ',')
	dst = appendJSONBytes(dst, "value", r.Value, j.valueAs)
	if len(r.Headers) > 0 {
		dst = append(dst, `,"headers":[`...)
		for i, h := range r.Headers {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"key":`...)
			dst = appendJSONString(dst, h.Key)
			dst = append(dst, ',')
			dst = appendJSONBytes(dst, "value", h.Value, encodingText)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// appendJSONBytes appends a field with the bytes in the encoding, or in base64
// under the field's other name if as text they would not come back.
func appendJSONBytes(dst []byte, field string, b []byte, as encoding) []byte {
	dst = append(dst, '"')
	dst = append(dst, field...)
	switch {
	case b == nil:
		return append(dst, `":null`...)
	case !as.fits(b) || as.size() == 0 && as != encodingHex && as != encodingBase64 && !utf8.Valid(b):
		dst = append(dst, `Base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, b)
		return append(dst, '"')
	case as == encodingJSON && isJSONContainer(b):
		// Only objects and arrays: a number or a string would be read back as its
		// text, and a document with spaces loses no more than these.
		dst = append(dst, `":`...)
		compact := bytes.NewBuffer(dst)
		_ = json.Compact(compact, b) // It is valid.
		return compact.Bytes()
	}
	dst = append(dst, `":`...)
	switch {
	case as.isNumber():
		text := as.append(nil, b)
		if json.Valid(text) {
			return append(dst, text...)
		}
		return appendJSONString(dst, text) // NaN and the infinities.
	case as == encodingText || as == encodingRaw || as == encodingJSON:
		return appendJSONString(dst, b)
	default:
		dst = append(dst, '"')
		dst = as.append(dst, b)
		return append(dst, '"')
	}
}

func isJSONContainer(b []byte) bool {
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(b)
}

// appendJSONString appends valid UTF-8 as a JSON string, with only the escape
// sequences that JSON asks for. Bytes that are no UTF-8 become U+FFFD.
func appendJSONString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune([]byte(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
