package data

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

func BenchmarkReadJSON(b *testing.B) {
	line := []byte(`{"topic":"perf","partition":0,"offset":1999999,"timestamp":1795421283810,"key":null,"value":"` + string(bytes.Repeat([]byte{'x'}, 99)) + `"}` + "\n")
	in := bytes.Repeat(line, 1000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		d := documents{reader: newJSONReader(bytes.NewReader(in), encodingText, encodingText, time.Now)}
		n := 0
		for {
			records, err := d.read()
			n += len(records)
			if err != nil {
				if !errors.Is(err, io.EOF) || n != 1000 {
					b.Fatal(n, err)
				}
				break
			}
		}
	}
}
