package data

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func TestPrinter(t *testing.T) {
	record := &kgo.Record{
		Topic: "t", Partition: 1, Offset: 2, Timestamp: time.UnixMilli(1577836800000), Key: []byte("k\x1b"), Value: []byte("\xff"),
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}},
	}
	value := &format{pieces: []piece{{verb: 'v', as: encodingText}, {literal: []byte("\n")}}}
	for name, c := range map[string]struct {
		config printerConfig
		want   string
	}{
		"bytes go to a pipe as they are":   {printerConfig{output: formatText, format: value}, "\xff\n"},
		"and escaped to a terminal":        {printerConfig{output: formatText, format: value, terminal: true}, "\\xff\n"},
		"full":                             {printerConfig{output: formatFull}, "t-1@2 2020-01-01T00:00:00.000Z key=k\x1b [h=1] \xff\n"},
		"full, coloured":                   {printerConfig{output: formatFull, terminal: true, colored: true}, "\x1b[36mt-1@2\x1b[0m \x1b[2m2020-01-01T00:00:00.000Z\x1b[0m key=\x1b[1mk\\x1b\x1b[0m [h=1] \\xff\n"},
		"JSON is a line for a program":     {printerConfig{output: cmdline.FormatJSON}, `{"topic":"t","partition":1,"offset":2,"timestamp":1577836800000,"key":"k\u001b","valueBase64":"/w==","headers":[{"key":"h","value":"1"}]}` + "\n"},
		"and JSON lines are on a terminal": {printerConfig{output: cmdline.FormatJSONL, terminal: true}, `{"topic":"t","partition":1,"offset":2,"timestamp":1577836800000,"key":"k\u001b","valueBase64":"/w==","headers":[{"key":"h","value":"1"}]}` + "\n"},
		"JSON is over several lines for a person": {printerConfig{output: cmdline.FormatJSON, terminal: true}, `{
  "topic": "t",
  "partition": 1,
  "offset": 2,
  "timestamp": 1577836800000,
  "key": "k\u001b",
  "valueBase64": "/w==",
  "headers": [
    {
      "key": "h",
      "value": "1"
    }
  ]
}
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.config.keyAs, c.config.valueAs = encodingText, encodingText
			p := newPrinter(&out, c.config)
			if err := p.print(record); err != nil {
				t.Fatal(err)
			}
			if err := p.flush(); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("got  %q\nwant %q", out.String(), c.want)
			}
		})
	}
}
