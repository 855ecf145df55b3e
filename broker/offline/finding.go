package offline

import (
	"fmt"
	"strings"
)

// Severity says how bad a Finding is.
type Severity string

// The severities, the worst first.
const (
	// Error is data that is lost, unreadable or contradicts itself.
	Error Severity = "error"
	// Warning is what the next start repairs by itself, or what may be meant so.
	Warning Severity = "warning"
	// Info is worth knowing and no fault.
	Info Severity = "info"
)

// Finding is one thing that is wrong, or worth knowing, in a data folder.
type Finding struct {
	Type     string   `json:"type"` // "finding".
	Severity Severity `json:"severity"`
	// Code names the kind of finding and never changes: see Codes.
	Code string `json:"code"`
	// Partition is topic-partition, empty for the files of a log directory.
	Partition string `json:"partition,omitempty"`
	// File is the path of the file or folder.
	File string `json:"file"`
	// Position is where in the file, in bytes; nil if it is about all of it.
	Position *int64 `json:"position,omitempty"`
	// Offset is that of a record or batch; nil if it is about none.
	Offset *int64 `json:"offset,omitempty"`
	// Problem says what is wrong, Cause how that comes about, Cure what to do.
	Problem string `json:"problem"`
	Cause   string `json:"cause"`
	Cure    string `json:"cure"`
}

// String gives the finding in one line, without cause and cure.
func (f *Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", f.Severity, f.Code, f.File)
	if f.Position != nil {
		fmt.Fprintf(&b, " at byte %d", *f.Position)
	}
	if f.Offset != nil {
		fmt.Fprintf(&b, ", offset %d", *f.Offset)
	}
	return b.String() + ": " + f.Problem
}

func (f *Finding) entry() {}

// at sets the position in bytes.
func (f *Finding) at(position int64) *Finding {
	f.Position = &position
	return f
}

// offset sets the offset of the record or batch.
func (f *Finding) offset(offset int64) *Finding {
	f.Offset = &offset
	return f
}

// as sets another severity than the code's own.
func (f *Finding) as(s Severity) *Finding {
	f.Severity = s
	return f
}

// tail sets the severity of bytes at the end of a file that are no batch. Where the next
// start cuts them off, as it does with the last segment after an unclean stop, this is
// no error.
func (f *Finding) tail(isCut bool) *Finding {
	switch f.Code {
	case codeZeros.Name, codeBatchTorn.Name:
		if isCut {
			return f.as(Warning)
		}
		return f.as(Error)
	default:
		return f
	}
}

// badChecksum is the finding of a batch that is not valid.
func badChecksum(file string, b *batch) *Finding {
	return found(codeBatchCRC, file, "the checksum is %d, the bytes have %d", b.stored, b.computed).at(b.position).offset(int64(b.Offset))
}

// found builds a finding of that code.
func found(code *Code, file, format string, args ...any) *Finding {
	return &Finding{
		Type: "finding", Severity: code.Severity, Code: code.Name, File: file,
		Problem: fmt.Sprintf(format, args...), Cause: code.Cause, Cure: code.Cure,
	}
}

// maxPerKind bounds how many findings of one code are reported for one file.
const maxPerKind = 20

// reporter hands findings on and holds back those that repeat.
type reporter struct {
	partition string
	emit      func(*Finding) error
	counts    map[string]int
	err       error
}

func newReporter(partition string, emit func(*Finding) error) *reporter {
	return &reporter{partition: partition, emit: emit, counts: map[string]int{}}
}

// report takes a finding.
func (r *reporter) report(f *Finding) {
	key := f.Code + " " + f.File
	if r.counts[key]++; r.counts[key] > maxPerKind || r.err != nil {
		return
	}
	f.Partition = r.partition
	if r.counts[key] == maxPerKind {
		f.Problem += fmt.Sprintf(" (and perhaps more: only the first %d of a kind are reported for a file)", maxPerKind)
	}
	r.err = r.emit(f)
}
