package data

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"regexp"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// Forms of consume's result, beside JSON.
const (
	// formatText is the value, or what a format string says.
	formatText cmdline.Format = "text"
	// formatFull is all there is to a record, on a line for people.
	formatFull cmdline.Format = "full"
)

// filter tells which records are wanted.
type filter struct {
	key    []byte // Nil wants any.
	anyKey bool
	value  *regexp.Regexp // Nil wants any.
}

func (f *filter) wants(r *kgo.Record) bool {
	if !f.anyKey && (r.Key == nil || !bytes.Equal(r.Key, f.key)) {
		return false
	}
	return f.value == nil || r.Value != nil && f.value.Match(r.Value)
}

// printer writes records to standard output.
type printer struct {
	w       *bufio.Writer
	append  func(dst []byte, r *kgo.Record, number int64) []byte
	decode  bool // Internal topics are shown as what they mean.
	buf     []byte
	printed int64
}

// printerConfig is how records are written.
type printerConfig struct {
	output         cmdline.Format
	format         *format // For formatText.
	keyAs, valueAs encoding
	null           string
	terminal       bool
	colored        bool
	raw            bool // Keys and values of internal topics are not decoded.
}

func newPrinter(w io.Writer, c printerConfig) *printer {
	p := &printer{w: bufio.NewWriterSize(w, 64<<10), decode: !c.raw}
	text := text{null: c.null, terminal: c.terminal}
	switch c.output {
	case cmdline.FormatJSON:
		p.append = jsonAppender(c, c.terminal)
	case cmdline.FormatJSONL:
		p.append = jsonAppender(c, false)
	case formatFull:
		full := fullLine{text: text, keyAs: c.keyAs, valueAs: c.valueAs, colored: c.colored}
		p.append = func(dst []byte, r *kgo.Record, _ int64) []byte { return full.append(dst, r) }
	default:
		p.append = func(dst []byte, r *kgo.Record, number int64) []byte { return c.format.append(dst, r, number, text) }
	}
	return p
}

// shown gives the record as it is to be filtered and printed.
func (p *printer) shown(r *kgo.Record) *kgo.Record {
	if p.decode && isInternal(r.Topic) {
		return decodeInternal(r)
	}
	return r
}

// print writes a record; it may stay in the buffer until flush.
func (p *printer) print(r *kgo.Record) error {
	p.printed++
	p.buf = p.append(p.buf[:0], r, p.printed)
	_, err := p.w.Write(p.buf)
	return err
}

func (p *printer) flush() error { return p.w.Flush() }

// jsonAppender writes JSON documents: a line each, or for a person over several
// lines.
func jsonAppender(c printerConfig, indented bool) func([]byte, *kgo.Record, int64) []byte {
	plain := jsonWriter{keyAs: c.keyAs, valueAs: c.valueAs}
	decoded := plain
	if !c.raw {
		decoded = jsonWriter{keyAs: encodingJSON, valueAs: encodingJSON}
	}
	var document []byte
	return func(dst []byte, r *kgo.Record, _ int64) []byte {
		writer := plain
		if isInternal(r.Topic) {
			writer = decoded
		}
		document = writer.append(document[:0], r)
		if indented {
			var buf bytes.Buffer
			if err := json.Indent(&buf, document, "", "  "); err == nil {
				document = append(document[:0], buf.Bytes()...)
			}
		}
		if c.terminal {
			dst = appendPrintable(dst, document)
		} else {
			dst = append(dst, document...)
		}
		return append(dst, '\n')
	}
}

// fullLine is a record on a line: where and when, key, headers, value.
type fullLine struct {
	text           text
	keyAs, valueAs encoding
	colored        bool
}

func (f fullLine) append(dst []byte, r *kgo.Record) []byte {
	dst = f.paint(dst, "\x1b[36m", func(dst []byte) []byte { return appendPlace(dst, r) })
	dst = append(dst, ' ')
	dst = f.paint(dst, "\x1b[2m", func(dst []byte) []byte { return appendTime(dst, r.Timestamp, timeUTC) })
	if r.Key != nil {
		dst = append(dst, " key="...)
		dst = f.paint(dst, "\x1b[1m", func(dst []byte) []byte { return f.text.append(dst, r.Key, f.keyAs) })
	}
	if len(r.Headers) > 0 {
		dst = append(dst, ' ', '[')
		dst = appendHeaders(dst, r.Headers, f.text)
		dst = append(dst, ']')
	}
	dst = append(dst, ' ')
	dst = f.text.append(dst, r.Value, f.valueAs)
	return append(dst, '\n')
}

func (f fullLine) paint(dst []byte, code string, write func([]byte) []byte) []byte {
	if !f.colored {
		return write(dst)
	}
	return append(write(append(dst, code...)), "\x1b[0m"...)
}
