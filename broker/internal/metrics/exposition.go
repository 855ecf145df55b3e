package metrics

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	counts "moldau.dev/moldau/broker/internal/histogram"
)

// ContentType is the format that Exporter.Write writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// exposition writes samples in Prometheus's text format. All samples of a metric
// follow each other. It keeps no more than a few kilobytes, however much it writes.
type exposition struct {
	w      *bufio.Writer
	line   []byte
	name   string
	labels []string
}

func newExposition(w io.Writer) *exposition {
	return &exposition{w: bufio.NewWriterSize(w, 32<<10), line: make([]byte, 0, 512)}
}

// flush gives the first error of all writes.
func (e *exposition) flush() error { return e.w.Flush() }

// begin begins a metric: sample, samples and histogram are of it from now on.
func (e *exposition) begin(which id) {
	m := &metrics[which]
	e.name, e.labels = m.Name(), m.Labels()
	b := append(e.line[:0], "# HELP "...)
	b = append(append(b, e.name...), ' ')
	b = append(b, helpEscaper.Replace(m.help)...)
	b = append(append(b, "\n# TYPE "...), e.name...)
	b = append(append(append(b, ' '), m.kind...), '\n')
	_, _ = e.w.Write(b) // See flush.
	e.line = b
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// single writes a metric that has but one sample.
func (e *exposition) single(which id, value float64) {
	e.begin(which)
	e.sample(value)
}

// sample writes one sample. The values are those of the metric's labels in order;
// a sample without values has no labels.
func (e *exposition) sample(value float64, values ...string) {
	e.write("", values, "", value)
}

// histogram writes the samples of one histogram.
func (e *exposition) histogram(s *counts.Snapshot, values ...string) {
	for _, b := range s.Buckets {
		e.write("_bucket", values, strconv.FormatFloat(b.UpperBound, 'g', -1, 64), float64(b.Count))
	}
	e.write("_bucket", values, "+Inf", float64(s.Count))
	e.write("_sum", values, "", s.Sum)
	e.write("_count", values, "", float64(s.Count))
}

func (e *exposition) write(suffix string, values []string, le string, value float64) {
	b := append(append(e.line[:0], e.name...), suffix...)
	separator := byte('{')
	for i, v := range values {
		b = append(append(append(b, separator), e.labels[i]...), `="`...)
		b = appendLabel(b, v)
		b = append(b, '"')
		separator = ','
	}
	if le != "" {
		b = append(append(append(append(b, separator), `le="`...), le...), '"')
		separator = ','
	}
	if separator == ',' {
		b = append(b, '}')
	}
	b = append(b, ' ')
	if n := int64(value); float64(n) == value {
		b = strconv.AppendInt(b, n, 10)
	} else {
		b = strconv.AppendFloat(b, value, 'g', -1, 64)
	}
	b = append(b, '\n')
	_, _ = e.w.Write(b) // See flush.
	e.line = b
}

func appendLabel(b []byte, v string) []byte {
	if strings.ContainsAny(v, "\\\n\"") {
		v = labelEscaper.Replace(v)
	}
	return append(b, strings.ToValidUTF8(v, "�")...)
}
