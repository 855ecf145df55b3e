package segment

import (
	"encoding/binary"
	"sort"
	"sync"
)

// Widths of the entries in bytes.
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
)

// indexBufferSize is how many bytes of entries gather before they are written.
const indexBufferSize = 4096

// offsetEntry says at which position the batch with that last offset starts.
type offsetEntry struct {
	relative int32
	position int32
}

func parseOffsetEntry(b []byte) offsetEntry {
	return offsetEntry{relative: int32(binary.BigEndian.Uint32(b)), position: int32(binary.BigEndian.Uint32(b[4:]))}
}

func appendOffsetEntry(dst []byte, e offsetEntry) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.relative))
	return binary.BigEndian.AppendUint32(dst, uint32(e.position))
}

// timeEntry says that no record up to that offset has a larger timestamp.
type timeEntry struct {
	timestamp int64
	relative  int32
}

func parseTimeEntry(b []byte) timeEntry {
	return timeEntry{timestamp: int64(binary.BigEndian.Uint64(b)), relative: int32(binary.BigEndian.Uint32(b[8:]))}
}

func appendTimeEntry(dst []byte, e timeEntry) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.timestamp))
	return binary.BigEndian.AppendUint32(dst, uint32(e.relative))
}

// validOffsetEntries counts the entries from the start that rise strictly and
// point below size: what follows was lost or torn by a crash, or is the unused
// rest of a file that Kafka had preallocated.
func validOffsetEntries(b []byte, size int64) int {
	last := offsetEntry{relative: -1}
	n := 0
	for ; len(b) >= offsetEntrySize; b = b[offsetEntrySize:] {
		e := parseOffsetEntry(b)
		if e.relative <= last.relative || e.position <= last.position || int64(e.position) >= size {
			break
		}
		last = e
		n++
	}
	return n
}

// validTimeEntries counts the entries from the start that rise strictly and
// stay below the relative offset end.
func validTimeEntries(b []byte, end int64) int {
	last := timeEntry{timestamp: -1, relative: -1}
	n := 0
	for ; len(b) >= timeEntrySize; b = b[timeEntrySize:] {
		e := parseTimeEntry(b)
		if e.timestamp <= last.timestamp || e.relative < last.relative || int64(e.relative) >= end {
			break
		}
		last = e
		n++
	}
	return n
}

// unknownEntries says that the size of the index file was not looked at yet.
const unknownEntries int32 = -1

// index is the entries of one index of a segment: first those in the file,
// then those that wait in the buffer. The segment's writer appends; readers
// look up concurrently.
type index struct {
	mu sync.Mutex // Guards the fields below; leaf lock, never held during I/O.
	// inFile is the number of entries in the file, or unknownEntries.
	inFile int32
	// buffer holds the encoded entries that are not in the file yet.
	buffer []byte
}

// bufferSnapshot runs fn with the entries that wait, and returns the number of
// those in the file.
func (x *index) bufferSnapshot(fn func(buffer []byte)) (inFile int32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	fn(x.buffer)
	return x.inFile
}

func (x *index) entries(width int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int(max(x.inFile, 0)) + len(x.buffer)/width
}

func (x *index) buffered() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.buffer)
}

// written moves the first n bytes of the buffer to the file's side.
func (x *index) written(n, width int) {
	x.mu.Lock()
	x.inFile = max(x.inFile, 0) + int32(n/width)
	x.buffer = x.buffer[:copy(x.buffer, x.buffer[n:])]
	x.mu.Unlock()
}

// reset sets what the index consists of.
func (x *index) reset(inFile int32) {
	x.mu.Lock()
	x.inFile = inFile
	x.buffer = x.buffer[:0]
	x.mu.Unlock()
}

func (x *index) addOffset(e offsetEntry) (buffered int) {
	x.mu.Lock()
	x.buffer = appendOffsetEntry(x.buffer, e)
	buffered = len(x.buffer)
	x.mu.Unlock()
	return buffered
}

func (x *index) addTime(e timeEntry) (buffered int) {
	x.mu.Lock()
	x.buffer = appendTimeEntry(x.buffer, e)
	buffered = len(x.buffer)
	x.mu.Unlock()
	return buffered
}

// searchBuffer gives the last entry of the sorted encoded entries for which
// keep holds; false when it holds for none.
func searchBuffer(b []byte, width int, keep func(entry []byte) bool) (entry []byte, ok bool) {
	n := sort.Search(len(b)/width, func(i int) bool { return !keep(b[i*width:]) })
	if n == 0 {
		return nil, false
	}
	return b[(n-1)*width : n*width], true
}
