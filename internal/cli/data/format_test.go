package data

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func sampleRecord() *kgo.Record {
	return &kgo.Record{
		Topic: "orders", Partition: 3, Offset: 42, LeaderEpoch: 7, Timestamp: time.UnixMilli(1577836800123),
		Key: []byte("k\x01"), Value: []byte(`{"a":1}`),
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "none"}},
	}
}

func TestFormat(t *testing.T) {
	for format, want := range map[string]string{
		`%t-%p@%o`:              "orders-3@42",
		`%e %i`:                 "7 5",
		`%k=%v\n`:               "k\x01={\"a\":1}\n",
		`%s|%S|%V|%K`:           `{"a":1}|7|7|2`,
		`%h`:                    "h=1,none=null",
		`%T %d`:                 "1577836800123 2020-01-01T00:00:00.123Z",
		`%d{s} %d{utc}`:         "1577836800.123 2020-01-01T00:00:00.123Z",
		`%k{hex} %v{base64}`:    "6b01 eyJhIjoxfQ==",
		`%v{json}`:              "{\n  \"a\": 1\n}",
		`100%%\t\x41\\`:         "100%\tA\\",
		`{"o":%o,"k":"%k\x7b"}`: "{\"o\":42,\"k\":\"k\x01{\"}",
		``:                      "",
	} {
		f, err := parseFormat(format, encodingText, encodingText)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			continue
		}
		if got := string(f.append(nil, sampleRecord(), 5, text{null: "null"})); got != want {
			t.Errorf("%q gives %q, want %q", format, got, want)
		}
	}
}

func TestFormatTellsNullFromEmpty(t *testing.T) {
	f, err := parseFormat("[%k] %K [%v] %V", encodingHex, encodingText)
	if err != nil {
		t.Fatal(err)
	}
	got := string(f.append(nil, &kgo.Record{Key: []byte{}, Value: nil}, 1, text{null: "NULL"}))
	if want := "[] 0 [NULL] -1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFormatEscapesForTerminal(t *testing.T) {
	f, err := parseFormat("%k %v %v{raw}", encodingText, encodingText)
	if err != nil {
		t.Fatal(err)
	}
	got := string(f.append(nil, &kgo.Record{Key: []byte("\x1b"), Value: []byte("\xff")}, 1, text{terminal: true}))
	if want := "\\x1b \\xff \xff"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFormatRefuses(t *testing.T) {
	for format, want := range map[string]string{
		`%`:          "lone %",
		`%z`:         "%z is no verb",
		`%ü`:         "%ü is no verb",
		`%k{`:        `is not closed`,
		`%k{nothex}`: "want one of text",
		`%d{5}`:      "want utc, local or s",
		`%o{hex}`:    "takes no {...}",
		`\`:          "lone backslash",
		`%v\y`:       `\y is no escape`,
	} {
		if _, err := parseFormat(format, encodingText, encodingText); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", format, err, want)
		}
	}
}

// No format string and no record make trouble.
func FuzzFormat(f *testing.F) {
	f.Add(`%t %p %o %e %i %k %v %s %h %K %V %S %T %d{local} %%\n`, []byte("k"), []byte("v"))
	f.Add(`%k{uuid}%v{json}\x00\xzz%d{`, []byte{}, []byte("\xff{"))
	f.Fuzz(func(t *testing.T, format string, key, value []byte) {
		parsed, err := parseFormat(format, encodingText, encodingText)
		if err != nil {
			return
		}
		r := &kgo.Record{Topic: "t", Key: key, Value: value, Timestamp: time.UnixMilli(0), Headers: []kgo.RecordHeader{{Key: "h", Value: value}}}
		parsed.append(nil, r, 1, text{null: "null", terminal: true})
	})
}
