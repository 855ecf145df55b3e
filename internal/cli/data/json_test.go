package data

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func readJSON(text string, keyAs, valueAs encoding) ([]*kgo.Record, error) {
	d := documents{reader: newJSONReader(strings.NewReader(text), keyAs, valueAs, func() time.Time { return time.Unix(1e9, 0).UTC() })}
	var all []*kgo.Record
	for {
		records, err := d.read()
		all = append(all, records...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func TestReadJSON(t *testing.T) {
	for name, c := range map[string]struct {
		in      string
		as      encoding
		want    kgo.Record
		noTopic bool
	}{
		"value":             {in: `{"value":"v"}`, want: kgo.Record{Partition: -1, Value: []byte("v")}},
		"tombstone":         {in: `{"key":"k","value":null}`, want: kgo.Record{Partition: -1, Key: []byte("k")}},
		"empty is not null": {in: `{"key":"","value":""}`, want: kgo.Record{Partition: -1, Key: []byte{}, Value: []byte{}}},
		"all fields": {
			in: `{"topic":"t","partition":2,"offset":9,"leaderEpoch":1,"timestampType":"LogAppendTime","timestamp":1577836800000,"key":"k","value":"v","headers":[{"key":"h","value":"1"},{"key":"h","value":null},{"key":"b","valueBase64":"/w=="}]}`,
			want: kgo.Record{
				Topic: "t", Partition: 2, Timestamp: time.UnixMilli(1577836800000), Key: []byte("k"), Value: []byte("v"),
				Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h"}, {Key: "b", Value: []byte{0xff}}},
			},
		},
		"headers as an object": {
			in:   `{"value":"v","headers":{"z":"1","a":2}}`,
			want: kgo.Record{Partition: -1, Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "z", Value: []byte("1")}, {Key: "a", Value: []byte("2")}}},
		},
		"timestamp as text":  {in: `{"value":"v","timestamp":"2020-01-01T00:00:00Z"}`, want: kgo.Record{Partition: -1, Value: []byte("v"), Timestamp: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"timestamp of 1970":  {in: `{"value":"v","timestamp":0}`, want: kgo.Record{Partition: -1, Value: []byte("v"), Timestamp: time.UnixMilli(0)}},
		"embedded documents": {in: `{"key":7,"value":{"a" : [1, 2.50]}}`, want: kgo.Record{Partition: -1, Key: []byte("7"), Value: []byte(`{"a":[1,2.50]}`)}},
		"base64":             {in: `{"keyBase64":"AAE=","valueBase64":""}`, want: kgo.Record{Partition: -1, Key: []byte{0, 1}, Value: []byte{}}},
		"encodings":          {in: `{"value":258}`, as: encodingShort, want: kgo.Record{Partition: -1, Value: []byte{1, 2}}},
		"escapes":            {in: `{"value":"a\n\u00e9\"\\"}`, want: kgo.Record{Partition: -1, Value: []byte("a\né\"\\")}},
		"over several lines": {in: "\n{\n \"value\":\n\"v\"}\n", want: kgo.Record{Partition: -1, Value: []byte("v")}},
		"an array":           {in: ` [ {"value":"v"} ] `, want: kgo.Record{Partition: -1, Value: []byte("v")}},
	} {
		t.Run(name, func(t *testing.T) {
			as := c.as
			if as == "" {
				as = encodingText
			}
			got, err := readJSON(c.in, encodingText, as)
			if err != nil || len(got) != 1 {
				t.Fatalf("got %d records, %v", len(got), err)
			}
			if !got[0].Timestamp.Equal(c.want.Timestamp) {
				t.Errorf("timestamp %v, want %v", got[0].Timestamp, c.want.Timestamp)
			}
			got[0].Timestamp = c.want.Timestamp
			if !reflect.DeepEqual(*got[0], c.want) {
				t.Errorf("got %+v, want %+v", *got[0], c.want)
			}
		})
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"a typo":             {`{"vlaue":"v"}`, `unknown field "vlaue": want topic, partition`},
		"no value":           {`{"key":"k"}`, "there is no value"},
		"two values":         {`{"value":"v","valueBase64":""}`, "exclude each other"},
		"not an object":      {`"v"`, "a JSON string is no record"},
		"not JSON":           {`hello`, "not JSON"},
		"half a document":    {`{"value":"v"`, "not complete"},
		"half an array":      {`[{"value":"v"}`, "not complete"},
		"wrong type":         {`{"value":"v","partition":"one"}`, "partition cannot be a JSON string"},
		"negative partition": {`{"value":"v","partition":-2}`, "partition -2 is negative"},
		"bad base64":         {`{"valueBase64":"?"}`, `valueBase64: "?" is no base64`},
		"bad time":           {`{"value":"v","timestamp":"soon"}`, "timestamp:"},
		"bad time type":      {`{"value":"v","timestamp":{}}`, "neither milliseconds"},
		"bad headers":        {`{"value":"v","headers":7}`, "want an array or an object"},
		"headers not named":  {`{"value":"v","headers":[{"value":"x"}]}`, `want objects with "key"`},
		"second record":      {`{"value":"v"} {"value":`, "record 2: "},
		"after an array":     {`[{"value":"v"}] x`, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readJSON(c.in, encodingText, encodingText); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestReadJSONGivesRecordsBeforeAnError(t *testing.T) {
	got, err := readJSON(`{"value":"1"}`+"\n"+`{"value":"2"}`+"\n"+`oops`, encodingText, encodingText)
	if err == nil || len(got) != 2 {
		t.Errorf("got %d records and %v, want 2 and an error", len(got), err)
	}
}

func TestWriteJSON(t *testing.T) {
	r := sampleRecord()
	for name, c := range map[string]struct {
		keyAs, valueAs encoding
		want           string
	}{
		"text": {encodingText, encodingText, `"key":"k\u0001","value":"{\"a\":1}"`},
		"json": {encodingText, encodingJSON, `"key":"k\u0001","value":{"a":1}`},
		"hex":  {encodingHex, encodingHex, `"key":"6b01","value":"7b2261223a317d"`},
		"long": {encodingShort, encodingLong, `"key":27393,"valueBase64":"eyJhIjoxfQ=="`},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(jsonWriter{c.keyAs, c.valueAs}.append(nil, r))
			want := `{"topic":"orders","partition":3,"offset":42,"timestamp":1577836800123,` + c.want + `,"headers":[{"key":"h","value":"1"},{"key":"none","value":null}]}`
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// What consume writes, produce reads back to the same bytes.
func FuzzJSONRoundTrip(f *testing.F) {
	f.Add([]byte("k"), []byte("v"), []byte("h"), int64(1), false, uint8(0))
	f.Add([]byte("\xff\x00"), []byte("\"\\\u2028\x7f"), []byte{}, int64(0), true, uint8(2))
	f.Add([]byte{}, []byte(`{"a": "\u00e9"}`), []byte("é"), int64(1577836800123), false, uint8(3))
	f.Fuzz(func(t *testing.T, key, value, header []byte, ms int64, null bool, which uint8) {
		as := encodings[int(which)%len(encodings)]
		if as == encodingJSON {
			as = encodingText // It drops white space of documents, and says so.
		}
		r := &kgo.Record{Topic: "t", Partition: 1, Timestamp: time.UnixMilli(ms % (1 << 50)), Key: key, Value: value, Headers: []kgo.RecordHeader{{Key: "h", Value: header}}}
		if r.Key == nil {
			r.Key = []byte{}
		}
		if null {
			r.Value = nil
		} else if r.Value == nil {
			r.Value = []byte{}
		}
		if r.Headers[0].Value == nil {
			r.Headers[0].Value = []byte{}
		}
		line := jsonWriter{as, as}.append(nil, r)
		got, err := readJSON(string(line), as, as)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v", line, err)
		}
		if bytes.Contains(line, []byte("NaN")) {
			return // Not every NaN is the same.
		}
		if !got[0].Timestamp.Equal(r.Timestamp) {
			t.Fatalf("%s: timestamp %v", line, got[0].Timestamp)
		}
		got[0].Timestamp = r.Timestamp
		if !reflect.DeepEqual(got[0], r) {
			t.Fatalf("%s: got %+v, want %+v", line, got[0], r)
		}
	})
}

// No input makes a panic or an endless loop.
func FuzzReadJSON(f *testing.F) {
	f.Add(`{"value":"v","headers":{"a":[{}]}}[`)
	f.Add(`[{"key":1,"value":{}},{"value":null}]{}`)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = readJSON(text, encodingText, encodingLong)
	})
}

func BenchmarkReadJSON(b *testing.B) {
	line := []byte(`{"topic":"perf","partition":0,"offset":1999999,"timestamp":1795421283810,"key":null,"value":"` + string(bytes.Repeat([]byte{'x'}, 99)) + `"}` + "\n")
	in := string(bytes.Repeat(line, 1000))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if records, err := readJSON(in, encodingText, encodingText); err != nil || len(records) != 1000 {
			b.Fatal(len(records), err)
		}
	}
}
