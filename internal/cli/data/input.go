package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxRecordSize bounds what is kept of one record, in bytes: no broker takes a
// request above socket.request.max.bytes, which is this by default.
const maxRecordSize = 100 << 20

// inputBatch bounds how many records an input gives at once.
const inputBatch = 1024

// inputFormat is how records stand in the input. It is the value of a flag.
type inputFormat string

const (
	inputLines inputFormat = "lines"
	inputJSON  inputFormat = "json"
	inputWhole inputFormat = "whole"
)

func (f *inputFormat) String() string { return string(*f) }

// Type names the value in the help.
func (f *inputFormat) Type() string { return "format" }

// Set takes the flag's value.
func (f *inputFormat) Set(s string) error {
	switch format := inputFormat(s); format {
	case inputLines, inputJSON, inputWhole:
		*f = format
		return nil
	default:
		return fmt.Errorf("want lines, json or whole")
	}
}

// input gives records in the order they are to be written. An error comes with
// the records before it; the last one is io.EOF.
type input interface {
	read() ([]*kgo.Record, error)
}

// template makes records of text: the parts of a record that flags give for all
// of them, and how to read the rest.
type template struct {
	key            []byte // For records that have none of their own, if hasKey.
	hasKey         bool
	keySeparator   []byte // Empty: text is a value without a key.
	keyAs, valueAs encoding
	null           string // Text that stands for null, if hasNull.
	hasNull        bool
	tombstone      bool // Values are null, and text is keys.
}

// fill makes r of a piece of text, which it keeps.
func (t *template) fill(r *kgo.Record, text []byte) error {
	r.Partition = anyPartition
	if t.tombstone {
		var err error
		r.Key, err = t.field("key", text, t.keyAs)
		return err
	}
	if len(t.keySeparator) > 0 {
		key, value, ok := bytes.Cut(text, t.keySeparator)
		if !ok {
			return fmt.Errorf("there is no key separator %q in %s", t.keySeparator, quoteShort(text))
		}
		var err error
		// Clipped, so that nobody appends to the key into the value.
		if r.Key, err = t.field("key", key[:len(key):len(key)], t.keyAs); err != nil {
			return err
		}
		text = value
	} else if t.hasKey {
		r.Key = t.key
	}
	var err error
	r.Value, err = t.field("value", text, t.valueAs)
	return err
}

func (t *template) field(name string, text []byte, as encoding) ([]byte, error) {
	if t.hasNull && string(text) == t.null {
		return nil, nil
	}
	b, err := as.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if b == nil {
		b = []byte{} // Nil would be null, and text is never null by itself.
	}
	return b, nil
}

// texts is an input of pieces of text that are at hand.
type texts struct {
	template *template
	pieces   []string
}

func (t *texts) read() ([]*kgo.Record, error) {
	records := make([]*kgo.Record, 0, len(t.pieces))
	for i, piece := range t.pieces {
		r := new(kgo.Record)
		if err := t.template.fill(r, []byte(piece)); err != nil {
			return records, fmt.Errorf("record %d: %w", i+1, err)
		}
		records = append(records, r)
	}
	return records, io.EOF
}

// keyOnly is an input of one record that has no more than a key: the tombstone
// of a key that a flag names.
type keyOnly struct{ key []byte }

func (k keyOnly) read() ([]*kgo.Record, error) {
	return []*kgo.Record{{Key: k.key, Partition: anyPartition}}, io.EOF
}

// lines is an input of text with delimiters.
type lines struct {
	template *template
	splitter *splitter
	n        int64
}

// read gives what can be had without waiting, but at least one record.
func (l *lines) read() ([]*kgo.Record, error) {
	// Records are allocated in slabs that grow, so that neither a slow input nor
	// a fast one costs much for each.
	var slab []kgo.Record
	var records []*kgo.Record
	for more := true; more && len(records) < inputBatch; {
		var piece []byte
		var err error
		if piece, more, err = l.splitter.next(); err != nil {
			return records, err
		}
		l.n++
		if len(slab) == cap(slab) {
			slab = make([]kgo.Record, 0, min(max(4, 4*cap(slab)), inputBatch/4))
		}
		slab = slab[:len(slab)+1]
		r := &slab[len(slab)-1]
		if err := l.template.fill(r, piece); err != nil {
			return records, fmt.Errorf("record %d: %w", l.n, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// documents is an input of JSON documents.
type documents struct {
	reader *jsonReader
	n      int64
}

// read gives what can be had without waiting, but at least one record.
func (d *documents) read() ([]*kgo.Record, error) {
	var records []*kgo.Record
	for {
		r, err := d.reader.read()
		if errors.Is(err, io.EOF) {
			return records, io.EOF
		}
		d.n++
		if err != nil {
			return records, fmt.Errorf("record %d: %w", d.n, err)
		}
		records = append(records, r)
		if len(records) == inputBatch || !d.reader.more() {
			return records, nil
		}
	}
}

// whole is an input of one record, which is all there is to read.
type whole struct {
	template *template
	r        io.Reader
}

func (w *whole) read() ([]*kgo.Record, error) {
	text, err := io.ReadAll(io.LimitReader(w.r, maxRecordSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRecordSize {
		return nil, errRecordTooLong
	}
	r := new(kgo.Record)
	if err := w.template.fill(r, text); err != nil {
		return nil, err
	}
	return []*kgo.Record{r}, io.EOF
}

// files is an input of several files, one after the other; "-" is standard
// input.
type files struct {
	stdin io.Reader
	names []string
	open  func(io.Reader) input

	current input
	file    *os.File // Nil for standard input.
}

func (f *files) read() ([]*kgo.Record, error) {
	for len(f.names) > 0 {
		name := f.names[0]
		if f.current == nil {
			if err := f.next(name); err != nil {
				return nil, err
			}
		}
		records, err := f.current.read()
		if err == nil {
			return records, nil
		}
		if f.file != nil {
			// It was only read from, so that closing it loses nothing.
			_ = f.file.Close()
		}
		f.current, f.file, f.names = nil, nil, f.names[1:]
		switch {
		case !errors.Is(err, io.EOF) && name != "-":
			return records, fmt.Errorf("%s: %w", name, err)
		case !errors.Is(err, io.EOF):
			return records, err
		case len(records) > 0:
			return records, nil
		}
	}
	return nil, io.EOF
}

func (f *files) next(name string) error {
	if name == "-" {
		f.current = f.open(f.stdin)
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	f.file, f.current = file, f.open(file)
	return nil
}

// newInput gives the input that reads a stream in a format.
func newInput(format inputFormat, delimiter []byte, t *template, now func() time.Time) func(io.Reader) input {
	return func(r io.Reader) input {
		switch format {
		case inputJSON:
			return &documents{reader: newJSONReader(r, t.keyAs, t.valueAs, now)}
		case inputWhole:
			return &whole{template: t, r: r}
		default:
			return &lines{template: t, splitter: newSplitter(r, delimiter)}
		}
	}
}
